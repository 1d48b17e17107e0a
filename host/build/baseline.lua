-- Release script: brings docs/baseline.json up to the built program.
--   lua5.4 host/build/baseline.lua build/tool docs/baseline.json
-- Promise: what is in the file stays there, so that a removed command can still be redirected; what is new is added with
-- the present version. Run it for a release, after `tool check` has passed.
local cjson = require "cjson"

local tool, file = arg[1], arg[2]
if not tool or not file then
  io.stderr:write("usage: baseline.lua TOOL FILE\n")
  os.exit(2)
end

local function slurp(path)
  local f = io.open(path, "rb")
  local text = f and f:read("a")
  if f then f:close() end
  return text
end

-- All contracts of the shipped commands alone.
local function contracts()
  local pipe = assert(io.popen(("env -i HOME=/nonexistent TOOL_MAX_OUTPUT_BYTES=1000000000 '%s' --schema"):format(tool)))
  local answer = cjson.decode(pipe:read("a"))
  assert(pipe:close() and answer.ok, "tool --schema failed")
  return answer.data.commands, answer.meta.global_flags, answer.meta.tool_version
end

-- The life of one thing: what was known of it, and what its contract says now.
local function life(known, now, version)
  known = type(known) == "table" and known or { introduced_in = now.introduced_in or version }
  for _, key in ipairs { "deprecated_in", "replacement", "removed_in" } do known[key] = now[key] or known[key] end
  return known
end

local function update(all, commands, version)
  for path, now in pairs(commands) do
    if not now.subcommands then
      local entry = life(all[path], now, version)
      entry.flags, entry.exit_codes = entry.flags or {}, entry.exit_codes or {}
      for name, flag in pairs(now.flags) do entry.flags[name] = life(entry.flags[name], flag, version) end
      for code in pairs(now.exit_codes) do entry.exit_codes[code] = entry.exit_codes[code] or { introduced_in = version } end
      all[path] = entry
    end
  end
  for path, entry in pairs(all) do
    if not commands[path] then entry.removed_in = entry.removed_in or version end
  end
end

local function encode(value, indent)
  if type(value) ~= "table" then return cjson.encode(value) end
  local keys, lines = {}, {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys)
  local leaf = true
  for _, key in ipairs(keys) do leaf = leaf and type(value[key]) ~= "table" end
  for i, key in ipairs(keys) do lines[i] = cjson.encode(key) .. ": " .. encode(value[key], indent .. " ") end
  if leaf then return "{" .. table.concat(lines, ", ") .. "}" end
  return "{\n" .. indent .. " " .. table.concat(lines, ",\n" .. indent .. " ") .. "\n" .. indent .. "}"
end

local text = slurp(file)
local known = text and cjson.decode(text) or { commands = {}, global_flags = {} }
local commands, globals, version = contracts()
version = version:match("^%d+%.%d+")
update(known.commands, commands, version)
for name, flag in pairs(globals) do known.global_flags[name] = life(known.global_flags[name], flag, version) end
known.version = version
local f = assert(io.open(file .. ".new", "wb"))
assert(f:write(encode(known, ""), "\n"))
assert(f:close())
assert(os.rename(file .. ".new", file))
