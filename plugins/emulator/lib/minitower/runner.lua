-- The runner inside the emulator: takes runs from the queue and really runs their programs.
-- Promise: a program has a directory and an environment of its own, and nothing of it is left when its run has ended; what
-- it writes is in the log in the order in which it came, each line at most 8192 bytes; the lines of the set-up come first.

local apps = require "lib.minitower.apps"
local json = require "tool.json"
local leases = require "lib.minitower.leases"
local text = require "tool.text"
local times = require "tool.time"

local runner = {}

local SLOTS = 4                     -- programs at the same time
local FLUSH_S = 2                   -- lines wait at most so long
local DEFAULT_TIMEOUT_S = 300
local STOP_GRACE = "2s"             -- between SIGTERM and SIGKILL
local MAX_UNPACKED, MAX_FILES = "1GB", 20000
local MAX_SAID = 500                -- bytes of a failed set-up program's output in the log

local Runner = {}
Runner.__index = Runner

local function now_ms() return math.floor(times.now() * 1000) end

-- The log of one job -----------------------------------------------------------------------------------------------

local Job = {}
Job.__index = Job

-- Sends the lines that wait. The lease may be lost meanwhile; then nobody wants them.
function Job:flush()
  local lines = self.lines
  if #lines == 0 then return end
  self.lines = {}
  if leases.held(self.state, self.attempt_id, now_ms()) then leases.log(self.state, self.attempt_id, lines) end
end

