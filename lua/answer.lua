-- The answer: hands the finished result to the supervisor, in the form that the caller asked for.
-- Promise: one result per run; whoever ends it, the error object is complete (REQ-C-013, C-014, F-002).

local exits = require "exits"
local host = require "host"

local pairs, tostring = pairs, tostring

local answer = {}

local STRATEGY = { immediate = "immediate", linear = "linear_backoff", exponential = "exponential_backoff" }

-- A failure that a command has caught is a table in its hands; whatever it does with it, it stays a failure.
local function exit_of(f, C)
  local declared = not f.exit and C and C.errors and C.errors[f.code]
  local exit = f.exit or declared and declared.exit or 1
  if math.type(exit) ~= "integer" or exit < 1 or exit > 125 then return 1 end
  return exit
end

local function retryable_of(f, C, exit)
  if f.retryable ~= nil then return f.retryable end
  local entry = C and C.exits and C.exits[exit] or exits.entry(exit, C and C.danger)
  return entry ~= nil and entry.retryable
end

local function add_retry(e, f, exit)
  if not e.retryable then
    e.fix_required = f.fix or exits.correctable[exit] and e.fix_required or f.fix
    if not e.fix_required and exits.correctable[exit] then e.fix_required = "Correct what the message names" end
    e.fix_command = f.run
    return
  end
  e.retry_after_ms = f.retry_after_ms or exits.retry_after_ms[exit] or 1000
  local strategy = f.more and f.more.retry_strategy
  e.retry_strategy = STRATEGY[strategy] or strategy or "exponential_backoff"
end

--- What is left to a caller who has nothing to correct.
function answer.wait_text(ms)
  return ("Wait %d ms, then call again unchanged"):format(ms)
end

--- The error object and the exit code of a failure. C may be nil; started says whether effects may have begun.
function answer.error(f, C, started)
  local exit = exit_of(f, C)
  local validation = f.phase == "validation"
  if started and (exit == 2 or exit == 1) then exit = 3 end -- REQ-F-002: 2 promises that nothing was done
  local e = { code = f.code, message = f.message, phase = f.phase or (exit == 2 and "validation" or "execution") }
  if started and not validation then e.phase = "execution" end
  for key, value in pairs(f.more or {}) do
    if key ~= "retry_strategy" then e[key] = value end
  end
  e.retryable = not started and retryable_of(f, C, exit) or (f.retryable == true)
  e.suggestion, e.hint = f.hint, f.hint
  e.cause, e.context, e.docs_url = f.cause, f.context, f.docs
  add_retry(e, f, exit)
  if not e.suggestion then
    e.suggestion = e.fix_required or e.retryable and answer.wait_text(e.retry_after_ms) or nil
  end
  return e, exit
end

--- Sends the result. fields: exit, data, error (tables), text (for stdout), note (for stderr), flags
function answer.send(fields)
  local function encode(value)
    if value == nil then return "" end
    local text, message = host.json.encode(value)
    if not text then error(message, 0) end
    return text
  end
  local data = fields.data_json or encode(fields.data)
  host.send("R", tostring(fields.exit), data, encode(fields.error), fields.text or "", fields.note or "", fields.flags or "")
end

return answer
