#include "reply.h"

#include "base/clock.h"
#include "base/json.h"
#include "facts.h"
#include "notes.h"
#include "show.h"
#include "verdict.h"
#include "voice.h"
#include "watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define LATE_GRACE_MS 100     /* what is left of that when a signal comes while the answer is delivered */
#define SHOWN_CAPTURE 4096
#define USUAL_ANSWER 1024     /* bytes of an envelope beside its data */

/* How much of a capture may be shown: where it was cut, half a secret may stand. */
static size_t shown_length(const struct supervision *v, const struct buf *capture)
{
	return capture->len < MAX_CAPTURE ? capture->len : redact_cut(&v->secrets, capture->data, capture->len);
}

/* Text that is no JSON becomes a warning; JSON lines of others are dropped (REQ-F-060). */
void reply_intercept(struct supervision *v)
{
	struct buf clean, text, detail;
	size_t captured = shown_length(v, &v->captured);
	if (captured == 0 || v->secrets_lost)
		return;
	buf_init(&clean);
	if (!redact_lines(&v->secrets, v->captured.data, captured, &clean)) { /* before lines are shortened */
		buf_free(&clean);
		return;
	}
	const char *p = clean.data, *end = p + clean.len;
	buf_init(&text);
	buf_init(&detail);
	(void)buf_puts(&text, "THIRD_PARTY_STDOUT: ");
	size_t head = text.len;
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((nl != NULL ? nl : end) - p);
		bool json = n > 0 && (*p == '{' || *p == '[') && json_check(p, n, 100, NULL);
		if (n > 0 && !json && text.len < SHOWN_CAPTURE)
			(void)buf_puts(&text, text.len > head ? "\n" : ""),
				(void)buf_put(&text, p, n < SHOWN_CAPTURE ? n : SHOWN_CAPTURE);
		p = nl != NULL ? nl + 1 : end;
	}
	if (text.len > head && !text.failed && record_warn(&v->record, text.data, text.len) &&
	    buf_puts(&detail, "{\"code\":\"THIRD_PARTY_STDOUT\",\"detail\":") &&
	    json_put_string(&detail, text.data + head, text.len - head) && buf_putc(&detail, '}'))
		(void)record_detail(&v->record, detail.data, detail.len);
	notes_line(v, "debug", clean.data, clean.len);
	buf_free(&clean);
	buf_free(&text);
	buf_free(&detail);
}

static bool is_json_format(const struct options *opt)
{
	return opt->format == FORMAT_JSON || opt->format == FORMAT_JSONL;
}

/* What the host itself has to tell a person about a run that ended badly. */
static void tell_person(struct supervision *v, const struct outcome *o)
{
	struct buf b;
	buf_init(&b);
	if (buf_puts(&b, "error: ") && voice_error_text(o, "\"message\"", &b))
		notes_line(v, "text", b.data, b.len);
	buf_free(&b);
}

static void put_envelope(struct supervision *v, struct outcome *o, struct sink *to)
{
	struct buf line;
	buf_init(&line);
	(void)buf_reserve(&line, USUAL_ANSWER + o->data.len);
	int64_t ms = (clock_mono_ns() - v->snapshot->start_mono_ns) / 1000000;
	if (facts_int(&v->record, "duration_ms", v->opt->stable ? 0 : ms) &&
	    envelope_write(o, &v->record, v->opt, &v->secrets, &line))
		sink_put(to, line.data, line.len);
	else
		to->error = ENOMEM;
	buf_free(&line);
}

/* Is the worker's own answer the one that counts? */
bool reply_is_whole(const struct supervision *v)
{
	const struct record *r = &v->record;
	return r->has_result && (v->reason == NOT_STOPPED || verdict_meant_to_stop(v)) && !r->broken && !v->secrets_lost;
}

