/* JSON as bytes (RFC 8259): checks a text, walks a checked one, writes strings and numbers. Strict when reading; what
 * it writes is always valid JSON in valid UTF-8, whatever the locale. No allocation except in the given buffer. */
#ifndef TOOL_BASE_JSON_H
#define TOOL_BASE_JSON_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_MAX_DEPTH = 1000 }; /* no caller can ask for more */

struct json_error {
    const char *message; /* static text */
    size_t offset;       /* bytes before the offending one */
    size_t line, column; /* from 1; a column is a character */
};

/* True when text is exactly one JSON value, at most max_depth containers deep (0: JSON_MAX_DEPTH), in valid UTF-8 and
 * without a byte order mark. Escapes of lone surrogates and duplicate keys are grammar, and pass. err may be NULL. */
bool json_check(const char *text, size_t len, unsigned max_depth, struct json_error *err);

/* Fills in offset, line and column for the byte at `offset` of text, and the message. */
void json_locate(const char *text, size_t len, size_t offset, const char *message, struct json_error *err);

/* Appends s quoted, for output: UTF-8 repaired, ANSI sequences and CR stripped, NUL as U+FFFD. (REQ-F-007, -016) */
bool json_put_string(struct buf *out, const char *s, size_t n);
/* Appends s quoted, for the wire: UTF-8 repaired, everything else kept (control characters as escapes). */
bool json_put_string_raw(struct buf *out, const char *s, size_t n);
/* Either of them, by the flags of utf8.h; adds to *replaced how often U+FFFD took the place of something. */
bool json_put_text(struct buf *out, const char *s, size_t n, unsigned flags, size_t *replaced);
bool json_put_int(struct buf *out, int64_t i);
/* The fewest digits that read back as the same double (one more for a few powers of two). An integral value below 2^53
 * has no fraction ("3"), a larger one has ("9007199254740992.0"); NaN and infinities are null. (REQ-F-005) */
bool json_put_double(struct buf *out, double d);

struct json_span {
    const char *p;
    size_t n;
};

/* Walk the direct members of a text that json_check accepted. *pos starts at 0; false at the end, or when text is not
 * an array (object). Keys and strings come as they stand in the text, quotes included. */
bool json_array_next(const char *text, size_t len, size_t *pos, struct json_span *item);
bool json_object_next(const char *text, size_t len, size_t *pos, struct json_span *key, struct json_span *value);

/* Appends what a quoted string of a checked text means: escapes resolved, lone surrogates as U+FFFD. */
bool json_unquote(struct buf *out, const char *text, size_t len);

enum json_number { JSON_INT, JSON_DOUBLE, JSON_BIG_INT, JSON_OVERFLOW, JSON_UNDERFLOW };

/* Value of a number token of a checked text. JSON_INT fills *i; the others fill *d, correctly rounded:
 * JSON_BIG_INT an integer beyond int64, JSON_OVERFLOW infinite, JSON_UNDERFLOW a non-zero number that became 0. */
enum json_number json_number(const char *text, size_t len, int64_t *i, double *d);

#endif
