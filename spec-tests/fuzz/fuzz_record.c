/* Fuzzing of what the supervisor takes from a worker: for any frame stream, split anywhere, the same record comes out,
 * and the envelope that is made of it is one line of valid JSON within the cap, without the registered secrets. With
 * clang: -fsanitize=fuzzer; else FUZZ_MAIN is defined and the program runs the files that it is given. */
#include "../../host/base/json.h"
#include "../../host/supervisor/envelope.h"
#include "../../host/supervisor/record.h"
#include "fuzz_main.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { CAP = 4096 };

struct heard {
    struct redactor secrets;
    size_t calls, bytes;
};

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "fuzz_record: %s\n", what);
        abort();
    }
}

static void row(void *arg, const char *p, size_t n)
{
    struct heard *h = arg;
    h->calls++;
    h->bytes += n;
    struct buf b;
    buf_init(&b);
    if (json_check(p, n, 200, NULL)) {
        must(redact_json(&h->secrets, p, n, &b), "a row cannot be redacted");
        record_one_line(b.data, b.len);
        must(json_check(b.data, b.len, 200, NULL), "a redacted row is no JSON");
        must(memchr(b.data, '\n', b.len) == NULL, "a row of two lines");
    }
    buf_free(&b);
}

static void log_line(void *arg, const char *level, const char *p, size_t n)
{
    struct heard *h = arg;
    (void)p;
    h->calls++;
    h->bytes += n + strlen(level);
}

static void secret(void *arg, const char *p, size_t n)
{
    struct heard *h = arg;
    h->calls++;
    h->bytes += n;
    if (h->secrets.count < 200)
        must(redact_add(&h->secrets, p, n), "a secret cannot be registered");
}

/* Feeds data in pieces of `piece` bytes, each in a block of its own, so that a byte read too far is seen. */
static void feed(struct record *r, struct heard *h, const uint8_t *data, size_t size, size_t piece)
{
    const struct record_sink sink = { h, row, log_line, secret };
    must(record_init(r), "no record");
    for (size_t at = 0; at < size; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        char *block = malloc(n);
        must(block != NULL, "no memory");
        memcpy(block, data + at, n);
        record_feed(r, block, n, &sink);
        free(block);
    }
}

static void same(const struct text *a, const struct text *b)
{
    must((a->p == NULL) == (b->p == NULL) && a->n == b->n, "the record depends on the pieces");
    must(a->p == NULL || memcmp(a->p, b->p, a->n) == 0, "the record depends on the pieces");
}

static void answer(struct record *r, const struct heard *h)
{
    struct options opt = { .max_output = CAP };
    struct outcome o;
    struct buf out;
    outcome_init(&o);
    buf_init(&out);
    o.exit_code = r->exit_code;
    must(buf_put(&o.data, r->data.p, r->data.n) && buf_put(&o.error, r->error.p, r->error.n), "no memory");
    must(envelope_write(&o, r, &opt, &h->secrets, &out), "no envelope");
    must(out.len > 0 && out.len <= CAP && out.data[out.len - 1] == '\n', "more than the cap");
    must(json_check(out.data, out.len - 1, 300, NULL), "the envelope is no JSON");
    must(memchr(out.data, '\n', out.len - 1) == NULL, "more than one line");
    outcome_free(&o);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record whole, pieces;
    struct heard a, b;
    memset(&a, 0, sizeof a);
    memset(&b, 0, sizeof b);
    feed(&whole, &a, data, size, size > 0 ? size : 1);
    feed(&pieces, &b, data, size, 1 + size % 7);
    must(a.calls == b.calls && a.bytes == b.bytes && whole.broken == pieces.broken, "what is heard depends on the pieces");
    must(whole.exit_code >= 0 && whole.exit_code <= 125 && whole.timeout_ms >= 0, "a number out of its range");
    same(&whole.data, &pieces.data), same(&whole.error, &pieces.error), same(&whole.cut, &pieces.cut);
    same(&whole.out_text, &pieces.out_text), same(&whole.fatal, &pieces.fatal);
    answer(&whole, &a);
    record_free(&whole);
    record_free(&pieces);
    redact_free(&a.secrets);
    redact_free(&b.secrets);
    return 0;
}
