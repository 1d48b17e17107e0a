/* The module `server`: an HTTP/1.1 server on the worker's event loop, each request a task of its own.
 *
 *   server.listen{ handler = function(request) … end, host = "127.0.0.1", port = 0, max_body = 1048576,
 *                  header_timeout_ms = 10000, body_timeout_ms = 60000, idle_timeout_ms = 60000,
 *                  max_connections = 4096 } -> server | nil, { code, message, errno }
 *     codes: ADDRESS_INVALID, ADDRESS_IN_USE, PERMISSION_DENIED, LISTEN_FAILED
 *   server.host, server.port, server.url            where it listens
 *   server.connections                              how many clients are connected
 *   server:wait() -> true                           waits until the server is closed
 *   server:close([grace_ms]) -> true                takes nothing new, lets running answers end for that long
 *   (also to-be-closed: as close(1000), without waiting for it; after an interrupt of the run, whose tasks go no
 *   further, only what is already written is still sent)
 *
 *   request.method path query headers body remote remote_port
 *     path as sent, without the query; query raw, "" when absent; headers with lower-case names,
 *     repeated ones joined by ", ". The handler answers by returning
 *       { status = 200, headers = { Name = "value" | { "a", "b" } }, body = "…" }
 *     or with a stream:
 *   request:start(status[, headers[, length]]) -> true | nil, err
 *                                                   with a length it is announced, else the body is chunked
 *   request:write(bytes) -> true | nil, err         waits while the client reads slower than this writes
 *   request:finish() -> true | nil, err             also done when the handler returns; of a body shorter than
 *                                                   announced the connection is closed
 *   request:wait([ms]) -> true | false | nil, err   true after a wake, false when the time is over
 *   request:wake()                                  ends the wait that another task is in, or the next one
 *   request:cut([reset])                            ends the connection at once, with a reset if asked for
 *   request:gone() -> boolean                       the client left
 *     err: { code = "CLIENT_LEFT", message = … }
 *
 * Limits: 32 KB of header (431; 414 for the target alone), max_body (413), the three time limits (408 or a close).
 * Malformed requests are answered 400 and never reach the handler. An error in a handler is answered 500. */
#ifndef TOOL_MODULES_SERVER_H
#define TOOL_MODULES_SERVER_H

#include <lua.h>

int luaopen_server(lua_State *L);

#endif
