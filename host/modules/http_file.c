/* See http_file.h. */
#include "http_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

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
