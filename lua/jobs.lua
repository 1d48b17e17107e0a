-- Jobs: work that goes on when the call that began it has answered (REQ-C-022).
-- Promise: a job has one directory of its owner's alone and ends in one of three ways, of which the first that is written
-- counts; one whose process is gone without a word has failed; a job ends after its time limit at the latest.
--
-- A job is a second run of the same command line by the same program, with TOOL_JOB_ID in its environment: there the
-- command runs up to ctx.job, and the function given to it is called. What stands before ctx.job therefore runs in both
-- and may only read.

local config = require "config"
local failure = require "failure"
local host = require "host"

local jobs = {}

local GRACE_MS = 10000                    -- for the cleanup of a job whose time is over
local END_GRACE_MS = 6000                 -- of one that is told to end: more than the tool needs to end what it started
local KEPT_MS = 7 * 24 * 60 * 60 * 1000   -- how long the record of an ended job stays

--- The directory of all jobs.
function jobs.base()
  local data = config.directory "data"
  return data and data .. "/jobs"
end

local function directory(id)
  return jobs.base() .. "/" .. id
end

local function read(path)
  local text = host.file.read(path)
  local value = text and host.json.decode(text)
  return type(value) == "table" and value or nil
end

local function write(path, value, exclusive)
  return host.file.write(path, assert(host.json.encode(value)) .. "\n", { mode = 384, exclusive = exclusive })
end

local function is_id(id)
  return type(id) == "string" and #id <= 64 and id:find("^[%w-]+$") ~= nil
end

--- The job that this process is, when it was started as one for the command: { id, dir }.
function jobs.current(C)
  local id = host.env "TOOL_JOB_ID"
  if not is_id(id) or not jobs.base() then return nil end
  local record = read(directory(id) .. "/job.json")
  if not record or record.command ~= C.path or host.file.stat(directory(id) .. "/result.json") then return nil end
  return { id = id, dir = directory(id) }
end

--- Writes how the job ended, unless that is known already: { status, data, error }. Returns whether it was written.
function jobs.finish(job, result)
  result.ended_ms = host.time()
  return write(job.dir .. "/result.json", result, true) ~= nil
end

local function line(...)
  local words = { "tool" }
  if host.instance then words[2], words[3] = "--instance-id", host.instance end
  for _, word in ipairs { ... } do words[#words + 1] = word end
  return table.concat(words, " ")
end

--- What is told of a job.
function jobs.descriptor(record, status)
  return {
    job_id = record.id, status = status, terminal = status ~= "running", poll_interval_ms = record.poll_ms,
    timeout_ms = record.timeout_ms, status_command = line("job", "status", record.id),
    cancel_command = line("job", "cancel", record.id),
  }
end

local function lives(record)
  return record.keeper ~= nil and host.stop(record.keeper, record.began, true)
end

--- A job's record and its result (nil while it runs); nothing for an unknown id.
function jobs.look(id)
  if not is_id(id) or not jobs.base() then return nil end
  local dir = directory(id)
  local record = read(dir .. "/job.json")
  if not record then return nil end
  local result = read(dir .. "/result.json")
  if result or lives(record) then return record, result end
  -- It may have ended between the two looks.
  return record, read(dir .. "/result.json") or { status = "failed",
    error = { code = "JOB_LOST", message = "The job's process ended without a result.", retryable = false } }
end

--- Ends a running job. Returns whether it ran.
function jobs.cancel(record)
  local ran = jobs.finish({ dir = directory(record.id) }, { status = "cancelled" })
  if not record.keeper then return ran end
  host.stop(record.keeper, record.began)
  local until_ms = host.mono() + GRACE_MS
  while lives(record) and host.mono() < until_ms do host.sleep(10) end
  return ran
end

-- Removes the records of jobs that ended long ago.
local function prune(base)
  for _, id in ipairs(host.file.list(base) or {}) do
    local stat = host.file.stat(base .. "/" .. id .. "/result.json")
    if stat and stat.mtime + KEPT_MS < host.time() then
      for _, name in ipairs(host.file.list(base .. "/" .. id) or {}) do host.file.remove(base .. "/" .. id .. "/" .. name) end
      host.file.remove(base .. "/" .. id)
    end
  end
end

-- The environment of the job's process: that of the caller, and which job it is.
local function environment(id)
  local list = {}
  for name, value in pairs(host.environ()) do list[#list + 1] = name .. "=" .. value end
  list[#list + 1] = "TOOL_JOB_ID=" .. id
  return list
end

-- The command line of the job: as it was given; input that came on standard input comes from a file.
local function arguments(run, dir)
  local argv = { host.program }
  if run.contract.asks then argv[2] = "--yes" end
  for _, word in ipairs(host.line and require("lines").arguments() or host.argv) do argv[#argv + 1] = word end
  if run.contract.stdin and not run.values.input_file then
    local path = dir .. "/input"
    local ok, err = host.file.write(path, run.stdin(), { mode = 384 })
    if not ok then failure.raise(err.code, err) end
    argv[#argv + 1], argv[#argv + 2] = "--input-file", path
  end
  return argv
end

--- Starts the job of a run. Returns its descriptor.
function jobs.start(run)
  local C, base = run.contract, jobs.base()
  local id = host.request_id
  local dir = base .. "/" .. id
  local ok, err = host.file.mkdir(dir, 448, true)
  if not ok then failure.raise(err.code, { message = err.message, context = { path = dir } }) end
  prune(base)
  local record = { id = id, command = C.path, poll_ms = C.job.poll_ms, timeout_ms = C.job.timeout_ms, began_ms = host.time() }
  ok, err = write(dir .. "/job.json", record)
  if not ok then failure.raise(err.code, err) end
  run.effect_begins()
  local kept
  kept, err = host.detach { path = "/proc/self/exe", argv = arguments(run, dir), env = environment(id), cwd = host.cwd,
    lifetime_ms = C.job.timeout_ms + GRACE_MS, grace_ms = END_GRACE_MS, trusted = true }
  if not kept then failure.raise(err.code, { message = "The job could not be started: " .. err.message }) end
  host.send("B", tostring(kept.keeper))
  record.keeper, record.began = kept.keeper, kept.began
  ok, err = write(dir .. "/job.json", record)
  if not ok then
    host.stop(kept.keeper, kept.began)
    failure.raise(err.code, err)
  end
  return jobs.descriptor(record, "running")
end

return jobs
