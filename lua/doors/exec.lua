-- ctx.exec, ctx.start and ctx.pipe: the one program that the contract's `runs` names (authoring §4, REQ-C-019).
-- Promise: an argument vector and never a shell; what came from outside holds no shell metacharacter; any failing stage
-- fails a pipeline (REQ-F-044, F-055, F-062, F-065).

local failure = require "failure"
local host = require "host"
local programs = require "programs"
local units = require "units"
local values = require "values"

local SHOWN_STDERR = 2000
local SIGPIPE_STATUS = 141
local MAX_HEARD = 1000 -- texts of programs that are remembered for the check of later arguments

local function each_text(value, fn)
  if type(value) == "table" then
    for _, item in pairs(value) do each_text(item, fn) end
  elseif type(value) == "string" then
    fn(value)
  end
end

-- Whether a text stands in what the caller, the environment or an earlier program said.
local function came_from_outside(run, text)
  local found = false
  for _, p in ipairs(run.contract.params) do
    each_text(run.args[p.name], function(given) found = found or #given > 0 and text:find(given, 1, true) ~= nil
      and require("suspect").shell(given) ~= nil end)
  end
  for _, said in ipairs(run.heard) do found = found or said:find(text, 1, true) ~= nil end
  return found
end

-- Arguments that the command made itself may hold anything; outside data in them may not (REQ-F-044).
local function check_extra(run, text)
  local char = require("suspect").shell(text)
  if not char or not came_from_outside(run, text) then return end
  failure.raise("ARG_ERROR", { message = ("An argument of %s contains shell metacharacter %s."):format(
    run.contract.runs.binary, char), fix = "Remove " .. char .. " from the value, or pass it in a file" })
end

