#include "zygote.h"

#include "base/json.h"

#include "start.h"
#include "watch.h"
#include "worker/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define FORK_WAIT_MS 5000 /* a zygote that takes longer hangs */

/* Pipes of one slot; v reads the ends that are the supervisor's. */
static bool open_slot(struct zygote *z, struct supervision *v, size_t slot)
{
	struct serve_slot *s = &z->ends.slots[slot];
	int jobs[2], frames[2], out[2], err[2];
	if (!start_pipe(jobs) || !start_pipe(frames) || !start_pipe(out) || !start_pipe(err))
		return false;
	s->note = mmap(NULL, sizeof *s->note, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->note == MAP_FAILED)
		return false;
	sink_init(&z->jobs[slot], jobs[1], false);
	s->jobs = jobs[0], s->frames = frames[1], s->out = out[1], s->err = err[1];
	v->frames_fd = frames[0], v->stdout_fd = out[0], v->stderr_fd = err[0];
	v->jobs = &z->jobs[slot];
	v->note = s->note;
	int fds[] = { frames[0], out[0], err[0] };
	for (size_t i = 0; i < 3; i++)
		(void)fcntl(fds[i], F_SETFL, O_NONBLOCK);
	return true;
}

bool zygote_open(struct zygote *z, struct supervision *runs_of[SERVE_SLOTS])
{
	(void)memset(z, 0, sizeof *z);
	z->control = z->ends.control = -1;
	z->ends.supervisor = getpid();
	for (size_t i = 0; i < SERVE_SLOTS; i++)
		if (!open_slot(z, runs_of[i], i))
			return false;
	return true;
}

_Noreturn static void become_zygote(const struct zygote *z, const struct snapshot *s)
{
	struct serve_ends ends = z->ends;
	int keep[1 + 4 * SERVE_SLOTS], null = open("/dev/null", O_RDWR | O_CLOEXEC); /* the lines are for the supervisor alone */
	keep[0] = ends.control;
	for (size_t i = 0; i < SERVE_SLOTS; i++) {
		const struct serve_slot *slot = &ends.slots[i];
		(void)memcpy(keep + 1 + 4 * i, (int[]){ slot->jobs, slot->frames, slot->out, slot->err }, 4 * sizeof *keep);
	}
	if (null < 0 || !start_child(ends.supervisor, null, null, null, keep, sizeof keep / sizeof *keep))
		_exit(1);
	ends.control = keep[0];
	for (size_t i = 0; i < SERVE_SLOTS; i++) {
		struct serve_slot *slot = &ends.slots[i];
		const int *fd = keep + 1 + 4 * i;
		slot->jobs = fd[0], slot->frames = fd[1], slot->out = fd[2], slot->err = fd[3];
	}
	serve_main(s, &ends);
}

static bool keep_pid(struct shared *all, pid_t pid)
{
	pid_t *grown = realloc(all->stay, (all->stay_count + 1) * sizeof *grown);
	if (grown == NULL)
		return false;
	all->stay = grown;
	all->stay[all->stay_count++] = pid;
	return true;
}

static bool runs(const struct zygote *z, const struct shared *all)
{
	for (size_t i = 0; i < all->stay_count; i++)
		if (all->stay[i] == z->pid)
			return true;
	return false;
}

static bool start_zygote(struct zygote *z, struct supervision *v)
{
	int pair[2];
	if (z->control >= 0)
		(void)close(z->control);
	z->control = -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	z->control = pair[0];
	z->ends.control = pair[1];
	z->pid = fork();
	if (z->pid == 0)
		become_zygote(z, v->snapshot);
	(void)close(pair[1]); /* so that its end is seen */
	return z->pid > 0 && keep_pid(v->shared, z->pid);
}

/* Asks for a worker; its pid, or -1. */
static pid_t ask(struct zygote *z, size_t slot)
{
	int pid = -1;
	char byte = (char)slot;
	struct pollfd p = { .fd = z->control, .events = POLLIN };
	if (send(z->control, &byte, 1, MSG_NOSIGNAL) != 1)
		return -1;
	while (poll(&p, 1, FORK_WAIT_MS) < 0 && errno == EINTR) {
	}
	if (p.revents == 0 || recv(z->control, &pid, sizeof pid, MSG_DONTWAIT) != (ssize_t)sizeof pid)
		return -1;
	return pid > 0 ? pid : -1;
}

