--- A scripted server for tests of commands.
-- Promise: answers what the test's routes say, in their order, and remembers every request; it listens on this machine
-- only and ends with the test.
--
--   routes["GET /items/{id}"] = reply, or a list of replies (one after the other; the last one repeats), or
--     function(request) -> reply
--   reply: status (200), json or body, headers, delay = "200ms", fault = "hang" (never answers) | "cut" (ends inside the
--     body), events = { "data: …\n\n", … } for a stream of events
--   request: method, path, query (name -> value), params, headers (lower-case names), body, json

local failure = require "failure"
local host = require "host"
local router = require "serve.router"
local units = require "units"

local stub = {}

local HANG_STEP_MS = 20

local function refuse(text) error("server: " .. text, 0) end

local REPLY = { status = true, json = true, body = true, headers = true, delay = true, fault = true, events = true }
local FAULTS = { hang = true, cut = true }

local function check_reply(route, reply)
  if type(reply) ~= "table" then refuse(route .. " gives no reply, but " .. tostring(reply)) end
  for key in pairs(reply) do
    if not REPLY[key] then refuse(("%s: a reply has no %s"):format(route, tostring(key))) end
  end
  if reply.fault and not FAULTS[reply.fault] then refuse(("%s: fault is hang or cut, not %s"):format(route, reply.fault)) end
  if reply.delay and not units.duration(reply.delay) then refuse(route .. ": delay is no duration") end
  return reply
end

local function is_list(t) return t[1] ~= nil end

-- The next reply of a route.
local function reply_of(route, script, request, count)
  if type(script) == "function" then return check_reply(route, script(request)) end
  if type(script) == "table" and is_list(script) then return check_reply(route, script[math.min(count, #script)]) end
  return check_reply(route, script)
end

local function bytes_of(reply, headers)
  if reply.json == nil then return reply.body or "" end
  headers["Content-Type"] = headers["Content-Type"] or "application/json"
  return assert(host.json.encode(reply.json, { raw = true }))
end

local function answer(server, reply, raw)
  if reply.delay then host.sleep((select(2, units.duration(reply.delay)))) end
  if reply.fault == "hang" then
    while not server.closed do host.sleep(HANG_STEP_MS) end
    return { status = 503 }
  end
  local headers = {}
  for name, value in pairs(reply.headers or {}) do headers[name] = value end
  if reply.events then
    headers["Content-Type"] = headers["Content-Type"] or "text/event-stream"
    raw:start(reply.status or 200, headers)
    for _, text in ipairs(reply.events) do raw:write(text) end
    return nil
  end
  local body = bytes_of(reply, headers)
  if reply.fault == "cut" then
    raw:start(reply.status or 200, headers)
    raw:write(body:sub(1, #body // 2))
    error("cut by the test", 0)
  end
  return { status = reply.status or (body == "" and 204 or 200), headers = headers, body = body }
end

local function request_of(raw)
  local request = { method = raw.method, path = raw.path, headers = raw.headers, body = raw.body,
    query = router.fields(raw.query) or {} }
  if raw.body ~= "" then request.json = host.json.decode(raw.body) end
  return request
end

local function compile(server, routes)
  local table_of_routes = {}
  for route, script in pairs(routes) do
    local count = 0
    table_of_routes[route] = { run = function(request)
      count = count + 1
      return reply_of(route, script, request, count)
    end }
  end
  local ok, found = pcall(router.compile, table_of_routes)
  if not ok then refuse(tostring(found)) end
  server.match = found
end

local function handler(server)
  return function(raw)
    local request = request_of(raw)
    server.requests[#server.requests + 1] = request
    local route, params = server.match(raw.method, raw.path)
    if not route then
      server.unexpected = server.unexpected or ("%s %s was asked for and has no route"):format(raw.method, raw.path)
      return { status = 404, headers = { ["Content-Type"] = "application/json" }, body = '{"message":"There is no such route."}' }
    end
    request.params = params
    local ok, reply = pcall(route.run, request)
    if not ok then
      server.unexpected = server.unexpected or tostring(reply)
      return { status = 500 }
    end
    return answer(server, reply, raw)
  end
end

--- Starts a server: { url, requests, unexpected = text or nil, close() }.
function stub.start(routes)
  local module, message = host.module "server"
  if not module then
    failure.raise("MODULE_MISSING", { exit = "PRECONDITION", fix = "Install the tool's server module",
      message = "The server module is not installed: " .. tostring(message) })
  end
  local server = { requests = {}, closed = false }
  compile(server, routes)
  local listener, err = module.listen { handler = handler(server) }
  if not listener then failure.raise("IO_ERROR", { message = "The stub server cannot listen: " .. err.message }) end
  server.url = listener.url
  function server.close()
    if server.closed then return end
    server.closed = true
    listener:close(0)
  end
  return server
end

--- The address of a server that nobody runs: connections are refused.
function stub.nobody()
  local server = stub.start {}
  server.close()
  return server
end

return stub
