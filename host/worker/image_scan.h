/* What a Lua state's memory points to, for the start image: the program, or nothing else outside of it. */
#ifndef TOOL_WORKER_IMAGE_SCAN_H
#define TOOL_WORKER_IMAGE_SCAN_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image_range {
	const char *start, *end;
};

/* Where this program is in memory. */
struct image_range image_program(void);

/* The words of the memory that are addresses in the program, counted from its begin: *places, to be freed, and *count.
 * NULL, or what forbids an image: an address of the stack, of a library or of other memory. */
const char *image_pointers(const char *memory, size_t size, uint32_t **places, uint64_t *count);

/* True when no table that the state reaches has an address of the program among its keys, whose place in the table would
 * be another one in the next process. Leaves the state as it was but for garbage. */
bool image_check_keys(lua_State *L);

#endif
