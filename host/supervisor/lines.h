/* `tool exec`: lines from standard input or a file, each a run of its own with its own deadline, answer and audit line
 * (REQ-O-050). A line that kills its worker costs only its own answer. */
#ifndef TOOL_SUPERVISOR_LINES_H
#define TOOL_SUPERVISOR_LINES_H

#include "supervision.h"

/* Has the run of v ended well and asked for lines? */
bool lines_wanted(const struct supervision *v);

/* Answers the lines in their order. Returns the exit code: 0 when all succeeded, 1 when one failed, 2 when none was a
 * request, 130 and 143 after a signal. */
int lines_run(struct supervision *v);

#endif
