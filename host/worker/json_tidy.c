#include "json_tidy.h"

#include "json_plain.h"

#include <lauxlib.h>
#include <string.h>

/* Bounds of what is simple: levels, members of all objects on the way, significant digits, bytes. */
enum { MAX_LEVELS = 32, MAX_MEMBERS = 256, MAX_DIGITS = 15, MAX_TEXT = 1 << 20 };

struct member {
    const char *key; /* with its quotes */
    size_t key_len;
    size_t from, to; /* its value in the output so far */
};

struct tidy {
    lua_State *L; /* a set of sensitive names at index 2, or nothing */
    const char *p, *end;
    char *out; /* has room for what is written: the result is never longer than the text */
    size_t len;
    char *scratch; /* as large */
    struct member members[MAX_MEMBERS];
    unsigned count, levels;
};

static bool value(struct tidy *t);

static void blanks(struct tidy *t)
{
    while (t->p < t->end && (*t->p == ' ' || *t->p == '\n' || *t->p == '\t' || *t->p == '\r'))
        t->p++;
}

static bool take(struct tidy *t, char c)
{
    blanks(t);
    if (t->p >= t->end || *t->p != c)
        return false;
    t->p++;
    return true;
}

static void put(struct tidy *t, const char *s, size_t n)
{
    (void)memcpy(t->out + t->len, s, n);
    t->len += n;
}

/* The string token at p: printable ASCII without an escape. */
static bool string(struct tidy *t, const char **s, size_t *n)
{
    const char *p = t->p + 1;
    while (p < t->end && *p != '"' && *p != '\\' && *p >= 0x20 && *p < 0x7f)
        p++;
    if (p >= t->end || *p != '"')
        return false;
    *s = t->p;
    *n = (size_t)(p + 1 - t->p);
    t->p = p + 1;
    return true;
}

static bool is_digit(const struct tidy *t, const char *p) { return p < t->end && *p >= '0' && *p <= '9'; }

/* An integer, or a decimal that is written shortest: no exponent, no zero at its end, few digits, not very small. */
static bool number(struct tidy *t)
{
    const char *from = t->p, *p = from;
    if (*p == '-')
        p++;
    const char *digits = p;
    while (is_digit(t, p))
        p++;
    size_t whole = (size_t)(p - digits);
    if (whole == 0 || (whole > 1 && *digits == '0'))
        return false;
    bool zero = whole == 1 && *digits == '0';
    if (p < t->end && *p == '.') {
        const char *point = p++;
        while (is_digit(t, p))
            p++;
        size_t places = (size_t)(p - point) - 1;
        if (places == 0 || p[-1] == '0' || whole + places > MAX_DIGITS || (zero && strncmp(point, ".0000", 5) == 0))
            return false;
    } else if (whole > 18 || (zero && digits != from)) {
        return false;
    }
    if (p < t->end && (*p == 'e' || *p == 'E' || *p == '.'))
        return false;
    put(t, from, (size_t)(p - from));
    t->p = p;
    return true;
}

static bool literal(struct tidy *t, const char *word, size_t n)
{
    if ((size_t)(t->end - t->p) < n || memcmp(t->p, word, n) != 0)
        return false;
    put(t, word, n);
    t->p += n;
    return true;
}

static bool array(struct tidy *t)
{
    t->p++;
    put(t, "[", 1);
    if (take(t, ']')) {
        put(t, "]", 1);
        return true;
    }
    for (;;) {
        if (!value(t))
            return false;
        if (take(t, ',')) {
            put(t, ",", 1);
            continue;
        }
        put(t, "]", 1);
        return take(t, ']');
    }
}

static int compare(const struct member *a, const struct member *b)
{
    size_t n = (a->key_len < b->key_len ? a->key_len : b->key_len) - 2;
    int order = memcmp(a->key + 1, b->key + 1, n);
    return order != 0 ? order : (a->key_len > b->key_len) - (a->key_len < b->key_len);
}

