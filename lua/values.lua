-- Promise: turns the text of one argument into the typed value that a handler sees, or says in one sentence why not.
-- Reads nothing but the text and the parameter's declaration.

local failure = require "failure"
local host = require "host"
local lazy = require "lazy"
local json5 = lazy "json5"
local suggest = lazy "suggest"
local suspect = lazy "suspect"
local units = require "units"

local ipairs, pairs, tostring, type = ipairs, pairs, tostring, type

local M = {}

local concat = table.concat

-- Types that may hold a secret under a name that sounds like one.
local TEXTUAL = { string = true, path = true, url = true, list = true, map = true, json = true }

--- What a problem may repeat of a value: cut to a readable length, nothing of a secret.
function M.shown(p, text)
  local open = p.public or p.injected or not TEXTUAL[p.type]
  if p.type == "secret" or p.secret_for or (not open and suspect.secret_name(p.name)) then return "[REDACTED]" end
  text = tostring(text)
  if #text > 120 then text = text:sub(1, (utf8.offset(text, 0, 118) or 118) - 1) .. "…" end
  return text
end

--- One entry of error.errors[] (REQ-C-006, F-015). `text` is the refused value, if there was one.
function M.problem(p, code, message, text, fix)
  return {
    param = p.param or "--" .. p.name, field = p.name, code = code, message = message, fix = fix,
    value = text ~= nil and M.shown(p, text) or nil,
  }
end

local function invalid(p, text, message, fix)
  return nil, M.problem(p, "INPUT_PARAM_INVALID", "--" .. p.name .. " " .. message .. ".", text,
    fix or "Correct --" .. p.name .. ".")
end

local BOOLEAN = {
  ["true"] = true, ["1"] = true, yes = true, on = true,
  ["false"] = false, ["0"] = false, no = false, off = false,
}

local function check_choice(p, text)
  local choices = {}
  for i, choice in ipairs(p.one_of) do
    choices[i] = tostring(choice)
    if choices[i] == text then return text end
  end
  local best, all = suggest.nearest(text, choices), concat(choices, ", ")
  return invalid(p, text, "must be one of " .. all,
    best and "Did you mean " .. best .. "?" or "Pass one of " .. all .. " to --" .. p.name .. ".")
end

local function bound_text(p, value)
  if p.type == "duration" then return units.format_duration(value) end
  if p.type == "size" then return value .. " bytes" end
  return tostring(value)
end

local function check_range(p, value, text, read)
  local min, max = p.min, p.max
  if type(min) == "string" then min = read(min) end
  if type(max) == "string" then max = read(max) end
  if min and value < min then return invalid(p, text, "must be at least " .. bound_text(p, min)) end
  if max and value > max then return invalid(p, text, "must be at most " .. bound_text(p, max)) end
  return value
end

--- The number of entries of a list or map against `min` and `max`. @return true, or nil and a problem
function M.check_count(p, value)
  if not p.min and not p.max then return true end
  local count = 0
  for _ in pairs(value) do count = count + 1 end
  if p.min and count < p.min then return invalid(p, nil, "needs at least " .. p.min .. " values") end
  if p.max and count > p.max then return invalid(p, nil, "takes at most " .. p.max .. " values") end
  return true
end

local UUID = "^" .. ("%x"):rep(8) .. ("%-" .. ("%x"):rep(4)):rep(3) .. "%-" .. ("%x"):rep(12) .. "$"

local function semver(text)
  local rest = text:match("^%d+%.%d+%.%d+(.*)$")
  if not rest or text:find("^0%d") or text:find("^%d+%.0%d") or text:find("^%d+%.%d+%.0%d") then return false end
  local pre, build = rest:match("^(%-?[^+]*)(%+?.*)$")
  local function parts(s) return s:find("^[%w-]+[%w.-]*$") and not s:find("..", 1, true) and s:sub(-1) ~= "." end
  return (pre == "" or (pre:sub(1, 1) == "-" and parts(pre:sub(2)))) and (build == "" or parts(build:sub(2)))
end

