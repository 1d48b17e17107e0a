/* A run's own directory, <tmp>/tool-<uid>/<request id> (~/.tool/instances/<id>/tmp/… for an instance), and what a run
 * leaves for its caller in out/ beside it (REQ-F-032, F-043). Everything is ours alone: mode 0700, never through a link.
 * A run holds a lock on its directory, so that a later run can tell a dead one and remove what it left. */
#ifndef TOOL_BASE_SESSION_H
#define TOOL_BASE_SESSION_H

#include "snapshot.h"

#include <limits.h>
#include <stdint.h>

/* <tmp>/tool-<uid> into out, made when missing. 0, or an errno value: EPERM when it is not a private directory of this
 * user. */
int session_base(const struct snapshot *s, char out[PATH_MAX]);

/* Makes the run's directory and locks it; *hold gets the descriptor that keeps the lock. Removes directories of dead
 * runs. 0 or an errno value. */
int session_make(const struct snapshot *s, char out[PATH_MAX], int *hold);

/* Is `name` in the base the directory of a run that is over? */
bool session_is_dead(const struct snapshot *s, const char *name);

/* What the run's directory takes of the disk, names included; `enough` is where counting may stop. What nobody can see is
 * not counted: deleted files that are still open, directories that their owner closed to himself. */
uint64_t session_used(const struct snapshot *s, uint64_t enough);

/* Removes the run's directory with all it holds; nothing happens when there is none. */
void session_remove(const struct snapshot *s);

/* Makes <base>/out/<expiry>-<request id> for a file that stays for ttl_s seconds after the run. 0 or an errno value. */
int session_handout(const struct snapshot *s, long long ttl_s, char out[PATH_MAX]);

/* Removes what earlier runs handed out and what has expired. */
void session_prune(const struct snapshot *s);

#endif
