/* See http_client.h. The glue follows libcurl's "multi_socket" interface: libcurl names the sockets and the one
 * timeout that it wants watched, libuv watches them and calls curl_multi_socket_action(). */
#include "http_client.h"

#include <lauxlib.h>
#include <stdlib.h>

#include "../worker/context.h"
#include "../worker/loop.h"

/* More than a browser opens, fewer than a process may: a batch over HTTP/1.1 is bounded by this. */
enum { MAX_CONNECTIONS = 64 };

struct http_timer {
	uv_timer_t uv;
	void (*fire)(void *arg);
	void *arg;
};

struct client {
	CURLM *multi;
	uv_loop_t *loop;
	struct http_timer *timer;
	struct http_item *first_news;
	size_t active;
};

/* One watched socket; owned by libcurl through curl_multi_assign, freed by libuv's close callback. */
struct watch {
	uv_poll_t uv;
	struct client *client;
	curl_socket_t fd;
	int events; /* that libcurl waits for */
};

static const char REGISTRY_KEY = 0;

/* Closes a handle that `closed` frees. The worker may have closed its loop, and with it every handle, already. */
static void discard(uv_handle_t *handle, uv_close_cb closed)
{
	if (worker_context()->loop == NULL)
		closed(handle);
	else
		uv_close(handle, closed);
}

/* Timers */

static void timer_fired(uv_timer_t *uv)
{
	struct http_timer *timer = uv->data;
	timer->fire(timer->arg);
}

static void timer_closed(uv_handle_t *uv)
{
	free(uv->data);
}

struct http_timer *http_timer_new(struct client *client, void (*fire)(void *arg), void *arg)
{
	struct http_timer *timer = calloc(1, sizeof *timer);
	if (timer == NULL)
		return NULL;
	if (uv_timer_init(client->loop, &timer->uv) != 0) {
		free(timer);
		return NULL;
	}
	timer->uv.data = timer;
	timer->fire = fire;
	timer->arg = arg;
	return timer;
}

void http_timer_start(struct http_timer *timer, uint64_t ms)
{
	uv_update_time(timer->uv.loop); /* Lua may have computed for long since the loop looked at the clock */
	uv_timer_start(&timer->uv, timer_fired, ms, 0);
}

void http_timer_stop(struct http_timer *timer)
{
	uv_timer_stop(&timer->uv);
}

void http_timer_free(struct http_timer *timer)
{
	if (timer != NULL)
		discard((uv_handle_t *)&timer->uv, timer_closed);
}

/* News */

void http_item_note(struct client *client, struct http_item *item)
{
	if (client == NULL || item->news)
		return;
	item->news = true;
	item->prev = NULL;
	item->next = client->first_news;
	if (item->next != NULL)
		item->next->prev = item;
	client->first_news = item;
}

static void forget_news(struct client *client, struct http_item *item)
{
	if (!item->news)
		return;
	item->news = false;
	if (item->prev != NULL)
		item->prev->next = item->next;
	else
		client->first_news = item->next;
	if (item->next != NULL)
		item->next->prev = item->prev;
	item->next = item->prev = NULL;
}

/* Keeps the loop alive for the timeout only while a transfer needs it. */
static void count_active(struct client *client, bool more)
{
	if (more)
		client->active++;
	else
		client->active--;
	if (worker_context()->loop == NULL)
		return;
	if (client->active > 0)
		uv_ref((uv_handle_t *)&client->timer->uv);
	else
		uv_unref((uv_handle_t *)&client->timer->uv);
}

void http_client_settle(struct client *client)
{
	int left;
	CURLMsg *message;
	while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode result = message->data.result;
		struct http_item *item = NULL;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &item);
		if (item == NULL)
			continue;
		http_item_stop(item);
		item->done(item, result);
	}
	while (client->first_news != NULL) {
		struct http_item *item = client->first_news;
		forget_news(client, item);
		item->tell(item);
	}
}

/* Libcurl's wishes */

static void act(struct client *client, curl_socket_t fd, int events)
{
	int running;
	curl_multi_socket_action(client->multi, fd, events, &running);
	http_client_settle(client);
}

