/* See http_transfer.h. */
#include "http_transfer.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
	HEAD_MAX = 512 * 1024,         /* all header fields together */
	STREAM_BUFFER = 256 * 1024,    /* a stream with this much unread is paused */
	EXPLANATION_MAX = 1024 * 1024, /* body of an answer that refuses a download */
	RECEIVE_BUFFER = 64 * 1024,
};

/* Keeps the first fault: what comes after is its consequence. */
static void fail(struct transfer *t, const char *code, const char *message)
{
	if (t->fault.code != NULL)
		return;
	t->fault.code = code;
	(void)snprintf(t->fault.message, sizeof t->fault.message, "%s", message);
}

static void fail_file(struct transfer *t, const char *what, int err)
{
	char text[CURL_ERROR_SIZE];
	(void)snprintf(text, sizeof text, "%s: %s", what, strerror(err));
	fail(t, "IO_ERROR", text);
}

bool transfer_has_news(const struct transfer *t)
{
	if (t->done || !t->stream)
		return t->done;
	return t->taken ? t->body.len > 0 : t->head_done;
}

static void tell(struct http_item *item)
{
	struct transfer *t = (struct transfer *)item;
	if (transfer_has_news(t))
		loop_wake(&t->wait, t->push, t);
}

/* Head */

static bool put_field(struct transfer *t, const char *line, size_t n)
{
	const char *colon = memchr(line, ':', n);
	if (colon == NULL || colon == line)
		return true; /* not a field: ignored, as browsers do */
	for (const char *p = line; p < colon; p++) {
		if (!buf_putc(&t->head, (char)tolower((unsigned char)*p)))
			return false;
	}
	const char *value = colon + 1, *end = line + n;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	return buf_putc(&t->head, '\0') && buf_put(&t->head, value, (size_t)(end - value)) &&
	       buf_putc(&t->head, '\0');
}

/* A line that continues the field before it (obsolete, RFC 9112 §5.2): joined with one space. */
static bool put_folded(struct transfer *t, const char *line, size_t n)
{
	while (n > 0 && (*line == ' ' || *line == '\t'))
		line++, n--;
	if (t->head.len == 0 || n == 0)
		return true;
	t->head.data[t->head.len - 1] = ' ';
	return buf_put(&t->head, line, n) && buf_putc(&t->head, '\0');
}

static void start_head(struct transfer *t, const char *line, size_t n)
{
	buf_reset(&t->head);
	const char *space = memchr(line, ' ', n);
	t->status = space == NULL ? 0 : (int)strtol(space + 1, NULL, 10);
}

static void end_head(struct transfer *t)
{
	if (t->status < 200 && t->status != 101)
		return; /* interim: the real head follows */
	t->head_done = true;
	if (!t->stream)
		return;
	if (t->idle_ms > 0)
		http_timer_start(t->timer, t->idle_ms);
	else
		http_timer_stop(t->timer);
	http_item_note(t->item.client, &t->item);
}

static size_t on_header(char *line, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t all = size * count, n = all;
	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
		n--;
	if (n >= 5 && strncasecmp(line, "HTTP/", 5) == 0 && !t->head_done)
		start_head(t, line, n);
	else if (t->head_done || memchr(line, '\0', n) != NULL)
		return all; /* trailers are no part of the answer, and a field with NUL is none */
	else if (n == 0)
		end_head(t);
	else if (t->head.len + n > HEAD_MAX)
		return fail(t, "RESPONSE_TOO_LARGE", "the response head is larger than 512 KB"), 0;
	else if (!(line[0] == ' ' || line[0] == '\t' ? put_folded(t, line, n) : put_field(t, line, n)))
		return fail(t, "NO_MEMORY", "not enough memory"), 0;
	return all;
}

/* Body */

static bool is_success(const struct transfer *t)
{
	return t->status >= 200 && t->status < 300;
}

static bool too_large(struct transfer *t, size_t n)
{
	t->received += n;
	if (t->max_bytes == 0 || t->received <= t->max_bytes)
		return false;
	char text[96];
	(void)snprintf(text, sizeof text, "the response body is larger than %llu bytes",
		       (unsigned long long)t->max_bytes);
	fail(t, "RESPONSE_TOO_LARGE", text);
	return true;
}

