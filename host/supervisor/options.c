#include "options.h"

#include "base/globals.h"

#include <stdlib.h>
#include <string.h>

#define DEFAULT_MAX_OUTPUT 1048576
#define MIN_MAX_OUTPUT 1024
#define START_TIMEOUT_MS 30000

static bool in_list(const char *list, const char *word)
{
	size_t n = strlen(word);
	for (const char *p = list; p != NULL && *p != '\0';) {
		size_t w = strcspn(p, " ");
		if (w == n && memcmp(p, word, n) == 0)
			return true;
		p += w;
		p += strspn(p, " ");
	}
	return false;
}

static enum format format_of(const char *name)
{
	if (strcmp(name, "json") == 0)
		return FORMAT_JSON;
	return strcmp(name, "jsonl") == 0 ? FORMAT_JSONL : FORMAT_TEXT;
}

/* A format name that some plugin offers is the worker's to judge; only the known ones are read here. */
static void set_format(struct options *o, const char *value)
{
	const struct global_flag *g = global_flag_find("output", 6);
	if (in_list(g->choices, value) || strcmp(value, "toon") == 0)
		o->format = format_of(value), o->bad_flag = NULL, o->bad_value = NULL, o->bad_variable = false;
	else
		o->bad_flag = "--output", o->bad_value = value, o->bad_variable = false;
}

