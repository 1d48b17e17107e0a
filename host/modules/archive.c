/* The module `archive`: tar archives, plain or gzip-compressed.
 *
 *   archive.pack(entries, { gzip, reproducible, path }) -> bytes, sha256 | nil, err     without path
 *                                                       -> size, sha256  | nil, err     with path: whole or not at all
 *     entries: array of { name, path = | data = | link =, mode }; each name once, in its plain form
 *   archive.list(source, limits) -> array of { name, type, size, mode, link } | nil, err
 *   archive.read(source, name, limits) -> bytes | nil, err
 *   archive.unpack(source, dir, limits) -> array as of list | nil, err                  nothing is left after an error
 *     source: { path } or { data }; limits: { max_bytes, max_files }
 *     err: { code, message, path or entry }: ARCHIVE_INVALID, ARCHIVE_UNSAFE, ARCHIVE_TOO_LARGE, NOT_FOUND, or what a file
 *     call gives. type: "file", "directory", "link", "hardlink" or "other".
 *
 * What the same entries give is the same bytes, when reproducible: no times, no owners, 0755 or 0644 from the owner's
 * right to execute. */
#include "archive_target.h"
#include "base/buf.h"
#include "base/staged.h"
#include "worker/context.h"
#include "worker/hostlib.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define JOB_TYPE "tool.archive"

/* Everything that a call holds, so that a Lua error leaks nothing and leaves nothing half done. */
struct job {
	struct source source;
	struct target target;
	struct archive *writer;
	struct archive_entry *entry;
	struct staged file;
	struct buf bytes;
	crypto_hash_sha256_state hash;
	uint64_t written;
	int input; /* the file that is being packed; -1 */
	int sink_err;
};

int luaopen_archive(lua_State *L);

static int job_gc(lua_State *L)
{
	struct job *j = lua_touserdata(L, 1);
	if (j->writer != NULL)
		(void)archive_write_fail(j->writer), (void)archive_write_free(j->writer);
	if (j->entry != NULL)
		archive_entry_free(j->entry);
	if (j->input >= 0)
		(void)close(j->input);
	staged_drop(&j->file);
	buf_free(&j->bytes);
	source_close(&j->source);
	target_undo(&j->target);
	j->writer = NULL;
	j->entry = NULL;
	j->input = -1;
	return 0;
}

static struct job *push_job(lua_State *L, const struct source_limits *limits)
{
	struct job *j = lua_newuserdatauv(L, sizeof *j, 0);
	memset(&j->writer, 0, sizeof *j - offsetof(struct job, writer));
	j->input = j->file.fd = -1;
	buf_init(&j->bytes);
	source_init(&j->source, limits);
	target_init(&j->target);
	luaL_setmetatable(L, JOB_TYPE);
	return j;
}

/* Errors */

/* Releases what the job holds before its error is returned: partial results go at once, not when they are collected. */
static int finish(lua_State *L, int at, int results)
{
	lua_pushcfunction(L, job_gc);
	lua_pushvalue(L, at);
	lua_call(L, 1, 0);
	return results;
}

static int push_error(lua_State *L, const char *code, const char *message, const char *entry)
{
	lua_pushnil(L);
	lua_createtable(L, 0, 3);
	lua_pushstring(L, code);
	lua_setfield(L, -2, "code");
	lua_pushstring(L, message);
	lua_setfield(L, -2, "message");
	lua_pushstring(L, entry);
	lua_setfield(L, -2, "entry");
	return 2;
}

/* The fault of a source that was opened from `path` (NULL: from bytes), while at `entry` (may be NULL). */
static int push_fault(lua_State *L, const struct fault *f, const char *path, const char *entry)
{
	if (strcmp(f->code, "INTERRUPTED") == 0 || strcmp(f->code, "OUT_OF_MEMORY") == 0)
		return luaL_error(L, strcmp(f->code, "INTERRUPTED") == 0 ? "interrupted" : "not enough memory");
	if (f->err != 0)
		return hostlib_errno(L, f->err, "read", path);
	return push_error(L, f->code, f->message, entry);
}

/* Arguments */

