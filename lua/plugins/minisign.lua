--- Detached signatures in the format of minisign.
-- Promise: a signature is good only when key, content and trusted comment all agree; nothing is asked of the network.
-- Layout (jedisct1.github.io/minisign): an untrusted comment, base64 of algorithm (2), key id (8) and signature (64), a
-- trusted comment, base64 of the signature (64) over signature and trusted comment. "Ed" signs the bytes, "ED" their
-- BLAKE2b hash.

local host = require "host"

local minisign = {}

local COMMENT, TRUSTED = "untrusted comment: ", "trusted comment: "

local function lines_of(text)
  local lines = {}
  for line in text:gmatch("[^\r\n]+") do lines[#lines + 1] = line end
  return lines
end

-- The eight bytes of a key's id as the minisign program shows them.
local function shown_id(bytes)
  return (host.hash.hex(bytes:reverse()):upper())
end

--- Reads a public key: the line of base64, or the text of a .pub file.
--- @return table { id, shown, bytes } | nil
function minisign.key(text)
  local lines = lines_of(text)
  local line = lines[1] and lines[1]:sub(1, #COMMENT) == COMMENT and lines[2] or lines[1]
  local bytes = line and host.hash.unbase64((line:gsub("%s+", "")))
  if not bytes or #bytes ~= 42 or bytes:sub(1, 2) ~= "Ed" then return nil end
  return { id = bytes:sub(3, 10), shown = shown_id(bytes:sub(3, 10)), bytes = bytes:sub(11) }
end

-- Reads the text of a .minisig file: { algorithm, id, signature, comment, global } | nil
local function read(text)
  local lines = lines_of(text)
  local first, global = lines[2] and host.hash.unbase64(lines[2]), lines[4] and host.hash.unbase64(lines[4])
  if #lines ~= 4 or lines[1]:sub(1, #COMMENT) ~= COMMENT or lines[3]:sub(1, #TRUSTED) ~= TRUSTED
    or not first or #first ~= 74 or not global or #global ~= 64 then
    return nil
  end
  return { algorithm = first:sub(1, 2), id = first:sub(3, 10), signature = first:sub(11), comment = lines[3]:sub(#TRUSTED + 1),
    global = global }
end

--- Checks the signature of bytes against public keys, of which one must have made it.
--- @return table { key_id, comment, public_key } | nil, reason
function minisign.verify(bytes, text, keys)
  local signature = read(text)
  if not signature then return nil, "it is not a signature of minisign" end
  local key
  for _, one in ipairs(keys) do
    if one.id == signature.id then key = one end
  end
  if not key then return nil, ("it was made with the key %s, which is not one of yours"):format(shown_id(signature.id)) end
  local signed = bytes
  if signature.algorithm == "ED" then
    signed = host.hash.blake2b(bytes)
  elseif signature.algorithm ~= "Ed" then
    return nil, "its algorithm is not known"
  end
  if not host.hash.ed25519(signature.signature, signed, key.bytes) then return nil, "the content is not what was signed" end
  if not host.hash.ed25519(signature.global, signature.signature .. signature.comment, key.bytes) then
    return nil, "its trusted comment was changed"
  end
  return { key_id = key.shown, comment = (host.text.clean(signature.comment)),
    public_key = host.hash.base64("Ed" .. key.id .. key.bytes) }
end

return minisign
