#include "finish.h"

#include "base/clock.h"
#include "base/reap.h"
#include "base/session.h"
#include "facts.h"
#include "notes.h"
#include "reply.h"
#include "verdict.h"
#include "watch.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define CHILD_GRACE_MS 5000   /* for children after SIGTERM or SIGINT (REQ-F-031) */
#define ORPHAN_GRACE_MS 200   /* for undeclared processes after a normal end */

/* Nothing of a run whose secrets are not all known may be shown. */
static bool forget_run(struct supervision *v)
{
	struct record old = v->record;
	bool ok = record_init(&v->record) && facts_base(v);
	v->record.effects = old.effects;
	v->record.session = old.session;
	v->record.session_bytes = old.session_bytes;
	v->record.max_processes = old.max_processes;
	ok = ok && (old.audit.n == 0 || record_audit(&v->record, "{}", 2));
	v->record.has_deadline = old.has_deadline;
	v->record.timeout_ms = old.timeout_ms;
	v->record.timeout_retryable = old.timeout_retryable;
	(void)memcpy(v->record.exit_map, old.exit_map, sizeof old.exit_map);
	(void)memcpy(v->record.voices, old.voices, sizeof old.voices);
	v->record.voice_count = old.voice_count;
	old.voice_count = 0;
	record_free(&old);
	return ok;
}

/* What the run keeps on purpose is no concern of later ones either. */
static void keep(struct supervision *v)
{
	struct shared *all = v->shared;
	size_t more = v->reason == NOT_STOPPED ? v->record.kept_count : 0;
	pid_t *grown = more > 0 ? realloc(all->stay, (all->stay_count + more) * sizeof *grown) : NULL;
	if (grown == NULL)
		return;
	all->stay = grown;
	for (size_t i = 0; i < more; i++)
		all->stay[all->stay_count++] = v->record.kept[i];
}

static void ended(void *arg, pid_t child, int status)
{
	watch_ended(((struct supervision *)arg)->shared, child, status);
}

/* Everything that the run started ends, except what stays on purpose. A worker that waits for the next line has left
 * nothing: it can start no process. */
static void end_others(struct supervision *v, int64_t grace_ms)
{
	struct reap_hooks hooks = { v, reply_hurried, ended, &v->told };
	if (!v->worker_ended)
		return;
	keep(v);
	size_t n;
	pid_t *others = watch_others(v, &n);
	reap_all(grace_ms, &hooks, others, n);
	free(others);
}

int finish_run(struct supervision *v)
{
	struct outcome o;
	outcome_init(&o);
	int64_t spent = (clock_mono_ns() - v->stopped_ns) / 1000000;
	int64_t grace = v->reason == SIGNALLED ? (spent < CHILD_GRACE_MS ? CHILD_GRACE_MS - spent : 0) :
			v->reason == DEADLINE || v->reason == CROWDED || v->reason == FILLED ? 0 : ORPHAN_GRACE_MS;
	while (v->worker_ended && v->frames_fd >= 0 && watch_frames(v)) {
	} /* who shall stay stands there */
	end_others(v, grace);
	watch_drain(v);
	if (v->record.session)
		session_remove(v->snapshot);
	reply_intercept(v);
	bool ok = (!v->secrets_lost || forget_run(v)) && reply_open_audit(v) && verdict_decide(v, &o) && verdict_warnings(v, &o);
	reply_noise(v, &o);
	int code = v->reason == READER_GONE ? 0 : ok ? o.exit_code : 1;
	if (ok)
		reply_answer(v, &o);
	else
		v->shared->out.error = ENOMEM;
	reply_deliver(v, &v->shared->out, STALL_MS);
	if (o.exit_code != 0 && code == 0 && !v->shared->out.gone)
		code = o.exit_code;
	if (reply_is_whole(v) && v->record.own_exit >= 0 && code == v->record.exit_code)
		code = v->record.own_exit;
	else if (code >= 0 && code < 256 && v->record.exit_map[code] >= 0)
		code = v->record.exit_map[code];
	code = reply_settle(v, code);
	if (v->shared->cut && v->reason != SIGNALLED)
		code = v->shared->late_signal == SIGINT ? 130 : 143;
	reply_audit(v, code);
	outcome_free(&o);
	return code;
}

void finish_disk(struct supervision *v)
{
	if (v->record.audit.n > 0) { /* help and the like leave no trace and clean nothing up */
		session_prune(v->snapshot);
		logger_write(&v->shared->log);
	}
}
