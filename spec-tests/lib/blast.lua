-- lua5.4 blast.lua STREAM PORT_FILE: a service that sends the events of a file as a text/event-stream, one write for each
-- event as services do, as fast as the reader takes them. /api/health is well; /stop ends it. Its port goes to PORT_FILE.
local uv = require "luv"

local events, text = {}, assert(io.open(arg[1], "rb")):read "a"
for event in text:gmatch "(.-\n\n)" do events[#events + 1] = ("%x\r\n%s\r\n"):format(#event, event) end

uv.new_signal():start("sigpipe", function() end)  -- a reader may leave

local listener = uv.new_tcp()
assert(listener:bind("127.0.0.1", 0))

local TURN = 500                -- events before others have their turn

local function send(client, at)
  for i = at, math.min(#events, at + TURN - 1) do
    local sent = client:try_write(events[i])
    if sent ~= #events[i] then
      client:write(events[i]:sub((sent or 0) + 1), function(err) if not err then send(client, i + 1) end end)
      return
    end
  end
  if at + TURN > #events then
    return client:write("0\r\n\r\n")
  end
  client:write("", function(err) if not err then send(client, at + TURN) end end)
end

local function answer(client, path)
  if path == "/stop" then os.exit(0) end
  if path == "/api/health" then
    return client:write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"ok\":true}")
  end
  client:write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
    function() send(client, 1) end)
end

assert(listener:listen(16, function()
  local client, buffer = uv.new_tcp(), ""
  listener:accept(client)
  client:nodelay(true)
  client:read_start(function(err, data)
    if err or not data then return client:close() end
    buffer = buffer .. data
    local path = buffer:match "^%S+ (%S+).-\r\n\r\n"
    if path then
      buffer = ""
      answer(client, path)
    end
  end)
end))

local f = assert(io.open(arg[2] .. ".new", "w"))
f:write(listener:getsockname().port)
f:close()
assert(os.rename(arg[2] .. ".new", arg[2]))
uv.run()
