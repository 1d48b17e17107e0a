/* links: host/supervisor/options.c host/base/globals.c host/base/snapshot.c host/base/clock.c
 * options: what the supervisor reads of the command line and the environment, and what it leaves to the worker. */
#include "../../host/supervisor/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX_WORDS 16

/* The options of a line of words separated by single spaces; `env` likewise. On a terminal when tty. */
static struct options read_on(bool tty, const char *env, const char *line)
{
    static char text[2][512];
    static char *words[2][MAX_WORDS + 1];
    const char *sources[2] = { env, line };
    size_t counts[2] = { 0, 0 };
    for (size_t k = 0; k < 2; k++) {
        assert_true(strlen(sources[k]) < sizeof text[k]);
        strcpy(text[k], sources[k]);
        char *rest = text[k];
        for (char *w = strsep(&rest, " "); w != NULL && sources[k][0] != '\0'; w = strsep(&rest, " ")) {
            assert_true(counts[k] < MAX_WORDS);
            words[k][counts[k]++] = w;
        }
        words[k][counts[k]] = NULL;
    }
    struct snapshot s = { .argc = (int)counts[1], .argv = words[1], .program = "tool", .env = words[0],
                          .tty = { tty, tty, tty } };
    struct options o;
    options_read(&o, &s);
    return o;
}

static struct options piped(const char *line) { return read_on(false, "", line); }

static void test_format_by_surroundings(void **state)
{
    (void)state;
    assert_int_equal(piped("tool a").format, FORMAT_JSON);
    assert_int_equal(read_on(true, "", "tool a").format, FORMAT_RICH);
    assert_int_equal(read_on(true, "CI=1", "tool a").format, FORMAT_JSON);
    assert_int_equal(read_on(true, "CI=", "tool a").format, FORMAT_RICH);
    assert_int_equal(read_on(true, "NO_COLOR=1", "tool a").format, FORMAT_JSON);
    assert_int_equal(read_on(true, "", "tool a --quiet").format, FORMAT_JSON);
    assert_int_equal(read_on(true, "TOOL_OUTPUT=json", "tool a").format, FORMAT_JSON);
    assert_int_equal(read_on(true, "TOOL_OUTPUT=", "tool a").format, FORMAT_RICH);
}

static void test_format_by_flag(void **state)
{
    (void)state;
    static const struct { const char *line; enum format format; bool json; } cases[] = {
        { "tool a --output json", FORMAT_JSON, true },       { "tool a --output=jsonl", FORMAT_JSONL, true },
        { "tool --output tsv a", FORMAT_TEXT, false },       { "tool a --output plain", FORMAT_TEXT, false },
        { "tool a --output=table", FORMAT_TEXT, false },     { "tool a --output id", FORMAT_TEXT, false },
        { "tool a --output json --output tsv", FORMAT_TEXT, false },
        { "tool a -- --output tsv", FORMAT_JSON, false },    { "tool a --output tsv -- x", FORMAT_TEXT, false },
        { "tool a --cwd --output=tsv", FORMAT_JSON, false }, /* the value of --cwd */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct options o = piped(cases[i].line);
        if (o.format != cases[i].format || o.json_asked != cases[i].json || o.bad_flag != NULL)
            fail_msg("%s", cases[i].line);
    }
}

static void bad(struct options o, const char *flag, const char *value)
{
    assert_string_equal(o.bad_flag, flag);
    if (value == NULL)
        assert_null(o.bad_value);
    else
        assert_string_equal(o.bad_value, value);
}

static void test_bad_flags(void **state)
{
    (void)state;
    bad(piped("tool a --output xml"), "--output", "xml");
    bad(piped("tool a --output=jso"), "--output", "jso");
    bad(piped("tool a --output="), "--output", "");
    bad(piped("tool a --output"), "--output", NULL);
    bad(piped("tool a --timeout"), "--timeout", NULL);
    bad(read_on(false, "TOOL_OUTPUT=xml", "tool a"), "--output", "xml");
    /* a flag that is right beats an environment that is wrong */
    assert_null(read_on(false, "TOOL_OUTPUT=xml", "tool a --output json").bad_flag);
    assert_null(piped("tool a --outpu xml").bad_flag); /* the worker's to judge */
}