local PRESETS = {
  id = { "an id (letters, digits, - and _, as in ^[A-Za-z0-9][A-Za-z0-9_-]*$)",
    function(s) return s:find("^%w[%w_-]*$") end },
  uuid = { "a UUID (8-4-4-4-12 hexadecimal digits)", function(s) return s:find(UUID) end },
  semver = { "a semantic version such as 1.2.3", semver },
  filepath = { "a file path", function(s) return s ~= "" and not s:find("%z") end },
  url = { "an address such as https://host/path",
    function(s) return s:find("^%a[%w+.-]*://[^%s/?#<>\"{}|\\^`]+[^%s<>\"{}|\\^`]*$") end },
  email = { "an e-mail address", function(s)
    return s:find("^[%w.!#$&'*+/=?^_`{|}~-]+@[%w-]+%.[%w.-]*%w$") and not s:find("..", 1, true)
  end },
}

local compiled = {}       -- POSIX patterns of this run, by their text

local function posix(pattern)
  local regex = compiled[pattern]
  if regex then return regex end
  local made, why = host.regex(pattern)
  if not made then error("pattern " .. pattern .. " does not compile: " .. tostring(why)) end
  compiled[pattern] = made
  return made
end

-- Which scan of `suspect` a parameter's texts get, or nil.
local function scan_of(p)
  if p.loose then return nil end
  local match, kind = p.match, p.type
  if kind == "path" or kind == "url" then return "path" end
  if match == "filepath" or match == "url" or match == "email" then return "path" end
  if match ~= nil or p.name == "id" or p.name:find("[-_]id$") then return "id" end
  return nil
end

local function check_suspect(p, text)
  local kind = scan_of(p)
  local found, says = nil, nil
  if kind then found, says = suspect.find(kind, text) end
  if not found then return text end
  local problem = M.problem(p, "INVALID_AGENT_INPUT", "--" .. p.name .. " " .. says .. ".", text,
    found == "placeholder" and "Put the real value in place of the placeholder."
      or "Pass a literal value to --" .. p.name .. ".")
  problem.input_value, problem.rejected_pattern = M.shown(p, text), found
  return nil, problem
end

