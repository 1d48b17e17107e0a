/* See archive_source.h. */
#include "archive_source.h"

#include "worker/context.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEADERS_MAX (64u << 10) /* of the archive itself, and: */
#define HEADER_MAX (4u << 10)   /* of one entry, on average */

void fault_set(struct fault *f, const char *code, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)vsnprintf(f->message, sizeof f->message, format, args);
	va_end(args);
	f->code = code;
}

void source_init(struct source *s, const struct source_limits *limits)
{
	memset(s, 0, offsetof(struct source, in));
	s->fd = -1;
	s->limits = *limits;
}

void source_close(struct source *s)
{
	if (s->reader != NULL)
		(void)archive_read_free(s->reader);
	if (s->z_open)
		(void)inflateEnd(&s->z);
	if (s->fd >= 0)
		(void)close(s->fd);
	s->reader = NULL;
	s->z_open = false;
	s->fd = -1;
}

/* Bytes as they are stored: how many are at *bytes, 0 at the end, -1 with a fault. */
static long take_stored(struct source *s, const unsigned char **bytes)
{
	if (worker_context()->interrupted) {
		fault_set(&s->fault, "INTERRUPTED", "Reading the archive was interrupted.");
		return -1;
	}
	if (s->fd < 0) {
		size_t n = s->left < SOURCE_BLOCK ? s->left : SOURCE_BLOCK;
		*bytes = (const unsigned char *)s->data;
		s->data += n;
		s->left -= n;
		return (long)n;
	}
	ssize_t n;
	while ((n = read(s->fd, s->in, sizeof s->in)) < 0 && errno == EINTR)
		continue;
	if (n < 0) {
		s->fault.err = errno;
		s->fault.code = "IO_ERROR";
	}
	*bytes = s->in;
	return n;
}

/* Makes sure that there is compressed input: 1, 0 at its end, -1 with a fault. */
static int refill(struct source *s)
{
	const unsigned char *bytes;
	if (s->z.avail_in > 0)
		return 1;
	long n = take_stored(s, &bytes);
	if (n <= 0)
		return (int)n;
	s->z.next_in = bytes;
	s->z.avail_in = (unsigned)n;
	return 1;
}

/* Behind a compressed member: another one (1), padding up to the end (0), or what does not belong there (-1). */
static int next_member(struct source *s)
{
	int more;
	while ((more = refill(s)) == 1) {
		if (*s->z.next_in == 0) {
			s->z.next_in++;
			s->z.avail_in--;
			continue;
		}
		if (*s->z.next_in == 0x1f && inflateReset(&s->z) == Z_OK) {
			s->between = false;
			return 1;
		}
		fault_set(&s->fault, "ARCHIVE_INVALID", "The archive is damaged: other bytes follow the compressed data.");
		return -1;
	}
	return more;
}

static long inflate_block(struct source *s)
{
	s->z.next_out = s->out;
	s->z.avail_out = sizeof s->out;
	while (s->z.avail_out == sizeof s->out) {
		int more = s->between ? next_member(s) : refill(s);
		if (more == 0 && !s->between)
			fault_set(&s->fault, "ARCHIVE_INVALID", "The archive is damaged: the compressed data ends too early.");
		if (more <= 0)
			return more == 0 && s->between ? 0 : -1;
		int rc = inflate(&s->z, Z_NO_FLUSH);
		s->between = rc == Z_STREAM_END;
		if (rc == Z_OK || rc == Z_STREAM_END)
			continue;
		fault_set(&s->fault, "ARCHIVE_INVALID", "The archive is damaged: %s.",
			  s->z.msg != NULL ? s->z.msg : "the compressed data is cut short");
		return -1;
	}
	return (long)(sizeof s->out - s->z.avail_out);
}

/* The next bytes of the tar stream: how many are at *bytes, 0 at the end, -1 with a fault. */
static long take(struct source *s, const unsigned char **bytes)
{
	long n;
	if (s->gzip) {
		*bytes = s->out;
		n = inflate_block(s);
	} else {
		n = take_stored(s, bytes);
	}
	if (n > 0)
		s->streamed += (uint64_t)n;
	if (s->streamed <= s->limits.max_bytes + HEADERS_MAX + HEADER_MAX * s->limits.max_files)
		return n;
	fault_set(&s->fault, "ARCHIVE_TOO_LARGE", "The archive holds more than %llu bytes.",
		  (unsigned long long)s->limits.max_bytes);
	return -1;
}

