/* What the worker has said so far, read from its frames. Whatever the worker does, the record stays well-formed:
 * a part that is not valid JSON where JSON belongs marks the record broken. */
#ifndef TOOL_SUPERVISOR_RECORD_H
#define TOOL_SUPERVISOR_RECORD_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MAX_KEPT_PROCESSES 16

struct text {
	char *p; /* NUL-terminated copy */
	size_t n;
};

struct text_list {
	struct text *items;
	size_t count, cap;
};

enum result_flags { RESULT_TEXT = 1, RESULT_STREAMED = 2, RESULT_JSON = 4 };

/* What a suite's own program says when the supervisor must answer for the worker: templates in which %message% stands
 * for the error's message, escaped for JSON in `out` (design §6). */
struct voice {
	struct text code; /* of the error that it is for; empty: of every other one */
	struct text out, err;
};

#define MAX_VOICES 16

struct record {
	struct text_list meta_keys, meta_values; /* same indices */
	struct text_list warnings, details;
	struct text cut;   /* data when the run is cut short; JSON */
	struct text audit; /* sanitized arguments, JSON object; empty when the invocation is not logged */
	struct text audit_path; /* where the configuration wants the log; empty for the default */
	struct text network; /* how the request that the run waits for travels, JSON; empty without one */
	struct text step;  /* what the command does now, as heartbeats show it */
	pid_t kept[MAX_KEPT_PROCESSES]; /* keepers of programs that shall outlive the run */
	size_t kept_count;
	struct text log_path; /* where the configuration wants the log file; empty for the default */
	int64_t log_limits[3]; /* bytes, files, seconds */
	int64_t max_processes; /* how many the command's programs may be; 0: it has none */
	bool log_asked;    /* the configuration wants a log file */
	bool session;      /* the run made its own directory */
	int64_t session_bytes; /* how much that may take */
	struct text fatal, trace;
	struct text slow; /* the file whose loading did not end */
	bool has_result, effects, unwinding, broken, out_of_memory;
	bool over;        /* the worker is done with this run and waits for the next one */
	bool handed_back; /* nothing was done: another worker must run it */
	bool lines;       /* the run asks to read lines, each a run of its own (REQ-O-050) */
	bool lines_go_on, lines_dry_run; /* also after a failure; --dry-run for all that changes something */
	struct text lines_file;          /* where they stand; empty for standard input */
	int exit_code;
	unsigned flags;
	struct text data, error, out_text, err_text;
	bool has_deadline;
	int64_t timeout_ms;
	bool timeout_retryable;
	int64_t deadline_from_ns; /* when the limit began to count */
	int exit_map[256];        /* the dialect's exit codes; -1 keeps the code */
	struct voice voices[MAX_VOICES]; /* none: the answer is the envelope */
	size_t voice_count;
	int own_exit;             /* the dialect's exit code of the worker's answer; -1: as mapped */
	struct buf input;         /* bytes of unfinished frames */
};

/* What a frame asks to be done at once. */
struct record_sink {
	void *arg;
	void (*row)(void *arg, const char *line, size_t n);
	void (*log)(void *arg, const char *level, const char *line, size_t n);
	void (*secret)(void *arg, const char *bytes, size_t n);
};

bool record_init(struct record *r);
/* Says that the invocation is logged, with these arguments (JSON). */
bool record_audit(struct record *r, const char *args, size_t n);
void record_free(struct record *r);

/* Takes bytes of the frame stream. */
void record_feed(struct record *r, const char *bytes, size_t n, const struct record_sink *sink);

/* Sets a meta entry; the latest value wins. json must be valid JSON; it is put on one line. */
bool record_meta(struct record *r, const char *key, const char *json, size_t n);
/* The JSON of a meta entry, or NULL. */
const struct text *record_get(const struct record *r, const char *key);
/* Adds a warning string. */
bool record_warn(struct record *r, const char *text, size_t n);
/* Adds an object to meta.warning_details; json must be valid. */
bool record_detail(struct record *r, const char *json, size_t n);

/* Puts a checked JSON text on one line: line breaks between its tokens become spaces. */
void record_one_line(char *json, size_t n);

#endif
