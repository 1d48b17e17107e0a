/* Signatures of plugins (lua/plugins/minisign.lua on host.hash): what libsodium signs in the format of minisign is good,
 * and no longer once any part of it is changed. */
#include "../helper/framework.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static lua_State *L;
static unsigned char public_key[crypto_sign_PUBLICKEYBYTES], secret_key[crypto_sign_SECRETKEYBYTES];

static int l_sign(lua_State *S)
{
    size_t n;
    const char *p = luaL_checklstring(S, 1, &n);
    unsigned char sig[crypto_sign_BYTES];
    (void)crypto_sign_detached(sig, NULL, (const unsigned char *)p, n, secret_key);
    lua_pushlstring(S, (const char *)sig, sizeof sig);
    return 1;
}

static const char PRELUDE[] =
    "hash, minisign = require('host').hash, require 'plugins.minisign'\n"
    "ID = '\\1\\2\\3\\4\\5\\6\\7\\8'\n"
    "LINE = hash.base64('Ed' .. ID .. PUBLIC)\n"
    /* A signature of content; parts: what is other than in a good one. */
    "function signed(content, parts)\n"
    "  parts = parts or {}\n"
    "  local comment = parts.comment or 'one 1.0'\n"
    "  local signature = sign(parts.plain and content or hash.blake2b(content))\n"
    "  return table.concat({ 'untrusted comment: x', hash.base64((parts.algorithm or parts.plain and 'Ed' or 'ED')\n"
    "    .. (parts.id or ID) .. signature), 'trusted comment: ' .. comment, hash.base64(sign(signature .. comment)) }, '\\n')\n"
    "end\n"
    "function verify(content, text) return minisign.verify(content, text, { assert(minisign.key(LINE)) }) end\n"
    "function refused(content, text, part)\n"
    "  local by, why = verify(content, text)\n"
    "  assert(by == nil, 'it is good')\n"
    "  assert(why:find(part, 1, true), why)\n"
    "end\n";

static int open_state(void **state)
{
    (void)state;
    static const unsigned char SEED[crypto_sign_SEEDBYTES] = { 7 };
    L = framework_open();
    (void)crypto_sign_seed_keypair(public_key, secret_key, SEED);
    lua_register(L, "sign", l_sign);
    lua_pushlstring(L, (const char *)public_key, sizeof public_key);
    lua_setglobal(L, "PUBLIC");
    framework_run(L, PRELUDE);
    return 0;
}

static int close_state(void **state)
{
    (void)state;
    lua_close(L);
    return 0;
}

static void run(const char *chunk)
{
    if (luaL_dostring(L, chunk) != LUA_OK)
        fail_msg("%s", lua_tostring(L, -1));
    lua_settop(L, 0);
}

static void test_good(void **state)
{
    (void)state;
    run("for _, plain in ipairs { false, true } do\n"
        "  local by = assert(verify('content', signed('content', { plain = plain })))\n"
        "  assert(by.key_id == '0807060504030201' and by.comment == 'one 1.0' and by.public_key == LINE)\n"
        "end\n"
        "assert(verify('', signed('')))\n"
        "assert(verify('content', signed('content'):gsub('\\n', '\\r\\n') .. '\\r\\n'))\n"
        "assert(verify('content', signed('content', { comment = 'a\\27[31mb' })).comment == 'ab')\n");
}

static void test_keys(void **state)
{
    (void)state;
    run("assert(minisign.key(LINE).bytes == PUBLIC)\n"
        "assert(minisign.key('untrusted comment: minisign public key\\n' .. LINE .. '\\n').id == ID)\n"
        "assert(minisign.key(' ' .. LINE .. ' \\r\\n').id == ID)\n"
        "for _, text in ipairs { '', '\\n', 'untrusted comment: alone', 'no base64', LINE:sub(1, -2), LINE .. 'AAAA', LINE .. '=',\n"
        "    hash.base64('ED' .. ID .. PUBLIC), hash.base64('Ed' .. ID .. PUBLIC .. 'x') } do\n"
        "  assert(minisign.key(text) == nil, text)\n"
        "end\n");
}

static void test_changes(void **state)
{
    (void)state;
    run("local good = signed 'content'\n"
        "refused('contenT', good, 'not what was signed')\n"
        "refused('content', good:gsub('one 1.0', 'one 9.0'), 'trusted comment was changed')\n"
        "refused('content', signed('content', { id = '\\9\\2\\3\\4\\5\\6\\7\\8' }), 'not one of yours')\n"
        "refused('content', signed('content', { algorithm = 'Xd' }), 'not known')\n"
        "refused('content', signed('content', { algorithm = 'Ed' }), 'not what was signed')\n"
        "refused('content', signed('content', { plain = true, algorithm = 'ED' }), 'not what was signed')\n"
        "refused('content', '', 'not a signature')\n"
        "refused('content', good .. '\\nmore', 'not a signature')\n"
        "refused('content', good:gsub('^untrusted', 'trusted'), 'not a signature')\n"
        "assert(minisign.verify('content', good, {}) == nil)\n");
}

static void test_every_byte(void **state) /* of the two signatures: another letter anywhere, and it is not good */
{
    (void)state;
    run("local good, seen = signed 'content', 0\n"
        "local lines = {}\n"
        "for line in good:gmatch '[^\\n]+' do lines[#lines + 1] = line end\n"
        "for _, i in ipairs { 2, 4 } do\n"
        "  for at = 1, #lines[i] do\n"
        "    local copy = { table.unpack(lines) }\n"
        "    copy[i] = copy[i]:sub(1, at - 1) .. (copy[i]:sub(at, at) == 'A' and 'B' or 'A') .. copy[i]:sub(at + 1)\n"
        "    assert(verify('content', table.concat(copy, '\\n')) == nil, 'line ' .. i .. ', letter ' .. at)\n"
        "    seen = seen + 1\n"
        "  end\n"
        "end\n"
        "assert(seen == 100 + 88, seen)\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_every_byte),
    };
    return cmocka_run_group_tests(tests, open_state, close_state);
}
