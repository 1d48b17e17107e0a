#include "hostlib.h"

#include "base/file.h"
#include "base/buf.h"
#include "base/session.h"
#include "context.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_TYPE "tool.lock"
#define DEFAULT_MAX ((lua_Integer)16 << 20)

static const char *code_of(int err)
{
	switch (err) {
	case ENOENT: return "NOT_FOUND";
	case EACCES: case EPERM: case EROFS: return "PERMISSION_DENIED";
	case EFBIG: return "FILE_TOO_LARGE";
	case ENOTDIR: return "NOT_A_DIRECTORY";
	case EISDIR: return "IS_A_DIRECTORY";
	case EEXIST: return "ALREADY_EXISTS";
	case ENOSPC: case EDQUOT: return "DISK_FULL";
	case ELOOP: return "SYMLINK_LOOP";
	case EWOULDBLOCK: return "LOCK_HELD";
	default: return "IO_ERROR";
	}
}

int hostlib_errno(lua_State *L, int err, const char *what, const char *path)
{
	char text[256];
	const char *reason = strerror_r(err, text, sizeof text);
	lua_pushnil(L);
	lua_createtable(L, 0, 4);
	lua_pushstring(L, code_of(err));
	lua_setfield(L, -2, "code");
	lua_pushfstring(L, "Cannot %s %s: %s.", what, path, reason);
	lua_setfield(L, -2, "message");
	lua_pushstring(L, path);
	lua_setfield(L, -2, "path");
	lua_pushinteger(L, err);
	lua_setfield(L, -2, "errno");
	return 2;
}

/* A path argument without NUL bytes inside. */
static const char *check_path(lua_State *L, int idx)
{
	size_t n;
	const char *p = luaL_checklstring(L, idx, &n);
	luaL_argcheck(L, strlen(p) == n, idx, "path contains a NUL byte");
	return p;
}

static int buf_gc(lua_State *L)
{
	buf_free(lua_touserdata(L, 1));
	return 0;
}

