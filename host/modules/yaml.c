/* The module `yaml`: YAML documents as values, with their places, on libyaml.
 *
 *   yaml.decode(text, null, array, object) -> value | nil, err   the first document; null stands for YAML's null, array and
 *                                                                object mark the tables
 *   yaml.line(text, pointer) -> line                             of a JSON pointer, or of the nearest place above it
 *     err: { message, line, column }
 *
 * Plain scalars are read by the core schema of YAML 1.2 (true, false, null, ~, integers, floats); everything else is a
 * string. Keys are strings. Aliases stand for what they name; depth and number of values are limited, so that none of
 * them can grow without bounds. */
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#define DOC_TYPE "tool.yaml"
#define MAX_DEPTH 200
#define MAX_VALUES 2000000

struct doc {
	yaml_document_t document;
	bool loaded;
	int values; /* pushed so far */
	const char *fault; /* why it has no value, and where; NULL */
	size_t fault_line, fault_column;
};

int luaopen_yaml(lua_State *L);

static int doc_gc(lua_State *L)
{
	struct doc *d = lua_touserdata(L, 1);
	if (d->loaded)
		yaml_document_delete(&d->document);
	d->loaded = false;
	return 0;
}

/* Pushes nil and { message, line, column }. Returns 2. */
static int push_error(lua_State *L, const char *message, size_t line, size_t column)
{
	lua_pushnil(L);
	lua_createtable(L, 0, 3);
	lua_pushstring(L, message != NULL ? message : "it cannot be read");
	lua_setfield(L, -2, "message");
	lua_pushinteger(L, (lua_Integer)line + 1);
	lua_setfield(L, -2, "line");
	lua_pushinteger(L, (lua_Integer)column + 1);
	lua_setfield(L, -2, "column");
	return 2;
}

/* Loads the first document of the text at index 1. Pushes it and returns 1, or an error and returns 2. */
static int load(lua_State *L, struct doc **out)
{
	size_t n;
	const char *text = luaL_checklstring(L, 1, &n);
	struct doc *d = lua_newuserdatauv(L, sizeof *d, 0);
	memset(d, 0, sizeof *d);
	luaL_setmetatable(L, DOC_TYPE);
	yaml_parser_t parser;
	if (yaml_parser_initialize(&parser) == 0)
		return luaL_error(L, "not enough memory");
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
	if (yaml_parser_load(&parser, &d->document) == 0) {
		bool memory = parser.error == YAML_MEMORY_ERROR;
		char problem[256];
		(void)strncpy(problem, parser.problem != NULL ? parser.problem : "it cannot be read", sizeof problem - 1);
		problem[sizeof problem - 1] = '\0';
		yaml_mark_t at = parser.error == YAML_READER_ERROR ? parser.mark : parser.problem_mark;
		yaml_parser_delete(&parser);
		if (memory)
			return luaL_error(L, "not enough memory");
		return push_error(L, problem, at.line, at.column);
	}
	d->loaded = true;
	yaml_parser_delete(&parser);
	*out = d;
	return 1;
}

static bool is_word(const char *text, size_t n, const char *word)
{
	return strlen(word) == n && memcmp(text, word, n) == 0;
}

/* Pushes a plain scalar as the integer or float that it spells, or returns false. What is no finite number has no value in
 * JSON and stays text. */
static bool push_number(lua_State *L, const char *text, size_t n)
{
	char copy[64];
	if (n == 0 || n >= sizeof copy)
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	const char *digits = copy + (copy[0] == '-' || copy[0] == '+');
	int base = strncmp(copy, "0x", 2) == 0 ? 16 : strncmp(copy, "0o", 2) == 0 ? 8 : 10;
	if (base != 10)
		digits = copy + 2;
	else if (strspn(copy, "0123456789+-.eE") < n || digits[0] == 'e' || digits[0] == 'E')
		return false;
	size_t length = strspn(digits, base == 16 ? "0123456789abcdefABCDEF" : base == 8 ? "01234567" : "0123456789");
	char *end = NULL;
	errno = 0;
	if (length > 0 && digits[length] == '\0') {
		long long i = strtoll(base == 10 ? copy : digits, &end, base);
		if (errno == 0) {
			lua_pushinteger(L, i);
			return true;
		}
	}
	double f = base == 10 ? strtod(copy, &end) : HUGE_VAL;
	if (end == copy || !isfinite(f) || *end != '\0')
		return false;
	lua_pushnumber(L, f);
	return true;
}

static void push_scalar(lua_State *L, const yaml_node_t *node)
{
	const char *text = (const char *)node->data.scalar.value;
	size_t n = node->data.scalar.length;
	bool plain = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	if (plain && (n == 0 || is_word(text, n, "~") || is_word(text, n, "null") || is_word(text, n, "Null") ||
		      is_word(text, n, "NULL")))
		lua_pushvalue(L, 2);
	else if (plain && (is_word(text, n, "true") || is_word(text, n, "True") || is_word(text, n, "TRUE")))
		lua_pushboolean(L, 1);
	else if (plain && (is_word(text, n, "false") || is_word(text, n, "False") || is_word(text, n, "FALSE")))
		lua_pushboolean(L, 0);
	else if (!plain || !push_number(L, text, n))
		lua_pushlstring(L, text, n);
}

