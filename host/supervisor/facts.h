/* Facts that every answer carries, before the worker adds its own (REQ-F-021 to F-028, F-057). */
#ifndef TOOL_SUPERVISOR_FACTS_H
#define TOOL_SUPERVISOR_FACTS_H

#include "supervision.h"

/* Set a meta entry to a string or a number. */
bool facts_string(struct record *r, const char *key, const char *value);
bool facts_int(struct record *r, const char *key, int64_t value);

/* Sets what is known before the worker runs. */
bool facts_base(struct supervision *v);

#endif
