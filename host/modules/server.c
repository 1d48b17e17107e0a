#include "server.h"

#include "server_conn.h"
#include "worker/context.h"
#include "worker/loop.h"

#include <errno.h>
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define LEAVE_MS 1000u /* for running answers when the variable that holds a server ends */

#define SERVER_TYPE "tool.server"
#define EXCHANGE_TYPE "tool.server.exchange"
#define REQUEST_TYPE "tool.server.request"

struct server {
	struct conn_group group;
	uv_tcp_t listener;
	uv_timer_t grace;
	lua_State *L;    /* the state's main thread */
	int handler;     /* registry reference */
	unsigned max_connections;
	int open_handles;
	bool closing;
	bool collected;  /* the userdata is gone */
	struct wait closer, waiter;
	time_t date_at;  /* the second that `date` names */
	char date[96];
	char host[INET6_ADDRSTRLEN];
	int port;
};

/* Ends a wait of an exchange; outlives it until the loop has closed it. */
struct alarm {
	uv_timer_t timer;
	struct exchange *exchange;
};

/* One request and its answer. The connection forgets it, or it the connection, whichever ends first. */
struct exchange {
	struct conn *conn; /* NULL once answered or the client is gone */
	struct wait wait;
	struct alarm *alarm; /* of request:wait, made at its first use */
	struct buf head;
	enum { EXCHANGE_NEW, EXCHANGE_STREAM, EXCHANGE_DONE } state;
	bool without_body; /* HEAD, 204, 304 */
	bool chunked, keep;
	bool counted;      /* the length was announced: `left` bytes of it are to come */
	size_t left;
	bool asleep;       /* the task is in request:wait */
	bool woken;        /* request:wake came while it was not */
};

static int push_true(lua_State *L, void *arg)
{
	(void)arg;
	lua_pushboolean(L, 1);
	return 1;
}

static int push_false(lua_State *L, void *arg)
{
	(void)arg;
	lua_pushboolean(L, 0);
	return 1;
}

static int push_error(lua_State *L, const char *code, const char *message, int errnum)
{
	lua_pushnil(L);
	lua_createtable(L, 0, 3);
	lua_pushstring(L, code);
	lua_setfield(L, -2, "code");
	lua_pushstring(L, message);
	lua_setfield(L, -2, "message");
	if (errnum != 0) {
		lua_pushinteger(L, errnum);
		lua_setfield(L, -2, "errno");
	}
	return 2;
}

static int push_left(lua_State *L, void *arg)
{
	(void)arg;
	return push_error(L, "CLIENT_LEFT", "the client closed the connection", 0);
}

/* Wakes a task, unless the loop is being closed and no task will run again. */
static void wake(struct wait *w, loop_push push)
{
	if (worker_context()->loop != NULL)
		loop_wake(w, push, NULL);
}

/* Answers */

static const char *http_date(struct server *s)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t now = time(NULL);
	struct tm t;
	if (now != s->date_at && gmtime_r(&now, &t) != NULL) {
		s->date_at = now;
		(void)snprintf(s->date, sizeof s->date, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
		               days + 3 * t.tm_wday, t.tm_mday, months + 3 * t.tm_mon,
		               t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
	}
	return s->date;
}

static struct exchange *exchange_of(lua_State *L, int request)
{
	luaL_checktype(L, request, LUA_TTABLE);
	lua_getfield(L, request, "exchange");
	struct exchange *x = luaL_checkudata(L, -1, EXCHANGE_TYPE);
	lua_pop(L, 1);
	return x;
}

/* The answer is out; both sides forget each other. */
static void complete(struct exchange *x)
{
	struct conn *c = x->conn;
	x->state = EXCHANGE_DONE;
	x->conn = NULL;
	buf_free(&x->head);
	if (c == NULL)
		return;
	conn_set_data(c, NULL);
	conn_answered(c, x->keep);
}

static bool is_token(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c <= ' ' || c >= 127 || strchr("()<>@,;:\\\"/[]?={}", c) != NULL)
			return false;
	}
	return n > 0;
}

static bool is_value(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if ((c < ' ' && c != '\t') || c == 127)
			return false;
	}
	return true;
}

