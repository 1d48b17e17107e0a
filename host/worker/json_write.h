/* Lua values to JSON text: keys sorted bytewise or in their declared order, strings cleaned for output or kept for the
 * wire, and a refusal that names the place for whatever has no JSON form. */
#ifndef TOOL_WORKER_JSON_WRITE_H
#define TOOL_WORKER_JSON_WRITE_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

struct json_write_options {
    const char *name;   /* of the value, for messages and notes; NULL: "value" */
    bool raw;           /* keep ANSI sequences, CR and NUL: for the wire, not for output */
    unsigned indent;    /* spaces per level; 0: one line */
    unsigned max_depth; /* 0: 128 */
    size_t max_bytes;   /* 0: 256 MiB */
};

/* Pushes the text of the value at idx, and notes (nil when nothing was changed); or nil and a message. Metamethods are
 * not called. Raises only when out of memory. [0, +2, m] */
void json_write(lua_State *L, int idx, const struct json_write_options *options);

#endif
