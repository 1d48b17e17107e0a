-- What is wrong with the global flags of a call, or with the variables that stand for them.
-- Promise: every problem is collected, none stops another (REQ-F-015); loaded only when such a flag or variable is given.

local host = require "host"

local global_flags = {}

local VERBOSITY = { "quiet", "verbose", "debug" }

local function verbosity_problems(inv, problems)
  local given = {}
  for _, name in ipairs(VERBOSITY) do
    if inv.globals[name] then given[#given + 1] = "--" .. name end
  end
  if #given > 1 then
    problems[#problems + 1] = { param = given[2], field = given[2]:sub(3), code = "INPUT_PARAM_CONFLICT",
      message = table.concat(given, " and ") .. " exclude each other.", fix = "Pass one of them." }
  end
end

local function format_problems(inv, C, problems)
  local format = inv.format
  if inv.formats[format] and not (format == "rich" and inv.globals.output) then return end
  if format == "id" and C and C.id then return end
  if require("output").format_problem(C or {}, format) == nil then return end
  local why = format == "id" and "This command declares no id" or ("There is no format %q"):format(format)
  problems[#problems + 1] = { param = inv.globals.output and "--output" or inv.output_variable, field = "output",
    code = "INPUT_PARAM_INVALID", message = why .. ".", value = format, fix = "Use one of json, jsonl, tsv, plain, table." }
  inv.format = "json"
end

local function conflict(problems, one, other, why)
  problems[#problems + 1] = { param = one, field = one:sub(3), code = "INPUT_PARAM_CONFLICT",
    message = ("%s and %s exclude each other%s."):format(one, other, why or ""), fix = "Pass one of them." }
end

--- A warning: its text in warnings[], the facts in meta.warning_details[].
local function warn(code, text, facts)
  host.send("W", code .. ": " .. text)
  host.send("L", "warn", text)
  local detail = { code = code, message = text }
  for key, value in pairs(facts or {}) do detail[key] = value end
  host.send("w", (host.json.encode(detail)))
end

-- --stream is --output jsonl; where a command has no rows to show early, it is told so and answers as ever (REQ-O-004).
local function stream_problems(inv, C, problems)
  local g = inv.globals
  if not g.stream then return end
  if not C.stream then
    inv.format = inv.format_of(g, true)
    inv.set_terminal()
    warn("STREAMING_NOT_SUPPORTED", ("`%s` has no stream; the answer comes whole."):format(table.concat(C.words, " ")))
  elseif g.output and g.output ~= "jsonl" then
    conflict(problems, "--stream", "--output " .. g.output)
  end
end

-- Which major version of the answer's shape is wanted (REQ-O-014).
local function version_problems(inv, C, problems)
  local wanted = inv.globals.schema_version
  if not wanted then return end
  local current = math.tointeger(tonumber((C.version:match("^%d+"))))
  local lowest = C.min_schema_version or current
  if wanted < lowest or wanted > current then
    problems[#problems + 1] = { param = "--schema-version", field = "schema-version", code = "SCHEMA_VERSION_UNSUPPORTED",
      message = ("This command answers in version %s, not in %d."):format(
        lowest < current and lowest .. " to " .. current or current, wanted),
      value = wanted, fix = ("Pass --schema-version %d, or leave it out"):format(current) }
  elseif wanted < current then
    inv.meta("schema_version", ("%d.0"):format(wanted))
    warn("SCHEMA_DEPRECATED", ("version %d requested, current is %d"):format(wanted, current),
      { requested_version = tostring(wanted), current_version = tostring(current) })
  end
end

local function config_problems(inv, problems)
  local g = inv.globals
  if not g.no_config then return end
  if g.config then conflict(problems, "--config", "--no-config") end
  if g.context then conflict(problems, "--context", "--no-config", "; contexts stand in the configuration") end
end

local function number_problems(inv, problems)
  local g = inv.globals
  if g.token_count and (g.token_limit or g.token_offset) then
    conflict(problems, "--token-count", g.token_limit and "--token-limit" or "--token-offset")
  end
  if g.heartbeat_interval == 0 then
    problems[#problems + 1] = { param = "--heartbeat-interval", field = "heartbeat-interval", code = "INPUT_PARAM_INVALID",
      value = 0, message = "--heartbeat-interval must be at least 1.", fix = "Pass a number of seconds." }
  end
  if g.token_limit == 0 then
    problems[#problems + 1] = { param = "--token-limit", field = "token-limit", code = "INPUT_PARAM_INVALID", value = 0,
      message = "--token-limit must be at least 1.", fix = "Pass a number of tokens." }
  end
end

-- The host takes no other name for an instance (REQ-O-036).
local function instance_problems(inv, problems)
  local flag = inv.globals.instance_id
  local id = flag or host.env "TOOL_INSTANCE_ID"
  if host.instance then
    inv.meta("instance_id", host.instance)
  elseif flag or id and id ~= "" then
    problems[#problems + 1] = { param = flag and "--instance-id" or "TOOL_INSTANCE_ID", field = "instance-id",
      code = "INPUT_PARAM_INVALID", value = id, message = "An instance's name is 1 to 64 of A-Z a-z 0-9 . _ - without two "
      .. "dots in a row, and begins with a letter or digit.", fix = "Choose another name." }
  end
end

local function cwd_problems(inv, problems)
  local cwd = inv.globals.cwd or inv.globals.root
  if not cwd then return host.cwd end
  local stat = host.file.stat(cwd)
  if stat and stat.type == "directory" then
    inv.meta("cwd", cwd)
    return cwd
  end
  problems[#problems + 1] = { param = "--cwd", field = "cwd", code = "INPUT_PARAM_INVALID", value = cwd,
    message = ("--cwd %s is not a directory."):format(cwd), fix = "Name an existing directory." }
  return host.cwd
end

--- Flags that the host adds to a command and that exclude another one.
function global_flags.check_pairs(inv, values, given, problems)
  local g = inv.globals
  if values.live and values.dry_run then conflict(problems, "--live", "--dry-run") end
  if values.no_stream and (g.stream or g.output == "jsonl") then
    conflict(problems, "--no-stream", g.stream and "--stream" or "--output jsonl")
  end
  if values.no_proxy and given.proxy == "flag" then conflict(problems, "--proxy", "--no-proxy") end
end

--- Adds the problems of this call to the list; C may be nil where no command is known. Returns the effective directory.
function global_flags.check(inv, C, problems)
  verbosity_problems(inv, problems)
  if C then
    stream_problems(inv, C, problems)
    version_problems(inv, C, problems)
  end
  number_problems(inv, problems)
  instance_problems(inv, problems)
  config_problems(inv, problems)
  local cwd = cwd_problems(inv, problems)
  format_problems(inv, C, problems)
  return cwd
end

return global_flags
