-- Promise: replaces strings that look like tokens, keys or encoded data by a summary (REQ-F-058), and nothing else:
-- ids, digests, versions, paths and declared binary data stay whole.

local host = require "host"
local units = require "units"

local M = {}

local json = host.json

-- Names of fields whose long values are no secrets.
local HARMLESS = {
  "id$", "digest$", "sha%d*$", "hash$", "checksum$", "etag$", "version$", "path$", "file$", "dir$", "commit$",
  "revision$", "fingerprint$", "cursor$", "url$", "ref$",
}
local KEYS = { "^sk%-[%w_-]+$", "^gh[pousr]_%w+$", "^github_pat_[%w_]+$", "^xox[abprs]%-[%w-]+$", "^AKIA[%u%d]+$",
  "^glpat%-[%w_-]+$", "^AIza[%w_-]+$" }

local function decode_segment(segment)
  local bytes = host.hash.unbase64((segment:gsub("-", "+"):gsub("_", "/")) .. ("="):rep(-#segment % 4))
  local value = bytes and bytes:sub(1, 1) == "{" and json.decode(bytes)
  return type(value) == "table" and value or nil
end

local function jwt(text)
  local head, body = text:match("^([%w_-]+)%.([%w_-]+)%.[%w_-]+$")
  local header = head and decode_segment(head)
  if not header or header.alg == nil then return nil end
  local claims = decode_segment(body) or {}
  local sub, exp = claims.sub, claims.exp
  return string.format("[JWT: sub=%s, exp=%s]", type(sub) == "string" and sub or "unknown",
    type(exp) == "number" and units.datetime(exp) or "unknown")
end

-- A long path is made of the same characters as base64.
local function looks_like_path(text)
  if not text:find("^/[^/+=]+/") or text:find("[+=]") then return false end
  for part in text:gmatch("[^/]+") do
    if #part > 32 then return false end
  end
  return true
end

local function base64(text)
  if #text < 40 or not text:find("^[%w+/]+=?=?$") or looks_like_path(text) then return nil end
  local digits = text:gsub("=+$", "")
  if #digits < 40 then return nil end
  return string.format("[BASE64: %d bytes]", #digits * 3 // 4)
end

local function key(text)
  local shown = #text >= 24 and 8 or #text // 4
  return "[KEY: " .. text:sub(1, shown) .. "...]"
end

--- The summary of one string under this field name, or nil when it may be shown.
function M.text(text, name)
  if #text < 20 then return nil end
  local token = jwt(text)
  if token then return token end
  for i = 1, #KEYS do
    if text:find(KEYS[i]) then return key(text) end
  end
  local lower = name and name:lower()
  for i = 1, lower and #HARMLESS or 0 do
    if lower:find(HARMLESS[i]) then return nil end
  end
  return base64(text)
end

local function declared(value)
  if type(value) ~= "string" then return "[REDACTED]" end
  return jwt(value) or base64(value) or key(value)
end

--- Masks a shaped value in place and returns it. `sensitive` is the set of fields that are always masked, `exempt` that
--- of fields that never are.
function M.value(value, sensitive, exempt, name)
  if type(value) == "string" then
    if exempt[name] then return value end
    return M.text(value, name) or value
  end
  if type(value) ~= "table" or value == json.null then return value end
  if value.type == "binary" and value.encoding == "base64" and value.size_bytes then return value end
  for k, item in pairs(value) do
    if sensitive[k] and item ~= json.null then
      value[k] = declared(item)
    else
      local masked = M.value(item, sensitive, exempt, type(k) == "string" and k or name)
      if masked ~= item then value[k] = masked end
    end
  end
  return value
end

return M