/* Appends one header field; name at `name`, value on the stack top. Fields that frame the message are ours. */
static void put_field(lua_State *L, struct exchange *x, int name)
{
	size_t n = 0, v = 0;
	const char *ns = lua_tolstring(L, name, &n);
	const char *vs = lua_tolstring(L, -1, &v);
	if (vs == NULL || !is_token(ns, n) || !is_value(vs, v))
		luaL_error(L, "header %s: not a valid name or value", ns);
	if (strcasecmp(ns, "connection") == 0) {
		x->keep = x->keep && strcasecmp(vs, "close") != 0;
		return;
	}
	if (strcasecmp(ns, "content-length") == 0 || strcasecmp(ns, "transfer-encoding") == 0)
		return;
	(void)(buf_put(&x->head, ns, n) && buf_puts(&x->head, ": ") && buf_put(&x->head, vs, v) &&
	       buf_puts(&x->head, "\r\n"));
}

/* Appends the table of headers at index t; nil is none. */
static void put_fields(lua_State *L, struct exchange *x, int t)
{
	if (lua_isnoneornil(L, t))
		return;
	luaL_checktype(L, t, LUA_TTABLE);
	for (lua_pushnil(L); lua_next(L, t) != 0; lua_pop(L, 1)) {
		if (lua_type(L, -2) != LUA_TSTRING)
			luaL_error(L, "header names are strings");
		int name = lua_absindex(L, -2);
		if (!lua_istable(L, -1)) {
			put_field(L, x, name);
			continue;
		}
		for (lua_Integer i = 1; lua_geti(L, name + 1, i) != LUA_TNIL; i++, lua_pop(L, 1))
			put_field(L, x, name);
		lua_pop(L, 1);
	}
}

/* Builds the head in x->head without its last line. `headers` is a stack index. */
static void put_head(lua_State *L, struct exchange *x, int status, int headers)
{
	luaL_argcheck(L, status >= 200 && status <= 599, 1, "a status is 200 to 599");
	struct server *s = conn_group(x->conn)->owner;
	struct message *m = conn_message(x->conn);
	const char *text = http_status_str((enum http_status)status);
	x->keep = m->keep_alive && !s->group.draining;
	x->without_body = m->parser.method == HTTP_HEAD || status == 204 || status == 304;
	buf_reset(&x->head);
	(void)buf_printf(&x->head, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, *text == '<' ? "" : text, http_date(s));
	put_fields(L, x, headers);
}

static void put_connection(struct exchange *x)
{
	if (!x->keep)
		(void)buf_puts(&x->head, "Connection: close\r\n");
	else if (message_is_old(conn_message(x->conn)))
		(void)buf_puts(&x->head, "Connection: keep-alive\r\n");
}

/* Sends { status, headers, body } at index 2 as the whole answer to the request at index 1. Runs protected. */
static int answer(lua_State *L)
{
	struct exchange *x = exchange_of(L, 1);
	if (x->state == EXCHANGE_STREAM)
		lua_settop(L, 1);
	if (x->state == EXCHANGE_STREAM || x->conn == NULL)
		return 0;
	if (!lua_istable(L, 2))
		return luaL_error(L, "the handler returned no answer");
	lua_settop(L, 2);
	lua_getfield(L, 2, "status");
	int status = (int)luaL_optinteger(L, 3, 200);
	lua_getfield(L, 2, "headers");
	lua_getfield(L, 2, "body");
	size_t n = 0;
	const char *body = luaL_optlstring(L, 5, "", &n);
	put_head(L, x, status, 4);
	if (status != 204)
		(void)buf_printf(&x->head, "Content-Length: %zu\r\n", n);
	put_connection(x);
	if (!buf_puts(&x->head, "\r\n"))
		return luaL_error(L, "not enough memory");
	uv_buf_t parts[2] = { { .base = x->head.data, .len = x->head.len }, { .base = (char *)body, .len = n } };
	if (conn_send(x->conn, parts, x->without_body ? 1 : 2))
		complete(x);
	return 0;
}

