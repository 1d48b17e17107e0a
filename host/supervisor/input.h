/* Lines as they arrive on a descriptor, each within a limit. */
#ifndef TOOL_SUPERVISOR_INPUT_H
#define TOOL_SUPERVISOR_INPUT_H

#include "base/buf.h"

#include <stdbool.h>
#include <stddef.h>

struct input {
	int fd;
	int error;      /* errno of a read that failed; the input ends there */
	bool end;       /* nothing more will come */
	size_t max;     /* bytes of one line */
	long long line; /* number of the line that was given last, from 1 */
	struct buf bytes;
	size_t at, seen; /* where the next line begins; up to where no newline stands */
	bool dropping;   /* the rest of a line that was too long */
};

enum input_state { INPUT_LINE, INPUT_TOO_LONG, INPUT_WAITS, INPUT_ENDS, INPUT_NO_MEMORY };

void input_init(struct input *in, int fd, size_t max);
void input_free(struct input *in);

/* Gives the next line that is not blank, without its newline; valid until input_read. INPUT_WAITS: input_read first. */
enum input_state input_next(struct input *in, const char **line, size_t *n);

/* Reads what is there; waits when nothing is. */
void input_read(struct input *in);

#endif
