-- A JSON Schema draft-07 validator of the tests' own, for the schemas of the spec and those that commands publish.
-- Unknown references and unknown types are errors: a schema that cannot be checked proves nothing.
local json = require "lib.json"
local pattern = require "lib.pattern"

local schema = {}
local registry = {}

local function kind(v)
  if v == json.null then return "null" end
  if type(v) == "table" then return json.is_array(v) and "array" or "object" end
  return type(v)
end

local TYPES = { null = true, boolean = true, object = true, array = true, number = true, string = true, integer = true }

local function has_type(v, name)
  if not TYPES[name] then error("schema names the unknown type " .. tostring(name)) end
  if name == "integer" then return type(v) == "number" and math.tointeger(v) ~= nil end
  return kind(v) == name
end

local function equal(a, b) return json.encode(a) == json.encode(b) end

local check

local function keys_sorted(t)
  local keys = {}
  for k in pairs(t) do keys[#keys + 1] = k end
  table.sort(keys)
  return keys
end

local function resolve(run, ref)
  local base, fragment = ref:match("^([^#]*)#?(.*)$")
  local root = base == "" and run.root or registry[base] or error("unknown schema reference " .. ref)
  local at = root
  for part in fragment:gmatch("[^/]+") do
    at = at[(part:gsub("~1", "/"):gsub("~0", "~"))] or error("unresolved schema reference " .. ref)
  end
  return at, root
end

-- Checks without reporting; gives truth. Branch hits are kept only when the branch fits.
local function fits(run, s, v, path)
  local trial = { root = run.root, errors = {}, hits = {} }
  check(trial, s, v, path)
  if #trial.errors > 0 then return false end
  for _, hit in ipairs(trial.hits) do run.hits[#run.hits + 1] = hit end
  return true
end

local function report(run, path, message) run.errors[#run.errors + 1] = (path == "" and "(root)" or path) .. ": "
  .. message end

local KEYWORDS = {}

KEYWORDS["$ref"] = function(run, ref, v, path)
  local target, root = resolve(run, ref)
  local inner = { root = root, errors = run.errors, hits = run.hits }
  check(inner, target, v, path)
end

function KEYWORDS.type(run, want, v, path)
  local names = type(want) == "table" and want or { want }
  for _, name in ipairs(names) do if has_type(v, name) then return end end
  report(run, path, ("%s expected, got %s"):format(table.concat(names, " or "), kind(v)))
end

function KEYWORDS.enum(run, values, v, path)
  for _, allowed in ipairs(values) do if equal(allowed, v) then return end end
  report(run, path, json.encode(v) .. " is not one of " .. json.encode(values))
end

function KEYWORDS.const(run, want, v, path)
  if not equal(want, v) then report(run, path, json.encode(want) .. " expected") end
end

local function branches(name, judge)
  KEYWORDS[name] = function(run, list, v, path)
    local count = 0
    for i, branch in ipairs(list) do
      if fits(run, branch, v, path) then
        count = count + 1
        run.hits[#run.hits + 1] = { list = list, index = i }
      end
    end
    local complaint = judge(count, #list)
    if complaint then report(run, path, name .. ": " .. complaint) end
  end
end

branches("oneOf", function(n) return n ~= 1 and n .. " branches fit, exactly one expected" end)
branches("anyOf", function(n) return n == 0 and "no branch fits" end)

function KEYWORDS.allOf(run, list, v, path)
  for _, part in ipairs(list) do check(run, part, v, path) end
end

KEYWORDS["not"] = function(run, part, v, path)
  if fits(run, part, v, path) then report(run, path, "fits what is excluded") end
end

KEYWORDS["if"] = function(run, condition, v, path, s)
  local branch = fits(run, condition, v, path) and s["then"] or nil
  if branch == nil and not fits(run, condition, v, path) then branch = s["else"] end
  if branch ~= nil then check(run, branch, v, path) end
end

-- Wraps a keyword that only concerns values of one kind.
local function only(wanted, name, fn)
  KEYWORDS[name] = function(run, arg, v, path, s) if kind(v) == wanted then fn(run, arg, v, path, s) end end
end

only("object", "required", function(run, names, v, path)
  for _, name in ipairs(names) do if v[name] == nil then report(run, path, "key '" .. name .. "' is missing") end end
end)

only("object", "properties", function(run, properties, v, path)
  for _, name in ipairs(keys_sorted(properties)) do
    if v[name] ~= nil then check(run, properties[name], v[name], path .. "/" .. name) end
  end
end)

only("object", "patternProperties", function(run, patterns, v, path)
  for p, part in pairs(patterns) do
    for name, item in pairs(v) do if pattern.match(p, name) then check(run, part, item, path .. "/" .. name) end end
  end
end)

only("object", "additionalProperties", function(run, rest, v, path, s)
  for _, name in ipairs(keys_sorted(v)) do
    local known = s.properties and s.properties[name] ~= nil
    for p in pairs(s.patternProperties or {}) do known = known or pattern.match(p, name) end
    if not known and rest == false then report(run, path, "key '" .. name .. "' is not allowed") end
    if not known and rest ~= false then check(run, rest, v[name], path .. "/" .. name) end
  end
end)

only("object", "propertyNames", function(run, part, v, path)
  for _, name in ipairs(keys_sorted(v)) do check(run, part, name, path .. "/" .. name) end
end)

only("object", "minProperties", function(run, n, v, path)
  if #keys_sorted(v) < n then report(run, path, "fewer than " .. n .. " keys") end
end)

only("object", "maxProperties", function(run, n, v, path)
  if #keys_sorted(v) > n then report(run, path, "more than " .. n .. " keys") end
end)

only("object", "dependencies", function(run, map, v, path)
  for name, need in pairs(map) do
    if v[name] ~= nil and json.is_array(need) then KEYWORDS.required(run, need, v, path)
    elseif v[name] ~= nil then check(run, need, v, path) end
  end
end)

only("array", "items", function(run, items, v, path)
  local tuple = json.is_array(items)
  for i, item in ipairs(v) do
    local part = items
    if tuple then part = items[i] end
    if part ~= nil then check(run, part, item, path .. "/" .. (i - 1)) end
  end
end)

only("array", "minItems", function(run, n, v, path) if #v < n then report(run, path, "fewer than " .. n
  .. " items") end end)
only("array", "maxItems", function(run, n, v, path) if #v > n then report(run, path, "more than " .. n
  .. " items") end end)

only("array", "uniqueItems", function(run, wanted, v, path)
  local seen = {}
  for _, item in ipairs(v) do
    local key = json.encode(item)
    if wanted and seen[key] then report(run, path, "item occurs twice: " .. key) end
    seen[key] = true
  end
end)

only("array", "contains", function(run, part, v, path)
  for _, item in ipairs(v) do if fits(run, part, item, path) then return end end
  report(run, path, "no item fits `contains`")
end)

only("string", "pattern", function(run, p, v, path)
  if not pattern.match(p, v) then report(run, path, json.encode(v) .. " does not match " .. p) end
end)

only("string", "minLength", function(run, n, v, path) if utf8.len(v) < n then report(run, path, "shorter than "
  .. n) end end)
only("string", "maxLength", function(run, n, v, path) if utf8.len(v) > n then report(run, path, "longer than "
  .. n) end end)

only("string", "format", function(run, name, v, path)
  local ok = true
  if name == "date-time" then ok = v:match("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.?%d*Z$")
    or v:match("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.?%d*[+-]%d%d:%d%d$") end
  if not ok then report(run, path, json.encode(v) .. " is not a " .. name) end
end)

only("number", "minimum", function(run, n, v, path) if v < n then report(run, path, "below " .. n) end end)
only("number", "maximum", function(run, n, v, path) if v > n then report(run, path, "above " .. n) end end)
only("number", "exclusiveMinimum", function(run, n, v, path) if v <= n then report(run, path, "not above "
  .. n) end end)
only("number", "exclusiveMaximum", function(run, n, v, path) if v >= n then report(run, path, "not below "
  .. n) end end)
only("number", "multipleOf", function(run, n, v, path) if v % n ~= 0 then report(run, path, "no multiple of "
  .. n) end end)

function check(run, s, v, path)
  if s == true then return end
  if s == false then return report(run, path, "nothing is allowed here") end
  if type(s) ~= "table" then error("a schema must be an object or a boolean") end
  if s["$ref"] then return KEYWORDS["$ref"](run, s["$ref"], v, path) end
  for _, key in ipairs(keys_sorted(s)) do
    if KEYWORDS[key] then KEYWORDS[key](run, s[key], v, path, s) end
  end
end

-- Makes a schema known under a name that `$ref` may use.
function schema.register(name, text_or_table) registry[name] = text_or_table end

-- Checks a decoded value. Gives a list of complaints (empty: it fits) and the oneOf/anyOf branches that fitted.
function schema.validate(s, v)
  local run = { root = s, errors = {}, hits = {} }
  check(run, s, v, "")
  return run.errors, run.hits
end

-- Checks that a decoded JSON value is itself a usable draft-07 schema; gives a list of complaints.
function schema.lint(s, path, out)
  path, out = path or "", out or {}
  if type(s) == "boolean" then return out end
  if kind(s) ~= "object" then out[#out + 1] = path .. ": a schema must be an object or a boolean"; return out end
  for _, name in ipairs(type(s.type) == "table" and s.type or { s.type }) do
    if not TYPES[name] then out[#out + 1] = path .. ": unknown type " .. tostring(name) end
  end
  for _, key in ipairs { "properties", "definitions", "patternProperties" } do
    for name, part in pairs(s[key] or {}) do schema.lint(part, path .. "/" .. key .. "/" .. name, out) end
  end
  for _, key in ipairs { "oneOf", "anyOf", "allOf" } do
    if s[key] and (not json.is_array(s[key]) or #s[key] == 0) then out[#out + 1] = path .. ": " .. key
      .. " must be a list" end
    for i, part in ipairs(s[key] or {}) do schema.lint(part, path .. "/" .. key .. "/" .. i, out) end
  end
  for _, key in ipairs { "additionalProperties", "items", "not", "propertyNames" } do
    if s[key] ~= nil and not json.is_array(s[key]) then schema.lint(s[key], path .. "/" .. key, out) end
  end
  if s.required ~= nil and not json.is_array(s.required) then out[#out + 1] = path .. ": required must be a list" end
  return out
end

return schema