/* A handler that failed: 500 when nothing was sent, else the broken stream is cut. */
static void answer_failure(struct exchange *x)
{
	static const char body[] = "{\"code\":\"INTERNAL_ERROR\",\"message\":\"the server failed to answer\"}";
	if (x->conn == NULL)
		return;
	if (x->state == EXCHANGE_STREAM) {
		conn_drop(x->conn);
		return;
	}
	char head[160];
	int n = snprintf(head, sizeof head,
	                 "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"
	                 "Content-Length: %zu\r\nConnection: close\r\n\r\n",
	                 sizeof body - 1);
	uv_buf_t parts[2] = { { .base = head, .len = (size_t)n },
		              { .base = (char *)body, .len = x->without_body ? 0 : sizeof body - 1 } };
	x->keep = false;
	if (conn_send(x->conn, parts, 2))
		complete(x);
}

/* Streams */

/* Says in the head how the end of the body is found. */
static void put_framing(lua_State *L, struct exchange *x, int status, lua_Integer length)
{
	x->counted = length >= 0 && !x->without_body;
	x->left = x->counted ? (size_t)length : 0;
	x->chunked = length < 0 && !message_is_old(conn_message(x->conn));
	if (length >= 0 && status != 204)
		(void)buf_printf(&x->head, "Content-Length: %zu\r\n", (size_t)length);
	else if (x->chunked && !x->without_body)
		(void)buf_puts(&x->head, "Transfer-Encoding: chunked\r\n");
	x->keep = x->keep && (x->chunked || x->counted || x->without_body);
	put_connection(x);
	if (!buf_puts(&x->head, "\r\n"))
		luaL_error(L, "not enough memory");
}

/* request:start(status[, headers[, length]]) -> true | nil, err */
static int request_start(lua_State *L)
{
	struct exchange *x = exchange_of(L, 1);
	int status = (int)luaL_optinteger(L, 2, 200);
	lua_settop(L, 4);
	lua_Integer length = luaL_optinteger(L, 4, -1);
	if (x->state != EXCHANGE_NEW)
		return luaL_error(L, "the answer was already started");
	if (x->conn == NULL)
		return push_left(L, NULL);
	put_head(L, x, status, 3);
	put_framing(L, x, status, length);
	uv_buf_t part = { .base = x->head.data, .len = x->head.len };
	x->state = EXCHANGE_STREAM;
	conn_streaming(x->conn);
	if (!conn_send(x->conn, &part, 1))
		return push_left(L, NULL);
	buf_free(&x->head);
	return push_true(L, NULL);
}

static bool send_chunk(struct exchange *x, const char *bytes, size_t n)
{
	char size[24];
	int k = snprintf(size, sizeof size, "%zx\r\n", n);
	uv_buf_t parts[3] = { { .base = size, .len = (size_t)k },
		              { .base = (char *)bytes, .len = n },
		              { .base = (char *)"\r\n", .len = 2 } };
	return x->chunked ? conn_send(x->conn, parts, 3) : conn_send(x->conn, parts + 1, 1);
}

/* request:write(bytes) -> true | nil, err */
static int request_write(lua_State *L)
{
	struct exchange *x = exchange_of(L, 1);
	size_t n = 0;
	const char *bytes = luaL_checklstring(L, 2, &n);
	if (x->state != EXCHANGE_STREAM)
		return luaL_error(L, "write comes between start and finish");
	if (x->wait.task != NULL)
		return luaL_error(L, "another task is writing this answer");
	if (x->conn == NULL)
		return push_left(L, NULL);
	if (x->counted && n > x->left)
		return luaL_error(L, "more bytes than the announced length");
	if (n > 0 && !x->without_body && !send_chunk(x, bytes, n))
		return push_left(L, NULL);
	x->left -= x->counted ? n : 0;
	if (conn_crowded(x->conn))
		return loop_suspend(L, &x->wait);
	return push_true(L, NULL);
}

static bool end_stream(struct exchange *x)
{
	uv_buf_t last = { .base = (char *)"0\r\n\r\n", .len = 5 };
	bool ok = x->conn != NULL;
	if (ok && x->chunked && !x->without_body)
		ok = conn_send(x->conn, &last, 1);
	x->keep = x->keep && x->left == 0; /* of a body that is too short the end is the connection's */
	complete(x);
	return ok;
}

