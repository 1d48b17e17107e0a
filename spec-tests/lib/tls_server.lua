-- An HTTPS server on 127.0.0.1 whose certificate comes from an authority made for this run: `openssl s_server` that
-- serves the files of a directory. For tests of certificates and proxies.
local uv = require "luv"
local driver = require "lib.driver"

local tls = {}

local function openssl(dir, args)
  table.insert(args, 1, "openssl")
  local r = driver.run(args, { cwd = dir })
  assert(r.status == 0, table.concat(args, " ") .. ": " .. r.stderr)
end

-- Makes ca.pem, server.key and server.pem (for localhost and 127.0.0.1) in dir.
local function certificates(dir)
  local f = assert(io.open(dir .. "/names", "w"))
  f:write("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
  f:close()
  local key = { "-newkey", "rsa:2048", "-nodes" }
  openssl(dir, { "req", "-x509", key[1], key[2], key[3], "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj",
    "/CN=test authority" })
  openssl(dir, { "req", key[1], key[2], key[3], "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost" })
  openssl(dir, { "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
    "-extfile", "names", "-out", "server.pem" })
end

local function free_port()
  local probe = uv.new_tcp()
  assert(probe:bind("127.0.0.1", 0))
  local port = probe:getsockname().port
  probe:close()
  uv.run("nowait")
  return port
end

-- Whether somebody listens on the port.
local function listens(port)
  local socket, state = uv.new_tcp(), nil
  socket:connect("127.0.0.1", port, function(err) state = not err end)
  driver.wait(function() return state ~= nil end)
  socket:close()
  return state
end

-- Starts a server on the files of `dir` (an empty directory, which it also keeps its certificates in).
-- Gives { url = "https://127.0.0.1:PORT", port, ca = file of the authority's certificate, close() }.
function tls.start(dir)
  certificates(dir)
  local port, gone = free_port(), false
  local process = assert(uv.spawn("openssl", { args = { "s_server", "-accept", "127.0.0.1:" .. port, "-cert",
    "server.pem", "-key", "server.key", "-WWW", "-quiet" }, cwd = dir }, function() gone = true end))
  driver.wait_for(function() return gone or listens(port) end, 10000)
  assert(not gone, "openssl s_server ended at once")
  local self = { port = port, url = "https://127.0.0.1:" .. port, ca = dir .. "/ca.pem" }
  function self.close()
    process:kill("sigterm")
    driver.wait(function() return gone end)
    process:close()
    uv.run("nowait")
  end
  return self
end

return tls
