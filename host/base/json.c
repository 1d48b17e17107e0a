/* JSON as bytes: the checker is a loop with one bit of memory per level; the writer cleans while it escapes. */
#include "json.h"

#include "json_scan.h"
#include "utf8.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void json_locate(const char *text, size_t len, size_t offset, const char *message, struct json_error *err)
{
    if (offset > len)
        offset = len;
    *err = (struct json_error){.message = message, .offset = offset, .line = 1, .column = 1};
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n') {
            err->line++;
            err->column = 1;
        } else if (((unsigned char)text[i] & 0xC0) != 0x80) {
            err->column++;
        }
    }
}

/* ---- checking ---- */

struct check {
    const char *p, *end;
    const char *problem; /* concerning the byte at p */
    unsigned depth, max_depth;
    uint64_t object[(JSON_MAX_DEPTH + 63) / 64]; /* one bit per level: an object, not an array */
};

static bool refuse(struct check *c, const char *at, const char *problem)
{
    c->p = at;
    c->problem = at == c->end && at != NULL ? JSON_END_OF_TEXT : problem;
    return false;
}

static bool in_object(const struct check *c)
{
    return c->object[(c->depth - 1) / 64] >> ((c->depth - 1) % 64) & 1;
}

static bool push_level(struct check *c, bool object)
{
    if (c->depth == c->max_depth)
        return refuse(c, c->p, JSON_TOO_DEEP);
    uint64_t bit = (uint64_t)1 << (c->depth % 64);
    uint64_t *word = &c->object[c->depth / 64];
    *word = object ? *word | bit : *word & ~bit;
    c->depth++;
    c->p++;
    return true;
}

static bool check_string(struct check *c)
{
    struct json_string s;
    const char *start = c->p + 1, *p = json_scan_string(start, c->end, &s);
    if (s.problem != NULL)
        return refuse(c, p, s.problem);
    if (s.high) {
        size_t valid = utf8_valid_prefix(start, (size_t)(p - start));
        if (start + valid != p)
            return refuse(c, start + valid, "invalid UTF-8");
    }
    c->p = p + 1;
    return true;
}

static bool check_key(struct check *c)
{
    c->p = json_skip_space(c->p, c->end);
    if (c->p == c->end || *c->p != '"')
        return refuse(c, c->p, JSON_EXPECTED_KEY);
    if (!check_string(c))
        return false;
    c->p = json_skip_space(c->p, c->end);
    if (c->p == c->end || *c->p != ':')
        return refuse(c, c->p, JSON_EXPECTED_COLON);
    c->p++;
    return true;
}

static bool check_scalar(struct check *c)
{
    if (*c->p == '"')
        return check_string(c);
    if (*c->p == '-' || json_is_digit(*c->p)) {
        struct json_digits d;
        const char *p = json_scan_number(c->p, c->end, &d);
        if (p == NULL)
            return refuse(c, c->p, "not a number of JSON");
        c->p = p;
        return true;
    }
    size_t n = json_literal_length(c->p, c->end);
    if (n == 0)
        return refuse(c, c->p, JSON_EXPECTED_VALUE);
    c->p += n;
    return true;
}

/* Scans up to and including the next scalar or empty container, opening containers on the way. */
static bool check_value(struct check *c)
{
    for (;;) {
        c->p = json_skip_space(c->p, c->end);
        if (c->p == c->end)
            return refuse(c, c->p, JSON_EXPECTED_VALUE);
        bool object = *c->p == '{';
        if (!object && *c->p != '[')
            return check_scalar(c);
        if (!push_level(c, object))
            return false;
        c->p = json_skip_space(c->p, c->end);
        if (c->p < c->end && *c->p == (object ? '}' : ']'))
            return true; /* closed by check_after */
        if (object && !check_key(c))
            return false;
    }
}

/* Closes what ends here; true when another value follows or (depth 0) the text is complete. */
static bool check_after(struct check *c)
{
    while (c->depth > 0) {
        c->p = json_skip_space(c->p, c->end);
        bool object = in_object(c);
        if (c->p < c->end && *c->p == ',') {
            c->p++;
            return !object || check_key(c);
        }
        if (c->p == c->end || *c->p != (object ? '}' : ']'))
            return refuse(c, c->p, JSON_EXPECTED_COMMA);
        c->p++;
        c->depth--;
    }
    return true;
}

