-- Failures: how a run says that it cannot go on.
-- Promise: every failure carries a code, a full sentence and an exit, whoever raised it (REQ-C-013, C-014).

local exits = require "exits"

local failure = {}

-- Every failure of this process: a table that an author makes is none.
local known_failures = setmetatable({}, { __mode = "k" })

local OPTIONS = {
  "message", "exit", "retryable", "retry_after_ms", "fix", "hint", "run", "docs", "cause", "context", "data", "phase",
  "more", "trace", "usage",
}

local FULL_STOP = { ["."] = true, ["!"] = true, ["?"] = true }

local function sentence(text)
  text = tostring(text)
  return FULL_STOP[text:sub(-1)] and text or text .. "."
end

--- A failure object. `code` is an error code; opts: message, exit (NAME or number), retryable, retry_after_ms, fix, hint,
--- run (a fix command), docs, cause (text), context (table), data (what to show as data), phase, more (further members of
--- the error object). What is not given comes from the framework's registry.
--- @return table
function failure.new(code, opts)
  local known = exits.codes[code] or {}
  local f = { code = code }
  known_failures[f] = true
  for _, key in ipairs(OPTIONS) do
    local value = opts and opts[key]
    if value == nil then value = known[key] end
    f[key] = value
  end
  f.message = sentence(f.message or "The command failed with " .. code)
  if type(f.exit) == "string" then f.exit = exits.numbers[f.exit] end
  return f
end

--- Raises a failure; never returns.
function failure.raise(code, opts)
  error(failure.new(code, opts), 0)
end

--- The failure for what a C module or a door returned as `nil, err` ({ code, message, … }), or for a failure itself.
--- @return table
function failure.from(err)
  if type(err) ~= "table" then return failure.new("INTERNAL_ERROR", { message = tostring(err) }) end
  if known_failures[err] then return err end
  local context = err.context
  if not context and err.path then context = { path = err.path } end
  local f = failure.new(err.code or "INTERNAL_ERROR", err)
  f.context = context
  return f
end

--- True for failure objects.
function failure.is(value)
  return known_failures[value] == true
end

--- What a parser found wrong, with its place: a problem { message, line, column } as one text.
function failure.place(problem)
  return ("%s at line %d, column %d"):format(problem.message, problem.line, problem.column)
end

return failure
