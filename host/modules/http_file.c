/* See http_file.h. */
#include "http_file.h"

#include "../base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

int http_download_init(struct http_download *d, const char *path)
{
	uint32_t salt;
	if (getrandom(&salt, sizeof salt, 0) != (ssize_t)sizeof salt)
		return EIO;
	const char *slash = strrchr(path, '/');
	int dir = slash == NULL ? 0 : (int)(slash - path + 1);
	d->fd = -1;
	d->path = strdup(path);
	if (d->path == NULL || asprintf(&d->temp, "%.*s.%s.%08x.part", dir, path, path + dir, salt) < 0) {
		d->temp = NULL;
		http_download_drop(d);
		return ENOMEM;
	}
	return 0;
}

int http_download_open(struct http_download *d)
{
	d->fd = open(d->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	return d->fd < 0 ? errno : 0;
}

int http_download_put(struct http_download *d, const void *data, size_t n)
{
	return file_write_all(d->fd, data, n);
}

static int sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (dir == NULL)
		return ENOMEM;
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), err = fd < 0 ? errno : 0;
	free(dir);
	if (fd < 0)
		return err;
	if (fsync(fd) != 0 && errno != EINVAL)
		err = errno; /* EINVAL: a file system without such a thing */
	(void)close(fd);
	return err;
}

int http_download_commit(struct http_download *d)
{
	int err = fsync(d->fd) != 0 && errno != EINVAL ? errno : 0;
	if (close(d->fd) != 0 && err == 0)
		err = errno;
	d->fd = -1;
	if (err == 0 && rename(d->temp, d->path) != 0)
		err = errno;
	if (err != 0) {
		(void)unlink(d->temp);
		return err;
	}
	return sync_directory(d->path);
}

void http_download_drop(struct http_download *d)
{
	if (d->fd >= 0 && d->temp != NULL) {
		(void)close(d->fd);
		(void)unlink(d->temp);
	}
	free(d->path);
	free(d->temp);
	*d = (struct http_download){.fd = -1};
}

int http_upload_open(struct http_upload *u, const char *path)
{
	struct stat st;
	u->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (u->fd < 0)
		return errno;
	int err = fstat(u->fd, &st) != 0 ? errno : S_ISREG(st.st_mode) ? 0 : S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
	if (err != 0)
		http_upload_close(u);
	else
		u->size = st.st_size;
	return err;
}

void http_upload_close(struct http_upload *u)
{
	if (u->fd >= 0)
		(void)close(u->fd);
	u->fd = -1;
}
