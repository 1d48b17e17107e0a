/* Build step: compiles Lua files to bytecode and writes them as one C file for host/worker/embedded.h.
 * usage: embed OUTPUT.c STRIP ROOT FILE.lua… ; a module's name is its path below ROOT with dots; STRIP is 1 to leave
 * out line numbers, which a start would pay for. */
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct module {
	char *name;
	const char *path;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct module *)a)->name, ((const struct module *)b)->name);
}

static char *module_name(const char *root, const char *path)
{
	size_t skip = strlen(root) + 1;
	char *name = strdup(path + (strlen(path) > skip ? skip : 0));
	if (name == NULL)
		return NULL;
	char *dot = strrchr(name, '.');
	if (dot != NULL)
		*dot = '\0';
	for (char *p = name; *p != '\0'; p++)
		if (*p == '/')
			*p = '.';
	return name;
}

static int write_bytes(lua_State *L, const void *p, size_t n, void *ud)
{
	(void)L;
	const unsigned char *b = p;
	FILE *out = ud;
	for (size_t i = 0; i < n; i++)
		if (fprintf(out, "%u,", b[i]) < 0)
			return 1;
	return fputc('\n', out) == EOF;
}

static bool embed(lua_State *L, FILE *out, const struct module *m, size_t index, int strip)
{
	char chunk[256];
	FILE *in = fopen(m->path, "rb");
	luaL_Buffer b;
	if (in == NULL)
		return false;
	luaL_buffinit(L, &b);
	size_t n;
	do {
		char *at = luaL_prepbuffer(&b);
		n = fread(at, 1, LUAL_BUFFERSIZE, in);
		luaL_addsize(&b, n);
	} while (n > 0);
	(void)fclose(in);
	luaL_pushresult(&b);
	(void)snprintf(chunk, sizeof chunk, "=tool:%s", m->name);
	size_t len;
	const char *text = lua_tolstring(L, -1, &len);
	if (luaL_loadbufferx(L, text, len, chunk, "t") != LUA_OK) {
		(void)fprintf(stderr, "%s: %s\n", m->path, lua_tostring(L, -1));
		return false;
	}
	bool ok = fprintf(out, "static const unsigned char m%zu[] = {\n", index) > 0 && lua_dump(L, write_bytes, out, strip) == 0 &&
		  fputs("};\n", out) != EOF;
	lua_settop(L, 0);
	return ok;
}

static bool write_table(FILE *out, const struct module *m, size_t n)
{
	bool ok = fputs("const struct embedded_module embedded_modules[] = {\n", out) != EOF;
	for (size_t i = 0; i < n && ok; i++)
		ok = fprintf(out, "\t{ \"%s\", m%zu, sizeof m%zu },\n", m[i].name, i, i) > 0;
	return ok && fprintf(out, "};\nconst size_t embedded_module_count = %zu;\n", n) > 0;
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	int strip = argv[2][0] == '1';
	size_t n = (size_t)argc - 4;
	struct module *m = calloc(n, sizeof *m);
	FILE *out = fopen(argv[1], "w");
	lua_State *L = luaL_newstate();
	bool ok = m != NULL && out != NULL && L != NULL && fputs("#include \"worker/embedded.h\"\n", out) != EOF;
	for (size_t i = 0; i < n && ok; i++) {
		m[i] = (struct module){ module_name(argv[3], argv[4 + i]), argv[4 + i] };
		ok = m[i].name != NULL;
	}
	if (ok)
		qsort(m, n, sizeof *m, by_name);
	for (size_t i = 0; i < n && ok; i++)
		ok = embed(L, out, &m[i], i, strip);
	ok = ok && write_table(out, m, n);
	if (out != NULL && fclose(out) != 0)
		ok = false;
	for (size_t i = 0; m != NULL && i < n; i++)
		free(m[i].name);
	free(m);
	if (L != NULL)
		lua_close(L);
	return ok ? 0 : 1;
}
