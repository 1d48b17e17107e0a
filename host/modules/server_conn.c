#include "server_conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CROWDED (256u * 1024u)     /* bytes waiting to be sent at which a sender has to wait */
#define PIPELINE_MAX (64u * 1024u) /* bytes kept of requests that wait behind a running one */
#define LINGER_MS 1000u            /* how long a client may read the last answer before the reset */
#define LINGER_MAX (1024u * 1024u) /* bytes thrown away meanwhile */

enum phase {
	PHASE_IDLE,    /* between requests */
	PHASE_HEADER,  /* a request has begun */
	PHASE_BODY,
	PHASE_ANSWER,  /* the owner has the request */
	PHASE_LAST,    /* the last answer is being sent */
	PHASE_LINGER,  /* all is sent, the client may read it */
	PHASE_CLOSED
};

struct conn {
	uv_tcp_t tcp;
	uv_timer_t timer;
	uv_shutdown_t shutdown;
	struct conn_group *group;
	struct conn *next, **link;
	struct message message;
	struct buf waiting; /* input behind the running request … */
	size_t waiting_at;  /* … of which so much is taken */
	uint64_t submitted; /* bytes given to the socket, sent or queued */
	uint64_t sent_mark; /* bytes sent when the timer was set */
	enum phase phase;
	bool ended;     /* the client sends no more */
	bool paused;    /* reading is stopped */
	bool streaming; /* an end of the client's side means that it left */
	bool was_crowded;
	bool served;    /* one request was answered */
	bool late;      /* the time is over, but input that waits while a handler works is looked at first */
	int open_handles;
	size_t discarded;
	void *data;
	char address[INET6_ADDRSTRLEN];
	int port;
};

struct sending {
	uv_write_t req;
	char bytes[];
};

static void set_phase(struct conn *c, enum phase phase);
static void alloc_cb(uv_handle_t *h, size_t hint, uv_buf_t *b);
static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b);

struct conn_group *conn_group(const struct conn *c)
{
	return c->group;
}

struct message *conn_message(struct conn *c)
{
	return &c->message;
}

void *conn_data(const struct conn *c)
{
	return c->data;
}

void conn_set_data(struct conn *c, void *data)
{
	c->data = data;
}

const char *conn_address(const struct conn *c)
{
	return c->address;
}

int conn_port(const struct conn *c)
{
	return c->port;
}

/* Bytes that the socket has not taken yet. */
static size_t queued(const struct conn *c)
{
	return uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp);
}

static bool receiving(const struct conn *c)
{
	return c->phase == PHASE_IDLE || c->phase == PHASE_HEADER || c->phase == PHASE_BODY;
}

/* The end */

static void unlink_and_free(struct conn *c)
{
	struct conn_group *g = c->group;
	*c->link = c->next;
	if (c->next != NULL)
		c->next->link = c->link;
	g->count--;
	message_free(&c->message);
	buf_free(&c->waiting);
	free(c);
}

static void on_closed(uv_handle_t *h)
{
	struct conn *c = h->data;
	if (--c->open_handles > 0)
		return;
	struct conn_group *g = c->group;
	unlink_and_free(c);
	uv_stream_t *owed = g->owed;
	g->owed = NULL;
	if (owed != NULL)
		conn_accept(g, owed, false);
	g->on_freed(g);
}

static void end(struct conn *c, bool reset)
{
	if (c->phase == PHASE_CLOSED)
		return;
	bool loop_closed = uv_is_closing((uv_handle_t *)&c->tcp) != 0;
	c->phase = PHASE_CLOSED;
	c->group->on_gone(c);
	if (loop_closed) {
		c->open_handles = 0; /* no callback will come: conn_release_all frees it */
		return;
	}
	if (!reset || uv_tcp_close_reset(&c->tcp, on_closed) != 0)
		uv_close((uv_handle_t *)&c->tcp, on_closed);
	uv_close((uv_handle_t *)&c->timer, on_closed);
}

void conn_drop(struct conn *c)
{
	end(c, false);
}

void conn_reset(struct conn *c)
{
	end(c, true);
}

void conn_drop_all(struct conn_group *g)
{
	for (struct conn *c = g->first; c != NULL; c = c->next)
		conn_drop(c);
}

