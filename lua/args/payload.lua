-- --raw-payload: all parameters of a command as one JSON object (REQ-O-032).
-- Promise: a field means what the flag of its name means and is checked as strictly as its type is in JSON; flags and
-- payload are never mixed; a secret does not stand in it.

local host = require "host"
local values = require "values"

local JSON_TYPES = {
  integer = "number", number = "number", boolean = "boolean", list = "table", map = "table", string = "string",
  enum = "string", path = "string", url = "string", datetime = "string",
}

local function item(field, code, message, value, fix)
  return { param = "--" .. field, field = field, code = code, message = message, value = value, fix = fix }
end

-- The problem with one field, or nil.
local function problem_of(p, field, value)
  if not p then return item(field, "INPUT_PARAM_UNKNOWN", ("There is no parameter %s."):format(field), nil,
    "See raw_payload_schema of --schema for the fields") end
  if p.type == "secret" then
    return item(field, "SECRET_ON_COMMAND_LINE", ("%s is a secret and cannot be part of a payload."):format(field), nil,
      ("Pass --%s-from-env VARIABLE or --%s-from-file PATH."):format(field, field))
  end
  local want = JSON_TYPES[p.type]
  if value ~= host.json.null and want and type(value) ~= want then
    return item(field, "INPUT_PARAM_INVALID", ("%s must be of type %s."):format(field, p.type), value,
      ("Give %s as a JSON %s."):format(field, want == "table" and (p.type == "list" and "array" or "object") or want))
  end
end

-- The first individual flag of the command that is given beside the payload.
local function flag_beside(state)
  for _, p in ipairs(state.C.params) do
    if state.raw[p.name] or p.type ~= "secret" and state.positionals[1] and p.at then return p end
  end
end

-- name -> value for the parameters that the fields of an object set, JSON null as not given; report(item) is told every
-- problem.
local function fields(state, value, report)
  local out, names, own = {}, {}, {}
  for field in pairs(value) do names[#names + 1] = field end
  table.sort(names)
  for _, p in ipairs(state.C.params) do
    own[p.name] = p
    own[(p.name:gsub("-", "_"))] = p
  end
  for _, field in ipairs(names) do
    local p = own[field]
    local wrong = problem_of(p, field, value[field])
    if wrong then
      report(wrong)
      if p then state.bad[p.name] = true end
    elseif value[field] ~= host.json.null then
      out[p.name] = value[field]
    end
  end
  return out
end

--- Reads the payload, if one is given, as `fields` does; else nil. A line of `tool exec` has its own (REQ-O-050).
return function(state, report)
  if host.line and host.line.payload then return fields(state, require("lines").payload(), report) end
  local texts = state.raw["raw-payload"] or state.raw.input
  if not texts then return nil end
  local name = state.raw["raw-payload"] and "raw-payload" or "input"
  if #texts > 1 or state.raw["raw-payload"] and state.raw.input then
    report(item(name, "INPUT_PARAM_CONFLICT", "Only one payload can be given.", nil, "Give --raw-payload once."))
  end
  local value, bad = values.read({ name = name, type = "json" }, texts[#texts], state.cwd)
  if bad or type(value) ~= "table" or host.json.is_array(value) then
    report(bad or item(name, "INPUT_PARAM_INVALID", "The payload must be a JSON object.", texts[#texts], "Give an object."))
    for _, p in ipairs(state.C.params) do state.bad[p.name] = true end -- nothing can be said of them
    return nil
  end
  local beside = flag_beside(state)
  if beside then
    report(item(beside.name, "INPUT_PARAM_CONFLICT", ("--%s cannot be used together with --%s."):format(beside.name, name),
      nil, ("Put %s into the payload, or leave the payload out."):format(beside.name)))
  end
  return fields(state, value, report)
end
