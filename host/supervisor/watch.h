/* While the worker runs: its frames and pipes, the deadline, signals and signs of life, and how it is stopped. */
#ifndef TOOL_SUPERVISOR_WATCH_H
#define TOOL_SUPERVISOR_WATCH_H

#include "supervision.h"

/* From here on signals wait in v->signal_fd. */
bool watch_signals(struct supervision *v);

/* Takes the signals that came. */
void watch_read_signals(struct supervision *v);

/* Is the worker's part of the run over? */
bool watch_over(const struct supervision *v);

/* The processes that must not end with this run: those that stay, and the workers of other runs. To be freed. */
pid_t *watch_others(const struct supervision *v, size_t *n);

/* Takes note of a child that was collected; arg is what the runs share. */
void watch_ended(void *arg, pid_t child, int status);

/* Waits for the next event and handles it. */
void watch_turn(struct supervision *v);

/* Reads frames that are there; false when none are left. */
bool watch_frames(struct supervision *v);

/* Reads what is left in the worker's pipes. */
void watch_drain(struct supervision *v);

#endif
