#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536
#define TURN 64 /* writes */

/* Even where poll says "writable" a write to a terminal may block, or one to a pipe that has another writer, and no
 * signal would end it. O_NONBLOCK on the given descriptor would change it for the shell too, so it is opened again. */
static int open_again(int fd)
{
	char path[40];
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void sink_init(struct sink *s, int fd, bool closed)
{
	struct stat st;
	(void)memset(s, 0, sizeof *s);
	s->fd = fd;
	s->own = -1;
	s->error = closed ? EBADF : 0;
	buf_init(&s->queue);
	if (fstat(fd, &st) != 0)
		return;
	s->regular = !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode) && !S_ISCHR(st.st_mode);
	if (S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && isatty(fd) == 1))
		s->own = open_again(fd);
}

/* A queue that never runs empty must not keep what has left it long ago. */
static void forget_sent(struct sink *s)
{
	if (s->sent == s->queue.len) {
		buf_reset(&s->queue);
		s->sent = 0;
	} else if (s->sent > s->queue.len / 2) {
		(void)memmove(s->queue.data, s->queue.data + s->sent, s->queue.len - s->sent);
		s->queue.len -= s->sent;
		s->sent = 0;
	}
}

void sink_put(struct sink *s, const void *data, size_t n)
{
	if (s->gone || s->error != 0 || n == 0)
		return;
	if (!buf_put(&s->queue, data, n))
		s->error = ENOMEM;
}

size_t sink_pending(const struct sink *s)
{
	return s->gone || s->error != 0 ? 0 : s->queue.len - s->sent;
}

static int descriptor(const struct sink *s)
{
	return s->own >= 0 ? s->own : s->fd;
}

int sink_poll_fd(const struct sink *s)
{
	return sink_pending(s) > 0 ? descriptor(s) : -1;
}

/* One write. Without a description of its own at most PIPE_BUF bytes: "writable" means that these do not block. */
static bool write_some(struct sink *s)
{
	size_t n = sink_pending(s), most = s->own >= 0 ? CHUNK : PIPE_BUF;
	if (!s->regular && n > most)
		n = most;
	ssize_t w = write(descriptor(s), s->queue.data + s->sent, n);
	if (w > 0) {
		s->sent += (size_t)w;
		s->total += (uint64_t)w;
		forget_sent(s);
	} else if (w == 0) {
		s->error = EIO;
	} else if (errno == EPIPE) {
		s->gone = true;
	} else if (errno != EINTR && errno != EAGAIN) {
		s->error = errno;
	}
	return w > 0;
}

static bool writable(const struct sink *s, int timeout)
{
	struct pollfd p = { .fd = descriptor(s), .events = POLLOUT };
	int ready = 0;
	if (s->regular)
		return true;
	do
		ready = poll(&p, 1, timeout);
	while (ready < 0 && errno == EINTR);
	return ready == 1;
}

void sink_pump(struct sink *s)
{
	/* a description of its own says by itself that there is no room */
	for (int i = 0; i < TURN && sink_pending(s) > 0 && (s->own >= 0 || writable(s, 0)) && write_some(s); i++) {
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

void sink_forget(struct sink *s)
{
	buf_reset(&s->queue);
	s->sent = 0;
}

void sink_free(struct sink *s)
{
	if (s->own > 0)
		(void)close(s->own);
	s->own = -1;
	buf_free(&s->queue);
}
