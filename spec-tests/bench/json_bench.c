/* How fast a JSON document becomes Lua tables, as a ratio to lua-cjson on the same document in the same process.
 * Prints both speeds and the ratios; exits 1 when the ratio of reading is below the target given (default 1.5).
 * Usage: json_bench [target [file]]. Without a file it makes about 1 MB in the style of a social network's timeline. */
#include "../../host/base/json.h"
#include "../../host/worker/json_lua.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int luaopen_cjson(lua_State *L);

enum { ROUNDS = 15, REPEAT = 8 };

static unsigned long seed = 20240311;

static unsigned roll(unsigned n)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % n;
}

static void put_words(struct buf *b, unsigned n)
{
    static const char *const WORDS[] = {"deploy", "the", "agent", "a", "retry", "日本語", "window", "of",   "naïve",
                                        "quota",  "to",  "token", "x", "über",  "emoji 🚀", "http://t.co/a1B2c3D4",
                                        "line\\nbreak", "\\\"quoted\\\"", "and", "release"};
    for (unsigned i = 0; i < n; i++)
        buf_printf(b, "%s%s", i == 0 ? "" : " ", WORDS[roll(sizeof WORDS / sizeof WORDS[0])]);
}

static void put_user(struct buf *b)
{
    unsigned id = roll(2000000000);
    buf_printf(b, "{\"id\":%u,\"id_str\":\"%u\",\"name\":\"", id, id);
    put_words(b, 2);
    buf_printf(b, "\",\"screen_name\":\"user_%u\",\"location\":\"", roll(100000));
    put_words(b, 1);
    buf_puts(b, "\",\"description\":\"");
    put_words(b, 8 + roll(10));
    buf_printf(b,
               "\",\"url\":null,\"protected\":false,\"followers_count\":%u,\"friends_count\":%u,\"listed_count\":%u,"
               "\"created_at\":\"Sun Aug 31 00:29:%02u +0000 2014\",\"favourites_count\":%u,\"utc_offset\":-25200,"
               "\"time_zone\":\"Pacific Time (US & Canada)\",\"geo_enabled\":true,\"verified\":false,"
               "\"statuses_count\":%u,\"lang\":\"en\",\"contributors_enabled\":false,\"is_translator\":false,"
               "\"profile_background_color\":\"C0DEED\",\"profile_image_url\":\"http://pbs.example.com/img/%u.jpeg\","
               "\"profile_link_color\":\"0084B4\",\"profile_use_background_image\":true,\"default_profile\":true,"
               "\"following\":false,\"follow_request_sent\":false,\"notifications\":false}",
               roll(9999), roll(999), roll(99), roll(60), roll(9999), roll(99999), roll(1000000));
}

static void put_status(struct buf *b)
{
    unsigned long id = 505874900000000000u + roll(2000000000);
    buf_printf(b, "{\"metadata\":{\"result_type\":\"recent\",\"iso_language_code\":\"ja\"},"
                  "\"created_at\":\"Sun Aug 31 00:29:%02u +0000 2014\",\"id\":%lu,\"id_str\":\"%lu\",\"text\":\"",
               roll(60), id, id);
    put_words(b, 10 + roll(12));
    buf_puts(b, "\",\"source\":\"<a href=\\\"http://example.com/download\\\" rel=\\\"nofollow\\\">Client</a>\","
                "\"truncated\":false,\"in_reply_to_status_id\":null,\"in_reply_to_user_id\":null,\"user\":");
    put_user(b);
    buf_printf(b, ",\"geo\":%s,\"coordinates\":[%u.%06u,-%u.%06u],\"retweet_count\":%u,\"favorite_count\":0,"
                  "\"entities\":{\"hashtags\":[{\"text\":\"tag%u\",\"indices\":[%u,%u]}],\"symbols\":[],\"urls\":[],"
                  "\"user_mentions\":[{\"screen_name\":\"user_%u\",\"id\":%u,\"indices\":[3,%u]}]},"
                  "\"favorited\":false,\"retweeted\":false,\"lang\":\"ja\"}",
               roll(2) ? "null" : "{}", roll(90), roll(1000000), roll(180), roll(1000000), roll(100), roll(1000),
               roll(50), roll(50), roll(100000), roll(2000000000), roll(40));
}

static void make_document(struct buf *b)
{
    buf_puts(b, "{\"statuses\":[");
    for (bool first = true; b->len < 1000000; first = false) {
        if (!first)
            buf_putc(b, ',');
        put_status(b);
    }
    buf_puts(b, "],\"search_metadata\":{\"completed_in\":0.087,\"max_id\":505874924095815681,\"count\":100}}");
}

static bool read_file(struct buf *b, const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t n;
    while (f != NULL && buf_reserve(b, 65536) && (n = fread(b->data + b->len, 1, 65536, f)) > 0)
        b->len += n;
    if (f != NULL)
        fclose(f);
    return b->len > 0 && !b->failed;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Seconds for one call of the function at `fn` on the value at `arg`, the collector's share included. */
static double measure(lua_State *L, int fn, int arg)
{
    lua_gc(L, LUA_GCCOLLECT);
    double start = now();
    for (int i = 0; i < REPEAT; i++) {
        lua_pushvalue(L, fn);
        lua_pushvalue(L, arg);
        lua_call(L, 1, 1);
        if (lua_isnil(L, -1)) {
            fprintf(stderr, "json_bench: refused\n");
            exit(2);
        }
        lua_pop(L, 1);
    }
    lua_gc(L, LUA_GCCOLLECT);
    return (now() - start) / REPEAT;
}

/* Best of all rounds of two functions, taken in turn so that both see the same machine. */
static double compare(lua_State *L, int ours, int our_arg, int theirs, int their_arg, const char *what, double size)
{
    double a = 1e9, b = 1e9;
    for (int i = 0; i < ROUNDS; i++) {
        double t = measure(L, ours, our_arg);
        a = t < a ? t : a;
        t = measure(L, theirs, their_arg);
        b = t < b ? t : b;
    }
    printf("%s: %.1f MB/s, cjson %.1f MB/s, ratio %.2f\n", what, size / a / 1e6, size / b / 1e6, b / a);
    return b / a;
}

int main(int argc, char **argv)
{
    struct buf b;
    buf_init(&b);
    double target = argc > 1 ? strtod(argv[1], NULL) : 1.5;
    if (argc > 2 ? !read_file(&b, argv[2]) : (make_document(&b), b.failed))
        return 2;
    lua_State *L = luaL_newstate();
    if (L == NULL)
        return 2;
    json_lua_open(L);
    luaopen_cjson(L);
    lua_pushlstring(L, b.data, b.len);
    lua_getfield(L, 1, "decode");
    lua_getfield(L, 2, "decode");
    double ratio = compare(L, 4, 3, 5, 3, "read", (double)b.len);
    lua_getfield(L, 1, "encode");
    lua_getfield(L, 2, "encode");
    lua_pushvalue(L, 4);
    lua_pushvalue(L, 3);
    lua_call(L, 1, 1);
    compare(L, 6, 8, 7, 8, "write", (double)b.len);
    double start = now();
    bool ok = true;
    for (int i = 0; i < 50; i++)
        ok = json_check(b.data, b.len, 0, NULL) && ok;
    printf("check: %.0f MB/s%s\n", (double)b.len * 50 / (now() - start) / 1e6, ok ? "" : " (refused)");
    lua_close(L);
    buf_free(&b);
    return ok && ratio >= target ? 0 : 1;
}
