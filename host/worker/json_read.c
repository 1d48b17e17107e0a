/* JSON text to Lua values. The members of a container are collected on the Lua stack and moved into a table of the
 * right size at its end; a container with more of them than that is filled as it goes. */
#include "json_read.h"

#include "../base/json_scan.h"
#include "../base/utf8.h"
#include "json_lua.h"
#include "json_mark.h"

#include <lauxlib.h>

enum {
    DEFAULT_DEPTH = 128,
    PENDING_ITEMS = 256, /* array items and object members that wait on the stack */
    PENDING_MEMBERS = 64,
    CACHED_KEYS = 256, /* a power of 2 */
    CACHE_FROM = 4096, /* length of text from which the cache of keys pays */
    MAX_NOTES = 100,
};

struct reader {
    lua_State *L;
    const char *text, *end;
    const char *at; /* where the text is refused, and why */
    const char *problem;
    unsigned depth, max_depth;
    struct buf scratch;
    int array_mark, notes; /* stack indices; notes is nil until something is noted */
    lua_Integer noted;
    int cache; /* stack index of the first cached key, 0 without cache */
    struct {
        const char *p; /* where the text has the key that is cached here */
        size_t n;
    } keys[CACHED_KEYS];
};

static const char *read_value(struct reader *r, const char *p);

static const char *refuse(struct reader *r, const char *at, const char *problem)
{
    r->at = at;
    r->problem = at == r->end ? JSON_END_OF_TEXT : problem;
    return NULL;
}

static void out_of_memory(lua_State *L)
{
    lua_pushliteral(L, "not enough memory");
    lua_error(L);
}

static void set_int(lua_State *L, const char *name, lua_Integer value)
{
    lua_pushinteger(L, value);
    lua_setfield(L, -2, name);
}

static void set_text(lua_State *L, const char *name, const char *p, size_t n)
{
    lua_pushlstring(L, p, n);
    lua_setfield(L, -2, name);
}

/* Appends { kind, offset, [field] = text } to the notes; behind the first hundred they are only counted. */
static void note(struct reader *r, const char *kind, const char *at, const char *field, const char *p, size_t n)
{
    lua_State *L = r->L;
    luaL_checkstack(L, 4, NULL);
    if (lua_isnil(L, r->notes)) {
        lua_newtable(L);
        lua_replace(L, r->notes);
    }
    if (++r->noted > MAX_NOTES) {
        lua_pushvalue(L, r->notes);
        set_int(L, "more", r->noted - MAX_NOTES);
        lua_pop(L, 1);
        return;
    }
    lua_createtable(L, 0, 3);
    set_text(L, "kind", kind, strlen(kind));
    set_int(L, "offset", (lua_Integer)(at - r->text));
    if (field != NULL)
        set_text(L, field, p, n);
    lua_rawseti(L, r->notes, r->noted);
}

/* ---- strings ---- */

/* Pushes what stands between p and close. */
static void push_text(struct reader *r, const char *p, const char *close, const struct json_string *s)
{
    size_t n = (size_t)(close - p);
    if (!s->escaped && (!s->high || utf8_valid(p, n))) {
        lua_pushlstring(r->L, p, n);
        return;
    }
    size_t replaced = 0;
    buf_reset(&r->scratch);
    if (!buf_reserve(&r->scratch, 1) || !json_unescape(&r->scratch, p, n, &replaced))
        out_of_memory(r->L);
    lua_pushlstring(r->L, r->scratch.data, r->scratch.len);
    if (replaced > 0)
        note(r, "invalid_utf8", p, NULL, NULL, 0);
}

/* p stands at the opening quote. */
static const char *read_string(struct reader *r, const char *p)
{
    struct json_string s;
    const char *close = json_scan_string(++p, r->end, &s);
    if (s.problem != NULL)
        return refuse(r, close, s.problem);
    push_text(r, p, close, &s);
    return close + 1;
}

