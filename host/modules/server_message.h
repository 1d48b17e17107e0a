/* One HTTP/1.1 request as it arrives: bytes in, a whole message or a refusal out.
 * The only unit that drives the parser. It is strict: whatever two programs could read differently is
 * refused with a status, and nothing of such a message is handed on (RFC 9112 §2–§7, §11). */
#ifndef TOOL_SERVER_MESSAGE_H
#define TOOL_SERVER_MESSAGE_H

#include "base/buf.h"

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>

#define MESSAGE_MAX_HEAD (32u * 1024u) /* request line and headers together, bytes */
#define MESSAGE_MAX_FIELDS 100u

/* Offsets into message.head; names are lower case. */
struct field {
	size_t name, name_len, value, value_len;
};

struct message {
	http_parser parser;
	struct buf head; /* the target, then names and values */
	size_t target_len;
	struct field *fields;
	size_t count, cap;
	struct buf body;
	size_t max_body;
	bool in_value;       /* the last header callback was a value */
	bool headers_done;   /* the body, if any, follows */
	bool complete;       /* the whole message is here */
	bool wants_continue; /* the client waits for 100 before it sends the body */
	bool keep_alive;     /* the client lets the connection stay open */
	int refusal;         /* status to answer with before closing; 0 = none */
	const char *reason;  /* why, for people; static */
};

/* Once per process: the parser's own limit on the head. */
void message_setup(void);

void message_init(struct message *m, size_t max_body);
void message_free(struct message *m);

/* Forgets the message, keeps the limit: the next one may begin. */
void message_reset(struct message *m);

/* Takes bytes up to the end of this message and returns how many it took. Afterwards `complete` or
 * `refusal` may be set; until one is, all bytes are taken. */
size_t message_feed(struct message *m, const char *bytes, size_t n);

const char *message_method(const struct message *m);

/* HTTP/1.0: no chunked answer, no keep-alive unless asked for. */
bool message_is_old(const struct message *m);

#endif