void conn_drain(struct conn_group *g)
{
	g->draining = true;
	for (struct conn *c = g->first; c != NULL; c = c->next) {
		if (c->phase == PHASE_IDLE && queued(c) > 0)
			set_phase(c, PHASE_LAST); /* a slow reader of an answer that is complete */
		else if (receiving(c))
			conn_drop(c);
	}
}

void conn_drop_unanswered(struct conn_group *g)
{
	for (struct conn *c = g->first; c != NULL; c = c->next)
		if (c->phase == PHASE_ANSWER)
			conn_drop(c);
}

void conn_release_all(struct conn_group *g)
{
	for (struct conn *c = g->first, *next; c != NULL; c = next) {
		next = c->next;
		conn_drop(c);
		if (c->open_handles == 0)
			unlink_and_free(c);
	}
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
	struct conn *c = req->data;
	if (status != 0 && status != UV_ECANCELED)
		conn_drop(c);
}

/* Once all is sent: lets the client read it before the socket goes (RFC 9112 §9.6). */
static void linger_when_sent(struct conn *c)
{
	if (c->phase != PHASE_LAST || queued(c) > 0)
		return;
	c->shutdown.data = c;
	if (c->ended || uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown) != 0) {
		conn_drop(c);
		return;
	}
	set_phase(c, PHASE_LINGER);
	if (c->paused && uv_read_start((uv_stream_t *)&c->tcp, alloc_cb, on_read) != 0)
		conn_drop(c);
}

/* Sending */

static void send_text(struct conn *c, const char *text)
{
	uv_buf_t b = uv_buf_init((char *)text, (unsigned)strlen(text));
	(void)conn_send(c, &b, 1);
}

/* An answer of the server itself; the connection ends with it. */
static void refuse(struct conn *c, int status, const char *reason)
{
	char text[512];
	char body[256];
	const char *code = status >= 500 ? "SERVER_ERROR" : status == 408 ? "REQUEST_TIMEOUT" : "BAD_REQUEST";
	int n = snprintf(body, sizeof body, "{\"code\":\"%s\",\"message\":\"%s\"}", code, reason);
	(void)snprintf(text, sizeof text,
	               "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
	               "Connection: close\r\n\r\n%s",
	               status, http_status_str((enum http_status)status), n, body);
	set_phase(c, PHASE_LAST);
	send_text(c, text);
	linger_when_sent(c);
}

static void on_timer(uv_timer_t *t)
{
	struct conn *c = t->data;
	bool progress = c->submitted - queued(c) > c->sent_mark;
	if (receiving(c) && !c->late) {
		c->late = true;
		(void)uv_timer_start(t, on_timer, 1, 0); /* after the sockets had their turn */
	} else if (c->phase == PHASE_BODY || c->phase == PHASE_HEADER)
		refuse(c, 408, "the request took too long to arrive");
	else if (c->phase != PHASE_LINGER && queued(c) > 0 && progress)
		set_phase(c, c->phase); /* a slow reader, but it reads */
	else if (c->phase != PHASE_ANSWER || queued(c) > 0)
		conn_drop(c);
}

static void set_timer(struct conn *c, uint64_t ms)
{
	c->sent_mark = c->submitted - queued(c);
	c->late = false;
	if (ms == 0)
		(void)uv_timer_stop(&c->timer);
	else
		(void)uv_timer_start(&c->timer, on_timer, ms, 0);
}

static void set_phase(struct conn *c, enum phase phase)
{
	const struct conn_limits *l = &c->group->limits;
	c->phase = phase;
	switch (phase) {
	case PHASE_IDLE:
		set_timer(c, c->served ? l->idle_ms : l->header_ms);
		break;
	case PHASE_HEADER:
		set_timer(c, l->header_ms);
		break;
	case PHASE_BODY:
		set_timer(c, l->body_ms);
		break;
	case PHASE_ANSWER:
		set_timer(c, queued(c) > 0 ? l->idle_ms : 0);
		break;
	case PHASE_LAST:
		set_timer(c, l->idle_ms);
		break;
	case PHASE_LINGER:
		set_timer(c, LINGER_MS);
		break;
	case PHASE_CLOSED:
		break;
	}
}

bool conn_crowded(const struct conn *c)
{
	return queued(c) > CROWDED;
}

static void take_waiting(struct conn *c);

