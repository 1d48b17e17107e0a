/* Lua values to JSON text. Memory outside Lua (the text, the list of keys) belongs to one struct that json_write frees
 * whatever happens. The keys of an object wait on the Lua stack while it is written, so that nothing that a finalizer
 * does to the table can take them away. */
#include "json_write.h"

#include "../base/json.h"
#include "../base/utf8.h"
#include "json_lua.h"
#include "json_mark.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_DEPTH = 128, DEFAULT_BYTES = 256 << 20, MAX_NOTES = 100, MAX_PATH = 200 };

struct key {
    const char *p; /* as it is written */
    size_t n;
    int slot; /* stack index of the key as the table has it */
};

struct step { /* from a container to the value being written */
    const char *key;
    size_t n;
    lua_Integer index; /* when key is NULL */
};

struct writer {
    lua_State *L;
    const struct json_write_options *options;
    unsigned flags, max_depth; /* of utf8.h */
    size_t max_bytes;
    struct buf out, scratch;
    struct key *keys; /* of all objects on the way, the innermost last */
    size_t count, room;
    json_lua_userdata userdata;
    struct json_marks marks;
    const char *problem, *type; /* why the value at path cannot be written; the Lua type concerned or NULL */
    int notes;                  /* stack index; nil until something is noted */
    lua_Integer noted;
    unsigned depth;
    struct step path[JSON_MAX_DEPTH];
};

static bool write_value(struct writer *w);

static void out_of_memory(lua_State *L)
{
    lua_pushliteral(L, "not enough memory");
    lua_error(L);
}

static bool refuse(struct writer *w, const char *problem, const char *type)
{
    w->problem = problem;
    w->type = type;
    return false;
}

/* ---- where we are ---- */

static bool is_name(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'z') && p[i] != '_' && !(i > 0 && p[i] >= '0' && p[i] <= '9'))
            return false;
    return n > 0;
}

/* Pushes the path of the current value, as in value.items[3].x; positions count from 1 as in Lua. */
static void push_path(struct writer *w)
{
    struct buf *b = &w->scratch;
    buf_reset(b);
    buf_puts(b, w->options->name != NULL ? w->options->name : "value");
    for (unsigned i = 0; i < w->depth; i++) {
        const struct step *s = &w->path[i];
        if (b->len > MAX_PATH) {
            buf_puts(b, "…");
            break;
        }
        if (s->key == NULL) {
            buf_printf(b, "[%lld]", (long long)s->index);
        } else if (is_name(s->key, s->n)) {
            buf_putc(b, '.');
            buf_put(b, s->key, s->n);
        } else {
            buf_putc(b, '[');
            json_put_string(b, s->key, s->n);
            buf_putc(b, ']');
        }
    }
    if (b->failed)
        out_of_memory(w->L);
    lua_pushlstring(w->L, b->data, b->len);
}

/* Appends { kind, path, count } to the notes; behind the first hundred they are only counted. */
static void note(struct writer *w, const char *kind, size_t count)
{
    lua_State *L = w->L;
    luaL_checkstack(L, 4, "JSON");
    if (lua_isnil(L, w->notes)) {
        lua_newtable(L);
        lua_replace(L, w->notes);
    }
    if (++w->noted > MAX_NOTES) {
        lua_pushinteger(L, w->noted - MAX_NOTES);
        lua_setfield(L, w->notes, "more");
        return;
    }
    lua_createtable(L, 0, 3);
    lua_pushstring(L, kind);
    lua_setfield(L, -2, "kind");
    push_path(w);
    lua_setfield(L, -2, "path");
    lua_pushinteger(L, (lua_Integer)count);
    lua_setfield(L, -2, "count");
    lua_rawseti(L, w->notes, w->noted);
}

/* ---- scalars ---- */

static bool write_string(struct writer *w, const char *p, size_t n)
{
    size_t replaced = 0, nuls = 0;
    json_put_text(&w->out, p, n, w->flags, &replaced);
    if (replaced == 0)
        return true;
    for (size_t i = 0; i < n && (w->flags & UTF8_STRIP_NUL); i++)
        nuls += p[i] == 0;
    if (nuls > replaced) /* some of them were inside a stripped sequence */
        nuls = replaced;
    if (nuls > 0)
        note(w, "nul", nuls);
    if (replaced > nuls)
        note(w, "invalid_utf8", replaced - nuls);
    return true;
}

static void write_number(struct writer *w)
{
    if (lua_isinteger(w->L, -1)) {
        json_put_int(&w->out, lua_tointeger(w->L, -1));
        return;
    }
    double d = lua_tonumber(w->L, -1);
    json_put_double(&w->out, d);
    if (!isfinite(d))
        note(w, "not_finite", 1);
}

