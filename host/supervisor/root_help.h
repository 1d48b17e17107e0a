/* Root help without a worker: the text is made at build time from the shipped contracts and lies beside them.
 * It is used only where nothing can have been added to the shipped commands; else a worker looks (REQ-F-068). */
#ifndef TOOL_SUPERVISOR_ROOT_HELP_H
#define TOOL_SUPERVISOR_ROOT_HELP_H

#include "base/buf.h"
#include "base/snapshot.h"

#include <stdbool.h>

/* Appends the root help of this program to text; false when a worker must make it. */
bool root_help_read(const struct snapshot *s, struct buf *text);

#endif
