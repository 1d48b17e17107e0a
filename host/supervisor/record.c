#include "record.h"

#include "base/clock.h"
#include "base/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 200
#define MAX_FRAME ((size_t)128 << 20)
#define MAX_WARNINGS 1000
#define MAX_META 500
#define MAX_PARTS 8

static bool text_set(struct text *t, const char *p, size_t n)
{
	char *copy = malloc(n + 1);
	if (copy == NULL)
		return false;
	if (n > 0)
		(void)memcpy(copy, p, n);
	copy[n] = '\0';
	free(t->p);
	*t = (struct text){ copy, n };
	return true;
}

static bool list_add(struct text_list *l, const char *p, size_t n)
{
	if (l->count == l->cap) {
		size_t cap = l->cap == 0 ? 32 : l->cap * 2;
		struct text *grown = realloc(l->items, cap * sizeof *grown);
		if (grown == NULL)
			return false;
		l->items = grown;
		l->cap = cap;
	}
	l->items[l->count] = (struct text){ NULL, 0 };
	if (!text_set(&l->items[l->count], p, n))
		return false;
	l->count++;
	return true;
}

static void list_free(struct text_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->items[i].p);
	free(l->items);
}

bool record_init(struct record *r)
{
	(void)memset(r, 0, sizeof *r);
	buf_init(&r->input);
	for (size_t i = 0; i < 256; i++)
		r->exit_map[i] = -1;
	r->own_exit = -1;
	return true;
}

void record_free(struct record *r)
{
	struct text *texts[] = { &r->lines_file, &r->audit_path, &r->log_path, &r->network, &r->step, &r->cut, &r->audit, &r->fatal, &r->trace, &r->slow, &r->data, &r->error, &r->out_text, &r->err_text };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		free(texts[i]->p);
	for (size_t i = 0; i < r->voice_count; i++)
		free(r->voices[i].code.p), free(r->voices[i].out.p), free(r->voices[i].err.p);
	list_free(&r->meta_keys);
	list_free(&r->meta_values);
	list_free(&r->warnings);
	list_free(&r->details);
	buf_free(&r->input);
}

void record_one_line(char *json, size_t n)
{
	static const char breaks[] = { '\n', '\r' };
	for (size_t i = 0; i < sizeof breaks; i++) {
		char *end = json + n, *p = n > 0 ? memchr(json, breaks[i], n) : NULL;
		for (; p != NULL; p = memchr(p, breaks[i], (size_t)(end - p)))
			*p++ = ' ';
	}
}

static bool one_line(struct text *t)
{
	record_one_line(t->p, t->n);
	return true;
}

static struct text *find_meta(const struct record *r, const char *key)
{
	for (size_t i = 0; i < r->meta_keys.count; i++)
		if (r->meta_keys.items[i].p[0] == key[0] && strcmp(r->meta_keys.items[i].p, key) == 0)
			return &r->meta_values.items[i];
	return NULL;
}

bool record_meta(struct record *r, const char *key, const char *json, size_t n)
{
	struct text *known = find_meta(r, key);
	if (known != NULL)
		return text_set(known, json, n) && one_line(known);
	if (r->meta_keys.count >= MAX_META || !list_add(&r->meta_keys, key, strlen(key)))
		return false;
	if (list_add(&r->meta_values, json, n))
		return one_line(&r->meta_values.items[r->meta_values.count - 1]);
	free(r->meta_keys.items[--r->meta_keys.count].p);
	return false;
}

const struct text *record_get(const struct record *r, const char *key)
{
	return find_meta(r, key);
}

bool record_warn(struct record *r, const char *text, size_t n)
{
	return r->warnings.count >= MAX_WARNINGS || list_add(&r->warnings, text, n);
}

bool record_detail(struct record *r, const char *json, size_t n)
{
	return r->details.count >= MAX_WARNINGS || list_add(&r->details, json, n);
}

static size_t get32(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;
	return (size_t)u[0] | (size_t)u[1] << 8 | (size_t)u[2] << 16 | (size_t)u[3] << 24;
}

static bool is_json(const struct json_span *s)
{
	return json_check(s->p, s->n, MAX_DEPTH, NULL);
}

/* A part that must be JSON; empty counts as absent. */
static bool set_json(struct text *t, const struct json_span *s)
{
	if (s->n == 0)
		return true;
	return is_json(s) && text_set(t, s->p, s->n) && one_line(t);
}

