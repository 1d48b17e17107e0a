/* The common case of encode(decode(text)) without making a value: JSON of plain ASCII, short decimals and distinct keys
 * becomes text with sorted keys and no blanks. What is not so simple, or could hold a secret, is left to the long way. */
#ifndef TOOL_WORKER_JSON_TIDY_H
#define TOOL_WORKER_JSON_TIDY_H

#include <lua.h>

/* host.json.tidy(text [, sensitive]) -> the same text that encode(decode(text)) gives, or nil: it is not JSON, or not
 * simple, or output.mask might change it (see json_plain.h). */
int json_tidy(lua_State *L);

#endif