bool json_check(const char *text, size_t len, unsigned max_depth, struct json_error *err)
{
    if (max_depth == 0 || max_depth > JSON_MAX_DEPTH)
        max_depth = JSON_MAX_DEPTH;
    struct check c;
    c.p = text;
    c.end = text + len;
    c.problem = NULL;
    c.depth = 0;
    c.max_depth = max_depth;
    bool ok;
    do
        ok = check_value(&c) && check_after(&c);
    while (ok && c.depth > 0);
    if (ok) {
        c.p = json_skip_space(c.p, c.end);
        if (c.p == c.end)
            return true;
        c.problem = JSON_TRAILING;
    }
    if (err != NULL)
        json_locate(text, len, (size_t)(c.p - text), c.problem, err);
    return false;
}

/* ---- walking a checked text ---- */

static const char *skip_string(const char *p, const char *end)
{
    struct json_string s;
    p = json_scan_string(p + 1, end, &s);
    return s.problem == NULL ? p + 1 : NULL;
}

static const char *skip_value(const char *p, const char *end)
{
    size_t depth = 0;
    do {
        if (p == end)
            return NULL;
        if (*p == '"') {
            p = skip_string(p, end);
            if (p == NULL)
                return NULL;
        } else if (*p == '{' || *p == '[') {
            depth++;
            p++;
        } else if (*p == '}' || *p == ']') {
            if (depth-- == 0)
                return NULL;
            p++;
        } else if (depth > 0) {
            p++; /* scalars and punctuation inside a container need no look */
        } else {
            while (p < end && strchr(",]} \t\r\n", *p) == NULL)
                p++;
        }
    } while (depth > 0);
    return p;
}

/* Moves *pos to the next member; false at the end. */
static bool next_member(const char *text, size_t len, size_t *pos, char open)
{
    const char *end = text + len, *p = json_skip_space(text + *pos, end);
    if (p == end)
        return false;
    bool first = *pos == 0;
    if (*p != (first ? open : ','))
        return false;
    p = json_skip_space(p + 1, end);
    if (p == end || *p == ']' || *p == '}')
        return false;
    *pos = (size_t)(p - text);
    return true;
}

static bool take_value(const char *text, size_t len, size_t *pos, struct json_span *item)
{
    const char *start = text + *pos, *p = skip_value(start, text + len);
    if (p == NULL || p == start)
        return false;
    *item = (struct json_span){start, (size_t)(p - start)};
    *pos = (size_t)(p - text);
    return true;
}

bool json_array_next(const char *text, size_t len, size_t *pos, struct json_span *item)
{
    return next_member(text, len, pos, '[') && take_value(text, len, pos, item);
}

bool json_object_next(const char *text, size_t len, size_t *pos, struct json_span *key, struct json_span *value)
{
    if (!next_member(text, len, pos, '{') || text[*pos] != '"' || !take_value(text, len, pos, key))
        return false;
    const char *end = text + len, *p = json_skip_space(text + *pos, end);
    if (p == end || *p != ':')
        return false;
    p = json_skip_space(p + 1, end);
    *pos = (size_t)(p - text);
    return take_value(text, len, pos, value);
}

/* ---- strings ---- */

static unsigned hex4(const char *p)
{
    unsigned v = 0;
    for (int i = 0; i < 4; i++) {
        unsigned c = (unsigned char)p[i];
        v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return v;
}

static char *put_code(char *out, unsigned long code)
{
    struct buf b = {.data = out, .cap = 4}; /* room enough: utf8_put cannot need to grow it */
    utf8_put(&b, code);
    return out + b.len;
}

/* Writes what the escape at *p means and moves *p behind it; a pair of surrogates is one character. */
static char *unescape_one(char *out, const char **p, const char *end, size_t *replaced)
{
    static const char FROM[] = "bfnrt", TO[] = "\b\f\n\r\t";
    const char *s = *p;
    if (s[1] != 'u') {
        const char *at = strchr(FROM, s[1]);
        *out = at == NULL ? s[1] : TO[at - FROM];
        *p += 2;
        return out + 1;
    }
    unsigned long code = hex4(s + 2);
    *p += 6;
    if (code >= 0xD800 && code <= 0xDBFF && end - s >= 12 && s[6] == '\\' && s[7] == 'u') {
        unsigned long low = hex4(s + 8);
        if (low >= 0xDC00 && low <= 0xDFFF) {
            *p += 6;
            return put_code(out, 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00));
        }
    }
    *replaced += code >= 0xD800 && code <= 0xDFFF;
    return put_code(out, code);
}