/* A part that must be a decimal number from 0 to max. */
static bool number(const struct json_span *s, int64_t max, int64_t *out)
{
	int64_t v = 0;
	for (size_t i = 0; i < s->n; i++) {
		if (s->p[i] < '0' || s->p[i] > '9' || v > (max - (s->p[i] - '0')) / 10)
			return false;
		v = v * 10 + (s->p[i] - '0');
	}
	*out = v;
	return s->n > 0;
}

static unsigned flags_of(const struct json_span *s)
{
	unsigned f = 0;
	for (size_t i = 0; i < s->n; i++)
		f |= s->p[i] == 't' ? RESULT_TEXT : s->p[i] == 's' ? RESULT_STREAMED : s->p[i] == 'j' ? RESULT_JSON : 0;
	return f;
}

static bool take_result(struct record *r, const struct json_span *part, size_t count)
{
	if (count < 6 || r->has_result)
		return false;
	int64_t code;
	if (!number(&part[0], 125, &code))
		return false;
	r->exit_code = (int)code;
	if (count > 6 && !number(&part[6], 255, &code))
		return false;
	r->own_exit = count > 6 ? (int)code : -1;
	r->flags = flags_of(&part[5]);
	r->has_result = set_json(&r->data, &part[1]) && set_json(&r->error, &part[2]) &&
			text_set(&r->out_text, part[3].p, part[3].n) && text_set(&r->err_text, part[4].p, part[4].n);
	return r->has_result;
}

static bool take_meta(struct record *r, const struct json_span *part)
{
	char key[64] = { 0 };
	if (part[0].n == 0 || part[0].n >= sizeof key || !is_json(&part[1]))
		return false;
	(void)memcpy(key, part[0].p, part[0].n);
	return record_meta(r, key, part[1].p, part[1].n);
}

static bool take_deadline(struct record *r, const struct json_span *part)
{
	if (!number(&part[0], INT64_MAX, &r->timeout_ms))
		return false;
	r->timeout_retryable = part[1].n == 1 && part[1].p[0] == '1';
	r->has_deadline = true;
	r->deadline_from_ns = clock_mono_ns();
	return true;
}

static bool take_exit_map(struct record *r, const struct json_span *part)
{
	int64_t from, to;
	if (!number(&part[0], 255, &from) || !number(&part[1], 255, &to))
		return false;
	r->exit_map[from] = (int)to;
	return true;
}

/* A later voice for the same code stands in for the earlier one. */
static bool take_voice(struct record *r, const struct json_span *part)
{
	size_t i = 0;
	while (i < r->voice_count && (r->voices[i].code.n != part[0].n || memcmp(r->voices[i].code.p, part[0].p, part[0].n) != 0))
		i++;
	if (i == MAX_VOICES)
		return false;
	struct voice *voice = &r->voices[i];
	if (i == r->voice_count)
		r->voice_count++;
	return text_set(&voice->code, part[0].p, part[0].n) && text_set(&voice->out, part[1].p, part[1].n) &&
	       text_set(&voice->err, part[2].p, part[2].n);
}

static bool take_detail(struct record *r, const struct json_span *part)
{
	struct text json = { NULL, 0 };
	bool ok = part->n > 0 && set_json(&json, part) && record_detail(r, json.p, json.n);
	free(json.p);
	return ok;
}

bool record_audit(struct record *r, const char *args, size_t n)
{
	return set_json(&r->audit, &(struct json_span){ args, n });
}

static bool take_keeper(struct record *r, const struct json_span *part)
{
	int64_t pid;
	if (r->kept_count == MAX_KEPT_PROCESSES || !number(part, INT32_MAX, &pid) || pid <= 1)
		return false;
	r->kept[r->kept_count++] = (pid_t)pid;
	return true;
}

static bool take_log(struct record *r, const struct json_span *part)
{
	for (size_t i = 0; i < 3; i++)
		if (!number(&part[i], INT64_MAX, &r->log_limits[i]))
			return false;
	r->log_asked = true;
	return text_set(&r->log_path, part[3].p, part[3].n);
}

static bool take_lines(struct record *r, const struct json_span *part)
{
	r->lines = true;
	for (size_t i = 0; i < part[0].n; i++) {
		r->lines_go_on = r->lines_go_on || part[0].p[i] == 'i';
		r->lines_dry_run = r->lines_dry_run || part[0].p[i] == 'd';
	}
	return text_set(&r->lines_file, part[1].p, part[1].n);
}

