-- One invocation: from the words of the command line to the answer.
-- Promise: what asks nothing of a command (help, schema) touches nothing; a command runs only after every check passed,
-- and all problems are told at once (design §5, REQ-F-015, F-068).

local lazy = require "lazy"

local answer = require "answer"
local args = require "args"
local config = require "config"
local dialect = require "dialect"
local failure = require "failure"
local host = require "host"
local inquiry = lazy "inquiry"
local lines = lazy "lines"
local tree = require "tree"

local ipairs, next, pairs, tostring, type = ipairs, next, pairs, tostring, type

local invocation = {}

-- Built-ins that a persona offers beside its own commands.
local PERSONA_BUILT_INS = { "completion", "doctor", "manifest" }

local said = {} -- what stands in meta so far, as JSON

local function meta(key, value)
  local text, message = host.json.encode(value)
  if not text then error("meta." .. key .. ": " .. message, 0) end
  said[key] = text
  host.send("M", key, text)
end
invocation.meta = meta

-- The variable with the default of --output: TOOL_OUTPUT, after the name of the program (REQ-O-042).
local function output_variable()
  return (host.program:sub(1, 64):upper():gsub("[^A-Z0-9]", "_")) .. "_OUTPUT"
end

local FORMATS = { json = true, jsonl = true, tsv = true, plain = true, table = true, rich = true }

-- Is the answer a description, which no variable can make fail (REQ-F-068)?
local function describes(g)
  return g.help or g.version or g.schema or g.print_schema or g.output_schema
end

-- How the answer is written: --output, else --stream, else the variable, else JSON off a terminal (REQ-F-003).
local function format_of(globals, no_stream)
  if host.line then return "json" end -- one envelope each
  local env = host.env(output_variable())
  local ci, quiet = host.env "CI", globals.quiet
  if globals.output then return globals.output end
  if globals.stream and not no_stream then return "jsonl" end
  if env and env ~= "" and (FORMATS[env] or not describes(globals)) then return env end
  local machine = not host.tty.stdout or (ci and ci ~= "") or host.env "NO_COLOR" ~= nil or quiet
  return machine and "json" or "rich"
end

-- The state of this invocation: words and globals as parsed.
local inv = { globals = {}, format = "json", words = {}, built_ins = PERSONA_BUILT_INS,
  said = said, meta = meta, formats = FORMATS, format_of = format_of }