/* Sorts the members from `base` on; false when two have the same key. *moved: their order changed. */
static bool sort(struct tidy *t, unsigned base, bool *moved)
{
    *moved = false;
    for (unsigned i = base + 1; i < t->count; i++) {
        struct member m = t->members[i];
        unsigned j = i;
        int order = 1;
        while (j > base && (order = compare(&t->members[j - 1], &m)) > 0) {
            t->members[j] = t->members[j - 1];
            j--;
        }
        if (order == 0 && j > base)
            return false;
        *moved = *moved || j != i;
        t->members[j] = m;
    }
    return true;
}

/* Writes the members from `base` on again, in their order, where they stood from `at` on. */
static void rearrange(struct tidy *t, unsigned base, size_t at)
{
    size_t n = t->len - at, to = 0;
    (void)memcpy(t->scratch, t->out + at, n);
    for (unsigned i = base; i < t->count; i++) {
        struct member m = t->members[i];
        size_t bytes = m.to - m.from;
        if (i > base)
            t->out[at + to++] = ',';
        (void)memcpy(t->out + at + to, t->scratch + (m.from - at), bytes);
        to += bytes;
    }
}

static bool named_secret(struct tidy *t, const char *key, size_t n)
{
    if (!lua_istable(t->L, 2))
        return false;
    lua_pushlstring(t->L, key, n);
    bool found = lua_rawget(t->L, 2) != LUA_TNIL;
    lua_pop(t->L, 1);
    return found;
}

static bool member(struct tidy *t)
{
    struct member m;
    blanks(t);
    m.from = t->len;
    if (t->count == MAX_MEMBERS || t->p >= t->end || *t->p != '"' || !string(t, &m.key, &m.key_len) ||
        named_secret(t, m.key + 1, m.key_len - 2) || !take(t, ':'))
        return false;
    put(t, m.key, m.key_len);
    put(t, ":", 1);
    unsigned place = t->count++;
    if (!value(t))
        return false;
    m.to = t->len;
    t->members[place] = m;
    return true;
}

static bool object(struct tidy *t)
{
    unsigned base = t->count;
    bool moved;
    t->p++;
    put(t, "{", 1);
    size_t at = t->len;
    if (!take(t, '}')) {
        do {
            if (t->count > base)
                put(t, ",", 1);
            if (!member(t))
                return false;
        } while (take(t, ','));
        if (!take(t, '}') || !sort(t, base, &moved))
            return false;
        if (moved)
            rearrange(t, base, at);
    }
    t->count = base;
    put(t, "}", 1);
    return true;
}

static bool text_value(struct tidy *t)
{
    const char *s;
    size_t n;
    if (!string(t, &s, &n) || json_suspicious(s + 1, n - 2))
        return false;
    put(t, s, n);
    return true;
}

static bool value(struct tidy *t)
{
    blanks(t);
    if (t->p >= t->end || t->levels == MAX_LEVELS)
        return false;
    t->levels++;
    bool ok;
    switch (*t->p) {
    case '{': ok = object(t); break;
    case '[': ok = array(t); break;
    case '"': ok = text_value(t); break;
    case 't': ok = literal(t, "true", 4); break;
    case 'f': ok = literal(t, "false", 5); break;
    case 'n': ok = literal(t, "null", 4); break;
    default: ok = number(t); break;
    }
    t->levels--;
    return ok;
}

int json_tidy(lua_State *L)
{
    struct tidy t; /* without its members: they are many, and written before they are read */
    size_t n;
    t.L = L;
    t.len = 0;
    t.count = t.levels = 0;
    t.p = luaL_checklstring(L, 1, &n);
    t.end = t.p + n;
    lua_settop(L, 2);
    if (n > MAX_TEXT)
        return 0;
    luaL_Buffer out; /* twice the text: the result, and room to rearrange it */
    t.out = luaL_buffinitsize(L, &out, 2 * n + 1);
    t.scratch = t.out + n;
    if (!value(&t) || (blanks(&t), t.p != t.end)) {
        lua_pushnil(L);
        return 1;
    }
    luaL_pushresultsize(&out, t.len);
    return 1;
}
