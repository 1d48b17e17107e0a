/* http_file: bodies that are files.
 *
 * Promise: an upload is read as it is sent, never held in memory. Downloads are base/staged.h. */
#ifndef HTTP_FILE_H
#define HTTP_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_upload {
	int fd; /* -1: none */
	int64_t size;
};

/* All return 0 or an errno. */
int http_upload_open(struct http_upload *u, const char *path);
void http_upload_close(struct http_upload *u);

#endif
