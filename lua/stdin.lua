-- Standard input.
-- Promise: it is read once, never from a terminal, and never beyond the limit: who writes more is told at once and not
-- kept waiting (REQ-F-054, O-006).

local failure = require "failure"
local host = require "host"

local stdin = {}

local MAX = 65536

local text

-- The most bytes that are taken.
local function limit()
  local given = math.tointeger(tonumber(host.env "TOOL_MAX_STDIN_BYTES"))
  return given and given > 0 and given or MAX
end

--- All of standard input. `hint` says what else a caller with too much of it can do. Raises INPUT_REQUIRED on a terminal
--- and STDIN_TOO_LARGE above the limit.
function stdin.read(hint)
  if text then return text end
  if host.tty.stdin then
    failure.raise("INPUT_REQUIRED", { phase = "validation", message = "The command reads standard input, which is a terminal.",
      fix = "Pipe the input in, or pass it as a file or a flag", hint = "Pipe the input in, or pass --input-file <path>" })
  end
  local max = limit()
  local bytes, more = host.stdin(max)
  if more then
    failure.raise("STDIN_TOO_LARGE", { message = ("More than %d bytes arrived on stdin."):format(max), hint = hint,
      context = { received_bytes = #bytes, limit_bytes = max }, phase = "validation" })
  end
  text = bytes
  return text
end

--- What a parameter reads for a value "-".
function stdin.for_parameter(p)
  return stdin.read(("Pass fewer values of --%s at once, or raise TOOL_MAX_STDIN_BYTES"):format(p.name))
end

--- The input of a run: a function that gives the bytes of --input-file or else of standard input.
function stdin.of(run)
  local bytes
  return function()
    local file = run.values.input_file
    if not file or file == "-" then return stdin.read() end
    if not bytes then
      local err
      bytes, err = host.file.read(file, 1 << 30)
      if not bytes then
        failure.raise(err.code, { message = err.message, context = { path = file }, phase = "validation" })
      end
    end
    return bytes
  end
end

return stdin
