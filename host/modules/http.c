/* http: the module that a worker loads for a command that declares `network`.
 *
 * Promise: http.request, transfer:wait and http.stream suspend the calling task and never block the worker; every failure comes back
 * as `nil, { code, message, … }`; a transfer whose task is gone is cancelled. It follows no redirect, retries nothing,
 * adds no credential and reads no environment: that is decided in lua/http/client.lua. */
#include "http_transfer.h"

#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#define TRANSFER_TYPE "tool.http.transfer"

/* A weak-valued table from transfer address to userdata, in the registry under this address. */
static const char LIVE_KEY = 0;

static struct transfer *check_transfer(lua_State *L)
{
	return luaL_checkudata(L, 1, TRANSFER_TYPE);
}

/* Results */

/* Pushes { code, message, curl, bytes_received, sent, status? }. */
static void push_fault(lua_State *L, const struct transfer *t)
{
	lua_createtable(L, 0, 6);
	lua_pushstring(L, t->fault.code);
	lua_setfield(L, -2, "code");
	lua_pushstring(L, t->fault.message);
	lua_setfield(L, -2, "message");
	lua_pushinteger(L, (lua_Integer)t->fault.curl);
	lua_setfield(L, -2, "curl");
	lua_pushinteger(L, (lua_Integer)t->received);
	lua_setfield(L, -2, "bytes_received");
	lua_pushboolean(L, transfer_was_sent(t));
	lua_setfield(L, -2, "sent");
	if (t->head_done) {
		lua_pushinteger(L, t->status);
		lua_setfield(L, -2, "status");
	}
}

/* Pushes the array of { name, value } from the bytes of t->head. */
static void push_headers(lua_State *L, const struct transfer *t)
{
	lua_newtable(L);
	lua_Integer count = 0;
	for (size_t at = 0; at < t->head.len;) {
		const char *name = t->head.data + at, *value = name + strlen(name) + 1;
		lua_createtable(L, 2, 0); /* headers field */
		lua_pushstring(L, name);
		lua_rawseti(L, -2, 1);
		lua_pushstring(L, value);
		lua_rawseti(L, -2, 2);
		lua_rawseti(L, -2, ++count); /* headers */
		at = (size_t)(value - t->head.data) + strlen(value) + 1;
	}
}

static void set_text_info(lua_State *L, const struct transfer *t, CURLINFO what, const char *key)
{
	char *text = NULL;
	curl_easy_getinfo(t->item.easy, what, &text);
	lua_pushstring(L, text);
	lua_setfield(L, -2, key);
}

static const char *http_version(const struct transfer *t)
{
	long version = 0;
	curl_easy_getinfo(t->item.easy, CURLINFO_HTTP_VERSION, &version);
	return version == CURL_HTTP_VERSION_2_0 ? "2" : version == CURL_HTTP_VERSION_1_0 ? "1.0" : "1.1";
}

/* Pushes the response without its body. */
static void push_head(lua_State *L, const struct transfer *t)
{
	curl_off_t us = 0;
	curl_easy_getinfo(t->item.easy, CURLINFO_TOTAL_TIME_T, &us);
	lua_createtable(L, 0, 8);
	lua_pushinteger(L, t->status);
	lua_setfield(L, -2, "status");
	push_headers(L, t);
	lua_setfield(L, -2, "headers");
	lua_pushinteger(L, (lua_Integer)(us / 1000));
	lua_setfield(L, -2, "time_ms");
	lua_pushstring(L, http_version(t));
	lua_setfield(L, -2, "http");
	set_text_info(L, t, CURLINFO_EFFECTIVE_URL, "url");
	set_text_info(L, t, CURLINFO_PRIMARY_IP, "remote_ip");
}

static int push_failed(lua_State *L, const struct transfer *t)
{
	lua_pushnil(L);
	push_fault(L, t);
	return 2;
}

