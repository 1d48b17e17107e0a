/* The inner loops of reading JSON, inlined into the checker (json.c) and the Lua reader (json_lua.c) so that both
 * accept exactly the same language. No function reads at or behind `end`; none allocates. */
#ifndef TOOL_BASE_JSON_SCAN_H
#define TOOL_BASE_JSON_SCAN_H

#include "json.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define JSON_EXPECTED_VALUE "a value was expected"
#define JSON_EXPECTED_KEY "an object key in quotes was expected"
#define JSON_EXPECTED_COLON "':' was expected after the key"
#define JSON_EXPECTED_COMMA "',' or the end of the container was expected"
#define JSON_END_OF_TEXT "the text ends too early"
#define JSON_TRAILING "only one value was expected"
#define JSON_TOO_DEEP "nested too deeply"

static inline bool json_is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

static inline const char *json_skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* First byte from p on that is '"', '\\' or a control character; *high is set when one above 0x7F comes before. */
static inline const char *json_string_run(const char *p, const char *end, bool *high)
{
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(0x1F);
    for (; end - p >= 16; p += 16) {
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i stop = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(x, quote), _mm_cmpeq_epi8(x, slash)),
                                    _mm_cmpeq_epi8(_mm_min_epu8(x, control), x));
        unsigned stops = (unsigned)_mm_movemask_epi8(stop), highs = (unsigned)_mm_movemask_epi8(x);
        if (stops != 0) {
            *high |= (highs & (stops ^ (stops - 1))) != 0; /* the bits up to the first stop */
            return p + __builtin_ctz(stops);
        }
        *high |= highs != 0;
    }
#endif
    for (; p < end; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\' || c < 0x20)
            break;
        *high |= c >= 0x80;
    }
    return p;
}

/* Length of the escape at p (which is a backslash); 0 when it is none. */
static inline size_t json_escape_length(const char *p, const char *end)
{
    if (end - p < 2)
        return 0;
    switch (p[1]) {
    case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        return 2;
    case 'u':
        break;
    default:
        return 0;
    }
    if (end - p < 6)
        return 0;
    for (int i = 2; i < 6; i++) {
        char c = (char)(p[i] | 0x20);
        if (!json_is_digit(p[i]) && (c < 'a' || c > 'f'))
            return 0;
    }
    return 6;
}

struct json_string {
    bool escaped, high; /* has an escape; has a byte above 0x7F */
    const char *problem;
};

/* p stands behind the opening quote. Returns the closing quote; on failure the offending byte, with s->problem set. */
static inline const char *json_scan_string(const char *p, const char *end, struct json_string *s)
{
    *s = (struct json_string){0};
    for (;;) {
        p = json_string_run(p, end, &s->high);
        if (p == end) {
            s->problem = "a string without end";
            return p;
        }
        if (*p == '"')
            return p;
        if (*p != '\\') {
            s->problem = "a control character in a string must be escaped";
            return p;
        }
        size_t n = json_escape_length(p, end);
        if (n == 0) {
            s->problem = "not an escape sequence of JSON";
            return p;
        }
        s->escaped = true;
        p += n;
    }
}

struct json_digits {
    uint64_t mantissa; /* the first 19 significant digits */
    int64_t exponent;  /* of ten, for the mantissa */
    unsigned kept;     /* significant digits in the mantissa */
    bool more;         /* there were more than 19 */
    bool negative, integer;
};

static inline const char *json_scan_digits(const char *p, const char *end, struct json_digits *d, bool fraction)
{
    for (; p < end && json_is_digit(*p); p++) {
        unsigned digit = (unsigned)(*p - '0');
        if (d->kept < 19) {
            d->mantissa = d->mantissa * 10 + digit;
            d->kept += d->mantissa != 0;
            d->exponent -= fraction;
        } else {
            d->more = true;
            d->exponent += !fraction;
        }
    }
    return p;
}

static inline const char *json_scan_exponent(const char *p, const char *end, struct json_digits *d)
{
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end || !json_is_digit(*p))
        return NULL;
    int64_t e = 0;
    for (; p < end && json_is_digit(*p); p++)
        if (e < (int64_t)1 << 53) /* beyond any text's number of digits: the result is 0 or infinite either way */
            e = e * 10 + (*p - '0');
    d->exponent += negative ? -e : e;
    return p;
}

/* Scans the number at p (a digit or '-'). Returns its end, or NULL when it is none. */
static inline const char *json_scan_number(const char *p, const char *end, struct json_digits *d)
{
    *d = (struct json_digits){.integer = true};
    if (*p == '-') {
        d->negative = true;
        p++;
    }
    if (p == end || !json_is_digit(*p))
        return NULL;
    if (*p == '0')
        p++;
    else
        p = json_scan_digits(p, end, d, false);
    if (p < end && *p == '.') {
        d->integer = false;
        const char *first = ++p;
        p = json_scan_digits(p, end, d, true);
        if (p == first)
            return NULL;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        d->integer = false;
        return json_scan_exponent(p + 1, end, d);
    }
    if (p < end && json_is_digit(*p)) /* a leading zero */
        return NULL;
    return p;
}

/* True when the number is an int64 without fraction or exponent. */
static inline bool json_digits_int(const struct json_digits *d, int64_t *i)
{
    if (!d->integer || d->more || d->mantissa > (uint64_t)INT64_MAX + d->negative)
        return false;
    *i = (int64_t)(d->negative ? 0 - d->mantissa : d->mantissa);
    return true;
}

/* Value of a scanned number that json_digits_int refused; text is the whole token. */
enum json_number json_digits_double(const struct json_digits *d, const char *text, size_t len, double *out);

/* Length of the literal (true, false, null) at p; 0 when there is none. */
static inline size_t json_literal_length(const char *p, const char *end)
{
    size_t n = (size_t)(end - p);
    if (n >= 4 && (memcmp(p, "true", 4) == 0 || memcmp(p, "null", 4) == 0))
        return 4;
    return n >= 5 && memcmp(p, "false", 5) == 0 ? 5 : 0;
}

/* Appends what stands between the quotes of a scanned string, escapes resolved and UTF-8 repaired; counts what was
 * replaced by U+FFFD. False when out of memory. */
bool json_unescape(struct buf *out, const char *p, size_t n, size_t *replaced);

#endif
