/* Fuzzing of the readers of public keys and signatures. The input is a public key's text, an empty line, and a
 * signature's text, over the bytes "content". For any bytes nothing fails, and what is good says only what the holder of
 * the key has signed. */
#include "../helper/framework.h"
#include "fuzz_main.h"

static const char HARNESS[] =
    "local minisign, hash = require 'plugins.minisign', require('host').hash\n"
    /* of the key that signed corpus/signature/good */
    "local OWNER = '4e40120b721f4d3b2353db38e447488f776fb4f189509147ce2ed107de55d3e7'\n"
    "return function(input)\n"
    "  local first, second = input:match '^(.-)\\n\\n(.*)$'\n"
    "  local key = minisign.key(first or input)\n"
    "  assert(not key or #key.id == 8 and #key.bytes == 32 and #key.shown == 16, 'a key in parts')\n"
    "  local by, why = minisign.verify('content', second or input, { key })\n"
    "  assert(by or why, 'refused without a reason')\n"
    "  assert(not by or by.comment == 'one 1.0' and hash.sha256(key.bytes) == OWNER, 'good, and nobody signed it')\n"
    "end";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return framework_fuzz(HARNESS, NULL, NULL, data, size);
}