local function check_match(p, text)
  local match = p.match or (p.type == "url" and "url") or nil
  if match == nil then return text end
  local preset = PRESETS[match]
  if preset then
    if preset[2](text) then return text end
    return invalid(p, text, "must be " .. preset[1])
  end
  if type(match) == "string" then
    if posix(match):match(text) then return text end
    return invalid(p, text, "must match the pattern " .. match)
  end
  local stop = match:match(text)
  if stop and (type(stop) ~= "number" or stop == #text + 1) then return text end
  return invalid(p, text, "does not have the expected form")
end

-- The checks of every text: choice, length, plausibility, pattern.
local function check_text(p, text)
  if p.max_length and #text > p.max_length then
    return nil, M.problem(p, "FIELD_TOO_LARGE",
      string.format("--%s holds %d bytes, at most %d are allowed.", p.name, #text, p.max_length), nil,
      "Shorten --" .. p.name .. " to " .. p.max_length .. " bytes.")
  end
  if p.one_of then return check_choice(p, text) end
  local value, problem = check_suspect(p, text)
  if value == nil then return nil, problem end
  return check_match(p, text)
end

--- A path made absolute against cwd by its text alone: "." and ".." segments are resolved, links are not.
function M.absolute(path, cwd)
  if path:find("^~/") or path == "~" then path = (host.env("HOME") or "") .. path:sub(2) end
  if path:sub(1, 1) == "/" then
    if not path:find("/%.%.?/") and not path:find("/%.%.?$") and not path:find("//", 1, true) then return path end
  else
    path = cwd .. "/" .. path
  end
  local parts = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." then parts[#parts] = nil elseif part ~= "." then parts[#parts + 1] = part end
  end
  return "/" .. concat(parts, "/")
end

local READ = {}

function READ.string(p, text) return check_text(p, text) end
READ.enum, READ.url, READ.secret = READ.string, READ.string, READ.string

function READ.integer(p, text)
  if not text:find("^[+-]?%d+$") then return invalid(p, text, "must be a whole number") end
  local value = tonumber((text:gsub("^%+", "")))
  if math.type(value) ~= "integer" then return invalid(p, text, "is out of the range of 64-bit integers") end
  if p.one_of then
    local ok, problem = check_choice(p, text)
    if not ok then return nil, problem end
  end
  return check_range(p, value, text, tonumber)
end

function READ.number(p, text)
  local plain = text:match("^[+-]?(%d*%.?%d*)$") or text:match("^[+-]?(%d*%.?%d*)[eE][+-]?%d+$")
  local value = plain and plain:find("%d") and tonumber((text:gsub("^%+", "")))
  if not value or value == math.huge or value == -math.huge then return invalid(p, text, "must be a number") end
  return check_range(p, value, text, tonumber)
end

function READ.boolean(p, text)
  local value = BOOLEAN[text:lower()]
  if value == nil then return invalid(p, text, "must be true or false") end
  return value
end

function READ.duration(p, text)
  local value, why = units.duration(text)
  if not value then return invalid(p, text, why) end
  return check_range(p, value, text, units.duration)
end

function READ.size(p, text)
  local value, why = units.size(text)
  if not value then return invalid(p, text, why) end
  return check_range(p, value, text, units.size)
end

function READ.datetime(p, text)
  local value, why = units.datetime(text)
  if not value then return invalid(p, text, why) end
  return check_range(p, value, text, units.datetime)
end

function READ.path(p, text, cwd)
  if text == "" then return invalid(p, text, "must not be empty") end
  if text == "-" and (p.injected or p.pipe) then return text end       -- stdin
  local value, problem = check_text(p, text)
  if value == nil then return nil, problem end
  return M.absolute(value, cwd)
end

function READ.json(p, text)
  local value, err = json5.decode(text)
  if not err then return value end
  local message = ("--%s is not JSON, even leniently read: %s."):format(p.name, failure.place(err))
  local problem = M.problem(p, "INVALID_JSON", message, text, "Send corrected_input, if it says what you meant.")
  problem.corrected_input = p.secret_for == nil and M.shown(p, "") ~= "[REDACTED]" and json5.repair(text) or nil
  return nil, problem
end

--- Reads one text as the parameter's type; for a list, as one item of it.
--- @return any value, or nil and a problem
function M.read(p, text, cwd)
  local kind = p.type
  if kind == "list" then kind = "string" end
  local read = READ[kind]
  if not read then error("parameter " .. p.name .. " has the unknown type " .. tostring(kind)) end
  return read(p, text, cwd)
end

--- Reads "key=value" into a map. @return true, or nil and a problem
function M.read_pair(p, text, map)
  local key, value = text:match("^([^=]+)=(.*)$")
  if not key then return invalid(p, text, "must be given as key=value") end
  local ok, problem = check_text(p, value)
  if ok == nil then return nil, problem end
  map[key] = value
  return true
end

-- A value that did not come as text: from a configuration file or as a declared default.
local function accept(p, value, cwd)
  local kind, got = p.type, type(value)
  if kind == "json" then return value end
  if kind == "list" then
    if got ~= "table" then value = { value } end
    local out = host.json.array {}
    for i, item in ipairs(value) do
      local problem
      out[i], problem = M.read(p, tostring(item), cwd)
      if out[i] == nil then return nil, problem end
    end
    return out
  end
  if kind == "map" and got == "table" then
    local out = host.json.object {}
    for k, v in pairs(value) do out[k] = type(v) == "string" and v or tostring(v) end
    return out
  end
  if got == "boolean" and kind == "boolean" then return value end
  if got == "table" then return invalid(p, nil, "has a value of the wrong kind") end
  if got == "number" and (kind == "duration" or kind == "size" or kind == "datetime") then
    return READ[kind](p, value)
  end
  if math.type(value) == "float" and kind == "integer" and math.tointeger(value) then value = math.tointeger(value) end
  if kind == "map" then
    local map = host.json.object {}
    local ok, problem = M.read_pair(p, tostring(value), map)
    if not ok then return nil, problem end
    return map
  end
  return M.read(p, tostring(value), cwd)
end

--- Reads one value from outside the command line: text of the environment (a list or map may be a JSON text there), a
--- decoded configuration value, or a declared default.
function M.from(p, value, cwd)
  if type(value) == "string" and (p.type == "list" or p.type == "map") and value:find("^%s*[%[{]") then
    value = json5.decode(value) or value
  end
  return accept(p, value, cwd)
end

return M