static int push_response(lua_State *L, void *arg)
{
	struct transfer *t = arg;
	if (t->fault.code != NULL)
		return push_failed(L, t);
	push_head(L, t);
	lua_pushlstring(L, t->body.data != NULL ? t->body.data : "", t->body.len);
	lua_setfield(L, -2, "body");
	lua_pushinteger(L, (lua_Integer)t->received);
	lua_setfield(L, -2, "bytes_received");
	buf_free(&t->body);
	return 1;
}

static int push_stream(lua_State *L, void *arg)
{
	struct transfer *t = arg;
	if (t->fault.code != NULL && !t->head_done)
		return push_failed(L, t);
	t->taken = true; /* a fault after the head is told when the bytes before it were read */
	lua_rawgetp(L, LUA_REGISTRYINDEX, &LIVE_KEY);
	lua_rawgetp(L, -1, t);
	return 1;
}

/* What a stream has now: its bytes, else its fault, else nil for the end. */
static int push_chunk(lua_State *L, void *arg)
{
	struct transfer *t = arg;
	if (t->body.len > 0) {
		lua_pushlstring(L, t->body.data, t->body.len);
		buf_reset(&t->body);
		transfer_resume(t);
		return 1;
	}
	if (t->fault.code != NULL)
		return push_failed(L, t);
	lua_pushnil(L);
	return 1;
}

/* Options. The table of options stands at 1, the transfer's userdata on top of the stack; nothing else stays pushed. */

/* A string field or NULL; pushes it. [+1] */
static const char *get_text(lua_State *L, const char *key, size_t *len)
{
	int type = lua_getfield(L, 1, key);
	if (type == LUA_TNIL)
		return NULL;
	if (type != LUA_TSTRING)
		luaL_error(L, "http: option '%s' is not a string", key);
	return lua_tolstring(L, -1, len);
}

/* A whole number >= 0, or 0 when absent. */
static uint64_t get_count(lua_State *L, const char *key)
{
	lua_getfield(L, 1, key);
	lua_Number n = luaL_optnumber(L, -1, 0);
	lua_pop(L, 1);
	if (!(n > 0))
		return 0;
	return n < 1e15 ? (uint64_t)(n + 0.999) : 0;
}

static bool set_text(lua_State *L, CURL *easy, CURLoption what, const char *key)
{
	const char *text = get_text(L, key, NULL);
	bool ok = text == NULL || curl_easy_setopt(easy, what, text) == CURLE_OK;
	lua_pop(L, 1);
	return ok;
}

static bool refuse(struct transfer *t, const char *code, const char *message)
{
	t->fault.code = code;
	(void)snprintf(t->fault.message, sizeof t->fault.message, "%s", message);
	return false;
}

static bool out_of_memory(struct transfer *t)
{
	return refuse(t, "NO_MEMORY", "not enough memory");
}

/* RFC 9110 §5.6.2 */
static bool is_token(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] <= ' ' || s[i] >= 127 || strchr("\"(),/:;<=>?@[\\]{}", s[i]) != NULL)
			return false;
	}
	return n > 0;
}

static bool is_field_value(const char *s, size_t n)
{
	return memchr(s, '\r', n) == NULL && memchr(s, '\n', n) == NULL && memchr(s, '\0', n) == NULL;
}

static bool is_url(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((unsigned char)s[i] <= ' ' || s[i] == 127)
			return false;
	}
	return n > 0;
}

static bool append_line(struct transfer *t, const char *line)
{
	struct curl_slist *more = curl_slist_append(t->headers, line);
	if (more == NULL)
		return out_of_memory(t);
	t->headers = more;
	return true;
}

/* Adds one { name, value } at the stack top. libcurl writes an empty value only when it is spelled "Name;". */
static bool add_header(lua_State *L, struct transfer *t)
{
	size_t name_len = 0, value_len = 0;
	lua_rawgeti(L, -1, 1);
	lua_rawgeti(L, -2, 2);
	const char *name = lua_tolstring(L, -2, &name_len), *value = lua_tolstring(L, -1, &value_len);
	bool ok = name != NULL && value != NULL && is_token(name, name_len) && is_field_value(value, value_len);
	if (!ok)
		refuse(t, "BAD_HEADER", "a header name is not a token, or its value has a line break");
	if (ok && value_len == 0)
		lua_pushfstring(L, "%s;", name);
	else if (ok)
		lua_pushfstring(L, "%s: %s", name, value);
	ok = ok && append_line(t, lua_tostring(L, -1));
	return ok;
}

