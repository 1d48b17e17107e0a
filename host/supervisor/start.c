#include "start.h"

#include "base/reap.h"
#include "worker/worker.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FIRST_KEPT 20

bool start_pipe(int fd[2])
{
	return pipe2(fd, O_CLOEXEC) == 0;
}

/* Closes first … last; without close_range (before Linux 5.9) one by one. */
static void close_between(int first, int last)
{
	if (first > last || syscall(SYS_close_range, (unsigned)first, (unsigned)last, 0U) == 0)
		return;
	long limit = sysconf(_SC_OPEN_MAX);
	for (int fd = first; fd <= last && fd < (limit > 0 && limit < 65536 ? (int)limit : 65536); fd++)
		(void)close(fd);
}

bool start_child(pid_t supervisor, int from, int out, int err, int *keep, size_t count)
{
	/* SIGUSR2, so that the worker can end the programs that it runs; before it handles the signal, it is its end */
	if (prctl(PR_SET_PDEATHSIG, SIGUSR2) != 0 || getppid() != supervisor) /* it may have died before that call */
		return false;
	int first = 3;
	for (size_t i = 0; i < count; i++) {
		keep[i] = fcntl(keep[i], F_DUPFD_CLOEXEC, FIRST_KEPT); /* each above the one before */
		if (keep[i] < 0)
			return false;
	}
	if ((from >= 0 && dup2(from, 0) < 0) || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		close_between(first, keep[i] - 1);
		first = keep[i] + 1;
	}
	close_between(first, INT32_MAX);
	return true;
}

bool start_worker(struct supervision *v)
{
	int frames[2], out[2], err[2];
	int real_out = fcntl(1, F_DUPFD_CLOEXEC, 10), real_err = fcntl(2, F_DUPFD_CLOEXEC, 10);
	if (real_out < 0 || real_err < 0 || !start_pipe(frames) || !start_pipe(out) || !start_pipe(err))
		return false;
	sink_init(&v->shared->out, real_out, v->snapshot->closed[1]);
	sink_init(&v->shared->err, real_err, v->snapshot->closed[2]);
	reap_adopt();
	pid_t self = getpid();
	v->worker = fork();
	if (v->worker < 0)
		return false;
	if (v->worker == 0) {
		if (!start_child(self, -1, out[1], err[1], &frames[1], 1))
			_exit(1);
		worker_main(v->snapshot, frames[1]);
	}
	(void)close(frames[1]), (void)close(out[1]), (void)close(err[1]);
	v->frames_fd = frames[0], v->stdout_fd = out[0], v->stderr_fd = err[0];
	int fds[] = { frames[0], out[0], err[0] };
	for (size_t i = 0; i < 3; i++)
		(void)fcntl(fds[i], F_SETFL, O_NONBLOCK);
	return true;
}
