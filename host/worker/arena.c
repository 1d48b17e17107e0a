#include "arena.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define GRAIN 16
#define SMALL ((size_t)GRAIN * ARENA_CLASSES)
#define FIRST_CHUNK ((size_t)704 << 10) /* what a small command needs in all */
#define NEXT_CHUNK ((size_t)256 << 10)

#ifdef TOOL_SANITIZE
/* The sanitizer must see every block by itself. */
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
static size_t class_of(size_t n)
{
	return (n - 1) / GRAIN;
}

static void *take_small(struct arena *a, size_t c)
{
	void *p = a->free_blocks[c];
	if (p != NULL) {
		(void)memcpy(&a->free_blocks[c], p, sizeof(void *));
		return p;
	}
	size_t size = (c + 1) * GRAIN;
	if ((size_t)(a->end - a->next) < size) {
		/* lives as long as the process; populated at once, since a fault per page costs more than the page */
		size_t room = a->next == NULL ? FIRST_CHUNK : NEXT_CHUNK;
		char *chunk = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		if (chunk == MAP_FAILED)
			return NULL;
		a->next = chunk;
		a->end = chunk + room;
	}
	p = a->next;
	a->next += size;
	return p;
}

static void *take(struct arena *a, size_t n)
{
	return n <= SMALL ? take_small(a, class_of(n)) : malloc(n);
}

static void give(struct arena *a, void *p, size_t n)
{
	if (n > SMALL) {
		free(p);
		return;
	}
	size_t c = class_of(n);
	(void)memcpy(p, &a->free_blocks[c], sizeof(void *));
	a->free_blocks[c] = p;
}

static void *grow(struct arena *a, void *p, size_t old, size_t n)
{
	if (old > SMALL && n > SMALL)
		return realloc(p, n);
	if (old <= SMALL && n <= SMALL && class_of(old) == class_of(n))
		return p;
	void *q = take(a, n);
	if (q == NULL)
		return n < old ? p : NULL; /* Lua trusts that shrinking succeeds; a larger block serves as well */
	(void)memcpy(q, p, old < n ? old : n);
	give(a, p, old);
	return q;
}
#endif

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
