#include "verdict.h"

#include "base/json.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

static bool cut_data(struct supervision *v, struct outcome *o)
{
	return v->record.cut.n == 0 || buf_put(&o->data, v->record.cut.p, v->record.cut.n);
}

static bool timed_out(struct supervision *v, struct outcome *o)
{
	char message[96];
	const struct record *r = &v->record;
	int64_t limit = r->has_deadline ? r->timeout_ms : v->opt->start_timeout_ms;
	struct buf extra;
	buf_init(&extra);
	(void)snprintf(message, sizeof message, "Stopped after the %lld ms limit.", (long long)limit);
	bool ok = buf_printf(&extra, ",\"timeout_ms\":%lld", (long long)limit);
	if (r->network.n > 0)
		ok = ok && buf_puts(&extra, ",\"network_context\":") && buf_put(&extra, r->network.p, r->network.n);
	ok = ok && buf_putc(&extra, '\0') && cut_data(v, o) && outcome_fail(o, 10, "TIMEOUT", message, "execution", r->timeout_retryable, extra.data);
	buf_free(&extra);
	return ok;
}

/* The run has used more than it may: `what` it was, before the limit and its unit in the message; `key` names the limit. */
static bool beyond(struct supervision *v, struct outcome *o, const char *code, const char *what, int64_t limit, const char *unit,
		   const char *key)
{
	char message[96], extra[64];
	(void)snprintf(message, sizeof message, "Stopped: %s %lld%s.", what, (long long)limit, unit);
	(void)snprintf(extra, sizeof extra, ",\"%s\":%lld", key, (long long)limit);
	return cut_data(v, o) && outcome_fail(o, v->record.effects ? 3 : 1, code, message, "execution", false, extra);
}

static bool cancelled(struct supervision *v, struct outcome *o)
{
	const char *name = v->signal_number == SIGINT ? "SIGINT" : v->signal_number == SIGHUP ? "SIGHUP" :
			   v->signal_number == SIGQUIT ? "SIGQUIT" : "SIGTERM";
	char message[48], extra[64];
	(void)snprintf(message, sizeof message, "Cancelled by %s.", name);
	(void)snprintf(extra, sizeof extra, ",\"signal\":\"%s\",\"partial\":true", name);
	return cut_data(v, o) && record_meta(&v->record, "partial", "true", 4) &&
	       outcome_fail(o, v->signal_number == SIGINT ? 130 : 143, "CANCELLED", message, "execution", false, extra);
}

/* The command, or one that had to be looked at for it, has a file whose loading does not end. */
static bool slow_to_load(struct supervision *v, struct outcome *o)
{
	struct buf message, extra;
	const struct text *file = &v->record.slow;
	buf_init(&message);
	buf_init(&extra);
	bool ok = buf_printf(&message, "%s takes too long to load.", file->p) && buf_puts(&extra, ",\"context\":{\"path\":") &&
		  json_put_string(&extra, file->p, file->n) &&
		  buf_puts(&extra, "},\"fix_required\":\"Correct the command file, or remove it\"") && buf_putc(&extra, '\0') &&
		  outcome_fail(o, 4, "COMMAND_REJECTED", message.data, "execution", false, extra.data);
	buf_free(&message);
	buf_free(&extra);
	return ok;
}

/* The worker ended without an answer. After a first effect nobody knows how much was done: exit 3. */
static bool crashed(struct supervision *v, struct outcome *o)
{
	char message[128], extra[64] = "";
	const char *code = "WORKER_FAILED";
	int sig = WIFSIGNALED(v->status) ? WTERMSIG(v->status) : 0;
	if (v->record.slow.n > 0)
		return slow_to_load(v, o);
	if (v->record.fatal.p != NULL && strstr(v->record.fatal.p, "not enough memory") != NULL) {
		code = "OUT_OF_MEMORY";
		(void)snprintf(message, sizeof message, "The command used more memory than it may.");
	} else if (v->record.fatal.p != NULL) {
		code = "INTERNAL_ERROR";
		(void)snprintf(message, sizeof message, "The host failed while it ran the command; stderr says where.");
	} else if (sig != 0) {
		code = sig == SIGKILL ? "WORKER_KILLED" : "WORKER_CRASHED";
		(void)snprintf(message, sizeof message, "The command's process was ended by signal %d (SIG%s).", sig,
			       sigabbrev_np(sig) != NULL ? sigabbrev_np(sig) : "?");
		(void)snprintf(extra, sizeof extra, ",\"signal\":\"SIG%s\"", sigabbrev_np(sig) != NULL ? sigabbrev_np(sig) : "?");
	} else {
		(void)snprintf(message, sizeof message, "The command's process ended without an answer.");
	}
	return cut_data(v, o) && outcome_fail(o, v->record.effects ? 3 : 1, code, message, "execution", false, extra);
}

static bool finished(struct supervision *v, struct outcome *o)
{
	const struct record *r = &v->record;
	o->exit_code = r->exit_code;
	if (r->exit_code != 0 && (r->error.n == 0 || r->error.p[0] != '{'))
		return outcome_fail(o, r->exit_code, "INTERNAL_ERROR", "The command failed without an error.", "execution", false, "");
	return buf_put(&o->data, r->data.p, r->data.n) &&
	       (r->exit_code == 0 || buf_put(&o->error, r->error.p, r->error.n));
}

/* Ctrl+C is how this stream is meant to end: the dialect says so, and the worker had its say. */
bool verdict_meant_to_stop(const struct supervision *v)
{
	return v->reason == SIGNALLED && v->signal_number == SIGINT && v->record.exit_map[130] == 0 && v->record.has_result;
}

bool verdict_decide(struct supervision *v, struct outcome *o)
{
	if (v->reason == DEADLINE)
		return timed_out(v, o);
	if (v->reason == CROWDED)
		return beyond(v, o, "PROCESS_LIMIT", "its programs became more than", v->record.max_processes, "", "max_processes");
	if (v->reason == FILLED)
		return beyond(v, o, "DISK_LIMIT", "its own directory grew beyond", v->record.session_bytes, " bytes", "max_bytes");
	if (v->reason == SIGNALLED)
		return verdict_meant_to_stop(v) ? finished(v, o) : cancelled(v, o);
	if (v->record.broken || v->secrets_lost)
		return outcome_fail(o, v->record.effects ? 3 : 1, "WORKER_FAILED", "The command's process sent an answer that is not valid.",
				    "execution", false, "");
	return v->record.has_result ? finished(v, o) : crashed(v, o);
}

/* The note on outside data says nothing is wrong (F-035); every other warning does. */
static bool is_warned(const struct record *r)
{
	static const char outside[] = "External content returned";
	for (size_t i = 0; i < r->warnings.count; i++)
		if (strncmp(r->warnings.items[i].p, outside, sizeof outside - 1) != 0)
			return true;
	return false;
}

/* With --warnings-as-errors a success that was warned about is none; whoever warned (O-025). */
bool verdict_warnings(struct supervision *v, struct outcome *o)
{
	if (!v->opt->warnings_fail || o->exit_code != 0 || !is_warned(&v->record))
		return true;
	buf_reset(&o->data);
	if ((v->record.flags & RESULT_STREAMED) == 0)
		v->record.flags &= ~(unsigned)RESULT_TEXT;
	return outcome_fail(o, 1, "WARNINGS_AS_ERRORS", "The command warned, and --warnings-as-errors is set.", "execution", false, "");
}