static const char *get_text(lua_State *L, int at, const char *name, size_t *n)
{
	const char *text = NULL;
	if (lua_getfield(L, at, name) != LUA_TNIL)
		text = luaL_checklstring(L, -1, n);
	return text; /* stays on the stack */
}

static uint64_t get_limit(lua_State *L, int at, const char *name)
{
	luaL_checktype(L, at, LUA_TTABLE);
	lua_getfield(L, at, name);
	lua_Integer n = luaL_checkinteger(L, -1);
	luaL_argcheck(L, n >= 0 && n < (lua_Integer)1 << 50, at, "a limit is out of range");
	lua_pop(L, 1);
	return (uint64_t)n;
}

/* Pushes a job whose source is open; *path is NULL when it reads bytes. False: its fault is set. */
static bool open_source(lua_State *L, int limits_at, struct job **out, const char **path)
{
	size_t n = 0;
	struct source_limits limits = { get_limit(L, limits_at, "max_bytes"), get_limit(L, limits_at, "max_files") };
	luaL_checktype(L, 1, LUA_TTABLE);
	*path = get_text(L, 1, "path", NULL);
	const char *data = get_text(L, 1, "data", &n);
	luaL_argcheck(L, *path != NULL || data != NULL, 1, "a source has path or data");
	struct job *j = push_job(L, &limits);
	*out = j;
	return *path != NULL ? source_open_file(&j->source, *path) : source_open_bytes(&j->source, data, n);
}

/* Reading */

static const char *type_of(struct archive_entry *entry)
{
	if (archive_entry_hardlink(entry) != NULL)
		return "hardlink";
	switch (archive_entry_filetype(entry)) {
	case AE_IFREG: return "file";
	case AE_IFDIR: return "directory";
	case AE_IFLNK: return "link";
	default: return "other";
	}
}

static void push_entry(lua_State *L, struct archive_entry *entry, const char *name)
{
	lua_createtable(L, 0, 5);
	lua_pushstring(L, name);
	lua_setfield(L, -2, "name");
	lua_pushstring(L, type_of(entry));
	lua_setfield(L, -2, "type");
	lua_pushinteger(L, archive_entry_filetype(entry) == AE_IFREG ? (lua_Integer)archive_entry_size(entry) : 0);
	lua_setfield(L, -2, "size");
	lua_pushinteger(L, (lua_Integer)archive_entry_perm(entry));
	lua_setfield(L, -2, "mode");
	lua_pushstring(L, archive_entry_hardlink(entry) != NULL ? archive_entry_hardlink(entry) : archive_entry_symlink(entry));
	lua_setfield(L, -2, "link");
}

/* archive.list(source, limits) */
static int l_list(lua_State *L)
{
	struct job *j;
	struct archive_entry *entry = NULL;
	char plain[NAME_LIMIT];
	const char *path;
	bool ok = open_source(L, 2, &j, &path);
	int self = lua_gettop(L), more = ok ? 1 : -1;
	lua_newtable(L);
	for (lua_Integer i = 1; ok && (more = source_next(&j->source, &entry)) == 1; i++) {
		const char *name = archive_entry_pathname(entry);
		push_entry(L, entry, target_name(name, plain) == NULL && plain[0] != '\0' ? plain : name);
		lua_rawseti(L, -2, i);
	}
	return finish(L, self, more == 0 ? 1 : push_fault(L, &j->source.fault, path, NULL));
}

/* Reads the content of the present entry into the job's buffer. */
static bool read_content(lua_State *L, struct job *j)
{
	char block[16384];
	long n;
	while ((n = source_content(&j->source, block, sizeof block)) > 0)
		if (!buf_put(&j->bytes, block, (size_t)n))
			luaL_error(L, "not enough memory");
	return n == 0;
}

