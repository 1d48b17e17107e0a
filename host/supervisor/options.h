/* What the supervisor itself must know of the command line: how to answer, however the worker ends. */
#ifndef TOOL_SUPERVISOR_OPTIONS_H
#define TOOL_SUPERVISOR_OPTIONS_H

#include "base/buf.h"
#include "base/snapshot.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum format { FORMAT_JSON, FORMAT_JSONL, FORMAT_TEXT, FORMAT_RICH };
enum verbosity { QUIET, ERRORS_ONLY, NORMAL, VERBOSE, DEBUG };

struct options {
	enum format format;       /* RICH: a person at a terminal; TEXT: tsv, plain, table, id by request */
	enum verbosity verbosity;
	bool color;
	bool version, help;       /* before `--` */
	bool json_asked;          /* --output json or jsonl stands on the line */
	bool stable;              /* --stable-output */
	bool warnings_fail;       /* --warnings-as-errors */
	bool schema;              /* --schema and its kind: a description, whatever TOOL_OUTPUT says */
	bool words;               /* a word, or a flag that is not global, stands on the line */
	const char *bad_flag;     /* a global flag used wrongly, or NULL */
	bool bad_variable;        /* it is the variable of --output that is wrong */
	char output_variable[80]; /* its name: TOOL_OUTPUT after the program (REQ-O-042) */
	const char *instance;     /* --instance-id, else TOOL_INSTANCE_ID; NULL for none or one that is no name (REQ-O-036) */
	const char *bad_value;    /* its value, or NULL when that is missing */
	size_t max_output;        /* bytes of one answer (REQ-F-052) */
	int64_t heartbeat_ms;     /* signs of life on stdout; 0 for none (REQ-F-053, O-038) */
	int64_t heartbeat_interval_ms; /* the same as text on stderr (O-012) */
	int64_t start_timeout_ms; /* limit until the contract names one */
};

/* Reads flags, TOOL_OUTPUT, TOOL_INSTANCE_ID, TOOL_DEBUG, CI, NO_COLOR and the terminals (REQ-F-003, F-008, F-038, O-001, O-008). */
void options_read(struct options *o, const struct snapshot *s);

/* Appends the global flags of the command line that hold for every line of `tool exec` too, each with its NUL: those that say
 * how a run is done, not what is to be shown of the tool. False when out of memory. */
bool options_inherited(const struct snapshot *s, struct buf *out);

#endif
