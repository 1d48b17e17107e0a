-- A scripted HTTP/1.1 server on 127.0.0.1 for tests, on luv, sharing nothing with the product. It records every request
-- and answers from a script: a list of replies (the last one repeats), or a function(request, count) -> reply.
-- A reply: { status = 200, headers = { [name] = value }, body = bytes | json = value, delay_ms =,
--   half = true       announces the whole body, sends half of it, then closes
--   cut = n           the same after n bytes
--   hang = "accept" | "headers" | "body"    never answers / stops after the headers / stops inside the body
--   reset = true      resets the connection instead of answering
--   slow = { bytes =, ms = }                sends the answer in pieces
--   events = { text, … }, every_ms =        a text/event-stream of these chunks, then the end (chunked)
--   raw = bytes       sends exactly these bytes, then closes      close = true closes after the answer
-- A request: { method, path, query, headers (lower-case names), body, at_ms, connection }.
local uv = require "luv"
local json = require "lib.json"

local stub = {}

local REASON = { [200] = "OK", [201] = "Created", [204] = "No Content", [301] = "Moved Permanently", [302] = "Found",
  [400] = "Bad Request", [401] = "Unauthorized", [403] = "Forbidden", [404] = "Not Found", [409] = "Conflict",
  [422] = "Unprocessable Content", [429] = "Too Many Requests", [500] = "Internal Server Error", [502] = "Bad Gateway",
  [503] = "Service Unavailable", [504] = "Gateway Timeout" }

local function unchunk(text)
  local parts, at = {}, 1
  while true do
    local size, from = text:match("^(%x+)[^\r\n]*\r\n()", at)
    if not size then return nil end
    local n = tonumber(size, 16)
    if #text < from + n + 1 then return nil end
    if n == 0 then return table.concat(parts), from + 2 end
    parts[#parts + 1] = text:sub(from, from + n - 1)
    at = from + n + 2
  end
end

-- Takes one request off the front of the buffer: request, rest; nil while it is incomplete.
local function take_request(buffer)
  local head, from = buffer:match("^(.-)\r\n\r\n()")
  if not head then return nil end
  local method, target = head:match("^(%S+) (%S+) HTTP/1%.[01]")
  local request = { method = method or "?", headers = {}, target = target or "?" }
  request.path, request.query = request.target:match("^([^?]*)%??(.*)$")
  for name, value in head:gmatch("\r\n([^:\r\n]+):[ \t]*([^\r\n]*)") do request.headers[name:lower()] = value end
  if (request.headers["transfer-encoding"] or ""):lower() == "chunked" then
    local body, used = unchunk(buffer:sub(from))
    if not body then return nil end
    request.body = body
    return request, buffer:sub(from + used - 1)
  end
  local size = math.tointeger(tonumber(request.headers["content-length"] or "0")) or 0
  if #buffer < from + size - 1 then return nil end
  request.body = buffer:sub(from, from + size - 1)
  return request, buffer:sub(from + size)
end

local function later(server, ms, fn)
  local timer = uv.new_timer()
  server.timers[timer] = true
  timer:start(ms, 0, function()
    server.timers[timer] = nil
    timer:close()
    fn()
  end)
end

local function drop(client) if not client:is_closing() then client:close() end end

local function send(client, bytes, done)
  if client:is_closing() then return end
  client:write(bytes, function() if done and not client:is_closing() then done() end end)
end

local function send_slow(server, client, bytes, slow, done)
  local at = 1
  local function step()
    if client:is_closing() then return end
    send(client, bytes:sub(at, at + slow.bytes - 1))
    at = at + slow.bytes
    if at <= #bytes then later(server, slow.ms, step) elseif done then done() end
  end
  step()
end

local function head_of(reply, size)
  local status = reply.status or 200
  local lines = { ("HTTP/1.1 %d %s"):format(status, REASON[status] or "Status") }
  local headers = { ["Content-Type"] = reply.json ~= nil and "application/json" or "text/plain" }
  if reply.events then
    headers["Content-Type"], headers["Transfer-Encoding"] = "text/event-stream", "chunked"
  elseif status ~= 204 then
    headers["Content-Length"] = tostring(size)
  end
  if reply.close then headers.Connection = "close" end
  for name, value in pairs(reply.headers or {}) do headers[name] = value or nil end
  local names = {}
  for name in pairs(headers) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do lines[#lines + 1] = name .. ": " .. headers[name] end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

local function send_events(server, client, reply, head)
  local at = 0
  send(client, head)
  local function step()
    at = at + 1
    local text = reply.events[at]
    if text == nil then
      if reply.hang ~= "body" then send(client, "0\r\n\r\n", function() if reply.close then drop(client) end end) end
      return
    end
    send(client, ("%x\r\n%s\r\n"):format(#text, text))
    later(server, reply.every_ms or 0, step)
  end
  step()
end

local function answer(server, client, reply, head_only)
  if reply.reset then return client:close_reset() end
  if reply.hang == "accept" then return end
  if reply.raw then return send(client, reply.raw, function() drop(client) end) end
  local body = reply.json ~= nil and json.encode(reply.json) or reply.body or ""
  local head = head_of(reply, #body)
  if reply.events then return send_events(server, client, reply, head) end
  if reply.hang == "headers" then return send(client, head) end
  local cut = reply.cut or (reply.half or reply.hang == "body") and #body // 2
  local bytes = head .. (head_only and "" or cut and body:sub(1, cut) or body)
  local function done() if (cut and reply.hang ~= "body") or reply.close then drop(client) end end
  if reply.slow then return send_slow(server, client, bytes, reply.slow, done) end
  send(client, bytes, done)
end

local function next_reply(server, request)
  if type(server.script) == "function" then return server.script(request, #server.requests) end
  return server.script[math.min(#server.requests, #server.script)] or { status = 500, body = "no reply scripted" }
end

local function on_data(server, client, state, data)
  state.buffer = state.buffer .. data
  while true do
    local request, rest = take_request(state.buffer)
    if not request then return end
    state.buffer = rest
    request.at_ms, request.connection = (uv.hrtime() - server.began) / 1e6, state.number
    server.requests[#server.requests + 1] = request
    local reply = next_reply(server, request)
    local function go() answer(server, client, reply, request.method == "HEAD") end
    if reply.delay_ms then later(server, reply.delay_ms, go) else go() end
  end
end

local function accept(server)
  local client = uv.new_tcp()
  server.listener:accept(client)
  server.connections = server.connections + 1
  local state = { buffer = "", number = server.connections }
  server.clients[client] = true
  local function on_read(err, data)
    if err or not data then
      server.clients[client] = nil
      return drop(client)
    end
    on_data(server, client, state, data)
    if not server.pause_ms or client:is_closing() then return end
    client:read_stop()
    later(server, server.pause_ms, function()
      if not client:is_closing() then client:read_start(on_read) end
    end)
  end
  if server.pause_ms then uv.recv_buffer_size(client, 65536) end
  client:read_start(on_read)
end

-- A client that left must not end the test: writing to it raises SIGPIPE, which a handler, unlike its being ignored, does
-- not pass on to programs.
local function outlive_clients()
  if stub.pipe_signal then return end
  stub.pipe_signal = uv.new_signal()
  stub.pipe_signal:start("sigpipe", function() end)
  stub.pipe_signal:unref()
end

-- Starts a server. Gives { url, port, requests, connections, script (may be replaced), close() }. While pause_ms is set, new
-- connections are read slowly: at most 64 KB, then a pause.
function stub.start(script)
  outlive_clients()
  local server = { script = script, requests = {}, connections = 0, clients = {}, timers = {}, began = uv.hrtime() }
  server.listener = uv.new_tcp()
  assert(server.listener:bind("127.0.0.1", 0))
  assert(server.listener:listen(128, function(err) if not err then accept(server) end end))
  server.port = server.listener:getsockname().port
  server.url = "http://127.0.0.1:" .. server.port
  function server.close()
    for timer in pairs(server.timers) do if not timer:is_closing() then timer:close() end end
    for client in pairs(server.clients) do drop(client) end
    drop(server.listener)
    uv.run("nowait")
  end
  return server
end

-- A port of 127.0.0.1 that refuses connections.
function stub.closed_port()
  local probe = uv.new_tcp()
  assert(probe:bind("127.0.0.1", 0))
  local port = probe:getsockname().port
  probe:close()
  uv.run("nowait")
  return port
end

return stub
