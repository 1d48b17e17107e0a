#include "redact.h"

#include "base/json.h"

#include <ctype.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SHOWN "[REDACTED]"
#define MIN_SECRET 4
#define MIN_ENV_SECRET 8
#define MIN_ENCODED 6
#define MIN_LINE 16

static bool keep(struct redactor *r, const char *p, size_t n)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->needles[i].n == n && memcmp(r->needles[i].p, p, n) == 0)
			return true;
	if (r->count == r->cap) {
		size_t cap = r->cap == 0 ? 16 : r->cap * 2;
		struct needle *grown = realloc(r->needles, cap * sizeof *grown);
		if (grown == NULL)
			return false;
		r->needles = grown;
		r->cap = cap;
	}
	char *copy = malloc(n);
	if (copy == NULL)
		return false;
	(void)memcpy(copy, p, n);
	/* longest first, so that a short secret does not break up a longer one */
	size_t at = r->count++;
	for (; at > 0 && r->needles[at - 1].n < n; at--)
		r->needles[at] = r->needles[at - 1];
	r->needles[at] = (struct needle){ copy, n };
	return true;
}

static bool keep_json(struct redactor *r, const char *p, size_t n)
{
	struct buf b;
	buf_init(&b);
	bool ok = json_put_string_raw(&b, p, n) && (b.len <= 2 + MIN_SECRET || keep(r, b.data + 1, b.len - 2));
	buf_free(&b);
	return ok;
}

static bool keep_percent(struct redactor *r, const char *p, size_t n, const char *digits)
{
	struct buf b;
	bool ok = true;
	buf_init(&b);
	for (size_t i = 0; i < n && ok; i++) {
		unsigned char c = (unsigned char)p[i];
		if (isalnum(c) || strchr("-._~", c) != NULL)
			ok = buf_putc(&b, (char)c);
		else
			ok = buf_putc(&b, '%') && buf_putc(&b, digits[c >> 4]) && buf_putc(&b, digits[c & 15]);
	}
	ok = ok && keep(r, b.data, b.len);
	buf_free(&b);
	return ok;
}

static bool keep_hex(struct redactor *r, const char *p, size_t n, const char *digits)
{
	struct buf b;
	bool ok = true;
	buf_init(&b);
	for (size_t i = 0; i < n && ok; i++) {
		unsigned char c = (unsigned char)p[i];
		ok = buf_putc(&b, digits[c >> 4]) && buf_putc(&b, digits[c & 15]);
	}
	ok = ok && keep(r, b.data, b.len);
	buf_free(&b);
	return ok;
}

/* The part of the base64 text that depends on the secret alone when `shift` other bytes stand before it. */
static bool keep_base64(struct redactor *r, const char *p, size_t n, size_t shift, int variant)
{
	size_t max = sodium_base64_encoded_len(n + shift, variant);
	unsigned char *bytes = calloc(1, n + shift);
	char *text = malloc(max);
	bool ok = bytes != NULL && text != NULL;
	if (ok) {
		(void)memcpy(bytes + shift, p, n);
		(void)sodium_bin2base64(text, max, bytes, n + shift, variant);
		size_t from = (shift * 8 + 5) / 6, to = (shift + n) * 8 / 6;
		if (to >= from + MIN_ENCODED)
			ok = keep(r, text + from, to - from);
	}
	free(bytes);
	free(text);
	return ok;
}

static bool keep_lines(struct redactor *r, const char *p, size_t n)
{
	const char *end = p + n;
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((nl != NULL ? nl : end) - p);
		if (nl != NULL && len >= MIN_LINE && !keep(r, p, len))
			return false;
		p += len + 1;
	}
	return true;
}

bool redact_add(struct redactor *r, const char *p, size_t n)
{
	static const int variants[] = { sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_URLSAFE };
	if (n < MIN_SECRET)
		return true;
	bool ok = keep(r, p, n) && keep_json(r, p, n) && keep_percent(r, p, n, "0123456789ABCDEF") &&
		  keep_percent(r, p, n, "0123456789abcdef") && keep_hex(r, p, n, "0123456789abcdef") &&
		  keep_hex(r, p, n, "0123456789ABCDEF") && keep_lines(r, p, n);
	for (size_t v = 0; v < 2; v++)
		for (size_t shift = 0; shift < 3 && ok; shift++)
			ok = keep_base64(r, p, n, shift, variants[v]);
	return ok;
}

