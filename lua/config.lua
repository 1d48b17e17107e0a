-- Configuration: what files and the environment say beside the command line.
-- Promise: flags beat environment beats files; a file that is not valid is named with its position and never overwritten;
-- a write is whole or does not happen, and keys that nobody knows stay (REQ-F-028, F-070, C-025, O-016).

local failure = require "failure"
local host = require "host"

local config = {}

local MAX_FILE = 1024 * 1024

local function home()
  local dir = host.env "HOME"
  return dir and dir ~= "" and dir or nil
end

--- `~/…` with the home directory of the invocation; nil without HOME.
function config.expand(path)
  if path:sub(1, 2) ~= "~/" then return path end
  return home() and home() .. path:sub(2) or nil
end

--- The user's directory of a kind ("config", "data", "cache", "state") for the tool; nil without HOME.
function config.directory(kind)
  local defaults = { config = "/.config", data = "/.local/share", cache = "/.cache", state = "/.local/state" }
  local base = host.env("XDG_" .. kind:upper() .. "_HOME")
  if not base or base:sub(1, 1) ~= "/" then base = home() and home() .. defaults[kind] end
  return base and base .. "/tool"
end

-- The file that a command's configuration lives in; nil when there is none.
local function path_of(C, globals)
  if globals.no_config then return nil end
  if globals.config then return globals.config, true end
  local suite = C and C.suite
  if suite and suite.config and suite.config.file then return config.expand(suite.config.file) end
  local named = host.env "TOOL_CONFIG"
  if named and named ~= "" then return named, true end
  local dir = config.directory "config"
  return dir and dir .. "/config.json"
end

local function read(path, must_exist)
  local text, err = host.file.read(path, MAX_FILE)
  if not text then
    if err.code == "NOT_FOUND" and not must_exist then return nil end
    failure.raise("CONFIG_INVALID", { message = err.message, context = { file = path },
      fix = "Name a readable configuration file" })
  end
  local value, problem = host.json.decode(text)
  if value == nil or type(value) ~= "table" or host.json.is_array(value) then
    local what = problem and ("%s at line %d, column %d"):format(problem.message, problem.line, problem.column)
      or "it is not an object"
    failure.raise("CONFIG_INVALID", {
      message = ("%s is not valid JSON: %s."):format(path, what),
      context = { file = path, line = problem and problem.line, column = problem and problem.column },
      fix = "Correct or remove " .. path,
    })
  end
  return value, text
end

-- A dotted key inside nested tables.
local function dig(values, key)
  if values[key] ~= nil then return values[key] end
  local at = values
  for part in key:gmatch "[^.]+" do
    if type(at) ~= "table" then return nil end
    at = at[part]
  end
  return at
end

--- Opens the configuration of a command (nil: the tool's own). Nothing is read before the first get.
--- @return table { get(key) -> value, source; set(key, value); unset(key); path; sources() -> paths; hash() }
function config.open(C, globals)
  local self = { path = nil }
  local values, text, loaded
  local must_exist
  self.path, must_exist = path_of(C, globals)

  local function load()
    if loaded then return end
    loaded = true
    if self.path then values, text = read(self.path, must_exist) end
  end

  function self.get(key)
    load()
    local value = values and dig(values, key)
    if value == nil or value == host.json.null then return nil end
    return value, self.path
  end

  function self.sources()
    load()
    return host.json.array(values and { self.path } or {})
  end

  function self.hash()
    load()
    return host.hash.sha256(text and self.path .. "\0" .. text or ""):sub(1, 6)
  end

  local function write(change)
    if not self.path then
      failure.raise("CONFIG_INVALID", { message = "There is no configuration file to write to.",
        fix = "Set HOME, or pass --config" })
    end
    local dir = self.path:match("^(.*)/[^/]*$")
    local ok, err = host.file.mkdir(dir, 448, true)
    if not ok then failure.raise(err.code, err) end
    local lock, held = host.file.lock(self.path .. ".lock", 10000)
    if not lock then failure.raise(held.code, { message = held.message, context = { path = self.path } }) end
    local lock_ <close> = lock
    local current = read(self.path) or host.json.object({})
    local old = change(current)
    local done, problem = host.file.write(self.path, host.json.encode(current, { pretty = 2, raw = true }) .. "\n",
      { mode = 384 })
    if not done then failure.raise(problem.code, problem) end
    host.file.remove(self.path .. ".lock")
    values, loaded = current, true
    return old
  end

  --- Sets several keys at once; secrets are written as their bytes. Returns the old values by key.
  function self.update(changes)
    return write(function(current)
      local old = {}
      for key, value in pairs(changes) do
        old[key] = current[key]
        if host.is_secret(value) then value = host.reveal(value) end
        current[key] = value
      end
      return old
    end)
  end

  function self.set(key, value)
    local old = self.update { [key] = value }
    return { scope = "file", path = self.path, old = old[key] }
  end

  function self.unset(key)
    return write(function(current)
      local old = current[key]
      current[key] = nil
      return old
    end)
  end

  return self
end

return config
