#include "watch.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/reap.h"
#include "base/session.h"
#include "notes.h"
#include "show.h"
#include "worker/serve.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_GRACE_MS 35      /* from the interrupt to SIGKILL when the worker does not react */
#define SIGNAL_GRACE_MS 250   /* the same after a signal, where no promise of a limit presses: cleanup is worth more */
#define CLEANUP_GRACE_MS 2000 /* once the worker says that it cleans up */
#define KILL_WAIT_MS 2000     /* a worker that SIGKILL does not end by then hangs in the kernel */
#define NOTE_MS 10             /* how late the limit of a line may be noticed */
#define WATCH_MS 20           /* how often the number of programs is looked at */
#define MEASURE_MS 50         /* the same of the size of the run's own directory, */
#define MEASURE_SHARE 20      /* which takes one part in so many of the time, however many files there are */
#define CROWD_ROUNDS 200      /* to end programs that multiply while they are ended */
#define MAX_TIMEOUT_MS (INT64_MAX / 4000000) /* so that nanoseconds cannot overflow */

/* stdout rows and secrets as the worker sends them */

static void stream_row(void *arg, const char *text, size_t n)
{
	struct supervision *v = arg;
	struct buf line;
	bool own = v->record.voice_count > 0, person = !own && v->opt->format == FORMAT_RICH;
	bool whole = own || person; /* a dialect's row, and one for a person, is what it says, line end included */
	bool json = !own && (v->opt->format == FORMAT_JSON || v->opt->format == FORMAT_JSONL);
	if (json && !json_check(text, n, 200, NULL)) {
		v->record.broken = true;
		return;
	}
	/* a stopped worker is heard to its end, but what its reader does not take is not kept without limit */
	if (v->secrets_lost || sink_pending(&v->shared->out) >= 2 * MAX_QUEUED)
		return;
	buf_init(&line);
	bool ok = own  ? show_text(v, text, n, &line) :
		  json ? redact_json(&v->secrets, text, n, &line) :
			 redact_text(&v->secrets, text, n, &line);
	if (ok && json)
		record_one_line(line.data, line.len);
	if (person && line.len > 0)
		v->line_open = line.data[line.len - 1] != '\n';
	if (ok && (whole || buf_putc(&line, '\n')))
		sink_put(&v->shared->out, line.data, line.len);
	else
		v->shared->out.error = ENOMEM;
	buf_free(&line);
}

static void add_secret(void *arg, const char *bytes, size_t n)
{
	struct supervision *v = arg;
	v->secrets_added = true;
	if (!redact_add(&v->secrets, bytes, n))
		v->secrets_lost = true;
}

static struct record_sink actions(struct supervision *v)
{
	return (struct record_sink){ v, stream_row, notes_line, add_secret };
}

/* From here on signals wait in signal_fd, and none can end the process without an answer. A shell may have left SIGINT
 * ignored; SIGHUP ignored is nohup's wish. */
bool watch_signals(struct supervision *v)
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
	v->shared->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return v->shared->signal_fd >= 0;
}

bool watch_over(const struct supervision *v)
{
	return v->worker_ended || v->record.over;
}

/* Stopping the worker */

static void on_child(struct supervision *v);

static void stop(struct supervision *v, enum reason reason)
{
	if (v->reason != NOT_STOPPED || watch_over(v) || v->record.has_result)
		return;
	v->reason = reason;
	(void)kill(v->worker, SIGUSR1);
	/* its programs: told at a signal, so that they can clean up; at the deadline there is no time left */
	size_t n;
	pid_t *others = watch_others(v, &n);
	(void)reap_signal(reason == SIGNALLED ? SIGTERM : SIGKILL, v->worker, others, n, reason == SIGNALLED ? &v->told : NULL);
	free(others);
	v->stopped_ns = clock_mono_ns();
	v->kill_at_ns = clock_mono_ns() + (int64_t)(reason == SIGNALLED ? SIGNAL_GRACE_MS : STOP_GRACE_MS) * 1000000;
}

/* Signs of life (REQ-F-053): lines of JSON among the rows, never beside another format. */

