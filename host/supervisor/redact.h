/* Redaction: no registered secret leaves through any writer, raw or encoded (REQ-F-034, F-051).
 * Forms looked for: the bytes, JSON-escaped, percent-encoded, base64 and base64url at each alignment, hex.
 * A text is read once, however many secrets are registered. */
#ifndef TOOL_SUPERVISOR_REDACT_H
#define TOOL_SUPERVISOR_REDACT_H

#include "base/buf.h"
#include "base/snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct needle {
	char *p;
	size_t n;
	uint32_t hash; /* of the first four bytes */
};

/* All zero is an empty one. */
struct redactor {
	struct needle *needles; /* by hash, the longest first */
	size_t count, cap;
	uint64_t starts[1024]; /* one bit for each hash that a needle has */
};

/* Registers one secret; shorter than 4 bytes is ignored, since it would tear ordinary text apart.
 * False when out of memory: the caller must then not write what may hold it. */
bool redact_add(struct redactor *r, const char *secret, size_t n);

/* Registers the values of environment variables whose names say secret (REQ-F-051). */
bool redact_environment(struct redactor *r, const struct snapshot *s);

/* Appends text to out with every form of every secret replaced by [REDACTED]; what overlaps becomes one. */
bool redact_text(const struct redactor *r, const char *text, size_t n, struct buf *out);

/* The same for a checked JSON text: replaces inside strings, however they are escaped, and a number that holds a
 * secret as a whole, so that the result is JSON again. */
bool redact_json(const struct redactor *r, const char *json, size_t n, struct buf *out);

/* The same for text that may be JSON, as a whole or line by line, and stays it. */
bool redact_lines(const struct redactor *r, const char *text, size_t n, struct buf *out);

/* How many bytes of a text that was cut at n may be shown: not the start of a secret at its end. */
size_t redact_cut(const struct redactor *r, const char *text, size_t n);

void redact_free(struct redactor *r);

#endif
