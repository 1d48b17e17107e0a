#include "image.h"

#include "image_scan.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAGIC "tool start image 1\n"
#define PAGE ((size_t)4096)       /* of the file's layout; a multiple of it is a page on every system */

struct header {
	char magic[24];
	unsigned char build[20];
	uint32_t build_size;
	uint64_t program, state; /* addresses: of the program when it was written, of the lua_State */
	uint64_t size, used;     /* bytes of the memory; of it, what Lua holds */
	uint64_t pointers;       /* places behind this header, in words from the address on */
	uint64_t memory_at;      /* offset in the file */
};

struct build {
	const unsigned char *id;
	uint32_t size;
};

static uint64_t aligned(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

/* The note of the linker that names this build. */
static int find_build(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct build *b = arg;
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];
		const unsigned char *at = (const unsigned char *)(info->dlpi_addr + ph->p_vaddr), *end = at + ph->p_memsz;
		while (ph->p_type == PT_NOTE && (size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
			ElfW(Nhdr) note;
			(void)memcpy(&note, at, sizeof note);
			const unsigned char *id = at + sizeof note + aligned(note.n_namesz, 4);
			if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && memcmp(at + sizeof note, "GNU", 4) == 0) {
				*b = (struct build){ id, note.n_descsz };
				return 1;
			}
			at = id + aligned(note.n_descsz, 4);
		}
	}
	return 1; /* the first object is the program; the others do not matter */
}

static struct build this_build(void)
{
	struct build b = { NULL, 0 };
	(void)dl_iterate_phdr(find_build, &b);
	return b;
}

static bool is_ours(const struct header *h, uint64_t file_size)
{
	struct build b = this_build();
	return memcmp(h->magic, MAGIC, sizeof MAGIC) == 0 && b.id != NULL && b.size == h->build_size && b.size <= sizeof h->build &&
	       memcmp(b.id, h->build, b.size) == 0 && h->memory_at + h->size == file_size && h->size % PAGE == 0 &&
	       h->state - (uintptr_t)IMAGE_ADDRESS < h->size &&
	       h->pointers <= h->size / sizeof(uint64_t) && h->memory_at >= sizeof *h + h->pointers * sizeof(uint32_t);
}

static bool read_all(int fd, void *to, size_t n, off_t at)
{
	char *p = to;
	while (n > 0) {
		ssize_t got = pread(fd, p, n, at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		p += got;
		at += got;
		n -= (size_t)got;
	}
	return true;
}

/* Lets the places point into the program where it is now. False when one lies outside the memory. */
static bool relocate(const struct header *h, const uint32_t *places)
{
	char *memory = IMAGE_ADDRESS;
	uint64_t moved = (uint64_t)(uintptr_t)image_program().start - h->program;
	for (uint64_t i = 0; i < h->pointers; i++) {
		uint64_t word;
		if (places[i] >= h->size / sizeof word)
			return false;
		char *at = memory + (size_t)places[i] * sizeof word;
		(void)memcpy(&word, at, sizeof word);
		word += moved;
		(void)memcpy(at, &word, sizeof word);
	}
	return true;
}

/* Maps the memory, pages copied when they are written to, and lets it point into the program. */
static bool map_memory(int fd, const struct header *h)
{
	size_t listed = sizeof *h + h->pointers * sizeof(uint32_t);
	const char *list = mmap(NULL, listed, PROT_READ, MAP_PRIVATE, fd, 0);
	char *memory = mmap(IMAGE_ADDRESS, h->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, (off_t)h->memory_at);
	bool ok = list != MAP_FAILED && memory == IMAGE_ADDRESS && relocate(h, (const uint32_t *)(const void *)(list + sizeof *h));
	if (list != MAP_FAILED)
		(void)munmap((void *)(uintptr_t)list, listed);
	if (!ok && memory != MAP_FAILED)
		(void)munmap(memory, h->size);
	return ok;
}

lua_State *image_load(struct arena *a, const char *path)
{
	struct header h;
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return NULL;
	bool ok = fstat(fd, &st) == 0 && st.st_size > 0 && read_all(fd, &h, sizeof h, 0) && is_ours(&h, (uint64_t)st.st_size) &&
		  map_memory(fd, &h);
	(void)close(fd);
	if (!ok)
		return NULL;
	a->frozen_from = IMAGE_ADDRESS;
	a->frozen = (char *)IMAGE_ADDRESS + h.size;
	a->used = h.used;
	return (lua_State *)(uintptr_t)h.state;
}

static bool write_all(int fd, const void *from, size_t n)
{
	const char *p = from;
	while (n > 0) {
		ssize_t done = write(fd, p, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

/* Under another name first: programs that run now have the old file mapped. */
static bool write_file(const char *path, const struct header *h, const uint32_t *places)
{
	static const char zeros[PAGE];
	char next[PATH_MAX];
	size_t listed = sizeof *h + h->pointers * sizeof *places;
	if (snprintf(next, sizeof next, "%s.new", path) >= (int)sizeof next)
		return false;
	int fd = open(next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	bool ok = fd >= 0 && write_all(fd, h, sizeof *h) && write_all(fd, places, h->pointers * sizeof *places) &&
		  write_all(fd, zeros, h->memory_at - listed) && write_all(fd, IMAGE_ADDRESS, h->size);
	return fd >= 0 && close(fd) == 0 && ok && rename(next, path) == 0;
}

/* What image_check_keys says; it works in a child, since it leaves garbage. */
static const char *keys_problem(lua_State *L)
{
	int status = 1;
	pid_t pid = fork();
	if (pid == 0)
		_exit(image_check_keys(L) ? 0 : 1);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return "the state cannot be checked";
	return status == 0 ? NULL : "a table has an address of the program as a key";
}

const char *image_write(struct arena *a, lua_State *L, const char *path)
{
	struct build b = this_build();
	struct header h = { .magic = MAGIC, .build_size = b.size };
	if (b.id == NULL || b.size > sizeof h.build)
		return "the program has no build id";
	if (a->base != IMAGE_ADDRESS)
		return "the state is not at its address";
	const char *problem = keys_problem(L);
	if (problem != NULL)
		return problem;
	(void)memcpy(h.build, b.id, b.size);
	h.program = (uint64_t)(uintptr_t)image_program().start;
	h.state = (uint64_t)(uintptr_t)L;
	h.size = aligned((uint64_t)(a->next - a->base), PAGE);
	h.used = a->used;
	uint32_t *places = NULL;
	problem = image_pointers(a->base, h.size, &places, &h.pointers);
	h.memory_at = aligned(sizeof h + h.pointers * sizeof *places, PAGE);
	if (problem == NULL && !write_file(path, &h, places))
		problem = "the file cannot be written";
	free(places);
	return problem;
}
