/* The framework's Lua modules, compiled from lua/ at build time and part of the host's image. */
#ifndef TOOL_WORKER_EMBEDDED_H
#define TOOL_WORKER_EMBEDDED_H

#include <stddef.h>

struct embedded_module {
	const char *name; /* as in require */
	const unsigned char *data;
	size_t size;
};

/* Sorted by name. */
extern const struct embedded_module embedded_modules[];
extern const size_t embedded_module_count;

#endif
