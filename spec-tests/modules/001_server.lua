-- The server module and ctx.serve: HTTP/1.1 as RFC 9112 asks for, limits, time limits, streams, the end.
local S = require "lib.spec"
local client = require "modules.client"

local ENV = { TOOL_COMMANDS_PATH = S.paths.root .. "/modules/commands" }
local HOST = "Host: x\r\n"

local server

local function get(path, opts) return client.request(server.port, "GET", path, opts) end
local function post(path, opts) return client.request(server.port, "POST", path, opts) end
local function calls() return get("/calls").json end

-- The only answer to these bytes, after which the server has closed.
local function last_answer(bytes)
  local list, ended, rest = client.exchange(server.port, bytes)
  assert.equal(1, #list, bytes:sub(1, 60) .. " -> " .. rest:sub(1, 200))
  assert.is_true(ended)
  return list[1]
end

S.req("REQ-MODULE-SERVER", "The HTTP server", function()
  setup(function() server = client.serve("srv serve", { env = ENV }) end)
  teardown(function() server.stop() end)

  describe("answers", function()
    it("JSON with a length and a date", function()
      local a = get "/json"
      assert.equal(200, a.status)
      assert.equal('{"status":"ok"}', a.body)
      assert.equal("application/json", a.headers["content-type"])
      assert.equal("15", a.headers["content-length"])
      assert.truthy(a.headers.date:find("^%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT$"))
    end)

    it("HEAD has the headers of GET and no body", function()
      local c = client.connect(server.port)
      c.send("HEAD /json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
      local got = c.receive()
      c.close()
      assert.truthy(got:find("\r\nContent-Length: 15\r\n", 1, true))
      assert.equal("\r\n\r\n", got:sub(-4))
    end)

    it("204 without a body or a length, and repeated headers", function()
      local a = get "/nothing"
      assert.equal(204, a.status)
      assert.is_nil(a.headers["content-length"])
      assert.equal("a=1, b=2", get("/cookies").headers["set-cookie"])
    end)

    it("a client of HTTP/1.0 gets no chunks, and its connection is closed", function()
      local list, ended, rest = client.exchange(server.port, "GET /count HTTP/1.0\r\n\r\n")
      assert.is_true(ended)
      assert.equal(0, #list)
      assert.truthy(rest:find("\r\n\r\n1\n2\n3\n$"))
      assert.is_nil(rest:lower():find("transfer-encoding", 1, true))
    end)

    it("a connection stays open, and pipelined requests are answered in order", function()
      local list, ended = client.exchange(server.port, "GET /slow HTTP/1.1\r\n" .. HOST .. "\r\n"
        .. "POST /echo HTTP/1.1\r\n" .. HOST .. "Content-Length: 3\r\n\r\nabc"
        .. "GET /json HTTP/1.1\r\n" .. HOST .. "\r\n"
        .. "GET /close HTTP/1.1\r\n" .. HOST .. "\r\n" .. "GET /json HTTP/1.1\r\n" .. HOST .. "\r\n")
      assert.equal(4, #list)
      assert.equal("slow", list[1].body)
      assert.equal("abc", S.json.decode(list[2].body).body)
      assert.equal('{"status":"ok"}', list[3].body)
      assert.equal("bye", list[4].body)
      assert.equal("close", list[4].headers.connection)
      assert.is_true(ended)
    end)

    it("a client that closes its side still reads the answer", function()
      local c = client.connect(server.port)
      c.send("GET /slow HTTP/1.1\r\n" .. HOST .. "\r\n")
      c.shutdown()
      assert.equal("slow", client.parse(c.receive()).body)
      c.close()
    end)

    it("many pipelined requests, none lost", function()
      local list = client.exchange(server.port, ("GET /json HTTP/1.1\r\n" .. HOST .. "\r\n"):rep(2000), 2000)
      assert.equal(2000, #list)
    end)
  end)

  describe("requests", function()
    it("chunked bodies, headers by lower-case name, repeated ones joined, the query decoded", function()
      local list = client.exchange(server.port, "POST /echo?a=1&b=x%20y+z HTTP/1.1\r\n" .. HOST
        .. "Transfer-Encoding: chunked\r\nX-One: 1\r\nx-one: 2\r\n\r\n"
        .. "3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTrailer: t\r\n\r\n", 1)
      local seen = S.json.decode(list[1].body)
      assert.equal("abcde", seen.body)
      assert.equal("1, 2", seen.headers["x-one"])
      assert.is_nil(seen.headers.trailer)
      assert.same({ a = "1", b = "x y z" }, { a = seen.query.a, b = seen.query.b })
      assert.equal("127.0.0.1", seen.remote)
    end)

    it("100 Continue comes before the body is sent", function()
      local c = client.connect(server.port)
      c.send("POST /echo HTTP/1.1\r\n" .. HOST
        .. "Expect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n")
      local got = c.receive(function(text) return text:find("\r\n\r\n", 1, true) end)
      assert.equal("HTTP/1.1 100 Continue\r\n\r\n", got)
      c.send("hi")
      local a = client.parse(c.receive():sub(#got + 1))
      assert.equal("hi", S.json.decode(a.body).body)
      c.close()
    end)

    it("an announced body that is too large is refused without 100 Continue", function()
      local a = last_answer("POST /echo HTTP/1.1\r\n" .. HOST
        .. "Expect: 100-continue\r\nContent-Length: 100001\r\n\r\n")
      assert.equal(413, a.status)
    end)

    it("the absolute form of a target means its path", function()
      local list = client.exchange(server.port, "GET http://x/json?a=1 HTTP/1.1\r\n" .. HOST .. "\r\n", 1)
      assert.equal(200, list[1].status)
    end)

    it("an offer to change the protocol is ignored", function()
      local list = client.exchange(server.port, "GET /json HTTP/1.1\r\n" .. HOST
        .. "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n", 1)
      assert.equal(200, list[1].status)
    end)
  end)

  describe("refusals", function()
    local function echo(more, body) return "POST /echo HTTP/1.1\r\n" .. more .. "\r\n" .. (body or "") end
    local CASES = {
      { "no request line", 400, "NOT HTTP\r\n\r\n" },
      { "TLS", 400, "\22\3\1\2\0\1\0\1\252\3\3" },
      { "another version", 505, "POST /echo HTTP/2.0\r\n" .. HOST .. "\r\n" },
      { "no Host", 400, "POST /echo HTTP/1.1\r\n\r\n" },
      { "two Hosts", 400, echo(HOST .. "Host: y\r\n") },
      { "a space before the colon", 400, echo(HOST .. "X-A : b\r\n") },
      { "a NUL in a header", 400, echo(HOST .. "X-A: b\0c\r\n") },
      { "a bare CR in a header", 400, echo(HOST .. "X-A: b\rc\r\n") },
      { "length and chunks", 400, echo(HOST .. "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n") },
      { "two lengths", 400, echo(HOST .. "Content-Length: 3\r\nContent-Length: 4\r\n", "abcd") },
      { "a negative length", 400, echo(HOST .. "Content-Length: -1\r\n") },
      { "a length that is no number", 400, echo(HOST .. "Content-Length: 1x\r\n", "a") },
      { "a bad chunk size", 400, echo(HOST .. "Transfer-Encoding: chunked\r\n", "zz\r\nabc\r\n0\r\n\r\n") },
      { "a chunk longer than its size", 400, echo(HOST .. "Transfer-Encoding: chunked\r\n", "2\r\nabc\r\n0\r\n\r\n") },
      { "another transfer coding", 501, echo(HOST .. "Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n") },
      { "another expectation", 417, echo(HOST .. "Expect: the-worst\r\n") },
      { "CONNECT", 501, "CONNECT x:1 HTTP/1.1\r\n" .. HOST .. "\r\n" },
      { "a large header", 431, echo(HOST .. "X-A: " .. ("a"):rep(40000) .. "\r\n") },
      { "many headers", 431, echo(HOST .. ("X-A: 1\r\n"):rep(101)) },
      { "a long target", 414, "GET /" .. ("a"):rep(40000) .. " HTTP/1.1\r\n" .. HOST .. "\r\n" },
      { "a large body", 413, echo(HOST .. "Content-Length: 100001\r\n", ("a"):rep(100001)) },
      { "a large chunked body", 413, echo(HOST .. "Transfer-Encoding: chunked\r\n",
        ("2710\r\n" .. ("a"):rep(10000) .. "\r\n"):rep(11)) },
    }
    for _, case in ipairs(CASES) do
      it(case[1] .. " is answered " .. case[2] .. " and the route never sees it", function()
        local before = calls().n
        assert.equal(case[2], last_answer(case[3]).status)
        assert.equal(before, calls().n)
      end)
    end

    it("a refusal reaches a client that goes on sending: the connection is not reset", function()
      local c = client.connect(server.port)
      c.pause()
      c.send("POST /echo HTTP/1.1\r\n" .. HOST .. "Content-Length: 600000\r\n\r\n" .. ("a"):rep(600000))
      client.await(function() return not c.sending end, "the body to be sent")
      c.resume()
      assert.equal(413, client.parse(c.receive()).status)
      assert.is_nil(c.shutdown())
      c.close()
    end)

    it("a body of exactly the limit is taken", function()
      assert.equal(200, post("/echo", { body = ("a"):rep(100000) }).status)
    end)

    it("more connections than allowed are told 503", function()
      local own = client.serve("srv serve", { env = ENV }) -- its own: the others' connections may still be ending
      local open = {}
      for i = 1, 40 do open[i] = client.connect(own.port) end
      assert.equal(503, client.request(own.port, "GET", "/json").status)
      for _, c in ipairs(open) do c.close() end
      own.stop()
    end)
  end)

  describe("time limits", function()
    local hasty
    setup(function() hasty = client.serve("srv serve --hurry", { env = ENV }) end)
    teardown(function() hasty.stop() end)

    -- Sends the pieces, one every 100 ms, and gives what came back and how long it took.
    local function drip(first, piece, count)
      local c = client.connect(hasty.port)
      local began = require("luv").now()
      c.send(first)
      for _ = 1, count do
        S.driver.pause(100)
        if c.ended then break end
        c.send(piece)
      end
      local got = c.receive()
      c.close()
      require("luv").update_time()
      return got, require("luv").now() - began
    end

    it("half a header is answered 408", function()
      local got, ms = drip("GET /json HTTP/1.1\r\nHo", "", 0)
      assert.truthy(got:find("^HTTP/1.1 408 "))
      assert.is_true(ms >= 290 and ms < 5000, tostring(ms))
    end)

    it("a header that comes byte by byte gains no time", function()
      local _, ms = drip("GET /json HTTP/1.1\r\nX: ", "a", 60)
      assert.is_true(ms < 5000, tostring(ms))
    end)

    it("half a body is answered 408", function()
      local got = drip("POST /echo HTTP/1.1\r\n" .. HOST .. "Content-Length: 9\r\n\r\nabc", "", 0)
      assert.truthy(got:find("^HTTP/1.1 408 "))
    end)

    it("a silent connection is closed without a word, before and after a request", function()
      local c = client.connect(hasty.port)
      assert.equal("", c.receive())
      c.close()
      c = client.connect(hasty.port)
      c.send("GET /json HTTP/1.1\r\n" .. HOST .. "\r\n")
      local _, rest = client.parse(c.receive())
      assert.equal("", rest)
      assert.is_true(c.ended)
      c.close()
    end)

    it("count only the client's silence, not the time in which a route kept the server busy", function()
      local waiting, busy = client.connect(hasty.port), client.connect(hasty.port)
      busy.send("GET /busy HTTP/1.1\r\n" .. HOST .. "\r\n")
      busy.receive(function(got) return got:find("begun", 1, true) end)
      waiting.send("GET /json HTTP/1.1\r\n" .. HOST .. "Connection: close\r\n\r\n")
      local a = client.parse(waiting.receive())
      assert.equal(200, a and a.status)
      waiting.close()
      busy.close()
    end)

    it("a reader that stops reading is let go", function()
      local c = client.connect(hasty.port)
      c.pause()
      c.send("GET /flood HTTP/1.1\r\n" .. HOST .. "\r\n")
      client.await(function()
        return client.request(hasty.port, "GET", "/calls").json.left == "CLIENT_LEFT"
      end, "the write to fail")
      c.close()
    end)
  end)

  describe("streams", function()
    it("are chunked and end", function()
      local list = client.exchange(server.port, "GET /count HTTP/1.1\r\n" .. HOST .. "\r\n", 1)
      assert.equal("1\n2\n3\n", list[1].body)
    end)

    it("reach the client at once, and the route learns that the client left", function()
      local c = client.connect(server.port)
      c.send("GET /forever HTTP/1.1\r\n" .. HOST .. "\r\n")
      c.receive(function(got) return got:find("data: 1\n\n", 1, true) end)
      assert.is_nil(calls().left)
      c.close()
      client.await(function() return calls().left == true end, "the route to end")
    end)

    it("wait for a slow reader instead of filling the memory", function()
      local c = client.connect(server.port)
      c.pause()
      c.send("GET /flood HTTP/1.1\r\n" .. HOST .. "\r\n")
      client.await(function() return calls().flooded end, "the flood")
      assert.is_true(calls().flooded < 1000, "written: " .. calls().flooded)
      c.keep = 4096
      c.resume()
      c.receive(function() return c.tail == "0\r\n\r\n" end)
      local head = #c.got:match("^.-\r\n\r\n")
      assert.equal(head + 1024 * #("10000\r\n" .. ("x"):rep(65536) .. "\r\n") + 5, c.total)
      c.close()
    end)

    it("of a known length keep the connection, a body that ends early closes it, a longer one is refused", function()
      local list = client.exchange(server.port, "GET /length?write=abcde HTTP/1.1\r\n" .. HOST .. "\r\n"
        .. "GET /length?write=ab HTTP/1.1\r\n" .. HOST .. "\r\n")
      assert.equal("abcde", list[1].body)
      assert.equal("5", list[1].headers["content-length"])
      assert.equal(1, #list)
      local _, ended, rest = client.exchange(server.port, "GET /length?write=ab HTTP/1.1\r\n" .. HOST .. "\r\n")
      assert.is_true(ended)
      assert.truthy(rest:find "\r\nContent%-Length: 5\r\n\r\nab$")
      _, ended, rest = client.exchange(server.port, "GET /length?write=abcdef HTTP/1.1\r\n" .. HOST .. "\r\n")
      assert.is_true(ended)
      assert.truthy(rest:find "\r\n\r\n$")
    end)
  end)

  describe("a route that waits", function()
    local function woken(query)
      local c = client.connect(server.port)
      c.send("GET /sleep" .. query .. " HTTP/1.1\r\n" .. HOST .. "\r\n")
      return c, function()
        local a = client.parse(c.receive(client.parse))
        c.close()
        return a.json or S.json.decode(a.body).woken
      end
    end

    it("goes on when it is woken, or when the time is over", function()
      local _, result = woken ""
      S.driver.wait_for(function() return get("/wake").json.there end, 10000)
      assert.is_true(result())
      _, result = woken "?ms=60000"
      S.driver.wait_for(function() return get("/wake").json.there end, 10000)
      assert.is_true(result())
      for _, ms in ipairs { 20, 0 } do
        _, result = woken("?ms=" .. ms)
        assert.is_false(result())
      end
    end)

    it("misses no wake, and counts several as one", function()
      assert.same({ first = true, second = false }, get("/missed").json)
    end)

    it("learns at once that the client left", function()
      local c = woken ""
      S.driver.wait_for(function() return calls().left == nil end, 10000)
      c.close()
      client.await(function() return calls().left == "CLIENT_LEFT" end, "the route to go on")
    end)
  end)

  describe("a route that cuts the connection", function()
    local function outcome(query)
      local c = client.connect(server.port)
      c.send("GET /cut?" .. query .. " HTTP/1.1\r\n" .. HOST .. "\r\n")
      c.receive()
      c.close()
      assert.is_true(calls().left)
      return c.got:match "\r\n\r\n(.*)$" or c.got, c.problem
    end

    it("before the answer and in it, by an end or a reset", function()
      assert.same({ "" }, { outcome "" })
      assert.same({ "", "ECONNRESET" }, { outcome "reset=true" })
      assert.same({ "4\r\npart\r\n" }, { outcome "sent=true" })
      -- libuv, which this client reads with, calls a reset behind data an ordinary end
      assert.equal("4\r\npart\r\n", (outcome "sent=true&reset=true"))
    end)
  end)

  describe("failures of a route", function()
    it("are answered 500 without the cause", function()
      local a = get "/raise"
      assert.equal(500, a.status)
      assert.equal("INTERNAL_ERROR", a.json.code)
      assert.is_nil(a.body:find("on purpose", 1, true))
    end)

    it("cut a stream that has begun: the last chunk is missing", function()
      local list, ended, rest = client.exchange(server.port, "GET /late HTTP/1.1\r\n" .. HOST .. "\r\n")
      assert.equal(0, #list)
      assert.is_true(ended)
      assert.truthy(rest:find("\r\n4\r\npart\r\n$"))
    end)

    it("headers cannot be injected", function()
      local a = get "/inject"
      assert.equal(500, a.status)
      assert.is_nil(a.headers["x-b"])
    end)

    it("a refusal carries code, message and details", function()
      local a = get "/refuse"
      assert.equal(409, a.status)
      assert.same({ "TAKEN", "It is taken.", "x" }, { a.json.code, a.json.message, a.json.details[1].field })
    end)
  end)

  describe("routes", function()
    it("parameters are decoded, a literal segment wins", function()
      local params = get("/items/a%2Fb/parts/%C3%BC").json
      assert.same({ "a/b", "ü" }, { params.id, params.part })
      assert.is_true(get("/items/latest/parts/1").json.literal)
    end)

    it("404 and 405 are told apart", function()
      local a = get "/nowhere"
      assert.same({ 404, "NOT_FOUND" }, { a.status, a.json.code })
      a = client.request(server.port, "DELETE", "/json")
      assert.same({ 405, "METHOD_NOT_ALLOWED", "GET, HEAD" }, { a.status, a.json.code, a.headers.allow })
      assert.equal(404, get("/items/%zz/parts/1").status)
    end)

    it("a query is converted and checked", function()
      assert.same({ 2, true }, { get("/page?page=2&all=true").json.page, get("/page?page=2&all=true").json.all })
      assert.equal(1, get("/page").json.page)
      for _, query in ipairs { "page=0", "page=x", "page=1.5", "all=yes", "other=1", "name=%z" } do
        local a = get("/page?" .. query)
        assert.same({ 400, "VALIDATION_ERROR" }, { a.status, a.json.code }, query)
      end
    end)

    it("a body is checked, all problems in one answer", function()
      local a = post("/things", { json = {
        name = "abc", count = 3, tags = S.json.array { "x" }, size = { width = 1.5 } } })
      assert.equal(201, a.status)
      assert.equal("a", a.json.kind)
      a = post("/things", { json = {
        name = "a1", count = 10, kind = "c", tags = S.json.array { 1, "x", "y" }, size = { height = 1 }, more = 1 } })
      local fields = {}
      for _, detail in ipairs(a.json.details) do fields[#fields + 1] = detail.field end
      table.sort(fields)
      assert.equal("count kind more name size.width tags", table.concat(fields, " "))
      assert.equal(400, post("/things", { json = S.json.array {} }).status)
      assert.equal(400, post("/things", { body = "{", headers = { ["Content-Type"] = "application/json" } }).status)
      assert.equal(415, post("/things", { body = "{}", headers = { ["Content-Type"] = "text/plain" } }).status)
      assert.equal("is required", post("/things", { json = S.json.object {} }).json.details[1].message)
    end)
  end)
end)

S.req("REQ-MODULE-SERVER", "The end of a server", function()
  it("SIGTERM: a complete answer reaches its slow reader, others are cut, exit 143", function()
    local own = client.serve("srv serve", { env = ENV })
    local idle, busy, reader = client.connect(own.port), client.connect(own.port), client.connect(own.port)
    busy.send("GET /forever HTTP/1.1\r\n" .. HOST .. "\r\n")
    busy.receive(function(got) return got:find("data: 1", 1, true) end)
    reader.pause()
    reader.send("GET /bulk HTTP/1.1\r\n" .. HOST .. "\r\n")
    client.await(function() return client.request(own.port, "GET", "/calls").json.n == 1 end, "the large answer")
    reader.resume()
    reader.keep = 4096
    local r = own.stop()
    assert.equal(143, r.status)
    assert.equal("", r.stderr)
    reader.receive()
    assert.equal(#reader.got:match("^.-\r\n\r\n") + (8 << 20), reader.total)
    assert.is_nil(busy.receive():find("\r\n0\r\n\r\n", 1, true))
    assert.equal("", idle.receive())
    for _, c in ipairs { idle, busy, reader } do c.close() end
  end)

  it("a stream that does not end is cut, and the tool ends all the same", function()
    local own = client.serve("srv serve", { env = ENV, signal = "INT" })
    local c = client.connect(own.port)
    c.send("GET /forever HTTP/1.1\r\n" .. HOST .. "\r\n")
    c.receive(function(got) return got:find("data: 1", 1, true) end)
    local r = own.stop()
    assert.equal(130, r.status)
    assert.is_true(r.elapsed_ms < 10000)
    c.receive()
    c.close()
  end)

  it("a taken port is CONFLICT", function()
    local own = client.serve("srv serve", { env = ENV })
    local r = S.tool("srv serve --port " .. own.port, { env = ENV, shape = "jsonl" })
    S.failed(r, 6, "ADDRESS_IN_USE")
    own.stop()
  end)
end)
