-- A server with a route for every behaviour that the tests look at. Its first row says where it listens.
local calls = { n = 0 }

local function stream_route(run)
  return { run = function(req, ctx)
    req.start(200, { ["Content-Type"] = "text/event-stream" })
    run(req, ctx)
  end }
end

local sleeper -- the request that waits

local FLOOD = 1024 -- chunks of 64 KB

local routes = {
  ["GET /json"] = { run = function() return 200, { status = "ok" } end },
  ["GET /calls"] = { run = function() return 200, { n = calls.n, flooded = calls.flooded, left = calls.left } end },
  ["POST /echo"] = { run = function(req)
    calls.n = calls.n + 1
    return 200, { body = req.body, headers = req.headers, query = req.query, remote = req.remote }
  end },
  ["GET /slow"] = { run = function(_, ctx)
    ctx.log "slow begins"
    ctx.sleep "300ms"
    return 200, "slow", { ["Content-Type"] = "text/plain" }
  end },
  ["GET /nothing"] = { run = function() return nil end },
  ["GET /cookies"] = { run = function() return 200, "", { ["Set-Cookie"] = { "a=1", "b=2" } } end },
  ["GET /inject"] = { run = function() return 200, "", { ["X-A"] = "a\r\nX-B: c" } end },
  ["GET /raise"] = { run = function() error("on purpose") end },
  ["GET /refuse"] = { run = function(req) req.refuse(409, "TAKEN", "It is taken.", { { field = "x" } }) end },
  ["GET /bulk"] = { run = function()
    calls.n = calls.n + 1
    return 200, ("b"):rep(8 << 20), { ["Content-Type"] = "text/plain" }
  end },
  ["GET /close"] = { run = function() return 200, "bye", { Connection = "close" } end },
  ["GET /count"] = stream_route(function(req)
    for i = 1, 3 do req.write(i .. "\n") end
  end),
  ["GET /busy"] = stream_route(function(req)
    req.write("begun\n")
    local till = os.clock() + 0.5
    while os.clock() < till do end
  end),
  ["GET /late"] = stream_route(function(req)
    req.write("part")
    error("too late")
  end),
  ["GET /forever"] = stream_route(function(req, ctx)
    req.write("data: 1\n\n")
    while not req.gone() do ctx.sleep "20ms" end
    calls.left = true
  end),
  ["GET /sleep"] = { query = { ms = "integer?" }, run = function(req)
    sleeper = req
    local state, err = req.wait(req.query.ms)
    sleeper = nil
    calls.left = err and err.code
    return 200, { woken = state }
  end },
  ["GET /wake"] = { run = function()
    local there = sleeper ~= nil
    if there then sleeper.wake() end
    return 200, { there = there }
  end },
  ["GET /missed"] = { run = function(req)
    req.wake()
    return 200, { first = req.wait(60000), second = req.wait(1) }
  end },
  ["GET /cut"] = { query = { reset = "boolean?", sent = "boolean?" }, run = function(req)
    if req.query.sent then
      req.start(200)
      req.write("part")
    end
    req.cut(req.query.reset)
    calls.left = req.gone()
  end },
  ["GET /length"] = { query = { write = "string" }, run = function(req)
    req.start(200, { ["Content-Type"] = "text/plain" }, 5)
    req.write(req.query.write)
  end },
  ["GET /flood"] = stream_route(function(req)
    local chunk = ("x"):rep(65536)
    for i = 1, FLOOD do
      local ok, err = req.write(chunk)
      if not ok then
        calls.left = err.code
        return
      end
      calls.flooded = i
    end
  end),
  ["GET /items/{id}/parts/{part}"] = { run = function(req) return 200, req.params end },
  ["GET /items/latest/parts/{part}"] = { run = function() return 200, { literal = true } end },
  ["GET /page"] = {
    query = { page = { "integer", min = 1, default = 1 }, all = "boolean?", name = "string?" },
    run = function(req) return 200, req.query end,
  },
  ["POST /things"] = {
    input = {
      name = { "string", min = 1, max = 5, match = "^%a+$", message = "must be letters" },
      count = { "integer?", min = 0, max = 9 }, kind = { "string", one_of = { "a", "b" }, default = "a" },
      note = "string?!", tags = { "array?", max = 2, items = "string" },
      size = { "object?", fields = { width = "number", height = "number?" } },
    },
    run = function(req) return 201, req.json end,
  },
}

return {
  about = "Serve what the tests of the server module ask for",
  danger = "safe", scopes = {}, stream = "default", serves = true,
  args = {
    { "port", "integer", "Where to listen", default = 0, min = 0, max = 65535 },
    { "hurry", "boolean", "Have short time limits", default = false },
  },
  returns = { url = "string" },
  exits = { SUCCESS = "Never", CONFLICT = "The port is taken" },
  examples = { { "Serve", "tool srv serve" } },
  run = function(args, ctx)
    ctx.serve {
      routes = routes, port = args.port, max_body = 100000,
      limits = args.hurry and { header_timeout_ms = 300, body_timeout_ms = 400, idle_timeout_ms = 700 }
        or { max_connections = 40 },
      on_listen = function(url) ctx.emit { url = url } end,
    }
  end,
}