/* As json_unescape for text in valid UTF-8; then the result is never longer than the text. */
static void unescape_valid(char *out, size_t *len, const char *p, const char *end, size_t *replaced)
{
    char *start = out;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t run = (size_t)((slash == NULL ? end : slash) - p);
        memcpy(out, p, run);
        out += run;
        p += run;
        if (p < end)
            out = unescape_one(out, &p, end, replaced);
    }
    *len = (size_t)(out - start);
}

bool json_unescape(struct buf *out, const char *p, size_t n, size_t *replaced)
{
    struct buf repaired;
    buf_init(&repaired);
    if (!utf8_valid(p, n)) { /* never inside an escape, which is ASCII */
        *replaced += utf8_clean(&repaired, p, n, 0);
        p = repaired.data;
        n = repaired.len;
    }
    bool ok = !repaired.failed && buf_reserve(out, n + 4);
    if (ok) {
        size_t len;
        unescape_valid(out->data + out->len, &len, p, p + n, replaced);
        out->len += len;
    }
    out->failed |= !ok;
    buf_free(&repaired);
    return ok;
}

bool json_unquote(struct buf *out, const char *text, size_t len)
{
    size_t replaced = 0;
    struct json_string s;
    if (len < 2 || text[0] != '"')
        return false;
    const char *close = json_scan_string(text + 1, text + len, &s);
    return s.problem == NULL && json_unescape(out, text + 1, (size_t)(close - text - 1), &replaced);
}

static bool put_escape(struct buf *out, unsigned char c)
{
    static const char HEX[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', '0', '0', HEX[c >> 4], HEX[c & 15]};
    switch (c) {
    case '"': case '\\':
        text[1] = (char)c;
        return buf_put(out, text, 2);
    case '\b': text[1] = 'b'; return buf_put(out, text, 2);
    case '\f': text[1] = 'f'; return buf_put(out, text, 2);
    case '\n': text[1] = 'n'; return buf_put(out, text, 2);
    case '\r': text[1] = 'r'; return buf_put(out, text, 2);
    case '\t': text[1] = 't'; return buf_put(out, text, 2);
    default:   return buf_put(out, text, 6);
    }
}

/* First byte from p on that cannot be copied unseen: '"', '\\', a control character, or one above 0x7F. */
static const char *plain_run(const char *p, const char *end)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(0x20);
    for (; end - p >= 16; p += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i stop = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, slash)),
                                    _mm_cmplt_epi8(x, space)); /* signed: also all above 0x7F */
        unsigned stops = (unsigned)_mm_movemask_epi8(stop);
        if (stops != 0)
            return p + __builtin_ctz(stops);
    }
