--- The resolved configuration (REQ-O-015).
-- Promise: shows every value that this invocation would use and where it comes from, the strongest layer first; secrets
-- are shown as [REDACTED], whatever layer they come from.

local host = require "host"
local redact = require "redact_args"

local settings = {}

local json = host.json
local REDACTED = "[REDACTED]"

-- What the host itself reads: key, variable, default, flag (its name in globals), kind.
local HOST = {
  { "debug", "TOOL_DEBUG", false, "debug", "boolean" },
  { "default_timeout_ms", nil, 30000, "timeout" },
  { "max_output_bytes", "TOOL_MAX_OUTPUT_BYTES", 1048576, nil, "integer" },
  { "max_stdin_bytes", "TOOL_MAX_STDIN_BYTES", 65536, nil, "integer" },
}

local function typed(text, kind)
  if kind == "boolean" then return text == "1" end
  return kind == "integer" and math.tointeger(tonumber(text)) or text
end

-- A value as it may be shown: nothing under a name that stands for a secret.
local function shown(name, value)
  if redact.is_secret_name(name) then return REDACTED end
  if type(value) ~= "table" or value == json.null or json.is_array(value) then return value end
  local out = json.object {}
  for key, item in pairs(value) do out[key] = shown(tostring(key), item) end
  return out
end

local function new_view()
  local view = { effective = json.object {}, origin = json.object {} }
  function view.put(key, value, source)
    view.effective[key], view.origin[key] = shown(key, value), source
  end
  return view
end

local function add_files(view, conf)
  local values, sources = conf.all()
  for key, value in pairs(values) do
    if key ~= "contexts" then
      view.put(key, value, sources[key]:sub(1, 1) == "/" and "file:" .. sources[key] or "flag:" .. sources[key])
    end
  end
end

local function add_host(view, inv)
  local variable = inv.output_variable
  local env = host.env(variable)
  view.put("output", inv.globals.output or env ~= "" and env or "auto",
    inv.globals.output and "flag:--output" or env and env ~= "" and "env:" .. variable or "default")
  for _, row in ipairs(HOST) do
    local key, name, default, flag, kind = table.unpack(row, 1, 5)
    local given, text = flag and inv.globals[flag], name and host.env(name)
    if given ~= nil then
      view.put(key, given, "flag:--" .. flag)
    elseif text and text ~= "" then
      view.put(key, typed(text, kind), "env:" .. name)
    elseif view.origin[key] == nil then
      view.put(key, default, "default")
    end
  end
end

-- A parameter that the configuration can set, as bind resolved it or, without a command, as it would.
local function add_param(view, p, bound)
  local key, given = p.config, bound and bound.given[p.name]
  local text = p.env and host.env(p.env)
  if given == "flag" then
    view.put(key, p.type == "secret" and REDACTED or bound.values[p.name], "flag:--" .. p.name)
  elseif text and text ~= "" then
    view.put(key, p.type == "secret" and REDACTED or bound and bound.values[p.name] or text, "env:" .. p.env)
  elseif view.origin[key] == nil and p.default ~= nil then
    view.put(key, p.default, "default")
  elseif view.origin[key] ~= nil and p.type == "secret" then
    view.put(key, REDACTED, view.origin[key])
  end
end

local function layers(conf, inv)
  local list = { "cli-flags", "env-vars" }
  for _, path in ipairs(conf.sources()) do list[#list + 1] = path end
  list[#list + 1] = "defaults"
  if inv.globals.config and inv.globals.config:byte(1) == 123 then table.insert(list, 3, "--config") end
  return json.array(list)
end

--- The settings that the contracts' commands see. conf: an open configuration; inv: the invocation; bound (for one
--- command): { values, given } of bind.
--- @return table { effective_config, sources, precedence_order }
function settings.of(contracts, conf, inv, bound)
  local view = new_view()
  add_files(view, conf)
  add_host(view, inv)
  for _, C in ipairs(contracts) do
    for _, p in ipairs(C.params or {}) do
      if p.config and p.type then add_param(view, p, bound) end
    end
  end
  return { effective_config = view.effective, sources = view.origin, precedence_order = layers(conf, inv) }
end

return settings