/* MY_TOOL_OUTPUT for a program called my-tool (REQ-O-042). */
static void name_variable(struct options *o, const char *program)
{
	size_t n = strnlen(program, 64);
	for (size_t i = 0; i < n; i++) {
		char c = program[i];
		o->output_variable[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') :
					(c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? c : '_';
	}
	(void)memcpy(o->output_variable + n, "_OUTPUT", sizeof "_OUTPUT");
}

#define MAX_INSTANCE 64

/* A directory's name that no path hides in; what is none is the worker's to refuse. */
static const char *instance_name(const char *text)
{
	static const char rest[] = "._-ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	const char *first = rest + 3;
	if (text == NULL || text[0] == '\0' || strchr(first, text[0]) == NULL || strstr(text, "..") != NULL)
		return NULL;
	size_t n = strnlen(text, MAX_INSTANCE + 1);
	return n <= MAX_INSTANCE && strspn(text, rest) == n ? text : NULL;
}

static bool present(const struct snapshot *s, const char *name)
{
	return snapshot_env(s, name) != NULL;
}

static void from_environment(struct options *o, const struct snapshot *s)
{
	const char *term = snapshot_env(s, "TERM");
	bool plain = present(s, "NO_COLOR") || present(s, "CI") || present(s, "GITHUB_ACTIONS") ||
		     present(s, "JENKINS_URL") || (term != NULL && strcmp(term, "dumb") == 0);
	bool machine = !s->tty[1] || snapshot_ci(s) || present(s, "NO_COLOR");
	const char *debug = snapshot_env(s, "TOOL_DEBUG"), *output;
	name_variable(o, s->program);
	output = snapshot_env(s, o->output_variable);
	const char *cap = snapshot_env(s, "TOOL_MAX_OUTPUT_BYTES");
	o->instance = instance_name(snapshot_env(s, "TOOL_INSTANCE_ID"));
	o->format = machine ? FORMAT_JSON : FORMAT_RICH;
	o->verbosity = !s->tty[1] || snapshot_ci(s) ? ERRORS_ONLY : NORMAL;
	o->color = !plain && s->tty[1];
	o->max_output = DEFAULT_MAX_OUTPUT;
	if (debug != NULL && strcmp(debug, "1") == 0)
		o->verbosity = DEBUG;
	if (output != NULL && output[0] != '\0') {
		set_format(o, output);
		o->bad_variable = o->bad_flag != NULL;
	}
	if (cap != NULL) {
		char *end;
		long long v = strtoll(cap, &end, 10);
		if (v > 0 && *end == '\0')
			o->max_output = v < MIN_MAX_OUTPUT ? MIN_MAX_OUTPUT : (size_t)v;
	}
}

/* In milliseconds; 0 for what the worker will refuse. */
static int64_t seconds(const char *text)
{
	char *end;
	long long v = strtoll(text, &end, 10);
	return *end == '\0' && v > 0 && v < INT32_MAX ? v * 1000 : 0;
}

static void apply(struct options *o, const struct global_flag *g, const char *value)
{
	const char *n = g->name;
	if (strcmp(n, "version") == 0)
		o->version = true;
	else if (strcmp(n, "help") == 0)
		o->help = true;
	else if (strcmp(n, "stable-output") == 0)
		o->stable = true;
	else if (strcmp(n, "quiet") == 0)
		o->verbosity = QUIET;
	else if (strcmp(n, "verbose") == 0)
		o->verbosity = VERBOSE;
	else if (strcmp(n, "debug") == 0 || strcmp(n, "trace") == 0)
		o->verbosity = DEBUG;
	else if (strcmp(n, "heartbeat-ms") == 0)
		o->heartbeat_ms = strtoll(value, NULL, 10);
	else if (strcmp(n, "heartbeat-interval") == 0)
		o->heartbeat_interval_ms = seconds(value);
	else if (strcmp(n, "instance-id") == 0)
		o->instance = instance_name(value);
	else if (strcmp(n, "warnings-as-errors") == 0)
		o->warnings_fail = true;
	else if (strcmp(n, "schema") == 0 || strcmp(n, "print-schema") == 0 || strcmp(n, "output-schema") == 0)
		o->schema = true;
	else if (strcmp(n, "output") == 0)
		set_format(o, value), o->json_asked = o->format == FORMAT_JSON || o->format == FORMAT_JSONL;
}

/* `--version 3` behind a command's word: a program of a suite may have that flag for itself, so the worker decides. */
static bool is_numbered_version(const struct options *o, const struct global_flag *g, const char *next)
{
	return o->words && next != NULL && next[0] != '\0' && strspn(next, "0123456789") == strlen(next) &&
	       strcmp(g->name, "version") == 0;
}

/* One `--name[=value]`; returns how many further arguments it took. */
static int long_flag(struct options *o, const struct snapshot *s, int i)
{
	const char *arg = s->argv[i] + 2, *eq = strchr(arg, '=');
	const struct global_flag *g = global_flag_find(arg, eq != NULL ? (size_t)(eq - arg) : strlen(arg));
	if (g == NULL) {
		o->words = true;
		return 0;
	}
	if (is_numbered_version(o, g, eq == NULL && i + 1 < s->argc ? s->argv[i + 1] : NULL))
		return 1;
	if (strcmp(g->type, "boolean") == 0) {
		if (eq == NULL || strcmp(eq + 1, "true") == 0)
			apply(o, g, "true");
		return 0;
	}
	const char *value = eq != NULL ? eq + 1 : i + 1 < s->argc ? s->argv[i + 1] : NULL;
	if (value == NULL) {
		o->bad_flag = s->argv[i];
		o->bad_value = NULL;
	} else {
		apply(o, g, value);
	}
	return eq == NULL ? 1 : 0;
}

void options_read(struct options *o, const struct snapshot *s)
{
	(void)memset(o, 0, sizeof *o);
	o->start_timeout_ms = START_TIMEOUT_MS;
	from_environment(o, s);
	for (int i = 1; i < s->argc && strcmp(s->argv[i], "--") != 0; i++) {
		const char *a = s->argv[i];
		if (a[0] == '-' && a[1] == '-')
			i += long_flag(o, s, i);
		else if (a[0] == '-' && a[1] != '\0' && a[2] == '\0' && global_flag_short(a[1]) != NULL)
			apply(o, global_flag_short(a[1]), "true");
		else
			o->words = true;
	}
	if (o->verbosity == QUIET && o->format == FORMAT_RICH)
		o->format = FORMAT_JSON;
	/* what describes the tool does not fail because of a variable (REQ-F-068) */
	if (o->bad_variable && (o->help || o->version || o->schema))
		o->bad_flag = o->bad_value = NULL;
}

/* Flags that ask something of this call alone. */
static bool is_own(const char *name)
{
	static const char own[] = "help version output output-file stream schema print-schema output-schema show-config validate-only";
	return in_list(own, name);
}

bool options_inherited(const struct snapshot *s, struct buf *out)
{
	bool ok = true;
	for (int i = 1; i < s->argc && strcmp(s->argv[i], "--") != 0 && ok; i++) {
		const char *a = s->argv[i], *eq = strchr(a, '=');
		if (a[0] != '-' || a[1] != '-')
			continue;
		size_t n = eq != NULL ? (size_t)(eq - a) - 2 : strlen(a + 2);
		const struct global_flag *g = global_flag_find(a + 2, n);
		if (g == NULL)
			continue;
		bool follows = strcmp(g->type, "boolean") != 0 && eq == NULL && i + 1 < s->argc;
		if (!is_own(g->name))
			ok = buf_puts(out, a) && (!follows || (buf_putc(out, '=') && buf_puts(out, s->argv[i + 1]))) && buf_putc(out, '\0');
		i += follows ? 1 : 0;
	}
	return ok;
}
