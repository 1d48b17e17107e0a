#include "session.h"

#include "clock.h"
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define YOUNG_MS 60000 /* a directory so new may not be locked yet */
#define ID_LENGTH 26
#define FRESH ".new-" /* before the name of a directory that is not locked yet */

static bool is_private(const struct stat *st)
{
	return S_ISDIR(st->st_mode) && st->st_uid == geteuid() && (st->st_mode & 077) == 0;
}

static bool base_path(const struct snapshot *s, char out[PATH_MAX])
{
	const char *tmp = snapshot_env(s, "TMPDIR");
	if (tmp == NULL || tmp[0] != '/')
		tmp = "/tmp";
	return snprintf(out, PATH_MAX, "%s/tool-%ld", tmp, (long)geteuid()) < PATH_MAX;
}

int session_base(const struct snapshot *s, char out[PATH_MAX])
{
	struct stat st;
	if (!base_path(s, out))
		return ENAMETOOLONG;
	if (mkdir(out, 0700) == 0)
		return chmod(out, 0700) == 0 ? 0 : errno;
	if (errno != EEXIST)
		return errno;
	if (lstat(out, &st) != 0)
		return errno;
	return is_private(&st) ? 0 : EPERM;
}

/* The base as a descriptor, checked; -1 when it is missing or not ours. */
static int open_base(const struct snapshot *s)
{
	char path[PATH_MAX];
	struct stat st;
	int fd = base_path(s, path) ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (fd >= 0 && (fstat(fd, &st) != 0 || !is_private(&st))) {
		(void)close(fd);
		return -1;
	}
	return fd;
}

static bool is_id(const char *name)
{
	return strlen(name) == ID_LENGTH && strspn(name, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == ID_LENGTH;
}

/* Is the run of this directory over, as nobody holds its lock? */
static bool is_dead(int base, const char *name, int64_t min_age_ms)
{
	struct stat st;
	int fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool old = fstat(fd, &st) == 0 && clock_epoch_ms() - (int64_t)st.st_ctim.tv_sec * 1000 >= min_age_ms;
	bool dead = old && flock(fd, LOCK_EX | LOCK_NB) == 0;
	(void)close(fd);
	return dead;
}

/* Removes the entries of a directory that over(dir, name) gives up; takes the descriptor. */
static void sweep(int fd, bool (*over)(int dir, const char *name))
{
	DIR *d = fdopendir(fd);
	if (d == NULL) {
		(void)close(fd);
		return;
	}
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
		if (over(dirfd(d), e->d_name))
			(void)file_remove_tree(dirfd(d), e->d_name);
	(void)closedir(d);
}

static bool dead_run(int dir, const char *name)
{
	size_t n = strlen(FRESH);
	return is_id(name) ? is_dead(dir, name, 0) :
			     strncmp(name, FRESH, n) == 0 && is_id(name + n) && is_dead(dir, name, YOUNG_MS);
}

int session_make(const struct snapshot *s, char out[PATH_MAX], int *hold)
{
	*hold = -1;
	int rc = session_base(s, out);
	if (rc != 0)
		return rc;
	int base = open_base(s);
	if (base >= 0)
		sweep(base, dead_run);
	char fresh[PATH_MAX];
	size_t n = strlen(out), room = PATH_MAX - n;
	if (snprintf(fresh, sizeof fresh, "%s/" FRESH "%s", out, s->request_id) >= PATH_MAX)
		return ENAMETOOLONG;
	(void)snprintf(out + n, room, "/%s", s->request_id);
	if (mkdir(fresh, 0700) != 0)
		return errno;
	/* locked before it has the name under which other runs look for the dead */
	*hold = open(fresh, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*hold < 0)
		return errno;
	return fchmod(*hold, 0700) == 0 && flock(*hold, LOCK_EX | LOCK_NB) == 0 && rename(fresh, out) == 0 ? 0 : errno;
}

void session_remove(const struct snapshot *s)
{
	int base = open_base(s);
	if (base < 0)
		return;
	char fresh[sizeof FRESH + ID_LENGTH + 1];
	(void)file_remove_tree(base, s->request_id);
	if (snprintf(fresh, sizeof fresh, FRESH "%s", s->request_id) < (int)sizeof fresh)
		(void)file_remove_tree(base, fresh);
	(void)close(base);
}

int session_handout(const struct snapshot *s, long long ttl_s, char out[PATH_MAX])
{
	int rc = session_base(s, out);
	if (rc != 0)
		return rc;
	size_t n = strlen(out);
	if (n + 80 > PATH_MAX)
		return ENAMETOOLONG;
	(void)memcpy(out + n, "/out", 5);
	if (mkdir(out, 0700) != 0 && errno != EEXIST)
		return errno;
	n += 4;
	(void)snprintf(out + n, PATH_MAX - n, "/%lld-%s", (long long)(s->start_epoch_ms / 1000) + ttl_s, s->request_id);
	return mkdir(out, 0700) == 0 || errno == EEXIST ? 0 : errno;
}

static bool expired(int dir, const char *name)
{
	(void)dir;
	char *end;
	long long at = strtoll(name, &end, 10);
	return end != name && *end == '-' && is_id(end + 1) && clock_epoch_ms() / 1000 >= at;
}

void session_prune(const struct snapshot *s)
{
	int base = open_base(s);
	if (base < 0)
		return;
	int out = openat(base, "out", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	(void)close(base);
	if (out >= 0)
		sweep(out, expired);
}
