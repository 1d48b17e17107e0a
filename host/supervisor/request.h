/* One line of `tool exec`: a DispatchRequest, turned into the command line that it stands for (REQ-O-050).
 * {"_cmd":"a.b","_opts":{"dry_run":true,"timeout":"5s"},"name":"x"} is `tool a b --dry-run --timeout=5s`, with {"name":"x"}
 * as its payload. What is not exactly such a request has a problem, in words, and is not run. */
#ifndef TOOL_SUPERVISOR_REQUEST_H
#define TOOL_SUPERVISOR_REQUEST_H

#include "base/buf.h"
#include "base/snapshot.h"

#include <stdbool.h>
#include <stddef.h>

#define REQUEST_MAX_FIELDS 256

struct request {
	struct buf args;      /* the arguments behind the program's name, each with its NUL */
	char **argv;          /* the program's name and these, NULL-terminated; valid while nothing is read again */
	int argc;
	size_t argv_room;
	struct buf payload;   /* JSON object of the fields that are the command's; empty when there are none */
	struct buf cmd;       /* "a.b" as JSON string; null when the line names no command */
	char problem[200];    /* why the line is not run; "" when it can be */
};

void request_init(struct request *r);
void request_free(struct request *r);

/* Reads a line (without its newline). `before` are arguments that stand before the line's own options, each with its NUL.
 * False when out of memory. */
bool request_read(struct request *r, const char *program, const struct buf *before, const char *line, size_t n);

#endif
