/* Errors that the worker did not tell, in the words of a suite's own dialect. */
#ifndef TOOL_SUPERVISOR_VOICE_H
#define TOOL_SUPERVISOR_VOICE_H

#include "envelope.h"
#include "supervision.h"

/* Appends a text member of the error; name is its key as it stands in JSON. */
bool voice_error_text(const struct outcome *o, const char *name, struct buf *out);

/* Answers for the worker in the dialect's form. */
void voice_put(struct supervision *v, const struct outcome *o);

#endif