function Job:add(stream, line)
  self.seq = self.seq + 1
  self.lines[#self.lines + 1] = { seq = self.seq, stream = stream, line = line, ms = now_ms() }
  if #self.lines >= leases.MAX_LINES then self:flush() end
end

-- A line of the runner's own.
function Job:say(line, ...)
  self:add("stderr", line:format(...))
  self:flush()
end

-- Programs ----------------------------------------------------------------------------------------------------------

-- What the job's steps raise when the run is to end: its reason is in the job.
local STOPPED = {}

--- Ends the job for a reason: cancel, timeout, lost.
function Job:stop(reason)
  self.reason = self.reason or reason
  if self.program then self.program:stop(STOP_GRACE) end
end

function Job:check()
  if self.reason then error(STOPPED, 0) end
end

-- Runs a program of the job to its end; returns its status.
function Job:run(argv, env, on_line)
  self:check()
  local opts = { cwd = self.dir, clean_env = true, env = env, check = false, on_line = on_line, max_line = leases.MAX_LINE }
  table.move(argv, 1, #argv, 1, opts)
  self.program = self.state.ctx.start(opts)
  local result = self.program:wait()
  self.program = nil
  self:check()
  return result.status
end

-- The same for the set-up: returns the status and, in one line, what it said.
function Job:tool(argv)
  local said = {}
  local status = self:run(argv, self.env, function(_, line) said[#said + 1] = text.trim(line) end)
  return status, text.trim(table.concat(said, " ")):sub(1, MAX_SAID)
end

-- The end of a job whose set-up failed: said in the log, and the run's error.
local function give_up(job, line, ...)
  job:say(line, ...)
  error({ set_up = line:format(...) }, 0)
end

local function said_by(err) return type(err) == "table" and (err.message or err.code) or tostring(err) end

-- Set-up -------------------------------------------------------------------------------------------------------------

local function make_workspace(job)
  local ctx = job.state.ctx
  local ok = pcall(function()
    ctx.files.mkdir(job.place)
    ctx.files.mkdir(job.place .. "/tmp")
  end)
  if not ok then give_up(job, "failed to create workspace") end
end

local function fetch(job)
  job:say "downloading run artifact"
  local ok, bytes = pcall(apps.artifact, job.state, job.version.id)
  if not ok then give_up(job, "artifact download failed: %s", said_by(bytes)) end
  local unpacked, err = pcall(job.state.ctx.archive.unpack, { data = bytes }, job.dir,
    { max_bytes = MAX_UNPACKED, max_files = MAX_FILES })
  if not unpacked then give_up(job, "artifact unpack failed: %s", said_by(err)) end
  job:say("artifact unpacked (sha256: %s)", job.version.sha256)
end

-- Makes the Python environment; returns the interpreter in it.
local function set_up_python(job)
  local status, bin = job:tool { "python3", "-c", "import sys; print(sys.executable)" }
  if status ~= 0 then give_up(job, "virtual environment creation failed: python3 was not found") end
  job:say("using Python interpreter at: %s", bin)
  job:say "creating virtual environment at: .venv"
  local made, said = job:tool { "python3", "-m", "venv", ".venv" }
  if made ~= 0 then give_up(job, "virtual environment creation failed: %s", said) end
  local python = job.dir .. "/.venv/bin/python"
  if job.state.ctx.files.exists(job.dir .. "/requirements.txt") then
    job:say "installing dependencies from requirements.txt"
    local status_of_pip, why = job:tool { python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check",
      "--quiet", "-r", "requirements.txt" }
    if status_of_pip ~= 0 then give_up(job, "dependency installation failed: %s", why) end
  end
  return python
end

local function variable(value)
  if value == json.null then return "" end
  return type(value) == "string" and value or json.encode(value)
end

-- The environment of the program: its input, and where it may find its own modules.
local function environment(job)
  local env = {}
  for name, value in pairs(job.env) do env[name] = value end
  local paths = job.version.import_paths and json.decode(job.version.import_paths)
  if paths then
    for i, path in ipairs(paths) do paths[i] = job.dir .. "/" .. path:gsub("^%./", "") end
    env.PYTHONPATH = table.concat(paths, ":")
  end
  for name, value in pairs(job.input or {}) do env[name] = variable(value) end
  return env
end

-- A job ----------------------------------------------------------------------------------------------------------------

local function work(job)
  leases.start(job.state, leases.held(job.state, job.attempt_id, now_ms()), now_ms())
  make_workspace(job)
  fetch(job)
  local script = job.dir .. "/" .. job.version.entrypoint:gsub("^%./", "")
  local argv = script:lower():find "%.py$" and { set_up_python(job), "-u", script } or { "/bin/sh", script }
  return job:run(argv, environment(job), function(stream, line) job:add(stream, line) end)
end

-- The result of a job: status, exit code, message; and its last line in the log.
local function outcome(job, ok, value)
  if job.reason == "cancel" then return "cancelled" end
  if job.reason == "timeout" then
    job:say "run failed: timeout exceeded"
    return "failed", nil, "timeout exceeded"
  end
  if ok and value == 0 then return "completed", 0 end
  if ok then
    local message = ("process exited with code %d"):format(value)
    job:say("run failed: %s", message)
    return "failed", value, message
  end
  if type(value) == "table" and value.set_up then return "failed", nil, value.set_up end
  job:say("run failed: %s", said_by(value))
  return "failed", nil, said_by(value)
end

-- Tells the end. A run that was cancelled in its last moment is cancelled, whatever its program has reached.
local function report(job, status, code, message)
  job:flush()
  local attempt = leases.held(job.state, job.attempt_id, now_ms())
  if not attempt then return end
  if attempt.status == "cancelling" then status, code, message = "cancelled", nil, nil end
  leases.finish(job.state, attempt, status, code, message, now_ms())
end

local function remove_place(job)
  pcall(job.state.ctx.exec, { "rm", "-rf", "--", job.place, check = false, clean_env = true })
end

-- Beside the program: keeps the lease, sends what waits, watches the time.
local function keep(job)
  local state = job.state
  while not job.over do
    local left = (job.deadline - now_ms()) / 1000
    state.ctx.sleep(math.max(0.01, math.min(FLUSH_S, state.options.lease_ttl_ms / 3000, left)))
    if job.over then return end
    job:flush()
    local now = now_ms()
    if not leases.held(state, job.attempt_id, now) then
      job:stop "lost"
    else
      leases.extend(state, job.attempt_id, now)
      leases.seen(state, job.runner.row.id, now)
      if now >= job.deadline then job:stop "timeout" end
    end
  end
end

local function new_job(self, got)
  local place = ("%s/%d"):format(self.place, got.attempt_id)
  local dir = place .. "/work"
  local timeout = got.version.timeout_seconds or DEFAULT_TIMEOUT_S
  return setmetatable({
    state = self.state, runner = self, attempt_id = got.attempt_id, run_id = got.run.id, version = got.version,
    input = got.run.input and json.decode(got.run.input), seq = 0, lines = {}, place = place, dir = dir,
    env = { HOME = dir, TMPDIR = place .. "/tmp", LANG = "C.UTF-8" }, deadline = now_ms() + timeout * 1000,
  }, Job)
end

--- Runs what a lease stands for, to its end.
function Runner:process(got)
  local job = new_job(self, got)
  self.jobs[job.run_id] = job
  self:beside(function() keep(job) end)
  local ok, value = pcall(work, job)
  job.program = nil
  remove_place(job)             -- before anybody hears of the end
  local told, err = pcall(function()
    if job.reason ~= "lost" then report(job, outcome(job, ok, value)) end
  end)
  job.over, self.jobs[job.run_id] = true, nil
  if not told then error(err, 0) end
end

-- The queue --------------------------------------------------------------------------------------------------------------

--- Starts fn beside the server; what has ended is forgotten at the next look.
function Runner:beside(fn)
  local entry = {}
  entry.task = self.state.ctx.task(function()
    local ok, err = pcall(fn)
    entry.over = true
    if not ok then self.state.ctx.log("error", "runner: " .. said_by(err)) end
  end)
  self.tasks[#self.tasks + 1] = entry
end

local function forget_ended(self)
  for i = #self.tasks, 1, -1 do
    if self.tasks[i].over then table.remove(self.tasks, i).task:join() end
  end
end

--- Takes runs from the queue as long as there is room; to be called when something may wait there.
function Runner:look()
  forget_ended(self)
  leases.seen(self.state, self.row.id, now_ms())
  while self.busy < SLOTS do
    local got = leases.take(self.state, self.row, now_ms())
    if not got then return end
    self.busy = self.busy + 1
    self:beside(function()
      local ok, err = pcall(self.process, self, got)
      self.busy = self.busy - 1
      self:look()
      if not ok then error(err, 0) end
    end)
  end
end

--- Runs what waits, one after the other, before anybody is served.
function Runner:drain()
  local got = leases.take(self.state, self.row, now_ms())
  while got do
    self:process(got)
    got = leases.take(self.state, self.row, now_ms())
  end
end

--- A run that is to be cancelled: its program ends, if it is here.
function Runner:cancel(run_id)
  local job = self.jobs[run_id]
  if job then job:stop "cancel" end
end

--- The runner of an emulator's state.
function runner.new(state)
  local id = leases.register(state, "emulator")
  leases.seen(state, id, now_ms())
  local place = state.ctx.tmp "runs"
  state.ctx.files.mkdir(place)
  return setmetatable({ state = state, row = { id = id, environment = "default" }, jobs = {}, tasks = {}, busy = 0,
    place = place }, Runner)
end

return runner
