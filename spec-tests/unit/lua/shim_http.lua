-- Promise: the shim of the host table with what the HTTP modules need beside it: secrets and base64.

package.path = "lua/?.lua;" .. package.path
local shim = require "shim_args"

-- A secret is a userdata, as in the host; the only ones that plain Lua can make are the names of upvalues.
local secrets, alive = {}, {}

function shim.secret(bytes)
  local function keeper() return bytes end
  local id = debug.upvalueid(keeper, 1)
  secrets[id], alive[#alive + 1] = bytes, keeper
  return id
end

function shim.is_secret(value) return type(value) == "userdata" and secrets[value] ~= nil end

function shim.reveal(value) return shim.is_secret(value) and secrets[value] or value end

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

shim.hash = shim.hash or {}

function shim.hash.base64(bytes)
  local out = {}
  for at = 1, #bytes, 3 do
    local a, b, c = bytes:byte(at, at + 2)
    local n = (a << 16) | ((b or 0) << 8) | (c or 0)
    for i = 0, 3 do
      local digit = (n >> (18 - 6 * i)) & 63
      out[#out + 1] = (i == 2 and not b or i == 3 and not c) and "=" or DIGITS:sub(digit + 1, digit + 1)
    end
  end
  return table.concat(out)
end

local encode = shim.json.encode

-- With `raw` the bytes of secrets are written, as in the host.
function shim.json.encode(value, opts)
  local function reveal(v)
    if shim.is_secret(v) then return shim.reveal(v) end
    if type(v) ~= "table" or v == shim.json.null then return v end
    local copy = {}
    for key, each in pairs(v) do copy[key] = reveal(each) end
    return shim.json.is_array(v) and shim.json.array(copy) or copy
  end
  return encode(opts and opts.raw and reveal(value) or value, opts)
end

package.loaded.host = shim
return shim
