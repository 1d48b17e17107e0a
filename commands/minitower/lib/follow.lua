-- Following a run. Promise: every line of its log is given once and in order, from the first on, also when the service
-- begins a new attempt whose lines count from 1 again; a few polls that fail are ridden out; what is left of the log
-- comes before the end.
--
-- The service gives the log of the latest attempt only, and the run says how many attempts came before. So the log is
-- read first and the run after it: lines of a new attempt are never taken for those of the old one. When the run has
-- gone on to another attempt, the log is read from its beginning, and its first line tells whether it has begun.

local api = require "lib.api"
local paths = require "lib.paths"
local runs = require "lib.runs"

local M = {}
M.__index = M

local FAILURES = 5             -- failed polls in a row that are ridden out
local LONGEST = 30             -- seconds between two polls while the service fails
local PASSING = { CONNECTION_FAILED = true, NETWORK_ERROR = true, UNAVAILABLE = true, RATE_LIMITED = true, TIMEOUT = true,
  SERVICE_ERROR = true, RESPONSE_INCOMPLETE = true, INVALID_RESPONSE = true }

--- A follower. after: the number of the last line that is not wanted.
function M.new(ctx, id, after)
  return setmetatable({ ctx = ctx, id = id, seq = after or 0 }, M)
end

local function fetch(self, after)
  local response = self.ctx.api.get(paths.run(self.id, "logs"), { query = { after_seq = after } })
  local list = api.list(self.ctx, response, "logs", api.log, "a log line")
  table.sort(list, function(a, b) return a.seq < b.seq end)
  return list
end

local function same(a, b)
  return a.seq == b.seq and a.line == b.line and a.stream == b.stream and a.logged_at == b.logged_at
end

-- The lines that have not been given yet.
local function fresh(self, list)
  local out = {}
  for _, line in ipairs(list) do
    if line.seq > self.seq then
      self.known = self.known or line
      self.seq = line.seq
      out[#out + 1] = line
    end
  end
  return out
end

-- The log from its beginning, while the run has gone on to an attempt that may not have begun yet.
local function restart(self, run)
  local list, old = fetch(self, 0), false
  for _, line in ipairs(list) do old = old or self.known ~= nil and same(line, self.known) end
  if self.known and not old then self.seq, self.known = 0, nil end
  if not old and run.status ~= "queued" then self.attempt, self.doubt = run.retry_count, false end
  return fresh(self, list)
end

--- One look: the new lines, and the run as it was after them.
function M:poll()
  local list = not self.doubt and fetch(self, self.seq)
  local run = runs.get(self.ctx, self.id)
  local waits = run.status == "queued" and run.retry_count > 0         -- the log is still that of the attempt before
  self.attempt = self.attempt or waits and run.retry_count - 1 or run.retry_count
  self.doubt = run.retry_count ~= self.attempt
  return list and not self.doubt and fresh(self, list) or restart(self, run), run
end

--- The lines that came after the run had ended.
function M:drain(run)
  return self.doubt and restart(self, run) or fresh(self, fetch(self, self.seq))
end

-- Does fn, again after a pause when it fails in a way that may pass. Only what has worked once is tried again.
local function patient(self, interval, fn)
  local failed = 0
  while true do
    local ok, a, b = pcall(fn)
    if ok then
      self.answered = true
      return a, b
    end
    failed = failed + 1
    local passing = type(a) == "table" and PASSING[a.code]
    if not passing or not self.answered or failed > FAILURES then error(a, 0) end
    local pause = math.max(math.min(interval * 2 ^ failed, math.max(interval, LONGEST)), (a.retry_after_ms or 0) / 1000)
    self.ctx.warn("POLL_FAILED", ("%s Trying again in %.3g s."):format(a.message, pause))
    self.ctx.sleep(pause)
  end
end

--- Follows until the run has ended: on_line(line, run) for each line, on_status(run) for each new status, the last one
--- after the last line. quiet: no lines, only the run is looked at. Returns the run.
function M:follow(interval, on_status, on_line, quiet)
  local status
  local function tell(run)
    if run.status ~= status then on_status(run) end
    status = run.status
  end
  local function give(lines, run)
    for _, line in ipairs(lines) do on_line(line, run) end
  end
  while true do
    local lines, run = patient(self, interval, function()
      if quiet then return {}, runs.get(self.ctx, self.id) end
      return self:poll()
    end)
    local ended = runs.TERMINAL[run.status]
    if not ended then tell(run) end
    give(lines, run)
    if ended then
      if not quiet then give(patient(self, interval, function() return self:drain(run) end), run) end
      tell(run)
      return run
    end
    self.ctx.sleep(interval)
  end
end

return M
