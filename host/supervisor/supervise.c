#include "supervise.h"

#include "audit.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/session.h"
#include "base/utf8.h"
#include "envelope.h"
#include "logger.h"
#include "base/reap.h"
#include "record.h"
#include "redact.h"
#include "sink.h"
#include "version.h"
#include "worker/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_GRACE_MS 35      /* from the interrupt to SIGKILL when the worker does not react */
#define CLEANUP_GRACE_MS 2000 /* once the worker says that it cleans up */
#define CHILD_GRACE_MS 5000   /* for children after SIGTERM or SIGINT (REQ-F-031) */
#define ORPHAN_GRACE_MS 200   /* for undeclared processes after a normal end */
#define STALL_MS 30000        /* a reader that takes nothing for so long has lost the answer */
#define LATE_GRACE_MS 100     /* what is left of that when a signal comes while the answer is delivered */
#define KILL_WAIT_MS 2000     /* a worker that SIGKILL does not end by then hangs in the kernel */
#define WATCH_MS 20           /* how often the number of programs is looked at */
#define CROWD_ROUNDS 200      /* to end programs that multiply while they are ended */
#define MAX_TIMEOUT_MS (INT64_MAX / 4000000) /* so that nanoseconds cannot overflow */
#define MAX_QUEUED ((size_t)1 << 20)
#define MAX_CAPTURE ((size_t)64 << 10)
#define SHOWN_CAPTURE 4096

enum reason { NOT_STOPPED, DEADLINE, SIGNALLED, READER_GONE, OUTPUT_LOST, CROWDED };

struct supervision {
	const struct snapshot *snapshot;
	const struct options *opt;
	struct record record;
	struct redactor secrets;
	struct sink out, err;
	struct audit audit;
	struct logger log;
	int64_t next_beat_ns;       /* when the next sign of life is due */
	int64_t next_tick_ns;       /* the same on stderr */
	int64_t next_watch_ns;      /* when the programs are counted next */
	struct reap_watch watch;
	struct buf captured, noise; /* what others wrote to descriptors 1 and 2 */
	pid_t worker;
	bool worker_ended;
	int status; /* of waitpid */
	int frames_fd, stdout_fd, stderr_fd, signal_fd;
	enum reason reason;
	int signal_number;
	int late_signal;    /* came when the worker had ended */
	int interrupts;     /* SIGINTs so far */
	bool hurry;         /* a second Ctrl+C: nothing is waited for any more (REQ-F-069) */
	bool cut;           /* a signal ended the delivery of the answer */
	int64_t stopped_ns; /* when the stop began */
	int64_t kill_at_ns; /* 0: not set */
	bool killed, cleanup_seen;
	bool secrets_lost; /* out of memory while registering one: nothing of the run may be shown */
};

/* stderr */

static void on_child(struct supervision *v);

static bool wanted(const struct supervision *v, const char *level)
{
	enum verbosity have = v->opt->verbosity;
	if (have == QUIET)
		return false;
	if (strcmp(level, "debug") == 0)
		return have == DEBUG;
	if (strcmp(level, "info") == 0 || strcmp(level, "warn") == 0)
		return have >= NORMAL;
	return true; /* error, and text that was asked for */
}

static void put_prefix(const struct supervision *v, struct buf *b, const char *level)
{
	const char *trace = snapshot_env(v->snapshot, "TOOL_TRACE_ID");
	if (strcmp(level, "text") == 0)
		return;
	if (trace != NULL && trace[0] != '\0') {
		size_t n = strnlen(trace, 256);
		(void)buf_puts(b, "[TRACE ");
		(void)utf8_clean(b, trace, n, UTF8_CLEAN);
		(void)buf_puts(b, "] ");
	}
	(void)buf_puts(b, strcmp(level, "debug") == 0 ? "[DEBUG] " :
			  strcmp(level, "info") == 0  ? "[INFO] " :
			  strcmp(level, "warn") == 0  ? "[WARN] " :
							"[ERROR] ");
}

/* The configuration may ask for the log file, or for other limits than the usual ones. */
static bool is_logged(struct supervision *v, const char *level)
{
	const int64_t *limits = v->record.log_limits;
	if (v->record.log_asked)
		logger_set(&v->log, v->snapshot, limits[0], limits[1], limits[2], v->record.log_path.p);
	v->record.log_asked = false;
	return v->log.on && strcmp(level, "text") != 0;
}

/* Indents every line after the first that does not begin with white space: only the host writes lines with a level. */
static bool indent(struct buf *out, const char *text, size_t n)
{
	const char *end = text + n;
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		const char *stop = nl != NULL ? nl + 1 : end;
		if (!buf_put(out, text, (size_t)(stop - text)))
			return false;
		text = stop;
		if (text < end && *text != ' ' && *text != '\t' && *text != '\n' && !buf_puts(out, "  "))
			return false;
	}
	return true;
}