static void test_verbosity(void **state)
{
    (void)state;
    assert_int_equal(piped("tool a").verbosity, ERRORS_ONLY);
    assert_int_equal(read_on(true, "", "tool a").verbosity, NORMAL);
    assert_int_equal(read_on(true, "CI=1", "tool a").verbosity, ERRORS_ONLY);
    assert_int_equal(piped("tool a --verbose").verbosity, VERBOSE);
    assert_int_equal(piped("tool a --debug").verbosity, DEBUG);
    assert_int_equal(piped("tool a --trace").verbosity, DEBUG);
    assert_int_equal(piped("tool a --quiet").verbosity, QUIET);
    assert_int_equal(piped("tool a --debug=false").verbosity, ERRORS_ONLY);
    assert_int_equal(piped("tool a --debug=true").verbosity, DEBUG);
    assert_int_equal(read_on(false, "TOOL_DEBUG=1", "tool a").verbosity, DEBUG);
    assert_int_equal(read_on(false, "TOOL_DEBUG=0", "tool a").verbosity, ERRORS_ONLY);
    assert_int_equal(piped("tool a -- --debug").verbosity, ERRORS_ONLY);
}

static void test_colour(void **state)
{
    (void)state;
    static const char *const off[] = { "NO_COLOR=", "CI=1", "GITHUB_ACTIONS=true", "JENKINS_URL=x", "TERM=dumb" };
    assert_true(read_on(true, "TERM=xterm", "tool a").color);
    assert_false(piped("tool a").color);
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        assert_false(read_on(true, off[i], "tool a").color);
}

static void test_questions(void **state)
{
    (void)state;
    assert_true(piped("tool --version").version);
    assert_true(piped("tool -V").version);
    assert_true(piped("tool -h").help);
    assert_true(piped("tool a --help").help);
    assert_false(piped("tool -- --version").version);
    assert_false(piped("tool -hV").help); /* short flags are not bundled */
    assert_true(piped("tool --stable-output").stable);
    assert_false(piped("tool --help").words);
    assert_true(piped("tool a").words);
    assert_true(piped("tool --unknown").words);
    assert_true(piped("tool -x").words);
    assert_true(piped("tool -").words);
    assert_false(piped("tool --output json").words); /* json is a value */
    assert_false(piped("").words);                   /* no argv[0] */
}

static void test_output_limit(void **state)
{
    (void)state;
    static const struct { const char *env; size_t limit; } cases[] = {
        { "X=1", 1048576 },                        { "TOOL_MAX_OUTPUT_BYTES=5242880", 5242880 },
        { "TOOL_MAX_OUTPUT_BYTES=0", 1048576 },    { "TOOL_MAX_OUTPUT_BYTES=-1", 1048576 },
        { "TOOL_MAX_OUTPUT_BYTES=1", 1024 },       { "TOOL_MAX_OUTPUT_BYTES=1025", 1025 },
        { "TOOL_MAX_OUTPUT_BYTES=5MB", 1048576 },  { "TOOL_MAX_OUTPUT_BYTES=", 1048576 },
        { "TOOL_MAX_OUTPUT_BYTES=99999999999999999999", INT64_MAX },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (read_on(false, cases[i].env, "tool a").max_output != cases[i].limit)
            fail_msg("%s", cases[i].env);
    assert_int_equal(piped("tool a").start_timeout_ms, 30000);
}

static void test_instance(void **state)
{
    (void)state;
    static const char *const good[] = { "a", "9", "agent-1", "a.b_c", "A" };
    static const char *const bad[] = { ".", "..", "-a", "_a", "a/b", "../x", "a..b", "\xc3\xa4" };
    char name[80], line[120];
    assert_null(piped("tool a").instance);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        (void)snprintf(line, sizeof line, "tool a --instance-id=%s", good[i]);
        assert_string_equal(piped(line).instance, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        (void)snprintf(line, sizeof line, "tool a --instance-id=%s", bad[i]);
        assert_null(piped(line).instance);
    }
    (void)memset(name, 'x', sizeof name);
    name[64] = '\0';
    (void)snprintf(line, sizeof line, "tool --instance-id=%s", name);
    assert_string_equal(piped(line).instance, name);
    (void)snprintf(line, sizeof line, "tool --instance-id=x%s", name);
    assert_null(piped(line).instance);
    assert_string_equal(read_on(false, "TOOL_INSTANCE_ID=env", "tool a").instance, "env");
    assert_string_equal(read_on(false, "TOOL_INSTANCE_ID=env", "tool --instance-id flag a").instance, "flag");
    assert_null(read_on(false, "TOOL_INSTANCE_ID=env", "tool --instance-id=../x a").instance);
    assert_null(read_on(false, "TOOL_INSTANCE_ID=", "tool a").instance);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_format_by_surroundings), cmocka_unit_test(test_format_by_flag),
        cmocka_unit_test(test_bad_flags),              cmocka_unit_test(test_verbosity),
        cmocka_unit_test(test_colour),                 cmocka_unit_test(test_questions),
        cmocka_unit_test(test_output_limit),           cmocka_unit_test(test_instance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