#endif
    while (p < end && (unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
        p++;
    return p;
}

bool json_put_text(struct buf *out, const char *s, size_t n, unsigned flags, size_t *replaced)
{
    const char *p = s, *end = s + n, *kept = s; /* from kept to p: bytes to copy as they are */
    if (!buf_reserve(out, n + 2))
        return false;
    buf_putc(out, '"');
    while ((p = plain_run(p, end)) < end) {
        enum utf8_kind kind;
        size_t len = utf8_step(p, (size_t)(end - p), flags, &kind);
        if (kind == UTF8_KEEP && (unsigned char)*p >= 0x80) {
            p += len;
            continue;
        }
        buf_put(out, kept, (size_t)(p - kept));
        if (kind == UTF8_KEEP) {
            put_escape(out, (unsigned char)*p);
        } else if (kind == UTF8_REPLACE) {
            buf_puts(out, UTF8_REPLACEMENT);
            ++*replaced;
        }
        p += len;
        kept = p;
    }
    buf_put(out, kept, (size_t)(p - kept));
    return buf_putc(out, '"');
}

bool json_put_string(struct buf *out, const char *s, size_t n)
{
    size_t replaced = 0;
    return json_put_text(out, s, n, UTF8_CLEAN, &replaced);
}

bool json_put_string_raw(struct buf *out, const char *s, size_t n)
{
    size_t replaced = 0;
    return json_put_text(out, s, n, 0, &replaced);
}

/* ---- numbers ---- */

/* Decimal to double by strtod: the text given to it has no decimal point, so no locale can change its meaning. At most
 * 767 significant digits decide the value of a double; those behind are summed up in one more. */
static double exact_double(const struct json_digits *d, const char *text, size_t len)
{
    enum { DIGITS = 780 };
    char digits[DIGITS + 32];
    size_t n = 0;
    bool rest = false;
    for (size_t i = 0; i < len && text[i] != 'e' && text[i] != 'E'; i++) {
        if (!json_is_digit(text[i]) || (n == 0 && text[i] == '0'))
            continue;
        if (n < DIGITS)
            digits[n++] = text[i];
        else
            rest |= text[i] != '0';
    }
    /* d->exponent belongs to the first d->kept digits; the text given to strtod has n, and one more for the rest. */
    int64_t exponent = d->exponent - (int64_t)(n - d->kept);
    if (rest) {
        digits[n++] = '1';
        exponent--;
    }
    snprintf(digits + n, 32, "e%lld", (long long)exponent);
    return strtod(digits, NULL);
}

enum json_number json_digits_double(const struct json_digits *d, const char *text, size_t len, double *out)
{
    static const double POWERS[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double v;
    /* Both operands are exact doubles, so the one rounding of the operation is the right one (Clinger). */
    if (!d->more && d->mantissa <= (uint64_t)1 << 53 && d->exponent >= -22 && d->exponent <= 22)
        v = d->exponent < 0 ? (double)d->mantissa / POWERS[-d->exponent] : (double)d->mantissa * POWERS[d->exponent];
    else
        v = d->mantissa == 0 ? 0.0 : exact_double(d, text, len);
    *out = d->negative ? -v : v;
    if (v > DBL_MAX)
        return JSON_OVERFLOW;
    if (v == 0.0 && d->mantissa != 0)
        return JSON_UNDERFLOW;
    return d->integer ? JSON_BIG_INT : JSON_DOUBLE;
}

enum json_number json_number(const char *text, size_t len, int64_t *i, double *out)
{
    struct json_digits d;
    *i = 0;
    *out = 0;
    if (len == 0 || json_scan_number(text, text + len, &d) == NULL)
        return JSON_DOUBLE;
    if (json_digits_int(&d, i)) {
        *out = (double)*i;
        return JSON_INT;
    }
    return json_digits_double(&d, text, len, out);
}

bool json_put_int(struct buf *out, int64_t i)
{
    char text[20], *p = text + sizeof text;
    uint64_t v = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    do
        *--p = (char)('0' + v % 10);
    while ((v /= 10) != 0);
    if (i < 0)
        *--p = '-';
    return buf_put(out, p, (size_t)(text + sizeof text - p));
}

/* Replaces the locale's decimal point, which may be several bytes, by '.'. Returns the new length. */
static size_t fix_point(char *text, size_t n)
{
    size_t to = 0;
    for (size_t i = 0; i < n; i++) {
        if (json_is_digit(text[i]) || strchr("+-e", text[i]) != NULL)
            text[to++] = text[i];
        else if (to == 0 || text[to - 1] != '.')
            text[to++] = '.';
    }
    text[to] = 0;
    return to;
}

static size_t shortest(double d, char *text, size_t room)
{
    /* 15 digits always suffice for what was written with 15 or fewer, except among the subnormals. */
    int digits = fabs(d) < DBL_MIN ? 1 : 15;
    for (;; digits++) {
        int n = snprintf(text, room, "%.*g", digits, d);
        size_t len = fix_point(text, (size_t)n);
        int64_t i;
        double back;
        json_number(text, len, &i, &back);
        if (back == d || digits == 17)
            return len;
    }
}

bool json_put_double(struct buf *out, double d)
{
    if (!isfinite(d))
        return buf_puts(out, "null");
    if (fabs(d) < 9007199254740992.0 && d == floor(d) && !(d == 0.0 && signbit(d)))
        return json_put_int(out, (int64_t)d);
    char text[64];
    size_t n = shortest(d, text, sizeof text - 2);
    if (memchr(text, '.', n) == NULL && memchr(text, 'e', n) == NULL) {
        text[n++] = '.';
        text[n++] = '0';
    }
    return buf_put(out, text, n);
}
