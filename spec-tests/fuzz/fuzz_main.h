/* Makes a libFuzzer entry point a program without libFuzzer, when FUZZ_MAIN is defined: it runs each file of the corpus
 * as it is, cut at every length up to 512 bytes, and with random bytes changed (the seed is fixed). */
#ifndef TOOL_FUZZ_MAIN_H
#define TOOL_FUZZ_MAIN_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#ifdef FUZZ_MAIN
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { FUZZ_LARGEST = 1 << 20, FUZZ_MUTANTS = 2000 };

static uint32_t fuzz_seed = 20240311;
static unsigned long fuzz_runs;

static uint32_t fuzz_roll(uint32_t n)
{
    fuzz_seed = fuzz_seed * 1664525u + 1013904223u;
    return (fuzz_seed >> 8) % n;
}

static void fuzz_one(const uint8_t *data, size_t size)
{
    fuzz_runs++;
    LLVMFuzzerTestOneInput(data, size);
}

static void fuzz_mutate(uint8_t *data, size_t size)
{
    static const uint8_t LIKELY[] = "[]{},:\"\\0123eE.-+ntfu \n\r\x1B\xC2\x9B\x9D\xE2\x82\xED\xA0\x80\xF0\x00\xFF";
    for (uint32_t changes = 1 + fuzz_roll(4); changes > 0 && size > 0; changes--)
        data[fuzz_roll((uint32_t)size)] = fuzz_roll(2) ? LIKELY[fuzz_roll(sizeof LIKELY)] : (uint8_t)fuzz_roll(256);
}

static void fuzz_bytes(const uint8_t *data, size_t size, uint8_t *work)
{
    fuzz_one(data, size);
    for (size_t n = 0; n < size && n < 512; n++)
        fuzz_one(data, n);
    for (int i = 0; i < FUZZ_MUTANTS && size <= 4096; i++) {
        memcpy(work, data, size);
        fuzz_mutate(work, size);
        fuzz_one(work, size);
    }
}

static int fuzz_path(const char *path, uint8_t *data, uint8_t *work)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return 1;
    if (S_ISDIR(st.st_mode)) {
        DIR *d = opendir(path);
        int failed = d == NULL;
        for (struct dirent *e; d != NULL && (e = readdir(d)) != NULL;) {
            char inner[4096];
            int n = snprintf(inner, sizeof inner, "%s/%s", path, e->d_name);
            if (e->d_name[0] != '.' && n > 0 && (size_t)n < sizeof inner)
                failed |= fuzz_path(inner, data, work);
        }
        if (d != NULL)
            closedir(d);
        return failed;
    }
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return 1;
    size_t size = fread(data, 1, FUZZ_LARGEST, f);
    fclose(f);
    fuzz_bytes(data, size, work);
    return 0;
}

int main(int argc, char **argv)
{
    uint8_t *data = malloc(FUZZ_LARGEST), *work = malloc(FUZZ_LARGEST);
    int failed = data == NULL || work == NULL || argc < 2;
    for (int i = 1; i < argc && !failed; i++)
        failed = fuzz_path(argv[i], data, work);
    free(data);
    free(work);
    printf("%lu runs%s\n", fuzz_runs, failed ? ", and a file could not be read" : "");
    return failed || fuzz_runs == 0;
}
#endif

#endif
