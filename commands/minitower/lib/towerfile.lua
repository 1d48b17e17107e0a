-- Towerfiles: what an app is made of, in TOML.
-- Promise: a file that is no Towerfile is refused with the place or the key that is wrong, before anything is packed;
-- keys that nobody knows are left alone.

local json = require "tool.json"
local toml = require "tool.toml"

local M = {}

M.NAME = "Towerfile"
M.MAX = 256 * 1024             -- bytes that the service takes

--- The errors of M.read.
M.errors = {
  TOWERFILE_MISSING = { "There is no Towerfile.", exit = "PRECONDITION", fix = "Write a Towerfile, or pass --dir" },
  TOWERFILE_INVALID = { "The Towerfile is not valid.", exit = "PRECONDITION", fix = "Correct the Towerfile" },
}

local RESERVED = { api = true, admin = true, system = true, internal = true, default = true }

-- Whether a relative path leaves the directory it starts from.
local function leaves(path)
  local depth = 0
  if path:sub(1, 1) == "/" then return true end
  for part in path:gmatch("[^/]+") do
    if part == ".." then depth = depth - 1 elseif part ~= "." then depth = depth + 1 end
    if depth < 0 then return true end
  end
  return false
end

--- A relative path without "." and empty parts, and without the ".." that something stands before.
function M.clean(path)
  local parts = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." then parts[#parts] = nil elseif part ~= "." then parts[#parts + 1] = part end
  end
  return table.concat(parts, "/")
end

local FITS = {
  string = function(v) return type(v) == "string" end,
  number = function(v) return type(v) == "number" end,
  integer = function(v) return math.type(v) == "integer" end,
  boolean = function(v) return type(v) == "boolean" end,
}

local function check_name(name, bad)
  if type(name) ~= "string" or name == "" then return bad("app.name is required") end
  if #name < 3 or #name > 32 or not name:find("^[a-z][a-z0-9-]*$") then
    return bad(('app.name "%s" must be 3 to 32 small letters, digits and -, and begin with a letter'):format(name))
  end
  if RESERVED[name] then bad(('app.name "%s" is reserved'):format(name)) end
end

local function check_script(script, bad)
  if type(script) ~= "string" or script == "" then return bad("app.script is required") end
  local ending = script:lower():match("%.[^./]+$")
  if ending ~= ".py" and ending ~= ".sh" then bad(('app.script "%s" must end in .py or .sh'):format(script)) end
  if leaves(script) then bad(('app.script "%s" leaves the directory'):format(script)) end
end

local function check_paths(list, key, bad)
  if list == nil then return end
  if type(list) ~= "table" or not json.is_array(list) then return bad(key .. " must be a list of paths") end
  for i, path in ipairs(list) do
    if type(path) ~= "string" or path == "" then bad(("%s[%d] must be a path"):format(key, i - 1))
    elseif leaves(path) then bad(('%s[%d] "%s" leaves the directory'):format(key, i - 1, path)) end
  end
end

local function check_timeout(timeout, bad)
  if timeout == nil then return end
  local seconds = type(timeout) == "table" and timeout.seconds
  if type(timeout) ~= "table" then return bad("app.timeout must be a table") end
  if seconds ~= nil and (math.type(seconds) ~= "integer" or seconds < 1) then
    bad("app.timeout.seconds must be a whole number from 1")
  end
end

local function check_parameters(list, bad)
  if list == nil then return end
  if type(list) ~= "table" or not json.is_array(list) then return bad("parameters must be written as [[parameters]]") end
  local seen = {}
  for i, p in ipairs(list) do
    local where = ("parameters[%d]"):format(i - 1)
    local kind = type(p) == "table" and (p.type or "string")
    if type(p) ~= "table" then bad(where .. " must be a table")
    elseif type(p.name) ~= "string" or p.name == "" then bad(where .. ".name is required")
    elseif seen[p.name] then bad(('%s.name "%s" occurs twice'):format(where, p.name))
    elseif not FITS[kind] then bad(('%s.type "%s" must be string, number, integer or boolean'):format(where, tostring(kind)))
    elseif p.default ~= nil and not FITS[kind](p.default) then bad(("%s.default must be of type %s"):format(where, kind))
    elseif p.description ~= nil and type(p.description) ~= "string" then bad(where .. ".description must be text") end
    if type(p) == "table" then seen[p.name or ""] = true end
  end
end

--- What is wrong with a decoded Towerfile: a list of sentences, empty when nothing is.
function M.problems(doc)
  local out = {}
  local function bad(text) out[#out + 1] = text end
  local app = doc.app
  if app ~= nil and (type(app) ~= "table" or json.is_array(app)) then return { "app must be a table" } end
  app = app or {}
  check_name(app.name, bad)
  check_script(app.script, bad)
  check_paths(app.source, "app.source", bad)
  check_paths(app.import_paths, "app.import_paths", bad)
  check_timeout(app.timeout, bad)
  check_parameters(doc.parameters, bad)
  return out
end

--- Reads the Towerfile of a directory: { name, script, source, bytes }.
function M.read(ctx, dir)
  local path = dir .. "/" .. M.NAME
  local ok, text = pcall(ctx.files.read, path, { max = M.MAX })
  if not ok then
    local code = type(text) == "table" and text.code == "FILE_TOO_LARGE" and "TOWERFILE_INVALID" or "TOWERFILE_MISSING"
    ctx.fail(code, { message = "cannot open Towerfile: " .. (type(text) == "table" and text.message or tostring(text)),
      context = { path = path } })
  end
  local doc, problem = toml.decode(text)
  if not doc then
    ctx.fail("TOWERFILE_INVALID", { context = { path = path, line = problem.line, column = problem.column },
      message = ("parsing Towerfile: line %d, column %d: %s"):format(problem.line, problem.column, problem.message) })
  end
  local problems = M.problems(doc)
  if #problems > 0 then
    ctx.fail("TOWERFILE_INVALID", { context = { path = path, problems = ctx.array(problems) },
      message = "validating Towerfile: " .. table.concat(problems, "; ") })
  end
  return { name = doc.app.name, script = M.clean(doc.app.script), source = doc.app.source or { "./**" }, bytes = text }
end

return M
