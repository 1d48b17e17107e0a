#include "places.h"

#include "version.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void set(char to[PATH_MAX], const char *from)
{
	(void)snprintf(to, PATH_MAX, "%s", from);
}

bool places_find(struct places *p)
{
	char beside[PATH_MAX + 16];
	ssize_t n = readlink("/proc/self/exe", p->bin, sizeof p->bin - 1);
	p->bin[n > 0 ? n : 0] = '\0';
	char *slash = strrchr(p->bin, '/');
	if (slash != NULL)
		*slash = '\0';
	if (strcmp(p->bin, TOOL_BUILD_DIR) == 0) {
		set(p->given, TOOL_SOURCE_DIR);
		set(p->made, p->bin);
		return true;
	}
	(void)snprintf(beside, sizeof beside, "%s/../lib/tool", p->bin);
	char *real = n > 0 ? realpath(beside, NULL) : NULL;
	set(p->given, real != NULL ? real : "/usr/lib/tool");
	set(p->made, p->given);
	free(real);
	return n > 0;
}
