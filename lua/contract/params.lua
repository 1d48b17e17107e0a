--- Parameters and rules of a contract.
-- Promise: turns `args` rows into Param tables and checks `rules` against them, reporting every problem through the
-- collector; no I/O. Sources: REQ-C-015, REQ-C-016, REQ-C-020, REQ-C-026, authoring §3 and §5.

local host = require "host"
local units = require "units"

local params = {}

local TYPES = {
  string = true, integer = true, number = true, boolean = true, enum = true, list = true, map = true, path = true,
  url = true, duration = true, size = true, datetime = true, json = true, secret = true,
}
-- Types whose value cannot be a secret, whatever the name says.
local PLAIN = {
  integer = true, number = true, boolean = true, enum = true, duration = true, size = true, datetime = true,
}
local PRESETS = { id = true, uuid = true, semver = true, filepath = true, url = true, email = true }

local OPTIONS = {
  required = "boolean", default = "any", at = "integer", rest = "boolean", match = "any", one_of = "table",
  min = "any", max = "any", max_length = "integer", max_bytes = "integer", env = "string",
  config = "string", short = "string",
  complete = "function", access = "string", public = "boolean", pipe = "boolean", loose = "boolean",
  since = "string", deprecated = "table",
}

-- What only a row of a dialect's flags may say: the secret itself may stand on the line; `tool SUITE` has the flag too.
local OF_PROGRAMS = { plain = "boolean", everywhere = "boolean", also = "string" }

--- The types of a parameter and the options of its row, as the check knows them.
params.TYPES, params.OPTIONS = TYPES, OPTIONS

-- Words that make a name look like a secret (REQ-F-034).
local function looks_secret(name)
  local n = name:lower()
  return n:find("token", 1, true) or n:find("secret", 1, true) or n:find("password", 1, true)
    or n:find("key", 1, true) or n:find("credential", 1, true) or n:find("auth", 1, true)
end
params.looks_secret = looks_secret

local function is_id_name(name)
  local last = name:match("([a-z0-9]+)$")
  return last == "id" or last == "slug" or last == "name" or last == "key" or last == "ref"
end

local function check_options(ck, row, key, bad)
  for option, value in pairs(row) do
    local kind = OPTIONS[option] or ck.program and OF_PROGRAMS[option]
    if math.type(option) == "integer" then
      if option > 3 then bad(key, "REQ-C-015", "parameter %s has more than name, type and description", row[1]) end
    elseif not kind then
      bad(key, "REQ-C-015", "parameter %s: unknown option %s%s", row[1], tostring(option),
        ck:nearest(option, OPTIONS))
    elseif kind ~= "any" and type(value) ~= kind and not (kind == "integer" and math.type(value) == "integer") then
      bad(key, "REQ-C-015", "parameter %s: %s must be a %s", row[1], option, kind)
    end
  end
end

local function check_match(ck, row, key, bad)
  local match = row.match
  if type(match) == "userdata" then return end
  if type(match) ~= "string" then
    return bad(key, "REQ-C-020", "parameter %s: match must be a preset, an anchored pattern or an LPeg pattern", row[1])
  end
  if PRESETS[match] then return end
  if match:sub(1, 1) ~= "^" then
    if match:find("^[%w_-]+$") then
      return bad(key, "REQ-C-020", "parameter %s: unknown match %q%s", row[1], match, ck:nearest(match, PRESETS))
    end
    return bad(key, "REQ-C-020", "parameter %s: pattern must be anchored ^…$", row[1])
  end
  if match:sub(-1) ~= "$" then
    return bad(key, "REQ-C-020", "parameter %s: pattern must be anchored ^…$", row[1])
  end
  if match:find("\\[dwsDWSbB]") then
    return bad(key, "REQ-C-020", "parameter %s: pattern does not compile: POSIX patterns have no \\d, \\w or \\s",
      row[1])
  end
  if ck.full then                                   -- compiling costs more than all the rest of a check
    local ok, message = host.regex(match)
    if not ok then bad(key, "REQ-C-020", "parameter %s: pattern does not compile: %s", row[1], tostring(message)) end
  end
end

local function check_choices(row, key, bad)
  local seen = {}
  if #row.one_of == 0 then bad(key, "REQ-C-015", "parameter %s: one_of is empty", row[1]) end
  for _, choice in ipairs(row.one_of) do
    if type(choice) ~= "string" or choice == "" then
      bad(key, "REQ-C-015", "parameter %s: one_of must hold strings", row[1])
    elseif seen[choice] then
      bad(key, "REQ-C-015", "parameter %s: one_of has %q twice", row[1], choice)
    else
      seen[choice] = true
    end
  end
  return seen
end

