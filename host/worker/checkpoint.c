#include "checkpoint.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_PAGES 4096
#define KEEP_MAPPED ((size_t)4 << 20) /* beyond what a state holds; more is given back to the system */

/* One per process, as the signal handler must reach it. */
static struct {
	struct arena *arena;
	bool usable;
	size_t page;                  /* its size */
	size_t pages;                 /* those of the checkpoint */
	const char *copy[MAX_PAGES];  /* of each, as it was then */
	struct arena then;
	size_t count;                 /* pages that may differ from their copy; no other can be written to */
	uint16_t written[MAX_PAGES];  /* their numbers */
	bool guarded;                 /* since the checkpoint was made */
} all;

static char *page_at(size_t number)
{
	return all.arena->base + number * all.page;
}

/* A first write to a page of the checkpoint; anything else is the crash that it was. */
static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	char *at = info->si_addr;
	if (info->si_code == SEGV_ACCERR && at >= all.arena->base && at < page_at(all.pages)) {
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

/* All pages are as their copies; from here on a write to any is told. */
static bool guard(void)
{
	all.guarded = mprotect(all.arena->base, all.pages * all.page, PROT_READ) == 0;
	if (all.guarded)
		all.count = 0;
	return all.guarded;
}

/* Copies the pages that may differ from their copy, and those that have none. */
static bool copy_pages(size_t pages)
{
	for (size_t n = all.pages; n < pages; n++)
		all.written[all.count++] = (uint16_t)n;
	char *to = malloc(all.count * all.page + 1);
	if (to == NULL)
		return false;
	for (size_t i = 0; i < all.count; i++, to += all.page)
		all.copy[all.written[i]] = memcpy(to, page_at(all.written[i]), all.page);
	all.pages = pages;
	return true;
}

bool checkpoint_make(struct arena *a)
{
	struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };
	long size = sysconf(_SC_PAGESIZE);
	bool first = all.pages == 0;
	if (a->base == NULL || size <= 0)
		return false;
	size_t pages = ((size_t)(a->next - a->base) + (size_t)size - 1) / (size_t)size;
	all.arena = a;
	all.page = (size_t)size;
	a->next = page_at(pages);
	arena_freeze(a);
	all.then = *a;
	all.usable = pages <= MAX_PAGES && copy_pages(pages);
	/* What was written to before a later one stays so until that is returned to: a worker with one line need not fault. */
	all.guarded = false;
	if (first)
		all.usable = all.usable && sigaction(SIGSEGV, &act, NULL) == 0 && guard();
	return all.usable;
}

/* Gives back what one run with much memory had and the next will hardly need. */
static void trim(void)
{
	char *from = page_at(all.pages) + KEEP_MAPPED;
	if (all.arena->next > from)
		(void)madvise(from, (size_t)(all.arena->next - from), MADV_DONTNEED);
}

void checkpoint_return(void)
{
	for (size_t i = 0; i < all.count; i++)
		(void)memcpy(page_at(all.written[i]), all.copy[all.written[i]], all.page);
	trim();
	*all.arena = all.then;
	if (!all.guarded)
		all.usable = guard();
}

bool checkpoint_worn(void)
{
	return !all.usable || (all.guarded && all.count * 4 > all.pages * 3);
}
