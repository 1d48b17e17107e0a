#include "file.h"

#include "clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_BASE 200
#define MAX_TRIES 100
#define CANNOT (-1) /* no errno value */

int file_read(const char *path, size_t max, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return errno;
	struct stat st;
	int rc = fstat(fd, &st) == 0 ? 0 : errno;
	if (rc == 0 && S_ISDIR(st.st_mode))
		rc = EISDIR;
	if (rc == 0 && st.st_size > 0 && (size_t)st.st_size <= max && !buf_reserve(out, (size_t)st.st_size + 1))
		rc = ENOMEM;
	size_t got = 0;
	while (rc == 0) {
		if (!buf_reserve(out, 8192)) {
			rc = ENOMEM;
			break;
		}
		ssize_t n = read(fd, out->data + out->len, out->cap - out->len);
		if (n == 0)
			break;
		if (n < 0) {
			if (errno != EINTR)
				rc = errno;
			continue;
		}
		out->len += (size_t)n;
		got += (size_t)n;
		if (got > max)
			rc = EFBIG;
	}
	(void)close(fd);
	return rc;
}

int file_write_all(int fd, const void *data, size_t n)
{
	const char *p = data;
	while (n > 0) {
		ssize_t w = write(fd, p, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return errno;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

/* The directory that holds path. */
static void directory_of(const char *path, char out[PATH_MAX])
{
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
	(void)memcpy(out, n > 0 ? path : ".", n > 0 ? n : 1);
	out[n > 0 ? n : 1] = '\0';
}

int file_sync_directory(const char *path)
{
	char dir[PATH_MAX];
	directory_of(path, dir);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == EACCES ? 0 : errno; /* a directory may be writable yet unreadable */
	int rc = fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
	(void)close(fd);
	return rc;
}

/* The file that path names, through a symbolic link; a dangling link counts as its own name. */
static int target_of(const char *path, char out[PATH_MAX])
{
	struct stat st;
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && realpath(path, out) != NULL)
		return 0;
	if (strlen(path) >= PATH_MAX)
		return ENAMETOOLONG;
	(void)memcpy(out, path, strlen(path) + 1);
	return 0;
}

static int publish(const char *tmp, const char *path, int exclusive)
{
	if (!exclusive)
		return rename(tmp, path) == 0 ? 0 : errno;
	if (renameat2(AT_FDCWD, tmp, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return errno;
	int rc = link(tmp, path) == 0 ? 0 : errno; /* where the file system cannot do that */
	(void)unlink(tmp);
	return rc;
}

/* Name of a temporary file beside target; a long name is shortened, so that the temporary one is not too long. */
static int name_beside(const char *target, char *tmp, size_t size)
{
	const char *slash = strrchr(target, '/');
	size_t dir = slash != NULL ? (size_t)(slash - target) + 1 : 0, base = strlen(target + dir);
	int n = snprintf(tmp, size, "%.*s.tmp-XXXXXX", (int)(dir + (base < MAX_BASE ? base : MAX_BASE)), target);
	return n < (int)size ? 0 : ENAMETOOLONG;
}

/* What a write makes of a file: the name, and what its mode and owner will be. */
struct replacement {
	char target[PATH_MAX];
	mode_t mode;
	bool chown;
	uid_t uid;
	gid_t gid;
	int exclusive;
};

static int plan(struct replacement *r, const char *path, mode_t mode, int exclusive)
{
	struct stat st;
	int rc = target_of(path, r->target);
	if (rc != 0)
		return rc;
	bool exists = stat(r->target, &st) == 0;
	if (exists && exclusive)
		return EEXIST;
	if (exists && S_ISDIR(st.st_mode))
		return EISDIR;
	r->mode = mode;
	r->exclusive = exclusive;
	if (exists) /* what is meant for the owner alone does not stay open to others */
		r->mode = st.st_mode & ((mode & 077) == 0 ? 0700 : 07777);
	r->chown = exists && (st.st_uid != geteuid() || st.st_gid != getegid());
	r->uid = st.st_uid;
	r->gid = st.st_gid;
	return 0;
}

static int fill(int fd, const struct replacement *r, const void *data, size_t n)
{
	mode_t mode = r->mode;
	/* the owner stays where this process may say so: root writes a user's file */
	if (r->chown && fchown(fd, r->uid, r->gid) != 0)
		mode &= 0777; /* not with another's set-id bits */
	int rc = file_write_all(fd, data, n);
	if (rc == 0 && fchmod(fd, mode) != 0)
		rc = errno;
	if (rc == 0 && fsync(fd) != 0)
		rc = errno;
	return rc;
}

/* Gives the nameless file the name tmp and then renames it. Whoever is killed in between leaves tmp, which the next
 * writer of the same target removes; one that is alive then finds its name gone, and links again. */
static int link_and_rename(const char *self, const char *tmp, const char *target)
{
	for (int i = 0; i < MAX_TRIES; i++) {
		if (linkat(AT_FDCWD, self, AT_FDCWD, tmp, AT_SYMLINK_FOLLOW) != 0) {
			if (errno != EEXIST || (unlink(tmp) != 0 && errno != ENOENT))
				return CANNOT;
			continue;
		}
		if (rename(tmp, target) == 0)
			return 0;
		int rc = errno;
		if (rc != ENOENT) {
			(void)unlink(tmp);
			return rc;
		}
	}
	return CANNOT;
}

/* Writes through a file without a name, of which nothing is left whenever this process is killed. CANNOT where the file
 * system has none such, or no name can be given to it. */
static int write_nameless(const struct replacement *r, const void *data, size_t n)
{
	char dir[PATH_MAX], self[40], tmp[PATH_MAX + 16];
	const char *slash = strrchr(r->target, '/');
	size_t base = slash != NULL ? (size_t)(slash - r->target) + 1 : 0;
	directory_of(r->target, dir);
	int fd = strlen(r->target + base) <= MAX_BASE ? open(dir, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600) : -1;
	if (fd < 0)
		return CANNOT;
	(void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	(void)snprintf(tmp, sizeof tmp, "%.*s.%s.tool-tmp", (int)base, r->target, r->target + base);
	int rc = fill(fd, r, data, n);
	if (rc == 0 && r->exclusive) {
		if (linkat(AT_FDCWD, self, AT_FDCWD, r->target, AT_SYMLINK_FOLLOW) != 0)
			rc = errno == EEXIST ? EEXIST : CANNOT;
	} else if (rc == 0) {
		rc = link_and_rename(self, tmp, r->target);
	}
	(void)close(fd);
	return rc;
}

static int write_named(const struct replacement *r, const void *data, size_t n)
{
	char tmp[PATH_MAX + 16];
	int rc = name_beside(r->target, tmp, sizeof tmp);
	if (rc != 0)
		return rc;
	int fd = mkostemp(tmp, O_CLOEXEC); /* created 0600 whatever the umask */
	if (fd < 0)
		return errno;
	rc = fill(fd, r, data, n);
	if (close(fd) != 0 && rc == 0)
		rc = errno;
	if (rc == 0)
		rc = publish(tmp, r->target, r->exclusive);
	if (rc != 0)
		(void)unlink(tmp);
	return rc;
}

int file_write(const char *path, const void *data, size_t n, mode_t mode, int exclusive)
{
	struct replacement r;
	int rc = plan(&r, path, mode, exclusive);
	if (rc == 0 && (rc = write_nameless(&r, data, n)) == CANNOT)
		rc = write_named(&r, data, n);
	return rc == 0 ? file_sync_directory(r.target) : rc;
}

int file_append(const char *path, const void *data, size_t n, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, mode);
	if (fd < 0)
		return errno;
	int rc = file_write_all(fd, data, n);
	if (close(fd) != 0 && rc == 0)
		rc = errno;
	return rc;
}

static int make_one(const char *path, mode_t mode)
{
	if (mkdir(path, mode) == 0)
		return 0;
	int rc = errno;
	struct stat st;
	if (rc == EEXIST && stat(path, &st) == 0)
		return S_ISDIR(st.st_mode) ? 0 : ENOTDIR;
	return rc;
}

int file_mkdir(const char *path, mode_t mode, int parents)
{
	int rc = make_one(path, mode);
	if (rc != ENOENT || !parents)
		return rc;
	char up[PATH_MAX];
	size_t n = strlen(path);
	if (n >= sizeof up)
		return ENAMETOOLONG;
	(void)memcpy(up, path, n + 1);
	for (char *p = up + 1; *p != '\0'; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		rc = make_one(up, mode);
		*p = '/';
		if (rc != 0)
			return rc;
	}
	return make_one(path, mode);
}

#define MAX_DEPTH 200

static int open_directory(int at, const char *name)
{
	int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(at, name, flags);
	if (fd < 0 && errno == EACCES && fchmodat(at, name, 0700, 0) == 0)
		fd = openat(at, name, flags);
	return fd;
}

static int remove_at(int at, const char *name, unsigned depth)
{
	if (unlinkat(at, name, 0) == 0)
		return 0;
	if ((errno != EISDIR && errno != EPERM) || depth > MAX_DEPTH)
		return errno;
	int fd = open_directory(at, name);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	if (d == NULL) {
		int rc = errno;
		if (fd >= 0)
			(void)close(fd);
		return rc;
	}
	for (struct dirent *e = readdir(d); e != NULL; e = readdir(d))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			(void)remove_at(dirfd(d), e->d_name, depth + 1);
	(void)closedir(d);
	return unlinkat(at, name, AT_REMOVEDIR) == 0 ? 0 : errno;
}

int file_remove_tree(int at, const char *name)
{
	int rc = remove_at(at, name, 0);
	return rc == ENOTEMPTY ? remove_at(at, name, 0) : rc; /* something was written meanwhile */
}

/* The lock file may have been removed or replaced between open and flock: then this lock guards nothing. */
static bool is_current(int fd, const char *path)
{
	struct stat held, named;
	return fstat(fd, &held) == 0 && lstat(path, &named) == 0 && held.st_dev == named.st_dev && held.st_ino == named.st_ino;
}

static pid_t read_holder(int fd)
{
	char text[32] = { 0 };
	ssize_t n = pread(fd, text, sizeof text - 1, 0);
	return n > 0 ? (pid_t)strtol(text, NULL, 10) : 0;
}

static int try_lock(const char *path, int *fd, pid_t *holder)
{
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	if (*fd < 0)
		return errno;
	int rc = flock(*fd, LOCK_EX | LOCK_NB) == 0 ? 0 : errno;
	if (rc == 0 && is_current(*fd, path))
		return 0;
	*holder = rc == EWOULDBLOCK ? read_holder(*fd) : 0;
	(void)close(*fd);
	*fd = -1;
	return rc == 0 ? ESTALE : rc;
}

void file_lock_sign(int fd, pid_t holder)
{
	char text[32];
	int n = snprintf(text, sizeof text, "%ld\n", (long)holder);
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)n, 0) != n) {
		/* the lock is held all the same; only the record of its holder is missing */
	}
}

/* Waits for the lock; signals are blocked by the caller and let in only while this sleeps, so that none is missed. */
static int wait_for_lock(const char *path, int64_t until_ns, const sigset_t *let_in, int *fd, pid_t *holder)
{
	int rc;
	while ((rc = try_lock(path, fd, holder)) != 0) {
		if (rc == ESTALE)
			continue;
		if (rc != EWOULDBLOCK || clock_mono_ns() >= until_ns)
			return rc;
		struct timespec pause = { 0, 10000000 };
		if (ppoll(NULL, 0, &pause, let_in) != 0)
			return EINTR;
	}
	return 0;
}

int file_lock(const char *path, int timeout_ms, int *fd, pid_t *holder)
{
	sigset_t all, before;
	*holder = 0;
	(void)sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, &before);
	int rc = wait_for_lock(path, clock_mono_ns() + (int64_t)timeout_ms * 1000000, &before, fd, holder);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	if (rc == 0)
		file_lock_sign(*fd, getpid());
	return rc;
}
