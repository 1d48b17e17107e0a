#include "show.h"

#include "base/utf8.h"

#include <errno.h>

/* Text of the worker for a writer: redacted, and without ANSI sequences unless colour is wanted. */
bool show_text(const struct supervision *v, const char *text, size_t n, struct buf *out)
{
	struct buf clean;
	buf_init(&clean);
	unsigned strip = v->opt->format == FORMAT_RICH && v->opt->color ? UTF8_CLEAN | UTF8_KEEP_COLOR : UTF8_CLEAN;
	(void)utf8_clean(&clean, text, n, strip);
	bool ok = !clean.failed && redact_lines(&v->secrets, clean.data != NULL ? clean.data : "", clean.len, out);
	buf_free(&clean);
	return ok;
}

void show_put(struct supervision *v, struct sink *to, const char *text, size_t n)
{
	struct buf b;
	buf_init(&b);
	if (!show_text(v, text, n, &b))
		to->error = ENOMEM;
	else if (b.len > 0)
		sink_put(to, b.data, b.len);
	buf_free(&b);
}
