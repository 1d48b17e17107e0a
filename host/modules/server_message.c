#include "server_message.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int refuse(struct message *m, int status, const char *reason)
{
	if (m->refusal == 0) {
		m->refusal = status;
		m->reason = reason;
	}
	return -1;
}

static int out_of_memory(struct message *m)
{
	return refuse(m, 503, "out of memory");
}

static int on_url(http_parser *p, const char *at, size_t n)
{
	struct message *m = p->data;
	if (!buf_put(&m->head, at, n))
		return out_of_memory(m);
	m->target_len += n;
	return 0;
}

static struct field *new_field(struct message *m)
{
	if (m->count == m->cap) {
		size_t cap = m->cap == 0 ? 16 : m->cap * 2;
		struct field *f = realloc(m->fields, cap * sizeof *f);
		if (f == NULL)
			return NULL;
		m->fields = f;
		m->cap = cap;
	}
	struct field *f = &m->fields[m->count++];
	*f = (struct field){ .name = m->head.len };
	return f;
}

static int on_field(http_parser *p, const char *at, size_t n)
{
	struct message *m = p->data;
	if (m->headers_done)
		return 0; /* trailers carry nothing that a route may rely on */
	if (m->count == 0 || m->in_value) {
		if (m->count == MESSAGE_MAX_FIELDS)
			return refuse(m, 431, "too many header fields");
		if (new_field(m) == NULL)
			return out_of_memory(m);
		m->in_value = false;
	}
	for (size_t i = 0; i < n; i++) {
		char c = at[i];
		if (c == ' ' || c == '\t')
			return refuse(m, 400, "white space in a header name");
		if (!buf_putc(&m->head, c >= 'A' && c <= 'Z' ? (char)(c + 32) : c))
			return out_of_memory(m);
	}
	m->fields[m->count - 1].name_len += n;
	return 0;
}

static int on_value(http_parser *p, const char *at, size_t n)
{
	struct message *m = p->data;
	if (m->headers_done || m->count == 0)
		return 0;
	struct field *f = &m->fields[m->count - 1];
	if (!m->in_value) {
		m->in_value = true;
		f->value = m->head.len;
	}
	if (!buf_put(&m->head, at, n))
		return out_of_memory(m);
	f->value_len += n;
	return 0;
}

static bool field_is(const struct message *m, const struct field *f, const char *name)
{
	return f->name_len == strlen(name) && memcmp(m->head.data + f->name, name, f->name_len) == 0;
}

static bool value_is(const struct message *m, const struct field *f, const char *value)
{
	return f->value_len == strlen(value) && strncasecmp(m->head.data + f->value, value, f->value_len) == 0;
}

/* What the parser lets through and a strict server must not. */
static int check_head(struct message *m)
{
	unsigned hosts = 0;
	for (size_t i = 0; i < m->count; i++) {
		const struct field *f = &m->fields[i];
		if (field_is(m, f, "host"))
			hosts++;
		else if (field_is(m, f, "transfer-encoding") && !value_is(m, f, "chunked"))
			return refuse(m, 501, "only the transfer coding chunked is understood");
		else if (field_is(m, f, "expect")) {
			if (!value_is(m, f, "100-continue"))
				return refuse(m, 417, "only the expectation 100-continue is understood");
			m->wants_continue = !message_is_old(m);
		}
	}
	if (hosts > 1 || (hosts == 0 && !message_is_old(m)))
		return refuse(m, 400, "exactly one Host header is required");
	return 0;
}

static int on_headers(http_parser *p)
{
	struct message *m = p->data;
	m->headers_done = true;
	if (p->http_major != 1 || p->http_minor > 1)
		return refuse(m, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
	if (p->method == HTTP_CONNECT)
		return refuse(m, 501, "this is no proxy");
	p->upgrade = 0; /* an offer to switch protocols may be ignored */
	m->keep_alive = http_should_keep_alive(p) != 0;
	if (check_head(m) != 0)
		return -1;
	bool sized = p->content_length != UINT64_MAX;
	if (sized && p->content_length > m->max_body)
		return refuse(m, 413, "the body is larger than this server takes");
	if ((!sized || p->content_length == 0) && (p->flags & F_CHUNKED) == 0)
		m->wants_continue = false;
	return 0;
}

static int on_body(http_parser *p, const char *at, size_t n)
{
	struct message *m = p->data;
	m->wants_continue = false;
	if (n > m->max_body - m->body.len)
		return refuse(m, 413, "the body is larger than this server takes");
	return buf_put(&m->body, at, n) ? 0 : out_of_memory(m);
}

static int on_complete(http_parser *p)
{
	struct message *m = p->data;
	m->complete = true;
	m->wants_continue = false;
	http_parser_pause(p, 1); /* what follows is the next message */
	return 0;
}

static const http_parser_settings settings = {
	.on_url = on_url,
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_headers,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

void message_setup(void)
{
	http_parser_set_max_header_size(MESSAGE_MAX_HEAD);
}

void message_init(struct message *m, size_t max_body)
{
	memset(m, 0, sizeof *m);
	buf_init(&m->head);
	buf_init(&m->body);
	m->max_body = max_body;
	http_parser_init(&m->parser, HTTP_REQUEST);
	m->parser.data = m;
}

void message_free(struct message *m)
{
	buf_free(&m->head);
	buf_free(&m->body);
	free(m->fields);
	m->fields = NULL;
	m->count = m->cap = 0;
}

void message_reset(struct message *m)
{
	size_t max_body = m->max_body;
	message_free(m); /* an idle connection holds nothing */
	message_init(m, max_body);
}

static void refuse_syntax(struct message *m)
{
	enum http_errno e = HTTP_PARSER_ERRNO(&m->parser);
	if (e != HPE_HEADER_OVERFLOW)
		(void)refuse(m, 400, http_errno_description(e));
	else if (m->count == 0 && !m->headers_done)
		(void)refuse(m, 414, "the request target is too long");
	else
		(void)refuse(m, 431, "the header is larger than 32 KB");
}

size_t message_feed(struct message *m, const char *bytes, size_t n)
{
	size_t used = http_parser_execute(&m->parser, &settings, bytes, n);
	if (!m->complete && HTTP_PARSER_ERRNO(&m->parser) != HPE_OK)
		refuse_syntax(m);
	return used;
}

const char *message_method(const struct message *m)
{
	return http_method_str((enum http_method)m->parser.method);
}

bool message_is_old(const struct message *m)
{
	return m->parser.http_minor == 0;
}