static void write_break(struct writer *w)
{
    if (w->options->indent == 0)
        return;
    buf_putc(&w->out, '\n');
    for (size_t n = (size_t)w->options->indent * w->depth; n > 0; n--)
        buf_putc(&w->out, ' ');
}

/* ---- the keys of an object ---- */

static void add_key(struct writer *w, const char *p, size_t n, int slot)
{
    if (w->count == w->room) {
        size_t room = w->room == 0 ? 64 : w->room * 2;
        struct key *keys = realloc(w->keys, room * sizeof *keys);
        if (keys == NULL)
            out_of_memory(w->L);
        w->keys = keys;
        w->room = room;
    }
    w->keys[w->count++] = (struct key){p, n, slot};
}

static int compare_keys(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    int order = memcmp(x->p, y->p, x->n < y->n ? x->n : y->n);
    return order != 0 ? order : (x->n > y->n) - (x->n < y->n);
}

static void sort_keys(struct key *keys, size_t n)
{
    if (n > 16) {
        qsort(keys, n, sizeof *keys, compare_keys);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        struct key k = keys[i];
        size_t j = i;
        for (; j > 0 && compare_keys(&keys[j - 1], &k) > 0; j--)
            keys[j] = keys[j - 1];
        keys[j] = k;
    }
}

/* True when p will not be written as it is. */
static bool changes(const struct writer *w, const char *p, size_t n)
{
    for (size_t i = 0; i < n;) {
        if ((unsigned char)p[i] >= 0x20 && (unsigned char)p[i] < 0x80) {
            i++;
            continue;
        }
        enum utf8_kind kind;
        i += utf8_step(p + i, n - i, w->flags, &kind);
        if (kind != UTF8_KEEP)
            return true;
    }
    return false;
}

enum key_class { KEY_PLAIN, KEY_CHANGED, KEY_INTEGER, KEY_BAD };

static enum key_class classify(struct writer *w, int idx, const char **p, size_t *n)
{
    lua_State *L = w->L;
    if (lua_type(L, idx) == LUA_TSTRING) {
        *p = lua_tolstring(L, idx, n);
        return changes(w, *p, *n) ? KEY_CHANGED : KEY_PLAIN;
    }
    return lua_isinteger(L, idx) ? KEY_INTEGER : KEY_BAD;
}

/* Leaves the keys of the table at t on the stack and lists them. *odd: some key is not written as it is; the list is
 * then of no use. */
static bool gather(struct writer *w, int t, bool *odd)
{
    lua_State *L = w->L;
    const char *p;
    size_t n;
    *odd = false;
    lua_pushnil(L);
    while (lua_next(L, t) != 0) {
        lua_pop(L, 1);
        switch (classify(w, -1, &p, &n)) {
        case KEY_PLAIN:
            add_key(w, p, n, lua_gettop(L));
            break;
        case KEY_BAD:
            return refuse(w, "cannot be a key in JSON", luaL_typename(L, -1));
        default:
            *odd = true;
            break;
        }
        if (!lua_checkstack(L, 8))
            return refuse(w, "too many keys", NULL);
        lua_pushvalue(L, -1);
    }
    return true;
}

/* names[text on top] = the value at raw; pops the text. False when the name was taken. */
static bool claim(lua_State *L, int names, int raw)
{
    lua_pushvalue(L, -1);
    bool taken = lua_rawget(L, names) != LUA_TNIL;
    lua_pop(L, 1);
    if (taken)
        return false;
    lua_pushvalue(L, raw);
    lua_rawset(L, names);
    return true;
}

/* Finds a free name for the string key on top, whose text changes by cleaning: the clean text, or that with #2, #3 ….
 * `counts` remembers how far each clean text got. */
static void claim_changed(struct writer *w, int names, int counts)
{
    lua_State *L = w->L;
    int raw = lua_gettop(L);
    size_t n;
    const char *p = lua_tolstring(L, raw, &n);
    buf_reset(&w->scratch);
    buf_reserve(&w->scratch, n + 1);
    size_t replaced = utf8_clean(&w->scratch, p, n, w->flags);
    if (w->scratch.failed)
        out_of_memory(L);
    lua_pushlstring(L, w->scratch.data, w->scratch.len);
    int clean = lua_gettop(L);
    lua_pushvalue(L, clean);
    lua_rawget(L, counts);
    lua_Integer i = lua_tointeger(L, -1); /* 0 when there is none yet */
    lua_pop(L, 1);
    for (bool done = false; !done;) {
        i++;
        lua_pushvalue(L, clean);
        if (i > 1) {
            lua_pushfstring(L, "#%I", (LUAI_UACINT)i);
            lua_concat(L, 2); /* keeps a NUL, which %s would not */
        }
        done = claim(L, names, raw);
        if (!done)
            lua_pop(L, 1);
    }
    lua_pushvalue(L, clean);
    lua_pushinteger(L, i);
    lua_rawset(L, counts);
    lua_settop(L, raw);
    if (replaced > 0)
        note(w, "invalid_utf8", replaced);
}