static int64_t beat_ns(const struct supervision *v)
{
	bool json = v->opt->format == FORMAT_JSON || v->opt->format == FORMAT_JSONL;
	if (v->opt->heartbeat_ms <= 0 || v->opt->heartbeat_ms > MAX_TIMEOUT_MS || !json || v->opt->stable ||
	    v->reason != NOT_STOPPED || v->record.has_result || watch_over(v))
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
	if (v->secrets_lost || sink_pending(&v->shared->out) >= MAX_QUEUED)
		return;
	buf_init(&plain);
	buf_init(&line);
	bool ok = buf_printf(&plain, "{\"status\":\"running\",\"heartbeat\":true,\"elapsed_ms\":%lld",
			     (long long)((now - v->snapshot->start_mono_ns) / 1000000));
	if (v->record.step.n > 0)
		ok = ok && buf_puts(&plain, ",\"step\":") && json_put_string(&plain, v->record.step.p, v->record.step.n);
	if (ok && buf_putc(&plain, '}') && redact_json(&v->secrets, plain.data, plain.len, &line) && buf_putc(&line, '\n'))
		sink_put(&v->shared->out, line.data, line.len);
	buf_free(&plain);
	buf_free(&line);
}

/* The same for people who read stderr: plain text, at the interval that was asked for (O-012). */

static int64_t tick_ns(const struct supervision *v)
{
	if (v->opt->heartbeat_interval_ms <= 0 || v->reason != NOT_STOPPED || v->record.has_result || watch_over(v))
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
		notes_line(v, "text", line.data, line.len);
	}
	buf_free(&line);
}

/* The limit that a worker of lines has told in shared memory becomes that of the record. */
static void take_note(struct supervision *v)
{
	struct record *r = &v->record;
	if (v->note == NULL || v->note->start_ns != v->snapshot->start_mono_ns)
		return;
	r->timeout_ms = v->note->limit_ms;
	r->timeout_retryable = v->note->retryable != 0;
	r->deadline_from_ns = v->note->since_ns;
	r->has_deadline = v->note->start_ns == v->snapshot->start_mono_ns; /* still that line */
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
	return v->record.max_processes == 0 || v->reason != NOT_STOPPED || watch_over(v) ? 0 : v->next_watch_ns;
}

static void watch_programs(struct supervision *v, int64_t now)
{
	if (v->record.max_processes == 0 || v->reason != NOT_STOPPED || now < v->next_watch_ns)
		return;
	v->next_watch_ns = now + (int64_t)WATCH_MS * 1000000;
	size_t n;
	pid_t *others = watch_others(v, &n);
	if (reap_too_many(&v->watch, v->record.max_processes, others, n)) {
		stop(v, CROWDED);
		for (int i = 0; i < CROWD_ROUNDS && v->reason == CROWDED && reap_signal(SIGKILL, v->worker, others, n, NULL) > 0; i++)
			on_child(v);
	}
	free(others);
}

/* A run that fills its own directory is stopped: RLIMIT_FSIZE holds one file, and nothing holds their number. */

static int64_t measure_ns(const struct supervision *v)
{
	return !v->record.session || v->reason != NOT_STOPPED || watch_over(v) ? 0 : v->next_measure_ns;
}