static la_ssize_t on_read(struct archive *a, void *arg, const void **out)
{
	const unsigned char *bytes = NULL;
	long n = take(arg, &bytes);
	*out = bytes;
	if (n < 0)
		archive_set_error(a, EIO, "unreadable");
	return n;
}

/* The fault of the reader itself, unless the bytes were at fault already. */
static int reader_fault(struct source *s)
{
	const char *text = archive_error_string(s->reader);
	if (s->fault.code != NULL)
		return -1;
	if (archive_errno(s->reader) == ENOMEM)
		fault_set(&s->fault, "OUT_OF_MEMORY", "not enough memory");
	else if (s->entries == 0)
		fault_set(&s->fault, "ARCHIVE_INVALID", "This is no tar archive, plain or gzip-compressed.");
	else
		fault_set(&s->fault, "ARCHIVE_INVALID", "The archive is damaged: %s.", text != NULL ? text : "unknown");
	return -1;
}

static bool open_reader(struct source *s)
{
	s->reader = archive_read_new();
	if (s->reader == NULL) {
		fault_set(&s->fault, "OUT_OF_MEMORY", "not enough memory");
		return false;
	}
	if (archive_read_support_format_tar(s->reader) == ARCHIVE_OK &&
	    archive_read_open(s->reader, s, NULL, on_read, NULL) == ARCHIVE_OK)
		return true;
	(void)reader_fault(s);
	return false;
}

static bool begin(struct source *s, const unsigned char *first, size_t n)
{
	s->gzip = n >= 2 && first[0] == 0x1f && first[1] == 0x8b;
	s->z_open = s->gzip && inflateInit2(&s->z, 16 + MAX_WBITS) == Z_OK;
	if (s->gzip && !s->z_open) {
		fault_set(&s->fault, "OUT_OF_MEMORY", "not enough memory");
		return false;
	}
	return open_reader(s);
}

bool source_open_bytes(struct source *s, const char *data, size_t n)
{
	s->data = data;
	s->left = n;
	return begin(s, (const unsigned char *)data, n);
}

bool source_open_file(struct source *s, const char *path)
{
	struct stat st;
	unsigned char first[2];
	s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n = s->fd < 0 || fstat(s->fd, &st) != 0 ? -1 : 0;
	if (n == 0 && !S_ISREG(st.st_mode)) {
		errno = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
		n = -1;
	}
	if (n == 0)
		n = pread(s->fd, first, sizeof first, 0);
	if (n >= 0)
		return begin(s, first, (size_t)n);
	s->fault.err = errno;
	s->fault.code = "IO_ERROR";
	return false;
}

/* Names in pax headers are UTF-8, and the library converts them to the locale's characters. */
static int next_header(struct archive *a, struct archive_entry **entry)
{
	static locale_t utf8;
	if (utf8 == (locale_t)0)
		utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	locale_t before = utf8 != (locale_t)0 ? uselocale(utf8) : (locale_t)0;
	int rc = archive_read_next_header(a, entry);
	if (rc == ARCHIVE_OK || rc == ARCHIVE_WARN) { /* here, because these convert as well */
		(void)archive_entry_pathname(*entry);
		(void)archive_entry_symlink(*entry);
		(void)archive_entry_hardlink(*entry);
	}
	if (before != (locale_t)0)
		(void)uselocale(before);
	return rc;
}

int source_next(struct source *s, struct archive_entry **entry)
{
	int rc = next_header(s->reader, entry);
	if (rc == ARCHIVE_EOF) {
		const unsigned char *bytes;
		long n;
		while ((n = take(s, &bytes)) > 0)
			continue;
		return n < 0 ? -1 : 0;
	}
	if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN)
		return reader_fault(s);
	if (archive_entry_pathname(*entry) == NULL) {
		fault_set(&s->fault, "ARCHIVE_INVALID", "The archive is damaged: an entry has no readable name.");
		return -1;
	}
	if (++s->entries > s->limits.max_files) {
		fault_set(&s->fault, "ARCHIVE_TOO_LARGE", "The archive has more than %llu entries.",
			  (unsigned long long)s->limits.max_files);
		return -1;
	}
	return 1;
}

long source_content(struct source *s, void *into, size_t n)
{
	la_ssize_t got = archive_read_data(s->reader, into, n);
	if (got < 0)
		return reader_fault(s);
	s->content += (uint64_t)got;
	if (s->content <= s->limits.max_bytes)
		return (long)got;
	fault_set(&s->fault, "ARCHIVE_TOO_LARGE", "The archive holds more than %llu bytes.",
		  (unsigned long long)s->limits.max_bytes);
	return -1;
}
