/* http_client: one libcurl multi handle driven by the worker's libuv loop.
 *
 * Promise: no thread of our own, no signal, no blocking call. Transfers are added and removed at any time from Lua; Lua
 * is never entered from inside a libcurl callback: what a callback finds out is noted, and the owner is told after
 * libcurl has returned. Connections are kept and reused for the whole run; HTTP/2 is multiplexed over one of them. */
#ifndef HTTP_CLIENT_H
#define HTTP_CLIENT_H

#include <curl/curl.h>
#include <lua.h>
#include <stdbool.h>
#include <uv.h>

struct client;

/* A timer that may outlive its owner: closing is asynchronous in libuv. */
struct http_timer;

/* Something that has one easy handle in the client. Embedded in the owner, zeroed before first use. */
struct http_item {
	struct http_item *next, *prev; /* the list of items with news, while `news` */
	struct client *client;         /* NULL while not added */
	CURL *easy;
	bool news;
	void (*done)(struct http_item *item,
		     CURLcode result);        /* the transfer ended, the easy handle is removed already */
	void (*tell)(struct http_item *item); /* called once after http_item_note() */
};

/* The client of this Lua state, made at first use and kept in the registry. Raises a Lua error when it cannot be made. */
struct client *http_client(lua_State *L);

/* Start item->easy. False when libcurl refuses (out of memory). */
bool http_item_start(struct client *client, struct http_item *item);
/* Take the item out, whatever its state. The easy handle stays the owner's. Safe to repeat. */
void http_item_stop(struct http_item *item);
/* From a libcurl callback: have item->tell called when libcurl has returned. Nothing happens without a client. */
void http_item_note(struct client *client, struct http_item *item);

/* A timer that calls fire(arg). NULL on failure. */
struct http_timer *http_timer_new(struct client *client, void (*fire)(void *arg), void *arg);
void http_timer_start(struct http_timer *timer, uint64_t ms);
void http_timer_stop(struct http_timer *timer);
void http_timer_free(struct http_timer *timer); /* NULL is fine */

/* Deliver what is new: after libcurl calls that were made outside the loop's callbacks. */
void http_client_settle(struct client *client);

#endif