/* The body of an answer that is not a success is text to explain it: it never lands in the file. */
static bool open_download(struct transfer *t)
{
	if (t->download.path == NULL || t->download.fd >= 0 || !is_success(t))
		return true;
	int err = staged_open(&t->download);
	if (err != 0)
		fail_file(t, t->download.path, err);
	return err == 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t n = size * count;
	if (t->stream && t->body.len >= STREAM_BUFFER) {
		t->paused = true;
		http_timer_stop(t->timer);
		return CURL_WRITEFUNC_PAUSE;
	}
	if (too_large(t, n) || !open_download(t))
		return 0;
	if (t->download.path != NULL && t->download.fd < 0 && t->body.len >= EXPLANATION_MAX)
		return n; /* enough of why there is no file */
	if (t->download.fd >= 0) {
		int err = staged_put(&t->download, data, n);
		if (err != 0)
			return fail_file(t, t->download.path, err), 0;
		return n;
	}
	if (!buf_put(&t->body, data, n))
		return fail(t, "NO_MEMORY", "not enough memory"), 0;
	if (t->stream) {
		if (t->idle_ms > 0)
			http_timer_start(t->timer, t->idle_ms);
		http_item_note(t->item.client, &t->item);
	}
	return n;
}

static size_t on_upload(char *into, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	ssize_t got = read(t->upload.fd, into, size * count);
	if (got < 0)
		return fail(t, "IO_ERROR", "the file to send cannot be read"), CURL_READFUNC_ABORT;
	return (size_t)got;
}

static int on_rewind(void *arg, curl_off_t offset, int origin)
{
	struct transfer *t = arg;
	return lseek(t->upload.fd, (off_t)offset, origin) < 0 ? CURL_SEEKFUNC_FAIL : CURL_SEEKFUNC_OK;
}

/* End */

static curl_off_t measure(const struct transfer *t, CURLINFO what)
{
	curl_off_t value = 0;
	if (t->item.easy != NULL)
		curl_easy_getinfo(t->item.easy, what, &value);
	return value;
}

bool transfer_was_sent(const struct transfer *t)
{
	long sent = 0;
	if (t->item.easy != NULL)
		curl_easy_getinfo(t->item.easy, CURLINFO_REQUEST_SIZE, &sent);
	return sent > 0;
}

/* The connection broke: before the head there is no answer, after it there is half of one. */
static const char *broken(const struct transfer *t)
{
	return t->head_done ? "BODY_INCOMPLETE" : "CONNECTION_FAILED";
}