/* A buffer that a Lua error cannot leak. [-0, +1] */
static struct buf *push_buf(lua_State *L)
{
	struct buf *b = lua_newuserdatauv(L, sizeof *b, 0);
	buf_init(b);
	if (luaL_newmetatable(L, "tool.buf") != 0) {
		lua_pushcfunction(L, buf_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	return b;
}

/* host.file.read(path[, max]) -> bytes | nil, err */
static int l_read(lua_State *L)
{
	const char *path = check_path(L, 1);
	lua_Integer max = luaL_optinteger(L, 2, DEFAULT_MAX);
	struct buf *b = push_buf(L);
	int rc = file_read(path, max > 0 ? (size_t)max : 0, b);
	if (rc == ENOMEM)
		return luaL_error(L, "not enough memory");
	if (rc != 0)
		return hostlib_errno(L, rc, "read", path);
	lua_pushlstring(L, b->data != NULL ? b->data : "", b->len);
	buf_free(b);
	return 1;
}

/* host.file.head(path, max) -> the first bytes of a file | nil, err */
static int l_head(lua_State *L)
{
	const char *path = check_path(L, 1);
	lua_Integer max = luaL_checkinteger(L, 2);
	struct buf *b = push_buf(L);
	int rc = file_read(path, max > 0 ? (size_t)max : 0, b);
	if (rc != 0 && rc != EFBIG)
		return hostlib_errno(L, rc, "read", path);
	lua_pushlstring(L, b->data != NULL ? b->data : "", b->len < (size_t)max ? b->len : (size_t)max);
	buf_free(b);
	return 1;
}

static lua_Integer opt_field(lua_State *L, int idx, const char *name, lua_Integer otherwise)
{
	lua_Integer v = otherwise;
	if (lua_istable(L, idx)) {
		if (lua_getfield(L, idx, name) == LUA_TBOOLEAN)
			v = lua_toboolean(L, -1);
		else
			v = luaL_optinteger(L, -1, otherwise);
		lua_pop(L, 1);
	}
	return v;
}

/* host.file.write(path, bytes[, { mode, exclusive }]) -> true | nil, err */
static int l_write(lua_State *L)
{
	const char *path = check_path(L, 1);
	size_t n;
	const char *bytes = luaL_checklstring(L, 2, &n);
	mode_t mode = (mode_t)opt_field(L, 3, "mode", 0644);
	int rc = file_write(path, bytes, n, mode, (int)opt_field(L, 3, "exclusive", 0));
	if (rc != 0)
		return hostlib_errno(L, rc, "write", path);
	lua_pushboolean(L, 1);
	return 1;
}

/* host.file.append(path, bytes[, mode]) -> true | nil, err */
static int l_append(lua_State *L)
{
	const char *path = check_path(L, 1);
	size_t n;
	const char *bytes = luaL_checklstring(L, 2, &n);
	int rc = file_append(path, bytes, n, (mode_t)luaL_optinteger(L, 3, 0644));
	if (rc != 0)
		return hostlib_errno(L, rc, "append to", path);
	lua_pushboolean(L, 1);
	return 1;
}

static void set_int(lua_State *L, const char *name, lua_Integer v)
{
	lua_pushinteger(L, v);
	lua_setfield(L, -2, name);
}

/* host.file.stat(path[, nofollow]) -> { type, size, mtime, changed_ns, mode, uid, dev, ino } | nil, err */
static int l_stat(lua_State *L)
{
	const char *path = check_path(L, 1);
	struct stat st;
	if ((lua_toboolean(L, 2) ? lstat(path, &st) : stat(path, &st)) != 0)
		return hostlib_errno(L, errno, "look at", path);
	lua_createtable(L, 0, 7);
	const char *type = S_ISREG(st.st_mode) ? "file" :
			   S_ISDIR(st.st_mode) ? "directory" :
			   S_ISLNK(st.st_mode) ? "link" : "other";
	lua_pushstring(L, type);
	lua_setfield(L, -2, "type");
	set_int(L, "size", (lua_Integer)st.st_size);
	set_int(L, "mtime", (lua_Integer)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000);
	set_int(L, "changed_ns", (lua_Integer)st.st_ctim.tv_sec * 1000000000 + st.st_ctim.tv_nsec);
	set_int(L, "mode", st.st_mode & 07777);
	set_int(L, "uid", st.st_uid);
	set_int(L, "dev", (lua_Integer)st.st_dev);
	set_int(L, "ino", (lua_Integer)st.st_ino);
	return 1;
}

/* host.file.state(paths) -> text that is another one when any of them is another file, a changed one, or gone */
static int l_state(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_Integer count = (lua_Integer)lua_rawlen(L, 1);
	luaL_Buffer b;
	luaL_buffinit(L, &b);
	for (lua_Integer i = 1; i <= count; i++) {
		struct stat st;
		char text[96];
		lua_rawgeti(L, 1, i);
		int rc = stat(check_path(L, -1), &st);
		lua_pop(L, 1);
		int n = rc != 0 ? snprintf(text, sizeof text, "%d\n", errno) :
				  snprintf(text, sizeof text, "%lld %lld.%09ld %llu\n", (long long)st.st_size, (long long)st.st_ctim.tv_sec,
					   st.st_ctim.tv_nsec, (unsigned long long)st.st_ino);
		luaL_addlstring(&b, text, (size_t)n);
	}
	luaL_pushresult(&b);
	return 1;
}

static int dir_gc(lua_State *L)
{
	DIR **d = lua_touserdata(L, 1);
	if (*d != NULL)
		(void)closedir(*d);
	*d = NULL;
	return 0;
}

/* host.file.list(dir) -> names (unsorted, without . and ..) | nil, err */
static int l_list(lua_State *L)
{
	const char *path = check_path(L, 1);
	DIR **d = lua_newuserdatauv(L, sizeof *d, 0);
	*d = NULL;
	if (luaL_newmetatable(L, "tool.dir") != 0) {
		lua_pushcfunction(L, dir_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_setmetatable(L, -2);
	*d = opendir(path);
	if (*d == NULL)
		return hostlib_errno(L, errno, "list", path);
	lua_newtable(L);
	lua_Integer n = 0;
	for (struct dirent *e = readdir(*d); e != NULL; e = readdir(*d)) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		lua_pushstring(L, e->d_name);
		lua_rawseti(L, -2, ++n);
	}
	(void)closedir(*d);
	*d = NULL;
	return 1;
}

/* host.file.mkdir(path[, mode[, parents]]) -> true | nil, err */
static int l_mkdir(lua_State *L)
{
	const char *path = check_path(L, 1);
	int rc = file_mkdir(path, (mode_t)luaL_optinteger(L, 2, 0755), lua_toboolean(L, 3));
	if (rc != 0)
		return hostlib_errno(L, rc, "create directory", path);
	lua_pushboolean(L, 1);
	return 1;
}

/* host.file.remove(path) -> true | nil, err : a file, a link or an empty directory */
static int l_remove(lua_State *L)
{
	const char *path = check_path(L, 1);
	if (unlink(path) != 0 && !(errno == EISDIR && rmdir(path) == 0))
		return hostlib_errno(L, errno, "remove", path);
	lua_pushboolean(L, 1);
	return 1;
}

/* host.file.rename(from, to) -> true | nil, err */
static int l_rename(lua_State *L)
{
	const char *from = check_path(L, 1), *to = check_path(L, 2);
	if (rename(from, to) != 0)
		return hostlib_errno(L, errno, "rename", from);
	lua_pushboolean(L, 1);
	return 1;
}

/* host.file.remove_tree(path) -> true | nil, err : a file, a link itself, or a directory with all it holds */
static int l_remove_tree(lua_State *L)
{
	const char *path = check_path(L, 1);
	int rc = file_remove_tree(AT_FDCWD, path);
	if (rc != 0)
		return hostlib_errno(L, rc, "remove", path);
	lua_pushboolean(L, 1);
	return 1;
}

/* host.file.symlink(target, path) -> true | nil, err */
static int l_symlink(lua_State *L)
{
	const char *target = check_path(L, 1), *path = check_path(L, 2);
	if (symlink(target, path) != 0)
		return hostlib_errno(L, errno, "make link", path);
	lua_pushboolean(L, 1);
	return 1;
}

/* host.file.readlink(path) -> target | nil, err */
static int l_readlink(lua_State *L)
{
	const char *path = check_path(L, 1);
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof target);
	if (n < 0)
		return hostlib_errno(L, errno, "read link", path);
	lua_pushlstring(L, target, (size_t)n);
	return 1;
}

/* host.file.sync(path) -> true | nil, err : that path was made, renamed or removed is on the disk */
static int l_sync(lua_State *L)
{
	const char *path = check_path(L, 1);
	int rc = file_sync_directory(path);
	if (rc != 0)
		return hostlib_errno(L, rc, "sync", path);
	lua_pushboolean(L, 1);
	return 1;
}

/* host.file.access(path, "r"|"w"|"x"|"f") -> boolean; "f": is there anything of that name */
static int l_access(lua_State *L)
{
	const char *path = check_path(L, 1), *how = luaL_checkstring(L, 2);
	int mode = how[0] == 'w' ? W_OK : how[0] == 'x' ? X_OK : how[0] == 'f' ? F_OK : R_OK;
	lua_pushboolean(L, faccessat(AT_FDCWD, path, mode, AT_EACCESS) == 0);
	return 1;
}

/* host.file.above(dir, names) -> the nearest directory from dir upwards ("" for the root) that has one of the names | nil */
static int l_above(lua_State *L)
{
	size_t n;
	const char *dir = luaL_checklstring(L, 1, &n);
	luaL_checktype(L, 2, LUA_TTABLE);
	lua_Integer count = (lua_Integer)lua_rawlen(L, 2);
	char path[PATH_MAX];
	luaL_argcheck(L, n < sizeof path - 256, 1, "too long");
	(void)memcpy(path, dir, n + 1);
	for (;;) {
		for (lua_Integer i = 1; i <= count; i++) {
			lua_rawgeti(L, 2, i);
			(void)snprintf(path + n, sizeof path - n, "/%s", luaL_checkstring(L, -1));
			lua_pop(L, 1);
			if (faccessat(AT_FDCWD, path, F_OK, AT_EACCESS) == 0) {
				lua_pushlstring(L, path, n);
				return 1;
			}
		}
		if (n == 0)
			return 0;
		while (n > 0 && path[n - 1] != '/')
			n--;
		n -= n > 0 ? 1 : 0;
	}
}

/* host.file.real(path) -> absolute path without links | nil, err */
static int l_real(lua_State *L)
{
	const char *path = check_path(L, 1);
	char *real = realpath(path, NULL);
	if (real == NULL)
		return hostlib_errno(L, errno, "resolve", path);
	lua_pushstring(L, real); /* PATH_MAX bounds it; a raise here would leak one path */
	free(real);
	return 1;
}

/* Locks */

/* The file goes while it is held; who waits for it looks again. Here and not in Lua, where an interrupt would stop it. */
static int lock_close(lua_State *L)
{
	int *fd = luaL_checkudata(L, 1, LOCK_TYPE);
	if (*fd >= 0) {
		(void)lua_getiuservalue(L, 1, 1);
		(void)unlink(lua_tostring(L, -1));
		(void)close(*fd);
	}
	*fd = -1;
	return 0;
}

/* host.file.lock(path, timeout_ms) -> lock | nil, err with err.holder : released by :close(), <close> or exit, and but for
 * a killed process its file is removed then */
static int l_lock(lua_State *L)
{
	const char *path = check_path(L, 1);
	int timeout = (int)luaL_optinteger(L, 2, 10000);
	int *fd = lua_newuserdatauv(L, sizeof *fd, 1);
	*fd = -1;
	luaL_setmetatable(L, LOCK_TYPE);
	lua_pushvalue(L, 1);
	(void)lua_setiuservalue(L, -2, 1);
	pid_t holder = 0;
	int rc = file_lock(path, timeout, fd, &holder);
	if (rc == 0 && worker_context()->interrupted) { /* nobody will be there to close it */
		(void)unlink(path);
		rc = EINTR;
	}
	if (rc == 0) {
		file_lock_sign(*fd, getppid()); /* the supervisor: the process that the caller knows */
		return 1;
	}
	if (rc == EINTR)
		return luaL_error(L, "interrupted");
	(void)hostlib_errno(L, rc, "lock", path);
	set_int(L, "holder", holder);
	return 2;
}

/* A run's own directory */

static int push_path(lua_State *L, int rc, const char *path)
{
	if (rc != 0)
		return hostlib_errno(L, rc, "use", path);
	lua_pushstring(L, path);
	return 1;
}

/* host.session_base() -> <tmp>/tool-<uid> | nil, err */
static int l_session_base(lua_State *L)
{
	char path[PATH_MAX] = "";
	return push_path(L, session_base(worker_context()->snapshot, path), path);
}

/* host.session() -> the run's own directory, made and locked | nil, err ; the supervisor removes it */
static int l_session(lua_State *L)
{
	char path[PATH_MAX] = "";
	struct worker *w = worker_context();
	return push_path(L, session_make(w->snapshot, path, &w->session_fd), path);
}

/* host.session_is_dead(name) -> is this directory of the base one of a run that is over? */
static int l_session_is_dead(lua_State *L)
{
	lua_pushboolean(L, session_is_dead(worker_context()->snapshot, check_path(L, 1)));
	return 1;
}

/* host.handout(ttl_s) -> a directory that stays so long after the run | nil, err */
static int l_handout(lua_State *L)
{
	char path[PATH_MAX] = "";
	return push_path(L, session_handout(worker_context()->snapshot, luaL_checkinteger(L, 1), path), path);
}

void hostlib_file(lua_State *L)
{
	static const luaL_Reg session[] = {
		{ "session_base", l_session_base }, { "session", l_session }, { "handout", l_handout },
		{ "session_is_dead", l_session_is_dead }, { NULL, NULL },
	};
	luaL_setfuncs(L, session, 0);
	static const luaL_Reg file[] = {
		{ "read", l_read },   { "write", l_write },   { "append", l_append }, { "stat", l_stat },
		{ "state", l_state },
		{ "list", l_list },   { "mkdir", l_mkdir },   { "remove", l_remove }, { "rename", l_rename },
		{ "access", l_access }, { "above", l_above }, { "real", l_real },   { "lock", l_lock },     { "head", l_head },
		{ "remove_tree", l_remove_tree }, { "symlink", l_symlink }, { "readlink", l_readlink }, { "sync", l_sync },
		{ NULL, NULL },
	};
	luaL_newlib(L, file);
	lua_setfield(L, -2, "file");
	if (luaL_newmetatable(L, LOCK_TYPE) != 0) {
		lua_pushcfunction(L, lock_close);
		lua_pushvalue(L, -1);
		lua_setfield(L, -3, "__gc");
		lua_pushvalue(L, -1);
		lua_setfield(L, -3, "__close");
		lua_newtable(L);
		lua_insert(L, -2);
		lua_setfield(L, -2, "close");
		lua_setfield(L, -2, "__index");
	}
	lua_pop(L, 1);
}
