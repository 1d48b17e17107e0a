/* Growable byte buffer: growth by at least half, failure is sticky, content is never lost by a failed growth. */
#include "buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b)
{
    *b = (struct buf){0};
}

void buf_free(struct buf *b)
{
    free(b->data);
    buf_init(b);
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

bool buf_reserve(struct buf *b, size_t extra)
{
    if (b->failed)
        return false;
    if (extra <= b->cap - b->len)
        return true;
    if (extra > PTRDIFF_MAX - b->len) {
        b->failed = true;
        return false;
    }
    size_t want = b->len + extra;
    size_t grown = b->cap + b->cap / 2;
    if (grown < want || grown > PTRDIFF_MAX)
        grown = want;
    if (grown < 256)
        grown = 256;
    char *data = realloc(b->data, grown);
    if (data == NULL) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->cap = grown;
    return true;
}

bool buf_put(struct buf *b, const void *bytes, size_t n)
{
    if (!buf_reserve(b, n))
        return false;
    if (n > 0)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
    return true;
}

bool buf_puts(struct buf *b, const char *text)
{
    return buf_put(b, text, strlen(text));
}

bool buf_putc(struct buf *b, char c)
{
    if (!buf_reserve(b, 1))
        return false;
    b->data[b->len++] = c;
    return true;
}

bool buf_printf(struct buf *b, const char *format, ...)
{
    if (!buf_reserve(b, 1)) /* room for the NUL that vsnprintf always writes */
        return false;
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t room = b->cap - b->len;
    int n = vsnprintf(b->data + b->len, room, format, args);
    va_end(args);
    if (n >= 0 && (size_t)n >= room) {
        room = (size_t)n + 1;
        n = buf_reserve(b, room) ? vsnprintf(b->data + b->len, room, format, again) : -1;
    }
    va_end(again);
    if (n < 0) {
        b->failed = true;
        return false;
    }
    b->len += (size_t)n;
    return true;
}