/* archive.read(source, name, limits) */
static int l_read(lua_State *L)
{
	struct job *j;
	struct archive_entry *entry = NULL;
	char plain[NAME_LIMIT];
	const char *path, *wanted = luaL_checkstring(L, 2);
	bool ok = open_source(L, 3, &j, &path), found = false;
	int self = lua_gettop(L), more = ok ? 1 : -1;
	while (ok && (more = source_next(&j->source, &entry)) == 1) {
		if (target_name(archive_entry_pathname(entry), plain) != NULL || strcmp(plain, wanted) != 0)
			continue;
		if (found || strcmp(type_of(entry), "file") != 0)
			return finish(L, self, push_error(L, "ARCHIVE_UNSAFE", found ? "The entry occurs twice in the archive."
			                                                      : "The entry is no file.", wanted));
		ok = found = read_content(L, j);
	}
	if (!ok || more != 0)
		return finish(L, self, push_fault(L, &j->source.fault, path, wanted));
	if (!found)
		return finish(L, self, push_error(L, "NOT_FOUND", "The archive has no such entry.", wanted));
	lua_pushlstring(L, j->bytes.data != NULL ? j->bytes.data : "", j->bytes.len);
	return finish(L, self, 1);
}

static bool unpack_all(lua_State *L, struct job *j, struct archive_entry **entry)
{
	char plain[NAME_LIMIT];
	int more;
	for (lua_Integer i = 1; (more = source_next(&j->source, entry)) == 1;) {
		const char *why = target_name(archive_entry_pathname(*entry), plain);
		if (why != NULL)
			fault_set(&j->source.fault, "ARCHIVE_UNSAFE", "The archive is refused: its entry \"%.200s\" %s.",
				  archive_entry_pathname(*entry), why);
		if (why != NULL || !target_make(&j->target, &j->source, *entry, plain))
			return false;
		if (plain[0] == '\0')
			continue;
		push_entry(L, *entry, plain);
		lua_rawseti(L, -2, i++);
	}
	*entry = NULL;
	return more == 0;
}

/* archive.unpack(source, dir, limits) */
static int l_unpack(lua_State *L)
{
	struct job *j;
	struct archive_entry *entry = NULL;
	const char *path, *dir = luaL_checkstring(L, 2);
	bool ok = open_source(L, 3, &j, &path);
	int self = lua_gettop(L);
	if (!ok)
		return finish(L, self, push_fault(L, &j->source.fault, path, NULL));
	int err = target_open(&j->target, dir);
	if (err == ENOTEMPTY)
		return finish(L, self, push_error(L, "ALREADY_EXISTS", "The directory to unpack into is not empty.", NULL));
	if (err != 0)
		return finish(L, self, hostlib_errno(L, err, "unpack into", dir));
	lua_newtable(L);
	if (!unpack_all(L, j, &entry))
		return finish(L, self, push_fault(L, &j->source.fault, path,
						  entry != NULL ? archive_entry_pathname(entry) : NULL));
	target_keep(&j->target);
	return finish(L, self, 1);
}

/* Writing */

static la_ssize_t on_write(struct archive *a, void *arg, const void *data, size_t n)
{
	struct job *j = arg;
	if (worker_context()->interrupted)
		j->sink_err = EINTR;
	else if (j->file.fd >= 0)
		j->sink_err = staged_put(&j->file, data, n);
	else if (!buf_put(&j->bytes, data, n))
		j->sink_err = ENOMEM;
	if (j->sink_err != 0) {
		archive_set_error(a, j->sink_err, "not written");
		return -1;
	}
	(void)crypto_hash_sha256_update(&j->hash, data, n);
	j->written += n;
	return (la_ssize_t)n;
}

/* The error of a failed write. */
static int push_write_error(lua_State *L, struct job *j)
{
	if (j->sink_err == EINTR)
		return luaL_error(L, "interrupted");
	if (j->sink_err != 0 && j->sink_err != ENOMEM && j->file.path != NULL)
		return hostlib_errno(L, j->sink_err, "write", j->file.path);
	if (j->sink_err == ENOMEM || archive_errno(j->writer) == ENOMEM)
		return luaL_error(L, "not enough memory");
	const char *text = archive_error_string(j->writer);
	return push_error(L, "IO_ERROR", text != NULL ? text : "The archive cannot be written.", NULL);
}

