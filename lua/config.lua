-- Configuration: what files and the environment say beside the command line.
-- Promise: flags beat environment beats files; a file that is not valid is named with its position and never overwritten;
-- a write is whole or does not happen, and keys that nobody knows stay (REQ-F-028, F-070, C-025, O-016).

local failure = require "failure"
local host = require "host"
local absolute = require("values").absolute

local ipairs, pairs, tostring, type = ipairs, pairs, tostring, type

local config = {}

local MAX_FILE = 1024 * 1024

local function home()
  local dir = host.env "HOME"
  return dir and dir ~= "" and dir or nil
end

-- Places of the tool that a contract names under ~, and the variables that move them.
local MOVED = {
  ["~/.config/"] = "XDG_CONFIG_HOME", ["~/.local/share/"] = "XDG_DATA_HOME", ["~/.cache/"] = "XDG_CACHE_HOME",
  ["~/.local/state/"] = "XDG_STATE_HOME",
}

--- `~/…` with the home directory of the invocation, or what the XDG variables put in its place; nil without HOME.
function config.expand(path)
  if path:sub(1, 2) ~= "~/" then return path end
  if path:sub(3, 3) == "." then
    for prefix, name in pairs(MOVED) do
      local base = path:sub(1, #prefix) == prefix and host.env(name)
      if base and base:sub(1, 1) == "/" then return base .. "/" .. path:sub(#prefix + 1) end
    end
  end
  return home() and home() .. path:sub(2) or nil
end

-- What lives under ~/.tool/instances/<id> when the caller named an instance (REQ-O-036); nil otherwise.
local function instance_root()
  return host.instance and home() and home() .. "/.tool/instances/" .. host.instance
end

--- Where a place of ~ that a contract declares in `writes` is for this instance: it moves aside with all other state.
function config.aside(path)
  local root, base = instance_root(), home()
  if not root or path ~= base and path:sub(1, #base + 1) ~= base .. "/" or path:sub(1, #root) == root then return path end
  return root .. "/home" .. path:sub(#base + 1)
end

--- The user's directory of a kind ("config", "data", "cache", "state") for the tool; nil without HOME.
function config.directory(kind)
  if host.instance then
    local root = instance_root()
    return root and (kind == "config" and root or root .. "/" .. kind)
  end
  local defaults = { config = "/.config", data = "/.local/share", cache = "/.cache", state = "/.local/state" }
  local base = host.env("XDG_" .. kind:upper() .. "_HOME")
  if not base or base:sub(1, 1) ~= "/" then base = home() and home() .. defaults[kind] end
  return base and base .. "/tool"
end

-- Names of a project's file, strongest first; the first is the one that is written (REQ-O-016, C-025).
local PROJECT = { ".tool-config", ".toolrc" }
local SYSTEM = "/etc/tool/config.json"

local function exists(path)
  return host.file.access(path, "f")
end

-- What another user put into a directory that everybody may write is not this project's configuration.
local function planted(dir, path)
  local of_dir, of_file = host.file.stat(dir), host.file.stat(path, true)
  return of_dir and of_file and of_dir.mode & 2 ~= 0 and of_file.uid ~= host.uid() and of_file.uid ~= 0
end

-- The nearest directory from cwd upwards that holds a project's file, or nil; and that directory's files.
local function project_of(cwd)
  local dir, found = host.file.above(cwd == "/" and "" or cwd, PROJECT), {}
  while dir do
    for _, name in ipairs(PROJECT) do
      local path = dir .. "/" .. name
      if exists(path) and not planted(dir .. "/", path) then found[#found + 1] = path end
    end
    if #found > 0 then return dir, found end
    dir = dir ~= "" and host.file.above(dir:match("^(.*)/[^/]*$"), PROJECT) or nil
  end
  return nil, found
end

local function user_file()
  local dir = config.directory "config"
  return dir and dir .. "/config.json"
end

local function suite_file(C)
  local suite = C and C.suite
  local named = suite and suite.config and suite.config.env and host.env(suite.config.env)
  if named and named ~= "" then return absolute(named, host.cwd) end
  local file = suite and suite.config and suite.config.file and config.expand(suite.config.file) or nil
  return file and config.aside(file)
end

--- Is the value of --config the configuration itself and no path (REQ-F-059)?
function config.is_inline(text)
  return text ~= nil and text:byte(1) == 123
end

-- The layers that may be read, strongest first: { path, must_exist }. --config is all there is; TOOL_CONFIG stands for
-- the project's files. A suite with a file of its own keeps credentials there: a project cannot redirect it.
local function layers_of(C, globals, cwd)
  if globals.no_config then return {} end
  if config.is_inline(globals.config) then return {} end
  local writer = C and C.danger ~= "safe" and (C.config or suite_file(C)) ~= nil
  if globals.config then return { { globals.config, not writer } } end
  local layers, named, own = {}, host.env "TOOL_CONFIG", suite_file(C)
  if named and named ~= "" then
    layers[1] = { named, not writer }
  elseif not own then
    if host.instance and exists(user_file() or "") then layers[1] = { user_file() } end
    local _, found = project_of(cwd)
    for _, path in ipairs(found) do layers[#layers + 1] = { path } end
  end
  for _, path in ipairs { own or false, user_file() or false, SYSTEM } do
    if path and exists(path) and not (layers[1] and layers[1][1] == path) then layers[#layers + 1] = { path } end
  end
  return layers
end

-- Every file that could be a layer without --config, there or not.
local function candidates_of(C, cwd)
  local list, named, own = {}, host.env "TOOL_CONFIG", suite_file(C)
  if named and named ~= "" then
    list[1] = absolute(named, host.cwd)
  elseif not own then
    local dir = cwd == "/" and "" or cwd
    while dir do
      for _, name in ipairs(PROJECT) do list[#list + 1] = dir .. "/" .. name end
      dir = dir:match("^(.*)/[^/]*$")
    end
  end
  for _, path in ipairs { own or false, user_file() or false, SYSTEM } do
    if path then list[#list + 1] = path end
  end
  return list
end

-- The file that a write goes to, and its scope; nil when there is none.
local function target_of(C, globals, cwd, global)
  if globals.no_config or config.is_inline(globals.config) then return nil end
  if globals.config then return globals.config, "file" end
  local own = suite_file(C)
  if own then return own, "suite" end
  if global then return user_file(), "global" end
  local named = host.env "TOOL_CONFIG"
  if named and named ~= "" then return named, "local" end
  if host.instance then return user_file(), "instance" end
  return (project_of(cwd) or (cwd == "/" and "" or cwd)) .. "/" .. PROJECT[1], "local"
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

local function read(path, must_exist)
  local text, err = host.file.read(path, MAX_FILE)
  if not text then
    if err.code == "NOT_FOUND" and not must_exist then return nil end
    failure.raise("CONFIG_INVALID", { message = err.message, context = { file = path },
      fix = "Name a readable configuration file" })
  end
  local value, problem = host.json.decode(text)
  if value == nil or type(value) ~= "table" or host.json.is_array(value) then
    local what = problem and failure.place(problem)
      or "it is not an object"
    failure.raise("CONFIG_INVALID", {
      message = ("%s is not valid JSON: %s."):format(path, what),
      context = { file = path, line = problem and problem.line, column = problem and problem.column },
      fix = "Correct or remove " .. path,
    })
  end
  return value, text
end

--- A value that the user's own file or else the system's gives to a dotted key, never a project's. nil when neither has it
--- or can be read: whoever needs the file itself says what is wrong with it.
function config.personal(key)
  for _, path in ipairs { user_file() or false, SYSTEM } do
    local ok, values
    if path and exists(path) then ok, values = pcall(read, path) end
    local value = ok and values and dig(values, key)
    if value ~= nil and value ~= host.json.null and value then return value end
  end
end

-- The configuration that stands on the command line, JSON or JSON5.
local function read_inline(text)
  local value, problem = require("json5").decode(text)
  if type(value) == "table" and not host.json.is_array(value) then return value end
  failure.raise("CONFIG_INVALID", { message = "--config is neither a path nor an object: "
    .. (problem and problem.message or "it is something else") .. ".", fix = "Pass a path, or an object in JSON" })
end

-- The parts of the named context, strongest first, each as a layer of its own (REQ-O-024). Without --context the
-- strongest file that names a current_context decides.
local function context_layers(layers, globals)
  if globals.no_config then return {}, nil end
  local name = globals.context
  for _, layer in ipairs(layers) do
    if name then break end
    name = type(layer.values.current_context) == "string" and layer.values.current_context or nil
  end
  local found, known = {}, {}
  for _, layer in ipairs(name and layers or {}) do
    local contexts = layer.values.contexts
    for key, values in pairs(type(contexts) == "table" and contexts or {}) do
      if key == name and type(values) == "table" then
        found[#found + 1] = { path = layer.path, values = values, overlay = true }
      end
      known[#known + 1] = tostring(key)
    end
  end
  if name and #found == 0 then
    table.sort(known)
    failure.raise("CONTEXT_NOT_FOUND", { message = ("The configuration has no context %s."):format(name),
      context = { context = name, known = host.json.array(known) } })
  end
  return found, name
end

-- Removes temporary files of writers that were killed; whoever holds the lock is the only writer.
local function remove_leftovers(dir, path)
  local prefix = path:match("[^/]*$") .. ".tmp-"
  for _, name in ipairs(host.file.list(dir) or {}) do
    if name:sub(1, #prefix) == prefix then host.file.remove(dir .. "/" .. name) end
  end
end

-- The table and the key in it that a dotted name stands for.
local function place(values, name)
  if values[name] ~= nil then return values, name end
  local at, head, tail = values, name:match("^(.*)%.([^.]+)$")
  for part in (head or ""):gmatch "[^.]+" do
    at = type(at) == "table" and at[part] or nil
  end
  if head and type(at) == "table" and not host.json.is_array(at) then return at, tail end
  return values, name
end

-- Puts the bytes of secrets in their place.
local function reveal_all(t)
  for key, value in pairs(t) do
    if host.is_secret(value) then t[key] = host.reveal(value)
    elseif type(value) == "table" then reveal_all(value) end
  end
end

--- Opens the configuration of a command (nil: the tool's own). cwd: the effective directory of the invocation. Nothing is
--- read before the first get.
--- @return table { get(key) -> value, source; set(key, value); update(changes); change(fn);
--- unset(key); aim(global); path; sources()
---   -> paths, strongest first; hash(more) -> 6 hex digits, more: text of values that came from the environment }
function config.open(C, globals, cwd)
  local self, layers, context = {}, nil, nil
  local candidates, seen -- paths, and what they were when they were read

  local function load()
    if layers then return end
    layers = {}
    for _, layer in ipairs(layers_of(C, globals, cwd)) do
      local values, text = read(layer[1], layer[2])
      if values then layers[#layers + 1] = { path = layer[1], values = values, text = text } end
    end
    if config.is_inline(globals.config) and not globals.no_config then
      layers[1] = { path = "--config", values = read_inline(globals.config), text = globals.config, inline = true }
    end
    local found
    found, context = context_layers(layers, globals)
    if context then layers = table.move(layers, 1, #layers, #found + 1, found) end
  end

  --- The name of the context that is in use, or nil.
  function self.context()
    load()
    return context
  end

  --- Chooses the file that is written: the project's, or with `global` the user's.
  function self.aim(global)
    self.path, self.scope = target_of(C, globals, cwd, global)
  end

  function self.get(key)
    load()
    for _, layer in ipairs(layers) do
      local value = dig(layer.values, key)
      if value ~= nil and value ~= host.json.null then return value, layer.path end
    end
    return nil
  end

  --- Loads it, for is_fresh to tell later whether the same files would be read. Without --config and the like.
  function self.mark()
    candidates = candidates_of(C, cwd)
    seen = host.file.state(candidates)
    load()
  end

  function self.is_fresh()
    return host.file.state(candidates) == seen
  end

  --- All values by their top-level keys, each with the file that it comes from.
  function self.all()
    load()
    local values, sources = {}, {}
    for i = #layers, 1, -1 do
      for key, value in pairs(layers[i].values) do
        if value ~= host.json.null then values[key], sources[key] = value, layers[i].path end
      end
    end
    return values, sources
  end

  function self.sources()
    load()
    local paths = {}
    for _, layer in ipairs(layers) do
      if not layer.overlay and not layer.inline then paths[#paths + 1] = layer.path end
    end
    return host.json.array(paths)
  end

  -- The files in their order decide every resolved value, so their names and bytes are what is hashed (REQ-F-028).
  function self.hash(more)
    load()
    local parts = {}
    for i, layer in ipairs(layers) do
      parts[i] = layer.overlay and layer.path .. "\0@" .. context or layer.path .. "\0" .. #layer.text .. "\0" .. layer.text
    end
    return host.hash.sha256(table.concat(parts) .. (more or "")):sub(1, 6)
  end

  local function write(change)
    if not self.path then self.aim(false) end
    if not self.path then
      failure.raise("CONFIG_INVALID", { message = "There is no configuration file to write to.",
        fix = "Set HOME, or pass --config" })
    end
    if self.before_write then self.before_write(self.path) end
    local dir = self.path:match("^(.*)/[^/]*$")
    local ok, err = host.file.mkdir(dir, 448, true)
    if not ok then failure.raise(err.code, err) end
    local lock, held = host.file.lock(self.path .. ".lock", 10000)
    if not lock then failure.raise(held.code, { message = held.message, context = { path = self.path } }) end
    local _ <close> = lock
    remove_leftovers(dir, self.path)
    local current = read(self.path) or host.json.object({})
    local old = change(current)
    local done, problem = host.file.write(self.path, host.json.encode(current, { pretty = 2, raw = true }) .. "\n",
      { mode = 384 })
    if not done then failure.raise(problem.code, problem) end
    layers = nil
    if self.after_write then self.after_write(self.path, self.scope) end
    return old
  end

  --- Sets several keys at once; secrets are written as their bytes. Returns the old values by key.
  function self.update(changes)
    return write(function(current)
      local old = {}
      for key, value in pairs(changes) do
        local at, name = place(current, key)
        old[key] = at[name]
        if host.is_secret(value) then value = host.reveal(value) end
        at[name] = value
      end
      return old
    end)
  end

  function self.set(key, value)
    local old = self.update { [key] = value }
    return { scope = self.scope, path = self.path, old = old[key] }
  end

  --- Lets fn change the whole content of the file that is written, under its lock; secrets are written as their bytes.
  function self.change(fn)
    write(function(current)
      fn(current)
      reveal_all(current)
    end)
  end

  --- Removes a key from the file that is written. Answers as set does.
  function self.unset(key)
    local old = write(function(current)
      local at, name = place(current, key)
      local value = at[name]
      at[name] = nil
      return value
    end)
    return { scope = self.scope, path = self.path, old = old }
  end

  return self
end

return config