/* request:finish() -> true | nil, err */
static int request_finish(lua_State *L)
{
	struct exchange *x = exchange_of(L, 1);
	if (x->state != EXCHANGE_STREAM)
		return luaL_error(L, "finish comes after start");
	if (x->wait.task != NULL)
		return luaL_error(L, "another task is writing this answer");
	return end_stream(x) ? push_true(L, NULL) : push_left(L, NULL);
}

/* Waiting */

static void on_alarm(uv_timer_t *t)
{
	struct exchange *x = ((struct alarm *)t->data)->exchange;
	if (x != NULL && x->asleep) {
		x->asleep = false;
		wake(&x->wait, push_false);
	}
}

static void alarm_closed(uv_handle_t *h)
{
	free(h->data);
}

static void free_alarm(struct exchange *x)
{
	struct alarm *a = x->alarm;
	x->alarm = NULL;
	if (a == NULL)
		return;
	a->exchange = NULL;
	if (uv_is_closing((uv_handle_t *)&a->timer))
		free(a); /* the loop was closed first: no callback will come */
	else
		uv_close((uv_handle_t *)&a->timer, alarm_closed);
}

static void set_alarm(lua_State *L, struct exchange *x, lua_Integer ms)
{
	uv_loop_t *loop = loop_uv(L);
	if (x->alarm == NULL) {
		struct alarm *a = calloc(1, sizeof *a);
		if (a == NULL)
			luaL_error(L, "not enough memory");
		(void)uv_timer_init(loop, &a->timer); /* cannot fail */
		a->timer.data = a;
		a->exchange = x;
		x->alarm = a;
	}
	uv_update_time(loop);
	(void)uv_timer_start(&x->alarm->timer, on_alarm, ms > 0 ? (uint64_t)ms : 0, 0);
}

/* request:wait([ms]) -> true | false | nil, err */
static int request_wait(lua_State *L)
{
	struct exchange *x = exchange_of(L, 1);
	lua_Integer ms = luaL_optinteger(L, 2, -1);
	if (x->state == EXCHANGE_DONE)
		return luaL_error(L, "the answer is complete");
	if (x->wait.task != NULL)
		return luaL_error(L, "another task waits for this request");
	if (x->conn == NULL)
		return push_left(L, NULL);
	if (x->woken) {
		x->woken = false;
		return push_true(L, NULL);
	}
	if (ms >= 0)
		set_alarm(L, x, ms);
	conn_streaming(x->conn);
	x->asleep = true;
	return loop_suspend(L, &x->wait);
}

/* request:wake() */
static int request_wake(lua_State *L)
{
	struct exchange *x = exchange_of(L, 1);
	x->woken = !x->asleep;
	if (x->asleep) {
		x->asleep = false;
		if (x->alarm != NULL)
			(void)uv_timer_stop(&x->alarm->timer);
		wake(&x->wait, push_true);
	}
	return 0;
}

/* request:cut([reset]) */
static int request_cut(lua_State *L)
{
	const struct exchange *x = exchange_of(L, 1);
	if (x->conn == NULL)
		return 0;
	if (lua_toboolean(L, 2))
		conn_reset(x->conn);
	else
		conn_drop(x->conn);
	return 0;
}

/* request:gone() -> boolean */
static int request_gone(lua_State *L)
{
	const struct exchange *x = exchange_of(L, 1);
	lua_pushboolean(L, x->conn == NULL && x->state != EXCHANGE_DONE);
	return 1;
}

static int exchange_gc(lua_State *L)
{
	struct exchange *x = luaL_checkudata(L, 1, EXCHANGE_TYPE);
	struct conn *c = x->conn;
	x->conn = NULL;
	buf_free(&x->head);
	free_alarm(x);
	if (c != NULL) {
		conn_set_data(c, NULL);
		conn_drop(c);
	}
	return 0;
}

/* Requests */

static int trace(lua_State *L)
{
	luaL_traceback(L, L, luaL_tolstring(L, 1, NULL), 1);
	return 1;
}

