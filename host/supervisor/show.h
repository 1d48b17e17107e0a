/* Text of the worker for a writer: redacted, and without ANSI sequences unless colour is wanted. */
#ifndef TOOL_SUPERVISOR_SHOW_H
#define TOOL_SUPERVISOR_SHOW_H

#include "supervision.h"

/* Appends the text as it may be shown; false when out of memory. */
bool show_text(const struct supervision *v, const char *text, size_t n, struct buf *out);

/* Queues it; a sink that cannot take it has the error. */
void show_put(struct supervision *v, struct sink *to, const char *text, size_t n);

#endif
