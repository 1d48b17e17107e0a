#include "notes.h"

#include "base/utf8.h"

#include <string.h>

bool notes_wanted(const struct supervision *v, const char *level)
{
	enum verbosity have = v->opt->verbosity;
	if (have == QUIET)
		return false;
	if (strcmp(level, "debug") == 0)
		return have == DEBUG;
	if (strcmp(level, "info") == 0 || strcmp(level, "warn") == 0)
		return have >= NORMAL;
	return true; /* error, and text that was asked for */
}

static void put_prefix(const struct supervision *v, struct buf *b, const char *level)
{
	const char *trace = snapshot_env(v->snapshot, "TOOL_TRACE_ID");
	if (strcmp(level, "text") == 0)
		return;
	if (trace != NULL && trace[0] != '\0') {
		size_t n = strnlen(trace, 256);
		(void)buf_puts(b, "[TRACE ");
		(void)utf8_clean(b, trace, n, UTF8_CLEAN);
		(void)buf_puts(b, "] ");
	}
	(void)buf_puts(b, strcmp(level, "debug") == 0 ? "[DEBUG] " :
			  strcmp(level, "info") == 0  ? "[INFO] " :
			  strcmp(level, "warn") == 0  ? "[WARN] " :
							"[ERROR] ");
}

/* The configuration may ask for the log file, or for other limits than the usual ones. */
static bool is_logged(struct supervision *v, const char *level)
{
	const int64_t *limits = v->record.log_limits;
	if (v->record.log_asked)
		logger_set(&v->shared->log, v->snapshot, limits[0], limits[1], limits[2], v->record.log_path.p);
	v->record.log_asked = false;
	return v->shared->log.on && strcmp(level, "text") != 0;
}

/* Indents every line after the first that does not begin with white space: only the host writes lines with a level. */
static bool indent(struct buf *out, const char *text, size_t n)
{
	const char *end = text + n;
	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		const char *stop = nl != NULL ? nl + 1 : end;
		if (!buf_put(out, text, (size_t)(stop - text)))
			return false;
		text = stop;
		if (text < end && *text != ' ' && *text != '\t' && *text != '\n' && !buf_puts(out, "  "))
			return false;
	}
	return true;
}

void notes_line(void *arg, const char *level, const char *text, size_t n)
{
	struct supervision *v = arg;
	struct buf clean, lines, line;
	bool shown = notes_wanted(v, level) && sink_pending(&v->shared->err) < MAX_QUEUED; /* else nobody reads stderr */
	bool logged = is_logged(v, level);
	if ((!shown && !logged) || v->secrets_lost)
		return;
	buf_init(&clean);
	buf_init(&lines);
	buf_init(&line);
	bool plain = strcmp(level, "text") == 0, keep_color = v->opt->color && plain;
	put_prefix(v, &clean, level);
	(void)utf8_clean(&clean, text, n, keep_color ? UTF8_CLEAN | UTF8_KEEP_COLOR : UTF8_CLEAN);
	const char *made = clean.data != NULL ? clean.data : "";
	if (!clean.failed && redact_lines(&v->secrets, made, clean.len, &lines) &&
	    (lines.len == 0 || (plain ? buf_put(&line, lines.data, lines.len) : indent(&line, lines.data, lines.len))) &&
	    (line.len > 0 && line.data[line.len - 1] == '\n' ? true : buf_putc(&line, '\n'))) {
		if (shown)
			sink_put(&v->shared->err, line.data, line.len);
		if (logged)
			logger_add(&v->shared->log, v->snapshot, line.data, line.len);
	}
	buf_free(&clean);
	buf_free(&lines);
	buf_free(&line);
}

void notes_say(struct supervision *v, const char *level, const char *text)
{
	notes_line(v, level, text, strlen(text));
}
