#include "staged.h"

#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

int staged_init(struct staged *s, const char *path)
{
	uint32_t salt;
	if (getrandom(&salt, sizeof salt, 0) != (ssize_t)sizeof salt)
		return EIO;
	const char *slash = strrchr(path, '/');
	int dir = slash == NULL ? 0 : (int)(slash - path + 1);
	s->fd = -1;
	s->path = strdup(path);
	if (s->path == NULL || asprintf(&s->temp, "%.*s.%s.%08x.part", dir, path, path + dir, salt) < 0) {
		s->temp = NULL;
		staged_drop(s);
		return ENOMEM;
	}
	return 0;
}

int staged_open(struct staged *s)
{
	s->fd = open(s->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	return s->fd < 0 ? errno : 0;
}

int staged_put(struct staged *s, const void *data, size_t n)
{
	return file_write_all(s->fd, data, n);
}

int staged_commit(struct staged *s)
{
	int err = fsync(s->fd) != 0 && errno != EINVAL ? errno : 0;
	if (close(s->fd) != 0 && err == 0)
		err = errno;
	s->fd = -1;
	if (err == 0 && rename(s->temp, s->path) != 0)
		err = errno;
	if (err != 0) {
		(void)unlink(s->temp);
		return err;
	}
	return file_sync_directory(s->path);
}

void staged_drop(struct staged *s)
{
	if (s->fd >= 0 && s->temp != NULL) {
		(void)close(s->fd);
		(void)unlink(s->temp);
	}
	free(s->path);
	free(s->temp);
	*s = (struct staged){ .fd = -1 };
}