static bool take_audit(struct record *r, const struct json_span *part, size_t count)
{
	return count >= 1 && count <= 2 && set_json(&r->audit, &part[0]) &&
	       (count == 1 || text_set(&r->audit_path, part[1].p, part[1].n));
}

/* The request that the run waits for; empty: it is over. */
static bool take_network(struct record *r, const struct json_span *part)
{
	return part->n == 0 ? text_set(&r->network, "", 0) : set_json(&r->network, part);
}

static bool take(struct record *r, char kind, const struct json_span *part, size_t count, const struct record_sink *sink)
{
	static const char cleanup_failed[] = "CLEANUP_FAILED: the command's cleanup raised an error";
	switch (kind) {
	case 'M': return count == 2 && take_meta(r, part);
	case 'D': return count == 2 && take_deadline(r, part);
	case 'Y': return count == 2 && take_exit_map(r, part);
	case 'V': return count == 3 && take_voice(r, part);
	case 'W': return count == 1 && record_warn(r, part[0].p, part[0].n);
	case 'w': return count == 1 && take_detail(r, &part[0]);
	case 'K': return count == 1 && set_json(&r->cut, &part[0]);
	case 'I': return count == 1 && take_network(r, &part[0]);
	case 'A': return take_audit(r, part, count);
	case 'B': return count == 1 && take_keeper(r, part);
	case 'G': return count == 4 && take_log(r, part);
	case 'N': return count == 1 && number(&part[0], INT32_MAX, &r->max_processes);
	case 'H': r->handed_back = true; return count == 0;
	case 'O': return count == 2 && take_lines(r, part);
	case 'P': return count == 1 && text_set(&r->step, part[0].p, part[0].n);
	case 'T': r->session = true; return count == 1 && number(&part[0], INT64_MAX, &r->session_bytes);
	case 'X': r->effects = true; return true;
	case 'U': r->unwinding = true; return true;
	case 'C': return record_warn(r, cleanup_failed, sizeof cleanup_failed - 1);
	case 'F': return count == 2 && text_set(&r->fatal, part[0].p, part[0].n) && text_set(&r->trace, part[1].p, part[1].n);
	case 'Z': return count == 1 && text_set(&r->slow, part[0].p, part[0].n);
	case 'Q': r->over = true; return count == 0;
	case 'R': return take_result(r, part, count);
	case 'S': if (count == 1) sink->secret(sink->arg, part[0].p, part[0].n); return count == 1;
	case 'E': if (count == 1) sink->row(sink->arg, part[0].p, part[0].n); return count == 1;
	case 'L': {
		char level[8] = { 0 };
		if (count != 2 || part[0].n >= sizeof level)
			return false;
		(void)memcpy(level, part[0].p, part[0].n);
		sink->log(sink->arg, level, part[1].p, part[1].n);
		return true;
	}
	default: return false;
	}
}

static bool frame(struct record *r, char kind, const char *p, size_t n, const struct record_sink *sink)
{
	struct json_span part[MAX_PARTS];
	size_t count = 0;
	while (n > 0) {
		if (n < 4 || count == MAX_PARTS || get32(p) > n - 4)
			return false;
		part[count++] = (struct json_span){ p + 4, get32(p) };
		size_t used = 4 + get32(p);
		p += used;
		n -= used;
	}
	return take(r, kind, part, count, sink);
}

void record_feed(struct record *r, const char *bytes, size_t n, const struct record_sink *sink)
{
	if (r->broken)
		return;
	if (!buf_put(&r->input, bytes, n)) {
		r->out_of_memory = r->broken = true;
		return;
	}
	size_t at = 0;
	while (r->input.len - at >= 5 && !r->broken && !r->over) {
		const char *p = r->input.data + at;
		size_t len = get32(p + 1);
		if (len > MAX_FRAME)
			r->broken = true;
		if (r->broken || r->input.len - at - 5 < len)
			break;
		if (!frame(r, p[0], p + 5, len, sink))
			r->broken = true;
		at += 5 + len;
	}
	if (at > 0) {
		(void)memmove(r->input.data, r->input.data + at, r->input.len - at);
		r->input.len -= at;
	}
}
