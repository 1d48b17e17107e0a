/* JSON text to Lua values in one pass: tables are made in their final size, strings are pushed from the text itself
 * unless an escape or broken UTF-8 forbids it, and what could not be kept exactly is noted. */
#ifndef TOOL_WORKER_JSON_READ_H
#define TOOL_WORKER_JSON_READ_H

#include <lua.h>
#include <stddef.h>

/* Pushes value and notes (nil when nothing was lost), or nil and { message, line, column, offset }. depth 0: 128.
 * Raises only when out of memory. Needs the metatable of arrays in the registry (JSON_ARRAY). [0, +2, m] */
int json_read(lua_State *L, const char *text, size_t len, unsigned max_depth);

#endif
