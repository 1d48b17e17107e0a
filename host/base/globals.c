#include "globals.h"

#include <string.h>

#define OUTPUTS "json jsonl tsv plain table id"

const struct global_flag global_flags[] = {
	{ "help", "boolean", NULL, "Show help and exit", 'h', false },
	{ "version", "boolean", NULL, "Print the version and exit", 'V', false },
	{ "output", "enum", OUTPUTS, "Format of stdout; json when stdout is not a terminal", 0, false },
	{ "output-file", "path", NULL, "Write the result whole to a new file of mode 0600", 0, false },
	{ "fields", "list", NULL, "Keep only these top-level fields of data (comma-separated)", 0, false },
	{ "stream", "boolean", NULL, "Write each row as one JSON line at once, as --output jsonl", 0, false },
	{ "stable-output", "boolean", NULL, "Leave out everything that differs between equal runs", 0, false },
	{ "quiet", "boolean", NULL, "Nothing on stderr", 0, false },
	{ "verbose", "boolean", NULL, "Information and progress on stderr", 0, false },
	{ "debug", "boolean", NULL, "Everything on stderr, secrets redacted", 0, false },
	{ "trace", "boolean", NULL, "Same as --debug", 0, false },
	{ "validate-only", "boolean", NULL, "Check the input, do nothing", 0, false },
	{ "schema", "boolean", NULL, "Print the contract as JSON and exit", 0, false },
	{ "print-schema", "boolean", NULL, "Same as --schema", 0, false },
	{ "output-schema", "boolean", NULL, "Print the JSON Schema of data and exit", 0, false },
	{ "schema-version", "integer", NULL, "Answer in the shape of this older major version", 0, false },
	{ "show-config", "boolean", NULL, "Print the resolved configuration with its sources and exit", 0, false },
	{ "timeout", "duration", NULL, "Time limit of the run, such as 30s or 500ms; 0 for none", 0, false },
	{ "heartbeat-ms", "integer", NULL, "Milliseconds between signs of life on stdout; 0 for none", 0, false },
	{ "heartbeat-interval", "integer", NULL, "Seconds between lines of progress on stderr", 0, false },
	{ "retries", "integer", NULL, "How often a failed request is repeated", 0, false },
	{ "retry-delay", "duration", NULL, "Wait before the first repetition", 0, false },
	{ "cwd", "path", NULL, "Directory that relative paths start from", 0, false },
	{ "root", "path", NULL, "Same as --cwd", 0, false },
	{ "config", "path", NULL, "Read this configuration file instead of the found ones", 0, false },
	{ "no-config", "boolean", NULL, "Read no configuration file", 0, false },
	{ "instance-id", "string", NULL, "Keep all state apart, under this name", 0, false },
	{ "context", "string", NULL, "Use this context of the configuration", 0, false },
	{ "unmask", "boolean", NULL, "Show values that look like keys or tokens; exposes sensitive values", 0, false },
	{ "no-injection-protection", "boolean", NULL, "Leave out the tags on outside data. SECURITY WARNING: it can then pass for instructions", 0, false },
	{ "warnings-as-errors", "boolean", NULL, "Fail when the command warns", 0, false },
	{ "token-limit", "integer", NULL, "At most this many tokens of output", 0, false },
	{ "token-offset", "integer", NULL, "Leave out this many tokens of data first", 0, false },
	{ "token-count", "boolean", NULL, "Count the tokens of the output instead of writing it", 0, false },
	{ "tokenizer", "enum", "estimate", "How tokens are counted", 0, false },
	{ "width", "integer", NULL, "Columns for text; 0 does not wrap", 0, false },
	{ "no-update-check", "boolean", NULL, "Look for no new version; without it the tool looks for none either", 0, false },
	{ "yes", "boolean", NULL, "Answer every question with yes", 0, false },
	{ "non-interactive", "boolean", NULL, "Never ask; fail instead", 0, false },
};

const size_t global_flag_count = sizeof global_flags / sizeof global_flags[0];

const struct global_flag *global_flag_find(const char *name, size_t n)
{
	for (size_t i = 0; i < global_flag_count; i++)
		if (strlen(global_flags[i].name) == n && memcmp(global_flags[i].name, name, n) == 0)
			return &global_flags[i];
	return NULL;
}

const struct global_flag *global_flag_short(char c)
{
	for (size_t i = 0; c != 0 && i < global_flag_count; i++)
		if (global_flags[i].short_name == c)
			return &global_flags[i];
	return NULL;
}
