#include "sink.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void sink_init(struct sink *s, int fd, bool closed)
{
	struct stat st;
	(void)memset(s, 0, sizeof *s);
	s->fd = fd;
	s->error = closed ? EBADF : 0;
	s->regular = fstat(fd, &st) == 0 && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode) && !S_ISCHR(st.st_mode);
	buf_init(&s->queue);
}

void sink_put(struct sink *s, const void *data, size_t n)
{
	if (s->gone || s->error != 0)
		return;
	if (!buf_put(&s->queue, data, n))
		s->error = ENOMEM;
}

size_t sink_pending(const struct sink *s)
{
	return s->gone || s->error != 0 ? 0 : s->queue.len - s->sent;
}

/* One write of at most PIPE_BUF bytes, which poll's "writable" guarantees not to block. */
static bool write_some(struct sink *s)
{
	size_t n = sink_pending(s);
	if (!s->regular && n > PIPE_BUF)
		n = PIPE_BUF;
	ssize_t w = write(s->fd, s->queue.data + s->sent, n);
	if (w > 0) {
		s->sent += (size_t)w;
		s->total += (uint64_t)w;
	} else if (w < 0 && errno == EPIPE) {
		s->gone = true;
	} else if (w < 0 && errno != EINTR && errno != EAGAIN) {
		s->error = errno;
	}
	if (s->sent == s->queue.len)
		buf_reset(&s->queue), s->sent = 0;
	return w > 0;
}

static bool writable(const struct sink *s, int timeout)
{
	struct pollfd p = { .fd = s->fd, .events = POLLOUT };
	return s->regular || (poll(&p, 1, timeout) == 1 && p.revents != 0);
}

void sink_pump(struct sink *s)
{
	while (sink_pending(s) > 0 && writable(s, 0) && write_some(s)) {
	}
}

void sink_drain(struct sink *s, int64_t stall_ms)
{
	int timeout = stall_ms > INT_MAX ? INT_MAX : (int)stall_ms;
	while (sink_pending(s) > 0) {
		if (!writable(s, timeout)) {
			s->error = ETIMEDOUT;
			return;
		}
		(void)write_some(s);
	}
}

void sink_free(struct sink *s)
{
	buf_free(&s->queue);
}