/* Replaces the keys above t by a table names -> keys that no two share, and the keys by its values. Plain names come
 * first, so that they stay what they are. */
static bool name_keys(struct writer *w, int t, size_t base)
{
    lua_State *L = w->L;
    int names = t + 1, counts = t + 2, first = t + 3, last = lua_gettop(L) + 2;
    const char *p;
    size_t n;
    lua_newtable(L);
    lua_insert(L, names);
    lua_newtable(L);
    lua_insert(L, counts);
    w->count = base;
    for (int i = first; i <= last; i++) {
        enum key_class class = classify(w, i, &p, &n);
        if (class == KEY_CHANGED) {
            add_key(w, p, n, i);
            continue;
        }
        if (class == KEY_INTEGER)
            lua_pushfstring(L, "%I", (LUAI_UACINT)lua_tointeger(L, i));
        else
            lua_pushvalue(L, i);
        if (!claim(L, names, i))
            return refuse(w, "has a number and a string as keys that JSON cannot tell apart", "table");
    }
    sort_keys(w->keys + base, w->count - base);
    for (size_t i = base; i < w->count; i++) {
        lua_pushvalue(L, w->keys[i].slot);
        claim_changed(w, names, counts);
        lua_pop(L, 1);
    }
    w->count = base;
    lua_settop(L, names);
    lua_pushnil(L);
    while (lua_next(L, names) != 0) { /* the value, a key of t, stays on the stack */
        p = lua_tolstring(L, -2, &n);
        add_key(w, p, n, lua_gettop(L) - 1);
        lua_insert(L, -2);
    }
    return true;
}

/* Moves the keys that the list at `order` names to the front, in its order; the rest stays sorted. */
static void apply_order(struct writer *w, int order, size_t base)
{
    lua_State *L = w->L;
    size_t next = base;
    lua_Integer n = (lua_Integer)lua_rawlen(L, order);
    for (lua_Integer i = 1; i <= n && next < w->count; i++) {
        struct key wanted = {0};
        lua_rawgeti(L, order, i);
        wanted.p = lua_tolstring(L, -1, &wanted.n);
        struct key *k = bsearch(&wanted, w->keys + next, w->count - next, sizeof wanted, compare_keys);
        if (k != NULL) {
            wanted = *k;
            memmove(w->keys + next + 1, w->keys + next, (size_t)(k - (w->keys + next)) * sizeof *k);
            w->keys[next++] = wanted;
        }
        lua_pop(L, 1);
    }
}

/* ---- containers ---- */

/* The table at t and, when order is not 0, its list of keys above it. */
static bool write_object(struct writer *w, int t, int order)
{
    lua_State *L = w->L;
    size_t base = w->count;
    bool odd;
    if (order != 0)
        lua_insert(L, t); /* below the table: what follows expects that on top */
    int list = t;
    t = lua_gettop(L);
    if (!gather(w, t, &odd) || (odd && !name_keys(w, t, base)))
        return false;
    sort_keys(w->keys + base, w->count - base);
    if (order != 0)
        apply_order(w, list, base);
    buf_putc(&w->out, '{');
    size_t end = w->count;
    w->depth++;
    for (size_t i = base; i < end; i++) {
        struct key k = w->keys[i]; /* a copy: deeper objects may move the list */
        if (i > base)
            buf_putc(&w->out, ',');
        write_break(w);
        json_put_string_raw(&w->out, k.p, k.n); /* clean already, where wanted */
        buf_puts(&w->out, w->options->indent == 0 ? ":" : ": ");
        w->path[w->depth - 1] = (struct step){.key = k.p, .n = k.n};
        lua_pushvalue(L, k.slot);
        lua_rawget(L, t);
        if (!write_value(w))
            return false;
        lua_pop(L, 1);
    }
    w->depth--;
    if (end > base)
        write_break(w);
    w->count = base;
    return buf_putc(&w->out, '}');
}

static bool write_array(struct writer *w, int t, lua_Integer n)
{
    buf_putc(&w->out, '[');
    w->depth++;
    for (lua_Integer i = 1; i <= n; i++) {
        if (i > 1)
            buf_putc(&w->out, ',');
        write_break(w);
        w->path[w->depth - 1] = (struct step){.index = i};
        lua_rawgeti(w->L, t, i);
        if (!write_value(w))
            return false;
        lua_pop(w->L, 1);
    }
    w->depth--;
    if (n > 0)
        write_break(w);
    return buf_putc(&w->out, ']');
}

