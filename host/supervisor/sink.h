/* A stream that the tool writes to: queued, never blocking the supervisor, and honest about lost bytes.
 * The sink of descriptor 1 is the only writer of the real stdout (design §2). */
#ifndef TOOL_SUPERVISOR_SINK_H
#define TOOL_SUPERVISOR_SINK_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sink {
	int fd;
	int own;         /* a description of its own with O_NONBLOCK, or -1 */
	struct buf queue;
	size_t sent;     /* bytes of the queue that are out */
	uint64_t total;  /* bytes written over the life of the sink */
	bool gone;       /* the reader left (EPIPE): nothing is owed any more */
	int error;       /* errno of any other failure: bytes were lost */
	bool regular;    /* a file: never needs polling */
};

void sink_init(struct sink *s, int fd, bool closed);
/* Queues bytes; they leave with sink_pump. */
void sink_put(struct sink *s, const void *data, size_t n);
/* Bytes that wait. */
size_t sink_pending(const struct sink *s);
/* What poll shall watch for room; -1 when nothing waits. */
int sink_poll_fd(const struct sink *s);
/* Writes what fits now, but no endless amount: a caller with other duties gets its turn. Regular files take all. */
void sink_pump(struct sink *s);
/* Writes until all is out, the reader is gone, or nothing moved for stall_ms (error ETIMEDOUT). */
void sink_drain(struct sink *s, int64_t stall_ms);
/* Drops what waits: nobody is there to read it. */
void sink_forget(struct sink *s);
void sink_free(struct sink *s);

#endif