local DEFAULT_IS = {
  integer = function(v) return math.type(v) == "integer" end,
  number = function(v) return type(v) == "number" end,
  boolean = function(v) return type(v) == "boolean" end,
  list = function(v) return type(v) == "table" end,
  map = function(v) return type(v) == "table" end,
  json = function() return true end,
  duration = function(v) return type(v) == "string" and units.duration(v) ~= nil end,
  size = function(v) return type(v) == "string" and units.size(v) ~= nil end,
  secret = function() return false end,
}

local function is_string(v) return type(v) == "string" end

local function check_default(row, choices, key, bad)
  local name, value = row[1], row.default
  if row.required then
    bad(key, "REQ-C-015", "required parameter %s must not have a default", name)
  end
  if row[2] == "secret" then
    bad(key, "REQ-C-016", "parameter %s: a secret has no default", name)
  elseif not (DEFAULT_IS[row[2]] or is_string)(value) then
    bad(key, "REQ-C-015", "parameter %s: default does not fit type %s", name, row[2])
  elseif choices and is_string(value) and not choices[value] then
    bad(key, "REQ-C-015", "parameter %s: default %q is not in one_of", name, value)
  end
end

-- A bound as the comparison needs it: numbers as they are, durations in seconds, sizes in bytes, datetimes as text.
local function bound(row, which, key, bad)
  local value, kind = row[which], row[2]
  if value == nil then return nil end
  local result
  if kind == "duration" then result = units.duration(value)
  elseif kind == "size" then result = units.size(value)
  elseif kind == "datetime" then result = type(value) == "string" and value or nil
  elseif kind == "integer" or kind == "number" or kind == "list" or kind == "map" then
    result = type(value) == "number" and value or nil
  else
    return bad(key, "REQ-C-015", "parameter %s: %s does not apply to type %s", row[1], which, kind)
  end
  if result == nil then bad(key, "REQ-C-015", "parameter %s: %s does not fit type %s", row[1], which, kind) end
  return result
end

local function check_env(ck, row, key, bad)
  if not row.env:find("^[A-Z_][A-Z0-9_]*$") then
    bad(key, "REQ-F-073", "parameter %s: env %q must be upper case letters, digits and _", row[1], row.env)
  elseif not ck:own_env(row.env) then
    ck:warn("parameter %s: env var %q has none of the prefixes %s", row[1], row.env, ck:env_prefixes())
  end
end

local function check_name(ck, row, key, bad)
  local name = row[1]
  if not name:find("^[a-z][a-z0-9-]*$") or name:find("-$") or #name > 40 then
    bad(key, "REQ-C-015", "parameter name %q must be lower case words joined by -", name)
  elseif ck.program and ck.reserved[name] == true and row[2] == "boolean" then
    return            -- a flag of the host, which may get a short name in that program
  elseif ck.program and name == "json" then
    return            -- that program's own form, beside --output
  elseif ck.reserved[name] and not (ck.framework and name == "format") then -- generate-skills has it (REQ-O-034)
    local rule = ck.reserved[name] == true and "REQ-O-001" or ck.reserved[name]
    bad(key, rule, "--%s is registered by the framework", name)
  end
  if row[2] ~= "secret" and not PLAIN[row[2]] and looks_secret(name) then
    if row.public then
      ck:warn("parameter %s looks like a secret and is declared public", name)
    else
      bad(key, "REQ-C-016", "'%s' matches secret field pattern; use --%s-from-env instead", name, name)
    end
  end
end

local function check_options_by_type(ck, row, key, bad)
  local name, kind = row[1], row[2]
  if row.access ~= nil and (kind ~= "path" or row.access ~= "read" and row.access ~= "write") then
    bad(key, "REQ-C-011", 'parameter %s: access is "read" or "write", on a path', name)
  end
  if row.short ~= nil and not (type(row.short) == "string" and row.short:find("^%a$")) then
    bad(key, "REQ-C-015", "parameter %s: short must be one letter", name)
  elseif row.short == "h" or row.short == "V" then
    bad(key, "REQ-F-068", "parameter %s: -%s is registered by the framework", name, row.short)
  end
  if row.rest and kind ~= "list" then bad(key, "REQ-C-027", "rest parameter %s must be a list", name) end
  if row.at ~= nil and (math.type(row.at) ~= "integer" or row.at < 1) then
    bad(key, "REQ-C-015", "parameter %s: at must be a position from 1", name)
  end
  if kind == "secret" and (row.at or row.pipe or row.match or row.one_of or row.short or row.rest) then
    bad(key, "REQ-C-016", "parameter %s: a secret takes none of at, rest, pipe, match, one_of, short", name)
  end
  if row.match == nil and row.one_of == nil and kind == "string" and is_id_name(name) and not row.loose then
    ck:warn("resource id %q has no pattern", name)
  end