/* The table on top; leaves one value in its place. */
static bool write_table(struct writer *w)
{
    lua_State *L = w->L;
    if (w->depth == w->max_depth)
        return refuse(w, "nested too deeply, or a table inside itself", NULL);
    if (!lua_checkstack(L, 12))
        return refuse(w, "too many keys", NULL);
    int t = lua_gettop(L);
    lua_Integer n = 0;
    enum json_mark mark = json_mark_of(L, t, &w->marks, true);
    bool ok;
    if (mark == JSON_MARKED_ORDERED) {
        ok = write_object(w, t, t + 1);
    } else if (mark == JSON_MARKED_OBJECT) {
        ok = write_object(w, t, 0);
    } else if (json_is_sequence(L, t, &n)) {
        ok = n > 0 || mark == JSON_MARKED_ARRAY ? write_array(w, t, n) : buf_puts(&w->out, "{}");
    } else if (mark == JSON_MARKED_ARRAY) {
        return refuse(w, "is marked as an array but has a gap, or a key that is no position", NULL);
    } else {
        ok = write_object(w, t, 0);
    }
    lua_settop(L, t);
    return ok || w->problem == NULL; /* a failed buffer is no problem of the value: write_value raises it */
}

static bool write_userdata(struct writer *w)
{
    size_t before = w->out.len;
    if (w->userdata != NULL && w->userdata(w->L, lua_gettop(w->L), &w->out, w->options->raw))
        return true;
    w->out.len = before;
    return refuse(w, "has no JSON form", "userdata");
}

/* Writes the value on top of the stack and leaves it there. False with w->problem set; w->depth then tells the path. */
static bool write_value(struct writer *w)
{
    lua_State *L = w->L;
    size_t n;
    const char *p;
    if (w->out.failed)
        out_of_memory(L);
    if (w->out.len > w->max_bytes)
        return refuse(w, "the text is longer than allowed", NULL);
    switch (lua_type(L, -1)) {
    case LUA_TSTRING:
        p = lua_tolstring(L, -1, &n);
        return write_string(w, p, n);
    case LUA_TNUMBER:
        write_number(w);
        return true;
    case LUA_TBOOLEAN:
        buf_puts(&w->out, lua_toboolean(L, -1) ? "true" : "false");
        return true;
    case LUA_TTABLE:
        return write_table(w);
    case LUA_TUSERDATA:
        return write_userdata(w);
    case LUA_TLIGHTUSERDATA:
        if (lua_touserdata(L, -1) == NULL) {
            buf_puts(&w->out, "null");
            return true;
        }
        break;
    default:
        break;
    }
    return refuse(w, "has no JSON form", luaL_typename(L, -1));
}

static void push_problem(struct writer *w)
{
    push_path(w);
    if (w->type != NULL)
        lua_pushfstring(w->L, "%s: a %s %s", lua_tostring(w->L, -1), w->type, w->problem);
    else
        lua_pushfstring(w->L, "%s: %s", lua_tostring(w->L, -1), w->problem);
}

/* Runs protected with the writer and the value as its arguments. */
static int write_protected(lua_State *L)
{
    struct writer *w = lua_touserdata(L, 1);
    w->marks = json_marks_load(L);
    w->userdata = json_lua_get_userdata(L);
    lua_pushnil(L);
    lua_insert(L, 2);
    w->notes = 2;
    bool ok = write_value(w);
    if (ok && w->out.failed)
        out_of_memory(L);
    if (ok && w->out.len > w->max_bytes)
        ok = refuse(w, "the text is longer than allowed", NULL);
    luaL_checkstack(L, 4, "JSON");
    if (!ok) {
        lua_pushnil(L);
        push_problem(w);
        lua_insert(L, -2);
        lua_pop(L, 1);
        return 2;
    }
    lua_pushlstring(L, w->out.data, w->out.len);
    lua_pushvalue(L, w->notes);
    return 2;
}

void json_write(lua_State *L, int idx, const struct json_write_options *options)
{
    struct writer w;
    memset(&w, 0, offsetof(struct writer, path));
    w.L = L;
    w.options = options;
    w.flags = options->raw ? 0 : UTF8_CLEAN;
    w.max_depth = options->max_depth == 0 ? DEFAULT_DEPTH : options->max_depth;
    if (w.max_depth > JSON_MAX_DEPTH)
        w.max_depth = JSON_MAX_DEPTH;
    w.max_bytes = options->max_bytes == 0 ? DEFAULT_BYTES : options->max_bytes;
    idx = lua_absindex(L, idx);
    luaL_checkstack(L, 5, "JSON");
    lua_pushcfunction(L, write_protected);
    lua_pushlightuserdata(L, &w);
    lua_pushvalue(L, idx);
    int status = lua_pcall(L, 2, 2, 0);
    buf_free(&w.out);
    buf_free(&w.scratch);
    free(w.keys);
    if (status != LUA_OK)
        lua_error(L);
}
