/* What the worker tells the supervisor: length-prefixed frames over one pipe.
 * A frame is u8 kind, u32le payload length, payload; a payload is parts, each u32le length and bytes. */
#ifndef TOOL_WORKER_FRAMES_H
#define TOOL_WORKER_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

struct frame_part {
	const void *data;
	size_t len;
};

/* Sends one frame of at most 16 parts; false when the supervisor is gone. Frames that only add facts (M, A, W, w) wait
 * for the next one that matters, so that a run wakes the supervisor a few times and not for every fact. So does a row (E)
 * that is sent as `e`, because more rows follow at once: it goes with the next one, or when the worker begins to wait. So
 * does the result (R) of a plain line, until frame_flush or the end of the line. */
bool frame_send(char kind, const struct frame_part *parts, size_t count);

/* Takes the frames that wait out again: their bytes, for frames_append. Valid until the next frame. */
const char *frames_take(size_t *n);

/* Puts such bytes behind the frames that wait; false when they do not fit. */
bool frames_append(const char *bytes, size_t n);

/* Sends the frames that wait. */
bool frame_flush(void);

/* The same, when rows are among them. */
bool frame_flush_rows(void);

#endif
