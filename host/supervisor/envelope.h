/* The envelope: exactly ok, data, error, warnings, meta on one line of valid JSON, redacted and within the cap
 * (REQ-F-004, F-034, F-052). */
#ifndef TOOL_SUPERVISOR_ENVELOPE_H
#define TOOL_SUPERVISOR_ENVELOPE_H

#include "options.h"
#include "record.h"
#include "redact.h"

#include <stdbool.h>

/* How a run ended, as the envelope shows it. */
struct outcome {
	int exit_code;
	struct buf data;  /* JSON; empty means null */
	struct buf error; /* JSON object; empty means null */
};

void outcome_init(struct outcome *o);
void outcome_free(struct outcome *o);

/* Starts the error object of an outcome that the supervisor decides: code, message, phase, retryable; extra is further
 * members such as `,"signal":"SIGTERM"`, or "". */
bool outcome_fail(struct outcome *o, int exit_code, const char *code, const char *message, const char *phase,
		  bool retryable, const char *extra);

/* Appends the envelope line, newline included, to out. May change o when the answer cannot be made to fit. */
bool envelope_write(struct outcome *o, struct record *r, const struct options *opt, const struct redactor *secrets,
		    struct buf *out);

#endif
