-- Programs that a run starts: their environment, their place, their start.
-- Promise: every program of the tool goes through `start` or `detach`; its environment is one in which nothing pages, asks,
-- colours, updates or speaks another language, and it is listed in the session's children.pids while it runs (REQ-F-008,
-- F-010, F-025, F-030, F-046, F-050, F-053, F-055, F-062, F-066).

local failure = require "failure"
local host = require "host"

local programs = {}

-- Always, whatever was inherited.
local ALWAYS = {
  PAGER = "cat", GIT_PAGER = "cat", MANPAGER = "cat", LESS = "-F -X -R", MORE = "", NON_INTERACTIVE = "1",
}
-- When nobody watches.
local UNATTENDED = {
  CI = "1", NO_UPDATE_NOTIFIER = "1", HOMEBREW_NO_AUTO_UPDATE = "1", PIP_DISABLE_PIP_VERSION_CHECK = "1",
  PYTHONUNBUFFERED = "1",
}
local NO_EDITOR = { EDITOR = "true", VISUAL = "true", GIT_EDITOR = "true" }
local LOCALE = { LC_ALL = "C", LC_NUMERIC = "C" }

local function overlay(env, more)
  for name, value in pairs(more) do env[name] = value end
end

--- Whether an environment variable of the caller says something.
function programs.set(name)
  local value = host.env(name)
  return value ~= nil and value ~= ""
end

--- Whether nobody is there to edit: an editor may open only between two terminals (REQ-F-055).
function programs.no_editor()
  return not host.tty.stdin or not host.tty.stdout
end

local function unattended()
  return not host.tty.stdout or programs.set "CI"
end

--- The environment of a run's programs as a map.
function programs.environment(run)
  local env, C = host.environ(), run.contract
  overlay(env, ALWAYS)
  if unattended() then
    overlay(env, UNATTENDED)
    if C.raw.suppress_update_notifier then C.raw.suppress_update_notifier(env) end
  end
  if programs.no_editor() then overlay(env, NO_EDITOR) end
  if not C.preserve_locale then overlay(env, LOCALE) end
  if not run.inv.color then env.NO_COLOR = "1" end
  return env
end

--- The same for code inside the worker that starts programs itself: native modules.
function programs.set_own_environment()
  for name, value in pairs(ALWAYS) do host.setenv(name, value) end
  if unattended() then
    for name, value in pairs(UNATTENDED) do host.setenv(name, value) end
  end
end

local function list_of(env)
  local list = {}
  for name, value in pairs(env) do list[#list + 1] = tostring(name) .. "=" .. tostring(value) end
  table.sort(list)
  return list
end

--- A program's absolute path along PATH, or nil; directories and files that may not be run do not count.
function programs.look(name)
  if name:sub(1, 1) == "/" then return name end
  for dir in (host.env "PATH" or "/usr/bin:/bin"):gmatch("[^:]+") do
    local path = dir .. "/" .. name
    local stat = dir:sub(1, 1) == "/" and host.file.stat(path)
    if stat and stat.type == "file" and host.file.access(path, "x") then return path end
  end
end

--- The same; fails when there is none.
function programs.find(name)
  local path = programs.look(name)
  if path then return path end
  failure.raise("DEPENDENCY_MISSING", { message = ("The program %s is not on PATH."):format(name),
    context = { program = name } })
end

-- What every program of the run gets.
local function usual_environment(run, trusted)
  local env = programs.environment(run)
  env.TOOL_JOB_ID = nil -- a program of a job is not the job
  env.TOOL_SESSION_TMP_DIR = run.tmp_dir()
  if not trusted then env.TMPDIR = run.tmp_dir() end -- the one place for temporary files that it may write
  return env
end

-- The environment of one program: opts.more on top of the usual one, or of PATH alone when it is to be a clean one.
local function environment_for(run, opts)
  local env = opts.clean and { PATH = host.env "PATH" or "/usr/bin:/bin" } or usual_environment(run, opts.trusted)
  for name, value in pairs(opts.more or {}) do
    local text = tostring(host.reveal(type(value) == "userdata" and value or tostring(value)))
    if type(name) ~= "string" or name == "" or name:find "[=\0]" or text:find("\0", 1, true) then
      error(("%s cannot be a variable of the environment"):format(tostring(name)), 0)
    end
    env[name] = text
  end
  return list_of(env)
end

-- Fills in what host.run and host.start need: argv and pids, and path, env and cwd unless they are given; `more` and
-- `clean` are for environment_for.
local function prepare(run, argv, opts)
  if opts.more or opts.clean then
    opts.env = environment_for(run, opts)
  elseif not opts.env then
    opts.env = list_of(usual_environment(run, opts.trusted))
  end
  local redact = require "redact_args"
  host.send("L", "debug", "exec " .. host.json.encode(host.json.array(redact.list(argv))))
  opts.path, opts.argv, opts.cwd = opts.path or programs.find(argv[1]), argv, opts.cwd or run.cwd
  opts.pids = run.tmp_dir() .. "/children.pids"
  run.meta("session_pid_file", opts.pids)
end

--- Fails because the program argv could not be started or did not end as it should.
function programs.fail(argv, err)
  failure.raise(err.code, { message = ("%s could not be run: %s"):format(argv[1], err.message),
    exit = err.code == "TIMEOUT" and "TIMEOUT" or nil, context = { program = argv[1] } })
end

--- Runs argv to its end; opts as host.run's, with path, argv, env and pids filled in, and for the environment also `more`
--- and `clean`. Waits; returns host.run's result or fails.
function programs.start(run, argv, opts)
  prepare(run, argv, opts)
  local result, err = host.run(opts)
  if not result then programs.fail(argv, err) end
  return result
end

--- Starts argv to be followed; opts as of programs.start. Returns the handle of host.start or fails.
function programs.follow(run, argv, opts)
  prepare(run, argv, opts)
  local handle, err = host.start(opts)
  if not handle then programs.fail(argv, err) end
  return handle
end

--- Starts a program that outlives the run, at most for lifetime_ms (0: as long as it likes). Returns { pid, keeper, began }.
function programs.detach(run, argv, opts)
  local env = list_of(programs.environment(run)) -- without the session's directory, which goes with the run
  host.send("L", "debug", "exec " .. host.json.encode(host.json.array(require("redact_args").list(argv))))
  local kept, err = host.detach { path = programs.find(argv[1]), argv = argv, env = env, cwd = opts.cwd or run.cwd,
    lifetime_ms = opts.lifetime_ms, trusted = opts.trusted }
  if not kept then
    failure.raise(err.code, { message = ("%s could not be run: %s"):format(argv[1], err.message),
      context = { program = argv[1] } })
  end
  host.send("B", tostring(kept.keeper))
  return kept
end

return programs