end

-- One row as a Param, or nil when name or type are unusable.
local function param_of(ck, row, key, bad)
  local name, kind, about = row[1], row[2], row[3]
  if type(name) ~= "string" or name == "" then
    return bad(key, "REQ-C-015", "%s has no name", key)
  elseif type(kind) ~= "string" then
    return bad(key, "REQ-C-015", "parameter %s has no type", name)
  elseif not TYPES[kind] then
    return bad(key, "REQ-C-015", "parameter %s: unknown type %q%s", name, kind, ck:nearest(kind, TYPES))
  end
  if type(about) ~= "string" or about == "" then
    bad(key, "REQ-C-015", "parameter %s has no description", name)
  end
  check_options(ck, row, key, bad)
  check_name(ck, row, key, bad)
  local choices
  if type(row.one_of) == "table" then
    choices = check_choices(row, key, bad)
  elseif kind == "enum" then
    bad(key, "REQ-C-015", "parameter %s: enum needs one_of", name)
  end
  if row.match ~= nil then check_match(ck, row, key, bad) end
  if row.default ~= nil then check_default(row, choices, key, bad) end
  if type(row.env) == "string" then check_env(ck, row, key, bad) end
  check_options_by_type(ck, row, key, bad)
  return {
    name = name, type = kind, about = about, required = row.required or false, default = row.default, at = row.at,
    rest = row.rest, match = row.match, one_of = row.one_of, min = bound(row, "min", key, bad),
    max = bound(row, "max", key, bad), min_text = row.min, max_text = row.max,
    max_length = row.max_length or row.max_bytes, env = type(row.env) == "string" and row.env or nil, config = row.config,
    short = row.short, complete = row.complete, access = row.access, public = row.public, pipe = row.pipe,
    loose = row.loose, since = row.since, deprecated = row.deprecated, plain = row.plain, everywhere = row.everywhere,
    also = row.also,
    host = ck.program and ck.reserved[name] == true or nil,
  }
end

local function env_word(name)
  return (name:upper():gsub("[^A-Z0-9]", "_"))
end

-- The two flags that carry a secret instead of itself (REQ-O-022), entered in by_name only.
local function add_secret_flags(p, by_name)
  p.env = p.env or (host.env_prefix or "TOOL") .. "_" .. env_word(p.name)
  p.env_file = p.env .. "_FILE"
  by_name[p.name .. "-from-env"] = {
    name = p.name .. "-from-env", type = "string", required = false, secret_for = p.name, injected = true,
    about = "Name of the environment variable that holds: " .. tostring(p.about),
  }
  by_name[p.name .. "-from-file"] = {
    name = p.name .. "-from-file", type = "path", required = false, secret_for = p.name, injected = true,
    about = "File that holds: " .. tostring(p.about),
  }
end

local function check_positions(ck, list, key, bad)
  local at, highest, shorts, rest = {}, 0, {}, nil
  for index, p in ipairs(list) do
    local position = math.type(p.at) == "integer" and p.at or nil
    if position then
      if at[position] then
        bad(key, "REQ-C-015", "parameters %s and %s have the same position %d", at[position].name, p.name, position)
      end
      at[position], highest = p, math.max(highest, position)
    end
    if p.short then
      if shorts[p.short] then bad(key, "REQ-C-015", "-%s is declared twice", p.short) end
      shorts[p.short] = true
    end
    if rest then bad(key, "REQ-C-027", "rest must be last") end
    if p.rest then rest = index end
  end
  for position = 1, math.min(highest, 32) do
    local p, before = at[position], at[position - 1]
    if not p then
      bad(key, "REQ-C-015", "no parameter has position %d", position)
    elseif before and p.required and not before.required then
      bad(key, "REQ-C-015", "required parameter %s stands after optional %s", p.name, before.name)
    end
  end
  if rest and ck.placement ~= "strict" then
    bad(key, "REQ-C-027", 'rest parameter requires placement = "strict"')
  end
end

