-- A client for tests of servers: starts the tool as a server, speaks HTTP/1.1 byte by byte on luv, shares nothing with
-- the product. All waiting happens on the loop, each wait with a limit that fails the test.
local uv = require "luv"
local S = require "lib.spec"

local client = {}

local LIMIT_MS = 10000

-- Turns the loop until ready() holds; fails after the limit.
local function await(ready, what)
  local late, timer = false, uv.new_timer()
  timer:start(LIMIT_MS, 0, function() late = true end)
  S.driver.wait(function() return late or ready() end)
  timer:close()
  if not ready() then error("waited in vain for " .. what, 0) end
end
client.await = await

-- Starts `tool <args>` and waits for the first line of its output.
-- Result: row (that line, decoded), port, stop(signal) -> the run's result with stdout as written.
function client.serve(args, opts)
  opts = opts or {}
  local dir = S.dir("server")
  local out, stop = dir .. "/out", dir .. "/stop"
  S.spit(out, "")
  local env = S.environment { env = opts.env }
  local argv = { "tool" }
  for word in args:gmatch("%S+") do argv[#argv + 1] = word end
  local handle = S.driver.start(argv, {
    exe = S.paths.tool, clear_env = true, env = env, stdout = out, timeout = 60,
    signals = { { opts.signal or "TERM", when_file = stop } },
  })
  local events = uv.new_fs_event()
  assert(events:start(dir, {}, function() end))
  local function line() return S.slurp(out):match("^([^\n]*)\n") end
  await(function() return line() or handle.result end, "the first line")
  events:close()
  local server = { row = line() and S.json.decode(line()) }
  if type(server.row) ~= "table" or not server.row.url then
    error("the server did not start: " .. S.slurp(out) .. (handle.result and handle.result.stderr or ""), 0)
  end
  server.port = math.tointeger(tonumber(server.row.url:match(":(%d+)$")))
  function server.stop()
    if not handle.done then
      S.spit(stop, "now")
      handle.done = S.driver.finish(handle)
      handle.done.stdout = S.slurp(out)
    end
    return handle.done
  end
  return server
end

-- An open connection: send(bytes), receive(ready) until ready(all bytes) or the server's end, close(). `total` counts
-- the bytes that came, `tail` is the last five; with `keep` set, `got` stops growing there; `sending` until
-- the kernel has all; `problem` is how the connection ended, if not in order.
function client.connect(port)
  local c = { got = "", total = 0, tail = "", ended = false }
  local tcp, connected = uv.new_tcp(), false
  tcp:connect("127.0.0.1", port, function(err)
    assert(not err, err)
    connected = true
  end)
  await(function() return connected end, "a connection")
  local function on_data(problem, data)
    if not data then
      c.ended, c.problem = true, problem
      return
    end
    c.total = c.total + #data
    c.tail = (c.tail .. data):sub(-5)
    if not c.keep or #c.got < c.keep then c.got = c.got .. data end
  end
  tcp:read_start(on_data)
  function c.send(bytes)
    c.sending = true
    tcp:write(bytes, function() c.sending = false end)
  end
  -- Closes our side; returns what the kernel says against it: a connection that was reset has no sides.
  function c.shutdown()
    local done, problem = false, nil
    local ok, why = tcp:shutdown(function(err) done, problem = true, err end)
    if not ok then return why end
    await(function() return done end, "our side to close")
    return problem
  end
  function c.pause() tcp:read_stop() end
  function c.resume() tcp:read_start(on_data) end
  function c.receive(ready, what)
    await(function() return c.ended or ready and ready(c.got) end, what or "an answer")
    return c.got
  end
  function c.close()
    local closed = false
    if not tcp:is_closing() then
      tcp:close(function() closed = true end)
      await(function() return closed end, "the end of a connection")
    end
  end
  return c
end

-- Takes one answer off the front of bytes: answer, rest; nil while it is incomplete. `head`: answer to a HEAD request.
function client.parse(bytes, head)
  local text, from = bytes:match("^(.-)\r\n\r\n()")
  if not text then return nil end
  local a = { status = math.tointeger(tonumber(text:match("^HTTP/1%.1 (%d%d%d) "))), headers = {}, head = text }
  for name, value in text:gmatch("\r\n([^:]+): ([^\r\n]*)") do
    name = name:lower()
    a.headers[name] = a.headers[name] and a.headers[name] .. ", " .. value or value
  end
  if head or a.status == 204 or a.status == 304 or a.status < 200 then return a, bytes:sub(from) end
  if a.headers["transfer-encoding"] == "chunked" then
    local parts = {}
    while true do
      local size, at = bytes:match("^(%x+)\r\n()", from)
      local n = size and tonumber(size, 16)
      if not n or #bytes < at + n + 1 then return nil end
      from = at + n + 2
      if n == 0 then break end
      parts[#parts + 1] = bytes:sub(at, at + n - 1)
    end
    a.body = table.concat(parts)
    return a, bytes:sub(from)
  end
  local size = math.tointeger(tonumber(a.headers["content-length"]))
  if not size or #bytes < from + size - 1 then return nil end
  a.body = bytes:sub(from, from + size - 1)
  return a, bytes:sub(from + size)
end

-- All answers to the bytes of one connection, read until the server closes it or `count` answers came.
-- Result: the answers, whether the server closed, the bytes behind the last whole answer.
function client.exchange(port, bytes, count)
  local c = client.connect(port)
  c.send(bytes)
  local function answers(got)
    local list = {}
    while true do
      local a, rest = client.parse(got)
      if not a then return list, got end
      list[#list + 1], got = a, rest
    end
  end
  c.receive(count and function(got) return #answers(got) >= count end)
  local list, rest = answers(c.got)
  local ended = c.ended
  c.close()
  return list, ended, rest
end

-- One request on a connection of its own. opts: headers, body, json, form (a text).
function client.request(port, method, path, opts)
  opts = opts or {}
  local lines = { ("%s %s HTTP/1.1"):format(method, path), "Host: test", "Connection: close" }
  local body = opts.body or opts.form or opts.json and S.json.encode(opts.json)
  if opts.form then lines[#lines + 1] = "Content-Type: application/x-www-form-urlencoded" end
  if opts.json then lines[#lines + 1] = "Content-Type: application/json" end
  for name, value in pairs(opts.headers or {}) do lines[#lines + 1] = name .. ": " .. value end
  if body then lines[#lines + 1] = "Content-Length: " .. #body end
  local c = client.connect(port)
  c.send(table.concat(lines, "\r\n") .. "\r\n\r\n" .. (body or ""))
  local got = c.receive()
  c.close()
  local a = client.parse(got, method == "HEAD")
  assert(a, "no whole answer: " .. got)
  if a.body and (a.headers["content-type"] or ""):find("json", 1, true) then a.json = S.json.decode(a.body) end
  return a
end

return client