static bool set_headers(lua_State *L, struct transfer *t)
{
	/* libcurl's own ideas: a form's content type for any body, and a second's wait for "100 Continue" */
	if (!append_line(t, "Expect:"))
		return false;
	bool has_type = false;
	if (lua_getfield(L, 1, "headers") == LUA_TTABLE) {
		lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
		for (lua_Integer i = 1; i <= n; i++) {
			int top = lua_gettop(L);
			lua_rawgeti(L, -1, i);
			if (!lua_istable(L, -1))
				luaL_error(L, "http: header %d is not { name, value }", (int)i);
			if (!add_header(L, t))
				return false;
			has_type = has_type || strncasecmp(lua_tostring(L, -1), "content-type:", 13) == 0;
			lua_settop(L, top);
		}
	}
	lua_pop(L, 1);
	if (!has_type && t->mime == NULL && !append_line(t, "Content-Type:"))
		return false;
	return curl_easy_setopt(t->item.easy, CURLOPT_HTTPHEADER, t->headers) == CURLE_OK || out_of_memory(t);
}

/* Adds the part { name, data | file, filename, type } at the stack top. */
static bool add_part(lua_State *L, struct transfer *t)
{
	size_t n = 0;
	curl_mimepart *part = curl_mime_addpart(t->mime);
	if (part == NULL)
		return out_of_memory(t);
	lua_getfield(L, -1, "name");
	lua_getfield(L, -2, "data");
	lua_getfield(L, -3, "file");
	lua_getfield(L, -4, "filename");
	lua_getfield(L, -5, "type");
	const char *data = lua_tolstring(L, -4, &n), *file = lua_tostring(L, -3);
	if (curl_mime_name(part, lua_tostring(L, -5)) != CURLE_OK)
		return out_of_memory(t);
	if (file != NULL && curl_mime_filedata(part, file) != CURLE_OK)
		return refuse(t, "IO_ERROR", "a file to send cannot be read");
	if (file == NULL && curl_mime_data(part, data != NULL ? data : "", n) != CURLE_OK)
		return out_of_memory(t);
	bool ok = lua_isnil(L, -2) || curl_mime_filename(part, lua_tostring(L, -2)) == CURLE_OK;
	ok = ok && (lua_isnil(L, -1) || curl_mime_type(part, lua_tostring(L, -1)) == CURLE_OK);
	return ok || out_of_memory(t);
}

static bool set_multipart(lua_State *L, struct transfer *t)
{
	t->mime = curl_mime_init(t->item.easy);
	if (t->mime == NULL)
		return out_of_memory(t);
	lua_Integer n = (lua_Integer)lua_rawlen(L, -1);
	for (lua_Integer i = 1; i <= n; i++) {
		int top = lua_gettop(L);
		lua_rawgeti(L, -1, i);
		if (!lua_istable(L, -1))
			luaL_error(L, "http: part %d is not a table", (int)i);
		if (!add_part(L, t))
			return false;
		lua_settop(L, top);
	}
	return curl_easy_setopt(t->item.easy, CURLOPT_MIMEPOST, t->mime) == CURLE_OK || out_of_memory(t);
}

