#include "reap.h"

#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_SEEN 4096

void reap_adopt(void)
{
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static pid_t parent_of(pid_t pid)
{
	char path[48], line[512];
	(void)snprintf(path, sizeof path, "/proc/%ld/stat", (long)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, line, sizeof line - 1);
	(void)close(fd);
	if (n <= 0)
		return 0;
	line[n] = '\0';
	char *paren = strrchr(line, ')'); /* the name may hold anything */
	return paren != NULL && strlen(paren) > 4 ? (pid_t)strtol(paren + 4, NULL, 10) : 0;
}

struct process {
	pid_t pid, parent;
};

static size_t list_processes(struct process *p, size_t max)
{
	size_t n = 0;
	DIR *d = opendir("/proc");
	if (d == NULL)
		return 0;
	for (struct dirent *e = readdir(d); e != NULL && n < max; e = readdir(d)) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		if (pid > 0)
			p[n++] = (struct process){ pid, parent_of(pid) };
	}
	(void)closedir(d);
	return n;
}

static bool below(const struct process *all, size_t n, pid_t pid, pid_t root)
{
	for (int depth = 0; pid > 1 && depth < 64; depth++) {
		pid_t up = 0;
		for (size_t i = 0; i < n; i++)
			if (all[i].pid == pid)
				up = all[i].parent;
		if (up == root)
			return true;
		pid = up;
	}
	return false;
}

int reap_signal(int sig, pid_t except)
{
	struct process *all = calloc(MAX_SEEN, sizeof *all);
	int found = 0;
	if (all == NULL)
		return 0;
	size_t n = list_processes(all, MAX_SEEN);
	for (size_t i = 0; i < n; i++) {
		if (all[i].pid == except || !below(all, n, all[i].pid, getpid()))
			continue;
		(void)kill(all[i].pid, sig);
		found++;
	}
	free(all);
	return found;
}

/* Collects ended children; false when there are no children at all. */
static bool collect(void)
{
	for (;;) {
		pid_t p = waitpid(-1, NULL, WNOHANG);
		if (p == 0)
			return true;
		if (p < 0 && errno != EINTR)
			return false;
	}
}

void reap_all(int64_t grace_ms)
{
	if (!collect())
		return;
	int64_t until = clock_mono_ns() + grace_ms * 1000000;
	(void)reap_signal(SIGTERM, 0);
	while (collect()) {
		struct timespec pause = { 0, 1000000 };
		if (clock_mono_ns() >= until)
			(void)reap_signal(SIGKILL, 0);
		(void)nanosleep(&pause, NULL);
	}
}
