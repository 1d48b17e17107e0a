#include "arena.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define GRAIN 16
#define SMALL ((size_t)GRAIN * ARENA_CLASSES)
#define CHUNK ((size_t)64 << 10)

#ifdef TOOL_SANITIZE
/* The sanitizer must see every block by itself. */
bool arena_contain(struct arena *a, void *at)
{
	(void)a, (void)at;
	return false;
}

static void *take(struct arena *a, size_t n)
{
	(void)a;
	return malloc(n);
}

static void give(struct arena *a, void *p, size_t n)
{
	(void)a, (void)n;
	free(p);
}

static void *grow(struct arena *a, void *p, size_t old, size_t n)
{
	(void)a, (void)old;
	return realloc(p, n);
}
#else
#define REGION ((size_t)512 << 20) /* of addresses; memory is taken as it is used */

bool arena_contain(struct arena *a, void *at)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at != NULL ? MAP_FIXED_NOREPLACE : 0);
	char *region = mmap(at, REGION, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (region == MAP_FAILED || (at != NULL && region != at))
		return false;
	a->base = a->next = region;
	a->end = region + REGION;
	return true;
}

static bool is_frozen(const struct arena *a, const void *p)
{
	return (const char *)p >= a->frozen_from && (const char *)p < a->frozen;
}

/* The place of a block's free list, and the size that all blocks there have. */
static void **list_of(struct arena *a, size_t n, size_t *size)
{
	if (n <= SMALL) {
		size_t c = (n - 1) / GRAIN;
		*size = (c + 1) * GRAIN;
		return &a->free_blocks[c];
	}
	/* four sizes from one power of two to the next */
	unsigned power = 63U - (unsigned)__builtin_clzll(n - 1);
	size_t step = (size_t)1 << (power - 2), above = (n - 1 - ((size_t)1 << power)) / step;
	*size = ((size_t)1 << power) + (above + 1) * step;
	return &a->free_large[(power - 9) * 4 + above];
}

static void *take_new(struct arena *a, size_t size)
{
	if ((size_t)(a->end - a->next) < size) {
		if (a->base != NULL)
			return NULL;
		/* lives as long as the process; populated at once, since a fault per page costs more than the page */
		size_t room = size > CHUNK ? size : CHUNK;
		char *chunk = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (chunk == MAP_FAILED)
			return NULL;
		a->next = chunk;
		a->end = chunk + room;
	}
	void *p = a->next;
	a->next += size;
	return p;
}

static void *take(struct arena *a, size_t n)
{
	size_t size;
	if (n > SMALL && a->base == NULL)
		return malloc(n);
	void **list = list_of(a, n, &size), *p = *list;
	if (p == NULL)
		return take_new(a, size);
	(void)memcpy(list, p, sizeof *list);
	return p;
}

static void give(struct arena *a, void *p, size_t n)
{
	size_t size;
	if (is_frozen(a, p))
		return;
	if (n > SMALL && a->base == NULL) {
		free(p);
	} else {
		void **list = list_of(a, n, &size);
		(void)memcpy(p, list, sizeof *list);
		*list = p;
	}
}

static void *grow(struct arena *a, void *p, size_t old, size_t n)
{
	if (old > SMALL && n > SMALL && a->base == NULL && !is_frozen(a, p))
		return realloc(p, n);
	size_t old_size, size;
	if (list_of(a, old, &old_size) == list_of(a, n, &size))
		return p;
	void *q = take(a, n);
	if (q == NULL)
		return n < old ? p : NULL; /* Lua trusts that shrinking succeeds; a larger block serves as well */
	(void)memcpy(q, p, old < n ? old : n);
	give(a, p, old);
	return q;
}
#endif

void arena_freeze(struct arena *a)
{
	(void)memset(a->free_blocks, 0, sizeof a->free_blocks);
	(void)memset(a->free_large, 0, sizeof a->free_large);
	a->frozen_from = a->base;
	a->frozen = a->next;
}

void *arena_allocate(void *ud, void *ptr, size_t old_size, size_t new_size)
{
	struct arena *a = ud;
	size_t old = ptr != NULL ? old_size : 0; /* for a new object Lua passes its type there */
	if (new_size == 0) {
		if (ptr != NULL && old > 0)
			give(a, ptr, old);
		a->used -= old;
		return NULL;
	}
	if (new_size > old && a->limit != 0 && a->used + (new_size - old) > a->limit)
		return NULL;
	void *p = old > 0 ? grow(a, ptr, old, new_size) : take(a, new_size);
	if (p != NULL)
		a->used += new_size - old;
	return p;
}
