#include "supervise.h"

#include "base/json.h"
#include "facts.h"
#include "finish.h"
#include "lines.h"
#include "notes.h"
#include "reply.h"
#include "start.h"
#include "supervision.h"
#include "watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A failure in a pipe is lost unless its shell uses pipefail, which only bash with an exported SHELLOPTS shows to its
 * children (REQ-F-065). */
static void warn_of_pipe(struct supervision *v)
{
	struct stat st;
	const char *shell = snapshot_env(v->snapshot, "SHELLOPTS");
	if (shell != NULL && strstr(shell, "pipefail") == NULL && !v->opt->help && notes_wanted(v, "warn") &&
	    fstat(v->shared->out.fd, &st) == 0 && S_ISFIFO(st.st_mode))
		notes_say(v, "warn", "The shell does not use pipefail: a pipe hides this command's exit status.");
}

int supervise(const struct snapshot *s, const struct options *opt)
{
	struct supervision v, *run = &v;
	struct shared all;
	shared_init(&all, s);
	supervision_init(&v, &all, s, opt);
	all.runs = &run;
	all.run_count = 1;
	if (!watch_signals(&v) || !record_init(&v.record) || !facts_base(&v) || !redact_environment(&v.secrets, s) || !start_worker(&v)) {
		(void)dprintf(2, "error: The host cannot start: %s.\n", strerror(errno));
		supervision_free(&v);
		shared_free(&all);
		return 1;
	}
	warn_of_pipe(&v);
	while (!v.worker_ended)
		watch_turn(&v);
	int code = lines_wanted(&v) ? lines_run(&v) : finish_run(&v);
	finish_disk(&v);
	reply_deliver(&v, &all.err, 1000);
	supervision_free(&v);
	shared_free(&all);
	return code;
}

int answer_text(const struct snapshot *s, const struct options *opt, const char *text, size_t n)
{
	struct sink out;
	if (opt->verbosity == DEBUG)
		(void)dprintf(2, "[DEBUG] answered without a worker\n");
	sink_init(&out, 1, s->closed[1]);
	sink_put(&out, text, n);
	sink_drain(&out, STALL_MS);
	int error = out.gone ? 0 : out.error;
	sink_free(&out);
	if (error == 0)
		return 0;
	(void)dprintf(2, "error: The answer could not be written to stdout: %s.\n",
		      error == EBADF ? "it is closed" : strerror(error));
	return 1;
}

static bool bad_flag_outcome(struct outcome *o, const struct options *opt)
{
	struct buf message, extra;
	buf_init(&message);
	buf_init(&extra);
	bool ok;
	const char *field = opt->bad_flag + 2, *source = opt->bad_variable ? opt->output_variable : opt->bad_flag;
	if (opt->bad_value != NULL)
		ok = buf_printf(&message, "%s does not take \"%s\".", source, opt->bad_value);
	else
		ok = buf_printf(&message, "%s needs a value.", opt->bad_flag);
	const char *fix = opt->bad_value != NULL ? "Use one of json, jsonl, tsv, plain, table, id" : "Give the flag a value";
	struct buf item;
	buf_init(&item);
	ok = ok && buf_puts(&item, "{\"code\":\"INPUT_PARAM_INVALID\",\"field\":") &&
	     json_put_string(&item, field, strlen(field)) && buf_puts(&item, ",\"message\":") &&
	     json_put_string(&item, message.data, message.len) && buf_puts(&item, ",\"param\":") &&
	     json_put_string(&item, source, strlen(source));
	if (opt->bad_value != NULL)
		ok = ok && buf_puts(&item, ",\"value\":") && json_put_string(&item, opt->bad_value, strlen(opt->bad_value));
	ok = ok && buf_putc(&item, '}') && buf_puts(&extra, ",\"fix_required\":") && json_put_string(&extra, fix, strlen(fix)) &&
	     buf_puts(&extra, ",\"errors\":[") && buf_put(&extra, item.data, item.len) && buf_puts(&extra, "]") &&
	     buf_putc(&extra, '\0') && buf_putc(&message, '\0') &&
	     outcome_fail(o, 2, "ARG_ERROR", message.data, "validation", false, extra.data);
	buf_free(&message);
	buf_free(&extra);
	buf_free(&item);
	return ok;
}

/* A supervision without a worker, for answers that need none. */
static bool bare(struct supervision *v, struct shared *all, const struct snapshot *s, const struct options *opt)
{
	shared_init(all, s);
	supervision_init(v, all, s, opt);
	sink_init(&all->out, 1, s->closed[1]);
	sink_init(&all->err, 2, s->closed[2]);
	return record_init(&v->record) && facts_base(v) && redact_environment(&v->secrets, s);
}

static int answer_bare(struct supervision *v, struct outcome *o)
{
	reply_answer(v, o);
	sink_drain(&v->shared->out, STALL_MS);
	int code = reply_settle(v, o->exit_code);
	reply_audit(v, code);
	finish_disk(v);
	sink_drain(&v->shared->err, 1000);
	return code;
}

int answer_bad_flag(const struct snapshot *s, const struct options *opt)
{
	struct supervision v;
	struct shared all;
	struct outcome o;
	outcome_init(&o);
	bool ok = bare(&v, &all, s, opt) && bad_flag_outcome(&o, opt) && record_audit(&v.record, "{}", 2) && reply_open_audit(&v);
	int code = ok ? answer_bare(&v, &o) : 1;
	outcome_free(&o);
	supervision_free(&v);
	shared_free(&all);
	return code;
}

int answer_help(const struct snapshot *s, const struct options *opt, const char *text, size_t n)
{
	struct supervision v;
	struct shared all;
	struct outcome o;
	char ref[80];
	outcome_init(&o);
	(void)snprintf(ref, sizeof ref, "%.64s --schema", s->program);
	int code = 1;
	if (opt->format == FORMAT_RICH || opt->format == FORMAT_TEXT)
		code = answer_text(s, opt, text, n);
	bool json = opt->format == FORMAT_JSON || opt->format == FORMAT_JSONL;
	if (bare(&v, &all, s, opt) && json && record_meta(&v.record, "help", "true", 4) && facts_string(&v.record, "schema_ref", ref)) {
		notes_line(&v, "text", text, n);
		code = answer_bare(&v, &o);
	}
	outcome_free(&o);
	supervision_free(&v);
	shared_free(&all);
	return code;
}
