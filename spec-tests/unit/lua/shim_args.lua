-- Promise: the part of the host table that the pure modules (args, output, help, public modules) need, in plain Lua,
-- so that they can be tested without the binary. `require` it first; it puts itself where `require "host"` looks.

package.path = "lua/?.lua;" .. package.path

local shim = { version = "0.1.0", program = "tool", cwd = "/proj", argv = {}, globals = {} }

shim.variables, shim.files = {}, {}      -- what host.env and host.file.read answer, set by tests

function shim.env(name) return shim.variables[name] end

shim.file = {
  read = function(path)
    local bytes = shim.files[path]
    if bytes then return bytes end
    return nil, { code = "NOT_FOUND", message = "No such file.", path = path }
  end,
}

-- JSON: arrays are known by a mark, as in the host.
local null, marks = setmetatable({}, { __tostring = function() return "null" end }), setmetatable({}, { __mode = "k" })
local json = { null = null }
shim.json = json

function json.array(t) marks[t] = true return t end
function json.plain() return false end -- of no value is it sure
function json.object(t) marks[t] = false return t end
function json.is_array(t)
  local mark = marks[t]
  if mark ~= nil then return mark end
  if next(t) == nil then return nil end
  return t[1] ~= nil
end

-- A small strict reader (RFC 8259).
local ESCAPE = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }
local WORD = { ["true"] = true, ["false"] = false, ["null"] = null }

local function stop_at(at, message) error({ message = message, line = 1, column = at, offset = at - 1 }, 0) end

