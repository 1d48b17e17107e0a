-- The console log of the emulated proxy: a ring of lines in memory, and the stream of new ones.

local json = require "tool.json"
local sse = require "lib.sse"
local time = require "lib.time"

local logs = {}

local RING = 200
local LEVELS = { "error", "warn", "info", "debug", "trace" }

--- An empty log.
function logs.new()
  return { lines = {}, topic = sse.topic(function(n) return json.encode { kind = "lagged", skipped = n } end) }
end

--- Adds a line, as "time LEVEL target: text".
function logs.add(log, level, text)
  local line = ("%s %5s openproxy: %s"):format(time.format(time.now()), level:upper(), text:gsub("%c", " "))
  if #log.lines == RING then table.remove(log.lines, 1) end
  log.lines[#log.lines + 1] = line
  if log.topic.count > 0 then log.topic:publish(json.encode { kind = "line", line = line }) end
end

--- Forgets all lines; followers are told.
function logs.clear(log)
  log.lines = {}
  log.topic:publish '{"kind":"clear"}'
end

--- How many lines there are of each level.
function logs.levels(log)
  local out = {}
  for _, level in ipairs(LEVELS) do out[level] = 0 end
  for _, line in ipairs(log.lines) do
    local level = (line:match "^%S+ +(%u+) " or "INFO"):lower()
    if out[level] then out[level] = out[level] + 1 end
  end
  return out
end

--- Answers a request with the lines to come.
function logs.follow(log, req, ping)
  sse.serve(req, log.topic, { ping = ping, comment = "connected",
    headers = { ["Cache-Control"] = "no-cache, no-transform", ["X-Accel-Buffering"] = "no" } })
end

return logs