static void on_sent(uv_write_t *req, int status)
{
	struct conn *c = req->data;
	free(req);
	if (c->phase == PHASE_CLOSED || status == UV_ECANCELED)
		return;
	if (status != 0) {
		conn_drop(c);
		return;
	}
	if (c->was_crowded && !conn_crowded(c)) {
		c->was_crowded = false;
		if (c->phase == PHASE_ANSWER)
			c->group->on_room(c);
		else if (c->phase == PHASE_IDLE)
			take_waiting(c);
	}
	linger_when_sent(c);
}

/* Copies what is left of the parts after `skip` bytes into one write. */
static int send_rest(struct conn *c, const uv_buf_t *parts, unsigned count, size_t skip, size_t total)
{
	struct sending *s = malloc(sizeof *s + (total - skip));
	if (s == NULL)
		return UV_ENOMEM;
	size_t at = 0;
	for (unsigned i = 0; i < count; i++) {
		size_t cut = skip < parts[i].len ? skip : parts[i].len;
		memcpy(s->bytes + at, parts[i].base + cut, parts[i].len - cut);
		at += parts[i].len - cut;
		skip -= cut;
	}
	s->req.data = c;
	uv_buf_t b = { .base = s->bytes, .len = at };
	int rc = uv_write(&s->req, (uv_stream_t *)&c->tcp, &b, 1, on_sent);
	if (rc != 0)
		free(s);
	return rc;
}

bool conn_send(struct conn *c, const uv_buf_t *parts, unsigned count)
{
	if (c->phase == PHASE_CLOSED)
		return false;
	uv_stream_t *s = (uv_stream_t *)&c->tcp;
	size_t total = 0, sent = 0;
	for (unsigned i = 0; i < count; i++)
		total += parts[i].len;
	if (total == 0)
		return true;
	bool behind = queued(c) > 0;
	int rc = behind ? UV_EAGAIN : uv_try_write(s, parts, count);
	if (rc >= 0)
		sent = (size_t)rc;
	else if (rc != UV_EAGAIN) {
		conn_drop(c);
		return false;
	}
	c->submitted += total;
	if (sent == total)
		return true;
	if (send_rest(c, parts, count, sent, total) != 0) {
		conn_drop(c);
		return false;
	}
	if (!behind && c->phase == PHASE_ANSWER)
		set_phase(c, PHASE_ANSWER); /* starts the clock for progress */
	c->was_crowded = c->was_crowded || conn_crowded(c);
	return true;
}

/* Receiving */

static void on_complete(struct conn *c)
{
	set_phase(c, PHASE_ANSWER);
	c->group->on_request(c);
}

/* Feeds one message; returns how many bytes it took. */
static size_t feed(struct conn *c, const char *bytes, size_t n)
{
	struct message *m = &c->message;
	if (c->phase == PHASE_IDLE)
		set_phase(c, PHASE_HEADER);
	size_t used = message_feed(m, bytes, n);
	if (m->refusal != 0) {
		refuse(c, m->refusal, m->reason);
		return n;
	}
	if (m->wants_continue) {
		m->wants_continue = false;
		send_text(c, "HTTP/1.1 100 Continue\r\n\r\n");
	}
	if (c->phase == PHASE_CLOSED)
		return n;
	if (m->complete)
		on_complete(c);
	else if (m->headers_done && c->phase == PHASE_HEADER)
		set_phase(c, PHASE_BODY);
	return used;
}

static size_t waiting(const struct conn *c)
{
	return c->waiting.len - c->waiting_at;
}

static void forget_waiting(struct conn *c)
{
	buf_free(&c->waiting);
	c->waiting_at = 0;
}

static void keep_for_later(struct conn *c, const char *bytes, size_t n)
{
	if (c->waiting_at > 0) {
		memmove(c->waiting.data, c->waiting.data + c->waiting_at, waiting(c));
		c->waiting.len = waiting(c);
		c->waiting_at = 0;
	}
	if (!buf_put(&c->waiting, bytes, n)) {
		conn_drop(c);
		return;
	}
	if (waiting(c) >= PIPELINE_MAX && !c->paused) {
		c->paused = true;
		(void)uv_read_stop((uv_stream_t *)&c->tcp);
	}
}

