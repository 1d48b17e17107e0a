/* Fuzzing of the supervisor's look at the command line: lines of the input that begin with '@' are the environment, the
 * others the words. Whatever they are, the options are within their ranges and point into the words, and nothing after
 * "--" counts. With clang: -fsanitize=fuzzer; else FUZZ_MAIN is defined and the program runs the files that it is given. */
#include "../../host/supervisor/options.h"
#include "fuzz_main.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORDS = 64 };

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "fuzz_options: %s\n", what);
        abort();
    }
}

static void check(const struct options *o)
{
    must(o->format >= FORMAT_JSON && o->format <= FORMAT_RICH, "format");
    must(o->verbosity >= QUIET && o->verbosity <= DEBUG, "verbosity");
    must(o->max_output >= 1024, "max_output");
    must(o->start_timeout_ms > 0, "start_timeout_ms");
    must(!o->json_asked || o->bad_flag != NULL || o->format == FORMAT_JSON || o->format == FORMAT_JSONL, "json_asked");
    must(o->bad_flag == NULL || strncmp(o->bad_flag, "--", 2) == 0, "bad_flag");
    must(o->bad_value == NULL || o->bad_flag != NULL, "bad_value");
}

static bool equal(const struct options *a, const struct options *b)
{
    return a->format == b->format && a->verbosity == b->verbosity && a->color == b->color && a->version == b->version &&
           a->help == b->help && a->stable == b->stable && a->bad_flag == b->bad_flag && a->max_output == b->max_output;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1), *words[MAX_WORDS + 3], *env[MAX_WORDS + 1];
    size_t nw = 0, ne = 0;
    must(text != NULL, "no memory");
    memcpy(text, data, size);
    text[size] = '\0';
    for (char *rest = text, *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        if (line[0] == '@' && ne < MAX_WORDS)
            env[ne++] = line + 1;
        else if (nw < MAX_WORDS)
            words[nw++] = line;
    }
    words[nw] = NULL;
    env[ne] = NULL;
    struct snapshot s = { .argc = (int)nw, .argv = words, .program = "tool", .env = env };
    for (int tty = 0; tty < 2; tty++) {
        struct options o, after;
        s.tty[0] = s.tty[1] = s.tty[2] = tty != 0;
        options_read(&o, &s);
        check(&o);
        if (nw == 0)
            continue;
        char *kept[] = { words[nw], NULL };
        words[nw] = (char *)"--";
        words[nw + 1] = (char *)"--debug";
        words[nw + 2] = NULL;
        s.argc = (int)nw + 2;
        options_read(&after, &s);
        s.argc = (int)nw;
        words[nw] = kept[0];
        check(&after);
        /* unless a flag that wants a value took the "--" */
        must(equal(&o, &after) || o.bad_flag != NULL || after.bad_flag != NULL, "a word after -- counts");
    }
    free(text);
    return 0;
}