-- Tells the supervisor, once, that this invocation goes to the audit log (REQ-F-026); help and the like do not.
local function log_invocation(C, conf)
  local place, source
  if conf then place, source = conf.get "audit.path" end
  if source and source:find("/%.tool[%w-]*$") then place = nil end -- not what a project's file says
  if inv.logged or inv.globals.help then return end
  inv.logged = true
  local tokens = inv.tokens
  local args_json = "{}"
  if tokens and (#tokens > 0 or #tokens.globals > 0) or host.line and host.line.payload then
    local shown = require("redact_args").object(tokens, inv.globals, C)
    if host.line then lines.audit(shown, C) end
    if inv.globals.no_injection_protection then shown._warning = "INJECTION_PROTECTION_OFF" end
    args_json = assert(host.json.encode(shown))
  end
  if type(place) == "string" then host.send("A", args_json, config.expand(place) or place) else host.send("A", args_json) end
end

local MB, DAY = 1024 * 1024, 86400

-- The limits of the framework's log file, from the configuration only (REQ-F-042).
local function log_file(conf)
  local wanted, source = conf.get "framework.logger"
  if type(wanted) ~= "table" or source:find("/%.tool[%w-]*$") then return end
  if not wanted.file and host.env "TOOL_DEBUG" ~= "1" then return end
  inv.log_file = true
  local function limit(key, default, unit)
    local value = tonumber(wanted[key])
    return ("%d"):format(math.max(0, (value or default) * unit) // 1)
  end
  host.send("G", limit("max_size_mb", 100, MB), limit("max_rotated_files", 5, 1), limit("max_age_days", 30, DAY),
    type(wanted.file) == "string" and (config.expand(wanted.file) or "") or "")
end

--- Answers with a failure that no command owns.
function invocation.refuse(f, C)
  log_invocation(C)
  local e, exit = answer.error(f, C, false)
  if inv.voice then return inv.voice:tell { exit = exit, error = e, data = f.data, usage = f.usage } end
  local note
  if inv.format == "rich" then note = require("errors_text")(e, { color = inv.color, program = inv.program }) end
  answer.send { exit = exit, error = e, data = f.data, note = note }
end

-- Finding the command ---------------------------------------------------------------------------------------------------

local function is_persona_built_in(word)
  for _, name in ipairs(PERSONA_BUILT_INS) do
    if word == name then return true end
  end
end

-- `sentryagent completion` is the built-in for the suite, and so is `tool sentryagent completion`.
local function look_up(words)
  local entry, used = tree.find(words, inv.prefix)
  if inv.prefix and used == 0 and is_persona_built_in(words[1]) then return tree.find(words) end
  if not inv.prefix and used == 1 and entry.kind == "group" and is_persona_built_in(words[2]) then
    local suite = tree.suite(entry)
    local built_in = suite and suite.persona and tree.find { words[2] }
    if built_in then
      inv.scope = suite
      return built_in, 2
    end
  end
  return entry, used
end

local found = {}

local function find(words)
  local key = table.concat(words, "\0")
  if not found[key] then found[key] = table.pack(look_up(words)) end
  return found[key][1], found[key][2]
end

local function resolver()
  return function(words)
    local entry, used = find(words)
    if not entry then return 0, false, false end
    return used, entry.kind == "group", entry.kind == "group"
  end
end

local loaded = {} -- entry -> contract

local function load(entry)
  if loaded[entry] then return loaded[entry] end
  local C, problems = tree.load(entry)
  if not C then inquiry.rejected(entry, problems) end
  loaded[entry] = C
  return C
end


-- Phase 1 ------------------------------------------------------------------------------------------------------------------

local function refuse_problems(C, problems)
  local code, opts = args.summary(problems)
  opts.exit, opts.phase = "ARG_ERROR", "validation"
  meta("errors", opts.more.errors)
  meta("phase", "validation")
  if inv.globals.validate_only then meta("validation_only", true) end
  invocation.refuse(failure.new(code, opts), C)
end

-- The whole way of one command -------------------------------------------------------------------------------------------

local function early_meta(entry, C)
  meta("command", table.concat(entry.words, "."))
  if not C then return end
  if C.version then meta("schema_version", C.version) end
end

-- Configuration values that the environment gives instead of a file; a secret's value stays out.
local function from_environment(C, values, given)
  local parts = {}
  for _, p in ipairs(C.params) do
    local source = p.config and given[p.name]
    if source and source:sub(1, 4) == "env:" then
      parts[#parts + 1] = p.config .. "=" .. (p.type == "secret" and "" or host.json.encode(values[p.name])) .. "\0"
    end
  end
  return #parts > 0 and table.concat(parts) or nil
end

local function config_meta(C, conf, values, given)
  local context = conf.context()
  if context then meta("context", context) end
  local sources, more = conf.sources(), from_environment(C, values, given)
  meta("config_sources", sources)
  if more or #sources > 0 then meta("effective_config_hash", conf.hash(more)) end
end

-- The time limit: the caller's, the command's own, the configured default, the framework's (REQ-F-011).
local function limit_of(C, conf, problems)
  if C.job and require("jobs").current(C) then return C.job.timeout_ms end
  if inv.globals.timeout then return inv.globals.timeout end
  if C.raw.timeout or type(C.raw.network) == "table" and C.raw.network.timeout or C.timeout_ms == 0 then
    return C.timeout_ms
  end
  local configured, source = conf.get "default_timeout_ms"
  if not configured then return C.timeout_ms end
  if math.type(configured) == "integer" and configured > 0 then return configured end
  problems[#problems + 1] = { param = "default_timeout_ms", field = "default_timeout_ms", code = "CONFIG_INVALID",
    value = configured, message = ("default_timeout_ms in %s must be a positive integer."):format(source),
    fix = "Correct " .. source }
  return C.timeout_ms
end

-- What --debug says before the command starts; the supervisor redacts values, names are redacted here (REQ-F-051).
local function say_debug(C, conf)
  if not (inv.globals.debug or inv.globals.trace or inv.log_file or host.env "TOOL_DEBUG" == "1") then return end
  host.send("L", "debug", "args: " .. require("redact_args").line(host.argv))
  host.send("L", "debug", "command: " .. C.file)
  host.send("L", "debug", "config: " .. (#conf.sources() > 0 and table.concat(conf.sources(), " ") or "no file"))
end

local function bind(C, parsed, conf, problems)
  local values, given, list = args.bind(C, parsed.tokens, {
    cwd = inv.cwd, config = conf and conf.get, globals = host.globals,
    stdin = function(p) return require("stdin").for_parameter(p) end,
  })
  for _, p in ipairs(list) do problems[#problems + 1] = p end
  return values, given
end

local function author_validate(C, values, problems)
  if not C.raw.validate then return end
  local before = #problems
  local function bad(param, message, code, value)
    local p = C.by_name[param]
    if value == nil and p and p.type ~= "secret" then value = values[param] end
    problems[#problems + 1] = { param = "--" .. param, field = param, code = code or "INPUT_PARAM_INVALID",
      message = message:find("[.!?]$") and message or message .. ".", value = value }
  end
  local own = {}
  for name, value in pairs(values) do own[name] = value end
  local ok, err = host.limited(50000000, C.raw.validate, own, bad)
  -- a parameter that it has made is kept; the host's flags, which say whether anything may be done at all, are not its own
  for _, p in ipairs(C.params) do
    for _, name in ipairs { p.name, (p.name:gsub("-", "_")) } do values[name] = own[name] end
  end
  if not ok and before == 0 then
    failure.raise(tostring(err):find("too many steps", 1, true) and "VALIDATE_BUDGET" or "VALIDATE_FAILED",
      { message = "The command's validate function failed.", cause = tostring(err), exit = "GENERAL_ERROR", phase = "execution" })
  end
end

function inv.set_terminal()
  local no_color = host.env "NO_COLOR" or host.env "CI" or host.env "GITHUB_ACTIONS" or host.env "JENKINS_URL"
    or host.env "TERM" == "dumb"
  inv.color = host.tty.stdout and not no_color
  inv.width = inv.globals.width or (inv.format == "rich" and host.columns() or 0)
end

-- From the configuration on: what depends on the values of this call. ahead: what prepare made, for a line.
local function go_on(C, conf, parsed, on_run, ahead)
  local problems = parsed.problems
  if parsed.own then parsed.own.release(parsed.tokens) end
  log_invocation(C, conf)
  if not ahead then log_file(conf) end
  local values, given = bind(C, parsed, conf, problems)
  if C.suite then dialect.settle(inv, C, values) end
  if C.safe_default then meta("dry_run", not values.live or values.dry_run == true) end
  local limit = ahead and ahead.limit
  if not limit then
    limit = limit_of(C, conf, problems)
    meta("timeout_ms", limit)
    config_meta(C, conf, values, given)
  end
  if C.ages then require("deprecation").announce(C, given, inv.program) end
  say_debug(C, conf)
  if values.live or values.no_stream or values.no_proxy then
    require("global_flags").check_pairs(inv, values, given, problems)
  end
  author_validate(C, values, problems)
  if #problems > 0 then return refuse_problems(C, problems) end
  if inv.globals.show_config and C.path ~= "status" then -- that one shows it beside the rest
    answer.send { exit = 0, data = require("settings").of({ C }, conf, inv, { values = values, given = given }),
      flags = "j" }
    return
  end
  if inv.globals.validate_only then
    meta("validation_only", true)
    local ids = inv.format == "id" -- whoever reads ids gets none
    answer.send { exit = 0, text = "The input is valid.\n", flags = inv.format == "rich" and "t" or ids and "" or "j" }
    return
  end
  require("run").execute(C, { values = values, given = given, globals = inv.globals, config = conf, inv = inv, timeout_ms = limit,
    on_run = on_run, meta = meta, flags = parsed.flags, run = ahead and ahead.run })
end

local function run_command(entry, parsed, on_run)
  local C = load(entry)
  early_meta(entry, C)
  if host.line then lines.prepare(C, parsed) end
  if inv.globals.help then
    inquiry.command_help(inv, C, entry.words)
    return
  end
  local g = inv.globals
  if (g.schema or g.print_schema or g.output_schema) and inquiry.schema_exit(inv, C) then return end
  local problems = parsed.problems
  inv.cwd = host.cwd
  if next(inv.globals) ~= nil or host.instance or host.env "TOOL_INSTANCE_ID" or not FORMATS[inv.format] then
    inv.cwd = require("global_flags").check(inv, C, problems)
  end
  return go_on(C, config.open(C, inv.globals, inv.cwd), parsed, on_run)
end

local ready -- what prepare has found out; frames: the facts that it told

--- Does ahead of a line what does not depend on its values. Returns the command's contract; nil when the words name none.
function invocation.prepare(words)
  inv.prefix = tree.persona(host.program)
  inv.program = inv.prefix and host.program or "tool"
  local entry, used = find(words)
  if not entry or used < #words or entry.kind ~= "command" then return nil end
  local C = load(entry)
  if not lines.is_plain(C) or host.env "TOOL_INSTANCE_ID" then return C end
  for _, p in ipairs(C.params) do
    if p.config then return C end
  end
  inv.words, inv.format, inv.cwd = words, "json", host.cwd
  inv.set_terminal()
  local conf, problems = config.open(C, inv.globals, inv.cwd), {}
  conf.mark()
  local limit = limit_of(C, conf, problems)
  if #problems > 0 then return C end
  early_meta(entry, C)
  log_file(conf)
  meta("timeout_ms", limit)
  config_meta(C, conf, {}, {})
  local run = require("run").prepare(C, { globals = inv.globals, config = conf, inv = inv, timeout_ms = limit, meta = meta })
  ready = { C = C, conf = conf, limit = limit, run = run, frames = host.unsend() }
  return C
end

-- A line without global flags goes on from there, as long as the configuration is still the same.
local function run_ready(on_run)
  local parsed = ready and lines.split(find)
  if not parsed or not ready.conf.is_fresh() then return false end
  inv.tokens = parsed.tokens
  host.plain()
  host.line.shared = true
  host.send_again(ready.frames)
  go_on(ready.C, ready.conf, parsed, on_run, ready)
  return true
end

-- `tool help`, of a topic, or of a command or group by its words.
local function help_about(words, entry)
  if #words == 0 then
    inv.globals.help = true
    return inquiry.show_help(inv, entry)
  end
  if inquiry.show_topic(inv, words[1]) then return end
  local about, used = find(words)
  if not about or used < #words then inquiry.unknown_command(inv, { words[(used or 0) + 1] }, about) end
  inv.globals.help = true
  if about.kind == "group" then return inquiry.show_help(inv, about) end
  inquiry.command_help(inv, load(about), about.words)
end

--- Runs the command line; on_run is told the run object before anything of the command happens.
function invocation.run(on_run)
  if run_ready(on_run) then return end
  if host.line and host.line.used then return host.hand_back() end -- a worker that is confined cannot look anew
  inv.output_variable = output_variable()
  inv.prefix = tree.persona(host.program)
  inv.program = inv.prefix and host.program or "tool"
  local contracts = function(words)
    local entry, used = find(words)
    return entry and used == #words and entry.kind == "command" and load(entry) or nil
  end
  local suite = inv.prefix and tree.suite((tree.find({}, inv.prefix)))
  local parsed = host.line and lines.split(find)
    or args.split(host.argv, host.globals, resolver(), contracts, suite and suite.flags, suite and suite.one_dash)
  inv.globals, inv.words, inv.tokens = parsed.globals, parsed.words, parsed.tokens
  inv.format = format_of(inv.globals)
  inv.set_terminal()
  local entry = find(parsed.words)
  if suite and not (entry and entry.words[1] ~= inv.prefix) then
    dialect.open(inv, suite, parsed.own and parsed.own.flags or {})
  end
  if inv.globals.version then
    if inv.format == "rich" then return answer.send { exit = 0, text = inv.program .. " " .. host.version .. "\n", flags = "t" } end
    answer.send { exit = 0, data = { version = host.version } }
    return
  end
  local first, single = parsed.tokens[1], parsed.tokens.single or {}
  local word = first and (type(first) == "table" and first.text or single[first] or first)
  local stray = word and word:sub(1, 1) ~= "-" and word or nil
  if host.line then lines.check(inv, entry, stray) end
  if not entry or entry.kind == "group" then
    if stray == "help" or parsed.words[1] == "help" then
      local about = {}
      for i = 2, #parsed.tokens do
        local token = parsed.tokens[i]
        about[i - 1] = type(token) == "table" and token.text or token
      end
      return help_about(about, entry)
    end
    if stray then
      meta("command", (host.text.clean(stray)))
      require("baseline").refuse(entry and entry.words or {}, parsed.tokens, inv)
      inquiry.unknown_command(inv, { stray }, entry)
    end
    if (inv.globals.schema or inv.globals.print_schema) and not word then
      if entry and not (inv.prefix and #entry.words == 1) then
        meta("command", table.concat(entry.words, "."))
        return inquiry.schema_exit(inv, load(entry))
      end
      return inquiry.schema_of_all(inv)
    end
    if inv.globals.show_config and not entry and not word and #parsed.problems == 0 then return inquiry.show_settings(inv) end
    if #parsed.problems > 0 or word then
      if word then
        parsed.problems[#parsed.problems + 1] = { param = word, field = word:gsub("^%-+", ""), code = "INPUT_PARAM_UNKNOWN",
          message = "There is no option " .. (host.text.clean(word)) .. ".", fix = "See --help for the options." }
      end
      return refuse_problems(nil, parsed.problems)
    end
    if entry then meta("command", table.concat(entry.words, ".")) end
    return inquiry.show_help(inv, entry)
  end
  run_command(entry, parsed, on_run)
end

return invocation