local function add(argv, value)
  if type(value) == "boolean" then return end
  if type(value) == "table" then
    for _, item in ipairs(value) do add(argv, item) end
  elseif value ~= nil then
    argv[#argv + 1] = host.reveal(type(value) == "number" and tostring(value) or value)
  end
end

local function arguments(run, extra)
  local runs, argv = run.contract.runs, {}
  add(argv, runs.binary)
  add(argv, runs.fixed)
  for _, name in ipairs(runs.from or {}) do add(argv, run.args[name]) end
  local own = #argv
  for _, value in ipairs(extra) do add(argv, value) end
  for i = own + 1, #argv do check_extra(run, argv[i]) end
  return argv
end

local function refuse_string(value, name)
  if type(value) ~= "string" then return end
  failure.raise("SHELL_STRING_PROHIBITED", { exit = "GENERAL_ERROR",
    message = ("ctx.%s takes a list of arguments, not a command line."):format(name) })
end

local function refuse_preview(run)
  if run.preview and not run.contract.runs.reads then
    failure.raise("DRY_RUN_MUTATION", { message = "A dry run must not run " .. run.contract.runs.binary .. "." })
  end
end

-- A command that runs the caller's editor needs the terminal as ctx.edit does.
local function refuse_editor(run)
  local name = run.contract.runs.binary:match("[^/]*$")
  for _, variable in ipairs { "VISUAL", "EDITOR" } do
    local editor = host.env(variable)
    if editor and editor:match("^%S*"):match("[^/]*$") == name and programs.no_editor() then
      failure.raise("EDITOR_REQUIRED", { hint = "Pass the text as a parameter" })
    end
  end
end

local function said_by(stderr)
  return (host.text.clean(stderr):sub(-SHOWN_STDERR):gsub("%s+$", ""))
end

local function check(opts, result, argv, stderr)
  if opts.check == false or result.status == 0 then return end
  failure.raise("PROGRAM_FAILED", {
    message = ("%s ended with status %d."):format(argv[1], result.status), exit = "GENERAL_ERROR", cause = said_by(stderr),
    context = { program = argv[1], status = result.status, signal = result.signal },
  })
end

local function run_options(run, opts)
  return {
    cwd = opts.cwd and values.absolute(opts.cwd, run.cwd) or run.cwd,
    timeout_ms = opts.timeout and select(2, units.duration(opts.timeout)), more = opts.env, clean = opts.clean_env,
  }
end

local function hear(run, text)
  run.heard[#run.heard + 1] = text
  if #run.heard > MAX_HEARD then table.remove(run.heard, 1) end
end

local function store(run, opts, result)
  hear(run, result.stdout)
  if opts.stdout then
    run.ctx.files.write(opts.stdout, result.stdout)
    result.stdout = nil
  end
  return result
end

local function begin(run)
  refuse_preview(run)
  refuse_editor(run)
end

-- The first stage that failed, or nil; one that ended because a later one had read enough may be excused.
local function failed_stage(results, opts)
  for i, r in ipairs(results) do
    local excused = opts.ignore_sigpipe and i < #results and r.status == SIGPIPE_STATUS
    if r.status ~= 0 and not excused then return i end
  end
end

local function statuses_of(results)
  local list = {}
  for i, r in ipairs(results) do list[i] = r.status end
  return host.json.array(list)
end

local function start_stages(run, vectors, opts)
  local tasks, from = {}, opts.stdin and host.reveal(opts.stdin)
  for i, argv in ipairs(vectors) do
    local one, next_from = run_options(run, opts), nil
    one.stdin = from
    if i < #vectors then next_from, one.stdout = host.pipe() end
    from = next_from
    tasks[i] = host.task(function() return programs.start(run, argv, one) end)
  end
  return tasks
end

local function join_all(tasks)
  local results, problem = {}, nil
  for i, task in ipairs(tasks) do
    local ok, value = host.join(task)
    if ok then results[i] = value else problem = problem or value end
  end
  if problem then error(problem, 0) end
  return results
end

return {
  arguments = arguments,
  open = function(run)
    run.heard = {}

    -- What to run and how, checked.
    local function checked(opts, name)
      refuse_string(opts, name)
      opts = opts or {}
      begin(run)
      local argv, one = arguments(run, opts), run_options(run, opts)
      one.stdin = opts.stdin and host.reveal(opts.stdin)
      programs.find(argv[1])
      if not run.contract.runs.reads then run.effect_begins() end
      return opts, argv, one
    end

    --- Starts the program and returns at once; opts as of exec but stdout, and max_line (bytes, default 65536). Returns a
    --- program: :wait() takes its lines until it ends, :stop(grace) asks it to end, .pid. It ends with the run, and so
    --- does what it leaves in its process group when it ends.
    local function start(opts)
      local argv, one
      opts, argv, one = checked(opts, "start")
      if opts.stdout then error("the output of a program that is followed goes to on_line", 2) end
      return require("follower").new(programs.follow(run, argv, one), {
        on_line = opts.on_line, max_line = opts.max_line,
        hear = function(line) if require("suspect").shell(line) then hear(run, line) end end,
        check = function(result, said) check(opts, result, argv, said) end,
        fail = function(err) programs.fail(argv, err) end,
      })
    end

    --- Runs the program: binary, fixed arguments, the parameters of `from`, then opts[1…]. opts: stdin (bytes), stdout
    --- (a path), timeout, check (default true), cwd, env (variables to add), clean_env = true (only PATH and those).
    --- Returns { status, stdout, stderr, duration_ms }. With on_line = function(stream, line, more) each line is handed on
    --- as it comes instead, as of ctx.start.
    local function exec(opts)
      if type(opts) == "table" and opts.on_line then return start(opts):wait() end
      local argv, one
      opts, argv, one = checked(opts, "exec")
      local result = programs.start(run, argv, one)
      check(opts, result, argv, result.stderr)
      return store(run, opts, result)
    end

    --- Runs the program once for each stage, a list of further arguments, the output of one being the input of the next.
    --- opts as of exec, and ignore_sigpipe: an early stage may end because a later one has read enough. A failing stage
    --- fails the whole; without check the caller looks at `statuses`. Returns { statuses, stdout, stderr, duration_ms }.
    local function pipe(stages, opts)
      refuse_string(stages, "pipe")
      opts = opts or {}
      begin(run)
      local vectors = {}
      for i, stage in ipairs(stages) do
        refuse_string(stage, "pipe")
        vectors[i] = arguments(run, stage)
      end
      if #vectors == 0 then error("ctx.pipe needs at least one stage", 2) end
      programs.find(vectors[1][1])
      if not run.contract.runs.reads then run.effect_begins() end
      local began = host.mono()
      local results = join_all(start_stages(run, vectors, opts))
      local bad, statuses = failed_stage(results, opts), statuses_of(results)
      if bad and opts.check ~= false then
        failure.raise("PIPELINE_FAILED", { exit = "GENERAL_ERROR", cause = said_by(results[bad].stderr),
          message = ("Pipeline stage %d exited %d."):format(bad - 1, results[bad].status),
          context = { stage = bad - 1, code = results[bad].status, statuses = statuses, program = vectors[bad][1] } })
      end
      local errors = {}
      for i, r in ipairs(results) do errors[i] = r.stderr end
      return store(run, opts, { statuses = statuses, stdout = results[#results].stdout, stderr = table.concat(errors),
        duration_ms = host.mono() - began })
    end

    return { exec = exec, start = start, pipe = pipe }
  end,
}