/* After the handler; stack: request, trace, result or error. */
static int handled(lua_State *L, int status, lua_KContext unused)
{
	(void)unused;
	struct exchange *x = exchange_of(L, 1);
	bool ok = status == LUA_OK || status == LUA_YIELD;
	if (ok) {
		lua_pushcfunction(L, answer);
		lua_pushvalue(L, 1);
		lua_pushvalue(L, 3);
		ok = lua_pcall(L, 2, 0, 2) == LUA_OK;
	}
	if (ok) {
		if (x->state == EXCHANGE_STREAM)
			(void)end_stream(x);
	} else {
		if (!worker_context()->interrupted)
			(void)fprintf(stderr, "server: %s\n", lua_tostring(L, -1));
		answer_failure(x);
	}
	return 0;
}

/* The task of one request: handler, request -> nothing. */
static int handle(lua_State *L)
{
	lua_pushcfunction(L, trace);
	lua_insert(L, 1);
	lua_pushvalue(L, 3);
	lua_insert(L, 1); /* request, trace, handler, request */
	int status = lua_pcallk(L, 1, 1, 2, 0, handled);
	return handled(L, status, 0);
}

/* Pushes a table of the headers. [-0, +1] */
static void push_headers(lua_State *L, const struct message *m)
{
	lua_createtable(L, 0, (int)m->count);
	for (size_t i = 0; i < m->count; i++) {
		const struct field *f = &m->fields[i];
		const char *name = m->head.data + f->name;
		lua_pushlstring(L, name, f->name_len);
		lua_pushvalue(L, -1);
		if (lua_rawget(L, -3) == LUA_TNIL) {
			lua_pop(L, 1);
			lua_pushlstring(L, m->head.data + f->value, f->value_len);
		} else {
			bool cookie = f->name_len == 6 && memcmp(name, "cookie", 6) == 0;
			lua_pushstring(L, cookie ? "; " : ", ");
			lua_pushlstring(L, m->head.data + f->value, f->value_len);
			lua_concat(L, 3);
		}
		lua_rawset(L, -3);
	}
}

/* Sets path and query of the request table on the stack top from the target, in any of its forms. */
static void set_target(lua_State *L, const struct message *m)
{
	const char *t = m->head.data, *end = t + m->target_len;
	const char *scheme = memmem(t, m->target_len, "://", 3);
	if (*t != '/' && scheme != NULL) {
		t = memchr(scheme + 3, '/', (size_t)(end - scheme - 3));
		if (t == NULL)
			t = end;
	}
	const char *hash = memchr(t, '#', (size_t)(end - t));
	if (hash != NULL)
		end = hash;
	const char *mark = memchr(t, '?', (size_t)(end - t));
	const char *path_end = mark != NULL ? mark : end;
	lua_pushlstring(L, t == path_end ? "/" : t, t == path_end ? 1 : (size_t)(path_end - t));
	lua_setfield(L, -2, "path");
	lua_pushlstring(L, mark != NULL ? mark + 1 : "", mark != NULL ? (size_t)(end - mark - 1) : 0);
	lua_setfield(L, -2, "query");
}

static void push_request(lua_State *L, struct conn *c)
{
	struct message *m = conn_message(c);
	lua_createtable(L, 0, 9);
	luaL_setmetatable(L, REQUEST_TYPE);
	lua_pushstring(L, message_method(m));
	lua_setfield(L, -2, "method");
	set_target(L, m);
	push_headers(L, m);
	lua_setfield(L, -2, "headers");
	lua_pushlstring(L, m->body.len > 0 ? m->body.data : "", m->body.len);
	lua_setfield(L, -2, "body");
	lua_pushstring(L, conn_address(c));
	lua_setfield(L, -2, "remote");
	lua_pushinteger(L, conn_port(c));
	lua_setfield(L, -2, "remote_port");
	struct exchange *x = lua_newuserdatauv(L, sizeof *x, 0);
	memset(x, 0, sizeof *x);
	buf_init(&x->head);
	luaL_setmetatable(L, EXCHANGE_TYPE);
	lua_setfield(L, -2, "exchange");
	x->conn = c;
	conn_set_data(c, x);
}

