/* The module `store`: SQLite databases with exact values and errors as values.
 *
 *   store.open(path | ":memory:" [, { readonly = false, immutable = false, busy_timeout_ms = 5000 }]) -> db | nil, err
 *     immutable: nobody changes the file, so that reading it needs neither a lock nor files beside it
 *   db:exec(sql, …) -> rows changed, last row id | nil, err    without parameters also several statements
 *   db:rows(sql, …) -> array of { column = value } | nil, err
 *   db:transaction(fn, …) -> what fn returns | nil, err        an error in fn undoes all and is raised again
 *   db:close()                                                 also by <close> and the collector
 *     err: { code = "STORE_ERROR", message, sqlite_code }      sqlite_code is the extended result code
 *
 * Parameters fill the ? in order: nil and null, booleans (1, 0), integers and floats as they are, strings as text, or
 * as a blob when they are not valid UTF-8 or hold a NUL. Columns come back as integers, floats or strings; NULL is
 * nil. fn may not wait: other tasks would write inside its transaction. Files are made with mode 0600 and use a
 * write-ahead log; foreign keys hold. An interrupt of the run ends a statement and the wait for a lock. */
#include "base/utf8.h"
#include "worker/context.h"

#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define DB_TYPE "tool.store"
#define STEPS_PER_CHECK 10000 /* virtual machine steps between two looks at the interrupt */

struct db {
	sqlite3 *handle;    /* NULL when closed */
	sqlite3_stmt *stmt; /* of the running call; one that a Lua error left behind is finalized by the next */
	bool in_transaction;
	int busy_ms;
};

int luaopen_store(lua_State *L);

/* Errors */

static int push_error(lua_State *L, const char *message, int code)
{
	lua_pushnil(L);
	lua_createtable(L, 0, 3);
	lua_pushliteral(L, "STORE_ERROR");
	lua_setfield(L, -2, "code");
	lua_pushstring(L, message);
	lua_setfield(L, -2, "message");
	lua_pushinteger(L, code);
	lua_setfield(L, -2, "sqlite_code");
	return 2;
}

static int push_failure(lua_State *L, struct db *db)
{
	return push_error(L, sqlite3_errmsg(db->handle), sqlite3_extended_errcode(db->handle));
}

static void finish(struct db *db)
{
	(void)sqlite3_finalize(db->stmt);
	db->stmt = NULL;
}

static struct db *check_open(lua_State *L)
{
	struct db *db = luaL_checkudata(L, 1, DB_TYPE);
	if (db->handle == NULL)
		luaL_error(L, "the database is closed");
	finish(db);
	return db;
}

/* Values */

/* The bytes stay on the Lua stack until the statement is done, so nothing is copied. */
static int bind_string(lua_State *L, sqlite3_stmt *stmt, int at, int index)
{
	size_t n = 0;
	const char *s = lua_tolstring(L, index, &n);
	if (memchr(s, 0, n) == NULL && utf8_valid(s, n))
		return sqlite3_bind_text64(stmt, at, s, n, SQLITE_STATIC, SQLITE_UTF8);
	return sqlite3_bind_blob64(stmt, at, s, n, SQLITE_STATIC);
}

static int bind_one(lua_State *L, sqlite3_stmt *stmt, int at, int index)
{
	switch (lua_type(L, index)) {
	case LUA_TNIL:
		return sqlite3_bind_null(stmt, at);
	case LUA_TBOOLEAN:
		return sqlite3_bind_int(stmt, at, lua_toboolean(L, index));
	case LUA_TNUMBER:
		return lua_isinteger(L, index) ? sqlite3_bind_int64(stmt, at, lua_tointeger(L, index))
		                               : sqlite3_bind_double(stmt, at, lua_tonumber(L, index));
	case LUA_TSTRING:
		return bind_string(L, stmt, at, index);
	case LUA_TLIGHTUSERDATA: /* the JSON null */
		return sqlite3_bind_null(stmt, at);
	default:
		return luaL_error(L, "a %s cannot be stored", luaL_typename(L, index));
	}
}

static void push_column(lua_State *L, sqlite3_stmt *stmt, int i)
{
	switch (sqlite3_column_type(stmt, i)) {
	case SQLITE_INTEGER:
		lua_pushinteger(L, sqlite3_column_int64(stmt, i));
		break;
	case SQLITE_FLOAT:
		lua_pushnumber(L, sqlite3_column_double(stmt, i));
		break;
	case SQLITE_NULL:
		lua_pushnil(L);
		break;
	default: {
		const void *bytes = sqlite3_column_blob(stmt, i); /* first: it may convert */
		lua_pushlstring(L, bytes != NULL ? bytes : "", (size_t)sqlite3_column_bytes(stmt, i));
	}
	}
}

/* Statements */

