/* See archive_target.h. */
#include "archive_target.h"

#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_DEPTH 100
#define OPEN_STEP (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

const char *target_name(const char *name, char out[NAME_LIMIT])
{
	size_t used = 0, depth = 0;
	if (name[0] == '\0')
		return "has no name";
	if (name[0] == '/')
		return "has an absolute name";
	if (strlen(name) >= NAME_LIMIT)
		return "has a name that is too long";
	for (const char *at = name; *at != '\0';) {
		size_t n = strcspn(at, "/");
		if (n == 2 && at[0] == '.' && at[1] == '.')
			return "would leave the directory";
		if (n > 0 && !(n == 1 && at[0] == '.')) {
			if (++depth > MAX_DEPTH)
				return "lies too deep";
			if (used > 0)
				out[used++] = '/';
			memcpy(out + used, at, n);
			used += n;
		}
		at += n;
		at += strspn(at, "/");
	}
	out[used] = '\0';
	return NULL;
}

void target_init(struct target *t)
{
	t->root = -1;
	t->made = NULL;
}

void target_keep(struct target *t)
{
	if (t->root >= 0)
		(void)close(t->root);
	free(t->made);
	target_init(t);
}

/* Calls visit for each name in the directory until it returns non-zero. */
static int each_name(int dir, int (*visit)(int dir, const char *name))
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (d == NULL) {
		rc = errno;
		if (fd >= 0)
			(void)close(fd);
		return rc;
	}
	for (struct dirent *e = readdir(d); rc == 0 && e != NULL; e = readdir(d))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = visit(dir, e->d_name);
	(void)closedir(d);
	return rc;
}

static int is_there(int dir, const char *name)
{
	(void)dir, (void)name;
	return ENOTEMPTY;
}

static int remove_all(int dir, const char *name)
{
	(void)file_remove_tree(dir, name);
	return 0;
}

void target_undo(struct target *t)
{
	if (t->root >= 0) {
		(void)each_name(t->root, remove_all);
		if (t->made != NULL)
			(void)rmdir(t->made);
	}
	target_keep(t);
}

int target_open(struct target *t, const char *dir)
{
	bool made = mkdir(dir, 0755) == 0;
	if (!made && errno != EEXIST)
		return errno;
	t->root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = t->root < 0 ? errno : each_name(t->root, is_there);
	if (rc == 0 && made && (t->made = strdup(dir)) == NULL)
		rc = ENOMEM;
	if (rc != 0) {
		if (made)
			(void)rmdir(dir);
		target_keep(t);
	}
	return rc;
}

/* Refusals and failures of one entry; all return false. */

static bool refuse(struct source *s, struct archive_entry *entry, const char *why)
{
	const char *name = archive_entry_pathname(entry);
	fault_set(&s->fault, "ARCHIVE_UNSAFE", "The archive is refused: its entry \"%.200s\" %s.", name, why);
	return false;
}

static bool failed(struct source *s, struct archive_entry *entry, int err)
{
	if (err == ELOOP || err == ENOTDIR)
		return refuse(s, entry, "lies below something that is no directory");
	if (err == EEXIST)
		return refuse(s, entry, "occurs twice");
	if (err == ENOSPC || err == EDQUOT)
		s->fault.code = "DISK_FULL";
	else
		s->fault.code = err == EACCES || err == EPERM ? "PERMISSION_DENIED" : "IO_ERROR";
	char text[96];
	fault_set(&s->fault, s->fault.code, "Cannot write the entry \"%.160s\": %s.", archive_entry_pathname(entry),
		  strerror_r(err, text, sizeof text));
	return false;
}

/* Opens the directory that holds `plain`, from the root without following links; *leaf is the last component. Missing
 * directories are made when `make` is set. A descriptor, or -1 with errno. */
static int open_parent(int root, const char *plain, bool make, const char **leaf)
{
	char step[NAME_LIMIT];
	int at = openat(root, ".", OPEN_STEP);
	*leaf = plain;
	for (const char *slash = strchr(plain, '/'); at >= 0 && slash != NULL; slash = strchr(*leaf, '/')) {
		size_t n = (size_t)(slash - *leaf);
		memcpy(step, *leaf, n);
		step[n] = '\0';
		int next = openat(at, step, OPEN_STEP);
		if (next < 0 && errno == ENOENT && make && mkdirat(at, step, 0755) == 0)
			next = openat(at, step, OPEN_STEP);
		int err = errno;
		(void)close(at);
		errno = err;
		at = next;
		*leaf = slash + 1;
	}
	return at;
}

