/* http_file: bodies that are files.
 *
 * Promise: a download is either the whole file under its name or nothing: it grows under a temporary name in the same
 * directory and is renamed after fsync. An upload is read as it is sent, never held in memory. */
#ifndef HTTP_FILE_H
#define HTTP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_download {
	char *path, *temp; /* NULL: no download */
	int fd;            /* -1 unless open */
};

struct http_upload {
	int fd; /* -1: none */
	int64_t size;
};

/* All return 0 or an errno. */
int http_download_init(struct http_download *d, const char *path);
int http_download_open(struct http_download *d);
int http_download_put(struct http_download *d, const void *data, size_t n);
int http_download_commit(struct http_download *d);
/* Removes what is unfinished. Safe to repeat. */
void http_download_drop(struct http_download *d);

int http_upload_open(struct http_upload *u, const char *path);
void http_upload_close(struct http_upload *u);

#endif
