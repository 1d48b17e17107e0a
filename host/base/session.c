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

#define ID_LENGTH 26
#define NAME_BYTES 4096u /* what a name costs at least, so that empty files count */
#define MAX_LEVELS 100   /* nobody needs as many directories in each other */

static bool is_private(const struct stat *st)
{
	return S_ISDIR(st->st_mode) && st->st_uid == geteuid() && (st->st_mode & 077) == 0;
}

static bool base_path(const struct snapshot *s, char out[PATH_MAX])
{
	const char *tmp = snapshot_env(s, "TMPDIR"), *home = snapshot_env(s, "HOME");
	if (s->instance != NULL && home != NULL && home[0] == '/')
		return snprintf(out, PATH_MAX, "%s/.tool/instances/%s/tmp", home, s->instance) < PATH_MAX;
	if (tmp == NULL || tmp[0] != '/')
		tmp = "/tmp";
	return snprintf(out, PATH_MAX, "%s/tool-%ld", tmp, (long)geteuid()) < PATH_MAX;
}

int session_base(const struct snapshot *s, char out[PATH_MAX])
{
	struct stat st;
	if (!base_path(s, out))
		return ENAMETOOLONG;
	int rc = s->instance != NULL ? file_mkdir(out, 0700, 1) : 0;
	if (rc != 0)
		return rc;
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

/* Is the run of this directory over, as nobody holds its lock? Whoever makes one shares the lock of the base until the
 * new one is locked, so with the base to itself this looks at no directory that is not locked yet. */
static bool is_dead(int base, const char *name)
{
	if (flock(base, LOCK_EX | LOCK_NB) != 0)
		return false;
	int fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	bool dead = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0;
	if (fd >= 0)
		(void)close(fd);
	(void)flock(base, LOCK_UN);
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
	return is_id(name) && is_dead(dir, name);
}

bool session_is_dead(const struct snapshot *s, const char *name)
{
	int base = open_base(s);
	bool dead = base >= 0 && dead_run(base, name);
	if (base >= 0)
		(void)close(base);
	return dead;
}

static int make_held(const char *path, int *hold)
{
	if (mkdir(path, 0700) != 0)
		return errno;
	*hold = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (*hold < 0)
		return errno;
	return fchmod(*hold, 0700) == 0 && flock(*hold, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
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
	size_t n = strlen(out);
	if (snprintf(out + n, PATH_MAX - n, "/%s", s->request_id) >= (int)(PATH_MAX - n))
		return ENAMETOOLONG;
	base = open_base(s);
	if (base < 0)
		rc = EPERM; /* changed hands just now */
	else if (flock(base, LOCK_SH) != 0)
		rc = errno;
	if (rc == 0)
		rc = make_held(out, hold);
	if (base >= 0)
		(void)close(base);
	return rc;
}

void session_remove(const struct snapshot *s)
{
	int base = open_base(s);
	if (base < 0)
		return;
	(void)file_remove_tree(base, s->request_id);
	(void)close(base);
}

/* Takes the descriptor of a directory. */
static uint64_t used_below(int fd, uint64_t enough, int level)
{
	uint64_t used = 0;
	struct stat st;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL && fd >= 0)
		(void)close(fd);
	if (level > MAX_LEVELS)
		used = enough;
	for (struct dirent *e; d != NULL && used < enough && (e = readdir(d)) != NULL;) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		uint64_t bytes = (uint64_t)st.st_blocks * 512 / (S_ISDIR(st.st_mode) || st.st_nlink == 0 ? 1 : st.st_nlink);
		used += bytes > NAME_BYTES ? bytes : NAME_BYTES;
		if (S_ISDIR(st.st_mode) && used < enough)
			used += used_below(openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), enough - used, level + 1);
	}
	if (d != NULL)
		(void)closedir(d);
	return used;
}

uint64_t session_used(const struct snapshot *s, uint64_t enough)
{
	int base = open_base(s);
	if (base < 0)
		return 0;
	uint64_t used = used_below(openat(base, s->request_id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), enough, 0);
	(void)close(base);
	return used;
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
	(void)snprintf(out + n, PATH_MAX - n, "/%lld-%s", (long long)((s->start_epoch_ms + 999) / 1000) + ttl_s, s->request_id);
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
