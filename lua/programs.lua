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

--- Runs argv to its end; opts as host.run's; path, argv and pids are filled in, and env unless it is given. Waits; returns
--- host.run's result or fails.
function programs.start(run, argv, opts)
  if not run.program_env then
    local env = programs.environment(run)
    env.TOOL_JOB_ID = nil -- a program of a job is not the job
    env.TOOL_SESSION_TMP_DIR = run.tmp_dir()
    if not opts.trusted then env.TMPDIR = run.tmp_dir() end -- the one place for temporary files that it may write
    run.program_env = list_of(env)
  end
  local redact = require "redact_args"
  host.send("L", "debug", "exec " .. host.json.encode(host.json.array(redact.list(argv))))
  opts.path, opts.argv, opts.cwd = opts.path or programs.find(argv[1]), argv, opts.cwd or run.cwd
  opts.env = opts.env or run.program_env
  opts.pids = run.tmp_dir() .. "/children.pids"
  run.meta("session_pid_file", opts.pids)
  local result, err = host.run(opts)
  if not result then
    failure.raise(err.code, { message = ("%s could not be run: %s"):format(argv[1], err.message),
      exit = err.code == "TIMEOUT" and "TIMEOUT" or nil, context = { program = argv[1] } })
  end
  return result
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
