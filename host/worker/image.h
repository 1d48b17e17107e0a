/* The Lua state that every run begins with, kept in a file: libraries, host functions and the framework's common
 * modules, loaded once, when the program is built. Beginning with it costs a copy instead of loading all that.
 *
 * The file holds the memory of a contained arena (arena.h) at a fixed address, and the places in it that point into the
 * program, which the system loads somewhere else each time. It belongs to exactly one build of the program (its build
 * id); any doubt, and the caller loads the modules as it would without the file. */
#ifndef TOOL_WORKER_IMAGE_H
#define TOOL_WORKER_IMAGE_H

#include "arena.h"

#include <lua.h>
#include <stdbool.h>

/* Where an arena is that becomes an image. */
#define IMAGE_ADDRESS ((void *)0x2000000000)

/* Maps the image at path into the arena, which has given nothing yet. The state in it, or NULL and nothing done. */
lua_State *image_load(struct arena *a, const char *path);

/* Writes the state at rest L, whose arena is contained at IMAGE_ADDRESS, to path. NULL, or what is in the way. */
const char *image_write(struct arena *a, lua_State *L, const char *path);

#endif
