#include "hostlib.h"

#include <lauxlib.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static void push_hex(lua_State *L, const unsigned char *p, size_t n)
{
	luaL_Buffer b;
	char *out = luaL_buffinitsize(L, &b, 2 * n + 1);
	(void)sodium_bin2hex(out, 2 * n + 1, p, n);
	luaL_pushresultsize(&b, 2 * n);
}

/* host.hash.sha256(bytes) -> 64 hex digits */
static int l_sha256(lua_State *L)
{
	size_t n;
	const char *p = luaL_checklstring(L, 1, &n);
	unsigned char d[crypto_hash_sha256_BYTES];
	(void)crypto_hash_sha256(d, (const unsigned char *)p, n);
	push_hex(L, d, sizeof d);
	return 1;
}

/* host.hash.hmac_sha256(key, bytes) -> 64 hex digits (RFC 2104) */
static int l_hmac(lua_State *L)
{
	size_t nk, n;
	const char *key = luaL_checklstring(L, 1, &nk), *p = luaL_checklstring(L, 2, &n);
	unsigned char d[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state st;
	(void)crypto_auth_hmacsha256_init(&st, (const unsigned char *)key, nk);
	(void)crypto_auth_hmacsha256_update(&st, (const unsigned char *)p, n);
	(void)crypto_auth_hmacsha256_final(&st, d);
	push_hex(L, d, sizeof d);
	return 1;
}

static int encode64(lua_State *L, int variant)
{
	size_t n;
	const char *p = luaL_checklstring(L, 1, &n);
	luaL_argcheck(L, n < SIZE_MAX / 2, 1, "too long");
	size_t max = sodium_base64_encoded_len(n, variant);
	luaL_Buffer b;
	char *out = luaL_buffinitsize(L, &b, max);
	(void)sodium_bin2base64(out, max, (const unsigned char *)p, n, variant);
	luaL_pushresultsize(&b, max - 1);
	return 1;
}

/* nil when the text is not in that alphabet */
static int decode64(lua_State *L, int variant)
{
	size_t n, got = 0;
	const char *p = luaL_checklstring(L, 1, &n), *end = NULL;
	luaL_Buffer b;
	char *out = luaL_buffinitsize(L, &b, n + 1);
	bool ok = sodium_base642bin((unsigned char *)out, n + 1, p, n, NULL, &got, &end, variant) == 0 && end == p + n;
	luaL_pushresultsize(&b, ok ? got : 0);
	if (!ok)
		lua_pushnil(L);
	return 1;
}

/* host.hash.base64(bytes) -> text (RFC 4648 §4) */
static int l_base64(lua_State *L)
{
	return encode64(L, sodium_base64_VARIANT_ORIGINAL);
}

/* host.hash.unbase64(text) -> bytes | nil */
static int l_unbase64(lua_State *L)
{
	return decode64(L, sodium_base64_VARIANT_ORIGINAL);
}

/* host.hash.base64url(bytes) -> text without padding (RFC 4648 §5) */
static int l_base64url(lua_State *L)
{
	return encode64(L, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* host.hash.unbase64url(text) -> bytes | nil */
static int l_unbase64url(lua_State *L)
{
	return decode64(L, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

/* host.hash.hex(bytes) -> text */
static int l_hex(lua_State *L)
{
	size_t n;
	const char *p = luaL_checklstring(L, 1, &n);
	luaL_argcheck(L, n < SIZE_MAX / 4, 1, "too long");
	push_hex(L, (const unsigned char *)p, n);
	return 1;
}

/* host.hash.unhex(text) -> bytes | nil */
static int l_unhex(lua_State *L)
{
	size_t n, got = 0;
	const char *p = luaL_checklstring(L, 1, &n), *end = NULL;
	luaL_Buffer b;
	char *out = luaL_buffinitsize(L, &b, n + 1);
	bool ok = sodium_hex2bin((unsigned char *)out, n + 1, p, n, NULL, &got, &end) == 0 && end == p + n;
	luaL_pushresultsize(&b, ok ? got : 0);
	if (!ok)
		lua_pushnil(L);
	return 1;
}

/* host.hash.random(n) -> n random bytes */
static int l_random(lua_State *L)
{
	lua_Integer n = luaL_checkinteger(L, 1);
	luaL_argcheck(L, n >= 0 && n <= 65536, 1, "0 to 65536");
	luaL_Buffer b;
	char *out = luaL_buffinitsize(L, &b, (size_t)n);
	randombytes_buf(out, (size_t)n);
	luaL_pushresultsize(&b, (size_t)n);
	return 1;
}

/* host.hash.equal(a, b) -> boolean, in time that depends on the lengths alone */
static int l_equal(lua_State *L)
{
	size_t na, nb;
	const char *a = luaL_checklstring(L, 1, &na), *b = luaL_checklstring(L, 2, &nb);
	lua_pushboolean(L, na == nb && sodium_memcmp(a, b, na) == 0);
	return 1;
}

/* host.hash.blake2b(bytes) -> 64 bytes */
static int l_blake2b(lua_State *L)
{
	size_t n;
	const char *p = luaL_checklstring(L, 1, &n);
	unsigned char d[crypto_generichash_BYTES_MAX];
	(void)crypto_generichash(d, sizeof d, (const unsigned char *)p, n, NULL, 0);
	lua_pushlstring(L, (const char *)d, sizeof d);
	return 1;
}

/* host.hash.ed25519(signature, bytes, public key) -> boolean (RFC 8032) */
static int l_ed25519(lua_State *L)
{
	size_t ns, n, nk;
	const char *sig = luaL_checklstring(L, 1, &ns), *p = luaL_checklstring(L, 2, &n), *key = luaL_checklstring(L, 3, &nk);
	luaL_argcheck(L, ns == crypto_sign_BYTES, 1, "64 bytes");
	luaL_argcheck(L, nk == crypto_sign_PUBLICKEYBYTES, 3, "32 bytes");
	lua_pushboolean(L, crypto_sign_verify_detached((const unsigned char *)sig, (const unsigned char *)p, n,
						       (const unsigned char *)key) == 0);
	return 1;
}

void hostlib_hash(lua_State *L)
{
	static const luaL_Reg hash[] = {
		{ "sha256", l_sha256 },       { "hmac_sha256", l_hmac },       { "base64", l_base64 },
		{ "unbase64", l_unbase64 },   { "base64url", l_base64url },    { "unbase64url", l_unbase64url },
		{ "hex", l_hex },             { "unhex", l_unhex },            { "random", l_random },
		{ "equal", l_equal },         { "blake2b", l_blake2b },      { "ed25519", l_ed25519 },
		{ NULL, NULL },
	};
	luaL_newlib(L, hash);
	lua_setfield(L, -2, "hash");
}