void reply_answer(struct supervision *v, struct outcome *o)
{
	const struct record *r = &v->record;
	bool whole = reply_is_whole(v), own = r->voice_count > 0;
	bool text = whole && (r->flags & RESULT_TEXT) != 0, refused = r->exit_code == 0 && o->exit_code != 0;
	if (v->reason == READER_GONE)
		return;
	if (v->line_open)
		sink_put(&v->shared->out, "\n", 1);
	v->line_open = false;
	if (text)
		show_put(v, &v->shared->out, r->out_text.p, r->out_text.n);
	if (text && !refused)
		; /* that is the answer */
	else if (own && (!whole || refused))
		voice_put(v, o);
	else if (is_json_format(v->opt) || (whole && (r->flags & RESULT_JSON) != 0))
		put_envelope(v, o, &v->shared->out);
	else if (v->opt->format == FORMAT_TEXT && o->exit_code != 0)
		put_envelope(v, o, &v->shared->err);
	else if (!whole || refused)
		tell_person(v, o);
	if (whole && own)
		show_put(v, &v->shared->err, r->err_text.p, r->err_text.n); /* a dialect knows itself when to be quiet */
	else if (whole && r->err_text.n > 0)
		notes_line(v, "text", r->err_text.p, r->err_text.n);
}

/* stdout that could not take the answer is a failure of the run, told in one line. */
int reply_settle(struct supervision *v, int exit_code)
{
	if (v->shared->out.error == 0 || v->shared->out.gone)
		return exit_code;
	char text[160];
	const char *why = v->shared->out.error == EBADF ? "it is closed" : strerror(v->shared->out.error);
	(void)snprintf(text, sizeof text, "error: The answer could not be written to stdout: %s.", why);
	notes_say(v, "text", text);
	return exit_code != 0 ? exit_code : 1;
}

void reply_noise(struct supervision *v, const struct outcome *o)
{
	if (v->record.trace.n > 0)
		notes_line(v, "error", v->record.trace.p, v->record.trace.n);
	if (v->noise.len > 0)
		notes_line(v, !v->record.has_result && o->exit_code != 0 && v->reason == NOT_STOPPED ? "error" : "info",
			 v->noise.data, shown_length(v, &v->noise));
}

bool reply_hurried(void *arg)
{
	struct supervision *v = arg;
	watch_read_signals(v);
	return v->shared->hurry;
}

/* Writes what waits. Signals still count: a reader that takes nothing must not hold the process. */
void reply_deliver(struct supervision *v, struct sink *s, int64_t stall_ms)
{
	sink_pump(s);
	int64_t moved = clock_mono_ns(), late = 0;
	for (size_t left = sink_pending(s); left > 0; left = sink_pending(s)) {
		sink_pump(s);
		watch_read_signals(v);
		int64_t now = clock_mono_ns();
		if (sink_pending(s) < left)
			moved = now;
		if (v->shared->late_signal != 0 && late == 0)
			late = now + (int64_t)LATE_GRACE_MS * 1000000;
		int64_t until = v->shared->hurry ? now : late != 0 ? late : moved + stall_ms * 1000000;
		if (sink_pending(s) > 0 && now >= until) {
			v->shared->cut = v->shared->hurry || late != 0;
			if (!v->shared->cut)
				s->error = ETIMEDOUT;
			return;
		}
		struct pollfd p[2] = { { .fd = sink_poll_fd(s), .events = POLLOUT }, { .fd = v->shared->signal_fd, .events = POLLIN } };
		if (sink_pending(s) > 0)
			(void)poll(p, 2, (int)((until - now) / 1000000) + 1);
	}
}

/* The audit log is opened before the answer, which names it, and written when the exit status is known. */

bool reply_open_audit(struct supervision *v)
{
	char text[160];
	struct record *r = &v->record;
	if (r->audit.n == 0) {
		audit_close(&v->audit);
		return true;
	}
	int rc = audit_open(&v->audit, v->snapshot, r->audit_path.n > 0 ? r->audit_path.p : NULL);
	if (v->audit.fd >= 0)
		return facts_string(r, "audit_log_path", v->audit.path);
	if (rc == 0)
		return true;
	int n = snprintf(text, sizeof text, "AUDIT_LOG_UNAVAILABLE: the audit log cannot be written: %s", strerror(rc));
	return record_warn(r, text, (size_t)n);
}

void reply_audit(struct supervision *v, int exit_code)
{
	struct buf plain, line;
	const struct text *command = record_get(&v->record, "command");
	struct audit_entry e = { command != NULL ? command->p : "null", v->record.audit.p, exit_code,
				 (clock_mono_ns() - v->snapshot->start_mono_ns) / 1000000 };
	if (v->audit.fd < 0 || v->record.audit.n == 0)
		return;
	buf_init(&plain);
	buf_init(&line);
	if (audit_line(&plain, v->snapshot, &e) && redact_json(&v->secrets, plain.data, plain.len, &line))
		(void)audit_write(&v->audit, &line);
	buf_free(&plain);
	buf_free(&line);
}
