-- What a Towerfile may say, and what it makes of a version.
-- Promise: every rule has its own text; unknown keys are ignored.

local api = require "lib.minitower.api"
local json = require "tool.json"
local toml = require "tool.toml"

local towerfile = {}

local KINDS = {
  string = function(v) return type(v) == "string" end,
  number = function(v) return type(v) == "number" end,
  integer = function(v) return math.type(v) == "integer" or math.type(v) == "float" and v % 1 == 0 end,
  boolean = function(v) return type(v) == "boolean" end,
}

--- Whether a value has a parameter's type.
function towerfile.fits(value, kind)
  local fits = KINDS[kind]
  return not fits or fits(value)
end

local function refuse(text, ...)
  error({ problem = text:format(...) }, 0)
end

-- Whether a relative path leaves the directory that it starts in.
local function escapes(path)
  if path:sub(1, 1) == "/" then return true end
  local depth = 0
  for part in path:gmatch "[^/]+" do
    depth = depth + (part == ".." and -1 or part == "." and 0 or 1)
    if depth < 0 then return true end
  end
  return false
end

local function check_paths(list, name)
  if list == nil then return nil end
  if type(list) ~= "table" or next(list) ~= nil and list[1] == nil then refuse("%s must be an array of strings", name) end
  for i, path in ipairs(list) do
    if type(path) ~= "string" then refuse("%s[%d] must be a string", name, i - 1) end
    if escapes(path) then refuse("%s %q escapes the project directory", name, path) end
  end
  return list
end

local function check_script(script)
  if type(script) ~= "string" or script == "" then refuse "app.script is required" end
  local extension = script:lower():match "%.[^./]*$"
  if extension ~= ".py" and extension ~= ".sh" then refuse("app.script %q must end in .py or .sh", script) end
  if escapes(script) then refuse("app.script %q escapes the project directory", script) end
end

local function timeout_of(app)
  if app.timeout == nil then return nil end
  local seconds = type(app.timeout) == "table" and app.timeout.seconds
  if type(app.timeout) == "table" and seconds == nil then return nil end
  if math.type(seconds) ~= "integer" or seconds < 1 then refuse "app.timeout.seconds must be an integer of at least 1" end
  return seconds
end

local function parameter(p, seen)
  if type(p) ~= "table" or type(p.name) ~= "string" or p.name == "" then refuse "parameters: name is required" end
  if seen[p.name] then refuse("parameters: duplicate name %q", p.name) end
  seen[p.name] = true
  local kind = p.type == nil and "string" or p.type
  if not KINDS[kind] then
    refuse("parameters: %q has unknown type %q (string, number, integer or boolean)", p.name, tostring(kind))
  end
  if p.description ~= nil and type(p.description) ~= "string" then
    refuse("parameters: description of %q must be a string", p.name)
  end
  if p.default ~= nil and not KINDS[kind](p.default) then
    refuse("parameters: default of %q does not match type %s", p.name, kind)
  end
  return { type = kind, description = p.description, default = p.default }
end

local function params_schema(list)
  if list == nil then return nil end
  if type(list) ~= "table" or next(list) ~= nil and list[1] == nil then refuse "parameters must be an array of tables" end
  if #list == 0 then return nil end
  local properties, seen = {}, {}
  for _, p in ipairs(list) do properties[p.name or ""] = parameter(p, seen) end
  return { type = "object", properties = properties }
end

local function check(text)
  local file, err = toml.decode(text)
  if not file then refuse("line %d, column %d: %s", err.line, err.column, err.message) end
  local app = file.app
  if type(app) ~= "table" then refuse "app is required" end
  if type(app.name) ~= "string" or app.name == "" then refuse "app.name is required" end
  local problem = api.slug_problem(app.name)
  if problem then refuse("app.name: %s", problem) end
  check_script(app.script)
  check_paths(app.source, "app.source")
  local imports = check_paths(app.import_paths, "app.import_paths")
  return { entrypoint = app.script, timeout_seconds = timeout_of(app), params_schema = params_schema(file.parameters),
    import_paths = imports and #imports > 0 and json.array(imports) or nil }
end

--- What the file says of a version: { entrypoint, timeout_seconds, params_schema, import_paths }; or nil and what is
--- wrong with it.
function towerfile.read(text)
  local ok, value = pcall(check, text)
  if ok then return value end
  if type(value) == "table" and value.problem then return nil, value.problem end
  error(value, 0)
end

--- The first field of a run's input that does not have the type that the schema gives it, or nil.
function towerfile.misfit(schema, input)
  local names = {}
  for name in pairs(schema.properties) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    if input[name] ~= nil and not towerfile.fits(input[name], schema.properties[name].type) then return name end
  end
end

return towerfile