static uint32_t key_hash(const char *p, size_t n)
{
    uint32_t first = 0, last = 0;
    if (n >= 4) {
        memcpy(&first, p, 4);
        memcpy(&last, p + n - 4, 4);
    } else if (n > 0) {
        first = (uint32_t)(unsigned char)p[0] | (uint32_t)(unsigned char)p[n / 2] << 8 |
                (uint32_t)(unsigned char)p[n - 1] << 16;
    }
    uint32_t h = (first ^ (last << 7 | last >> 25) ^ (uint32_t)n * 0x9E3779B9u) * 0x85EBCA6Bu;
    return h ^ h >> 15;
}

/* Whether two runs of n bytes are equal, a standing before b in the text. */
static bool same_key(const struct reader *r, const char *a, const char *b, size_t n)
{
#ifdef __SSE2__
    if (n <= 16 && r->end - b >= 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)a);
        __m128i y = _mm_loadu_si128((const __m128i *)(const void *)b);
        unsigned differ = ~(unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(x, y));
        return (differ & (((uint32_t)1 << n) - 1)) == 0;
    }
#endif
    (void)r;
    return memcmp(a, b, n) == 0;
}

/* Pushes the key at p (its opening quote) and fills in its hash. The same key pushed again is found by its bytes in
 * the text, which spares Lua's own hashing. */
static const char *read_key(struct reader *r, const char *p, uint32_t *hash)
{
    struct json_string s;
    const char *close = json_scan_string(++p, r->end, &s);
    if (s.problem != NULL)
        return refuse(r, close, s.problem);
    size_t n = (size_t)(close - p);
    *hash = key_hash(p, n);
    unsigned slot = *hash % CACHED_KEYS;
    if (r->cache != 0 && !s.escaped && r->keys[slot].p != NULL && r->keys[slot].n == n &&
        same_key(r, r->keys[slot].p, p, n)) {
        lua_pushvalue(r->L, r->cache + (int)slot);
        return close + 1;
    }
    lua_Integer noted = r->noted;
    push_text(r, p, close, &s);
    if (s.escaped || noted != r->noted) { /* what it means is not what stands there, and a repair is noted each time */
        const char *key = lua_tolstring(r->L, -1, &n);
        *hash = key_hash(key, n);
    } else if (r->cache != 0) {
        r->keys[slot].p = p;
        r->keys[slot].n = n;
        lua_copy(r->L, -1, r->cache + (int)slot);
    }
    return close + 1;
}

/* ---- numbers ---- */

static const char *read_number(struct reader *r, const char *p)
{
    struct json_digits d;
    const char *next = json_scan_number(p, r->end, &d);
    if (next == NULL)
        return refuse(r, p, "not a number of JSON");
    int64_t i;
    if (json_digits_int(&d, &i)) {
        lua_pushinteger(r->L, i);
        return next;
    }
    double value;
    size_t n = (size_t)(next - p);
    enum json_number kind = json_digits_double(&d, p, n, &value);
    lua_pushnumber(r->L, value);
    if (kind != JSON_DOUBLE)
        note(r, kind == JSON_UNDERFLOW ? "tiny_number" : "big_number", p, "text", p, n < 64 ? n : 64);
    return next;
}

/* ---- containers ---- */

static const char *enter(struct reader *r, const char *p, int slots)
{
    if (r->depth == r->max_depth)
        return refuse(r, p, JSON_TOO_DEEP);
    r->depth++;
    luaL_checkstack(r->L, slots, "JSON");
    return json_skip_space(p + 1, r->end);
}

/* The table at `base` takes the `n` array items above it; the first gets index `first`. The stack then ends at base. */
static void flush_items(struct reader *r, int base, int n, lua_Integer first)
{
    lua_State *L = r->L;
    if (lua_isnil(L, base)) {
        lua_createtable(L, n, 0);
        lua_replace(L, base);
        for (int i = n; i > 0; i--)
            lua_rawseti(L, base, i);
        return;
    }
    for (int i = 0; i < n; i++) { /* upwards, so that the array part grows */
        lua_pushvalue(L, base + 1 + i);
        lua_rawseti(L, base, first + i);
    }
    lua_settop(L, base);
}

