/* JSON for Lua: one pass from text to tables and back, exact for 64-bit integers, with [] and {} distinct, sorted keys
 * and no silent loss. Lua errors and failed allocations leave no memory behind.
 *
 * The table host.json:
 *   decode(text [, { max_depth = 128, max_bytes = none }]) -> value, notes | nil, { message, line, column, offset }
 *     Strict RFC 8259 (a leading byte order mark is ignored). An integer that fits int64 is an integer, every other
 *     number a float; null is host.json.null; arrays are marked. offset counts bytes from 0, line and column count
 *     lines and characters from 1. notes is nil unless something could not be kept as it stood: a list of
 *       { kind = "duplicate_key", key, offset }                   the last one wins
 *       { kind = "big_number" | "tiny_number", text, offset }     an integer beyond int64 or overflow to infinity;
 *                                                                 underflow to 0
 *       { kind = "invalid_utf8", offset }                         of the string in which U+FFFD took the place of bad
 *                                                                 bytes or of a lone surrogate
 *     notes.more counts those behind the first hundred.
 *   encode(value [, { pretty = 0, raw = false, max_depth = 128, max_bytes = 256 MiB, name = "value" }])
 *     -> text, notes | nil, message. Keys are sorted bytewise. Marked arrays and non-empty sequences are arrays, every
 *     other table is an object, integer keys as strings. Strings and keys are cleaned (REQ-F-007, REQ-F-016); keys that
 *     become equal by that get #2, #3 …. raw keeps ANSI, CR and NUL as escapes: for the wire only. Metamethods are not
 *     called. notes: { kind = "invalid_utf8" | "nul" | "not_finite", path, count }. The message names the place,
 *     as in "value.items[3].x: a function has no JSON form".
 *   array(t), object(t), ordered(t, { keys }) -> t, marked; keys not named follow sorted. Raises for a table that has a
 *     metatable of its own.
 *   is_array(t) -> boolean, or nil for an unmarked empty table
 *   plain(value [, sensitive]) -> boolean; see json_plain.h
 *   tidy(text [, sensitive]) -> text | nil; see json_tidy.h
 *   null: a light userdata, the same as cjson.null */
#ifndef TOOL_WORKER_JSON_LUA_H
#define TOOL_WORKER_JSON_LUA_H

#include "../base/buf.h"

#include <lua.h>
#include <stdbool.h>

/* Pushes the table `host.json`. [0, +1, m] */
int json_lua_open(lua_State *L);

/* Writes the userdata at idx as one JSON value to out, or returns false when it has no JSON form. raw: for the wire,
 * not for output. Must neither raise nor run Lua code nor allocate in Lua. */
typedef bool (*json_lua_userdata)(lua_State *L, int idx, struct buf *out, bool raw);

/* Registers the one writer for userdata (kept in the registry under "tool.json.userdata"); without one, or after NULL,
 * encode refuses userdata. [0, 0, m] */
void json_lua_set_userdata(lua_State *L, json_lua_userdata write);
json_lua_userdata json_lua_get_userdata(lua_State *L);

/* For C: what decode does; pushes its two results and returns 2. max_depth 0: the default. Needs json_lua_open to have
 * run in this Lua state, and text to stay where it is. [0, +2, m] */
int json_lua_decode(lua_State *L, const char *text, size_t len, unsigned max_depth);

/* For C: pushes the text of the value at idx and returns true, or pushes the message and returns false. [0, +1, m] */
bool json_lua_encode(lua_State *L, int idx, bool raw);

#endif