static void measure_directory(struct supervision *v, int64_t now)
{
	if (!v->record.session || v->reason != NOT_STOPPED || now < v->next_measure_ns)
		return;
	uint64_t most = (uint64_t)v->record.session_bytes;
	if (session_used(v->snapshot, most + 1) > most)
		stop(v, FILLED);
	int64_t after = clock_mono_ns(), pause = (after - now) * MEASURE_SHARE;
	v->next_measure_ns = after + (pause > (int64_t)MEASURE_MS * 1000000 ? pause : (int64_t)MEASURE_MS * 1000000);
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
	take_note(v);
	int64_t now = clock_mono_ns(), limit = deadline_ns(v);
	if (limit != 0 && now >= limit)
		stop(v, DEADLINE);
	beat(v, now);
	tick(v, now);
	watch_programs(v, now);
	measure_directory(v, now);
	if (v->record.unwinding && !v->cleanup_seen) {
		v->cleanup_seen = true;
		if (v->kill_at_ns != 0 && !v->shared->hurry)
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
	int64_t at = deadline_ns(v), look = clock_mono_ns() + (int64_t)NOTE_MS * 1000000, next_beat = beat_ns(v), next_tick = tick_ns(v);
	int64_t next_watch = watch_ns(v), next_measure = measure_ns(v), left;
	if (next_beat != 0 && (at == 0 || next_beat < at))
		at = next_beat;
	if (next_tick != 0 && (at == 0 || next_tick < at))
		at = next_tick;
	if (next_watch != 0 && (at == 0 || next_watch < at))
		at = next_watch;
	if (next_measure != 0 && (at == 0 || next_measure < at))
		at = next_measure;
	if (v->note != NULL && !watch_over(v) && (at == 0 || look < at))
		at = look;
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

bool watch_frames(struct supervision *v)
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

void watch_ended(void *arg, pid_t child, int status)
{
	struct shared *all = arg;
	for (size_t i = 0; i < all->run_count; i++) {
		struct supervision *v = all->runs[i];
		if (child == v->worker) {
			v->worker_ended = true;
			v->status = status;
		}
	}
	for (size_t i = 0; i < all->stay_count; i++)
		if (all->stay[i] == child)
			all->stay[i--] = all->stay[--all->stay_count];
}

pid_t *watch_others(const struct supervision *v, size_t *n)
{
	const struct shared *all = v->shared;
	pid_t *list = calloc(all->stay_count + all->run_count + 1, sizeof *list);
	*n = 0;
	for (size_t i = 0; list != NULL && i < all->stay_count; i++)
		list[(*n)++] = all->stay[i];
	for (size_t i = 0; list != NULL && i < all->run_count; i++)
		if (all->runs[i] != v && all->runs[i]->worker > 0 && !all->runs[i]->worker_ended)
			list[(*n)++] = all->runs[i]->worker;
	return list;
}

/* Takes the end of the worker, and of orphans that came to this process. */
static void on_child(struct supervision *v)
{
	int status;
	pid_t p;
	while ((p = waitpid(-1, &status, WNOHANG)) > 0)
		watch_ended(v->shared, p, status);
}

static void on_signal(struct supervision *v, int number)
{
	if (number == SIGCHLD) {
		on_child(v);
		return;
	}
	if (number == SIGINT && (v->shared->interrupts++ > 0 || v->reason != NOT_STOPPED)) {
		v->shared->hurry = true; /* a second Ctrl+C does not wait for cleanup (REQ-F-069) */
		v->kill_at_ns = clock_mono_ns();
	}
	if (watch_over(v))
		v->shared->late_signal = number;
	if (v->reason == NOT_STOPPED)
		v->signal_number = number;
	stop(v, SIGNALLED);
}

void watch_read_signals(struct supervision *v)
{
	struct signalfd_siginfo si;
	while (read(v->shared->signal_fd, &si, sizeof si) == (ssize_t)sizeof si)
		on_signal(v, (int)si.ssi_signo);
}

static void watch_sinks(struct supervision *v)
{
	sink_pump(&v->shared->out);
	sink_pump(&v->shared->err);
	if (v->shared->out.gone)
		stop(v, READER_GONE);
	else if (v->shared->out.error != 0 && v->shared->out.error != EBADF)
		stop(v, OUTPUT_LOST);
}

/* Rows wait in the worker while stdout's reader is slow; a worker that is to end must be heard, though. */
static bool hears_worker(const struct supervision *v)
{
	return v->kill_at_ns != 0 || sink_pending(&v->shared->out) < MAX_QUEUED;
}

void watch_turn(struct supervision *v)
{
	struct timespec t;
	struct pollfd p[7] = {
		{ .fd = hears_worker(v) ? v->frames_fd : -1, .events = POLLIN },
		{ .fd = v->stdout_fd, .events = POLLIN },
		{ .fd = v->stderr_fd, .events = POLLIN },
		{ .fd = v->shared->signal_fd, .events = POLLIN },
		{ .fd = sink_poll_fd(&v->shared->out), .events = POLLOUT },
		{ .fd = sink_poll_fd(&v->shared->err), .events = POLLOUT },
		{ .fd = v->jobs != NULL ? sink_poll_fd(v->jobs) : -1, .events = POLLOUT },
	};
	(void)ppoll(p, 7, poll_timeout(v, &t), NULL);
	if (p[1].revents != 0)
		(void)pull(&v->stdout_fd, &v->captured, MAX_CAPTURE);
	if (p[2].revents != 0)
		(void)pull(&v->stderr_fd, &v->noise, MAX_CAPTURE);
	if (p[0].revents != 0)
		(void)watch_frames(v);
	if (p[3].revents != 0)
		watch_read_signals(v);
	if (p[6].revents != 0)
		sink_pump(v->jobs);
	watch_sinks(v);
	check_clocks(v);
}

void watch_drain(struct supervision *v)
{
	struct pollfd p[2] = { { .fd = v->stdout_fd, .events = POLLIN }, { .fd = v->stderr_fd, .events = POLLIN } };
	if (!v->worker_ended && poll(p, 2, 0) == 0) /* a worker that waits for the next line has said all */
		return;
	while (v->frames_fd >= 0 && watch_frames(v)) {
	}
	while (v->stdout_fd >= 0 && pull(&v->stdout_fd, &v->captured, MAX_CAPTURE)) {
	}
	while (v->stderr_fd >= 0 && pull(&v->stderr_fd, &v->noise, MAX_CAPTURE)) {
	}
}
