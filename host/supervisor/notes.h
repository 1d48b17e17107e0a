/* What goes to stderr: each line cleaned, redacted, marked with its level, and shown when it is wanted (REQ-F-006, F-025). */
#ifndef TOOL_SUPERVISOR_NOTES_H
#define TOOL_SUPERVISOR_NOTES_H

#include "supervision.h"

/* Is a line of this level shown? */
bool notes_wanted(const struct supervision *v, const char *level);

/* Shows and logs one text; arg is the supervision. */
void notes_line(void *arg, const char *level, const char *text, size_t n);
void notes_say(struct supervision *v, const char *level, const char *text);

#endif
