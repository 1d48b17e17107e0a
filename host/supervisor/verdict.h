/* How a run ended: its exit code, data and error, from what the worker said and what became of it. */
#ifndef TOOL_SUPERVISOR_VERDICT_H
#define TOOL_SUPERVISOR_VERDICT_H

#include "envelope.h"
#include "supervision.h"

/* Ctrl+C is how this stream is meant to end: the dialect says so, and the worker had its say. */
bool verdict_meant_to_stop(const struct supervision *v);

bool verdict_decide(struct supervision *v, struct outcome *o);

/* With --warnings-as-errors a success that was warned about is none; whoever warned (O-025). */
bool verdict_warnings(struct supervision *v, struct outcome *o);

#endif
