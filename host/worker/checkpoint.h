/* A Lua state that can be set back, exactly, to what it was: its memory is one contained arena (arena.h).
 *
 * checkpoint_base copies all of it and lets the kernel say which pages are written to from then on; these few, and what
 * was allocated since, are all that later checkpoints hold and that setting back copies. The Lua state must be at rest, with
 * no call active, whenever a checkpoint is made or returned to. What Lua objects own outside the arena is the caller's
 * to see to. */
#ifndef TOOL_WORKER_CHECKPOINT_H
#define TOOL_WORKER_CHECKPOINT_H

#include "arena.h"

#include <stdbool.h>

/* Makes the first checkpoint, once per process; it holds in children too. False where none can be made. */
bool checkpoint_base(struct arena *a);

/* Keeps the present state under a name, in the place of the one that was not used for longest. False without memory. */
bool checkpoint_keep(const char *name);

/* Sets the state back to what was kept under the name. False, and nothing changed, when nothing was. */
bool checkpoint_return(const char *name);

/* Sets the state back to the first checkpoint. */
void checkpoint_return_base(void);

/* Has so much been written to that setting back no longer pays? */
bool checkpoint_worn(void);

#endif
