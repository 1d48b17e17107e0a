/* Fuzzing of everything that reads JSON. For any bytes: the checker and the Lua reader agree (but for broken UTF-8,
 * which the reader repairs, and a byte order mark), a walk stays inside the text, and what was read is written as a
 * text that reads as the same again. With clang: -fsanitize=fuzzer; else FUZZ_MAIN is defined and the program runs the
 * files and directories that it is given. */
#include "../../host/base/json.h"
#include "../../host/base/utf8.h"
#include "../../host/worker/json_lua.h"
#include "fuzz_main.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "fuzz_json: %s\n", what);
        abort();
    }
}

static void walk(const char *text, size_t len, unsigned depth)
{
    struct json_span key, value;
    size_t pos = 0;
    while (json_array_next(text, len, &pos, &value)) {
        must(value.n > 0 && value.p >= text && value.p + value.n <= text + len, "an item outside the text");
        if (depth < JSON_MAX_DEPTH)
            walk(value.p, value.n, depth + 1);
    }
    pos = 0;
    while (json_object_next(text, len, &pos, &key, &value)) {
        must(key.p >= text && value.p + value.n <= text + len, "a member outside the text");
        must(key.p[0] == '"' && key.p[key.n - 1] == '"', "a key without quotes");
        struct buf b;
        buf_init(&b);
        must(json_unquote(&b, key.p, key.n) && utf8_valid(b.data, b.len), "a key that is no text");
        buf_free(&b);
        if (depth < JSON_MAX_DEPTH)
            walk(value.p, value.n, depth + 1);
    }
}

/* The value on top of the stack, written for the wire, read and written again. */
static void round_trip(lua_State *L)
{
    size_t n, m;
    must(json_lua_encode(L, -1, true), "a value that was read cannot be written");
    const char *first = lua_tolstring(L, -1, &n);
    must(json_check(first, n, 0, NULL), "what was written is no JSON");
    json_lua_decode(L, first, n, 0);
    must(!lua_isnil(L, -2), "what was written cannot be read");
    must(json_lua_encode(L, -2, true), "what was read again cannot be written");
    const char *second = lua_tolstring(L, -1, &m);
    must(n == m && memcmp(first, second, n) == 0, "the second text differs from the first");
    must(json_lua_encode(L, -3, false), "cannot be written for output");
    const char *clean = lua_tolstring(L, -1, &n);
    must(json_check(clean, n, 0, NULL) && memchr(clean, 0x1B, n) == NULL && strstr(clean, "\\u001b") == NULL,
         "output with an escape character");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + (size == 0)); /* exact, so that reading behind the end is seen */
    lua_State *L = luaL_newstate();
    must(text != NULL && L != NULL, "out of memory");
    if (size > 0)
        memcpy(text, data, size);
    json_lua_open(L);
    struct json_error e;
    bool checked = json_check(text, size, 128, &e);
    must(checked || (e.message != NULL && e.offset <= size && e.line > 0 && e.column > 0), "an error without a place");
    json_lua_decode(L, text, size, 0);
    bool read = !lua_isnil(L, -2);
    bool marked = size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0;
    must(!checked || read, "the checker accepts what the reader refuses");
    must(checked || !read || marked || !utf8_valid(text, size), "the reader accepts what the checker refuses");
    walk(text, size, 0);
    if (read) {
        lua_pop(L, 1);
        round_trip(L);
    }
    lua_close(L);
    free(text);
    return 0;
}
