#include "data_dir.h"

#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool data_path(const struct snapshot *s, const char *name, char out[PATH_MAX])
{
	const char *base = snapshot_env(s, "XDG_DATA_HOME"), *home = snapshot_env(s, "HOME");
	int n = PATH_MAX;
	if (s->instance != NULL)
		n = home != NULL && home[0] == '/' ? snprintf(out, PATH_MAX, "%s/.tool/instances/%s/data/%s", home, s->instance, name) : n;
	else if (base != NULL && base[0] == '/')
		n = snprintf(out, PATH_MAX, "%s/tool/%s", base, name);
	else if (home != NULL && home[0] == '/')
		n = snprintf(out, PATH_MAX, "%s/.local/share/tool/%s", home, name);
	return n < PATH_MAX;
}

bool make_parents(const char *path)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');
	if (slash == NULL || slash == path || slash - path >= PATH_MAX)
		return true;
	(void)memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	int rc = file_mkdir(dir, 0700, 1);
	errno = rc;
	return rc == 0;
}