/* False, and the fault of a node is set; node NULL: of the document as a whole. */
static bool refuse(struct doc *d, const yaml_node_t *node, const char *fault)
{
	d->fault = fault;
	d->fault_line = node != NULL ? node->start_mark.line : 0;
	d->fault_column = node != NULL ? node->start_mark.column : 0;
	return false;
}

static bool push_node(lua_State *L, struct doc *d, int index, int depth);

static bool push_sequence(lua_State *L, struct doc *d, const yaml_node_t *node, int depth)
{
	lua_pushvalue(L, 3);
	lua_createtable(L, (int)(node->data.sequence.items.top - node->data.sequence.items.start), 0);
	lua_Integer i = 0;
	for (yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top; item++) {
		if (!push_node(L, d, *item, depth + 1))
			return false;
		lua_rawseti(L, -2, ++i);
	}
	lua_call(L, 1, 1);
	return true;
}

static bool push_mapping(lua_State *L, struct doc *d, const yaml_node_t *node, int depth)
{
	lua_pushvalue(L, 4);
	lua_newtable(L);
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&d->document, pair->key);
		if (key == NULL || key->type != YAML_SCALAR_NODE)
			return refuse(d, key, "a key is no text");
		lua_pushlstring(L, (const char *)key->data.scalar.value, key->data.scalar.length);
		if (!push_node(L, d, pair->value, depth + 1))
			return false;
		lua_rawset(L, -3);
	}
	lua_call(L, 1, 1);
	return true;
}

/* Pushes the value of a node, or returns false with a fault. */
static bool push_node(lua_State *L, struct doc *d, int index, int depth)
{
	const yaml_node_t *node = yaml_document_get_node(&d->document, index);
	luaL_checkstack(L, 8, "a YAML document");
	if (depth > MAX_DEPTH)
		return refuse(d, node, "the document is too deep");
	if (++d->values > MAX_VALUES)
		return refuse(d, node, "the document is too large");
	if (node != NULL && node->type == YAML_SEQUENCE_NODE)
		return push_sequence(L, d, node, depth);
	if (node != NULL && node->type == YAML_MAPPING_NODE)
		return push_mapping(L, d, node, depth);
	if (node != NULL)
		push_scalar(L, node);
	else
		lua_pushvalue(L, 2);
	return true;
}

static int l_decode(lua_State *L)
{
	struct doc *d = NULL;
	lua_settop(L, 4);
	if (load(L, &d) == 2)
		return 2;
	yaml_node_t *root = yaml_document_get_root_node(&d->document);
	if (root == NULL)
		return push_error(L, "it is empty", 0, 0);
	if (!push_node(L, d, (int)(root - d->document.nodes.start) + 1, 0))
		return push_error(L, d->fault, d->fault_line, d->fault_column);
	return 1;
}

/* The part of a pointer that begins at *at, unescaped, in buf; *at moves behind it. */
static size_t next_part(const char **at, char *buf, size_t size)
{
	const char *p = *at + 1;
	size_t n = 0;
	for (; *p != '\0' && *p != '/'; p++) {
		char c = *p;
		if (c == '~' && (p[1] == '0' || p[1] == '1'))
			c = *++p == '0' ? '~' : '/';
		if (n < size)
			buf[n++] = c;
	}
	*at = p;
	return n;
}

/* The node that a part names below another one, and the line where it is named; or NULL. */
static yaml_node_t *below(struct doc *d, const yaml_node_t *node, const char *part, size_t n, lua_Integer *line)
{
	if (node->type == YAML_MAPPING_NODE) {
		for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
			const yaml_node_t *key = yaml_document_get_node(&d->document, pair->key);
			if (key != NULL && key->type == YAML_SCALAR_NODE && key->data.scalar.length == n &&
			    memcmp(key->data.scalar.value, part, n) == 0) {
				*line = (lua_Integer)key->start_mark.line + 1;
				return yaml_document_get_node(&d->document, pair->value);
			}
		}
	} else if (node->type == YAML_SEQUENCE_NODE && n > 0 && n < 10) {
		char copy[16] = "";
		memcpy(copy, part, n);
		char *end = NULL;
		long i = strtol(copy, &end, 10);
		if (*end == '\0' && i >= 0 && i < node->data.sequence.items.top - node->data.sequence.items.start) {
			yaml_node_t *item = yaml_document_get_node(&d->document, node->data.sequence.items.start[i]);
			*line = item != NULL ? (lua_Integer)item->start_mark.line + 1 : *line;
			return item;
		}
	}
	return NULL;
}

static int l_line(lua_State *L)
{
	const char *pointer = luaL_checkstring(L, 2);
	struct doc *d = NULL;
	lua_Integer line = 1;
	if (load(L, &d) == 1) {
		yaml_node_t *node = yaml_document_get_root_node(&d->document);
		char part[512];
		while (node != NULL && *pointer == '/') {
			size_t n = next_part(&pointer, part, sizeof part);
			node = below(d, node, part, n, &line);
		}
	}
	lua_pushinteger(L, line);
	return 1;
}

__attribute__((visibility("default"))) int luaopen_yaml(lua_State *L)
{
	static const luaL_Reg functions[] = { { "decode", l_decode }, { "line", l_line }, { NULL, NULL } };
	if (luaL_newmetatable(L, DOC_TYPE) != 0) {
		lua_pushcfunction(L, doc_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_pop(L, 1);
	luaL_newlib(L, functions);
	return 1;
}
