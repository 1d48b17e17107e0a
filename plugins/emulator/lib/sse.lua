-- Streams of server-sent events (WHATWG HTML §9.2): who reads, what each has still to get, the pings between.
-- Promise: an idle reader costs one timer and no work; one that reads too slowly loses the oldest events and is told how
-- many, so that memory stays bounded; a reader that leaves is forgotten at once.

local time = require "lib.time"

local sse = {}

local KEPT = 256 -- events that wait for one reader

local Topic = {}
Topic.__index = Topic

--- Something that readers follow. lagged(n): the payload that tells a reader of n lost events, if any does.
function sse.topic(lagged) return setmetatable({ readers = {}, count = 0, lagged = lagged }, Topic) end

local function frame(payload)
  return "data: " .. payload:gsub("\n", "\ndata: ") .. "\n\n"
end

--- Gives a payload to every reader. Does not wait.
function Topic:publish(payload)
  local text = frame(payload)
  for reader in pairs(self.readers) do
    if #reader.queue == KEPT then
      table.remove(reader.queue, 1)
      reader.lost = reader.lost + 1
    end
    table.insert(reader.queue, text)
    reader.wake()
  end
end

local function join(topic, req)
  local reader = { queue = {}, lost = 0, wake = req.wake }
  topic.readers[reader], topic.count = true, topic.count + 1
  return reader
end

local function leave(topic, reader)
  topic.readers[reader], topic.count = nil, topic.count - 1
end

-- Sends what waits for the reader; false when it left.
local function drain(topic, reader, req)
  while #reader.queue > 0 or reader.lost > 0 do
    local queue, lost = reader.queue, reader.lost
    reader.queue, reader.lost = {}, 0
    if lost > 0 and topic.lagged then table.insert(queue, 1, frame(topic.lagged(lost))) end
    if not req.write(table.concat(queue)) then return false end
  end
  return true
end

local function ping(req) return req.write ": ping\n\n" end

-- Sends events as they come and pings on time until the reader leaves.
local function follow(topic, reader, req, every_ms)
  local due = time.now() + every_ms
  while drain(topic, reader, req) do
    local state = req.wait(math.max(0, due - time.now()))
    if state == nil then return end
    if state == false then
      due = due + every_ms
      if not ping(req) then return end
    end
  end
end

--- Answers a request with the events of a topic from now on, until its client leaves.
-- opts: headers, comment (the first line, a comment), first() -> the first payload, ping (seconds between pings).
function sse.serve(req, topic, opts)
  local reader = join(topic, req)
  local _ <close> = setmetatable({}, { __close = function() leave(topic, reader) end })
  local headers = { ["Content-Type"] = "text/event-stream", ["Cache-Control"] = "no-cache" }
  for name, value in pairs(opts.headers or {}) do headers[name] = value end
  if not req.start(200, headers) then return end
  local head = (opts.comment and ": " .. opts.comment .. "\n\n" or "") .. (opts.first and frame(opts.first()) or "")
  if req.write(head) and ping(req) then
    follow(topic, reader, req, math.max(1, math.floor((req.ping or opts.ping) * 1000)))
  end
end

--- Answers a request with these payloads and ends.
function sse.send(req, payloads)
  if not req.start(200, { ["Content-Type"] = "text/event-stream; charset=utf-8", ["Cache-Control"] = "no-cache" }) then
    return
  end
  for _, payload in ipairs(payloads) do
    if not req.write(frame(payload)) then return end
  end
end

return sse
