/* Fuzzing of redaction: the first line of the input is a secret, the rest a text. After redaction the secret is nowhere,
 * JSON is JSON of the same shape, what holds no secret is unchanged, and a second pass finds nothing. With clang:
 * -fsanitize=fuzzer; else FUZZ_MAIN is defined and the program runs the files that it is given. */
#include "../../host/base/json.h"
#include "../../host/supervisor/redact.h"
#include "fuzz_main.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN "[REDACTED]"

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "fuzz_redact: %s\n", what);
        abort();
    }
}

static bool inside(const char *p, size_t n, const char *part, size_t len)
{
    return n > 0 && memmem(p, n, part, len) != NULL;
}

/* The secret stands in no string of the value, however it is written. */
static void nowhere(const char *text, size_t n, const char *secret, size_t len)
{
    struct json_span key, value;
    size_t pos = 0;
    if (n > 0 && text[0] == '"') {
        struct buf b;
        buf_init(&b);
        must(json_unquote(&b, text, n), "a string that cannot be read");
        must(!inside(b.data, b.len, secret, len), "the secret is in a string");
        buf_free(&b);
        return;
    }
    while (json_array_next(text, n, &pos, &value))
        nowhere(value.p, value.n, secret, len);
    for (pos = 0; json_object_next(text, n, &pos, &key, &value);) {
        nowhere(key.p, key.n, secret, len);
        nowhere(value.p, value.n, secret, len);
    }
}

static void plain(const struct redactor *r, const char *text, size_t n, const char *secret, size_t len, bool odd)
{
    struct buf once, twice;
    buf_init(&once);
    buf_init(&twice);
    must(redact_text(r, text, n, &once), "no memory");
    must(odd || !inside(once.data, once.len, secret, len), "the secret is in the text");
    must(redact_text(r, once.data != NULL ? once.data : "", once.len, &twice), "no memory");
    must(odd || (once.len == twice.len && (once.len == 0 || memcmp(once.data, twice.data, once.len) == 0)),
         "a second pass finds more");
    must(redact_cut(r, text, n) <= n, "a cut longer than the text");
    buf_free(&once);
    buf_free(&twice);
}

static void json(const struct redactor *r, const char *text, size_t n, const char *secret, size_t len, bool odd)
{
    struct buf out, lines;
    buf_init(&out);
    buf_init(&lines);
    must(redact_json(r, text, n, &out), "no memory");
    must(json_check(out.data, out.len, 500, NULL), "the result is no JSON");
    size_t from = 0;
    while (from < out.len && memchr(" \t\r\n", out.data[from], 4) != NULL)
        from++;
    if (!odd)
        nowhere(out.data + from, out.len - from, secret, len);
    must(redact_lines(r, text, n, &lines), "no memory");
    must(text[0] != '{' || (lines.len == out.len && memcmp(lines.data, out.data, out.len) == 0), "lines differ");
    buf_free(&out);
    buf_free(&lines);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *secret = (const char *)data, *nl = size > 0 ? memchr(data, '\n', size) : NULL;
    if (nl == NULL)
        return 0;
    size_t len = (size_t)(nl - secret), n = size - len - 1;
    char *text = malloc(n + 1); /* of its own, so that a byte read too far is seen */
    struct redactor r;
    must(text != NULL, "no memory");
    memcpy(text, nl + 1, n);
    memset(&r, 0, sizeof r);
    must(redact_add(&r, secret, len), "no memory");
    /* a secret that the mark itself, or a repaired character, can be part of may come to be again */
    bool odd = len < 4 || memchr(secret, '[', len) != NULL || memchr(secret, ']', len) != NULL ||
               memmem(SHOWN, 10, secret, 4) != NULL || memmem(SHOWN, 10, secret + len - 4, 4) != NULL;
    for (size_t i = 0; i < len; i++)
        odd = odd || (unsigned char)secret[i] >= 0x80 || strchr("REDACT", secret[i]) != NULL;
    plain(&r, text, n, secret, len, odd);
    if (n > 0 && json_check(text, n, 500, NULL))
        json(&r, text, n, secret, len, odd);
    free(text);
    redact_free(&r);
    return 0;
}