/* Prepares the statement at *sql, moving *sql behind it, and binds the values from stack index `first` on.
 * SQLITE_OK with db->stmt NULL when only white space and comments were left. */
static int prepare(lua_State *L, struct db *db, const char **sql, const char *end, int first)
{
	int rc = sqlite3_prepare_v2(db->handle, *sql, (int)(end - *sql), &db->stmt, sql);
	if (rc != SQLITE_OK || db->stmt == NULL)
		return rc;
	int given = lua_gettop(L) - first + 1;
	int wanted = sqlite3_bind_parameter_count(db->stmt);
	if (given != wanted) {
		finish(db);
		luaL_error(L, "the statement has %d parameters, %d values were given", wanted, given);
	}
	for (int i = 1; rc == SQLITE_OK && i <= given; i++)
		rc = bind_one(L, db->stmt, i, first + i - 1);
	return rc;
}

static const char *check_sql(lua_State *L, const char **end)
{
	size_t n = 0;
	const char *sql = luaL_checklstring(L, 2, &n);
	luaL_argcheck(L, n < 1 << 20, 2, "statement too long");
	*end = sql + n;
	return sql;
}

/* db:exec(sql, …) -> changes, last row id | nil, err */
static int db_exec(lua_State *L)
{
	struct db *db = check_open(L);
	const char *end = NULL, *sql = check_sql(L, &end);
	sqlite3_int64 before = sqlite3_total_changes64(db->handle);
	while (sql < end) {
		int rc = prepare(L, db, &sql, end, 3);
		while (rc == SQLITE_OK && db->stmt != NULL && (rc = sqlite3_step(db->stmt)) == SQLITE_ROW)
			rc = SQLITE_OK;
		if (rc != SQLITE_OK && rc != SQLITE_DONE) {
			int n = push_failure(L, db);
			finish(db);
			return n;
		}
		finish(db);
	}
	lua_pushinteger(L, sqlite3_total_changes64(db->handle) - before);
	lua_pushinteger(L, sqlite3_last_insert_rowid(db->handle));
	return 2;
}

static void push_row(lua_State *L, sqlite3_stmt *stmt)
{
	int n = sqlite3_column_count(stmt);
	lua_createtable(L, 0, n);
	for (int i = 0; i < n; i++) {
		push_column(L, stmt, i);
		const char *name = sqlite3_column_name(stmt, i);
		if (name == NULL)
			luaL_error(L, "not enough memory");
		lua_setfield(L, -2, name);
	}
}

/* db:rows(sql, …) -> array | nil, err */
static int db_rows(lua_State *L)
{
	struct db *db = check_open(L);
	const char *end = NULL, *sql = check_sql(L, &end);
	int rc = prepare(L, db, &sql, end, 3);
	if (rc == SQLITE_OK && db->stmt == NULL)
		return luaL_argerror(L, 2, "no statement");
	lua_newtable(L);
	for (lua_Integer i = 1; rc == SQLITE_OK && (rc = sqlite3_step(db->stmt)) == SQLITE_ROW; i++) {
		push_row(L, db->stmt);
		lua_rawseti(L, -2, i);
		rc = SQLITE_OK;
	}
	int n = rc == SQLITE_DONE ? 1 : push_failure(L, db);
	finish(db);
	return n;
}

static int run(struct db *db, const char *sql)
{
	return sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
}

/* db:transaction(fn, …) -> results | nil, err */
static int db_transaction(lua_State *L)
{
	struct db *db = check_open(L);
	luaL_checktype(L, 2, LUA_TFUNCTION);
	if (db->in_transaction)
		return luaL_error(L, "a transaction is already open");
	if (run(db, "BEGIN IMMEDIATE") != SQLITE_OK)
		return push_failure(L, db);
	db->in_transaction = true;
	int status = lua_pcall(L, lua_gettop(L) - 2, LUA_MULTRET, 0);
	db->in_transaction = false;
	if (db->handle == NULL)
		return status == LUA_OK ? luaL_error(L, "the database was closed in a transaction") : lua_error(L);
	finish(db);
	if (status == LUA_OK && run(db, "COMMIT") == SQLITE_OK)
		return lua_gettop(L) - 1;
	int n = status == LUA_OK ? push_failure(L, db) : 0;
	if (sqlite3_get_autocommit(db->handle) == 0)
		(void)run(db, "ROLLBACK"); /* only fails when SQLite has rolled back itself */
	return status == LUA_OK ? n : lua_error(L);
}

/* Opening and closing */

static int db_close(lua_State *L)
{
	struct db *db = luaL_checkudata(L, 1, DB_TYPE);
	if (db->handle == NULL)
		return 0;
	finish(db);
	(void)sqlite3_close_v2(db->handle);
	db->handle = NULL;
	return 0;
}

