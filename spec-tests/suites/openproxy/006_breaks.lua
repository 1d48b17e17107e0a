-- What `logs tail --follow` and `usage stream` make of a stream that breaks: it is opened again, nothing is lost or shown
-- twice where the service lets that be known, and what cannot be known is said. As `openproxy` a break is the end.
local S = require "lib.spec"
local common = require "suites.openproxy.common"

local LOG, BUFFER, USAGE = "GET /api/observability/stream", "GET /api/observability/logs", "GET /api/usage/stream"
local PING = ": ping\n\n"
local HEAD = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

local function line(text) return ('data: {"kind":"line","line":"%s"}\n\n'):format(text) end

-- A stream that breaks behind these bytes: a chunk is announced that never comes whole.
local function broken(bytes) return { raw = ("%s%x\r\n%s\r\nff\r\ndata"):format(HEAD, #bytes, bytes) } end

-- One that breaks inside an event, at its byte n.
local function torn(bytes, event, n) return { raw = ("%s%x\r\n%s"):format(HEAD, #bytes + #event, bytes .. event:sub(1, n)) } end

local function whole(...) return { events = { ... } } end

-- A service whose streams and buffers are these, one after the other; the last of each repeats.
local function service(streams, buffers, route)
  local routes = { [route or LOG] = function(_, count) return streams[math.min(count, #streams)] end }
  if buffers then
    routes[BUFFER] = function(_, count)
      return { json = { logs = S.json.array(buffers[math.min(count, #buffers)]) } }
    end
  end
  return common.service(routes)
end

local function warnings_of(r)
  local last, codes = r.rows[#r.rows], {}
  for i, text in ipairs(last.warnings) do codes[i] = text:match "^[%u_]+" end
  return table.concat(codes, " "), last
end

-- Follows the log in the spec's form; gives the run, the lines that it showed and the codes of its warnings.
local function follow(streams, buffers, more)
  local server = service(streams, buffers)
  local r = common.tool("logs tail --follow " .. (more or ""), { env = common.env(server.url), shape = "jsonl", timeout = 60 })
  server.close()
  local lines = {}
  for _, row in ipairs(r.rows) do if row.line then lines[#lines + 1] = row.line end end
  return r, table.concat(lines, " "), server
end

S.req("OPENPROXY-BREAKS", "a log that is followed over a break", function()
  it("loses nothing and repeats nothing: what came meanwhile is in the buffer", function()
    local r, lines = follow({ broken(line "b" .. line "c"), whole(line "e", line "f") }, { { "a" }, { "a", "b", "c", "d", "e" } })
    S.equal(S.status(r, 0), "a b c d e f", lines)
    local codes, last = warnings_of(r)
    S.equal(r, "STREAM_BROKEN", codes)
    S.truth(r, last.warnings[1]:find("Trying again in 1 s (1 of 5).", 1, true), "no pause")
    S.truth(r, r.elapsed_ms >= 1000, "no pause")
    S.equal(r, { true, true, false }, { r.rows[4].buffered, r.rows[5].buffered, r.rows[6].buffered == true }, "buffered")
  end)

  it("half an event and half a character are read anew, whole", function()
    local event = line "größer"
    for _, n in ipairs { 5, event:find("\xC3", 1, true), #event - 1 } do
      local r, lines = follow({ torn(line "a", event, n), whole(line "z") }, { {}, { "a", "größer" } })
      S.equal(S.status(r, 0), "a größer z", lines)
    end
  end)

  it("lines that are alike are told apart by those before them", function()
    local r, lines = follow({ broken(line "x" .. line "x"), whole() }, { { "x" }, { "x", "x", "x", "x", "y" } })
    S.equal(S.status(r, 0), "x x x x y", lines)
    r, lines = follow({ broken(line "b" .. line "x"), whole() }, { { "x", "a" }, { "a", "b", "x", "a", "x" } })
    S.equal(S.status(r, 0), "x a b x a x", lines)
  end)

  it("says that lines may be missing where the last one is not in the buffer any more", function()
    local r, lines = follow({ broken(line "b"), whole(line "q") }, { { "a" }, { "o", "p" } })
    S.equal(S.status(r, 0), "a b o p q", lines)
    S.equal(r, "STREAM_BROKEN LINES_MISSED", (warnings_of(r)))
    local full = {}
    for i = 1, 200 do full[i] = "n" .. i end
    r = follow({ broken(PING), whole() }, { {}, full })
    S.equal(S.status(r, 0), "STREAM_BROKEN LINES_MISSED", (warnings_of(r)))
  end)

  it("a log that was cleared has nothing that could be missed", function()
    local r, lines = follow({ broken(line "b" .. 'data: {"kind":"clear"}\n\n'), whole(line "d") }, { { "a" }, { "c" } })
    S.equal(S.status(r, 0), "a b c d", lines)
    S.equal(r, "STREAM_BROKEN", (warnings_of(r)))
  end)

  it("--limit is about the beginning", function()
    local r, lines = follow({ broken(line "c"), whole() }, { { "a", "b" }, { "a", "b", "c", "d", "e" } }, "--limit 1")
    S.equal(S.status(r, 0), "b c d e", lines)
  end)

  it("a service that is down for a moment, or busy, is waited for as it asks", function()
    local r, lines, server = follow({ broken(line "b"), { status = 503, body = "starting" }, { status = 429,
      headers = { ["Retry-After"] = "3" } }, whole(line "c") }, { { "a" }, { "a", "b" } })
    S.equal(S.status(r, 0), "a b c", lines)
    local codes, last = warnings_of(r)
    S.equal(r, "STREAM_BROKEN STREAM_BROKEN STREAM_BROKEN", codes)
    for i, text in ipairs { "in 1 s (1 of 5)", "in 2 s (2 of 5)", "in 4 s (3 of 5)" } do
      S.truth(r, last.warnings[i]:find(text, 1, true), text)
    end
    assert.equal(4, #server.seen(LOG))
  end)

  it("ends after the number of attempts, which a new line begins anew", function()
    local r, lines, server = follow({ broken(line "b"), broken(PING), { reset = true, close = true } }, { { "a" }, { "a", "b" } },
      "--reconnects 2")
    S.failed(r, 12, "CONNECTION_FAILED")
    S.equal(r, "a b", lines)
    S.truth(r, #server.seen(LOG) >= 3, "attempts")
    r, lines, server = follow({ broken(line "b"), broken(line "c"), broken(line "d"), broken(PING) }, { { "a" }, { "a", "b" },
      { "a", "b", "c" }, { "a", "b", "c", "d" } }, "--reconnects 1")
    S.failed(r, 12, "RESPONSE_INCOMPLETE")
    S.equal(r, "a b c d", lines)
    assert.equal(4, #server.seen(LOG))
  end)

  it("a refusal ends it at once, as does a service that was never there", function()
    local r, _, server = follow({ broken(line "b"), { status = 401, json = { error = "no" } } }, { { "a" } })
    S.failed(r, 8, "UNAUTHENTICATED")
    assert.equal(2, #server.seen(LOG))
    r, _, server = follow({ { status = 503, body = "" } }, { { "a" } })
    S.failed(r, 12, "UNAVAILABLE")
    assert.equal(1, #server.seen(LOG))
    r, _, server = follow({ broken(line "b") }, { { "a" } }, "--reconnects 0")
    S.failed(r, 12, "RESPONSE_INCOMPLETE")
    assert.equal(1, #server.seen(LOG))
  end)

  it("a stream without any sign of life is broken", function()
    local r, lines = follow({ { events = { line "b" }, hang = "body" }, whole(line "c") }, { { "a" }, { "a", "b" } },
      "--silence 300ms")
    S.equal(S.status(r, 0), "a b c", lines)
    S.equal(r, "STREAM_BROKEN", (warnings_of(r)))
  end)

  it("on a terminal it is said at once, where it happens", function()
    local server = service({ broken(line "b"), whole(line "q", 'data: {"kind":"lagged","skipped":3}\n\n') }, { { "a" }, { "p" } })
    local r = S.status(common.tool("logs tail --follow", S.terminal { env = common.env(server.url) }), 0)
    server.close()
    S.equal(r, "a\nb\np\nq\n\27[2m3 lines were too quick and are not shown\27[0m\n", r.stdout)
    S.truth(r, r.stderr:find("^%[WARN%] [^\n]* Trying again in 1 s %(1 of 5%)%.\n%[WARN%] [^\n]*lines may be missing"), "not said")
  end)
end)

S.req("OPENPROXY-BREAKS", "usage that is followed over a break", function()
  local function event(n) return ('data: {"totalRequests":%d}\n\n'):format(n) end
  local function numbers(streams, more)
    local server = service(streams, nil, USAGE)
    local r = common.tool("usage stream " .. (more or ""), { env = common.env(server.url), shape = "jsonl", timeout = 60 })
    server.close()
    local list = {}
    for _, row in ipairs(r.rows) do if row.totalRequests then list[#list + 1] = row.totalRequests end end
    return r, table.concat(list, " "), server
  end

  it("goes on with the sum, which is not repeated when nothing came; that there were no events is said", function()
    local r, list = numbers { broken(event(1) .. event(2)), whole(event(2), event(2), event(3)) }
    S.equal(S.status(r, 0), "1 2 2 3", list)
    S.equal(r, "STREAM_BROKEN EVENTS_MISSED", (warnings_of(r)))
    r, list = numbers { broken(event(1)), whole(event(5)) }
    S.equal(S.status(r, 0), "1 5", list)
  end)

  it("the sum alone is no progress: a service that breaks behind it ends it", function()
    local r, list, server = numbers({ broken(event(1)), broken(event(2)), broken(event(3)), broken(event(4)) }, "--reconnects 2")
    S.failed(r, 12, "RESPONSE_INCOMPLETE")
    S.equal(r, "1 2 3", list)
    assert.equal(3, #server.seen(USAGE))
  end)
end)

S.req("OPENPROXY-BREAKS", "as a program of its own", function()
  it("a break is the end, unless --reconnects says otherwise", function()
    for _, form in ipairs { { "openproxy", "--robot logs tail --follow" }, { "openproxy", "logs tail --follow" },
        { "tool", "--robot logs tail --follow" } } do
      local server = service({ broken(line "b"), whole(line "c") }, { { "a" }, { "a", "b" } })
      local env = common.env(server.url)
      local function run(args)
        if form[1] == "openproxy" then return common.openproxy(args, { env = env }) end
        return common.tool(args, { env = env, shape = "none" })
      end
      S.status(run(form[2]), 6)
      assert.equal(1, #server.seen(LOG))
      server.forget()
      local r = S.status(run(form[2] .. " --reconnects 1"), 0)
      S.truth(r, r.stdout:find "a.*\n.*b.*\n.*c" and r.stderr == "", "not all lines")
      server.close()
    end
  end)
end)
