#include "root_help.h"

#include "base/file.h"
#include "base/places.h"

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

/* Is there anything at base/below, or at home/otherwise/below where the variable `base` is not set? */
static bool exists_in(const struct snapshot *s, const char *variable, const char *otherwise, const char *below)
{
	char path[PATH_MAX];
	const char *base = snapshot_env(s, variable), *home = snapshot_env(s, "HOME");
	int n = base != NULL && base[0] == '/' ?
			snprintf(path, sizeof path, "%s/tool/%s", base, below) :
			snprintf(path, sizeof path, "%s/%s/tool/%s", home != NULL ? home : "", otherwise, below);
	return n >= (int)sizeof path || access(path, F_OK) == 0;
}

/* Is the current directory in a project that has commands of its own? */
static bool in_project(const struct snapshot *s)
{
	char path[PATH_MAX + 32];
	size_t n = strlen(s->cwd);
	if (n >= PATH_MAX)
		return true;
	(void)memcpy(path, s->cwd, n + 1);
	for (;;) {
		(void)snprintf(path + n, sizeof path - n, "/.tool/commands");
		if (access(path, F_OK) == 0)
			return true;
		path[n] = '\0';
		char *slash = strrchr(path, '/');
		if (slash == NULL)
			return false;
		n = (size_t)(slash - path);
	}
}

/* Commands of the user, of plugins or of a project would be missing from the prepared text. */
static bool only_shipped(const struct snapshot *s)
{
	return s->instance == NULL && !set(s, "TOOL_COMMANDS_PATH") && !set(s, "TOOL_PLUGIN_PATH") &&
	       !exists_in(s, "XDG_CONFIG_HOME", ".config", "commands") &&
	       !exists_in(s, "XDG_CONFIG_HOME", ".config", "config.json") &&
	       !exists_in(s, "XDG_DATA_HOME", ".local/share", "plugins") && access("/etc/tool/config.json", F_OK) != 0 &&
	       access("/usr/local/share/tool/plugins", F_OK) != 0 && access("/usr/share/tool/plugins", F_OK) != 0 &&
	       !in_project(s);
}

bool root_help_read(const struct snapshot *s, struct buf *text)
{
	struct places places;
	char path[PATH_MAX + 64];
	if (!only_shipped(s) || strlen(s->program) > 32 || !places_find(&places))
		return false;
	(void)snprintf(path, sizeof path, "%s/help/%s.txt", places.made, s->program);
	return file_read(path, MAX_HELP, text) == 0 && text->len > 0;
}
