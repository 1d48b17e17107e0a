-- What changed between two manifests, and what a caller notices of it.
-- Promise: every difference is breaking (a call or its reader that worked may fail), compatible (it cannot) or cosmetic
-- (only people see it); equal manifests give none; the order is that of commands, then of what changed.

local host = require "host"

local M = {}

local null = host.json.null
local RISK = { safe = 1, mutating = 2, destructive = 3 }
local EFFECTS = { none = 1, partial = 2, complete = 2 }

local function known(value)
  if value == nil then return null end
  return value
end

local function same(a, b)
  if a == b then return true end
  return a ~= nil and b ~= nil and host.json.encode(a) == host.json.encode(b)
end

local function sorted_keys(...)
  local seen, keys = {}, {}
  for _, map in ipairs { ... } do
    for key in pairs(map) do
      if not seen[key] then keys[#keys + 1] = key end
      seen[key] = true
    end
  end
  table.sort(keys)
  return keys
end

local function set_of(list)
  local set = {}
  for _, item in ipairs(type(list) == "table" and list or {}) do set[item] = true end
  return set
end

local function map_of(value)
  return type(value) == "table" and value ~= null and value or {}
end

-- A reporter for one command: say(level, what, name, change, before, after).
local function reporter(changes, command)
  return function(level, what, name, change, before, after)
    changes[#changes + 1] = { level = level, command = known(command), what = what, name = known(name), change = change,
      before = known(before), after = known(after) }
  end
end

-- Items of a list that came or went.
local function compare_sets(say, what, old, new, level_of_added, level_of_removed)
  local before, after = set_of(old), set_of(new)
  for _, item in ipairs(sorted_keys(before, after)) do
    if not after[item] then say(level_of_removed, what, item, "removed", item, nil)
    elseif not before[item] then say(level_of_added, what, item, "added", nil, item) end
  end
end

local WIDER = { ["integer number"] = true, ["enum string"] = true }

local function compare_flag(say, name, old, new)
  if old.type ~= new.type then
    local wider = WIDER[tostring(old.type) .. " " .. tostring(new.type)]
    say(wider and "compatible" or "breaking", "flag", name, "type changed", old.type, new.type)
  end
  if (old.required or false) ~= (new.required or false) then
    say(new.required and "breaking" or "compatible", "flag", name, "required changed", old.required, new.required)
  end
  if not same(old.default, new.default) then
    say("breaking", "flag", name, "default changed", old.default, new.default)
  end
  if old.short ~= new.short then
    say(old.short and "breaking" or "compatible", "flag", name, "short changed", old.short, new.short)
  end
  if old.type == "enum" and new.type == "enum" then
    compare_sets(function(level, _, item, change, a, b) say(level, "flag", name, "value " .. item .. " " .. change, a, b) end,
      "flag", old.enum_values, new.enum_values, "compatible", "breaking")
  end
  if old.description ~= new.description then
    say("cosmetic", "flag", name, "description changed", old.description, new.description)
  end
end

local function compare_flags(say, old, new)
  old, new = map_of(old), map_of(new)
  for _, name in ipairs(sorted_keys(old, new)) do
    if not new[name] then say("breaking", "flag", name, "removed", old[name].type, nil)
    elseif not old[name] then
      say(new[name].required and "breaking" or "compatible", "flag", name, "added", nil, new[name].type)
    else compare_flag(say, name, old[name], new[name]) end
  end
end

local function compare_exit(say, code, old, new)
  if old.name ~= new.name then say("breaking", "exit_code", code, "name changed", old.name, new.name) end
  if old.retryable ~= new.retryable then
    say(old.retryable and "breaking" or "compatible", "exit_code", code, "retryable changed", old.retryable, new.retryable)
  end
  if old.side_effects ~= new.side_effects then
    local worse = (EFFECTS[new.side_effects] or 2) > (EFFECTS[old.side_effects] or 2)
    say(worse and "breaking" or "compatible", "exit_code", code, "side_effects changed", old.side_effects, new.side_effects)
  end
  if old.description ~= new.description then
    say("cosmetic", "exit_code", code, "description changed", old.description, new.description)
  end
end

local function compare_exits(say, old, new)
  old, new = map_of(old), map_of(new)
  for _, code in ipairs(sorted_keys(old, new)) do
    if not new[code] then say("breaking", "exit_code", code, "removed", old[code].name, nil)
    elseif not old[code] then say("compatible", "exit_code", code, "added", nil, new[code].name)
    else compare_exit(say, code, old[code], new[code]) end
  end
end

-- The types of a schema as a set; nil when it admits anything.
local function types_of(s)
  if type(s.type) == "string" then return { [s.type] = true } end
  return type(s.type) == "table" and set_of(s.type) or nil
end

-- Is every type of the new schema one that a reader of the old one expects?
local function narrower(old, new)
  if not old then return true elseif not new then return false end
  for name in pairs(new) do
    if not old[name] and not (name == "integer" and old.number) then return false end
  end
  return true
end

local BRANCHES = { "oneOf", "anyOf", "allOf" }
local compare_schema

local function compare_properties(say, path, old, new)
  local before, after = map_of(old.properties), map_of(new.properties)
  local needed, needs = set_of(old.required), set_of(new.required)
  for _, name in ipairs(sorted_keys(before, after)) do
    local at = path .. "." .. name
    if not after[name] then say("breaking", "output", at, "removed", before[name].type, nil)
    elseif not before[name] then say("compatible", "output", at, "added", nil, after[name].type)
    else
      if needed[name] and not needs[name] then say("breaking", "output", at, "may be absent now", true, false)
      elseif needs[name] and not needed[name] then say("compatible", "output", at, "is always there now", false, true) end
      compare_schema(say, at, before[name], after[name])
    end
  end
end

function compare_schema(say, path, old, new)
  if same(old, new) then return end
  if type(old) ~= "table" or type(new) ~= "table" then
    return say("breaking", "output", path, "schema changed", old, new)
  end
  local count_types = not same(old.type, new.type)
  if count_types then
    say(narrower(types_of(old), types_of(new)) and "compatible" or "breaking", "output", path, "type changed", old.type,
      new.type)
  end
  if not same(old.enum, new.enum) then
    compare_sets(function(level, _, item, change, a, b) say(level, "output", path, "value " .. tostring(item) .. " "
      .. change, a, b) end, "output", old.enum, new.enum, "breaking", "compatible")
  end
  if old["x-ordered"] ~= new["x-ordered"] then
    say(old["x-ordered"] and "breaking" or "compatible", "output", path, "order changed", old["x-ordered"], new["x-ordered"])
  end
  if old.format ~= new.format then
    say(old.format and "breaking" or "compatible", "output", path, "format changed", old.format, new.format)
  end
  for _, key in ipairs(BRANCHES) do
    if not same(old[key], new[key]) then say("breaking", "output", path, key .. " changed", old[key], new[key]) end
  end
  if old.items or new.items then compare_schema(say, path .. "[]", old.items, new.items) end
  if type(old.additionalProperties) == "table" and type(new.additionalProperties) == "table" then
    compare_schema(say, path .. ".*", old.additionalProperties, new.additionalProperties)
  end
  compare_properties(say, path, old, new)
  if old.description ~= new.description then
    say("cosmetic", "output", path, "description changed", old.description, new.description)
  end
end

local function compare_contract(say, old, new)
  compare_sets(say, "scope", old.required_scopes, new.required_scopes, "breaking", "compatible")
  local before, after = map_of(old.errors), map_of(new.errors)
  for _, code in ipairs(sorted_keys(before, after)) do
    if not after[code] then say("breaking", "error", code, "removed", before[code].exit_code, nil)
    elseif not before[code] then say("compatible", "error", code, "added", nil, after[code].exit_code)
    elseif before[code].exit_code ~= after[code].exit_code then
      say("breaking", "error", code, "exit_code changed", before[code].exit_code, after[code].exit_code)
    end
  end
  for _, key in ipairs { "option_placement", "streaming_default", "requires_confirmation" } do
    if not same(old[key], new[key]) then
      local looser = key == "option_placement" and new[key] == "any" or key == "requires_confirmation" and not new[key]
      say(looser and "compatible" or "breaking", "contract", key, "changed", old[key], new[key])
    end
  end
end

local function compare_command(say, old, new)
  if old.danger_level ~= new.danger_level then
    local worse = (RISK[new.danger_level] or 3) > (RISK[old.danger_level] or 3)
    say(worse and "breaking" or "compatible", "danger_level", nil, "changed", old.danger_level, new.danger_level)
  end
  compare_sets(say, "alias", old.aliases, new.aliases, "compatible", "breaking")
  compare_flags(say, old.flags, new.flags)
  compare_exits(say, old.exit_codes, new.exit_codes)
  if old.output_schema and new.output_schema then compare_schema(say, "data", old.output_schema, new.output_schema)
  elseif old.output_schema then say("breaking", "output", "data", "schema removed", nil, nil)
  elseif new.output_schema then say("compatible", "output", "data", "schema added", nil, nil) end
  compare_sets(say, "output_format", old.output_formats, new.output_formats, "compatible", "breaking")
  if old.description ~= new.description then
    say("cosmetic", "description", nil, "changed", old.description, new.description)
  end
  if not same(old.examples, new.examples) then say("cosmetic", "examples", nil, "changed", nil, nil) end
end

--- All changes between two manifests { commands, contracts or nil, global_flags or nil }: array of { level, command, what,
--- name, change, before, after }, null where there is none.
function M.compare(old, new)
  local changes = host.json.array {}
  if old.global_flags and new.global_flags then compare_flags(reporter(changes), old.global_flags, new.global_flags) end
  for _, path in ipairs(sorted_keys(old.commands, new.commands)) do
    local say = reporter(changes, (path:gsub("%.", " ")))
    local before, after = old.commands[path], new.commands[path]
    if not after then say("breaking", "command", nil, "removed", nil, nil)
    elseif not before then say("compatible", "command", nil, "added", nil, nil)
    else
      compare_command(say, before, after)
      if old.contracts and new.contracts then
        compare_contract(say, map_of(old.contracts[path]), map_of(new.contracts[path]))
      end
    end
  end
  return changes
end

--- A manifest from a decoded answer of `tool manifest` or its data alone; nil when it is neither.
function M.of(value)
  if type(value) ~= "table" or value == null then return nil end
  local data, meta = value, {}
  if value.data ~= nil then data, meta = value.data, map_of(value.meta) end
  if type(data) ~= "table" or data == null or type(data.commands) ~= "table" then return nil end
  for _, entry in pairs(data.commands) do
    if type(entry) ~= "table" then return nil end
  end
  return { commands = data.commands, contracts = meta.contracts, global_flags = meta.global_flags }
end

return M
