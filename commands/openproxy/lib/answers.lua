-- Answers of `openproxy`: one envelope or one line per event with --robot, else lines for people.
-- Promise: the envelope's shape, names and codes are those of openproxy.v1, byte for byte; payloads are as they came.

local json = require "tool.json"
local verdict = require "lib.verdict"

local M = {}

local encode = json.encode

-- Commands whose schema is not named as they are.
local NAMES = {
  ["usage request-logs"] = "usage.request_log", ["usage stream"] = "usage.event", ["logs tail"] = "log.event",
  ["chat send"] = "chat.response", ["chat stream"] = "chat.event",
}

-- The name of a command's schema, without the namespace.
local function schema_of(a)
  local known = NAMES[a.command]
  if known then return known end
  local group, word = a.command:gsub("^provider oauth", "oauth"):gsub("^logs", "log"):match("^(%S+) (%S+)$")
  word = word:gsub("-", "_")
  if group ~= "schema" or word == "list" or word == "stability" then return group .. "." .. word end
  local resource = a.args.resource:gsub("-", "_")
  return (word == "show" and "schema." or "example.") .. resource
end

local function envelope(a, data)
  return ('{"schema":%s,"ok":true,"data":%s,"meta":{}}\n'):format(encode("openproxy.v1." .. schema_of(a)), encode(data))
end

local function refusal(code, message)
  return ('{"schema":"openproxy.v1.error","ok":false,"error":{"code":%s,"message":%s},"meta":{}}\n'):format(encode(code),
    encode(message))
end

local EVENTS = {}               -- what follows an event's data, by its meta: a run has events of one schema

-- One event; raw: its row is JSON text. The snapshot of the log says that it is one.
local function event(a, row, meta, raw)
  local rest = EVENTS[meta]
  if not rest then
    rest = (',"error":null,"meta":%s,"ok":true,"schema":%s}\n'):format(meta, encode("openproxy.v1." .. schema_of(a)))
    EVENTS[meta] = rest
  end
  return '{"data":' .. (raw and row or encode(row)) .. rest
end

-- A command line that was wrong: the parser's words, on stderr, in every mode.
local function misuse(a)
  local lines = { "error: " .. a.error.message }
  local problems = a.error.errors or {}
  for _, problem in ipairs(#problems > 1 and problems or {}) do lines[#lines + 1] = "  " .. problem.message end
  lines[#lines + 1] = ""
  lines[#lines + 1] = a.usage or a.error.fix_required or nil
  if not a.usage then
    lines[#lines + 1] = ""
    lines[#lines + 1] = "For more information, try '--help'."
  end
  return { stderr = table.concat(lines, "\n") .. "\n", exit = 2 }
end

local function failed(a)
  if a.error.code == "CONFIRMATION_REQUIRED" then
    local words = "Reset will clear the in-memory usage history. Pass --yes to confirm.\n"
    return { stdout = not a.flags.quiet and words or nil, exit = 0 }
  end
  local code, exit, message = verdict(a)
  if not code then return misuse(a) end
  if a.flags.robot then return { stdout = refusal(code, message), exit = exit } end
  return { stderr = not a.flags.quiet and "error: " .. message .. "\n" or nil, exit = exit }
end

--- The answer of a finished command.
function M.answer(a)
  if a.error then return failed(a) end
  if a.streamed then return { stdout = a.command == "chat stream" and not a.flags.robot and "\n" or nil } end
  local words = require "lib.words"
  if a.flags.robot then return { stdout = envelope(a, words.payload(a)) } end
  return { stdout = words.lines(a) }
end

--- One event as it is shown; nil for one that people do not see.
function M.row(a, row, raw)
  if a.command == "logs tail" then
    local text, buffered = row, false
    if type(row) == "table" then text, buffered, row.buffered = row.line, row.buffered == true, nil end
    if a.flags.robot then return event(a, row, buffered and '{"buffered":true}' or "{}") end
    return type(row) == "table" and type(text) == "string" and text .. "\n" or nil
  end
  if a.flags.robot or a.command == "usage stream" then return event(a, row, "{}", raw) end
  return require("lib.chat").piece(row)
end

return M