local function read_string(text, at)
  local stop = at + 1
  while true do
    local c = text:match('^["\\]', text:find('["\\%c]', stop) or #text + 1)
    if not c then stop_at(at, "bad string") end
    stop = text:find('["\\%c]', stop)
    if c == '"' then break end
    stop = stop + 2
  end
  local body = text:sub(at + 1, stop - 1)
  body = body:gsub("\\(.)(%x?%x?%x?%x?)", function(c, hex)
    if c ~= "u" then return (ESCAPE[c] or stop_at(at, "bad escape")) .. hex end
    return #hex == 4 and utf8.char(tonumber(hex, 16)) or stop_at(at, "bad escape")
  end)
  return body, stop + 1
end

local function read(text, at, depth)
  at = text:find("[^ \t\r\n]", at) or #text + 1
  local c = text:sub(at, at)
  if depth > 100 then stop_at(at, "nested too deeply") end
  if c == '"' then return read_string(text, at) end
  if c == "[" or c == "{" then
    local close, out = c == "[" and "]" or "}", c == "[" and json.array {} or json.object {}
    at = text:find("[^ \t\r\n]", at + 1) or #text + 1
    if text:sub(at, at) == close then return out, at + 1 end
    while true do
      local key, value
      if c == "{" then
        at = text:find("[^ \t\r\n]", at) or #text + 1
        if text:sub(at, at) ~= '"' then stop_at(at, "expected a key") end
        key, at = read_string(text, at)
        at = text:match("^[ \t\r\n]*:()", at) or stop_at(at, "expected :")
      end
      value, at = read(text, at, depth + 1)
      out[key or #out + 1] = value
      local sign, after = text:match("^[ \t\r\n]*([,%]}])()", at)
      if not sign or (sign ~= "," and sign ~= close) then stop_at(at, "expected , or " .. close) end
      at = after
      if sign == close then return out, at end
    end
  end
  local word = text:match("^%a+", at)
  if word and WORD[word] ~= nil then return WORD[word], at + #word end
  local number = text:match("^-?%d+%.?%d*[eE]?[+-]?%d*", at)
  local value = number and not number:find("^-?0%d") and tonumber(number)
  if not value or value == math.huge or value == -math.huge then stop_at(at, "unexpected text") end
  return value, at + #number
end

function json.decode(text)
  local ok, value, at = pcall(read, text, 1, 0)
  if not ok then return nil, value end
  if text:find("[^ \t\r\n]", at) then return nil, { message = "trailing text", line = 1, column = at, offset = at } end
  return value
end

local function quote(s)
  return '"' .. s:gsub('[%c"\\\127]', function(c)
    local short = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\t"] = "\\t" }
    return short[c] or string.format("\\u%04x", c:byte())
  end) .. '"'
end

local function put(value, out, indent, level)
  local kind = type(value)
  if value == nil or value == null then out[#out + 1] = "null"
  elseif kind == "string" then out[#out + 1] = quote(value)
  elseif kind == "number" then
    out[#out + 1] = math.type(value) == "integer" and tostring(value) or (string.format("%.17g", value))
    if math.type(value) == "float" then
      for digits = 15, 17 do
        local text = string.format("%." .. digits .. "g", value)
        if tonumber(text) == value then out[#out] = text break end
      end
    end
  elseif kind == "boolean" then out[#out + 1] = tostring(value)
  elseif kind == "userdata" or getmetatable(value) and getmetatable(value).secret then
    out[#out + 1] = quote("[REDACTED]")
  else
    local array, first = json.is_array(value), true
    local gap = indent and "\n" .. (" "):rep(indent * (level + 1)) or ""
    out[#out + 1] = array and "[" or "{"
    local keys = {}
    for k in pairs(value) do keys[#keys + 1] = k end
    table.sort(keys)
    for _, k in ipairs(keys) do
      out[#out + 1] = (first and "" or ",") .. gap .. (array and "" or quote(k) .. (indent and ": " or ":"))
      put(value[k], out, indent, level + 1)
      first = false
    end
    out[#out + 1] = (indent and not first and "\n" .. (" "):rep(indent * level) or "") .. (array and "]" or "}")
  end
end

function json.encode(value, opts)
  local out = {}
  put(value, out, opts and opts.pretty, 0)
  return table.concat(out)
end

-- Bytes as text
local B64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local hash = {}
shim.hash = hash

function hash.base64(bytes)
  local out = {}
  for i = 1, #bytes, 3 do
    local a, b, c = bytes:byte(i, i + 2)
    local n = (a << 16) | ((b or 0) << 8) | (c or 0)
    for k, shift in ipairs { 18, 12, 6, 0 } do
      local at = ((n >> shift) & 63) + 1
      out[#out + 1] = (k == 3 and not b or k == 4 and not c) and "=" or B64:sub(at, at)
    end
  end
  return table.concat(out)
end

function hash.unbase64(text)
  text = text:gsub("-", "+"):gsub("_", "/"):gsub("=+$", "")
  if text:find("[^%w+/]") or #text % 4 == 1 then return nil, { code = "INVALID_ENCODING", message = "not base64" } end
  local out, n, bits = {}, 0, 0
  for c in text:gmatch(".") do
    n, bits = ((n << 6) | (B64:find(c, 1, true) - 1)) & 0xffffff, bits + 6
    if bits >= 8 then
      bits = bits - 8
      out[#out + 1] = string.char((n >> bits) & 255)
    end
  end
  return table.concat(out)
end

function hash.base64url(bytes) return (hash.base64(bytes):gsub("+", "-"):gsub("/", "_"):gsub("=", "")) end
function hash.hex(bytes) return (bytes:gsub(".", function(c) return string.format("%02x", c:byte()) end)) end

-- Not SHA-256: FNV-1a stretched to 64 hexadecimal digits. Good enough where only equality matters.
function hash.sha256(bytes)
  local h = 0xcbf29ce484222325
  for i = 1, #bytes do h = ((h ~ bytes:byte(i)) * 0x100000001b3) end
  return string.format("%016x", h):rep(4)
end
function hash.hmac_sha256(key, bytes) return hash.sha256(key .. "\0" .. bytes) end

shim.text = {
  width = function(s) return utf8.len(s) or #s end,
  clean = function(s) return (s:gsub("\27%[[%d;]*%a", ""):gsub("\r", "")), 0 end,
}

-- POSIX ERE: `grep -E` decides, which is the same dialect as regcomp's.
function shim.regex(pattern)
  local probe = io.popen("printf '' | grep -E -e '" .. pattern:gsub("'", "'\\''") .. "' 2>&1 >/dev/null; echo $?")
  local answer = probe:read("a")
  probe:close()
  if not answer:find("^[01]\n") then return nil, "pattern does not compile" end
  return {
    match = function(_, s)
      local name = os.tmpname()
      local f = assert(io.open(name, "w"))
      f:write(s)
      f:close()
      local ok = os.execute("grep -Eq -e '" .. pattern:gsub("'", "'\\''") .. "' " .. name)
      os.remove(name)
      return ok == true
    end,
  }
end

local Secret = { secret = true, __tostring = function() return "[REDACTED]" end }
function shim.secret(bytes) return setmetatable({ bytes = bytes }, Secret) end
function shim.reveal(s) return type(s) == "string" and s or s.bytes end
function shim.is_secret(s) return getmetatable(s) == Secret end

function shim.time() return 1710167400000 end
function shim.mono() return 0 end

package.loaded.host = shim
return shim
