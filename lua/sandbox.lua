-- The environment in which files of authors are loaded and run.
-- Promise: a file sees an allow list of pure functions and the modules of its own suite or plugin; loading has no effects
-- and a step limit (design §4, authoring §1, REQ-F-068).

local host = require "host"

local sandbox = {}

local LOAD_STEPS = 2000000
local MAX_SOURCE = 1024 * 1024

local BASE = {
  "assert", "error", "getmetatable", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawlen", "rawset",
  "select", "tonumber", "tostring", "type", "xpcall", "_VERSION",
}
local LIBRARIES = { "math", "string", "table", "utf8", "coroutine" }

-- Public modules (authoring §1); everything else of the framework stays out of reach.
local PUBLIC = { lpeg = true, cjson = true }

local function copy(t)
  local c = {}
  for k, v in pairs(t) do c[k] = v end
  return c
end

local set = setmetatable

-- Lua calls finalizers at moments that nobody chose, where an interrupt cannot reach them.
local function set_metatable(object, meta)
  if type(meta) == "table" and rawget(meta, "__gc") ~= nil then
    error("__gc is not available to commands; ctx.hold closes what a run holds", 2)
  end
  return set(object, meta)
end

local function log(...)
  local parts = table.pack(...)
  for i = 1, parts.n do parts[i] = tostring(parts[i]) end
  host.send("L", "info", table.concat(parts, "\t"))
end

-- The bytes of a file; where hashes are known (a trusted project's) only those that were trusted.
local function read_source(file, hashes)
  local text, err = host.file.read(file, MAX_SOURCE)
  if not text then return nil, err end
  if hashes and hashes[file] ~= host.hash.sha256(text) then
    return nil, { message = file .. " is not what was trusted." }
  end
  return text
end

-- What a command requires is its own copy: the framework goes on with tables that no author can change.
local function public(name)
  local module = require(name)
  if name == "lpeg" then
    local meta = getmetatable(module.P(true))
    if meta.__metatable == nil then meta.__metatable = false end
  end
  return type(module) == "table" and copy(module) or module
end

-- Whether a file lies in a folder, wherever links lead: a plugin has no business in the files of others.
local function inside(file, folder)
  local real, base = host.file.real(file), host.file.real(folder)
  return real ~= nil and base ~= nil and real:sub(1, #base + 1) == base .. "/"
end

-- Runs a file's chunk in env under the step limit; its one result, or nil and a message.
local function evaluate(file, text, env)
  local chunk, message = host.load(text, "@" .. file, env)
  if not chunk then return nil, message end
  local ok, result = host.limited(LOAD_STEPS, chunk)
  if not ok then return nil, type(result) == "string" and result or file .. " raises an error that is no text" end
  return result
end

local function module_file(scope, name)
  local path = name:match("^lib%.([%w_.-]+)$")
  if not path or path:find("..", 1, true) then return nil end
  return scope.lib .. "/" .. path:gsub("%.", "/") .. ".lua"
end

local function make_require(scope, env)
  local loaded = {}
  return function(name)
    if type(name) ~= "string" then error("require needs a module name", 2) end
    if loaded[name] ~= nil then return loaded[name] end
    if scope.framework and (PUBLIC[name] or host.has_module(name)) then return require(name) end
    if PUBLIC[name] or name:find("^tool%.") and host.has_module(name) then
      loaded[name] = public(name)
      return loaded[name]
    end
    local file = scope.lib and module_file(scope, name)
    local text = file and inside(file, scope.lib) and read_source(file, scope.hashes)
    if not text then error("module '" .. name .. "' is not available here", 2) end
    local result, message = evaluate(file, text, env)
    if result == nil then error(message or file .. " returned nothing", 2) end
    loaded[name] = result
    return result
  end
end

local function environment(scope)
  local env = {}
  for _, name in ipairs(BASE) do env[name] = _G[name] end
  for _, name in ipairs(LIBRARIES) do env[name] = copy(_G[name]) end
  env.os = { time = os.time, date = os.date, clock = os.clock, difftime = os.difftime }
  env.setmetatable = set_metatable
  env.print = log
  env.require = make_require(scope, env)
  env._G = env
  return env
end

local scopes = {}

-- One environment for all files of a suite, a plugin or the shipped root, so that they share their modules.
local function scope_env(scope)
  local key = (scope.lib or "") .. (scope.framework and "!" or "")
  if not scopes[key] then scopes[key] = environment(scope) end
  return scopes[key]
end

--- Loads an author's file. scope = { lib = folder of its modules|nil, framework = true for the host's own commands,
--- hashes = what the files must be, by path|nil }.
--- @return any what the file returned, or nil and a message; string source
function sandbox.load(file, scope)
  local text, err = read_source(file, scope.hashes)
  if not text then return nil, err.message end
  local result, message = evaluate(file, text, scope_env(scope))
  if result == nil then return nil, message or file .. " returns nothing", text end
  return result, nil, text
end

-- Strings share one metatable; no author may reach it.
getmetatable("").__metatable = false

return sandbox