static const char *classify_receive(const struct transfer *t)
{
	long proxy_status = 0;
	curl_easy_getinfo(t->item.easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
	return proxy_status >= 300 ? "PROXY_FAILED" : broken(t);
}

static const char *classify(const struct transfer *t, CURLcode result)
{
	switch (result) {
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL: return t->status == 0 && transfer_was_sent(t) ? "BAD_RESPONSE" : "BAD_URL";
	case CURLE_COULDNT_RESOLVE_HOST: return "DNS_FAILED";
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_PROXY: return "PROXY_FAILED";
	case CURLE_OPERATION_TIMEDOUT:
		return measure(t, CURLINFO_PRETRANSFER_TIME_T) == 0 ? "CONNECT_TIMEOUT" : "TIMEOUT";
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH: return "TLS_FAILED";
	case CURLE_PARTIAL_FILE:
	case CURLE_BAD_CONTENT_ENCODING: return "BODY_INCOMPLETE";
	case CURLE_WEIRD_SERVER_REPLY: return "BAD_RESPONSE";
	case CURLE_OUT_OF_MEMORY: return "NO_MEMORY";
	case CURLE_RECV_ERROR: return classify_receive(t);
	default: return broken(t);
	}
}

static void done(struct http_item *item, CURLcode result)
{
	struct transfer *t = (struct transfer *)item;
	t->done = true;
	if (t->timer != NULL)
		http_timer_stop(t->timer);
	if (result != CURLE_OK) {
		t->fault.curl = result;
		fail(t, classify(t, result),
		     t->curl_message[0] != '\0' ? t->curl_message : curl_easy_strerror(result));
	} else if (open_download(t) && t->download.fd >= 0) {
		int err = staged_commit(&t->download);
		if (err != 0)
			fail_file(t, t->download.path, err);
	}
	staged_drop(&t->download);
	tell(item);
}

static void too_silent(void *arg)
{
	struct transfer *t = arg;
	fail(t, "TIMEOUT", t->head_done ? "the server went silent" : "the server did not answer in time");
	http_item_stop(&t->item);
	done(&t->item, CURLE_OPERATION_TIMEDOUT);
}

/* A look on the way */

int transfer_push_sent(lua_State *L, void *arg)
{
	const struct transfer *t = arg;
	curl_off_t all = measure(t, CURLINFO_CONTENT_LENGTH_UPLOAD_T);
	lua_pushinteger(L, (lua_Integer)measure(t, CURLINFO_SIZE_UPLOAD_T));
	lua_pushinteger(L, all > 0 ? (lua_Integer)all : 0);
	return 2;
}

static void looked(void *arg)
{
	struct transfer *t = arg;
	loop_wake(&t->wait, transfer_push_sent, t);
}

bool transfer_look_after(struct transfer *t, struct client *client, uint64_t ms)
{
	if (t->timer == NULL)
		t->timer = http_timer_new(client, looked, t);
	if (t->timer != NULL)
		http_timer_start(t->timer, ms);
	return t->timer != NULL;
}

/* Life */

static bool set_fixed_options(struct transfer *t)
{
	CURL *e = t->item.easy;
	bool ok = curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
	ok = curl_easy_setopt(e, CURLOPT_ACCEPT_ENCODING, "gzip, deflate") == CURLE_OK && ok;
	ok = curl_easy_setopt(e, CURLOPT_PROXY, "") == CURLE_OK && ok;   /* the environment is read by the caller, */
	ok = curl_easy_setopt(e, CURLOPT_NOPROXY, "") == CURLE_OK && ok; /* never by libcurl */
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->curl_message);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, on_upload);
	curl_easy_setopt(e, CURLOPT_READDATA, t);
	curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_rewind);
	curl_easy_setopt(e, CURLOPT_SEEKDATA, t);
	return ok;
}

bool transfer_init(struct transfer *t)
{
	*t = (struct transfer){.download.fd = -1, .upload.fd = -1, .item.done = done, .item.tell = tell};
	buf_init(&t->head);
	buf_init(&t->body);
	t->item.easy = curl_easy_init();
	return t->item.easy != NULL && set_fixed_options(t);
}

bool transfer_start(struct transfer *t, struct client *client)
{
	if (t->stream) {
		t->timer = http_timer_new(client, too_silent, t);
		if (t->timer == NULL)
			return fail(t, "NO_MEMORY", "not enough memory"), false;
	}
	if (!http_item_start(client, &t->item))
		return fail(t, "NO_MEMORY", "the transfer cannot be started"), false;
	if (t->stream && t->head_ms > 0)
		http_timer_start(t->timer, t->head_ms);
	return true;
}

void transfer_resume(struct transfer *t)
{
	if (!t->paused || t->item.client == NULL)
		return;
	struct client *client = t->item.client;
	t->paused = false;
	if (t->idle_ms > 0)
		http_timer_start(t->timer, t->idle_ms);
	curl_easy_pause(t->item.easy, CURLPAUSE_CONT); /* hands over what it held, at once */
	http_client_settle(client);
}

void transfer_close(struct transfer *t)
{
	http_item_stop(&t->item);
	http_timer_free(t->timer);
	t->timer = NULL;
	if (t->item.easy != NULL)
		curl_easy_cleanup(t->item.easy);
	t->item.easy = NULL;
	curl_slist_free_all(t->headers);
	t->headers = NULL;
	curl_mime_free(t->mime);
	t->mime = NULL;
	staged_drop(&t->download);
	http_upload_close(&t->upload);
	buf_free(&t->head);
	buf_free(&t->body);
	t->done = true;
}
