/* http_transfer: one HTTP exchange, whole or streamed.
 *
 * Promise: it ends exactly once, with a complete response or with one fault that says what was missing; a response
 * cut short is a fault, never a short success. Memory for head and body is bounded, a stream that nobody reads is
 * paused. */
#ifndef HTTP_TRANSFER_H
#define HTTP_TRANSFER_H

#include "../base/buf.h"
#include "../base/staged.h"
#include "../worker/loop.h"
#include "http_client.h"
#include "http_file.h"

#include <stdint.h>

/* Why a transfer failed. `code` is static text, NULL while nothing failed. */
struct http_fault {
	const char *code;
	char message[CURL_ERROR_SIZE + 64];
	CURLcode curl; /* 0 when libcurl had no part in it */
};

struct transfer {
	struct http_item item;    /* first: the client knows the transfer by it */
	struct wait wait;         /* the task that waits for the end, or for the next piece of a stream */
	loop_push push;           /* what that task gets */
	struct http_timer *timer; /* stream: silence; else the end of one look at how far it is */
	struct curl_slist *headers;
	curl_mime *mime;
	struct http_upload upload;
	struct staged download; /* path NULL: none */
	uint64_t max_bytes; /* of the body as decoded, 0 = none */
	uint64_t head_ms;   /* stream: longest wait for the head, 0 = none */
	uint64_t idle_ms;   /* stream: longest silence after it, 0 = none */
	uint64_t received;  /* body bytes, decoded */
	struct buf head;    /* name NUL value NUL, names in lower case, in the order of arrival */
	struct buf body;    /* whole, or what a stream has not handed out yet */
	int status;
	bool stream, taken; /* taken: the stream was handed out, its news are bytes from now on */
	bool head_done, done, paused;
	struct http_fault fault;
	char curl_message[CURL_ERROR_SIZE];
};

/* Zeroes t and gives it an easy handle with everything set that no caller chooses. False: out of memory. */
bool transfer_init(struct transfer *t);
/* Sends it off. False: t->fault says why. */
bool transfer_start(struct transfer *t, struct client *client);
/* Ends it without a result and frees everything. Safe to repeat. */
void transfer_close(struct transfer *t);
/* After a stream's buffer was emptied: lets the peer send on. */
void transfer_resume(struct transfer *t);
/* Whether a waiting task has something to get: the end, the head of a stream not yet taken, bytes of one taken. */
bool transfer_has_news(const struct transfer *t);
/* After ms: wakes the task that waits for the end, with transfer_push_sent. False: out of memory. */
bool transfer_look_after(struct transfer *t, struct client *client, uint64_t ms);
/* Pushes how many bytes of the body were sent, and how many there are: 0 when that is not known. */
int transfer_push_sent(lua_State *L, void *transfer);
/* Whether request bytes may have reached the server. */
bool transfer_was_sent(const struct transfer *t);

#endif