static void log_line(void *arg, const char *level, const char *text, size_t n)
{
	struct supervision *v = arg;
	struct buf clean, lines, line;
	bool shown = wanted(v, level) && sink_pending(&v->err) < MAX_QUEUED; /* else nobody reads stderr */
	bool logged = is_logged(v, level);
	if ((!shown && !logged) || v->secrets_lost)
		return;
	buf_init(&clean);
	buf_init(&lines);
	buf_init(&line);
	bool plain = strcmp(level, "text") == 0, keep_color = v->opt->color && plain;
	put_prefix(v, &clean, level);
	(void)utf8_clean(&clean, text, n, keep_color ? UTF8_CLEAN | UTF8_KEEP_COLOR : UTF8_CLEAN);
	const char *made = clean.data != NULL ? clean.data : "";
	if (!clean.failed && redact_lines(&v->secrets, made, clean.len, &lines) &&
	    (lines.len == 0 || (plain ? buf_put(&line, lines.data, lines.len) : indent(&line, lines.data, lines.len))) &&
	    (line.len > 0 && line.data[line.len - 1] == '\n' ? true : buf_putc(&line, '\n'))) {
		if (shown)
			sink_put(&v->err, line.data, line.len);
		if (logged)
			logger_add(&v->log, v->snapshot, line.data, line.len);
	}
	buf_free(&clean);
	buf_free(&lines);
	buf_free(&line);
}

static void say(struct supervision *v, const char *level, const char *text)
{
	log_line(v, level, text, strlen(text));
}

/* stdout rows and secrets as the worker sends them */

/* Text of the worker for a writer: redacted, and without ANSI sequences unless colour is wanted. */
static bool shown_text(const struct supervision *v, const char *text, size_t n, struct buf *out)
{
	struct buf clean;
	buf_init(&clean);
	unsigned strip = v->opt->format == FORMAT_RICH && v->opt->color ? UTF8_CLEAN | UTF8_KEEP_COLOR : UTF8_CLEAN;
	(void)utf8_clean(&clean, text, n, strip);
	bool ok = !clean.failed && redact_lines(&v->secrets, clean.data != NULL ? clean.data : "", clean.len, out);
	buf_free(&clean);
	return ok;
}

static void put_text(struct supervision *v, struct sink *to, const char *text, size_t n)
{
	struct buf b;
	buf_init(&b);
	if (!shown_text(v, text, n, &b))
		to->error = ENOMEM;
	else if (b.len > 0)
		sink_put(to, b.data, b.len);
	buf_free(&b);
}

static void stream_row(void *arg, const char *text, size_t n)
{
	struct supervision *v = arg;
	struct buf line;
	bool own = v->record.voice_count > 0; /* a dialect's row is what it says, line end included */
	bool json = !own && (v->opt->format == FORMAT_JSON || v->opt->format == FORMAT_JSONL);
	if (json && !json_check(text, n, 200, NULL)) {
		v->record.broken = true;
		return;
	}
	/* a stopped worker is heard to its end, but what its reader does not take is not kept without limit */
	if (v->secrets_lost || sink_pending(&v->out) >= 2 * MAX_QUEUED)
		return;
	buf_init(&line);
	bool ok = own  ? shown_text(v, text, n, &line) :
		  json ? redact_json(&v->secrets, text, n, &line) :
			 redact_text(&v->secrets, text, n, &line);
	if (ok && json)
		record_one_line(line.data, line.len);
	if (ok && (own || buf_putc(&line, '\n')))
		sink_put(&v->out, line.data, line.len);
	else
		v->out.error = ENOMEM;
	buf_free(&line);
}

static void add_secret(void *arg, const char *bytes, size_t n)
{
	struct supervision *v = arg;
	if (!redact_add(&v->secrets, bytes, n))
		v->secrets_lost = true;
}

static struct record_sink actions(struct supervision *v)
{
	return (struct record_sink){ v, stream_row, log_line, add_secret };
}

/* Facts that every answer carries, before the worker adds its own (REQ-F-021 to F-028, F-057). */

static bool meta_string(struct record *r, const char *key, const char *value)
{
	struct buf b;
	buf_init(&b);
	bool ok = json_put_string(&b, value, strlen(value)) && record_meta(r, key, b.data, b.len);
	buf_free(&b);
	return ok;
}

static bool meta_int(struct record *r, const char *key, int64_t value)
{
	struct buf b;
	buf_init(&b);
	bool ok = json_put_int(&b, value) && record_meta(r, key, b.data, b.len);
	buf_free(&b);
	return ok;
}

static bool headless(const struct snapshot *s)
{
	return !s->tty[1] || snapshot_ci(s) ||
	       (snapshot_env(s, "DISPLAY") == NULL && snapshot_env(s, "WAYLAND_DISPLAY") == NULL);
}

static bool base_meta(struct supervision *v)
{
	const struct snapshot *s = v->snapshot;
	struct record *r = &v->record;
	char stamp[25];
	clock_rfc3339(s->start_epoch_ms, stamp);
	const char *trace = snapshot_env(s, "TOOL_TRACE_ID");
	char short_trace[257] = { 0 };
	if (trace != NULL)
		(void)memcpy(short_trace, trace, strnlen(trace, 256));
	return meta_string(r, "request_id", s->request_id) && meta_string(r, "timestamp", stamp) &&
	       meta_string(r, "tool_version", TOOL_VERSION) && meta_string(r, "cwd", s->cwd) &&
	       meta_string(r, "schema_version", "1.0") && meta_string(r, "command", s->program) &&
	       meta_string(r, "effective_config_hash", "e3b0c4") && record_meta(r, "config_sources", "[]", 2) &&
	       meta_int(r, "timeout_ms", v->opt->start_timeout_ms) &&
	       (short_trace[0] == '\0' || meta_string(r, "trace_id", short_trace)) &&
	       (!headless(s) || record_meta(r, "headless", "true", 4));
}

/* Start */

static bool make_pipe(int fd[2])
{
	return pipe2(fd, O_CLOEXEC) == 0;
}

