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
        checkpoint_return();
        assert_int_equal(arena.used <= used, 1);
        assert_int_equal(eval(wild), 1);
        checkpoint_return();
        assert_int_equal(eval("return x == nil and list[1] == 1 and string.rep and list.deep.er == nil and 1 or 0"), 1);
    }
}

/* A later checkpoint takes the place of the one before, also where nothing or much had been written. */
static void test_later(void **state)
{
    char text[128];
    begin(state);
    pid_t pid = fork(); /* the other tests return to the first */
    if (pid == 0) {
        for (int i = 1; i <= 6; i++) {
            checkpoint_return();
            (void)snprintf(text, sizeof text, "which = %d list[1] = which * 10 if which > 3 then room = ('r'):rep(200000) .. which end return which", i);
            if (eval(text) != i || !checkpoint_make(&arena) || (i % 2 == 0 && !checkpoint_make(&arena)))
                _exit(1);
            for (int round = 0; round < 3; round++) {
                if (eval(wild) != 1)
                    _exit(2);
                checkpoint_return();
                if (eval("return x == nil and list[1] == which * 10 and list.deep.er == nil and string.rep and which or 0") != i)
                    _exit(3);
            }
        }
        _exit(0);
    }
    int status = 1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
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
    checkpoint_return();
    pid_t pid = fork();
    if (pid == 0) {
        bool ok = true;
        for (int i = 0; i < 5; i++) {
            (void)luaL_dostring(L, wild);
            lua_settop(L, 0);
            checkpoint_return();
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
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_set_back), cmocka_unit_test(test_later), cmocka_unit_test(test_child),
                                        cmocka_unit_test(test_faults) };
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
    if (!checkpoint_make(&arena) || sigaction(SIGSEGV, NULL, &handler) != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