static const char *read_array(struct reader *r, const char *p)
{
    lua_State *L = r->L;
    p = enter(r, p, PENDING_ITEMS + 4);
    if (p == NULL)
        return NULL;
    lua_pushnil(L); /* the table's place */
    int base = lua_gettop(L), n = 0;
    lua_Integer first = 1;
    if (p < r->end && *p == ']') {
        p++;
    } else {
        for (;;) {
            p = read_value(r, p);
            if (p == NULL)
                return NULL;
            if (++n == PENDING_ITEMS) {
                flush_items(r, base, n, first);
                first += n;
                n = 0;
            }
            p = json_skip_space(p, r->end);
            if (p == r->end || (*p != ',' && *p != ']'))
                return refuse(r, p, JSON_EXPECTED_COMMA);
            if (*p++ == ']')
                break;
        }
    }
    flush_items(r, base, n, first);
    lua_pushvalue(L, r->array_mark);
    lua_setmetatable(L, base);
    r->depth--;
    return p;
}

struct object {
    int base; /* stack index of the table or, while all members wait on the stack, of nil */
    int waiting;
    bool made;        /* there is a table */
    uint64_t seen[4]; /* one bit per hash of a waiting key */
    uint32_t hashes[PENDING_MEMBERS];
};

static void flush_members(struct reader *r, struct object *o)
{
    lua_State *L = r->L;
    lua_createtable(L, 0, o->waiting);
    lua_replace(L, o->base);
    o->made = true;
    for (; o->waiting > 0; o->waiting--)
        lua_rawset(L, o->base);
}

/* The key on top: returns the stack index where its value stood before, -1 when it is in the table, 0 when new. */
static int find_duplicate(struct reader *r, struct object *o, uint32_t hash)
{
    lua_State *L = r->L;
    if (o->made) {
        lua_pushvalue(L, -1);
        int type = lua_rawget(L, o->base);
        lua_pop(L, 1);
        return type == LUA_TNIL ? 0 : -1;
    }
    uint64_t bit = (uint64_t)1 << (hash >> 8 & 63), *word = &o->seen[hash >> 14 & 3];
    if ((*word & bit) != 0) {
        for (int i = 0; i < o->waiting; i++)
            if (o->hashes[i] == hash && lua_rawequal(L, -1, o->base + 1 + 2 * i))
                return o->base + 2 + 2 * i;
    }
    *word |= bit;
    o->hashes[o->waiting] = hash;
    return 0;
}

/* One member, p at the opening quote of its key. */
static const char *read_member(struct reader *r, struct object *o, const char *p)
{
    lua_State *L = r->L;
    if (p == r->end || *p != '"')
        return refuse(r, p, JSON_EXPECTED_KEY);
    const char *start = p;
    uint32_t hash;
    p = read_key(r, p, &hash);
    if (p == NULL)
        return NULL;
    int before = find_duplicate(r, o, hash);
    if (before != 0) {
        size_t n;
        const char *key = lua_tolstring(L, -1, &n);
        note(r, "duplicate_key", start, "key", key, n);
    }
    p = json_skip_space(p, r->end);
    if (p == r->end || *p != ':')
        return refuse(r, p, JSON_EXPECTED_COLON);
    p = read_value(r, p + 1);
    if (p == NULL)
        return NULL;
    if (before > 0) {
        lua_replace(L, before);
        lua_pop(L, 1);
    } else if (o->made) {
        lua_rawset(L, o->base);
    } else if (++o->waiting == PENDING_MEMBERS) {
        flush_members(r, o);
    }
    return p;
}

