--- A stand-in for the worker's `host` table, for unit tests under Debian's own lua5.4.
-- Promise: the parts that contracts, schemas and the manifest use behave like the real ones; files come from `files`,
-- the environment from `env`. Install it with package.loaded.host = require "host_shim".

local dkjson = require "dkjson"

local ARRAY, OBJECT = { __jsontype = "array" }, { __jsontype = "object" }

local function is_array(t)
  local mt = getmetatable(t)
  if mt == ARRAY then return true elseif mt == OBJECT then return false end
  if mt and mt.__jsontype then return mt.__jsontype == "array" end
  if #t > 0 then return true end
  if next(t) ~= nil then return false end
  return nil
end

local QUOTED = { ['"'] = '\\"', ["\\"] = "\\\\", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t" }

local function quote(s)
  return '"' .. s:gsub('[%c"\\]', function(c) return QUOTED[c] or ("\\u%04x"):format(c:byte()) end) .. '"'
end

local encode

local function encode_table(value)
  local parts = {}
  if is_array(value) then
    for i, item in ipairs(value) do parts[i] = encode(item) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  local keys = {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys)
  for i, key in ipairs(keys) do parts[i] = quote(key) .. ":" .. encode(value[key]) end
  return "{" .. table.concat(parts, ",") .. "}"
end

function encode(value)
  if value == dkjson.null or value == nil then return "null" end
  if type(value) == "table" then return encode_table(value) end
  if type(value) == "string" then return quote(value) end
  if type(value) == "number" and math.type(value) == "float" then return ("%.17g"):format(value) end
  return tostring(value)
end

local host = {
  version = "0.4.0", program = "tool", argv = {}, cwd = "/w", request_id = "r-1",
  env_table = {}, files = {},
  paths = {
    commands = "/opt/tool/commands", plugins = "/opt/tool/plugins", home = "/home/u", config = "/home/u/.config/tool",
    data = "/home/u/.local/share/tool", cache = "/home/u/.cache/tool", state = "/home/u/.local/state/tool",
    tmp = "/tmp",
  },
  globals = {
    { name = "help", type = "boolean", about = "Show help and exit", short = "h" },
    { name = "version", type = "boolean", about = "Print the version and exit", short = "V" },
    { name = "output", type = "enum", about = "Format of stdout",
      one_of = { "json", "jsonl", "tsv", "plain", "table", "id" } },
    { name = "timeout", type = "duration", about = "Time limit of the run, such as 30s; 0 for none" },
    { name = "fields", type = "list", about = "Keep only these fields of data" },
    { name = "verbose", type = "boolean", about = "Information and progress on stderr" },
    { name = "yes", type = "boolean", about = "Answer every question with yes" },
    { name = "non-interactive", type = "boolean", about = "Never ask; fail instead" },
  },
  json = {
    null = dkjson.null, encode = encode, is_array = is_array,
    decode = function(text) return dkjson.decode(text, 1, dkjson.null) end,
    array = function(t) return setmetatable(t, ARRAY) end,
    object = function(t) return setmetatable(t, OBJECT) end,
    ordered = function(t) return t end,
  },
  -- Not a digest: enough to tell equal texts from different ones.
  hash = {
    sha256 = function(bytes)
      local h = 5381
      for i = 1, #bytes do h = (h * 33 + bytes:byte(i)) & 0xffffffffffff end
      return ("%064x"):format(h)
    end,
  },
  regex = function(pattern)
    local depth = 0
    for c in pattern:gsub("\\.", ""):gmatch("[()%[%]]") do
      depth = depth + ((c == "(" or c == "[") and 1 or -1)
    end
    if depth ~= 0 then return nil, "unbalanced parenthesis" end
    return true
  end,
}

function host.env(name)
  return host.env_table[name]
end

function host.environ()
  return host.env_table
end

return host
