-- ctx.exec: the one program that the contract's `runs` names (authoring §4, REQ-C-019).
-- Promise: an argument vector and never a shell; the child gets an environment in which nothing pages, asks, colours,
-- updates or speaks another language (REQ-F-008, F-010, F-044, F-046, F-050, F-053, F-055, F-062, F-066).

local failure = require "failure"
local host = require "host"
local units = require "units"
local values = require "values"

local SHOWN_STDERR = 2000

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

local function set(name)
  local value = host.env(name)
  return value ~= nil and value ~= ""
end

local function environment(run)
  local env = host.environ()
  overlay(env, ALWAYS)
  if not host.tty.stdout or set "CI" then overlay(env, UNATTENDED) end
  if not host.tty.stdin or not host.tty.stdout then overlay(env, NO_EDITOR) end
  if not run.contract.preserve_locale then overlay(env, LOCALE) end
  if not run.inv.color then env.NO_COLOR = "1" end
  if run.session_dir then env.TOOL_SESSION_TMP_DIR = run.session_dir end
  local list = {}
  for name, value in pairs(env) do list[#list + 1] = name .. "=" .. value end
  table.sort(list)
  return list
end

-- The program's absolute path along PATH; directories and files that may not be run do not count.
local function find_program(name)
  if name:sub(1, 1) == "/" then return name end
  for dir in (host.env "PATH" or "/usr/bin:/bin"):gmatch("[^:]+") do
    local path = dir .. "/" .. name
    local stat = dir:sub(1, 1) == "/" and host.file.stat(path)
    if stat and stat.type == "file" and host.file.access(path, "x") then return path end
  end
end

local function arguments(run, opts)
  local runs, argv = run.contract.runs, {}
  local function add(value)
    if type(value) == "boolean" then return end
    if type(value) == "table" then
      for _, item in ipairs(value) do add(item) end
    elseif value ~= nil then
      argv[#argv + 1] = host.reveal(type(value) == "number" and tostring(value) or value)
    end
  end
  add(runs.binary)
  add(runs.fixed)
  for _, name in ipairs(runs.from or {}) do add(run.args[name]) end
  for _, extra in ipairs(opts) do add(extra) end
  return argv
end

local function check(run, opts, result, argv)
  if opts.check == false or result.status == 0 then return end
  local said = (host.text.clean(result.stderr))
  failure.raise("PROGRAM_FAILED", {
    message = ("%s ended with status %d."):format(argv[1], result.status), exit = "GENERAL_ERROR",
    cause = said:sub(-SHOWN_STDERR):gsub("%s+$", ""), context = { program = argv[1], status = result.status,
      signal = result.signal },
  })
end

local function refuse_preview(run)
  if run.preview and not run.contract.runs.reads then
    failure.raise("DRY_RUN_MUTATION", { message = "A dry run must not run " .. run.contract.runs.binary .. "." })
  end
end

return {
  open = function(run)
    local env

    --- Runs the program: binary, fixed arguments, the parameters of `from`, then opts[1…]. opts: stdin (bytes), stdout
    --- (a path), timeout, check (default true), cwd. Returns { status, stdout, stderr, duration_ms }.
    local function exec(opts)
      if type(opts) == "string" then
        failure.raise("SHELL_STRING_PROHIBITED", { message = "ctx.exec takes a list of arguments, not a command line.",
          exit = "GENERAL_ERROR" })
      end
      opts = opts or {}
      refuse_preview(run)
      local argv = arguments(run, opts)
      local path = find_program(argv[1])
      if not path then
        failure.raise("DEPENDENCY_MISSING", { message = ("The program %s is not on PATH."):format(argv[1]),
          context = { program = argv[1] } })
      end
      env = env or environment(run)
      host.send("L", "debug", "exec " .. host.json.encode(host.json.array { table.unpack(argv) }))
      if not run.contract.runs.reads then run.effect_begins() end
      local result, err = host.run {
        path = path, argv = argv, env = env, cwd = opts.cwd and values.absolute(opts.cwd, run.cwd) or run.cwd,
        stdin = opts.stdin and host.reveal(opts.stdin), timeout_ms = opts.timeout and select(2, units.duration(opts.timeout)),
      }
      if not result then
        failure.raise(err.code, { message = ("%s could not be run: %s"):format(argv[1], err.message),
          exit = err.code == "TIMEOUT" and "TIMEOUT" or "GENERAL_ERROR", context = { program = argv[1] } })
      end
      check(run, opts, result, argv)
      if opts.stdout then
        run.ctx.files.write(opts.stdout, result.stdout)
        result.stdout = nil
      end
      return result
    end

    return { exec = run.contract.runs and exec or nil }
  end,
}