static const char *read_object(struct reader *r, const char *p)
{
    p = enter(r, p, 2 * PENDING_MEMBERS + 4);
    if (p == NULL)
        return NULL;
    lua_pushnil(r->L);
    struct object o;
    o.base = lua_gettop(r->L);
    o.waiting = 0;
    o.made = false;
    memset(o.seen, 0, sizeof o.seen);
    if (p < r->end && *p == '}') {
        p++;
    } else {
        for (;;) {
            p = read_member(r, &o, json_skip_space(p, r->end));
            if (p == NULL)
                return NULL;
            p = json_skip_space(p, r->end);
            if (p == r->end || (*p != ',' && *p != '}'))
                return refuse(r, p, JSON_EXPECTED_COMMA);
            if (*p++ == '}')
                break;
        }
    }
    if (!o.made)
        flush_members(r, &o);
    r->depth--;
    return p;
}

/* Pushes the one value at p and returns what follows it, or NULL with r->problem set and the stack as it came. */
static const char *read_value(struct reader *r, const char *p)
{
    p = json_skip_space(p, r->end);
    if (p == r->end)
        return refuse(r, p, JSON_EXPECTED_VALUE);
    switch (*p) {
    case '"':
        return read_string(r, p);
    case '{':
        return read_object(r, p);
    case '[':
        return read_array(r, p);
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        return read_number(r, p);
    default:
        break;
    }
    size_t n = json_literal_length(p, r->end);
    if (n == 0)
        return refuse(r, p, JSON_EXPECTED_VALUE);
    if (*p == 'n')
        lua_pushlightuserdata(r->L, NULL);
    else
        lua_pushboolean(r->L, *p == 't');
    return p + n;
}

static void push_problem(struct reader *r)
{
    struct json_error e;
    json_locate(r->text, (size_t)(r->end - r->text), (size_t)(r->at - r->text), r->problem, &e);
    lua_createtable(r->L, 0, 4);
    set_text(r->L, "message", e.message, strlen(e.message));
    set_int(r->L, "line", (lua_Integer)e.line);
    set_int(r->L, "column", (lua_Integer)e.column);
    set_int(r->L, "offset", (lua_Integer)e.offset);
}

/* Runs protected with the reader as its argument, so that json_read can clean up whatever happens. */
static int read_protected(lua_State *L)
{
    struct reader *r = lua_touserdata(L, 1);
    size_t len = (size_t)(r->end - r->text);
    lua_getfield(L, LUA_REGISTRYINDEX, JSON_ARRAY);
    r->array_mark = lua_gettop(L);
    lua_pushnil(L);
    r->notes = lua_gettop(L);
    if (len >= CACHE_FROM) {
        luaL_checkstack(L, CACHED_KEYS + 8, "JSON");
        r->cache = r->notes + 1;
        lua_settop(L, r->notes + CACHED_KEYS);
        memset(r->keys, 0, sizeof r->keys);
    }
    const char *p = r->text;
    if (len >= 3 && memcmp(p, "\xEF\xBB\xBF", 3) == 0) /* a byte order mark may be ignored: RFC 8259, 8.1 */
        p += 3;
    p = read_value(r, p);
    if (p != NULL) {
        p = json_skip_space(p, r->end);
        if (p < r->end)
            p = refuse(r, p, JSON_TRAILING);
    }
    if (p == NULL) {
        lua_settop(L, r->notes);
        lua_pushnil(L);
        push_problem(r);
        return 2;
    }
    lua_pushvalue(L, r->notes);
    return 2;
}

int json_read(lua_State *L, const char *text, size_t len, unsigned max_depth)
{
    struct reader r;
    r.L = L;
    r.text = text;
    r.end = text + len;
    r.at = r.problem = NULL;
    r.depth = 0;
    r.max_depth = max_depth == 0 ? DEFAULT_DEPTH : max_depth < JSON_MAX_DEPTH ? max_depth : JSON_MAX_DEPTH;
    r.noted = 0;
    r.cache = 0;
    buf_init(&r.scratch);
    luaL_checkstack(L, 4, "JSON");
    lua_pushcfunction(L, read_protected);
    lua_pushlightuserdata(L, &r);
    int status = lua_pcall(L, 1, 2, 0);
    buf_free(&r.scratch);
    if (status != LUA_OK)
        lua_error(L);
    return 2;
}