/* Takes bytes of the client in whatever phase the connection is. */
static void take(struct conn *c, const char *bytes, size_t n)
{
	size_t used = 0;
	while (used < n && receiving(c) && !conn_crowded(c))
		used += feed(c, bytes + used, n - used);
	if (used == n || c->phase == PHASE_CLOSED || c->phase == PHASE_LAST)
		return;
	if (c->phase != PHASE_LINGER)
		keep_for_later(c, bytes + used, n - used);
	else if ((c->discarded += n - used) > LINGER_MAX)
		conn_drop(c);
}

static void alloc_cb(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
	(void)hint;
	struct conn *c = h->data;
	b->base = c->group->scratch;
	b->len = sizeof c->group->scratch;
}

/* Goes on with what came while the last request was answered. */
static void take_waiting(struct conn *c)
{
	while (waiting(c) > 0 && receiving(c) && !conn_crowded(c))
		c->waiting_at += feed(c, c->waiting.data + c->waiting_at, waiting(c));
	if (waiting(c) == 0)
		forget_waiting(c);
	if (c->ended && receiving(c)) {
		if (waiting(c) == 0)
			conn_answered(c, false);
	} else if (c->paused && !c->ended && c->phase != PHASE_CLOSED && waiting(c) < PIPELINE_MAX) {
		c->paused = false;
		if (uv_read_start((uv_stream_t *)&c->tcp, alloc_cb, on_read) != 0)
			conn_drop(c);
	}
}

static void on_end(struct conn *c)
{
	c->ended = true;
	(void)uv_read_stop((uv_stream_t *)&c->tcp);
	if (c->phase == PHASE_ANSWER && !c->streaming)
		return; /* a client may close its side and still read the answer */
	if (c->phase == PHASE_LAST)
		linger_when_sent(c);
	else if (c->phase != PHASE_IDLE || waiting(c) == 0)
		conn_drop(c);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct conn *c = s->data;
	if (n == UV_EOF)
		on_end(c);
	else if (n < 0)
		conn_drop(c);
	else if (n > 0)
		take(c, b->base, (size_t)n);
}

void conn_streaming(struct conn *c)
{
	c->streaming = true;
}

void conn_answered(struct conn *c, bool keep)
{
	if (c->phase == PHASE_CLOSED)
		return;
	c->served = true;
	c->streaming = false;
	message_reset(&c->message);
	if (keep && !c->group->draining) {
		set_phase(c, PHASE_IDLE);
		if (!conn_crowded(c))
			take_waiting(c);
		return;
	}
	forget_waiting(c);
	set_phase(c, PHASE_LAST);
	linger_when_sent(c);
}

/* The beginning */

static void set_peer(struct conn *c)
{
	struct sockaddr_storage a;
	int len = sizeof a;
	if (uv_tcp_getpeername(&c->tcp, (struct sockaddr *)&a, &len) != 0)
		return;
	if (a.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)&a;
		(void)uv_ip4_name(in, c->address, sizeof c->address);
		c->port = ntohs(in->sin_port);
	} else if (a.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)&a;
		(void)uv_ip6_name(in, c->address, sizeof c->address);
		c->port = ntohs(in->sin6_port);
	}
}

static struct conn *conn_new(struct conn_group *g)
{
	struct conn *c = calloc(1, sizeof *c);
	if (c == NULL)
		return NULL;
	if (uv_tcp_init(g->loop, &c->tcp) != 0) {
		free(c);
		return NULL;
	}
	(void)uv_timer_init(g->loop, &c->timer); /* cannot fail */
	c->tcp.data = c->timer.data = c;
	c->open_handles = 2;
	c->group = g;
	message_init(&c->message, g->limits.max_body);
	buf_init(&c->waiting);
	c->next = g->first;
	c->link = &g->first;
	if (c->next != NULL)
		c->next->link = &c->next;
	g->first = c;
	g->count++;
	return c;
}

void conn_accept(struct conn_group *g, uv_stream_t *listener, bool busy)
{
	struct conn *c = conn_new(g);
	if (c == NULL) {
		g->owed = listener;
		return;
	}
	if (uv_accept(listener, (uv_stream_t *)&c->tcp) != 0) {
		conn_drop(c);
		return;
	}
	(void)uv_tcp_nodelay(&c->tcp, 1);
	set_peer(c);
	set_phase(c, PHASE_IDLE);
	if (uv_read_start((uv_stream_t *)&c->tcp, alloc_cb, on_read) != 0)
		conn_drop(c);
	else if (busy)
		refuse(c, 503, "too many connections");
}