static void on_timeout(void *arg)
{
	act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static void on_socket_ready(uv_poll_t *uv, int status, int events)
{
	struct watch *watch = uv->data;
	int what = 0;
	/* At an error libuv stops watching; libcurl, told nothing, looks itself and reads what came before the error. */
	if (status < 0 && uv_poll_start(uv, watch->events, on_socket_ready) != 0)
		what = CURL_CSELECT_ERR;
	if (events & UV_READABLE)
		what |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		what |= CURL_CSELECT_OUT;
	act(watch->client, watch->fd, what);
}

static int wish_timeout(CURLM *multi, long ms, void *arg)
{
	struct client *client = arg;
	(void)multi;
	if (worker_context()->loop == NULL)
		return 0;
	if (ms < 0)
		http_timer_stop(client->timer);
	else
		http_timer_start(client->timer, (uint64_t)ms);
	return 0;
}

static void watch_closed(uv_handle_t *uv)
{
	free(uv->data);
}

static struct watch *watch_new(struct client *client, curl_socket_t fd)
{
	struct watch *watch = calloc(1, sizeof *watch);
	if (watch == NULL)
		return NULL;
	if (uv_poll_init_socket(client->loop, &watch->uv, fd) != 0) {
		free(watch);
		return NULL;
	}
	watch->uv.data = watch;
	watch->client = client;
	watch->fd = fd;
	return watch;
}

static int wish_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
	struct client *client = arg;
	struct watch *watch = assigned;
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (watch == NULL)
			return 0;
		curl_multi_assign(client->multi, fd, NULL);
		discard((uv_handle_t *)&watch->uv, watch_closed); /* closing also stops watching, at once */
		return 0;
	}
	if (watch == NULL) {
		watch = watch_new(client, fd);
		if (watch == NULL)
			return -1;
		curl_multi_assign(client->multi, fd, watch);
	}
	watch->events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
	return uv_poll_start(&watch->uv, watch->events, on_socket_ready) == 0 ? 0 : -1;
}

/* Items */

bool http_item_start(struct client *client, struct http_item *item)
{
	curl_easy_setopt(item->easy, CURLOPT_PRIVATE, item);
	if (curl_multi_add_handle(client->multi, item->easy) != CURLM_OK)
		return false;
	item->client = client;
	count_active(client, true);
	return true;
}

void http_item_stop(struct http_item *item)
{
	struct client *client = item->client;
	if (client == NULL)
		return;
	item->client = NULL;
	forget_news(client, item);
	curl_multi_remove_handle(client->multi, item->easy);
	count_active(client, false);
}

/* Life of the client */

static int client_gc(lua_State *L)
{
	struct client *client = lua_touserdata(L, 1);
	if (client->multi != NULL)
		curl_multi_cleanup(client->multi); /* asks wish_socket to remove what is watched */
	client->multi = NULL;
	http_timer_free(client->timer);
	client->timer = NULL;
	return 0;
}

static bool client_open(struct client *client)
{
	client->timer = http_timer_new(client, on_timeout, client);
	client->multi = curl_multi_init();
	if (client->timer == NULL || client->multi == NULL)
		return false;
	uv_unref((uv_handle_t *)&client->timer->uv);
	CURLM *multi = client->multi;
	return curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, wish_socket) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, wish_timeout) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)MAX_CONNECTIONS) == CURLM_OK &&
	       curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)MAX_CONNECTIONS) == CURLM_OK;
}

struct client *http_client(lua_State *L)
{
	lua_rawgetp(L, LUA_REGISTRYINDEX, &REGISTRY_KEY);
	struct client *client = lua_touserdata(L, -1);
	lua_pop(L, 1);
	if (client != NULL)
		return client;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		luaL_error(L, "libcurl does not start");
	uv_loop_t *loop = loop_uv(L); /* first, so that the loop is finalised after the client */
	client = lua_newuserdatauv(L, sizeof *client, 0);
	*client = (struct client){.loop = loop};
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, client_gc);
	lua_setfield(L, -2, "__gc");
	lua_setmetatable(L, -2);
	if (!client_open(client))
		luaL_error(L, "the HTTP client does not start: out of memory");
	lua_rawsetp(L, LUA_REGISTRYINDEX, &REGISTRY_KEY);
	return client;
}
