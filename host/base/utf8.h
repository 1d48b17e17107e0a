/* Text that is safe to show: whatever bytes come in, valid UTF-8 goes out, without terminal control sequences where
 * asked. Needs no locale and reads each byte a bounded number of times. (REQ-F-007, REQ-F-016) */
#ifndef TOOL_BASE_UTF8_H
#define TOOL_BASE_UTF8_H

#include "buf.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    UTF8_STRIP_ANSI = 1, /* CSI, OSC, DCS, SOS, PM, APC in their 7-bit and 8-bit (U+0090..U+009F) forms, lone ESC */
    UTF8_STRIP_CR = 2,
    UTF8_STRIP_NUL = 4, /* NUL becomes U+FFFD and counts as a replacement */
    UTF8_KEEP_COLOR = 8, /* beside UTF8_STRIP_ANSI: sequences that only set colours and styles (SGR) stay */
    UTF8_CLEAN = UTF8_STRIP_ANSI | UTF8_STRIP_CR | UTF8_STRIP_NUL,
};

enum utf8_kind { UTF8_KEEP, UTF8_DROP, UTF8_REPLACE };

/* The three bytes of U+FFFD. */
#define UTF8_REPLACEMENT "\xEF\xBF\xBD"

/* Judges the start of s (n > 0 bytes): returns how many bytes belong together and in *kind what becomes of them. An
 * invalid sequence is one maximal subpart (Unicode 3.9, table 3-8). A control string without end loses only its
 * introducer, so that no text is swallowed. */
size_t utf8_step(const char *s, size_t n, unsigned flags, enum utf8_kind *kind);

/* Appends s as valid UTF-8 and returns how many replacements by U+FFFD it took. */
size_t utf8_clean(struct buf *out, const char *s, size_t n, unsigned flags);

/* True when s is valid UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
bool utf8_valid(const char *s, size_t n);

/* Length of the valid UTF-8 at the start of s, in bytes; n when all of it is valid. */
size_t utf8_valid_prefix(const char *s, size_t n);

/* Appends one code point; surrogates and values above U+10FFFF become U+FFFD. */
bool utf8_put(struct buf *out, unsigned long code);

/* Terminal columns that s takes: 2 for wide characters, 0 for combining and control characters, 1 for an invalid
 * sequence (shown as U+FFFD). Escape sequences are not interpreted: clean first. */
int utf8_width(const char *s, size_t n);

#endif