--- Params of `rows` (array of rows) in order. ck collects; key is the contract's key, for messages.
-- @return array of Param, name -> Param (with the -from-env/-from-file rows of secrets)
function params.normalise(ck, rows, key)
  local list, by_name = {}, {}
  local function bad(...) ck:bad(...) end
  if type(rows) ~= "table" then
    ck:bad(key, "REQ-C-015", "%s must be a list of rows", key)
    return list, by_name
  end
  for index, row in ipairs(rows) do
    ck.within = index
    if type(row) ~= "table" then
      ck:bad(key, "REQ-C-015", "%s[%d] must be a row { name, type, description }", key, index)
    else
      local p = param_of(ck, row, key, bad)
      if p and by_name[p.name] then
        ck:bad(key, "REQ-C-015", "parameter %s is declared twice", p.name)
      elseif p then
        list[#list + 1], by_name[p.name] = p, p
      end
    end
  end
  ck.within = nil
  for name in pairs(rows) do
    if math.type(name) ~= "integer" then
      ck:bad(key, "REQ-C-015", '%s is a list: write { "%s", type, description } instead of a key', key, tostring(name))
    end
  end
  for _, p in ipairs(list) do
    if p.type == "secret" then add_secret_flags(p, by_name) end
  end
  check_positions(ck, list, key, bad)
  return list, by_name
end

local RULE_KEYS = { when = true, is = true, need = true, bar = true, unless = true, set = true }

local function names_known(ck, names, by_name, what)
  if type(names) ~= "table" then
    return ck:bad("rules", "REQ-C-026", "rule's %s must be a list of parameters", what)
  end
  for _, name in ipairs(names) do
    if not by_name[name] then
      ck:bad("rules", "REQ-C-026", 'rule names unknown parameter "%s"%s', tostring(name), ck:nearest(name, by_name))
    end
  end
end

local function check_condition(ck, rule, by_name)
  local name = rule.when or rule.unless
  if (rule.when == nil) == (rule.unless == nil) then
    return ck:bad("rules", "REQ-C-026", "rule needs either when or unless")
  end
  local p = by_name[name]
  if not p then
    return ck:bad("rules", "REQ-C-026", 'rule names unknown parameter "%s"%s', tostring(name),
      ck:nearest(name, by_name))
  end
  if rule.is == nil or not p.one_of then return end
  for _, value in ipairs(type(rule.is) == "table" and rule.is or { rule.is }) do
    local found = false
    for _, choice in ipairs(p.one_of) do found = found or choice == value end
    if not found then
      ck:bad("rules", "REQ-C-026", 'is = "%s" is not in one_of of "%s"', tostring(value), name)
    end
  end
end

local function check_effect(ck, rule, by_name)
  if rule.need == nil and rule.bar == nil and rule.set == nil then
    return ck:bad("rules", "REQ-C-026", "rule has no need, bar or set")
  end
  if rule.need ~= nil then
    names_known(ck, rule.need, by_name, "need")
    for _, name in ipairs(type(rule.need) == "table" and rule.need or {}) do
      if by_name[name] and by_name[name].required then
        ck:warn('rule requires a parameter that is always required: "%s"', name)
      end
    end
  end
  if rule.bar ~= nil then names_known(ck, rule.bar, by_name, "bar") end
  if rule.set == nil then return end
  if type(rule.set) ~= "table" then
    return ck:bad("rules", "REQ-C-026", "rule's set must be a table of parameters and values")
  end
  for name in pairs(rule.set) do
    if not by_name[name] then
      ck:bad("rules", "REQ-C-026", 'rule names unknown parameter "%s"%s', tostring(name), ck:nearest(name, by_name))
    end
  end
end

-- need and bar of the same parameter under the same condition can never both hold.
local function check_conflicts(ck, rules)
  local needs = {}
  local function each(rule, names, fn)
    if type(rule) ~= "table" or type(names) ~= "table" then return end
    local is = type(rule.is) == "table" and table.concat(rule.is, "\1") or tostring(rule.is)
    local condition = tostring(rule.when) .. "\0" .. is .. "\0" .. tostring(rule.unless) .. "\0"
    for _, name in ipairs(names) do fn(condition .. tostring(name), name) end
  end
  for _, rule in ipairs(rules) do
    each(rule, type(rule) == "table" and rule.need, function(k) needs[k] = true end)
  end
  for _, rule in ipairs(rules) do
    each(rule, type(rule) == "table" and rule.bar, function(k, name)
      if needs[k] then
        ck:bad("rules", "REQ-C-026", "need conflicts with bar for the same condition (%s)", tostring(name))
      end
    end)
  end
end

--- Checks `rules` against the parameters by_name.
function params.check_rules(ck, rules, by_name)
  if type(rules) ~= "table" then return ck:bad("rules", "REQ-C-026", "rules must be a list") end
  for index, rule in ipairs(rules) do
    ck.within = index
    if type(rule) ~= "table" then
      ck:bad("rules", "REQ-C-026", "a rule must be a table")
    else
      for k in pairs(rule) do
        if not RULE_KEYS[k] then
          ck:bad("rules", "REQ-C-026", "rule has unknown key %s%s", tostring(k), ck:nearest(k, RULE_KEYS))
        end
      end
      check_condition(ck, rule, by_name)
      check_effect(ck, rule, by_name)
    end
  end
  ck.within = nil
  check_conflicts(ck, rules)
end

return params
