#include "input.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 65536

void input_init(struct input *in, int fd, size_t max)
{
	(void)memset(in, 0, sizeof *in);
	in->fd = fd;
	in->max = max;
	buf_init(&in->bytes);
}

void input_free(struct input *in)
{
	buf_free(&in->bytes);
}

static bool is_blank(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != ' ' && p[i] != '\t' && p[i] != '\r')
			return false;
	return true;
}

/* Drops what is there of the line, which goes on; its number is given once. */
static bool drop(struct input *in)
{
	bool first = !in->dropping;
	in->dropping = true;
	in->at = in->seen = 0;
	buf_reset(&in->bytes);
	if (first)
		in->line++;
	return first;
}

enum input_state input_next(struct input *in, const char **line, size_t *n)
{
	for (;;) {
		const char *from = in->bytes.data + in->at;
		size_t there = in->bytes.len - in->at, seen = in->seen - in->at;
		const char *nl = there > seen ? memchr(from + seen, '\n', there - seen) : NULL;
		if (in->bytes.failed)
			return INPUT_NO_MEMORY;
		if (nl == NULL && !in->end) {
			in->seen = in->bytes.len;
			if (there <= in->max)
				return INPUT_WAITS;
			return drop(in) ? INPUT_TOO_LONG : INPUT_WAITS;
		}
		if (there == 0)
			return INPUT_ENDS;
		*line = from;
		*n = nl != NULL ? (size_t)(nl - from) : there;
		in->at = in->seen = in->at + *n + (nl != NULL ? 1 : 0);
		if (in->dropping) {
			in->dropping = false;
			continue;
		}
		in->line++;
		if (*n > in->max)
			return INPUT_TOO_LONG;
		if (!is_blank(*line, *n))
			return INPUT_LINE;
	}
}

void input_read(struct input *in)
{
	if (in->at > 0) {
		(void)memmove(in->bytes.data, in->bytes.data + in->at, in->bytes.len - in->at);
		in->bytes.len -= in->at;
		in->seen -= in->at;
		in->at = 0;
	}
	if (!buf_reserve(&in->bytes, CHUNK))
		return;
	ssize_t n = read(in->fd, in->bytes.data + in->bytes.len, CHUNK);
	if (n > 0)
		in->bytes.len += (size_t)n;
	else if (n == 0 || (errno != EINTR && errno != EAGAIN)) {
		in->error = n < 0 ? errno : 0;
		in->end = true;
	}
}
