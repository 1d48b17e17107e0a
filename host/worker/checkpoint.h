/* A Lua state that can be set back, exactly, to what it was: its memory is one contained arena (arena.h).
 *
 * A checkpoint knows for each page where a copy of it lies; the kernel says which pages are written to from then on, and
 * these few, and what was allocated since, are all that setting back touches. A later checkpoint takes the place of the one
 * before and copies only what differs from it. The Lua state must be at rest, with no call active, whenever a checkpoint is
 * made or returned to. What Lua objects own outside the arena is the caller's to see to. */
#ifndef TOOL_WORKER_CHECKPOINT_H
#define TOOL_WORKER_CHECKPOINT_H

#include "arena.h"

#include <stdbool.h>

/* Makes a checkpoint of the arena, always the same one in a process; it holds in children too. False where none can be
 * made; one that was there is no longer to be returned to. */
bool checkpoint_make(struct arena *a);

/* Sets the state back to the checkpoint. */
void checkpoint_return(void);

/* Has so much been written to that setting back no longer pays, or is there no checkpoint? */
bool checkpoint_worn(void);

#endif
