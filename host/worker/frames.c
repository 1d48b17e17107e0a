#include "frames.h"

#include "context.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_PARTS 16

static void put32(unsigned char *p, size_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (8 * i));
}

static bool write_vector(int fd, struct iovec *v, int n)
{
	while (n > 0) {
		ssize_t w = writev(fd, v, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return false;
		while (n > 0 && (size_t)w >= v->iov_len) {
			w -= (ssize_t)v->iov_len;
			v++, n--;
		}
		if (n > 0) {
			v->iov_base = (char *)v->iov_base + w;
			v->iov_len -= (size_t)w;
		}
	}
	return true;
}

/* Copies a frame behind the waiting ones; false when it does not fit. */
static bool keep_waiting(struct worker *w, const struct iovec *v, int n, size_t size)
{
	if (sizeof w->waiting - w->waiting_len < size)
		return false;
	for (int i = 0; i < n; i++) {
		(void)memcpy(w->waiting + w->waiting_len, v[i].iov_base, v[i].iov_len);
		w->waiting_len += v[i].iov_len;
	}
	return true;
}

const char *frames_take(size_t *n)
{
	struct worker *w = worker_context();
	*n = w->waiting_len;
	w->waiting_len = 0;
	return w->waiting;
}

bool frames_append(const char *bytes, size_t n)
{
	struct worker *w = worker_context();
	return keep_waiting(w, &(struct iovec){ (void *)bytes, n }, 1, n);
}

bool frame_flush(void)
{
	struct worker *w = worker_context();
	struct iovec v = { w->waiting, w->waiting_len };
	w->waiting_len = 0;
	w->rows_wait = false;
	return v.iov_len == 0 || write_vector(w->frames_fd, &v, 1);
}

bool frame_flush_rows(void)
{
	return !worker_context()->rows_wait || frame_flush();
}

bool frame_send(char kind, const struct frame_part *parts, size_t count)
{
	struct worker *w = worker_context();
	unsigned char head[5], lengths[MAX_PARTS][4];
	struct iovec v[2 + 2 * MAX_PARTS];
	size_t total = 0;
	int n = 2; /* v[0] is for the waiting frames */
	if (count > MAX_PARTS)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].len > UINT32_MAX - 4 - total)
			return false;
		put32(lengths[i], parts[i].len);
		v[n++] = (struct iovec){ lengths[i], 4 };
		if (parts[i].len > 0)
			v[n++] = (struct iovec){ (void *)parts[i].data, parts[i].len };
		total += 4 + parts[i].len;
	}
	head[0] = (unsigned char)(kind == 'e' ? 'E' : kind);
	put32(head + 1, total);
	v[1] = (struct iovec){ head, sizeof head };
	bool waits = strchr("MAWwe", kind) != NULL || (kind == 'R' && w->plain);
	if (waits && keep_waiting(w, v + 1, n - 1, total + sizeof head)) {
		w->rows_wait = w->rows_wait || kind == 'e';
		return true;
	}
	v[0] = (struct iovec){ w->waiting, w->waiting_len };
	w->waiting_len = 0;
	w->rows_wait = false;
	return write_vector(w->frames_fd, v, n);
}