static int on_progress(void *unused)
{
	(void)unused;
	return worker_context()->interrupted;
}

/* Waits for another process's lock a little longer each time. */
static int on_busy(void *arg, int count)
{
	const struct db *db = arg;
	int step = count < 20 ? count + 1 : 20; /* ms */
	int waited = count < 20 ? count * (count + 1) / 2 : 210 + (count - 20) * 20;
	if (worker_context()->interrupted || waited + step > db->busy_ms)
		return 0;
	(void)sqlite3_sleep(step);
	return 1;
}

/* Makes the file with our mode; SQLite gives the same to its log. */
static int make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	(void)close(fd);
	return 0;
}

/* The change of the journal needs the file for itself, and SQLite does not ask the busy handler about that. */
static int use_wal(struct db *db)
{
	int rc = run(db, "PRAGMA journal_mode = WAL");
	for (int count = 0; (rc & 0xff) == SQLITE_BUSY && on_busy(db, count); count++)
		rc = run(db, "PRAGMA journal_mode = WAL");
	return rc;
}

static int configure(struct db *db, bool readonly)
{
	(void)sqlite3_extended_result_codes(db->handle, 1);
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	(void)sqlite3_busy_handler(db->handle, on_busy, db);
	sqlite3_progress_handler(db->handle, STEPS_PER_CHECK, on_progress, NULL);
	int rc = run(db, "PRAGMA foreign_keys = ON");
	if (rc == SQLITE_OK && !readonly)
		rc = use_wal(db);
	return rc;
}

/* Pushes the address of a file that nobody changes, as SQLite wants it. */
static const char *push_immutable(lua_State *L, const char *path)
{
	luaL_Buffer b;
	luaL_buffinit(L, &b);
	luaL_addstring(&b, "file:");
	for (const char *p = path; *p != '\0'; p++) {
		if (strchr("?#%", *p) == NULL) {
			luaL_addchar(&b, *p);
		} else {
			luaL_addstring(&b, *p == '?' ? "%3F" : *p == '#' ? "%23" : "%25");
		}
	}
	luaL_addstring(&b, "?immutable=1");
	luaL_pushresult(&b);
	return lua_tostring(L, -1);
}

/* store.open(path[, options]) -> db | nil, err */
static int store_open(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	bool readonly = false, immutable = false;
	lua_Integer busy = 5000;
	if (!lua_isnoneornil(L, 2)) {
		luaL_checktype(L, 2, LUA_TTABLE);
		lua_getfield(L, 2, "readonly");
		readonly = lua_toboolean(L, -1);
		lua_getfield(L, 2, "immutable");
		immutable = lua_toboolean(L, -1);
		readonly = readonly || immutable;
		lua_getfield(L, 2, "busy_timeout_ms");
		busy = luaL_optinteger(L, -1, busy);
		luaL_argcheck(L, busy >= 0 && busy <= 3600000, 2, "busy_timeout_ms is out of range");
	}
	bool in_memory = strcmp(path, ":memory:") == 0;
	int err = in_memory || readonly ? 0 : make_file(path);
	if (err != 0)
		return push_error(L, lua_pushfstring(L, "%s: %s", path, strerror(err)), SQLITE_CANTOPEN);
	const char *name = immutable ? push_immutable(L, path) : path;
	struct db *db = lua_newuserdatauv(L, sizeof *db, 0);
	memset(db, 0, sizeof *db);
	db->busy_ms = (int)busy;
	luaL_setmetatable(L, DB_TYPE);
	int flags = readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
	int rc = sqlite3_open_v2(name, &db->handle, flags | (immutable ? SQLITE_OPEN_URI : 0), NULL);
	if (rc == SQLITE_OK)
		rc = configure(db, readonly);
	if (rc == SQLITE_OK)
		return 1;
	if (db->handle == NULL)
		return luaL_error(L, "not enough memory");
	return push_error(L, lua_pushfstring(L, "%s: %s", path, sqlite3_errmsg(db->handle)),
	                  sqlite3_extended_errcode(db->handle));
}

int luaopen_store(lua_State *L)
{
	static const luaL_Reg methods[] = { { "exec", db_exec },
		                            { "rows", db_rows },
		                            { "transaction", db_transaction },
		                            { "close", db_close },
		                            { NULL, NULL } };
	static const luaL_Reg meta[] = { { "__gc", db_close }, { "__close", db_close }, { NULL, NULL } };
	static const luaL_Reg module[] = { { "open", store_open }, { NULL, NULL } };
	if (luaL_newmetatable(L, DB_TYPE)) {
		luaL_setfuncs(L, meta, 0);
		luaL_newlib(L, methods);
		lua_setfield(L, -2, "__index");
	}
	lua_pop(L, 1);
	luaL_newlib(L, module);
	return 1;
}