static bool open_writer(struct job *j, bool gzip)
{
	(void)crypto_hash_sha256_init(&j->hash);
	j->writer = archive_write_new();
	j->entry = archive_entry_new();
	if (j->writer == NULL || j->entry == NULL)
		return false;
	bool ok = archive_write_set_format_gnutar(j->writer) == ARCHIVE_OK &&
		  archive_write_set_bytes_in_last_block(j->writer, 1) == ARCHIVE_OK;
	if (gzip)
		ok = ok && archive_write_add_filter_gzip(j->writer) == ARCHIVE_OK &&
		     archive_write_set_options(j->writer, "gzip:!timestamp") == ARCHIVE_OK;
	return ok && archive_write_open(j->writer, j, NULL, on_write, NULL) == ARCHIVE_OK;
}

static int changed(lua_State *L, const char *path)
{
	lua_pushfstring(L, "%s has changed while it was read.", path);
	push_error(L, "CONFLICT", lua_tostring(L, -1), NULL);
	lua_pushstring(L, path);
	lua_setfield(L, -2, "path");
	return 2;
}

/* Copies size bytes of the open input. 0, or the number of results that say why not. */
static int copy_input(lua_State *L, struct job *j, const char *path, off_t size)
{
	char block[65536];
	off_t done = 0;
	while (true) {
		ssize_t n = read(j->input, block, sizeof block);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hostlib_errno(L, errno, "read", path);
		if (n == 0)
			return done == size ? 0 : changed(L, path);
		done += n;
		if (done > size)
			return changed(L, path);
		if (archive_write_data(j->writer, block, (size_t)n) != n)
			return push_write_error(L, j);
	}
}

struct plan {
	const char *path, *data, *link;
	size_t size;
	lua_Integer mode; /* -1: none given */
	bool reproducible;
};

static void describe(struct job *j, const struct plan *p, const struct stat *st)
{
	bool executable = (st->st_mode & 0100) != 0;
	mode_t mode = p->reproducible ? (executable ? 0755 : 0644) : st->st_mode & 0777;
	archive_entry_set_perm(j->entry, p->mode >= 0 ? (mode_t)p->mode & 0777 : p->link != NULL ? 0777 : mode);
	archive_entry_set_filetype(j->entry, p->link != NULL ? AE_IFLNK : AE_IFREG);
	archive_entry_set_size(j->entry, p->link != NULL ? 0 : (la_int64_t)st->st_size);
	archive_entry_set_mtime(j->entry, p->reproducible ? 0 : st->st_mtime, 0);
	archive_entry_set_uid(j->entry, p->reproducible ? 0 : st->st_uid);
	archive_entry_set_gid(j->entry, p->reproducible ? 0 : st->st_gid);
	if (p->link != NULL)
		archive_entry_set_symlink(j->entry, p->link);
}

/* What there is to say about an entry that is no file. */
static struct stat made_up(const struct plan *p)
{
	struct stat st = { .st_mode = 0644, .st_size = (off_t)p->size };
	st.st_mtime = time(NULL);
	st.st_uid = getuid();
	st.st_gid = getgid();
	return st;
}

static int open_input(lua_State *L, struct job *j, const char *path, struct stat *st)
{
	j->input = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (j->input < 0 || fstat(j->input, st) != 0)
		return hostlib_errno(L, errno, "read", path);
	if (!S_ISREG(st->st_mode))
		return hostlib_errno(L, S_ISDIR(st->st_mode) ? EISDIR : EINVAL, "read", path);
	return 0;
}

/* Writes one entry. 0, or the number of results that say why not. */
static int pack_one(lua_State *L, struct job *j, const char *name, const struct plan *p)
{
	struct stat st = made_up(p);
	int rc = p->path != NULL ? open_input(L, j, p->path, &st) : 0;
	if (rc != 0)
		return rc;
	(void)archive_entry_clear(j->entry);
	archive_entry_set_pathname(j->entry, name);
	describe(j, p, &st);
	if (archive_write_header(j->writer, j->entry) != ARCHIVE_OK)
		return push_write_error(L, j);
	if (p->data != NULL && p->size > 0 && archive_write_data(j->writer, p->data, p->size) != (la_ssize_t)p->size)
		return push_write_error(L, j);
	if (p->path != NULL) {
		rc = copy_input(L, j, p->path, st.st_size);
		(void)close(j->input);
		j->input = -1;
	}
	return rc != 0 ? rc : archive_write_finish_entry(j->writer) == ARCHIVE_OK ? 0 : push_write_error(L, j);
}