static void end(pid_t pid)
{
	int status;
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
}

static void end_zygote(struct zygote *z, struct shared *all)
{
	if (!runs(z, all))
		return;
	end(z->pid);
	watch_ended(all, z->pid, 0);
}

bool zygote_worker(struct zygote *z, struct supervision *v, size_t slot)
{
	if (v->worker > 0 && !v->worker_ended)
		return true;
	v->worker = -1;
	for (int tries = 0; tries < 2 && v->worker < 0; tries++) {
		if (!runs(z, v->shared) && !start_zygote(z, v))
			return false;
		v->worker = ask(z, slot);
		if (v->worker < 0)
			end_zygote(z, v->shared);
	}
	v->worker_ended = v->worker < 0;
	return !v->worker_ended;
}

/* Parts of a job end with a NUL. */

static void put_text(struct buf *job, const char *text)
{
	(void)buf_put(job, text, strlen(text) + 1);
}

static void put_number(struct buf *job, int64_t n)
{
	(void)json_put_int(job, n);
	(void)buf_putc(job, '\0');
}

bool zygote_send(struct zygote *z, size_t slot, const struct snapshot *line, const struct buf *payload, bool dry_run)
{
	struct buf job;
	buf_init(&job);
	uint32_t size = 0;
	(void)buf_put(&job, &size, sizeof size);
	put_text(&job, line->request_id);
	put_number(&job, line->start_mono_ns);
	put_number(&job, line->start_epoch_ms);
	put_text(&job, dry_run ? "d" : "");
	put_text(&job, line->instance != NULL ? line->instance : "");
	(void)buf_put(&job, payload->data, payload->len);
	(void)buf_putc(&job, '\0');
	for (int i = 1; i < line->argc; i++)
		put_text(&job, line->argv[i]);
	bool ok = !job.failed && job.len < UINT32_MAX;
	if (ok) {
		size = (uint32_t)(job.len - sizeof size);
		(void)memcpy(job.data, &size, sizeof size);
		sink_put(&z->jobs[slot], job.data, job.len);
		sink_pump(&z->jobs[slot]);
	}
	buf_free(&job);
	return ok && z->jobs[slot].error == 0;
}

void zygote_clear(struct zygote *z, struct supervision *v, size_t slot)
{
	char chunk[4096];
	struct pollfd p = { .fd = z->ends.slots[slot].jobs, .events = POLLIN };
	sink_forget(&z->jobs[slot]);
	while (poll(&p, 1, 0) == 1 && read(p.fd, chunk, sizeof chunk) > 0) {
	}
	watch_drain(v);
}

void zygote_retire(struct zygote *z, struct supervision *v, size_t slot)
{
	end(v->worker);
	v->worker_ended = true;
	zygote_clear(z, v, slot);
}

static void close_slot(struct zygote *z, struct supervision *v, size_t slot)
{
	struct serve_slot *s = &z->ends.slots[slot];
	int fds[] = { z->jobs[slot].fd, s->jobs, s->frames, s->out, s->err, v->frames_fd, v->stdout_fd, v->stderr_fd };
	if (v->worker > 0 && !v->worker_ended)
		end(v->worker);
	v->worker_ended = true;
	v->frames_fd = v->stdout_fd = v->stderr_fd = -1;
	v->jobs = NULL;
	v->note = NULL;
	if (s->note == NULL || s->note == MAP_FAILED) /* never opened */
		return;
	(void)munmap(s->note, sizeof *s->note);
	sink_free(&z->jobs[slot]);
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		(void)close(fds[i]);
}

void zygote_close(struct zygote *z, struct supervision *runs_of[SERVE_SLOTS])
{
	end_zygote(z, runs_of[0]->shared);
	if (z->control >= 0)
		(void)close(z->control);
	for (size_t i = 0; i < SERVE_SLOTS; i++)
		close_slot(z, runs_of[i], i);
}
