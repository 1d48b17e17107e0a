-- A forward proxy on 127.0.0.1 for tests, on luv, sharing nothing with the product: CONNECT tunnels and plain requests
-- with an absolute address. It records every request it is asked for: { method, target, authorization }.
local uv = require "luv"

local proxy = {}

local function drop(handle) if not handle:is_closing() then handle:close() end end

-- Everything that one side sends goes to the other, until either ends.
local function join(a, b)
  local function pump(from, to)
    from:read_start(function(err, data)
      if data and not err and not to:is_closing() then return to:write(data) end
      drop(from)
      drop(to)
    end)
  end
  pump(a, b)
  pump(b, a)
end

local function take_head(self, client, head, rest)
  local method, target = head:match("^(%S+) (%S+)")
  self.requests[#self.requests + 1] = { method = method, target = target,
    authorization = head:lower():match("\r\nproxy%-authorization:") and head:match("\r\n[Pp]roxy%-[Aa]uthorization: ([^\r\n]+)") }
  local name, port = target:match(method == "CONNECT" and "^([^:]+):(%d+)$" or "^http://([^:/]+):?(%d*)")
  local upstream = uv.new_tcp()
  self.handles[upstream] = true
  upstream:connect(name == "localhost" and "127.0.0.1" or name, tonumber(port) or 80, function(err)
    if err then
      client:write("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", function() drop(client) end)
      return drop(upstream)
    end
    if method == "CONNECT" then
      client:write("HTTP/1.1 200 Connection established\r\n\r\n")
    else
      local path = target:gsub("^http://[^/]*", "")
      upstream:write(("%s %s"):format(method, path == "" and "/" or path) .. head:sub(#method + #target + 2) .. "\r\n\r\n")
    end
    if #rest > 0 then upstream:write(rest) end
    join(client, upstream)
  end)
end

local function accept(self)
  local client, buffer = uv.new_tcp(), ""
  self.listener:accept(client)
  self.handles[client] = true
  client:read_start(function(err, data)
    if err or not data then return drop(client) end
    buffer = buffer .. data
    local head, from = buffer:match("^(.-)\r\n\r\n()")
    if not head then return end
    client:read_stop()
    take_head(self, client, head, buffer:sub(from))
  end)
end

-- Starts a proxy. Gives { url, port, requests, close() }.
function proxy.start()
  local self = { requests = {}, handles = {}, listener = uv.new_tcp() }
  assert(self.listener:bind("127.0.0.1", 0))
  assert(self.listener:listen(128, function(err) if not err then accept(self) end end))
  self.port = self.listener:getsockname().port
  self.url = "http://127.0.0.1:" .. self.port
  function self.close()
    for handle in pairs(self.handles) do drop(handle) end
    drop(self.listener)
    uv.run("nowait")
  end
  return self
end

return proxy
