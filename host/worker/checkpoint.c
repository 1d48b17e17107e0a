#include "checkpoint.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_PAGES 1024
#define MAX_KEPT 8
#define MAX_NAME 128
#define KEEP_MAPPED ((size_t)4 << 20) /* beyond what a state holds; more is given back to the system */

struct kept {
	char name[MAX_NAME];
	uint64_t used;       /* when, to find the oldest */
	struct arena arena;
	size_t pages;        /* of those written to, so many had been when this was kept */
	char *bytes;         /* these pages, then what lies above the floor */
};

/* One per process, as the signal handler must reach it. */
static struct {
	struct arena *arena;
	size_t page;          /* its size; 0: there is no checkpoint */
	char *floor;          /* end of the pages of the first checkpoint */
	char *copy;           /* of these pages */
	struct arena first;
	size_t count;         /* pages that can be written to */
	uint16_t written[MAX_PAGES]; /* their numbers, in the order in which it happened */
	struct kept kept[MAX_KEPT];
	uint64_t clock;
} all;

static char *page_at(size_t number)
{
	return all.arena->base + number * all.page;
}

/* A first write to a page of the first checkpoint; anything else is the crash that it was. */
static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	char *at = info->si_addr;
	if (info->si_code == SEGV_ACCERR && at >= all.arena->base && at < all.floor) {
		size_t number = (size_t)(at - all.arena->base) / all.page;
		if (mprotect(page_at(number), all.page, PROT_READ | PROT_WRITE) == 0) {
			all.written[all.count++] = (uint16_t)number;
			return;
		}
	}
	(void)signal(sig, SIG_DFL);
	if (info->si_code <= 0) /* sent, not caused: it does not come again by itself */
		(void)raise(sig);
}

bool checkpoint_base(struct arena *a)
{
	struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	long page = sysconf(_SC_PAGESIZE);
	if (a->base == NULL || page <= 0)
		return false;
	size_t size = (size_t)page, used = (size_t)(a->next - a->base), whole = (used + size - 1) / size * size;
	char *copy = whole / size <= MAX_PAGES ? malloc(whole) : NULL;
	if (copy == NULL)
		return false;
	a->next = a->base + whole;
	arena_freeze(a);
	(void)memcpy(copy, a->base, whole);
	all.arena = a;
	all.page = size;
	all.floor = a->next;
	all.copy = copy;
	all.first = *a;
	if (sigaction(SIGSEGV, &act, NULL) == 0 && mprotect(a->base, whole, PROT_READ) == 0)
		return true;
	all.page = 0;
	free(copy);
	return false;
}

static size_t above_floor(const struct arena *a)
{
	return (size_t)(a->next - all.floor);
}

static struct kept *find(const char *name)
{
	for (size_t i = 0; i < MAX_KEPT; i++)
		if (all.kept[i].bytes != NULL && strcmp(all.kept[i].name, name) == 0)
			return &all.kept[i];
	return NULL;
}

static struct kept *oldest(void)
{
	struct kept *k = &all.kept[0];
	for (size_t i = 1; i < MAX_KEPT; i++)
		if (all.kept[i].used < k->used)
			k = &all.kept[i];
	return k;
}

bool checkpoint_keep(const char *name)
{
	struct kept *k = oldest();
	if (all.page == 0 || strlen(name) >= MAX_NAME)
		return false;
	arena_freeze(all.arena);
	size_t pages = all.count, above = above_floor(all.arena);
	free(k->bytes);
	k->bytes = malloc(pages * all.page + above + 1);
	if (k->bytes == NULL)
		return false;
	for (size_t i = 0; i < pages; i++)
		(void)memcpy(k->bytes + i * all.page, page_at(all.written[i]), all.page);
	(void)memcpy(k->bytes + pages * all.page, all.floor, above);
	(void)memcpy(k->name, name, strlen(name) + 1);
	k->arena = *all.arena;
	k->pages = pages;
	k->used = ++all.clock;
	return true;
}

/* Gives back what one run with much memory had and the next will hardly need. */
static void trim(const struct arena *to)
{
	char *from = all.floor + (above_floor(to) / all.page + 1) * all.page + KEEP_MAPPED;
	if (all.arena->next > from)
		(void)madvise(from, (size_t)(all.arena->next - from), MADV_DONTNEED);
}

static void set_back(const struct arena *to, const char *bytes, size_t pages)
{
	for (size_t i = 0; i < all.count; i++) {
		size_t number = all.written[i];
		(void)memcpy(page_at(number), i < pages ? bytes + i * all.page : all.copy + number * all.page, all.page);
	}
	if (bytes != NULL)
		(void)memcpy(all.floor, bytes + pages * all.page, above_floor(to));
	trim(to);
	*all.arena = *to;
}

bool checkpoint_return(const char *name)
{
	struct kept *k = find(name);
	if (k == NULL)
		return false;
	k->used = ++all.clock;
	set_back(&k->arena, k->bytes, k->pages);
	return true;
}

void checkpoint_return_base(void)
{
	if (all.page != 0)
		set_back(&all.first, NULL, 0);
}

bool checkpoint_worn(void)
{
	return all.page == 0 || all.count * all.page * 4 > (size_t)(all.floor - all.arena->base) * 3;
}
