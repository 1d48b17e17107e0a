#include "request.h"

#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 200
#define SHOWN_KEY 40

struct field {
	struct json_span key, value; /* as they stand in the line */
};

void request_init(struct request *r)
{
	(void)memset(r, 0, sizeof *r);
	buf_init(&r->args);
	buf_init(&r->payload);
	buf_init(&r->cmd);
}

void request_free(struct request *r)
{
	buf_free(&r->args);
	buf_free(&r->payload);
	buf_free(&r->cmd);
	free(r->argv);
	request_init(r);
}

__attribute__((format(printf, 2, 3))) static void refuse(struct request *r, const char *format, ...)
{
	va_list args;
	if (r->problem[0] != '\0')
		return; /* the first one is told */
	va_start(args, format);
	(void)vsnprintf(r->problem, sizeof r->problem, format, args);
	va_end(args);
}

static bool is_key(const struct json_span *key, const char *name)
{
	return key->n == strlen(name) + 2 && memcmp(key->p + 1, name, key->n - 2) == 0;
}

/* How much of a token an error shows. */
static int shown(const struct json_span *s)
{
	return (int)(s->n < SHOWN_KEY ? s->n : SHOWN_KEY);
}

static bool is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_name_char(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '-';
}

/* "a.b-c": words that begin with a letter. */
static bool is_path(const struct json_span *token)
{
	bool first = true;
	if (token->n < 3 || token->p[0] != '"')
		return false;
	for (size_t i = 1; i + 1 < token->n; i++) {
		char c = token->p[i];
		if (first ? !is_letter(c) : !is_name_char(c) && c != '.')
			return false;
		first = c == '.';
	}
	return !first;
}

static bool put_words(struct request *r, const struct json_span *path)
{
	bool ok = buf_reserve(&r->args, path->n);
	for (size_t i = 1; i + 1 < path->n && ok; i++)
		ok = buf_putc(&r->args, path->p[i] == '.' ? '\0' : path->p[i]);
	return ok && buf_putc(&r->args, '\0');
}

/* The name of an option: as the flag is written, or with underscores. Appends "--name"; false when it is none. */
static bool put_name(struct buf *args, const struct json_span *key)
{
	if (key->n < 3 || !is_letter(key->p[1]))
		return false;
	bool ok = buf_puts(args, "--");
	for (size_t i = 1; i + 1 < key->n && ok; i++) {
		char c = key->p[i] == '_' ? '-' : key->p[i];
		ok = is_name_char(c) && buf_putc(args, c);
	}
	return ok;
}

/* "--name" or "--name=value" for one member of _opts; nothing for false. */
static bool put_option(struct request *r, const struct field *f)
{
	const char *v = f->value.p;
	size_t start = r->args.len;
	if (!put_name(&r->args, &f->key)) {
		refuse(r, "%.*s in _opts is no name of an option.", shown(&f->key), f->key.p);
		return !r->args.failed;
	}
	if (is_key(&f->key, "output"))
		refuse(r, "A line has no output option: every line is answered with one JSON envelope.");
	if (v[0] == 't')
		return buf_putc(&r->args, '\0');
	if (v[0] == 'f') {
		r->args.len = start;
		return true;
	}
	if (v[0] == 'n' || v[0] == '{' || v[0] == '[') {
		refuse(r, "%.*s in _opts must be a boolean, a string or a number.", shown(&f->key), f->key.p);
		return true;
	}
	bool ok = buf_putc(&r->args, '=');
	size_t from = r->args.len;
	ok = ok && (v[0] == '"' ? json_unquote(&r->args, v, f->value.n) : buf_put(&r->args, v, f->value.n));
	if (ok && r->args.len > from && memchr(r->args.data + from, '\0', r->args.len - from) != NULL)
		refuse(r, "%.*s in _opts holds a NUL character.", shown(&f->key), f->key.p);
	return ok && buf_putc(&r->args, '\0');
}

static bool same_name(const struct json_span *a, const struct json_span *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->p[i] != b->p[i] && !((a->p[i] == '_' || a->p[i] == '-') && (b->p[i] == '_' || b->p[i] == '-')))
			return false;
	return true;
}

