#include "snapshot.h"

#include "clock.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static bool copy_env(struct snapshot *s, char **env)
{
	size_t n = 0;
	while (env != NULL && env[n] != NULL)
		n++;
	s->env = calloc(n + 1, sizeof *s->env);
	if (s->env == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		s->env[i] = env[i];
	return true;
}

static bool open_standard(struct snapshot *s)
{
	for (int fd = 0; fd < 3; fd++) {
		s->closed[fd] = fcntl(fd, F_GETFD) == -1;
		if (s->closed[fd] && open("/dev/null", O_RDWR) != fd)
			return false;
		s->tty[fd] = !s->closed[fd] && isatty(fd) == 1;
	}
	return true;
}

/* `pwd -L`: no component is "." or "..", which links would make ambiguous. */
static bool is_plain(const char *path)
{
	for (const char *p = strstr(path, "/."); p != NULL; p = strstr(p + 1, "/.")) {
		size_t n = strcspn(p + 1, "/");
		if (n == 1 || (n == 2 && p[2] == '.'))
			return false;
	}
	return true;
}

static void find_cwd(struct snapshot *s)
{
	const char *pwd = snapshot_env(s, "PWD");
	struct stat a, b;
	if (pwd != NULL && pwd[0] == '/' && strlen(pwd) < sizeof s->cwd && is_plain(pwd) && stat(pwd, &a) == 0 && stat(".", &b) == 0 &&
	    a.st_dev == b.st_dev && a.st_ino == b.st_ino)
		(void)memcpy(s->cwd, pwd, strlen(pwd) + 1);
	else if (getcwd(s->cwd, sizeof s->cwd) == NULL || s->cwd[0] != '/')
		s->cwd[0] = '\0';
}

/* A ULID: 48 bits of milliseconds, 80 random bits, Crockford base 32. */
static void make_id(struct snapshot *s)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	unsigned char r[16] = { 0 };
	if (getrandom(r, sizeof r, GRND_NONBLOCK) != (ssize_t)sizeof r) {
		uint64_t x = (uint64_t)s->start_mono_ns ^ ((uint64_t)getpid() << 40);
		(void)memcpy(r, &x, sizeof x);
	}
	int64_t t = s->start_epoch_ms;
	for (int i = 9; i >= 0; i--, t >>= 5)
		s->request_id[i] = digits[t & 31];
	for (int i = 0; i < 16; i++)
		s->request_id[10 + i] = digits[r[i] & 31];
	s->request_id[26] = '\0';
}

bool snapshot_take(struct snapshot *s, int argc, char **argv, char **env)
{
	(void)memset(s, 0, sizeof *s);
	s->start_mono_ns = clock_mono_ns();
	s->start_epoch_ms = clock_epoch_ms();
	s->argc = argc;
	s->argv = argv;
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	s->program = argc > 0 ? (slash != NULL ? slash + 1 : argv[0]) : "tool";
	if (!open_standard(s) || !copy_env(s, env))
		return false;
	find_cwd(s);
	make_id(s);
	return true;
}

void snapshot_restart(struct snapshot *s)
{
	s->start_mono_ns = clock_mono_ns();
	s->start_epoch_ms = clock_epoch_ms();
	make_id(s);
}

void snapshot_free(struct snapshot *s)
{
	free(s->env);
	s->env = NULL;
}

const char *snapshot_env(const struct snapshot *s, const char *name)
{
	size_t n = strlen(name);
	for (char **e = s->env; *e != NULL; e++)
		if ((*e)[0] == name[0] && strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return *e + n + 1;
	return NULL;
}

bool snapshot_ci(const struct snapshot *s)
{
	const char *v = snapshot_env(s, "CI");
	return v != NULL && v[0] != '\0';
}
