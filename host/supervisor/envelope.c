#include "envelope.h"

#include "base/json.h"

#include <stdlib.h>
#include <string.h>

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

static bool put_meta(struct buf *b, struct record *r, const struct options *opt)
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
		ok = (first || buf_putc(b, ',')) && json_put_string(b, sorted[i]->p, sorted[i]->n) && buf_putc(b, ':') &&
		     buf_put(b, value->p, value->n);
		first = false;
	}
	free(sorted);
	return ok && buf_putc(b, '}');
}

static bool put_warnings(struct buf *b, const struct record *r)
{
	bool ok = buf_putc(b, '[');
	for (size_t i = 0; i < r->warnings.count && ok; i++)
		ok = (i == 0 || buf_putc(b, ',')) && json_put_string(b, r->warnings.items[i].p, r->warnings.items[i].n);
	return ok && buf_putc(b, ']');
}

static bool compose(const struct outcome *o, struct record *r, const struct options *opt, struct buf *b)
{
	return buf_puts(b, o->exit_code == 0 ? "{\"ok\":true,\"data\":" : "{\"ok\":false,\"data\":") &&
	       (o->data.len > 0 ? buf_put(b, o->data.data, o->data.len) : buf_puts(b, "null")) &&
	       buf_puts(b, ",\"error\":") &&
	       (o->error.len > 0 ? buf_put(b, o->error.data, o->error.len) : buf_puts(b, "null")) &&
	       buf_puts(b, ",\"warnings\":") && put_warnings(b, r) && buf_puts(b, ",\"meta\":") && put_meta(b, r, opt) &&
	       buf_puts(b, "}");
}

static bool line(const struct outcome *o, struct record *r, const struct options *opt, const struct redactor *secrets,
		 struct buf *out)
{
	struct buf plain;
	buf_init(&plain);
	bool ok = compose(o, r, opt, &plain) && redact_json(secrets, plain.data, plain.len, out) && buf_putc(out, '\n');
	buf_free(&plain);
	return ok;
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
	for (size_t i = 0; i < r->meta_values.count; i++)
		if (r->meta_values.items[i].n > 512)
			ok = ok && record_meta(r, r->meta_keys.items[i].p, "null", 4);
	return ok;
}

bool envelope_write(struct outcome *o, struct record *r, const struct options *opt, const struct redactor *secrets,
		    struct buf *out)
{
	size_t before = out->len;
	if (!line(o, r, opt, secrets, out))
		return false;
	if (out->len - before <= opt->max_output)
		return true;
	size_t size = out->len - before;
	out->len = before;
	return refuse(o, r, size) && line(o, r, opt, secrets, out);
}
