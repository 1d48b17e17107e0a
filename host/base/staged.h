/* A file that arrives piece by piece: it grows under a temporary name in the same directory and gets its own name after
 * fsync, so that readers see the old file or the new one, whole. For what file_write could not hold in memory. */
#ifndef TOOL_BASE_STAGED_H
#define TOOL_BASE_STAGED_H

#include <stddef.h>

struct staged {
	char *path, *temp; /* NULL: none */
	int fd;            /* -1 unless open */
};

/* All return 0 or an errno value. */
int staged_init(struct staged *s, const char *path);
int staged_open(struct staged *s);
int staged_put(struct staged *s, const void *data, size_t n);
int staged_commit(struct staged *s);
/* Removes what is unfinished. Safe to repeat. */
void staged_drop(struct staged *s);

#endif