static bool set_upload(struct transfer *t, const char *path)
{
	int err = http_upload_open(&t->upload, path);
	if (err != 0) {
		(void)snprintf(t->fault.message, sizeof t->fault.message, "%s: %s", path, strerror(err));
		t->fault.code = "IO_ERROR";
		return false;
	}
	curl_easy_setopt(t->item.easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(t->item.easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->upload.size);
	return true;
}

/* The body's string is not copied: the userdata's user value keeps it. */
static void set_bytes(lua_State *L, struct transfer *t, int self, const char *body, size_t n)
{
	curl_easy_setopt(t->item.easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n);
	curl_easy_setopt(t->item.easy, CURLOPT_POSTFIELDS, body);
	lua_pushvalue(L, -1);
	lua_setiuservalue(L, self, 1);
}

/* Method and body. POST, PUT and PATCH have a body always, if an empty one. */
static bool set_method(lua_State *L, struct transfer *t, int self)
{
	size_t n = 0, body_len = 0;
	const char *method = get_text(L, "method", &n);
	if (method == NULL)
		method = "GET", n = 3;
	if (!is_token(method, n))
		return refuse(t, "BAD_METHOD", "the request method is not a token");
	CURL *easy = t->item.easy;
	bool ok = true, has_parts = lua_getfield(L, 1, "multipart") == LUA_TTABLE;
	if (has_parts)
		ok = set_multipart(L, t);
	lua_settop(L, self + 1);
	const char *path = get_text(L, "upload_file", NULL);
	if (ok && path != NULL)
		ok = set_upload(t, path);
	const char *body = get_text(L, "body", &body_len);
	bool needs_body = strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
	if (body != NULL)
		set_bytes(L, t, self, body, body_len);
	else if (needs_body && !has_parts && path == NULL)
		set_bytes(L, t, self, "", 0);
	if (strcmp(method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else if (curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method) != CURLE_OK)
		ok = ok && out_of_memory(t);
	lua_settop(L, self);
	return ok;
}

static bool set_target(lua_State *L, struct transfer *t)
{
	size_t n = 0;
	const char *url = get_text(L, "url", &n);
	if (url == NULL || !is_url(url, n))
		return refuse(t, "BAD_URL", "the address is empty or has a character that none may have");
	CURL *easy = t->item.easy;
	bool ok = curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK;
	lua_pop(L, 1);
	/* Waiting for a connection to be shared pays only where HTTP/2 can be negotiated. */
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, strncasecmp(url, "https:", 6) == 0 ? 1L : 0L);
	/* On a kept connection libcurl itself repeats a request that got no answer, also one that changes something. */
	if (lua_getfield(L, 1, "fresh") != LUA_TNIL && lua_toboolean(L, -1))
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	lua_pop(L, 1);
	ok = set_text(L, easy, CURLOPT_PROXY, "proxy") && ok;
	ok = set_text(L, easy, CURLOPT_NOPROXY, "no_proxy") && ok;
	ok = set_text(L, easy, CURLOPT_CAINFO, "ca_file") && ok;
	ok = set_text(L, easy, CURLOPT_PROXY_CAINFO, "ca_file") && ok;
	return ok || out_of_memory(t);
}

static bool set_limits(lua_State *L, struct transfer *t)
{
	uint64_t total = get_count(L, "timeout_ms"), connect = get_count(L, "connect_timeout_ms");
	t->max_bytes = get_count(L, "max_bytes");
	t->idle_ms = get_count(L, "idle_timeout_ms");
	t->head_ms = t->stream ? total : 0;
	if (!t->stream && total > 0)
		curl_easy_setopt(t->item.easy, CURLOPT_TIMEOUT_MS, (long)total);
	if (connect > 0)
		curl_easy_setopt(t->item.easy, CURLOPT_CONNECTTIMEOUT_MS, (long)connect);
	const char *path = get_text(L, "file", NULL);
	bool ok = path == NULL || staged_init(&t->download, path) == 0 || out_of_memory(t);
	lua_pop(L, 1);
	return ok;
}

/* Pushes a transfer made of the options at 1, and starts it. False: its fault is set. [+1] */
static bool begin(lua_State *L, bool stream, struct transfer **out)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	struct client *client = http_client(L);
	struct transfer *t = lua_newuserdatauv(L, sizeof *t, 1);
	bool ok = transfer_init(t) || out_of_memory(t);
	luaL_setmetatable(L, TRANSFER_TYPE);
	*out = t;
	t->stream = stream;
	t->push = stream ? push_stream : push_response;
	lua_rawgetp(L, LUA_REGISTRYINDEX, &LIVE_KEY);
	lua_pushvalue(L, -2);
	lua_rawsetp(L, -2, t);
	lua_pop(L, 1);
	ok = ok && set_target(L, t) && set_limits(L, t) && set_method(L, t, 2) && set_headers(L, t);
	lua_settop(L, 2);
	return ok && transfer_start(t, client);
}

