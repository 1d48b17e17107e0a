/* links: host/worker/checkpoint.c host/worker/arena.c
 * checkpoint: a Lua state is set back to what it was, whatever was done with it; other faults stay faults. */
#include "../../host/worker/checkpoint.h"

#include <lauxlib.h>
#include <lualib.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct arena arena;
static lua_State *L;

static lua_Integer eval(const char *text)
{
    assert_int_equal(luaL_loadstring(L, text), LUA_OK);
    assert_int_equal(lua_pcall(L, 0, 1, 0), LUA_OK);
    lua_Integer value = lua_tointeger(L, -1);
    lua_settop(L, 0);
    return value;
}

static struct sigaction handler; /* of the checkpoint; cmocka sets its own for each test */

static void begin(void **state)
{
    (void)state;
    assert_int_equal(sigaction(SIGSEGV, &handler, NULL), 0);
}

/* Everything that a script can do to a state: new and changed objects, garbage, coroutines, errors, much memory. */
static const char wild[] =
    "x = (x or 0) + 1 list[1] = list[1] + 1 string.rep = nil math.pi = 3 "
    "local keep = {} for i = 1, 20000 do keep[i] = { i, tostring(i) } end big = keep "
    "co = coroutine.wrap(function() coroutine.yield(1) end) co() "
    "pcall(error, {}) for i = 1, 200 do text = ('y'):format() .. i end list.deep.er = keep return x";

static void test_set_back(void **state)
{
    begin(state);
    assert_int_equal(eval("return x == nil and list[1] == 1 and 1 or 0"), 1);
    size_t used = arena.used;
    for (int i = 0; i < 50; i++) {
        checkpoint_return_base();
        assert_int_equal(arena.used <= used, 1);
        assert_int_equal(eval(wild), 1);
        checkpoint_return_base();
        assert_int_equal(eval("return x == nil and list[1] == 1 and string.rep and list.deep.er == nil and 1 or 0"), 1);
    }
}

static void test_several(void **state)
{
    char text[96], name[32];
    begin(state);
    for (int i = 1; i <= 6; i++) {
        checkpoint_return_base();
        (void)snprintf(text, sizeof text, "which = %d list[1] = which * 10 return which", i);
        assert_int_equal(eval(text), i);
        (void)snprintf(name, sizeof name, "state %d", i);
        assert_true(checkpoint_keep(name));
        assert_int_equal(eval(wild), 1);
    }
    for (int round = 0; round < 3; round++) {
        for (int i = 1; i <= 6; i++) {
            (void)snprintf(name, sizeof name, "state %d", i);
            assert_true(checkpoint_return(name));
            assert_int_equal(eval("return x == nil and list[1] == which * 10 and which or 0"), i);
            assert_int_equal(eval(wild), 1);
        }
        assert_false(checkpoint_return("state 7"));
        checkpoint_return_base();
        assert_int_equal(eval("return which == nil and x == nil and list[1] == 1 and 1 or 0"), 1);
    }
}

/* The oldest goes; a name that is too long is not kept. */
static void test_room(void **state)
{
    char name[300];
    begin(state);
    for (int i = 0; i < 20; i++) {
        (void)snprintf(name, sizeof name, "room %d", i);
        checkpoint_return_base();
        assert_true(checkpoint_keep(name));
    }
    assert_true(checkpoint_return("room 19"));
    assert_false(checkpoint_return("room 0"));
    (void)memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_false(checkpoint_keep(name));
}

static void test_faults(void **state)
{
    begin(state);
    volatile char *page = mmap(NULL, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(page != MAP_FAILED);
    for (int sent = 0; sent < 2; sent++) {
        pid_t pid = fork();
        if (pid == 0) {
            if (sent)
                (void)raise(SIGSEGV);
            else
                page[0] = 1; /* protected, and none of the state's */
            _exit(0);
        }
        int status = 0;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGSEGV);
    }
}

/* A copy of the process is set back by itself. */
static void test_child(void **state)
{
    begin(state);
    checkpoint_return_base();
    pid_t pid = fork();
    if (pid == 0) {
        bool ok = true;
        for (int i = 0; i < 5; i++) {
            (void)luaL_dostring(L, wild);
            lua_settop(L, 0);
            checkpoint_return_base();
            ok = ok && luaL_dostring(L, "return x == nil and list[1] == 1") == LUA_OK && lua_toboolean(L, -1);
            lua_settop(L, 0);
        }
        _exit(ok ? 0 : 1);
    }
    int status = 1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_set_back), cmocka_unit_test(test_several), cmocka_unit_test(test_room),
                                        cmocka_unit_test(test_child), cmocka_unit_test(test_faults) };
    arena.limit = (size_t)256 << 20;
    if (!arena_contain(&arena, NULL)) { /* the sanitizer's allocator cannot be set back */
        (void)printf("1..0 # nothing to test here\n");
        return 0;
    }
    L = lua_newstate(arena_allocate, &arena);
    if (L == NULL)
        return 1;
    luaL_openlibs(L);
    if (luaL_dostring(L, "list = { 1, deep = {} }") != LUA_OK)
        return 1;
    (void)lua_gc(L, LUA_GCCOLLECT);
    (void)lua_gc(L, LUA_GCSTOP);
    if (!checkpoint_base(&arena) || sigaction(SIGSEGV, NULL, &handler) != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