/* The members of an object; refused when one is given twice, also under its other spelling. */
static size_t list_fields(struct request *r, const struct json_span *object, struct field *out)
{
	size_t at = 0, count = 0;
	struct field f;
	while (json_object_next(object->p, object->n, &at, &f.key, &f.value)) {
		if (count == REQUEST_MAX_FIELDS) {
			refuse(r, "A line has at most %d fields.", REQUEST_MAX_FIELDS);
			return count;
		}
		for (size_t i = 0; i < count; i++)
			if (same_name(&out[i].key, &f.key))
				refuse(r, "%.*s is given twice.", shown(&f.key), f.key.p);
		out[count++] = f;
	}
	return count;
}

static void find_twice(struct request *r, const struct field *fields, size_t n, const struct field *options, size_t count)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < count; k++)
			if (same_name(&fields[i].key, &options[k].key))
				refuse(r, "%.*s is given twice, in _opts and beside it.", shown(&fields[i].key), fields[i].key.p);
}

static bool put_field(struct buf *payload, const struct field *f)
{
	return buf_putc(payload, payload->len == 0 ? '{' : ',') && buf_put(payload, f->key.p, f->key.n) &&
	       buf_putc(payload, ':') && buf_put(payload, f->value.p, f->value.n);
}

static bool read_members(struct request *r, const struct json_span *line, const struct buf *before)
{
	struct field fields[REQUEST_MAX_FIELDS], options[REQUEST_MAX_FIELDS];
	const struct json_span *cmd = NULL, *opts = NULL;
	size_t n = list_fields(r, line, fields), count = 0;
	bool ok = true;
	for (size_t i = 0; i < n && ok; i++) {
		if (is_key(&fields[i].key, "_cmd"))
			cmd = &fields[i].value;
		else if (is_key(&fields[i].key, "_opts"))
			opts = &fields[i].value;
		else if (fields[i].key.n > 2 && fields[i].key.p[1] == '_')
			refuse(r, "There is no key %.*s: a line has _cmd, _opts and the command's parameters.", shown(&fields[i].key),
			       fields[i].key.p);
		else
			ok = put_field(&r->payload, &fields[i]);
	}
	if (cmd == NULL)
		refuse(r, "The line has no _cmd, the path of a command such as \"a.b\".");
	else if (!is_path(cmd))
		refuse(r, "_cmd must be the path of a command such as \"a.b\".");
	else
		ok = ok && buf_put(&r->cmd, cmd->p, cmd->n) && put_words(r, cmd);
	if (opts != NULL && opts->p[0] != '{')
		refuse(r, "_opts must be an object.");
	else if (opts != NULL)
		count = list_fields(r, opts, options);
	find_twice(r, fields, n, options, count);
	ok = ok && buf_put(&r->args, before->data, before->len);
	for (size_t i = 0; i < count && ok; i++)
		ok = put_option(r, &options[i]);
	return ok && (r->payload.len == 0 || buf_putc(&r->payload, '}'));
}

/* Points argv at the arguments, which do not move any more. */
static bool point(struct request *r, const char *program)
{
	size_t n = 2;
	for (size_t i = 0; i < r->args.len; i++)
		n += r->args.data[i] == '\0' ? 1 : 0;
	if (n > r->argv_room) {
		char **grown = realloc(r->argv, n * sizeof *grown);
		if (grown == NULL)
			return false;
		r->argv = grown;
		r->argv_room = n;
	}
	r->argc = 0;
	r->argv[r->argc++] = (char *)program;
	for (size_t at = 0; at < r->args.len; at += strlen(r->args.data + at) + 1)
		r->argv[r->argc++] = r->args.data + at;
	r->argv[r->argc] = NULL;
	return true;
}

bool request_read(struct request *r, const char *program, const struct buf *before, const char *line, size_t n)
{
	struct json_error bad;
	r->problem[0] = '\0';
	buf_reset(&r->args);
	buf_reset(&r->payload);
	buf_reset(&r->cmd);
	while (n > 0 && (*line == ' ' || *line == '\t')) {
		line++;
		n--;
	}
	bool ok = true;
	if (!json_check(line, n, MAX_DEPTH, &bad))
		refuse(r, "The line is not JSON: %s at column %zu.", bad.message, bad.column);
	else if (line[0] != '{')
		refuse(r, "The line is not a JSON object.");
	else
		ok = read_members(r, &(struct json_span){ line, n }, before);
	if (r->problem[0] != '\0')
		buf_reset(&r->args); /* nothing of it shall run */
	if (r->cmd.len == 0)
		ok = ok && buf_puts(&r->cmd, "null");
	return ok && point(r, program);
}
