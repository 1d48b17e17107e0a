/* Redaction: no registered secret leaves through any writer, raw or encoded (REQ-F-034, F-051).
 * Forms looked for: the bytes, JSON-escaped, percent-encoded, base64 and base64url at each alignment, hex. */
#ifndef TOOL_SUPERVISOR_REDACT_H
#define TOOL_SUPERVISOR_REDACT_H

#include "base/buf.h"
#include "base/snapshot.h"

#include <stdbool.h>
#include <stddef.h>

struct needle {
	char *p;
	size_t n;
};

struct redactor {
	struct needle *needles;
	size_t count, cap;
};

/* Registers one secret; shorter than 4 bytes is ignored, since it would tear ordinary text apart.
 * False when out of memory: the caller must then not write what may hold it. */
bool redact_add(struct redactor *r, const char *secret, size_t n);

/* Registers the values of environment variables whose names say secret (REQ-F-051). */
bool redact_environment(struct redactor *r, const struct snapshot *s);

/* Appends text to out with every form of every secret replaced by [REDACTED]. */
bool redact_text(const struct redactor *r, const char *text, size_t n, struct buf *out);

/* The same for a checked JSON text: replaces inside strings, and a number that holds a secret as a whole,
 * so that the result is JSON again. */
bool redact_json(const struct redactor *r, const char *json, size_t n, struct buf *out);

void redact_free(struct redactor *r);

#endif
