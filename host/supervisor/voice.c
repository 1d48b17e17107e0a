#include "voice.h"

#include "base/json.h"
#include "show.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

/* Appends a text member of the error; name is its key as it stands in JSON. */
bool voice_error_text(const struct outcome *o, const char *name, struct buf *out)
{
	struct json_span key, value;
	size_t at = 0, n = strlen(name);
	while (json_object_next(o->error.data, o->error.len, &at, &key, &value))
		if (key.n == n && memcmp(key.p, name, n) == 0)
			return json_unquote(out, value.p, value.n);
	return false;
}

/* The dialect's words for an error that the worker did not tell; Ctrl+C may have words of its own. */
static const struct voice *voice_for(const struct supervision *v, const char *code)
{
	const struct record *r = &v->record;
	const struct voice *other = NULL, *found = NULL;
	for (size_t i = 0; i < r->voice_count; i++) {
		const char *name = r->voices[i].code.p;
		if (v->reason == SIGNALLED && v->signal_number == SIGINT && strcmp(name, "SIGINT") == 0)
			return &r->voices[i];
		if (name[0] == '\0')
			other = &r->voices[i];
		else if (strcmp(name, code) == 0)
			found = &r->voices[i];
	}
	return found != NULL ? found : other;
}

/* Writes a template with the message in it; escaped: as the inside of a JSON string. */
static void put_template(struct supervision *v, struct sink *to, const struct text *template, const struct buf *message,
			 bool escaped)
{
	static const char mark[] = "%message%";
	struct buf quoted, text;
	buf_init(&quoted);
	buf_init(&text);
	bool ok = !escaped || json_put_string(&quoted, message->data, message->len);
	const char *said = !ok ? "" : escaped ? quoted.data + 1 : message->data;
	size_t n = !ok ? 0 : escaped ? quoted.len - 2 : message->len;
	for (const char *p = template->p; ok && *p != '\0';) {
		const char *at = strstr(p, mark);
		ok = at == NULL ? buf_puts(&text, p) : buf_put(&text, p, (size_t)(at - p)) && buf_put(&text, said, n);
		p = at == NULL ? "" : at + sizeof mark - 1;
	}
	if (ok)
		show_put(v, to, text.data != NULL ? text.data : "", text.len);
	else
		to->error = ENOMEM;
	buf_free(&quoted);
	buf_free(&text);
}

/* Answers for the worker in the dialect's form. */
void voice_put(struct supervision *v, const struct outcome *o)
{
	struct buf code, message;
	buf_init(&code);
	buf_init(&message);
	bool ok = voice_error_text(o, "\"code\"", &code) && buf_putc(&code, '\0') && voice_error_text(o, "\"message\"", &message);
	const struct voice *voice = ok ? voice_for(v, code.data) : NULL;
	if (voice != NULL) {
		put_template(v, &v->shared->out, &voice->out, &message, true);
		put_template(v, &v->shared->err, &voice->err, &message, false);
	} else {
		v->shared->out.error = ENOMEM;
	}
	buf_free(&code);
	buf_free(&message);
}
