/* Time: a monotonic clock for durations, the wall clock for stamps. Neither call fails on Linux. */
#ifndef TOOL_BASE_CLOCK_H
#define TOOL_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Nanoseconds of CLOCK_MONOTONIC. */
int64_t clock_mono_ns(void);
/* Milliseconds since 1970-01-01T00:00:00Z. */
int64_t clock_epoch_ms(void);
/* Writes "2031-02-03T10:00:00.123Z" (24 characters and NUL) for an epoch time in ms. */
void clock_rfc3339(int64_t epoch_ms, char out[25]);

#endif
