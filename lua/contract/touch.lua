--- The keys of a contract that say what the command touches.
-- Promise: one function per key, each checks the author's value and sets the normalised one on C; reached only for the
-- keys that a contract declares. Sources: REQ-C-008 … C-012, C-018, C-019, C-021 … C-025, REQ-O-039, O-047, O-048.

local units = require "units"
local shapes = require "contract.shapes"

local touch = {}

local strings, command_words = shapes.strings, shapes.command_words

local function ms_of(value)
  local _, ms = units.duration(value)
  return math.type(ms) == "integer" and ms or nil
end

-- Complains about the keys of t that `known` lacks.
local function only(ck, key, rule, t, known)
  for k in pairs(t) do
    if math.type(k) ~= "integer" and not known[k] then
      ck:bad(key, rule, "%s has unknown key %s%s", key, tostring(k), ck:nearest(k, known))
    end
  end
end

local NETWORK = { timeout = true, connect = true, hosts = true, unix = true }

-- "api.example.com", "*.example.com:8443", "[::1]:80", or "service": the address of the suite's service.
local function check_hosts(ck, hosts)
  if not strings(hosts) or #hosts == 0 then
    return ck:bad("network", "REQ-C-012", "network.hosts must be a list of hosts")
  end
  for _, text in ipairs(hosts) do
    local name, port = text:match("^(.-):(%d+)$")
    name = name or text
    if port and (tonumber(port) < 1 or tonumber(port) > 65535)
      or not name:find("^%*?%.?[%w][%w.-]*$") and not name:find("^%[[%x:.]+%]$") then
      ck:bad("network", "REQ-C-012", 'network.hosts: "%s" is not a host with an optional port', text)
    elseif text == "service" and not (ck.suite and ck.suite.service) then
      ck:bad("network", "REQ-C-012", 'network.hosts: "service" needs a suite with a service')
    end
  end
end

function touch.network(ck, C, value)
  if value == true then
    C.network = { connect = "10s", connect_ms = 10000 }
    return
  elseif type(value) ~= "table" then
    return ck:bad("network", "REQ-C-012", "network must be true or { timeout, connect, hosts, unix }")
  end
  only(ck, "network", "REQ-C-012", value, NETWORK)
  if value.hosts ~= nil then check_hosts(ck, value.hosts) end
  if value.unix ~= nil and type(value.unix) ~= "boolean" then
    ck:bad("network", "REQ-C-012", "network.unix must be true or false")
  end
  local connect = value.connect or "10s"
  local network = { connect = connect, connect_ms = ms_of(connect), hosts = value.hosts,
    unix = value.unix == true }
  if not network.connect_ms then ck:bad("network", "REQ-C-012", "network.connect must be a duration") end
  if value.timeout ~= nil then
    network.timeout_ms = ms_of(value.timeout)
    if not network.timeout_ms or network.timeout_ms == 0 then
      ck:bad("network", "REQ-C-012", "network.timeout must be a duration above 0; only the caller may disable it")
    end
  end
  C.network = network
end

local RUNS = { fixed = true, from = true, reads = true, alone = true, any = true }
local SHELLS = { sh = true, bash = true, dash = true, zsh = true, ksh = true, fish = true }

function touch.runs(ck, C, value)
  if type(value) == "string" then value = { value } end
  if type(value) ~= "table" or type(value[1]) ~= "string" or value[1] == "" then
    return ck:bad("runs", "REQ-C-019", "runs must name a program: { \"git\", fixed = {…}, from = {…} }")
  end
  if value[2] ~= nil then
    ck:bad("runs", "REQ-C-019", "runs names more than one program; split the command")
  end
  only(ck, "runs", "REQ-C-019", value, RUNS)
  if value.alone and value.any then
    ck:bad("runs", "REQ-C-019", "runs.alone and runs.any exclude each other")
  end
  local fixed, from = value.fixed or {}, value.from or {}
  if not strings(fixed) then
    ck:bad("runs", "REQ-C-019", "runs.fixed must be a list of arguments")
  elseif SHELLS[value[1]:match("[^/]*$")] then
    for _, argument in ipairs(fixed) do
      if argument:find("^%-%a*c%a*$") then
        ck:bad("runs", "REQ-F-044", '"%s %s" in fixed is prohibited', value[1]:match("[^/]*$"), argument)
      end
    end
  end
  if not strings(from) then
    ck:bad("runs", "REQ-C-019", "runs.from must be a list of parameters")
  else
    for _, name in ipairs(from) do
      if not C.by_name[name] then
        ck:bad("runs", "REQ-C-019", 'runs.from names unknown parameter "%s"%s', name, ck:nearest(name, C.by_name))
      end
    end
  end
  C.runs = { binary = value[1], fixed = fixed, from = from, reads = value.reads == true,
    alone = value.alone == true or nil, any = value.any == true or nil }