/* Leaves open only 0, 1, 2 and `keep`; without close_range (before Linux 5.9) one by one. */
static void close_others(int keep)
{
	if (syscall(SYS_close_range, 3U, (unsigned)keep - 1, 0U) == 0 &&
	    syscall(SYS_close_range, (unsigned)keep + 1, ~0U, 0U) == 0)
		return;
	long limit = sysconf(_SC_OPEN_MAX);
	for (int fd = 3; fd < (limit > 0 && limit < 65536 ? (int)limit : 65536); fd++)
		if (fd != keep)
			(void)close(fd);
}

_Noreturn static void become_worker(const struct snapshot *s, pid_t supervisor, int frames, int out, int err)
{
	/* SIGUSR2, so that the worker can end the programs that it runs; before it handles the signal, it is its end */
	if (prctl(PR_SET_PDEATHSIG, SIGUSR2) != 0 || getppid() != supervisor) /* it may have died before that call */
		_exit(1);
	int keep = fcntl(frames, F_DUPFD_CLOEXEC, 20);
	if (keep < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(1);
	close_others(keep);
	worker_main(s, keep);
}

/* From here on signals wait in signal_fd, and none can end the process without an answer. A shell may have left SIGINT
 * ignored; SIGHUP ignored is nohup's wish. */
static bool open_signals(struct supervision *v)
{
	static const int caught[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCHLD };
	static const int ignored[] = { SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGPROF };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		(void)sigaction(ignored[i], &ignore, NULL); /* they mean nothing here, and must not cut an answer */
	struct sigaction plain = { .sa_handler = SIG_DFL }, before = plain;
	sigset_t set;
	(void)sigemptyset(&set);
	for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
		if (caught[i] != SIGHUP || sigaction(SIGHUP, NULL, &before) != 0 || before.sa_handler != SIG_IGN)
			(void)sigaddset(&set, caught[i]);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
		if (sigismember(&set, caught[i]) == 1)
			(void)sigaction(caught[i], &plain, NULL);
	v->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return v->signal_fd >= 0;
}

static bool start(struct supervision *v)
{
	int frames[2], out[2], err[2];
	int real_out = fcntl(1, F_DUPFD_CLOEXEC, 10), real_err = fcntl(2, F_DUPFD_CLOEXEC, 10);
	if (real_out < 0 || real_err < 0 || !make_pipe(frames) || !make_pipe(out) || !make_pipe(err))
		return false;
	sink_init(&v->out, real_out, v->snapshot->closed[1]);
	sink_init(&v->err, real_err, v->snapshot->closed[2]);
	reap_adopt();
	pid_t self = getpid();
	v->worker = fork();
	if (v->worker < 0)
		return false;
	if (v->worker == 0)
		become_worker(v->snapshot, self, frames[1], out[1], err[1]);
	(void)close(frames[1]), (void)close(out[1]), (void)close(err[1]);
	v->frames_fd = frames[0], v->stdout_fd = out[0], v->stderr_fd = err[0];
	int fds[] = { frames[0], out[0], err[0] };
	for (size_t i = 0; i < 3; i++)
		(void)fcntl(fds[i], F_SETFL, O_NONBLOCK);
	return true;
}

/* Stopping the worker */

static void stop(struct supervision *v, enum reason reason)
{
	if (v->reason != NOT_STOPPED || v->worker_ended || v->record.has_result)
		return;
	v->reason = reason;
	(void)kill(v->worker, SIGUSR1);
	/* its programs: told at a signal, so that they can clean up; at the deadline there is no time left */
	(void)reap_signal(reason == SIGNALLED ? SIGTERM : SIGKILL, v->worker);
	v->stopped_ns = clock_mono_ns();
	v->kill_at_ns = clock_mono_ns() + (int64_t)STOP_GRACE_MS * 1000000;
}

/* Signs of life (REQ-F-053): lines of JSON among the rows, never beside another format. */

static int64_t beat_ns(const struct supervision *v)
{
	bool json = v->opt->format == FORMAT_JSON || v->opt->format == FORMAT_JSONL;
	if (v->opt->heartbeat_ms <= 0 || v->opt->heartbeat_ms > MAX_TIMEOUT_MS || !json || v->opt->stable ||
	    v->reason != NOT_STOPPED || v->record.has_result || v->worker_ended)
		return 0;
	return v->next_beat_ns != 0 ? v->next_beat_ns : v->snapshot->start_mono_ns + v->opt->heartbeat_ms * 1000000;
}

static void beat(struct supervision *v, int64_t now)
{
	struct buf plain, line;
	int64_t due = beat_ns(v);
	if (due == 0 || now < due)
		return;
	int64_t every = v->opt->heartbeat_ms * 1000000;
	v->next_beat_ns = due + ((now - due) / every + 1) * every;
	if (v->secrets_lost || sink_pending(&v->out) >= MAX_QUEUED)
		return;
	buf_init(&plain);
	buf_init(&line);
	bool ok = buf_printf(&plain, "{\"status\":\"running\",\"heartbeat\":true,\"elapsed_ms\":%lld",
			     (long long)((now - v->snapshot->start_mono_ns) / 1000000));
	if (v->record.step.n > 0)
		ok = ok && buf_puts(&plain, ",\"step\":") && json_put_string(&plain, v->record.step.p, v->record.step.n);
	if (ok && buf_putc(&plain, '}') && redact_json(&v->secrets, plain.data, plain.len, &line) && buf_putc(&line, '\n'))
		sink_put(&v->out, line.data, line.len);
	buf_free(&plain);
	buf_free(&line);
}

/* The same for people who read stderr: plain text, at the interval that was asked for (O-012). */

static int64_t tick_ns(const struct supervision *v)
{
	if (v->opt->heartbeat_interval_ms <= 0 || v->reason != NOT_STOPPED || v->record.has_result || v->worker_ended)
		return 0;
	return v->next_tick_ns != 0 ? v->next_tick_ns : v->snapshot->start_mono_ns + v->opt->heartbeat_interval_ms * 1000000;
}

static void tick(struct supervision *v, int64_t now)
{
	struct buf line;
	int64_t due = tick_ns(v);
	if (due == 0 || now < due)
		return;
	int64_t every = v->opt->heartbeat_interval_ms * 1000000;
	v->next_tick_ns = due + ((now - due) / every + 1) * every;
	buf_init(&line);
	const struct text *step = &v->record.step;
	if (buf_printf(&line, "[%llds] ", (long long)((now - v->snapshot->start_mono_ns) / 1000000000)) &&
	    buf_put(&line, step->n > 0 ? step->p : "running", step->n > 0 ? step->n : 7)) {
		for (size_t i = 0; i < line.len; i++)
			if (line.data[i] == '\n' || line.data[i] == '\x1b')
				line.data[i] = ' ';
		log_line(v, "text", line.data, line.len);
	}
	buf_free(&line);
}

static int64_t deadline_ns(const struct supervision *v)
{
	const struct record *r = &v->record;
	if (v->reason != NOT_STOPPED || r->has_result)
		return 0;
	if (!r->has_deadline)
		return v->snapshot->start_mono_ns + v->opt->start_timeout_ms * 1000000;
	return r->timeout_ms == 0 || r->timeout_ms > MAX_TIMEOUT_MS ? 0 : r->deadline_from_ns + r->timeout_ms * 1000000;
}

/* A command whose programs start programs without end is stopped, and all of them with it. RLIMIT_NPROC would not hold root,
 * and counts what else its user runs. */

static int64_t watch_ns(const struct supervision *v)
{
	return v->record.max_processes == 0 || v->reason != NOT_STOPPED || v->worker_ended ? 0 : v->next_watch_ns;
}

static void watch_programs(struct supervision *v, int64_t now)
{
	if (v->record.max_processes == 0 || v->reason != NOT_STOPPED || now < v->next_watch_ns)
		return;
	v->next_watch_ns = now + (int64_t)WATCH_MS * 1000000;
	if (!reap_too_many(&v->watch, v->record.max_processes))
		return;
	stop(v, CROWDED);
	for (int i = 0; i < CROWD_ROUNDS && v->reason == CROWDED && reap_signal(SIGKILL, v->worker) > 0; i++)
		on_child(v);
}

/* When the worker must be gone: it has answered, or what it says makes no sense. */
static void limit_end(struct supervision *v, int64_t now)
{
	if (v->kill_at_ns != 0)
		return;
	if (v->record.broken) {
		(void)kill(v->worker, SIGUSR1);
		v->kill_at_ns = now + (int64_t)STOP_GRACE_MS * 1000000;
	} else if (v->record.has_result) {
		v->kill_at_ns = now + (int64_t)CLEANUP_GRACE_MS * 1000000;
	}
}

static void check_clocks(struct supervision *v)
{
	int64_t now = clock_mono_ns(), limit = deadline_ns(v);
	if (limit != 0 && now >= limit)
		stop(v, DEADLINE);
	beat(v, now);
	tick(v, now);
	watch_programs(v, now);
	if (v->record.unwinding && !v->cleanup_seen) {
		v->cleanup_seen = true;
		if (v->kill_at_ns != 0 && !v->hurry)
			v->kill_at_ns = now + (int64_t)CLEANUP_GRACE_MS * 1000000;
	}
	limit_end(v, now);
	if (v->kill_at_ns != 0 && now >= v->kill_at_ns && !v->killed) {
		v->killed = true;
		(void)kill(v->worker, SIGKILL);
	}
	if (v->killed && !v->worker_ended && now >= v->kill_at_ns + (int64_t)KILL_WAIT_MS * 1000000) {
		v->worker_ended = true;
		v->status = SIGKILL; /* as waitpid would have it */
	}
}

/* How long poll may wait; NULL for ever. */
static const struct timespec *poll_timeout(const struct supervision *v, struct timespec *t)
{
	int64_t at = deadline_ns(v), next_beat = beat_ns(v), next_tick = tick_ns(v), next_watch = watch_ns(v), left;
	if (next_beat != 0 && (at == 0 || next_beat < at))
		at = next_beat;
	if (next_tick != 0 && (at == 0 || next_tick < at))
		at = next_tick;
	if (next_watch != 0 && (at == 0 || next_watch < at))
		at = next_watch;
	if (v->kill_at_ns != 0) {
		int64_t next = v->kill_at_ns + (v->killed ? (int64_t)KILL_WAIT_MS * 1000000 : 0);
		at = at == 0 || next < at ? next : at;
	}
	if (at == 0)
		return NULL;
	left = at - clock_mono_ns();
	*t = (struct timespec){ left > 0 ? left / 1000000000 : 0, left > 0 ? left % 1000000000 : 0 };
	return t;
}

/* Reading */

static bool pull(int *fd, struct buf *into, size_t keep)
{
	char chunk[65536];
	ssize_t n = read(*fd, chunk, sizeof chunk);
	if (n > 0) {
		size_t room = into->len < keep ? keep - into->len : 0;
		(void)buf_put(into, chunk, (size_t)n < room ? (size_t)n : room);
		return true;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		(void)close(*fd);
		*fd = -1;
	}
	return false;
}

static bool pull_frames(struct supervision *v)
{
	char chunk[65536];
	ssize_t n = read(v->frames_fd, chunk, sizeof chunk);
	if (n > 0) {
		struct record_sink sink = actions(v);
		record_feed(&v->record, chunk, (size_t)n, &sink);
		return true;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		(void)close(v->frames_fd);
		v->frames_fd = -1;
	}
	return false;
}

/* Takes the end of the worker, and of orphans that came to this process. */
static void on_child(struct supervision *v)
{
	int status;
	pid_t p;
	while ((p = waitpid(-1, &status, WNOHANG)) > 0) {
		if (p == v->worker) {
			v->worker_ended = true;
			v->status = status;
		}
	}
}

static void on_signal(struct supervision *v, int number)
{
	if (number == SIGCHLD) {
		on_child(v);
		return;
	}
	if (number == SIGINT && (v->interrupts++ > 0 || v->reason != NOT_STOPPED)) {
		v->hurry = true; /* a second Ctrl+C does not wait for cleanup (REQ-F-069) */
		v->kill_at_ns = clock_mono_ns();
	}
	if (v->worker_ended)
		v->late_signal = number;
	if (v->reason == NOT_STOPPED)
		v->signal_number = number;
	stop(v, SIGNALLED);
}

static void read_signals(struct supervision *v)
{
	struct signalfd_siginfo si;
	while (read(v->signal_fd, &si, sizeof si) == (ssize_t)sizeof si)
		on_signal(v, (int)si.ssi_signo);
}

static void watch_sinks(struct supervision *v)
{
	sink_pump(&v->out);
	sink_pump(&v->err);
	if (v->out.gone)
		stop(v, READER_GONE);
	else if (v->out.error != 0 && v->out.error != EBADF)
		stop(v, OUTPUT_LOST);
}

/* Rows wait in the worker while stdout's reader is slow; a worker that is to end must be heard, though. */
static bool hears_worker(const struct supervision *v)
{
	return v->kill_at_ns != 0 || sink_pending(&v->out) < MAX_QUEUED;
}

static void turn(struct supervision *v)
{
	struct timespec t;
	struct pollfd p[6] = {
		{ .fd = hears_worker(v) ? v->frames_fd : -1, .events = POLLIN },
		{ .fd = v->stdout_fd, .events = POLLIN },
		{ .fd = v->stderr_fd, .events = POLLIN },
		{ .fd = v->signal_fd, .events = POLLIN },
		{ .fd = sink_poll_fd(&v->out), .events = POLLOUT },
		{ .fd = sink_poll_fd(&v->err), .events = POLLOUT },
	};
	(void)ppoll(p, 6, poll_timeout(v, &t), NULL);
	if (p[1].revents != 0)
		(void)pull(&v->stdout_fd, &v->captured, MAX_CAPTURE);
	if (p[2].revents != 0)
		(void)pull(&v->stderr_fd, &v->noise, MAX_CAPTURE);
	if (p[0].revents != 0)
		(void)pull_frames(v);
	if (p[3].revents != 0)
		read_signals(v);
	watch_sinks(v);
	check_clocks(v);
}

/* The end */

static void drain_pipes(struct supervision *v)
{
	while (v->frames_fd >= 0 && pull_frames(v)) {
	}
	while (v->stdout_fd >= 0 && pull(&v->stdout_fd, &v->captured, MAX_CAPTURE)) {
	}
	while (v->stderr_fd >= 0 && pull(&v->stderr_fd, &v->noise, MAX_CAPTURE)) {
	}
}

/* How much of a capture may be shown: where it was cut, half a secret may stand. */
static size_t shown_length(const struct supervision *v, const struct buf *capture)
{
	return capture->len < MAX_CAPTURE ? capture->len : redact_cut(&v->secrets, capture->data, capture->len);
}

/* Text that is no JSON becomes a warning; JSON lines of others are dropped (REQ-F-060). */
static void intercept(struct supervision *v)
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
	log_line(v, "debug", clean.data, clean.len);
	buf_free(&clean);
	buf_free(&text);
	buf_free(&detail);
}

