/* Is a value JSON and nothing else, without any text that could be a secret? What is, can be written as it stands: most
 * rows of a fast stream are, and need no copy. */
#ifndef TOOL_WORKER_JSON_PLAIN_H
#define TOOL_WORKER_JSON_PLAIN_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* Might output.mask replace this text? Errs on the side of true. */
bool json_suspicious(const char *s, size_t n);

/* host.json.plain(value [, sensitive]) -> boolean. False for userdata, functions, tables with metatables other than the
 * marks of host.json, numbers that JSON lacks, keys that `sensitive` (a set) names, and every string that output.mask
 * might replace. It errs on the side of false. */
int json_plain(lua_State *L);

#endif
