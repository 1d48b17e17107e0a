/* archive_source: reading a tar archive, plain or gzip-compressed, from bytes or a file.
 *
 * Promise: what is damaged, cut short or larger than the limits ends as one fault that says so; compressed data is taken
 * only with its checksum, so the end of an archive is reached by intact ones alone. Nothing here touches a directory. */
#ifndef ARCHIVE_SOURCE_H
#define ARCHIVE_SOURCE_H

#define ZLIB_CONST

#include <archive.h>
#include <archive_entry.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <zlib.h>

enum { SOURCE_BLOCK = 65536 };

/* Why reading failed; code is static text, NULL while nothing failed. */
struct fault {
	const char *code;
	char message[320];
	int err; /* errno of reading the file; 0 otherwise */
};

struct source_limits {
	uint64_t max_bytes; /* of all contents */
	uint64_t max_files; /* entries */
};

struct source {
	struct archive *reader;
	int fd;           /* -1: from bytes */
	const char *data; /* bytes that have not been taken; the caller keeps them */
	size_t left;
	z_stream z;
	bool gzip, z_open, between; /* between: a compressed member has ended */
	uint64_t streamed, content, entries;
	struct source_limits limits;
	struct fault fault;
	unsigned char in[SOURCE_BLOCK], out[SOURCE_BLOCK];
};

/* Before anything else, so that source_close is safe. */
void source_init(struct source *s, const struct source_limits *limits);
/* Both: false when the fault is set. */
bool source_open_file(struct source *s, const char *path);
bool source_open_bytes(struct source *s, const char *data, size_t n);
/* 1: *entry is the next one, valid until the next call; 0: the end, all of it intact; -1: the fault is set. */
int source_next(struct source *s, struct archive_entry **entry);
/* The next bytes of the entry's content: how many (0: its end), or -1: the fault is set. */
long source_content(struct source *s, void *into, size_t n);
void source_close(struct source *s);

__attribute__((format(printf, 3, 4))) void fault_set(struct fault *f, const char *code, const char *format, ...);

#endif