static bool cut_data(struct supervision *v, struct outcome *o)
{
	return v->record.cut.n == 0 || buf_put(&o->data, v->record.cut.p, v->record.cut.n);
}

static bool timed_out(struct supervision *v, struct outcome *o)
{
	char message[96], extra[64];
	const struct record *r = &v->record;
	int64_t limit = r->has_deadline ? r->timeout_ms : v->opt->start_timeout_ms;
	(void)snprintf(message, sizeof message, "Stopped after the %lld ms limit.", (long long)limit);
	(void)snprintf(extra, sizeof extra, ",\"timeout_ms\":%lld", (long long)limit);
	return cut_data(v, o) && outcome_fail(o, 10, "TIMEOUT", message, "execution", r->timeout_retryable, extra);
}

static bool crowded(struct supervision *v, struct outcome *o)
{
	char message[96], extra[64];
	long long limit = (long long)v->record.max_processes;
	(void)snprintf(message, sizeof message, "Stopped: its programs became more than %lld.", limit);
	(void)snprintf(extra, sizeof extra, ",\"max_processes\":%lld", limit);
	return cut_data(v, o) && outcome_fail(o, v->record.effects ? 3 : 1, "PROCESS_LIMIT", message, "execution", false, extra);
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
static bool meant_to_stop(const struct supervision *v)
{
	return v->reason == SIGNALLED && v->signal_number == SIGINT && v->record.exit_map[130] == 0 && v->record.has_result;
}

static bool decide(struct supervision *v, struct outcome *o)
{
	if (v->reason == DEADLINE)
		return timed_out(v, o);
	if (v->reason == CROWDED)
		return crowded(v, o);
	if (v->reason == SIGNALLED)
		return meant_to_stop(v) ? finished(v, o) : cancelled(v, o);
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
static bool count_warnings(struct supervision *v, struct outcome *o)
{
	if (!v->opt->warnings_fail || o->exit_code != 0 || !is_warned(&v->record))
		return true;
	buf_reset(&o->data);
	if ((v->record.flags & RESULT_STREAMED) == 0)
		v->record.flags &= ~(unsigned)RESULT_TEXT;
	return outcome_fail(o, 1, "WARNINGS_AS_ERRORS", "The command warned, and --warnings-as-errors is set.", "execution", false, "");
}

static bool is_json_format(const struct options *opt)
{
	return opt->format == FORMAT_JSON || opt->format == FORMAT_JSONL;
}

/* Appends a text member of the error; name is its key as it stands in JSON. */
static bool error_text(const struct outcome *o, const char *name, struct buf *out)
{
	struct json_span key, value;
	size_t at = 0, n = strlen(name);
	while (json_object_next(o->error.data, o->error.len, &at, &key, &value))
		if (key.n == n && memcmp(key.p, name, n) == 0)
			return json_unquote(out, value.p, value.n);
	return false;
}

/* What the host itself has to tell a person about a run that ended badly. */
static void tell_person(struct supervision *v, const struct outcome *o)
{
	struct buf b;
	buf_init(&b);
	if (buf_puts(&b, "error: ") && error_text(o, "\"message\"", &b))
		log_line(v, "text", b.data, b.len);
	buf_free(&b);
}

/* The dialect's words for an error that the worker did not tell; Ctrl+C may have words of its own. */
static const struct voice *voice_for(const struct supervision *v, const char *code)
{
	const struct record *r = &v->record;
	const struct voice *other = NULL, *found = NULL;
	for (size_t i = 0; i < r->voice_count; i++) {
		const char *name = r->voices[i].code.p;
		if (v->reason == SIGNALLED && v->signal_number == SIGINT && strcmp(name, "SIGINT") == 0)
			return &r->voices[i];
		if (name[0] == '\0')
			other = &r->voices[i];
		else if (strcmp(name, code) == 0)
			found = &r->voices[i];
	}
	return found != NULL ? found : other;
}

/* Writes a template with the message in it; escaped: as the inside of a JSON string. */
static void put_template(struct supervision *v, struct sink *to, const struct text *template, const struct buf *message,
			 bool escaped)
{
	static const char mark[] = "%message%";
	struct buf quoted, text;
	buf_init(&quoted);
	buf_init(&text);
	bool ok = !escaped || json_put_string(&quoted, message->data, message->len);
	const char *said = !ok ? "" : escaped ? quoted.data + 1 : message->data;
	size_t n = !ok ? 0 : escaped ? quoted.len - 2 : message->len;
	for (const char *p = template->p; ok && *p != '\0';) {
		const char *at = strstr(p, mark);
		ok = at == NULL ? buf_puts(&text, p) : buf_put(&text, p, (size_t)(at - p)) && buf_put(&text, said, n);
		p = at == NULL ? "" : at + sizeof mark - 1;
	}
	if (ok)
		put_text(v, to, text.data != NULL ? text.data : "", text.len);
	else
		to->error = ENOMEM;
	buf_free(&quoted);
	buf_free(&text);
}

/* Answers for the worker in the dialect's form. */
static void put_voice(struct supervision *v, const struct outcome *o)
{
	struct buf code, message;
	buf_init(&code);
	buf_init(&message);
	bool ok = error_text(o, "\"code\"", &code) && buf_putc(&code, '\0') && error_text(o, "\"message\"", &message);
	const struct voice *voice = ok ? voice_for(v, code.data) : NULL;
	if (voice != NULL) {
		put_template(v, &v->out, &voice->out, &message, true);
		put_template(v, &v->err, &voice->err, &message, false);
	} else {
		v->out.error = ENOMEM;
	}
	buf_free(&code);
	buf_free(&message);
}

static void put_envelope(struct supervision *v, struct outcome *o, struct sink *to)
{
	struct buf line;
	buf_init(&line);
	int64_t ms = (clock_mono_ns() - v->snapshot->start_mono_ns) / 1000000;
	if (meta_int(&v->record, "duration_ms", v->opt->stable ? 0 : ms) &&
	    envelope_write(o, &v->record, v->opt, &v->secrets, &line))
		sink_put(to, line.data, line.len);
	else
		to->error = ENOMEM;
	buf_free(&line);
}

/* Is the worker's own answer the one that counts? */
static bool is_whole(const struct supervision *v)
{
	const struct record *r = &v->record;
	return r->has_result && (v->reason == NOT_STOPPED || meant_to_stop(v)) && !r->broken && !v->secrets_lost;
}

static void answer(struct supervision *v, struct outcome *o)
{
	const struct record *r = &v->record;
	bool whole = is_whole(v), own = r->voice_count > 0;
	bool text = whole && (r->flags & RESULT_TEXT) != 0, refused = r->exit_code == 0 && o->exit_code != 0;
	if (v->reason == READER_GONE)
		return;
	if (text)
		put_text(v, &v->out, r->out_text.p, r->out_text.n);
	if (text && !refused)
		; /* that is the answer */
	else if (own && (!whole || refused))
		put_voice(v, o);
	else if (is_json_format(v->opt) || (whole && (r->flags & RESULT_JSON) != 0))
		put_envelope(v, o, &v->out);
	else if (v->opt->format == FORMAT_TEXT && o->exit_code != 0)
		put_envelope(v, o, &v->err);
	else if (!whole || refused)
		tell_person(v, o);
	if (whole && own)
		put_text(v, &v->err, r->err_text.p, r->err_text.n); /* a dialect knows itself when to be quiet */
	else if (whole && r->err_text.n > 0)
		log_line(v, "text", r->err_text.p, r->err_text.n);
}

/* stdout that could not take the answer is a failure of the run, told in one line. */
static int settle_output(struct supervision *v, int exit_code)
{
	if (v->out.error == 0 || v->out.gone)
		return exit_code;
	char text[160];
	const char *why = v->out.error == EBADF ? "it is closed" : strerror(v->out.error);
	(void)snprintf(text, sizeof text, "error: The answer could not be written to stdout: %s.", why);
	say(v, "text", text);
	return exit_code != 0 ? exit_code : 1;
}

static void report_noise(struct supervision *v, const struct outcome *o)
{
	if (v->record.trace.n > 0)
		log_line(v, "error", v->record.trace.p, v->record.trace.n);
	if (v->noise.len > 0)
		log_line(v, !v->record.has_result && o->exit_code != 0 && v->reason == NOT_STOPPED ? "error" : "info",
			 v->noise.data, shown_length(v, &v->noise));
}

/* Nothing of a run whose secrets are not all known may be shown. */
static bool forget_run(struct supervision *v)
{
	struct record old = v->record;
	bool ok = record_init(&v->record) && base_meta(v);
	v->record.effects = old.effects;
	v->record.session = old.session;
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

static bool hurried(void *arg)
{
	struct supervision *v = arg;
	read_signals(v);
	return v->hurry;
}

/* Writes what waits. Signals still count: a reader that takes nothing must not hold the process. */
static void deliver(struct supervision *v, struct sink *s, int64_t stall_ms)
{
	int64_t moved = clock_mono_ns(), late = 0;
	for (size_t left = sink_pending(s); left > 0; left = sink_pending(s)) {
		sink_pump(s);
		read_signals(v);
		int64_t now = clock_mono_ns();
		if (sink_pending(s) < left)
			moved = now;
		if (v->late_signal != 0 && late == 0)
			late = now + (int64_t)LATE_GRACE_MS * 1000000;
		int64_t until = v->hurry ? now : late != 0 ? late : moved + stall_ms * 1000000;
		if (sink_pending(s) > 0 && now >= until) {
			v->cut = v->hurry || late != 0;
			if (!v->cut)
				s->error = ETIMEDOUT;
			return;
		}
		struct pollfd p[2] = { { .fd = sink_poll_fd(s), .events = POLLOUT }, { .fd = v->signal_fd, .events = POLLIN } };
		if (sink_pending(s) > 0)
			(void)poll(p, 2, (int)((until - now) / 1000000) + 1);
	}
}

/* The audit log is opened before the answer, which names it, and written when the exit status is known. */

static bool open_audit(struct supervision *v)
{
	char text[160];
	struct record *r = &v->record;
	v->audit.fd = -1;
	if (r->audit.n == 0)
		return true;
	int rc = audit_open(&v->audit, v->snapshot, r->audit_path.n > 0 ? r->audit_path.p : NULL);
	if (v->audit.fd >= 0)
		return meta_string(r, "audit_log_path", v->audit.path);
	if (rc == 0)
		return true;
	int n = snprintf(text, sizeof text, "AUDIT_LOG_UNAVAILABLE: the audit log cannot be written: %s", strerror(rc));
	return record_warn(r, text, (size_t)n);
}

static void write_audit(struct supervision *v, int exit_code)
{
	struct buf plain, line;
	const struct text *command = record_get(&v->record, "command");
	struct audit_entry e = { command != NULL ? command->p : "null", v->record.audit.p, exit_code,
				 (clock_mono_ns() - v->snapshot->start_mono_ns) / 1000000 };
	if (v->audit.fd < 0)
		return;
	buf_init(&plain);
	buf_init(&line);
	if (audit_line(&plain, v->snapshot, &e) && redact_json(&v->secrets, plain.data, plain.len, &line))
		(void)audit_write(&v->audit, &line);
	buf_free(&plain);
	buf_free(&line);
}

/* What stays on disk of this run and of runs before it. Help and the like leave no trace and clean nothing up. */
static void leave(struct supervision *v, int exit_code)
{
	write_audit(v, exit_code);
	if (v->record.audit.n == 0)
		return;
	session_prune(v->snapshot);
	logger_write(&v->log);
}

static int finish(struct supervision *v)
{
	struct outcome o;
	outcome_init(&o);
	int64_t spent = (clock_mono_ns() - v->stopped_ns) / 1000000;
	int64_t grace = v->reason == SIGNALLED ? (spent < CHILD_GRACE_MS ? CHILD_GRACE_MS - spent : 0) : v->reason == DEADLINE || v->reason == CROWDED ? 0 : ORPHAN_GRACE_MS;
	while (v->frames_fd >= 0 && pull_frames(v)) {
	} /* who shall stay stands there */
	reap_all(grace, hurried, v, v->record.kept, v->reason == NOT_STOPPED ? v->record.kept_count : 0);
	drain_pipes(v);
	if (v->record.session)
		session_remove(v->snapshot);
	intercept(v);
	bool ok = (!v->secrets_lost || forget_run(v)) && open_audit(v) && decide(v, &o) && count_warnings(v, &o);
	report_noise(v, &o);
	int code = v->reason == READER_GONE ? 0 : ok ? o.exit_code : 1;
	if (ok)
		answer(v, &o);
	else
		v->out.error = ENOMEM;
	deliver(v, &v->out, STALL_MS);
	if (o.exit_code != 0 && code == 0 && !v->out.gone)
		code = o.exit_code;
	if (is_whole(v) && v->record.own_exit >= 0 && code == v->record.exit_code)
		code = v->record.own_exit;
	else if (code >= 0 && code < 256 && v->record.exit_map[code] >= 0)
		code = v->record.exit_map[code];
	code = settle_output(v, code);
	if (v->cut && v->reason != SIGNALLED)
		code = v->late_signal == SIGINT ? 130 : 143;
	leave(v, code);
	deliver(v, &v->err, 1000);
	outcome_free(&o);
	return code;
}

/* A failure in a pipe is lost unless its shell uses pipefail, which only bash with an exported SHELLOPTS shows to its
 * children (REQ-F-065). */
static void warn_of_pipe(struct supervision *v)
{
	struct stat st;
	const char *shell = snapshot_env(v->snapshot, "SHELLOPTS");
	if (shell != NULL && strstr(shell, "pipefail") == NULL && !v->opt->help && wanted(v, "warn") &&
	    fstat(v->out.fd, &st) == 0 && S_ISFIFO(st.st_mode))
		say(v, "warn", "The shell does not use pipefail: a pipe hides this command's exit status.");
}

static void release(struct supervision *v)
{
	record_free(&v->record);
	logger_free(&v->log);
	redact_free(&v->secrets);
	sink_free(&v->out);
	sink_free(&v->err);
	buf_free(&v->captured);
	buf_free(&v->noise);
}

int supervise(const struct snapshot *s, const struct options *opt)
{
	struct supervision v;
	(void)memset(&v, 0, sizeof v);
	v.snapshot = s;
	v.opt = opt;
	v.frames_fd = v.stdout_fd = v.stderr_fd = v.signal_fd = v.audit.fd = -1;
	buf_init(&v.captured);
	buf_init(&v.noise);
	logger_init(&v.log, s);
	if (!open_signals(&v) || !record_init(&v.record) || !base_meta(&v) || !redact_environment(&v.secrets, s) || !start(&v)) {
		(void)dprintf(2, "error: The host cannot start: %s.\n", strerror(errno));
		release(&v);
		return 1;
	}
	warn_of_pipe(&v);
	while (!v.worker_ended)
		turn(&v);
	int code = finish(&v);
	release(&v);
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
static bool bare(struct supervision *v, const struct snapshot *s, const struct options *opt)
{
	(void)memset(v, 0, sizeof *v);
	v->snapshot = s;
	v->opt = opt;
	v->audit.fd = -1;
	buf_init(&v->captured);
	buf_init(&v->noise);
	logger_init(&v->log, s);
	sink_init(&v->out, 1, s->closed[1]);
	sink_init(&v->err, 2, s->closed[2]);
	return record_init(&v->record) && base_meta(v) && redact_environment(&v->secrets, s);
}

static int answer_bare(struct supervision *v, struct outcome *o)
{
	answer(v, o);
	sink_drain(&v->out, STALL_MS);
	int code = settle_output(v, o->exit_code);
	leave(v, code);
	sink_drain(&v->err, 1000);
	return code;
}

int answer_bad_flag(const struct snapshot *s, const struct options *opt)
{
	struct supervision v;
	struct outcome o;
	outcome_init(&o);
	bool ok = bare(&v, s, opt) && bad_flag_outcome(&o, opt) && record_audit(&v.record, "{}", 2) && open_audit(&v);
	int code = ok ? answer_bare(&v, &o) : 1;
	outcome_free(&o);
	release(&v);
	return code;
}

int answer_help(const struct snapshot *s, const struct options *opt, const char *text, size_t n)
{
	struct supervision v;
	struct outcome o;
	char ref[80];
	outcome_init(&o);
	(void)snprintf(ref, sizeof ref, "%.64s --schema", s->program);
	int code = 1;
	if (opt->format == FORMAT_RICH || opt->format == FORMAT_TEXT)
		code = answer_text(s, opt, text, n);
	bool json = opt->format == FORMAT_JSON || opt->format == FORMAT_JSONL;
	if (bare(&v, s, opt) && json && record_meta(&v.record, "help", "true", 4) && meta_string(&v.record, "schema_ref", ref)) {
		log_line(&v, "text", text, n);
		code = answer_bare(&v, &o);
	}
	outcome_free(&o);
	release(&v);
	return code;
}
