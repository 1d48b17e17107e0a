/* archive_target: the directory that an archive is unpacked into.
 *
 * Promise: nothing outside the directory is made, changed or linked to, whatever the archive says: every step of a path
 * is taken from the open directory and never through a link, nothing that exists is written, and only files,
 * directories, symbolic links that stay inside and hard links to files of the archive are made. What was made is removed
 * again unless target_keep is called. */
#ifndef ARCHIVE_TARGET_H
#define ARCHIVE_TARGET_H

#include "archive_source.h"

enum { NAME_LIMIT = 4096 };

struct target {
	int root;   /* -1: none */
	char *made; /* the directory's path when it was made for this */
};

/* The plain form of an entry's name ("a/b"; "" for the directory itself) in out, or why it is refused. */
const char *target_name(const char *name, char out[NAME_LIMIT]);

void target_init(struct target *t);
/* An absent directory is made, an existing one must be empty (ENOTEMPTY). 0 or an errno value. */
int target_open(struct target *t, const char *dir);
/* Makes what the entry says, with its content from the source; plain: of target_name. False: the source's fault is set. */
bool target_make(struct target *t, struct source *s, struct archive_entry *entry, const char *plain);
void target_keep(struct target *t);
/* Removes what was made, unless it is kept. Safe to repeat. */
void target_undo(struct target *t);

#endif
