/* Supervision: starts the worker, keeps the deadline, answers signals, and writes exactly one answer whatever the
 * worker does (design §2; REQ-F-011 to F-014, F-031, F-052, F-060, F-069). */
#ifndef TOOL_SUPERVISOR_SUPERVISE_H
#define TOOL_SUPERVISOR_SUPERVISE_H

#include "base/snapshot.h"
#include "options.h"

/* Runs the invocation to its end; returns the exit status of the process. */
int supervise(const struct snapshot *s, const struct options *opt);

/* Answers without a worker: text to stdout; returns the exit status (non-zero when bytes were lost). */
int answer_text(const struct snapshot *s, const struct options *opt, const char *text, size_t n);

/* Answers `--help` at the root without a worker: the text on a terminal's stdout; in a pipe a pointer on stdout and the
 * text on stderr (REQ-F-048). */
int answer_help(const struct snapshot *s, const struct options *opt, const char *text, size_t n);

/* Answers without a worker with an ARG_ERROR about a global flag. */
int answer_bad_flag(const struct snapshot *s, const struct options *opt);

#endif
