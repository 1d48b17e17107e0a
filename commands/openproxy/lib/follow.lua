-- Streams that are followed. Promise: one that breaks, or is silent for longer than the service ever is, is opened again
-- after a pause that grows, as often in a row as the caller says, and each time that is told; one that the service ends is
-- at its end; a refusal is none of these.

local M = {}

local USUAL = 5                 -- attempts in a row
local LONGEST = 30              -- seconds before one
local SILENCE = "90s"           -- the service pings every 25 s
local PASSING = { CONNECTION_FAILED = true, NETWORK_ERROR = true, RESPONSE_INCOMPLETE = true, TIMEOUT = true,
  UNAVAILABLE = true, RATE_LIMITED = true, SERVICE_ERROR = true, INVALID_RESPONSE = true }

--- The parameters of a command that follows.
M.args = {
  { "reconnects", "integer", "How often in a row a broken stream is opened again: 5 times, never as `openproxy`", min = 0 },
  { "silence", "duration", "A stream that gives no sign of life for so long is broken: 90s where it can be opened again",
    min = 0.1 },
}

-- One stream to its end; `took` is told of every event that brought something new.
local function follow(ctx, path, silence, with, again, took)
  local events <close> = ctx.api.events(path, { idle = silence })
  if with.opened then with.opened(again) end
  took(true)
  local first = again
  for event in events do
    if with.event(event, first) then took() end
    first = false
  end
end

--- Follows the stream of a path. with: opened(again), called for each stream before its events; event(event, first), true
--- when it brought something new, first: of a stream that was opened again.
function M.stream(ctx, args, path, with)
  local most, failed, held = args.reconnects or USUAL, 0, false
  local silence = args.silence or most > 0 and SILENCE or nil
  local function took(opened)
    held = true
    if not opened then failed = 0 end
  end
  while true do
    local ok, problem = pcall(follow, ctx, path, silence, with, held, took)
    if ok then return end
    failed = failed + 1
    local passing = type(problem) == "table" and PASSING[problem.code]
    if not passing or not held or failed > most then error(problem, 0) end
    local pause = math.max(math.min(2 ^ (failed - 1), LONGEST), (problem.retry_after_ms or 0) / 1000)
    ctx.warn("STREAM_BROKEN", ("%s Trying again in %.3g s (%d of %d)."):format(problem.message, pause, failed, most))
    ctx.sleep(pause)
  end
end

return M
