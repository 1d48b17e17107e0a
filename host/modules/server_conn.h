/* One client connection of the HTTP server: order, time limits, back-pressure and the end.
 * It hands on one whole request at a time and sends the bytes of its answer; what is pipelined behind waits.
 * No Lua here: the owner (server.c) is told through three callbacks, always from the loop. */
#ifndef TOOL_SERVER_CONN_H
#define TOOL_SERVER_CONN_H

#include "server_message.h"

#include <uv.h>

struct conn;

struct conn_limits {
	size_t max_body;
	uint64_t header_ms; /* from the first byte (or the connect) to the end of the headers */
	uint64_t body_ms;   /* from there to the end of the body */
	uint64_t idle_ms;   /* between requests; and without progress while an answer is sent */
};

/* What connections of one server share. Must outlive them all. */
struct conn_group {
	uv_loop_t *loop;
	struct conn_limits limits;
	struct conn *first;
	unsigned count;
	uv_stream_t *owed; /* a listener whose client found no memory; taken when a connection ends */
	bool draining; /* finish what runs, begin nothing */
	void *owner;
	void (*on_request)(struct conn *c); /* conn_message(c) is complete; answer now or later */
	void (*on_room)(struct conn *c);    /* conn_crowded(c) became false */
	void (*on_gone)(struct conn *c);    /* nothing can be sent any more; c is still valid */
	void (*on_freed)(struct conn_group *g); /* one connection less */
	char scratch[65536]; /* read buffer: reading and taking happen in one callback */
};

/* Accepts the next client of a listening socket. With `busy` it is told 503 and let go. */
void conn_accept(struct conn_group *g, uv_stream_t *listener, bool busy);

struct conn_group *conn_group(const struct conn *c);
struct message *conn_message(struct conn *c);
void *conn_data(const struct conn *c);
void conn_set_data(struct conn *c, void *data);

/* The client's address as text, and its port. */
const char *conn_address(const struct conn *c);
int conn_port(const struct conn *c);

/* Sends bytes of the answer, copying what the socket does not take at once. False when the client is gone
 * or memory ran out (then the connection is dropped). */
bool conn_send(struct conn *c, const uv_buf_t *parts, unsigned count);

/* So much waits to be sent that the sender should wait for on_room. */
bool conn_crowded(const struct conn *c);

/* From now on an end of the client's side means that nobody listens: for answers without a known end. */
void conn_streaming(struct conn *c);

/* The answer is complete. With `keep` the next request is taken, else the connection ends once all is sent. */
void conn_answered(struct conn *c, bool keep);

/* Ends the connection at once, also in the middle of an answer. */
void conn_drop(struct conn *c);

/* As conn_drop, and the client is told by a reset instead of an ordinary end (RFC 9293 §3.10.7). */
void conn_reset(struct conn *c);

/* Stops taking requests: idle connections end now, the others when their answer is sent. */
void conn_drain(struct conn_group *g);
void conn_drop_all(struct conn_group *g);

/* Drops those that wait for an answer, because none will come. */
void conn_drop_unanswered(struct conn_group *g);

/* Drops all, also when the loop was closed under them and no callback can follow. */
void conn_release_all(struct conn_group *g);

#endif