static bool ends_with(const char *s, size_t n, const char *tail)
{
	size_t t = strlen(tail);
	return n >= t && strncasecmp(s + n - t, tail, t) == 0;
}

static bool secret_name(const char *s, size_t n)
{
	static const char *const tails[] = { "_KEY", "_SECRET", "_TOKEN", "_PASSWORD", "_PASS", "_CREDENTIAL", "_CREDENTIALS" };
	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++)
		if (ends_with(s, n, tails[i]))
			return true;
	return (n > 4 && strncasecmp(s, "API_", 4) == 0 && !ends_with(s, n, "_URL")) ||
	       (n > 5 && strncasecmp(s, "AUTH_", 5) == 0 && !ends_with(s, n, "_URL"));
}

bool redact_environment(struct redactor *r, const struct snapshot *s)
{
	for (char **e = s->env; *e != NULL; e++) {
		const char *eq = strchr(*e, '=');
		if (eq == NULL || !secret_name(*e, (size_t)(eq - *e)))
			continue;
		/* paths and addresses under such names say where a secret is, and answers may name them */
		if (eq[1] == '/' || strncmp(eq + 1, "http", 4) == 0 || strlen(eq + 1) < MIN_ENV_SECRET)
			continue;
		if (!redact_add(r, eq + 1, strlen(eq + 1)))
			return false;
	}
	return true;
}

/* The first match of any needle in text, the longest at that place; NULL when there is none. */
static const char *first_match(const struct redactor *r, const char *text, size_t n, size_t *len)
{
	const char *best = NULL;
	for (size_t i = 0; i < r->count; i++) {
		size_t room = best != NULL ? (size_t)(best - text) + r->needles[i].n - 1 : n;
		const char *at = memmem(text, room < n ? room : n, r->needles[i].p, r->needles[i].n);
		if (at != NULL && (best == NULL || at < best)) {
			best = at;
			*len = r->needles[i].n;
		}
	}
	return best;
}

bool redact_text(const struct redactor *r, const char *text, size_t n, struct buf *out)
{
	const char *end = text + n, *at;
	size_t len = 0;
	while (text < end && (at = first_match(r, text, (size_t)(end - text), &len)) != NULL) {
		if (!buf_put(out, text, (size_t)(at - text)) || !buf_puts(out, SHOWN))
			return false;
		text = at + len;
	}
	return buf_put(out, text, (size_t)(end - text));
}

static size_t string_length(const char *p, const char *end)
{
	const char *q = p + 1;
	while (q < end && *q != '"')
		q += *q == '\\' ? 2 : 1;
	return (size_t)((q < end ? q + 1 : end) - p);
}

static size_t scalar_length(const char *p, const char *end)
{
	const char *q = p;
	while (q < end && strchr("+-.0123456789eE", *q) != NULL)
		q++;
	return (size_t)(q - p);
}

static bool redact_token(const struct redactor *r, const char *p, size_t n, struct buf *out)
{
	size_t len = 0;
	if (first_match(r, p, n, &len) == NULL)
		return buf_put(out, p, n);
	if (*p != '"')
		return buf_puts(out, "\"" SHOWN "\"");
	return buf_putc(out, '"') && redact_text(r, p + 1, n - 2, out) && buf_putc(out, '"');
}

bool redact_json(const struct redactor *r, const char *json, size_t n, struct buf *out)
{
	size_t len = 0;
	if (first_match(r, json, n, &len) == NULL)
		return buf_put(out, json, n);
	const char *end = json + n;
	for (const char *p = json; p < end;) {
		size_t t = *p == '"' ? string_length(p, end) : scalar_length(p, end);
		if (t == 0) {
			if (!buf_putc(out, *p++))
				return false;
			continue;
		}
		if (!redact_token(r, p, t, out))
			return false;
		p += t;
	}
	return !out->failed;
}

void redact_free(struct redactor *r)
{
	for (size_t i = 0; i < r->count; i++) {
		explicit_bzero(r->needles[i].p, r->needles[i].n);
		free(r->needles[i].p);
	}
	free(r->needles);
	*r = (struct redactor){ NULL, 0, 0 };
}
