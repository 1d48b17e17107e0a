--- `tool status`: who is logged in, which configuration holds, what is on disk.
-- Promise: changes nothing, succeeds whatever state exists, shows no secret (REQ-O-028, REQ-C-011).

local config = require "config"
local credentials = require "credentials"
local redact = require "redact_args"
local settings = require "settings"
local side_effects = require "side_effects"

local host, null -- ctx.framework.host and JSON null, known when the command runs

local MAX_STATE = 1 << 20

-- A state file's JSON object, or nil for anything else.
local function read_object(path)
  local text = host.file.read(path, MAX_STATE)
  local value = text and host.json.decode(text)
  return type(value) == "table" and value ~= null and not host.json.is_array(value) and value or nil
end

-- The names of a configuration's values; no value is shown.
local function keys_of(path)
  local names = {}
  for name in pairs(read_object(path) or {}) do
    names[#names + 1] = redact.is_secret_name(name) and "[REDACTED]" or name
  end
  table.sort(names)
  return #names > 0 and "holds " .. table.concat(names, ", ") or nil
end

-- The files below a directory, sorted; links are not followed.
local function files_below(dir, out)
  local names = host.file.list(dir) or {}
  table.sort(names)
  for _, name in ipairs(names) do
    local path = dir .. "/" .. name
    local stat = host.file.stat(path, true)
    if stat and stat.type == "directory" then files_below(path, out)
    elseif stat then out[#out + 1] = path end
  end
  return out
end

local function is_below(path, dir)
  return dir and path:sub(1, #dir + 1) == dir .. "/"
end

-- What a file of the data directory is for.
local function data_purpose(path, dir)
  local name = path:sub(#dir + 2)
  if name:find("^audit%.jsonl") then return "audit log" end
  local kind = name:match("^([^/]+)/")
  return kind and "state of " .. kind or "state"
end

-- Every place of state that is known: array of { path, purpose, summary }.
local function places(contracts, conf)
  local list, seen = {}, {}
  local function add(path, purpose, summary)
    if path and path:sub(1, 1) == "/" and not seen[path] then
      seen[path] = true
      list[#list + 1] = { path = path, purpose = purpose, summary = summary }
    end
  end
  local dir, data = config.directory "config", config.directory "data"
  if dir then add(dir .. "/config.json", "configuration of this user", keys_of(dir .. "/config.json")) end
  local ok, sources = pcall(conf.sources)
  for _, path in ipairs(ok and sources or {}) do add(path, "configuration", keys_of(path)) end
  for _, C in ipairs(contracts) do
    local suite = C.suite
    local file = suite and suite.config and suite.config.file and config.expand(suite.config.file)
    file = file and config.aside(file)
    if file then add(file, "configuration of " .. suite.name, keys_of(file)) end
  end
  for _, path in ipairs(dir and files_below(dir .. "/credentials", {}) or {}) do
    local kept = read_object(path)
    local ends = kept and type(kept.expires_at) == "string" and kept.expires_at
    add(path, "credential", kept and (ends and "ends " .. ends or "has no end") or nil)
  end
  for _, path in ipairs(data and files_below(data, {}) or {}) do add(path, data_purpose(path, data)) end
  table.sort(list, function(a, b) return a.path < b.path end)
  return list, dir
end

-- Is there a credential that is still good, and when does the first of them end?
local function login_of(list, dir)
  local logged_in, ends = false, nil
  for _, place in ipairs(list) do
    local kept = is_below(place.path, dir and dir .. "/credentials") and read_object(place.path)
    if kept and type(kept.token) == "string" then
      local at = type(kept.expires_at) == "string" and kept.expires_at or credentials.expiry_of(kept.token)
      if not credentials.past(at) then
        logged_in = true
        if at and (not ends or at < ends) then ends = at end
      end
    end
  end
  return logged_in, ends
end

local function state_file(place, full)
  if not full then return { path = place.path, purpose = place.purpose } end
  local stat = host.file.stat(place.path, true)
  return { path = place.path, purpose = place.purpose, exists = stat ~= nil, size_bytes = stat and stat.size or 0,
    summary = place.summary or null }
end

local function state_files(list, full)
  local rows = host.json.array {}
  for _, place in ipairs(list) do
    if full or host.file.access(place.path, "f") then rows[#rows + 1] = state_file(place, full) end
  end
  return rows
end

local function declared(contracts)
  local rows = host.json.array {}
  for _, row in ipairs(side_effects.declared(contracts)) do
    local found, size = side_effects.existing(row.path), 0
    for _, path in ipairs(found) do size = size + side_effects.size(path) end
    rows[#rows + 1] = { path = row.path, type = row.type, exists = #found > 0, size_bytes = size,
      ttl_seconds = row.ttl_seconds or null, clearable_with = row.clear or null }
  end
  return rows
end

return {
  about = "Show who is logged in, which configuration holds and what is on disk",
  danger = "safe", scopes = {}, framework = true, since = "0.1", timeout = "30s", config = true, external = false,
  args = {
    { "show-side-effects", "boolean", "Also the places that commands declare to write" },
    { "show-state-files", "boolean", "Also what the files of state hold, and those that do not exist" },
  },
  returns = {
    logged_in = "boolean", current_context = "string!", token_expires = "datetime!",
    state_files = { list = { path = "path", purpose = "string", ["exists?"] = "boolean", ["size_bytes?"] = "integer",
      ["summary?"] = "string!" } },
    ["side_effects?"] = { list = { path = "path", type = "string", exists = "boolean", size_bytes = "integer",
      ttl_seconds = "integer!", clearable_with = "string!" } },
    ["effective_config?"] = { map = "any" }, ["sources?"] = { map = "string" },
    ["precedence_order?"] = { list = "string", ordered = true },
  },
  exits = { SUCCESS = "The state is shown, whatever it is" },
  examples = {
    { "In short", "tool status" },
    { "All that is known", "tool status --show-config --show-side-effects --show-state-files" },
  },
  run = function(args, ctx)
    host, null = ctx.framework.host, ctx.null
    local run, contracts = ctx.framework.run, (ctx.framework.contracts())
    local list, dir = places(contracts, run.config)
    local logged_in, ends = login_of(list, dir)
    local ok, context = pcall(run.config.context)
    local data = {
      logged_in = logged_in, current_context = ok and context or null, token_expires = ends or null,
      state_files = state_files(list, args.show_state_files),
    }
    if args.show_side_effects then data.side_effects = declared(contracts) end
    if run.globals.show_config then
      for key, value in pairs(settings.of(contracts, run.config, run.inv)) do data[key] = value end
    end
    return data
  end,
}
