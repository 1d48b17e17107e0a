#include "envelope.h"

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

/* bytes of a meta entry in an answer that was refused, and in one where even these were too many */
#define MAX_ENTRY 512
#define MAX_FACT 64

void outcome_init(struct outcome *o)
{
	o->exit_code = 0;
	buf_init(&o->data);
	buf_init(&o->error);
}

void outcome_free(struct outcome *o)
{
	buf_free(&o->data);
	buf_free(&o->error);
}

bool outcome_fail(struct outcome *o, int exit_code, const char *code, const char *message, const char *phase,
		  bool retryable, const char *extra)
{
	o->exit_code = exit_code;
	struct buf *b = &o->error;
	buf_reset(b);
	return buf_puts(b, "{\"code\":") && json_put_string(b, code, strlen(code)) && buf_puts(b, ",\"message\":") &&
	       json_put_string(b, message, strlen(message)) && buf_puts(b, ",\"phase\":") &&
	       json_put_string(b, phase, strlen(phase)) &&
	       buf_puts(b, retryable ? ",\"retryable\":true,\"retry_after_ms\":1000,\"retry_strategy\":\"exponential_backoff\"" :
				       ",\"retryable\":false") &&
	       buf_puts(b, extra) && buf_putc(b, '}');
}

/* Differs between two equal runs, so --stable-output leaves it out (REQ-O-007). */
static bool volatile_key(const char *key)
{
	static const char *const keys[] = { "request_id", "timestamp", "trace_id", "update_available", "retries",
					    "cache_used", "idempotency_hit", "session_tmp_dir", "session_pid_file" };
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

static int by_key(const void *a, const void *b)
{
	const struct text *const *x = a, *const *y = b;
	return strcmp((*x)->p, (*y)->p);
}

static bool put_details(struct buf *b, const struct record *r)
{
	bool ok = buf_putc(b, '[');
	for (size_t i = 0; i < r->details.count && ok; i++)
		ok = (i == 0 || buf_putc(b, ',')) && buf_put(b, r->details.items[i].p, r->details.items[i].n);
	return ok && buf_putc(b, ']');
}

/* Said by the host itself: a short secret that happens to be part of it must not change a type or a date. */
static bool host_fact(const char *key)
{
	static const char *const keys[] = { "duration_ms", "timeout_ms", "timestamp", "request_id", "schema_version",
					    "tool_version" };
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (strcmp(key, keys[i]) == 0)
			return true;
	return false;
}

static bool put_entry(struct buf *b, const struct text *key, const struct text *value, const struct redactor *secrets)
{
	if (secrets->count == 0 || host_fact(key->p))
		return json_put_string(b, key->p, key->n) && buf_putc(b, ':') && buf_put(b, value->p, value->n);
	struct buf entry;
	buf_init(&entry);
	bool ok = json_put_string(&entry, key->p, key->n) && buf_putc(&entry, ':') && buf_put(&entry, value->p, value->n) &&
		  redact_json(secrets, entry.data, entry.len, b);
	buf_free(&entry);
	return ok;
}

static bool put_meta(struct buf *b, struct record *r, const struct options *opt, const struct redactor *secrets)
{
	if (r->details.count > 0) {
		struct buf d;
		buf_init(&d);
		bool ok = put_details(&d, r) && record_meta(r, "warning_details", d.data, d.len);
		buf_free(&d);
		if (!ok)
			return false;
	}
	size_t n = r->meta_keys.count;
	const struct text **sorted = calloc(n + 1, sizeof *sorted);
	if (sorted == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		sorted[i] = &r->meta_keys.items[i];
	qsort(sorted, n, sizeof *sorted, by_key);
	bool ok = buf_putc(b, '{'), first = true;
	for (size_t i = 0; i < n && ok; i++) {
		if (opt->stable && volatile_key(sorted[i]->p))
			continue;
		const struct text *value = &r->meta_values.items[sorted[i] - r->meta_keys.items];
		ok = (first || buf_putc(b, ',')) && put_entry(b, sorted[i], value, secrets);
		first = false;
	}
	free(sorted);
	return ok && buf_putc(b, '}');
}

static bool put_warnings(struct buf *b, const struct record *r, const struct redactor *secrets)
{
	struct buf list;
	if (r->warnings.count == 0)
		return buf_puts(b, "[]");
	buf_init(&list);
	bool ok = buf_putc(&list, '[');
	for (size_t i = 0; i < r->warnings.count && ok; i++)
		ok = (i == 0 || buf_putc(&list, ',')) &&
		     json_put_string(&list, r->warnings.items[i].p, r->warnings.items[i].n);
	ok = ok && buf_putc(&list, ']') && redact_json(secrets, list.data, list.len, b);
	buf_free(&list);
	return ok;
}

static bool put_part(struct buf *b, const struct buf *json, const struct redactor *secrets)
{
	return json->len > 0 ? redact_json(secrets, json->data, json->len, b) : buf_puts(b, "null");
}

static bool line(const struct outcome *o, struct record *r, const struct options *opt, const struct redactor *secrets,
		 struct buf *b)
{
	return buf_puts(b, o->exit_code == 0 ? "{\"ok\":true,\"data\":" : "{\"ok\":false,\"data\":") &&
	       put_part(b, &o->data, secrets) && buf_puts(b, ",\"error\":") && put_part(b, &o->error, secrets) &&
	       buf_puts(b, ",\"warnings\":") && put_warnings(b, r, secrets) && buf_puts(b, ",\"meta\":") &&
	       put_meta(b, r, opt, secrets) && buf_puts(b, "}\n");
}

/* The worker keeps answers within the cap and says how to go on; what still does not fit, because redaction made it
 * longer or because the worker did not keep its word, is refused here rather than cut blindly. */
static bool refuse(struct outcome *o, struct record *r, size_t size)
{
	struct buf message;
	buf_init(&message);
	bool ok = buf_printf(&message, "The answer takes %zu bytes, more than TOOL_MAX_OUTPUT_BYTES allows.", size) &&
		  outcome_fail(o, o->exit_code != 0 ? o->exit_code : 1, "OUTPUT_TOO_LARGE", message.data, "execution", false,
			       ",\"fix_required\":\"Ask for less with --fields or --limit, or raise TOOL_MAX_OUTPUT_BYTES\"");
	buf_free(&message);
	buf_reset(&o->data);
	/* what the run added may be what is too large; the base entries are small */
	while (r->warnings.count > 0)
		free(r->warnings.items[--r->warnings.count].p);
	while (r->details.count > 0)
		free(r->details.items[--r->details.count].p);
	return ok;
}

/* Drops entries longer than max; with facts_only all but the host's own, which are short. */
static void shrink_meta(struct record *r, size_t max, bool facts_only)
{
	size_t kept = 0;
	for (size_t i = 0; i < r->meta_keys.count; i++) {
		struct text key = r->meta_keys.items[i], value = r->meta_values.items[i];
		bool fact = host_fact(key.p) || strcmp(key.p, "command") == 0;
		if (value.n <= max && (fact || !facts_only)) {
			r->meta_keys.items[kept] = key;
			r->meta_values.items[kept++] = value;
		} else {
			free(key.p);
			free(value.p);
		}
	}
	r->meta_keys.count = r->meta_values.count = kept;
}

bool envelope_write(struct outcome *o, struct record *r, const struct options *opt, const struct redactor *secrets,
		    struct buf *out)
{
	size_t before = out->len;
	if (!line(o, r, opt, secrets, out))
		return false;
	size_t size = out->len - before;
	if (size <= opt->max_output)
		return true;
	out->len = before;
	shrink_meta(r, MAX_ENTRY, false);
	if (!refuse(o, r, size) || !line(o, r, opt, secrets, out))
		return false;
	if (out->len - before <= opt->max_output)
		return true;
	out->len = before;
	shrink_meta(r, MAX_FACT, true);
	return line(o, r, opt, secrets, out);
}
