/* Fuzzing of the repair and cleaning of text. For any bytes: the result is valid UTF-8 without the forbidden
 * characters, valid text is not changed without need, and a quoted string of it is JSON that reads back. */
#include "../../host/base/json.h"
#include "../../host/base/utf8.h"
#include "fuzz_main.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "fuzz_utf8: %s\n", what);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + (size == 0));
    must(text != NULL, "out of memory");
    if (size > 0)
        memcpy(text, data, size);
    struct buf b;
    buf_init(&b);
    for (unsigned flags = 0; flags <= UTF8_CLEAN; flags++) {
        buf_reset(&b);
        size_t replaced = utf8_clean(&b, text, size, flags);
        must(utf8_valid(b.data, b.len), "the result is not UTF-8");
        must(flags != 0 || (replaced == 0) == utf8_valid(text, size), "replaced without need, or not at all");
        must(flags != 0 || replaced > 0 || (b.len == size && (size == 0 || memcmp(b.data, text, size) == 0)),
             "valid text was changed");
        must(!(flags & UTF8_STRIP_ANSI) || b.len == 0 || memchr(b.data, 0x1B, b.len) == NULL, "ESC is left");
        must(!(flags & UTF8_STRIP_CR) || b.len == 0 || memchr(b.data, '\r', b.len) == NULL, "CR is left");
        must(!(flags & UTF8_STRIP_NUL) || b.len == 0 || memchr(b.data, 0, b.len) == NULL, "NUL is left");
        must(utf8_width(b.data, b.len) >= 0, "a negative width");
    }
    buf_reset(&b);
    must(json_put_string(&b, text, size) && json_check(b.data, b.len, 0, NULL), "a string for output is no JSON");
    buf_reset(&b);
    must(json_put_string_raw(&b, text, size) && json_check(b.data, b.len, 0, NULL), "a string for the wire is no JSON");
    if (utf8_valid(text, size)) {
        struct buf back;
        buf_init(&back);
        must(json_unquote(&back, b.data, b.len) && back.len == size &&
                 (size == 0 || memcmp(back.data, text, size) == 0), "a string does not come back");
        buf_free(&back);
    }
    buf_free(&b);
    free(text);
    return 0;
}