end

local function check_path(ck, key, path, relative)
  if type(path) ~= "string" or path == "" then
    return ck:bad(key, "REQ-C-011", "%s: an entry has no path", key)
  end
  local inside = path:sub(1, 1) == "~" or relative and (path == "." or path:sub(1, 2) == "./")
  if not inside and path:sub(1, 1) ~= "/" or ("/" .. path .. "/"):find("/../", 1, true) then
    return ck:bad(key, "REQ-C-011", "path must be absolute or start with ~ and must not contain ..: %s", path)
  end
  return true
end

local WRITES = { ttl = true, clear = true }
local EFFECTS = { cache = true, log = true, temp = true, credential = true, config = true }

local function write_of(ck, C, row)
  if type(row) ~= "table" then
    return ck:bad("writes", "REQ-C-011", "writes must be a list of { type, path }")
  end
  only(ck, "writes", "REQ-C-011", row, WRITES)
  local kind, path = row[1], row[2]
  if not EFFECTS[kind] then
    ck:bad("writes", "REQ-C-011", 'unknown side-effect type "%s"%s', tostring(kind), ck:nearest(kind, EFFECTS))
  end
  if check_path(ck, "writes", path) and (path:find("^/+$") or path:find("^~/*$") or path:find("^/%a+/*$")) then
    ck:bad("writes", "REQ-C-011", "path too broad: %s", path)
  end
  local ttl = row.ttl
  if ttl ~= nil then
    ttl = ms_of(ttl)
    if not ttl then ck:bad("writes", "REQ-C-011", "writes: ttl must be a duration") end
  end
  if row.clear ~= nil and type(row.clear) ~= "string" then
    ck:bad("writes", "REQ-C-011", "writes: clear must be a command line")
  end
  if C.danger == "safe" and (kind == "credential" or kind == "config") then
    ck:warn("safe command writes %s files (%s)", kind, tostring(path))
  end
  return { type = kind, path = path, ttl_seconds = ttl and ttl // 1000 or nil, clear = row.clear }
end

function touch.writes(ck, C, value)
  local list = {}
  for _, row in ipairs(value) do list[#list + 1] = write_of(ck, C, row) end
  C.writes = list
end

function touch.reads(ck, C, value)
  if type(value) == "string" then value = { value } end
  if not strings(value) or #value == 0 then
    return ck:bad("reads", "REQ-C-011", "reads must be a list of paths")
  end
  for _, path in ipairs(value) do check_path(ck, "reads", path, true) end
  C.reads = value
end

local SCOPES = { ["local"] = true, global = true, session = true }

function touch.config(ck, C, value)
  if value == true then
    if C.danger ~= "safe" then
      ck:warn("config writer without config_write_scope; defaulting to local")
    end
    C.config = "local"
  elseif not SCOPES[value] then
    ck:bad("config", "REQ-C-025", 'config must be "local", "global" or "session"')
  else
    C.config = value
  end
end

local HEADLESS = { emit_in_output = true, skip = true, error = true }

function touch.gui(ck, C, value)
  only(ck, "gui", "REQ-C-024", value, { headless = true })
  local operations = {}
  for _, operation in ipairs(value) do operations[#operations + 1] = tostring(operation) end
  if #operations > 0 and value.headless == nil then
    ck:bad("gui", "REQ-C-024", "gui_operations requires headless_behavior declaration")
  elseif value.headless ~= nil and not HEADLESS[value.headless] then
    ck:bad("gui", "REQ-C-024", "headless must be emit_in_output, skip or error")
  end
  C.gui = { operations = operations, headless = value.headless }
end

function touch.background(ck, C, value)
  only(ck, "background", "REQ-C-010", value, { stop = true, lifetime = true })
  local lifetime = ms_of(value.lifetime)
  if not command_words(value.stop) or not lifetime or lifetime == 0 then
    ck:bad("background", "REQ-C-010", "background requires stop and lifetime")
  end
  if not C.raw.runs then ck:bad("background", "REQ-C-019", "background needs runs: the program that is started") end
  if C.danger == "safe" then ck:warn("safe command starts a background process") end
  C.background = { stop = value.stop, lifetime_seconds = lifetime and math.max(1, lifetime // 1000) }
end

function touch.stops(ck, C, value)
  if not command_words(value) then
    return ck:bad("stops", "REQ-C-010", "stops must be the words of the command that starts the process")
  end
  C.stops = value
end

local DESCRIPTOR = {
  "job_id", "status", "terminal", "status_command", "cancel_command", "poll_interval_ms", "timeout_ms",
}
touch.job_fields = DESCRIPTOR

function touch.job(ck, C, value)
  only(ck, "job", "REQ-C-022", value, { schema = true, poll = true, timeout = true })
  local poll, timeout = ms_of(value.poll), ms_of(value.timeout)
  if not poll or not timeout or poll == 0 or timeout == 0 then
    ck:bad("job", "REQ-C-022", "poll and timeout are required")
  end
  if value.schema ~= nil then
    local properties = type(value.schema) == "table" and value.schema.properties
    if type(properties) ~= "table" then
      ck:bad("job", "REQ-C-022", "async command requires a job descriptor schema")
    else
      for _, field in ipairs(DESCRIPTOR) do
        if properties[field] == nil then ck:bad("job", "REQ-C-022", 'job schema lacks "%s"', field) end
      end
    end
  end
  C.job = { schema = value.schema, poll_ms = poll, timeout_ms = timeout }
end

function touch.auth(ck, C, value)
  only(ck, "auth", "REQ-C-021", value, { headless = true, env = true })
  local env = value.env or {}
  if type(value.headless) ~= "boolean" then
    ck:bad("auth", "REQ-C-021", "auth requires headless (true or false)")
  elseif not value.headless and (not strings(env) or #env == 0) then
    ck:bad("auth", "REQ-C-021", "headless_supported: false requires token_env_vars")
  end
  if not strings(env) then
    return ck:bad("auth", "REQ-C-021", "auth.env must be a list of variable names")
  end
  for _, name in ipairs(env) do
    if not ck:own_env(name) then
      ck:warn('auth: env var %q has none of the prefixes %s', name, ck:env_prefixes())
    end
  end
  C.auth = { headless = value.headless, env = env }
end

function touch.editor(ck, C, value)
  if #value == 0 then
    ck:bad("editor", "REQ-C-023", "requires_editor: true requires at least one non_interactive_alternative")
  end
  for _, name in ipairs(value) do
    local p = C.by_name[name]
    if not p or p.injected then
      ck:bad("editor", "REQ-C-023", 'alternative "%s" is not a parameter%s', tostring(name),
        ck:nearest(name, C.by_name))
    elseif p.required then
      ck:bad("editor", "REQ-C-023", 'alternative "%s" must be optional', name)
    end
  end
  C.editor = value
end

function touch.batch(ck, C, value)
  local p = C.by_name[value]
  if not p or p.type ~= "list" then
    ck:bad("batch", "REQ-C-009", "batch must name a declared array parameter")
  end
  C.batch = value
end

function touch.steps(ck, C, value)
  local seen = {}
  if not strings(value) or #value == 0 then
    ck:bad("steps", "REQ-C-008", "steps must be unique, non-empty names")
  else
    for _, name in ipairs(value) do
      if seen[name] then ck:bad("steps", "REQ-C-008", "steps must be unique, non-empty names") end
      seen[name] = true
    end
  end
  C.steps = value
end

local PLATFORMS = { linux = true, darwin = true, windows = true, freebsd = true, openbsd = true, netbsd = true }

function touch.platform(ck, C, value)
  for _, name in ipairs(value) do
    if not PLATFORMS[name] then
      ck:bad("platform", "REQ-C-018", 'platform "%s" unknown%s', tostring(name), ck:nearest(name, PLATFORMS))
    end
  end
  C.platform = value
end

local NEEDS = { min = true, max = true, check = true, version = true, fix = true }

local function version_of(ck, tool, value)
  if value == nil then return nil end
  local version = type(value) == "string" and value:match("^>?=?%s*v?(%d+[%d.]*)$")
  if not version then
    return ck:bad("needs", "REQ-C-018", 'needs.%s: "%s" is not a version', tool, tostring(value))
  end
  return version
end

function touch.needs(ck, C, value)
  local needs = {}
  for tool, spec in pairs(value) do
    if type(tool) ~= "string" or not tool:find("^[%w._+-]+$") then
      ck:bad("needs", "REQ-C-018", "needs must be a table of program = version")
    elseif type(spec) == "table" then
      only(ck, "needs", "REQ-C-018", spec, NEEDS)
      if spec.check ~= nil and not strings(spec.check) then
        ck:bad("needs", "REQ-O-031", "needs.%s: check must be an argument list", tool)
      end
      needs[tool] = {
        min = version_of(ck, tool, spec.min), max = version_of(ck, tool, spec.max), check = spec.check,
        version = spec.version, fix = spec.fix,
      }
    else
      needs[tool] = { min = version_of(ck, tool, spec) }
    end
  end
  C.needs = needs
end

function touch.shell(ck, C, value)
  if not value:find("^%l+$") and not value:find("^%l+ %d[%d.]*$") then
    ck:bad("shell", "REQ-C-018", 'shell must be a shell and a version, such as "bash 4"')
  end
  C.shell = value
end

function touch.stdin(ck, C, value)
  if value == true then C.stdin = {} return end
  if type(value) ~= "table" then
    return ck:bad("stdin", "REQ-F-054", "stdin must be true or { format = text }")
  end
  only(ck, "stdin", "REQ-F-054", value, { format = true, required = true })
  C.stdin = { format = value.format, required = value.required }
end

function touch.retry(ck, C, value)
  only(ck, "retry", "REQ-F-078", value, { max = true, delay = true })
  local delay = value.delay == nil and 500 or ms_of(value.delay)
  if math.type(value.max or 0) ~= "integer" or (value.max or 0) < 0 then
    ck:bad("retry", "REQ-F-078", "retry.max must be a whole number from 0")
  end
  if not delay then ck:bad("retry", "REQ-F-078", "retry.delay must be a duration") end
  C.retry = { max = value.max or 0, delay_ms = delay }
end

local LIMITS = { memory = true, file = true, tmp = true, processes = true }

-- What the command may use at most, where the host's own limits are too narrow or wider than it needs.
function touch.limits(ck, C, value)
  only(ck, "limits", "REQ-C-011", value, LIMITS)
  local limits = {}
  for _, key in ipairs { "memory", "file", "tmp" } do
    limits[key] = value[key] and units.size(value[key])
    if value[key] and (math.type(limits[key]) ~= "integer" or limits[key] < 4096) then
      ck:bad("limits", "REQ-C-011", "limits.%s must be a size of at least 4KiB", key)
    end
  end
  limits.processes = value.processes
  if value.processes ~= nil and (math.type(value.processes) ~= "integer" or value.processes < 1 or value.processes > 4096) then
    ck:bad("limits", "REQ-C-011", "limits.processes must be a whole number from 1 to 4096")
  end
  C.limits = limits
end

function touch.external(ck, C, value)
  if type(value) ~= "boolean" and not strings(value) then
    return ck:bad("external", "REQ-F-035", "external must be true, false or a list of fields")
  end
  C.external = value
end

return touch