/* Starts the task for a request; runs protected. Stack: the connection. */
static int begin(lua_State *L)
{
	struct conn *c = lua_touserdata(L, 1);
	const struct server *s = conn_group(c)->owner;
	lua_pushcfunction(L, handle);
	lua_rawgeti(L, LUA_REGISTRYINDEX, s->handler);
	push_request(L, c);
	(void)loop_spawn(L, 2);
	return 0;
}

static void on_request(struct conn *c)
{
	struct server *s = conn_group(c)->owner;
	lua_State *L = s->L;
	int top = lua_gettop(L);
	if (!lua_checkstack(L, 4)) {
		conn_drop(c);
		return;
	}
	lua_pushcfunction(L, begin);
	lua_pushlightuserdata(L, c);
	if (lua_pcall(L, 1, 0, 0) != LUA_OK)
		conn_drop(c); /* out of memory: the client may try again */
	else
		buf_free(&conn_message(c)->body);
	lua_settop(L, top);
}

static void on_room(struct conn *c)
{
	struct exchange *x = conn_data(c);
	if (x != NULL && !x->asleep)
		wake(&x->wait, push_true);
}

static void on_gone(struct conn *c)
{
	struct exchange *x = conn_data(c);
	if (x == NULL)
		return;
	conn_set_data(c, NULL);
	x->conn = NULL;
	x->asleep = false;
	wake(&x->wait, push_left);
}

/* The server's end */

static void free_when_done(struct server *s)
{
	if (s->open_handles > 0 || s->group.count > 0)
		return;
	wake(&s->closer, push_true);
	wake(&s->waiter, push_true);
	if (s->collected)
		free(s);
}

static void on_handle_closed(uv_handle_t *h)
{
	struct server *s = h->data;
	s->open_handles--;
	free_when_done(s);
}

static void on_freed(struct conn_group *g)
{
	struct server *s = g->owner;
	if (s->closing && g->count == 0 && !uv_is_closing((uv_handle_t *)&s->grace))
		uv_close((uv_handle_t *)&s->grace, on_handle_closed);
	free_when_done(s);
}

static void on_grace_over(uv_timer_t *t)
{
	struct server *s = t->data;
	conn_drop_all(&s->group);
	uv_close((uv_handle_t *)t, on_handle_closed);
}

/* Stops listening; with a grace, lets running answers end. */
static void begin_close(lua_State *L, struct server *s, uint64_t grace_ms)
{
	if (!s->closing) {
		s->closing = true;
		s->group.owed = NULL;
		luaL_unref(L, LUA_REGISTRYINDEX, s->handler);
		uv_close((uv_handle_t *)&s->listener, on_handle_closed);
	}
	conn_drain(&s->group);
	if (uv_is_closing((uv_handle_t *)&s->grace))
		return;
	if (grace_ms > 0 && s->group.count > 0) {
		(void)uv_timer_start(&s->grace, on_grace_over, grace_ms, 0);
	} else {
		conn_drop_all(&s->group);
		uv_close((uv_handle_t *)&s->grace, on_handle_closed);
	}
}

static struct server *check_server(lua_State *L)
{
	return *(struct server **)luaL_checkudata(L, 1, SERVER_TYPE);
}

/* server:close([grace_ms]) -> true */
static int server_close(lua_State *L)
{
	struct server *s = check_server(L);
	lua_Integer grace = luaL_optinteger(L, 2, 0);
	if (s->closer.task != NULL)
		return luaL_error(L, "another task closes this server");
	begin_close(L, s, grace > 0 ? (uint64_t)grace : 0);
	if (s->open_handles == 0 && s->group.count == 0)
		return push_true(L, NULL);
	return loop_suspend(L, &s->closer);
}

/* server:wait() -> true */
static int server_wait(lua_State *L)
{
	struct server *s = check_server(L);
	if (s->waiter.task != NULL)
		return luaL_error(L, "another task waits for this server");
	if (s->open_handles == 0 && s->group.count == 0)
		return push_true(L, NULL);
	return loop_suspend(L, &s->waiter);
}

