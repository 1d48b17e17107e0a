#include "redact.h"

#include "base/json.h"
#include "base/utf8.h"

#include <ctype.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define SHOWN "[REDACTED]"
#define MIN_SECRET 4
#define MIN_ENV_SECRET 8
#define MIN_ENCODED 6
#define MIN_LINE 16
#define MAX_DEPTH 200

/* The set of needles */

static uint32_t hash_of(const char *p)
{
	uint32_t x;
	(void)memcpy(&x, p, sizeof x);
	return (x * 2654435761U) >> 16;
}

/* The first needle of that hash, or where it would stand. */
static size_t bucket(const struct redactor *r, uint32_t hash)
{
	size_t low = 0, high = r->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (r->needles[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool grow(struct redactor *r)
{
	if (r->count < r->cap)
		return true;
	size_t cap = r->cap == 0 ? 16 : r->cap * 2;
	struct needle *grown = realloc(r->needles, cap * sizeof *grown);
	if (grown == NULL)
		return false;
	r->needles = grown;
	r->cap = cap;
	return true;
}

static bool keep(struct redactor *r, const char *p, size_t n)
{
	if (n < MIN_SECRET)
		return true;
	uint32_t hash = hash_of(p);
	size_t at = bucket(r, hash);
	for (; at < r->count && r->needles[at].hash == hash && r->needles[at].n >= n; at++)
		if (r->needles[at].n == n && memcmp(r->needles[at].p, p, n) == 0)
			return true;
	char *copy = grow(r) ? malloc(n) : NULL;
	if (copy == NULL)
		return false;
	(void)memcpy(copy, p, n);
	(void)memmove(r->needles + at + 1, r->needles + at, (r->count - at) * sizeof *r->needles);
	r->needles[at] = (struct needle){ copy, n, hash };
	r->count++;
	r->starts[hash >> 6] |= (uint64_t)1 << (hash & 63);
	return true;
}

/* The forms of one secret */

static void wipe(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}

/* As a string inside JSON, and as one inside JSON that is a string itself. */
static bool keep_json(struct redactor *r, const char *p, size_t n)
{
	struct buf once, twice;
	size_t replaced = 0;
	buf_init(&once);
	buf_init(&twice);
	bool ok = json_put_text(&once, p, n, 0, &replaced);
	if (ok && once.len >= 2 + 3 * replaced + MIN_SECRET) /* else it is no more than replacement characters */
		ok = keep(r, once.data + 1, once.len - 2) && json_put_string_raw(&twice, once.data + 1, once.len - 2) &&
		     keep(r, twice.data + 1, twice.len - 2);
	wipe(&once);
	wipe(&twice);
	return ok;
}

/* `plain` are the characters beside letters and digits that the encoder leaves alone. */
static bool keep_percent(struct redactor *r, const char *p, size_t n, const char *digits, const char *plain)
{
	struct buf b;
	bool ok = true;
	buf_init(&b);
	for (size_t i = 0; i < n && ok; i++) {
		unsigned char c = (unsigned char)p[i];
		if (isalnum(c) || (c != 0 && strchr(plain, c) != NULL))
			ok = buf_putc(&b, (char)c);
		else if (c == ' ' && strchr(plain, '+') != NULL)
			ok = buf_putc(&b, '+');
		else
			ok = buf_putc(&b, '%') && buf_putc(&b, digits[c >> 4]) && buf_putc(&b, digits[c & 15]);
	}
	ok = ok && keep(r, b.data, b.len);
	wipe(&b);
	return ok;
}

static bool keep_percents(struct redactor *r, const char *p, size_t n, const char *digits)
{
	/* RFC 3986; encodeURIComponent; application/x-www-form-urlencoded ('+' stands for its space) */
	return keep_percent(r, p, n, digits, "-._~") && keep_percent(r, p, n, digits, "-._~!'()*") &&
	       (memchr(p, '+', n) != NULL || keep_percent(r, p, n, digits, "-._*+"));
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
	wipe(&b);
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
		explicit_bzero(bytes, n + shift);
		explicit_bzero(text, max);
	}
	free(bytes);
	free(text);
	return ok;
}

/* Each line of a secret of several lines, such as a private key; a CR at its end may get lost on the way. */
static bool keep_lines(struct redactor *r, const char *p, size_t n)
{
	const char *nl = memchr(p, '\n', n);
	while (nl != NULL && n > 0) {
		nl = memchr(p, '\n', n);
		size_t len = nl != NULL ? (size_t)(nl - p) : n;
		size_t text = len > 0 && p[len - 1] == '\r' ? len - 1 : len;
		if (text >= MIN_LINE && !keep(r, p, text))
			return false;
		len += nl != NULL ? 1 : 0;
		p += len;
		n -= len;
		if (nl == NULL)
			break;
	}
	return true;
}

/* As it looks after the cleaning that every text for people goes through. */
static bool keep_cleaned(struct redactor *r, const char *p, size_t n)
{
	struct buf b;
	buf_init(&b);
	size_t replaced = utf8_clean(&b, p, n, UTF8_CLEAN);
	bool ok = !b.failed;
	if (ok && b.len >= 3 * replaced + MIN_SECRET)
		ok = keep(r, b.data, b.len) && keep_json(r, b.data, b.len);
	wipe(&b);
	return ok;
}

bool redact_add(struct redactor *r, const char *p, size_t n)
{
	static const int variants[] = { sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_URLSAFE };
	static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
	if (n < MIN_SECRET)
		return true;
	bool ok = keep(r, p, n) && keep_json(r, p, n) && keep_cleaned(r, p, n) && keep_percents(r, p, n, upper) &&
		  keep_percents(r, p, n, lower) && keep_hex(r, p, n, lower) && keep_hex(r, p, n, upper) &&
		  keep_lines(r, p, n);
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
		if (ends_with(s, n, tails[i]) || (strlen(tails[i]) == n + 1 && ends_with(s, n, tails[i] + 1)))
			return true;
	return (n > 4 && strncasecmp(s, "API_", 4) == 0 && !ends_with(s, n, "_URL")) ||
	       (n > 5 && strncasecmp(s, "AUTH_", 5) == 0 && !ends_with(s, n, "_URL"));
}

/* Paths and addresses under such names say where a secret is, and answers may name them. */
static bool says_where(const char *value)
{
	return strncmp(value, "http://", 7) == 0 || strncmp(value, "https://", 8) == 0 ||
	       (value[0] == '/' && access(value, F_OK) == 0);
}

bool redact_environment(struct redactor *r, const struct snapshot *s)
{
	for (char **e = s->env; *e != NULL; e++) {
		const char *eq = strchr(*e, '=');
		if (eq == NULL || !secret_name(*e, (size_t)(eq - *e)))
			continue;
		if (strlen(eq + 1) < MIN_ENV_SECRET || says_where(eq + 1))
			continue;
		if (!redact_add(r, eq + 1, strlen(eq + 1)))
			return false;
	}
	return true;
}

/* Finding */

/* Length of the longest needle that stands at p; 0 when none does. */
static size_t match_at(const struct redactor *r, const char *p, size_t n)
{
	if (n < MIN_SECRET)
		return 0;
	uint32_t hash = hash_of(p);
	if ((r->starts[hash >> 6] & (uint64_t)1 << (hash & 63)) == 0)
		return 0;
	for (size_t i = bucket(r, hash); i < r->count && r->needles[i].hash == hash; i++)
		if (r->needles[i].n <= n && memcmp(r->needles[i].p, p, r->needles[i].n) == 0)
			return r->needles[i].n;
	return 0;
}

/* The first stretch that is nothing but secrets, overlapping ones joined; NULL when there is none. */
static const char *first_match(const struct redactor *r, const char *text, size_t n, size_t *len)
{
	const char *end = text + n, *at = text;
	size_t found = 0;
	while (r->count > 0 && at < end && (found = match_at(r, at, (size_t)(end - at))) == 0)
		at++;
	if (found == 0)
		return NULL;
	for (size_t i = 1; i < found; i++) {
		size_t more = match_at(r, at + i, (size_t)(end - at) - i);
		if (more != 0 && i + more > found)
			found = i + more;
	}
	*len = found;
	return at;
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
		q += *q == '\\' && q + 1 < end ? 2 : 1;
	return (size_t)((q < end ? q + 1 : end) - p);
}

static size_t number_length(const char *p, const char *end)
{
	const char *q = p;
	while (q < end && (isdigit((unsigned char)*q) || *q == '-' || *q == '+' || *q == '.' || *q == 'e' || *q == 'E'))
		q++;
	return isdigit((unsigned char)*p) || *p == '-' ? (size_t)(q - p) : 0;
}

/* A string token. What it means is searched, not how it is written: an escape may hide a secret or touch one. */
static bool redact_string(const struct redactor *r, const char *p, size_t n, struct buf *out)
{
	struct buf meaning, shown;
	size_t len = 0;
	bool escaped = memchr(p, '\\', n) != NULL;
	if (!escaped && first_match(r, p + 1, n - 2, &len) == NULL)
		return buf_put(out, p, n);
	buf_init(&meaning);
	buf_init(&shown);
	bool ok = json_unquote(&meaning, p, n), found = false;
	if (ok && meaning.len > 0)
		found = first_match(r, meaning.data, meaning.len, &len) != NULL;
	if (ok && found)
		ok = redact_text(r, meaning.data, meaning.len, &shown) && json_put_string_raw(out, shown.data, shown.len);
	else if (ok)
		ok = buf_put(out, p, n);
	buf_free(&meaning);
	buf_free(&shown);
	return ok;
}

bool redact_json(const struct redactor *r, const char *json, size_t n, struct buf *out)
{
	size_t len = 0;
	const char *end = json + n, *plain = json;
	if (r->count == 0 || (memchr(json, '\\', n) == NULL && first_match(r, json, n, &len) == NULL))
		return buf_put(out, json, n);
	for (const char *p = json; p < end;) {
		size_t t = *p == '"' ? string_length(p, end) : number_length(p, end);
		if (t == 0) {
			p++;
			continue;
		}
		bool ok = buf_put(out, plain, (size_t)(p - plain));
		if (*p == '"')
			ok = ok && redact_string(r, p, t, out);
		else if (first_match(r, p, t, &len) != NULL)
			ok = ok && buf_puts(out, "\"" SHOWN "\"");
		else
			ok = ok && buf_put(out, p, t);
		if (!ok)
			return false;
		p += t;
		plain = p;
	}
	return buf_put(out, plain, (size_t)(end - plain));
}

static bool is_document(const char *p, size_t n)
{
	return n > 0 && (*p == '{' || *p == '[' || *p == '"') && json_check(p, n, MAX_DEPTH, NULL);
}

bool redact_lines(const struct redactor *r, const char *text, size_t n, struct buf *out)
{
	if (r->count == 0)
		return buf_put(out, text, n);
	if (is_document(text, n))
		return redact_json(r, text, n, out);
	/* lines that are no JSON stay together: a secret may have several */
	const char *end = text + n, *plain = text, *p = text;
	while (p < end) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));
		size_t len = (size_t)((nl != NULL ? nl + 1 : end) - p);
		if (is_document(p, len)) {
			if (!redact_text(r, plain, (size_t)(p - plain), out) || !redact_json(r, p, len, out))
				return false;
			plain = p + len;
		}
		p += len;
	}
	return redact_text(r, plain, (size_t)(end - plain), out);
}

size_t redact_cut(const struct redactor *r, const char *text, size_t n)
{
	size_t hidden = 0;
	for (size_t i = 0; i < r->count; i++) {
		size_t most = r->needles[i].n - 1 < n ? r->needles[i].n - 1 : n;
		for (size_t k = most; k > hidden && k > 0; k--)
			if (memcmp(text + n - k, r->needles[i].p, k) == 0) {
				hidden = k;
				break;
			}
	}
	return n - hidden;
}

void redact_free(struct redactor *r)
{
	for (size_t i = 0; i < r->count; i++) {
		explicit_bzero(r->needles[i].p, r->needles[i].n);
		free(r->needles[i].p);
	}
	free(r->needles);
	(void)memset(r, 0, sizeof *r);
}