static int make_directory(int at, const char *leaf, mode_t mode)
{
	struct stat st;
	if (mkdirat(at, leaf, (mode & 0777) | 0700) == 0)
		return 0;
	if (errno == EEXIST && fstatat(at, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return errno;
}

/* 0, an errno value, or -1: the source's fault is set. */
static int make_file(int at, const char *leaf, mode_t mode, struct source *s)
{
	unsigned char block[SOURCE_BLOCK];
	int fd = openat(at, leaf, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, (mode & 0777) | 0600);
	if (fd < 0)
		return errno;
	int rc = 0;
	long n = 0;
	while (rc == 0 && (n = source_content(s, block, sizeof block)) > 0)
		rc = file_write_all(fd, block, (size_t)n);
	if (close(fd) != 0 && rc == 0)
		rc = errno;
	return n < 0 ? -1 : rc;
}

/* Whether a symbolic link in the directory of `plain` stays inside: up only at its beginning, which starts from a real
 * directory, and never higher than the root. */
static bool stays_inside(const char *plain, const char *link)
{
	size_t depth = 0;
	bool down = false;
	if (link[0] == '/' || link[0] == '\0' || strlen(link) >= NAME_LIMIT)
		return false;
	for (const char *p = plain; *p != '\0'; p++)
		depth += *p == '/';
	for (const char *at = link; *at != '\0'; at += strspn(at, "/")) {
		size_t n = strcspn(at, "/");
		if (n == 2 && at[0] == '.' && at[1] == '.') {
			if (down || depth == 0)
				return false;
			depth--;
		} else if (!(n == 1 && at[0] == '.')) {
			down = true;
		}
		at += n;
	}
	return true;
}

static bool make_hard_link(struct target *t, struct source *s, struct archive_entry *entry, int at, const char *leaf)
{
	static const char WHY[] = "is a hard link to what is no file of the archive";
	char plain[NAME_LIMIT];
	const char *from;
	struct stat st;
	if (target_name(archive_entry_hardlink(entry), plain) != NULL || plain[0] == '\0')
		return refuse(s, entry, WHY);
	int dir = open_parent(t->root, plain, false, &from);
	if (dir < 0)
		return refuse(s, entry, WHY);
	bool ok = fstatat(dir, from, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
	int rc = ok && linkat(dir, from, at, leaf, 0) != 0 ? errno : 0;
	(void)close(dir);
	if (!ok)
		return refuse(s, entry, WHY);
	return rc == 0 || failed(s, entry, rc);
}

static bool make_at(struct target *t, struct source *s, struct archive_entry *entry, const char *plain, int at, const char *leaf)
{
	mode_t mode = archive_entry_mode(entry);
	const char *link = archive_entry_symlink(entry);
	int rc;
	if (archive_entry_hardlink(entry) != NULL)
		return make_hard_link(t, s, entry, at, leaf);
	if (archive_entry_filetype(entry) == AE_IFDIR)
		rc = make_directory(at, leaf, mode);
	else if (archive_entry_filetype(entry) == AE_IFREG)
		rc = make_file(at, leaf, mode, s);
	else if (link == NULL || !stays_inside(plain, link))
		return refuse(s, entry, "is a link that would leave the directory");
	else
		rc = symlinkat(link, at, leaf) == 0 ? 0 : errno;
	return rc == 0 || (rc > 0 && failed(s, entry, rc));
}

bool target_make(struct target *t, struct source *s, struct archive_entry *entry, const char *plain)
{
	mode_t type = archive_entry_filetype(entry);
	bool hard = archive_entry_hardlink(entry) != NULL;
	if (!hard && type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK)
		return refuse(s, entry, "is no file, directory or link");
	if ((hard || type != AE_IFLNK) && (archive_entry_mode(entry) & (S_ISUID | S_ISGID)) != 0)
		return refuse(s, entry, "has a set-id bit");
	if (plain[0] == '\0')
		return type == AE_IFDIR || refuse(s, entry, "has no name");
	const char *leaf;
	int at = open_parent(t->root, plain, true, &leaf);
	if (at < 0)
		return failed(s, entry, errno);
	bool ok = make_at(t, s, entry, plain, at, leaf);
	(void)close(at);
	return ok;
}