/* __close: begins to close; it may not wait here. */
static int server_leave(lua_State *L)
{
	struct server *s = check_server(L);
	bool interrupted = worker_context()->current == NULL;
	if (interrupted)
		s->closer.task = s->waiter.task = NULL; /* the task that waited is being taken apart */
	if (!s->closing && !uv_is_closing((uv_handle_t *)&s->listener))
		begin_close(L, s, LEAVE_MS);
	if (interrupted)
		conn_drop_unanswered(&s->group); /* their tasks do not go on after an interrupt */
	return 0;
}

static int server_gc(lua_State *L)
{
	struct server **box = luaL_checkudata(L, 1, SERVER_TYPE);
	struct server *s = *box;
	if (s == NULL)
		return 0;
	*box = NULL;
	s->collected = true;
	s->closer.task = s->waiter.task = NULL;
	if (!s->closing && uv_is_closing((uv_handle_t *)&s->listener))
		s->open_handles = 0; /* the loop was closed first: no callback will come */
	else if (s->open_handles > 0)
		begin_close(L, s, 0);
	conn_release_all(&s->group);
	free_when_done(s);
	return 0;
}

static int server_index(lua_State *L)
{
	const struct server *s = check_server(L);
	const char *key = luaL_checkstring(L, 2);
	if (strcmp(key, "port") == 0)
		lua_pushinteger(L, s->port);
	else if (strcmp(key, "host") == 0)
		lua_pushstring(L, s->host);
	else if (strcmp(key, "connections") == 0)
		lua_pushinteger(L, s->group.count);
	else if (strcmp(key, "url") == 0)
		lua_pushfstring(L, strchr(s->host, ':') != NULL ? "http://[%s]:%d" : "http://%s:%d", s->host, s->port);
	else
		lua_getfield(L, lua_upvalueindex(1), key);
	return 1;
}

/* The server's beginning */

static void on_connection(uv_stream_t *listener, int status)
{
	struct server *s = listener->data;
	if (status == 0 && !s->closing)
		conn_accept(&s->group, listener, s->group.count >= s->max_connections);
}

static lua_Integer option(lua_State *L, const char *name, lua_Integer fallback, lua_Integer max)
{
	lua_getfield(L, 1, name);
	lua_Integer v = luaL_opt(L, luaL_checkinteger, -1, fallback);
	if (v < 0 || v > max)
		luaL_error(L, "%s is out of range", name);
	lua_pop(L, 1);
	return v;
}

static int address(const char *host, int port, struct sockaddr_storage *a)
{
	if (strcmp(host, "localhost") == 0)
		host = "127.0.0.1";
	if (uv_ip4_addr(host, port, (struct sockaddr_in *)a) == 0)
		return 0;
	return uv_ip6_addr(host, port, (struct sockaddr_in6 *)a);
}

static void read_name(struct server *s)
{
	struct sockaddr_storage a;
	int n = sizeof a;
	if (uv_tcp_getsockname(&s->listener, (struct sockaddr *)&a, &n) != 0)
		return;
	if (a.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)&a;
		(void)uv_ip6_name(in, s->host, sizeof s->host);
		s->port = ntohs(in->sin6_port);
	} else {
		const struct sockaddr_in *in = (const struct sockaddr_in *)&a;
		(void)uv_ip4_name(in, s->host, sizeof s->host);
		s->port = ntohs(in->sin_port);
	}
}

static int start(struct server *s, const struct sockaddr_storage *a)
{
	int rc = uv_tcp_bind(&s->listener, (const struct sockaddr *)a, 0);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&s->listener, 1024, on_connection);
	if (rc == 0)
		read_name(s);
	return rc;
}

static int start_failed(lua_State *L, const char *host, lua_Integer port, int rc)
{
	const char *code = rc == UV_EADDRINUSE                  ? "ADDRESS_IN_USE"
	                   : rc == UV_EACCES || rc == UV_EPERM ? "PERMISSION_DENIED"
	                                                       : "LISTEN_FAILED";
	const char *text = lua_pushfstring(L, "cannot listen on %s port %I: %s", host, port, uv_strerror(rc));
	return push_error(L, code, text, -rc);
}

