/* The flags that every command has, said once: the supervisor scans with this table, Lua parses, helps and
 * publishes with it (REQ-O appendix A). */
#ifndef TOOL_BASE_GLOBALS_H
#define TOOL_BASE_GLOBALS_H

#include <stdbool.h>
#include <stddef.h>

struct global_flag {
	const char *name;    /* without dashes */
	const char *type;    /* boolean string integer enum list duration path */
	const char *choices; /* space-separated, for enum; else NULL */
	const char *about;
	char short_name;     /* 0 when none */
	bool root_only;
};

extern const struct global_flag global_flags[];
extern const size_t global_flag_count;

/* The flag with this name (n bytes), or NULL. */
const struct global_flag *global_flag_find(const char *name, size_t n);
/* The flag with this short name, or NULL. */
const struct global_flag *global_flag_short(char c);

#endif
