#include "root_help.h"

#include "base/file.h"
#include "version.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_HELP 65536

static bool set(const struct snapshot *s, const char *name)
{
	const char *v = snapshot_env(s, name);
	return v != NULL && v[0] != '\0';
}

/* Commands of the user, of a plugin path or of a project would be missing from the prepared text. */
static bool only_shipped(const struct snapshot *s)
{
	char path[PATH_MAX];
	const char *config = snapshot_env(s, "XDG_CONFIG_HOME"), *home = snapshot_env(s, "HOME");
	if (set(s, "TOOL_COMMANDS_PATH") || set(s, "TOOL_PLUGIN_PATH"))
		return false;
	int n = config != NULL && config[0] == '/' ? snprintf(path, sizeof path, "%s/tool/commands", config) :
						     snprintf(path, sizeof path, "%s/.config/tool/commands", home != NULL ? home : "");
	return n < (int)sizeof path && access(path, F_OK) != 0;
}

bool root_help_read(const struct snapshot *s, struct buf *text)
{
	char exe[PATH_MAX], path[PATH_MAX + 64];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	if (n <= 0 || !only_shipped(s) || strlen(s->program) > 32)
		return false;
	exe[n] = '\0';
	*strrchr(exe, '/') = '\0';
	const char *below = strcmp(exe, TOOL_BUILD_DIR) == 0 ? "help" : "../lib/tool/help";
	if (snprintf(path, sizeof path, "%s/%s/%s.txt", exe, below, s->program) >= (int)sizeof path)
		return false;
	return file_read(path, MAX_HELP, text) == 0 && text->len > 0;
}
