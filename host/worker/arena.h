/* Lua's allocator: small blocks from chunks with a free list per size, large ones from malloc, all under one cap.
 * A short run pays for few system calls and no bookkeeping; what is freed is used again. */
#ifndef TOOL_WORKER_ARENA_H
#define TOOL_WORKER_ARENA_H

#include <stddef.h>

#define ARENA_CLASSES 32 /* blocks of 16, 32 … 512 bytes */

struct arena {
	void *free_blocks[ARENA_CLASSES];
	char *next, *end;   /* unused part of the newest chunk */
	size_t used, limit; /* bytes that Lua holds, and its cap; 0 = none */
};

/* A lua_Alloc; ud is a struct arena. Returns NULL when the cap would be passed. */
void *arena_allocate(void *ud, void *ptr, size_t old_size, size_t new_size);

#endif
