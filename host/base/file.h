/* Files: whole reads with a cap, and writes that readers see old or new, never half (REQ-F-070).
 * Every function returns 0 or an errno value. Descriptors are close-on-exec (REQ-F-071). */
#ifndef TOOL_BASE_FILE_H
#define TOOL_BASE_FILE_H

#include "buf.h"

#include <stddef.h>
#include <sys/types.h>

/* Appends the file's bytes to out; EFBIG when it holds more than max bytes. */
int file_read(const char *path, size_t max, struct buf *out);

/* Writes path whole: a file without a name in the same directory (with a temporary one where the file system has none
 * such), fsync, link, rename, fsync of the directory. A writer that is killed leaves no other file, but for a moment
 * between link and rename: what stays then, `.NAME.tool-tmp`, the next write of path removes.
 * The mode of an existing file is kept, but for what `mode` denies to others when it denies all; else `mode` is given. exclusive: EEXIST when path exists.
 * A symbolic link is followed to the file that it names. The temporary file is gone on failure. */
int file_write(const char *path, const void *data, size_t n, mode_t mode, int exclusive);

/* Appends with one write call, creating the file with `mode`. */
int file_append(const char *path, const void *data, size_t n, mode_t mode);

/* Creates the directory; with parents also the missing ones above. Fine when it exists already. */
int file_mkdir(const char *path, mode_t mode, int parents);

/* Removes what `name` in the directory `at` is: a file, a link itself, or a directory with all it holds. Never follows a
 * link. ENOENT when there is nothing. */
int file_remove_tree(int at, const char *name);

/* Opens and flock()s a lock file, waiting at most timeout_ms; *fd gets the descriptor.
 * The file that path names is then the one that is locked, so a holder may remove it before
 * it closes it. EWOULDBLOCK when another process holds it, EINTR when a signal came; its pid, if recorded, is in *holder. */
int file_lock(const char *path, int timeout_ms, int *fd, pid_t *holder);
/* Records who holds the lock; file_lock records this process. */
void file_lock_sign(int fd, pid_t holder);

/* Makes durable what was renamed into the directory that holds path. */
int file_sync_directory(const char *path);

/* Writes all bytes to a blocking descriptor. */
int file_write_all(int fd, const void *data, size_t n);

#endif
