/* How a Lua table says which JSON container it is: by a metatable that only host.json sets. */
#ifndef TOOL_WORKER_JSON_MARK_H
#define TOOL_WORKER_JSON_MARK_H

#include <lua.h>
#include <stdbool.h>

/* Names of the metatables in the registry; each ordered object has one of its own. */
#define JSON_ARRAY "tool.json.array"
#define JSON_OBJECT "tool.json.object"
#define JSON_ORDERED "tool.json.ordered"

enum json_mark { JSON_UNMARKED, JSON_MARKED_ARRAY, JSON_MARKED_OBJECT, JSON_MARKED_ORDERED, JSON_FOREIGN };

/* The two shared metatables, by identity. */
struct json_marks {
    const void *array, *object;
};

/* Creates the metatables in the registry unless they are there. [0, 0, m] */
void json_marks_open(lua_State *L);
struct json_marks json_marks_load(lua_State *L);

/* The mark of the table at idx (JSON_FOREIGN: it has a metatable that is no mark). When it is JSON_MARKED_ORDERED and
 * `keys` is true, pushes the list of its keys. [0, +(0|1), -] */
enum json_mark json_mark_of(lua_State *L, int idx, const struct json_marks *marks, bool keys);

/* host.json.array(t), object(t), ordered(t, keys), is_array(t) as described in json_lua.h. */
int json_mark_array(lua_State *L);
int json_mark_object(lua_State *L);
int json_mark_ordered(lua_State *L);
int json_mark_is_array(lua_State *L);

/* True when the table at idx is a sequence: its keys are exactly 1..*n. Stops at the first key that is none. */
bool json_is_sequence(lua_State *L, int idx, lua_Integer *n);

#endif