static void server_init(lua_State *L, struct server *s, uv_loop_t *loop)
{
	(void)uv_tcp_init(loop, &s->listener); /* neither can fail: no socket is made yet */
	(void)uv_timer_init(loop, &s->grace);
	s->listener.data = s->grace.data = s;
	s->open_handles = 2;
	s->handler = LUA_NOREF;
	lua_rawgeti(L, LUA_REGISTRYINDEX, LUA_RIDX_MAINTHREAD);
	s->L = lua_tothread(L, -1);
	lua_pop(L, 1);
	s->group.loop = loop;
	s->group.owner = s;
	s->group.on_request = on_request;
	s->group.on_room = on_room;
	s->group.on_gone = on_gone;
	s->group.on_freed = on_freed;
}

/* server.listen{…} -> server | nil, err */
static int server_listen(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	lua_Integer port = option(L, "port", 0, 65535);
	struct conn_limits limits = {
		.max_body = (size_t)option(L, "max_body", 1 << 20, (lua_Integer)1 << 40),
		.header_ms = (uint64_t)option(L, "header_timeout_ms", 10000, 86400000),
		.body_ms = (uint64_t)option(L, "body_timeout_ms", 60000, 86400000),
		.idle_ms = (uint64_t)option(L, "idle_timeout_ms", 60000, 86400000),
	};
	unsigned most = (unsigned)option(L, "max_connections", 4096, 1000000);
	lua_getfield(L, 1, "host");
	const char *host = luaL_optstring(L, 2, "127.0.0.1");
	struct sockaddr_storage a;
	memset(&a, 0, sizeof a);
	if (address(host, (int)port, &a) != 0)
		return push_error(L, "ADDRESS_INVALID", "host is not a numeric address", EINVAL);
	uv_loop_t *loop = loop_uv(L);
	struct server **box = lua_newuserdatauv(L, sizeof *box, 0);
	*box = NULL;
	luaL_setmetatable(L, SERVER_TYPE);
	if (lua_getfield(L, 1, "handler") != LUA_TFUNCTION)
		return luaL_error(L, "handler is not a function");
	struct server *s = calloc(1, sizeof *s);
	if (s == NULL)
		return luaL_error(L, "not enough memory");
	*box = s; /* from here on its __gc owns the rest */
	server_init(L, s, loop);
	s->group.limits = limits;
	s->max_connections = most;
	s->handler = luaL_ref(L, LUA_REGISTRYINDEX);
	int rc = start(s, &a);
	if (rc != 0) {
		begin_close(L, s, 0);
		return start_failed(L, host, port, rc);
	}
	return 1;
}

int luaopen_server(lua_State *L)
{
	static const luaL_Reg methods[] = { { "close", server_close }, { "wait", server_wait }, { NULL, NULL } };
	static const luaL_Reg meta[] = { { "__gc", server_gc }, { "__close", server_leave }, { NULL, NULL } };
	static const luaL_Reg request[] = { { "start", request_start },
		                            { "write", request_write },
		                            { "finish", request_finish },
		                            { "wait", request_wait },
		                            { "wake", request_wake },
		                            { "cut", request_cut },
		                            { "gone", request_gone },
		                            { NULL, NULL } };
	static const luaL_Reg module[] = { { "listen", server_listen }, { NULL, NULL } };
	message_setup();
	if (luaL_newmetatable(L, SERVER_TYPE)) {
		luaL_setfuncs(L, meta, 0);
		luaL_newlib(L, methods);
		lua_pushcclosure(L, server_index, 1);
		lua_setfield(L, -2, "__index");
	}
	if (luaL_newmetatable(L, EXCHANGE_TYPE)) {
		lua_pushcfunction(L, exchange_gc);
		lua_setfield(L, -2, "__gc");
	}
	if (luaL_newmetatable(L, REQUEST_TYPE)) {
		luaL_newlib(L, request);
		lua_setfield(L, -2, "__index");
	}
	lua_settop(L, 0);
	luaL_newlib(L, module);
	return 1;
}
