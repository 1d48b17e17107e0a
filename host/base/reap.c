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
#include <sys/sysinfo.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KILL_WAIT_MS 1000 /* a process that SIGKILL does not end by then hangs in the kernel */

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

struct processes {
	struct process *items;
	size_t count, cap;
};

static int by_pid(const void *a, const void *b)
{
	const struct process *x = a, *y = b;
	return (x->pid > y->pid) - (x->pid < y->pid);
}

static bool add_process(struct processes *all, pid_t pid)
{
	if (all->count == all->cap) {
		size_t cap = all->cap == 0 ? 512 : all->cap * 2;
		struct process *grown = realloc(all->items, cap * sizeof *grown);
		if (grown == NULL)
			return false;
		all->items = grown;
		all->cap = cap;
	}
	all->items[all->count++] = (struct process){ pid, parent_of(pid) };
	return true;
}

/* Every process of the machine: a descendant is found by its chain of parents. */
static void list_processes(struct processes *all)
{
	DIR *d = opendir("/proc");
	if (d == NULL)
		return;
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
		pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
		if (pid > 0 && !add_process(all, pid))
			break;
	}
	(void)closedir(d);
	if (all->count > 1)
		qsort(all->items, all->count, sizeof *all->items, by_pid);
}

static bool below(const struct processes *all, pid_t pid, pid_t root)
{
	for (size_t depth = 0; pid > 1 && depth <= all->count; depth++) {
		struct process key = { pid, 0 };
		const struct process *p = bsearch(&key, all->items, all->count, sizeof key, by_pid);
		if (p == NULL)
			return false;
		if (p->parent == root)
			return true;
		pid = p->parent;
	}
	return false;
}

static bool is_kept(const struct processes *all, pid_t pid, const pid_t *kept, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (pid == kept[i] || below(all, pid, kept[i]))
			return true;
	return false;
}

void reap_told_free(struct reap_told *told)
{
	free(told->pids);
	*told = (struct reap_told){ NULL, 0 };
}

/* Adds a process; false when it stands there already. One that cannot be noted will be told twice. */
static bool note_told(struct reap_told *told, pid_t pid)
{
	for (size_t i = 0; i < told->count; i++)
		if (told->pids[i] == pid)
			return false;
	pid_t *grown = realloc(told->pids, (told->count + 1) * sizeof *grown);
	if (grown != NULL) {
		told->pids = grown;
		told->pids[told->count++] = pid;
	}
	return true;
}

int reap_signal(int sig, pid_t except, const pid_t *kept, size_t count, struct reap_told *told)
{
	struct processes all = { NULL, 0, 0 };
	int found = 0;
	list_processes(&all);
	for (size_t i = 0; i < all.count; i++) {
		pid_t pid = all.items[i].pid;
		if (pid == except || !below(&all, pid, getpid()) || is_kept(&all, pid, kept, count))
			continue;
		if (told == NULL || note_told(told, pid))
			(void)kill(pid, sig);
		found++;
	}
	free(all.items);
	return found;
}

bool reap_too_many(struct reap_watch *watch, int64_t limit, const pid_t *kept, size_t count)
{
	struct sysinfo info;
	if (sysinfo(&info) != 0)
		return false;
	if (watch->base == 0)
		watch->base = (long)info.procs + 1;
	if ((int64_t)info.procs - watch->base < limit / 2)
		return false; /* the machine as a whole has not got so many more: nothing to count */
	return reap_signal(0, 0, kept, count, NULL) > limit;
}

/* Collects ended children; false when there are no children at all. */
static bool collect(const struct reap_hooks *hooks)
{
	for (;;) {
		int status;
		pid_t p = waitpid(-1, &status, WNOHANG);
		if (p == 0)
			return true;
		if (p < 0 && errno != EINTR)
			return false;
		if (p > 0 && hooks != NULL && hooks->ended != NULL)
			hooks->ended(hooks->arg, p, status);
	}
}

/* Are all children kept? Then everything below them is, too. A kernel without the list of children says no. */
static bool only_kept(const pid_t *kept, size_t count)
{
	char path[48], text[1024];
	(void)snprintf(path, sizeof path, "/proc/self/task/%ld/children", (long)getpid());
	int fd = count > 0 ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	ssize_t n = fd >= 0 ? read(fd, text, sizeof text - 1) : -1;
	if (fd >= 0)
		(void)close(fd);
	if (n < 0 || n == (ssize_t)sizeof text - 1)
		return false;
	text[n] = '\0';
	char *end = text;
	for (long pid = strtol(text, &end, 10); pid > 0; pid = strtol(end, &end, 10)) {
		size_t i = 0;
		while (i < count && kept[i] != (pid_t)pid)
			i++;
		if (i == count)
			return false;
	}
	return true;
}

/* Is there anybody left to wait for? */
static bool remain(const struct reap_hooks *hooks, const pid_t *kept, size_t count)
{
	return collect(hooks) && (count == 0 || (!only_kept(kept, count) && reap_signal(0, 0, kept, count, NULL) > 0));
}

void reap_all(int64_t grace_ms, const struct reap_hooks *hooks, const pid_t *kept, size_t kept_count)
{
	if (!collect(hooks) || only_kept(kept, kept_count))
		return;
	int64_t now = clock_mono_ns(), until = now + grace_ms * 1000000;
	(void)reap_signal(SIGTERM, 0, kept, kept_count, hooks != NULL ? hooks->told : NULL);
	while (remain(hooks, kept, kept_count) && now < until + (int64_t)KILL_WAIT_MS * 1000000) {
		struct timespec pause = { 0, 1000000 };
		if (now < until && hooks != NULL && hooks->hurry != NULL && hooks->hurry(hooks->arg))
			until = now;
		if (now >= until)
			(void)reap_signal(SIGKILL, 0, kept, kept_count, NULL);
		(void)nanosleep(&pause, NULL);
		now = clock_mono_ns();
	}
}