/* http.request(options) -> response | nil, error. Options and response: lua/http/client.lua. */
static int l_request(lua_State *L)
{
	struct transfer *t;
	if (!begin(L, false, &t))
		return push_failed(L, t);
	lua_toclose(L, 2); /* a task that is ended while it waits takes the transfer with it */
	return loop_suspend(L, &t->wait);
}

/* http.start(options) -> transfer | nil, error; its end is had with wait. */
static int l_start(lua_State *L)
{
	struct transfer *t;
	if (!begin(L, false, &t))
		return push_failed(L, t);
	return 1;
}

/* transfer:wait(ms) -> response | nil, error; or, when it has not ended by then, bytes sent and bytes to send */
static int l_wait(lua_State *L)
{
	struct transfer *t = check_transfer(L);
	lua_Integer ms = luaL_checkinteger(L, 2);
	if (t->stream || t->item.easy == NULL)
		return luaL_error(L, "there is nothing to wait for");
	if (t->wait.task != NULL)
		return luaL_error(L, "another task waits for this transfer");
	if (t->done)
		return push_response(L, t);
	if (!transfer_look_after(t, http_client(L), ms > 0 ? (uint64_t)ms : 1))
		return luaL_error(L, "not enough memory");
	return loop_suspend(L, &t->wait);
}

/* http.stream(options) -> stream | nil, error, once the head has arrived. */
static int l_stream(lua_State *L)
{
	struct transfer *t;
	if (!begin(L, true, &t))
		return push_failed(L, t);
	return loop_suspend(L, &t->wait);
}

/* stream:read() -> bytes | nil at the end | nil, error */
static int l_read(lua_State *L)
{
	struct transfer *t = check_transfer(L);
	if (t->wait.task != NULL)
		return luaL_error(L, "another task reads this stream");
	if (t->item.easy == NULL || transfer_has_news(t))
		return push_chunk(L, t);
	t->push = push_chunk;
	return loop_suspend(L, &t->wait);
}

/* stream:head() -> { status, headers, url, remote_ip, http, time_ms } */
static int l_head(lua_State *L)
{
	struct transfer *t = check_transfer(L);
	if (t->item.easy == NULL)
		return luaL_error(L, "the stream is closed");
	push_head(L, t);
	return 1;
}

/* stream:close(); also __gc and __close */
static int l_close(lua_State *L)
{
	transfer_close(check_transfer(L));
	return 0;
}

static void open_types(lua_State *L)
{
	static const luaL_Reg methods[] = {
		{"read", l_read}, {"head", l_head}, {"wait", l_wait}, {"close", l_close}, {NULL, NULL}};
	luaL_newmetatable(L, TRANSFER_TYPE);
	luaL_newlib(L, methods);
	lua_setfield(L, -2, "__index");
	lua_pushcfunction(L, l_close);
	lua_setfield(L, -2, "__gc");
	lua_pushcfunction(L, l_close);
	lua_setfield(L, -2, "__close");
	lua_pushboolean(L, 0);
	lua_setfield(L, -2, "__metatable");
	lua_pop(L, 1);
	lua_newtable(L);
	lua_createtable(L, 0, 1);
	lua_pushliteral(L, "v");
	lua_setfield(L, -2, "__mode");
	lua_setmetatable(L, -2);
	lua_rawsetp(L, LUA_REGISTRYINDEX, &LIVE_KEY);
}

int luaopen_http(lua_State *L);

int luaopen_http(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"request", l_request}, {"start", l_start}, {"stream", l_stream}, {NULL, NULL}};
	open_types(L);
	luaL_newlib(L, functions);
	lua_pushstring(L, curl_version());
	lua_setfield(L, -2, "version");
	return 1;
}