/* Reads the entry at the stack top and writes it. */
static int pack_entry(lua_State *L, struct job *j, bool reproducible)
{
	int at = lua_gettop(L);
	char plain[NAME_LIMIT];
	size_t length = 0;
	struct plan p = { .reproducible = reproducible };
	luaL_checktype(L, at, LUA_TTABLE);
	const char *name = get_text(L, at, "name", &length);
	p.path = get_text(L, at, "path", NULL);
	p.data = get_text(L, at, "data", &p.size);
	p.link = get_text(L, at, "link", NULL);
	lua_getfield(L, at, "mode");
	p.mode = luaL_optinteger(L, -1, -1);
	if ((p.path != NULL) + (p.data != NULL) + (p.link != NULL) != 1)
		return luaL_error(L, "an entry has a name and one of path, data and link");
	const char *why = name == NULL ? "has no name" : target_name(name, plain);
	if (why == NULL && (strlen(name) != length || strcmp(name, plain) != 0))
		why = "is not in its plain form";
	if (why == NULL && p.link != NULL && p.link[0] == '\0')
		why = "links to nothing";
	if (why != NULL) {
		const char *message = lua_pushfstring(L, "The entry \"%s\" %s.", name != NULL ? name : "", why);
		return push_error(L, "ARCHIVE_UNSAFE", message, name);
	}
	return pack_one(L, j, name, &p);
}

static bool flag(lua_State *L, int at, const char *name)
{
	lua_getfield(L, at, name);
	bool on = lua_toboolean(L, -1);
	lua_pop(L, 1);
	return on;
}

static int pack_all(lua_State *L, struct job *j)
{
	bool reproducible = flag(L, 2, "reproducible");
	lua_Integer count = luaL_len(L, 1);
	for (lua_Integer i = 1; i <= count; i++) {
		int top = lua_gettop(L);
		lua_geti(L, 1, i);
		int rc = pack_entry(L, j, reproducible);
		if (rc != 0)
			return rc;
		lua_settop(L, top);
	}
	if (archive_write_close(j->writer) != ARCHIVE_OK)
		return push_write_error(L, j);
	j->sink_err = j->file.fd >= 0 ? staged_commit(&j->file) : 0;
	return j->sink_err != 0 ? push_write_error(L, j) : 0;
}

/* archive.pack(entries, options) */
static int l_pack(lua_State *L)
{
	static const struct source_limits none;
	unsigned char digest[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof digest + 1];
	luaL_checktype(L, 1, LUA_TTABLE);
	luaL_checktype(L, 2, LUA_TTABLE);
	const char *path = get_text(L, 2, "path", NULL);
	struct job *j = push_job(L, &none);
	int self = lua_gettop(L);
	if (path != NULL && staged_init(&j->file, path) != 0)
		return luaL_error(L, "not enough memory");
	int err = path != NULL ? staged_open(&j->file) : 0;
	if (err != 0)
		return finish(L, self, hostlib_errno(L, err, "write", path));
	if (!open_writer(j, flag(L, 2, "gzip")))
		return luaL_error(L, "not enough memory");
	int rc = pack_all(L, j);
	if (rc != 0)
		return finish(L, self, rc);
	(void)crypto_hash_sha256_final(&j->hash, digest);
	if (path != NULL)
		lua_pushinteger(L, (lua_Integer)j->written);
	else
		lua_pushlstring(L, j->bytes.data != NULL ? j->bytes.data : "", j->bytes.len);
	lua_pushstring(L, sodium_bin2hex(hex, sizeof hex, digest, sizeof digest));
	return finish(L, self, 2);
}

int luaopen_archive(lua_State *L)
{
	static const luaL_Reg module[] = {
		{ "pack", l_pack }, { "list", l_list }, { "read", l_read }, { "unpack", l_unpack }, { NULL, NULL }
	};
	if (luaL_newmetatable(L, JOB_TYPE)) {
		lua_pushcfunction(L, job_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_pop(L, 1);
	luaL_newlib(L, module);
	return 1;
}
