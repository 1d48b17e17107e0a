/* Secrets: opaque values whose bytes only the host's own doors can read (REQ-C-016, authoring §3).
 * tostring gives [REDACTED], `..` gives a secret again; making one tells the supervisor to redact it. */
#ifndef TOOL_WORKER_SECRET_H
#define TOOL_WORKER_SECRET_H

#include <lua.h>
#include <stddef.h>

/* Adds host.secret and host.reveal to the table on the stack top, and the JSON rule for secrets. [-0, +0] */
void secret_open(lua_State *L);

/* Pushes a secret with these bytes and registers it for redaction. [-0, +1] */
void secret_push(lua_State *L, const char *bytes, size_t n);

/* The bytes of a secret at idx, or NULL when the value is none. */
const char *secret_bytes(lua_State *L, int idx, size_t *n);

#endif
