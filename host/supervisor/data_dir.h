/* Where the tool keeps its data: ${XDG_DATA_HOME:-~/.local/share}/tool, or ~/.tool/instances/<id>/data. */
#ifndef TOOL_SUPERVISOR_DATA_DIR_H
#define TOOL_SUPERVISOR_DATA_DIR_H

#include "base/snapshot.h"

#include <limits.h>

/* The path of `name` there; false when neither variable is set or it is too long. */
bool data_path(const struct snapshot *s, const char *name, char out[PATH_MAX]);

/* Makes the directories above path with mode 0700; false, with errno, when that fails. */
bool make_parents(const char *path);

#endif
