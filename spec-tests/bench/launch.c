/*
 * launch: starts programs in turn and reports what one start of each takes.
 *
 *   launch ROUNDS -- [NAME=VALUE…] PROGRAM [ARG…] [-- …]…
 *
 * The environment is empty but for what is named. All run on one core with standard input and output at /dev/null, one after another (A B A B …) so that each sees the
 * same machine. Per program one line: median wall time in µs, largest resident set of one process in kB, exit status.
 * Exits 0 when every start of every program ended with the same status, 1 otherwise, 2 when the request is wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_PROGRAMS = 8, MAX_ENV = 16, WARM_UP = 3 };

struct program {
	char **argv;
	char *env[MAX_ENV + 1];
	int64_t *ns;
	long rss_kb;
	int status;
	int unsteady;
};

static int null_fd;

static void die(const char *what)
{
	fprintf(stderr, "launch: %s: %s\n", what, strerror(errno));
	exit(2);
}

static int64_t now_ns(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* vfork: the parent's size does not count; the child does nothing but dup2 and exec. */
static pid_t start(char **argv, char **env)
{
	pid_t pid = vfork();
	if (pid == 0) {
		(void)dup2(null_fd, STDIN_FILENO);
		(void)dup2(null_fd, STDOUT_FILENO);
		(void)execve(argv[0], argv, env);
		_exit(127);
	}
	return pid;
}

static void run_once(struct program *p, int round)
{
	struct rusage usage;
	int status;
	int64_t began = now_ns();
	pid_t pid = start(p->argv, p->env);
	if (pid < 0)
		die("vfork");
	while (wait4(pid, &status, 0, &usage) < 0)
		if (errno != EINTR)
			die("wait4");
	int64_t took = now_ns() - began;
	status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	if (round == -WARM_UP)
		p->status = status;
	p->unsteady |= status != p->status;
	if (round < 0)
		return;
	p->ns[round] = took;
	if (usage.ru_maxrss > p->rss_kb)
		p->rss_kb = usage.ru_maxrss;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static int report(struct program *p, int rounds)
{
	qsort(p->ns, (size_t)rounds, sizeof *p->ns, by_value);
	printf("%.1f %ld %d\n", (double)p->ns[rounds / 2] / 1000, p->rss_kb, p->status);
	return p->unsteady;
}

/* Cuts the arguments at each `--`; gives the number of programs, 0 when the request is wrong. */
static int split(char **argv, struct program *list)
{
	int n = 0;
	for (char **a = argv; *a != NULL; a++) {
		if (strcmp(*a, "--") != 0)
			continue;
		*a = NULL;
		if (n == MAX_PROGRAMS)
			return 0;
		list[n++].argv = a + 1;
	}
	for (struct program *p = list; p < list + n; p++) {
		for (int i = 0; p->argv[0] != NULL && strchr(p->argv[0], '=') != NULL && i < MAX_ENV; i++)
			p->env[i] = *p->argv++;
		if (p->argv[0] == NULL)
			return 0;
	}
	return n;
}

int main(int argc, char **argv)
{
	struct program list[MAX_PROGRAMS] = { 0 };
	int rounds = argc > 2 ? atoi(argv[1]) : 0, n = rounds > 0 ? split(argv + 2, list) : 0;
	if (n == 0) {
		fputs("usage: launch ROUNDS -- [NAME=VALUE...] PROGRAM [ARG...] [-- ...]...\n", stderr);
		return 2;
	}
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof one, &one) != 0)
		die("sched_setaffinity");
	null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null_fd < 0)
		die("/dev/null");
	for (int i = 0; i < n; i++)
		if ((list[i].ns = calloc((size_t)rounds, sizeof(int64_t))) == NULL)
			die("memory");
	for (int round = -WARM_UP; round < rounds; round++)
		for (int i = 0; i < n; i++)
			run_once(&list[i], round);
	int unsteady = 0;
	for (int i = 0; i < n; i++) {
		unsteady |= report(&list[i], rounds);
		free(list[i].ns);
	}
	return unsteady;
}
