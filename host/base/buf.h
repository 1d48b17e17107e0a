/* A growable byte buffer that never ends the process: when memory runs out it keeps what it has, refuses every
 * further byte and says so in .failed, so that a writer may check once at the end. */
#ifndef TOOL_BASE_BUF_H
#define TOOL_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

struct buf {
    char *data; /* not NUL-terminated; NULL while nothing was reserved */
    size_t len, cap;
    bool failed; /* sticky until buf_reset or buf_free */
};

void buf_init(struct buf *b);
/* Releases the memory; the buffer is then as after buf_init. */
void buf_free(struct buf *b);
/* Forgets content and failure, keeps the memory. */
void buf_reset(struct buf *b);
/* Makes room for `extra` more bytes. All functions below return false when the buffer has failed. */
bool buf_reserve(struct buf *b, size_t extra);
bool buf_put(struct buf *b, const void *bytes, size_t n);
bool buf_puts(struct buf *b, const char *text);
bool buf_putc(struct buf *b, char c);
__attribute__((format(printf, 2, 3))) bool buf_printf(struct buf *b, const char *format, ...);

#endif
