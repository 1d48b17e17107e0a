/* Lua's allocator: small blocks from chunks with a free list per size, large ones from malloc, all under one cap.
 * A short run pays for few system calls and no bookkeeping; what is freed is used again.
 * A contained arena has everything, large blocks too, in one region, so that it can be set back (checkpoint.h). */
#ifndef TOOL_WORKER_ARENA_H
#define TOOL_WORKER_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#define ARENA_CLASSES 32       /* blocks of 16, 32 … 512 bytes */
#define ARENA_LARGE_CLASSES 88 /* contained: 640, 768, 896, 1024, 1280 … bytes */

struct arena {
	void *free_blocks[ARENA_CLASSES];
	void *free_large[ARENA_LARGE_CLASSES];
	char *next, *end;   /* unused part of the newest chunk */
	char *base;         /* contained: the region; else NULL */
	char *frozen_from, *frozen; /* blocks between these stay where they are and are not used again when they are freed */
	size_t used, limit; /* bytes that Lua holds, and its cap; 0 = none */
};

/* Makes an arena that has given nothing yet a contained one, at this address or (NULL) anywhere. False where that cannot
 * be. */
bool arena_contain(struct arena *a, void *at);

/* Leaves what is there as it is: later blocks come from behind it, also where some before it are free. */
void arena_freeze(struct arena *a);

/* A lua_Alloc; ud is a struct arena. Returns NULL when the cap would be passed. */
void *arena_allocate(void *ud, void *ptr, size_t old_size, size_t new_size);

#endif
