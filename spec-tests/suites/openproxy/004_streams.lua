-- Streams of openproxy: events as they come, however their bytes are cut, until the service or the caller ends them.
local S = require "lib.spec"
local common = require "suites.openproxy.common"
local openproxy, shows, refusal = common.openproxy, common.shows, common.refusal

local USAGE = '{"data":%s,"error":null,"meta":{},"ok":true,"schema":"openproxy.v1.usage.event"}\n'
local LOG = '{"data":%s,"error":null,"meta":%s,"ok":true,"schema":"openproxy.v1.log.event"}\n'
local CHAT = '{"data":%s,"error":null,"meta":{},"ok":true,"schema":"openproxy.v1.chat.event"}\n'

local function usage_event(text) return (USAGE:gsub("%%s", function() return text end)) end

-- A run against streams of these routes: chunks, or whole replies.
local function streaming(routes, args, opts)
  local all = {}
  for route, reply in pairs(routes) do all[route] = reply[1] and { events = reply, every_ms = reply.every_ms } or reply end
  local server = common.service(all)
  local r = openproxy(args, { env = common.env(server.url), stdin = opts and opts.stdin, signals = opts and opts.signals,
    timeout = opts and opts.timeout })
  server.close()
  return r, server
end

S.req("OPENPROXY-STREAMS", "what openproxy's streams show", function()
  it("usage stream: one line per event, for people too", function()
    local server = common.service()
    local env = common.env(server.url)
    local want = usage_event '{"totals":{"requests":4}}' .. usage_event "17"
    for _, args in ipairs { "--robot usage stream", "usage stream", "usage stream --follow", "-q usage stream" } do
      shows(openproxy(args, { env = env }), want)
    end
    local request = server.seen("GET /api/usage/stream")[1]
    assert.equal(common.KEY, request.headers["x-api-key"])
    assert.truthy(request.headers.accept:find("text/event-stream", 1, true))
    local r = S.status(common.tool("usage stream", { env = env, shape = "jsonl" }), 0)
    S.equal(r, 3, #r.rows)
    S.equal(r, S.json.decode '{"_source":"external","_trusted":false,"totals":{"requests":4}}', r.rows[1], "row")
    r = S.status(common.tool("usage stream --no-stream", { env = env }), 0)
    S.equal(r, 2, #r.envelope.data.items)
    server.close()
  end)

  it("logs tail: the buffer, then with --follow what comes", function()
    local server = common.service()
    local env = common.env(server.url)
    local function line(text) return LOG:format('{"kind":"line","line":"' .. text .. '"}', '{"buffered":true}') end
    local three = line "INFO listening on 4623" .. line "WARN slow provider" .. line "ERROR no key"
    local followed = LOG:format('{"kind":"line","line":"INFO new"}', "{}") .. LOG:format('{"kind":"clear"}', "{}")
      .. LOG:format('{"kind":"raw","raw":"plain"}', "{}")
    shows(openproxy("--robot logs tail", { env = env }), three)
    shows(openproxy("--robot logs tail --limit 1", { env = env }), line "ERROR no key")
    shows(openproxy("--robot logs tail --limit 0", { env = env }), "")
    shows(openproxy("--robot logs tail --follow --limit 1", { env = env }), line "ERROR no key" .. followed)
    shows(openproxy("logs tail", { env = env }), "INFO listening on 4623\nWARN slow provider\nERROR no key\n")
    shows(openproxy("-q logs tail --follow --limit 1", { env = env }), "ERROR no key\nINFO new\n")
    local r = S.status(common.tool("logs tail --limit 1", { env = env, shape = "jsonl" }), 0)
    S.equal(r, "ERROR no key", r.rows[1].line)
    r = S.status(common.tool("logs tail --no-stream", { env = env }), 0)
    S.equal(r, 3, #r.envelope.data.items)
    server.close()
  end)

  it("logs tail --follow loses and repeats no line that comes while the buffer is read", function()
    local function event(text) return ('data: {"kind":"line","line":"%s"}\n\n'):format(text) end
    local function shown(lines, ...)
      local r, server = streaming({ ["GET /api/observability/logs"] = { json = { logs = S.json.array(lines) } },
        ["GET /api/observability/stream"] = { ... } }, "logs tail --follow")
      assert.equal("/api/observability/stream", server.requests[2].path)
      return S.status(r, 0).stdout
    end
    assert.equal("a\nb\nc\nd\n", shown({ "a", "b", "c" }, event "c", event "d"))
    assert.equal("a\nb\nc\nd\n", shown({ "a", "b", "c" }, event "b", event "c", event "d"))
    assert.equal("a\nb\nd\nb\n", shown({ "a", "b" }, event "d", event "b"))
    assert.equal("a\nb\na\n", shown({ "a", "b" }, event "b", event "a"))
    assert.equal("d\n", shown({}, event "d"))
  end)

  it("logs export writes a file anew", function()
    local server = common.service()
    local env, path = common.env(server.url), S.dir() .. "/out.log"
    S.spit(path, "something older and longer than what comes\n" .. ("x"):rep(200))
    shows(openproxy({ "logs", "export", "--out", path }, { env = env }), "Wrote 3 lines to " .. path .. "\n")
    assert.equal("INFO listening on 4623\nWARN slow provider\nERROR no key\n", S.slurp(path))
    local log = '{"count":3,"logs":["INFO listening on 4623","WARN slow provider","ERROR no key"]}'
    shows(openproxy({ "--robot", "logs", "export", "--out", path }, { env = env }),
      '{"schema":"openproxy.v1.log.export","ok":true,"data":' .. log .. ',"meta":{}}\n')
    local r = openproxy({ "--robot", "logs", "export", "--out", S.dir() .. "/no/such/dir/x" }, { env = env })
    S.truth(S.status(r, 1), r.stdout:find('"error":{"code":"other","message":"', 1, true), "no envelope")
    shows(openproxy("-q logs export --out -", { env = env }), "INFO listening on 4623\nWARN slow provider\nERROR no key\n")
    local t = S.status(common.tool({ "logs", "export", "--out", path }, { env = env }), 0)
    local data = t.envelope.data
    S.equal(t, { "created", path, 3 }, { data.effect, data.written.path, data.written.lines }, "data")
    server.close()
  end)

  it("chat stream: pieces for people, events for programs, up to [DONE]", function()
    local server = common.service()
    local env = common.env(server.url)
    local words = { "chat", "stream", "--model", "m-1", "--prompt", "Name a colour" }
    shows(openproxy(words, { env = env }), "Blue\n")
    local robot = shows(openproxy({ "--robot", table.unpack(words) }, { env = env }),
      CHAT:format '{"choices":[{"delta":{"content":"Bl"}}]}' .. CHAT:format '{"choices":[{"delta":{"content":"ue"}}]}')
    S.equal(robot, '{"messages":[{"content":"Name a colour","role":"user"}],"model":"m-1","stream":true}',
      server.seen("POST /api/dashboard/chat/completions")[1].body, "body")
    local r = S.status(common.tool(words, { env = env, shape = "jsonl" }), 0)
    S.equal(r, 3, #r.rows)
    words[#words + 1] = "--no-stream"
    r = S.status(common.tool(words, { env = env }), 0)
    S.equal(r, 2, #r.envelope.data.items)
    server.close()
  end)
end)

S.req("OPENPROXY-STREAMS", "how streams may be cut", function()
  it("lines end in LF or CRLF; comments and other fields are no events; data has several lines", function()
    local r = streaming({ ["GET /api/usage/stream"] = { ": ping\n\ndata: {\"a\":1}\r\n\r\nevent: x\nid: 7\ndata:   hel",
      "lo\ndata:  you\n\nretry: 10\n\ndata:{\"b\":2}\n\ndata\n\n" } }, "--robot usage stream")
    shows(r, usage_event '{"a":1}' .. usage_event '"hello\\nyou"' .. usage_event '{"b":2}' .. usage_event '""')
  end)

  it("an end without an empty line loses nothing", function()
    local r = streaming({ ["GET /api/usage/stream"] = { "data: {\"a\":1}\n\n", "data: {\"b\":2}" } }, "usage stream")
    shows(r, usage_event '{"a":1}' .. usage_event '{"b":2}')
  end)

  it("characters may be split anywhere, one byte at a time", function()
    local text = "data: {\"t\":\"aé漢🙂\"}\n\ndata: über 漢\n\n"
    local bytes = {}
    for i = 1, #text do bytes[i] = text:sub(i, i) end
    local r = streaming({ ["GET /api/usage/stream"] = bytes }, "--robot usage stream")
    shows(r, usage_event '{"t":"aé漢🙂"}' .. usage_event '"über 漢"')
  end)

  it("bytes that are no UTF-8 are replaced", function()
    local r = streaming({ ["GET /api/usage/stream"] = { "data: {\"t\":\"a\xff\"}\n\n", "data: x\xfe\n\n" } }, "usage stream")
    shows(r, usage_event '{"t":"a\u{FFFD}"}' .. usage_event '"x\u{FFFD}"')
  end)

  it("a large event and many small ones are all there, in order", function()
    local chunks, want = {}, {}
    for i = 1, 40 do
      local part = {}
      for k = 1, 50 do part[k] = ("data: {\"n\":%d}\n\n"):format(50 * (i - 1) + k) end
      chunks[i] = table.concat(part)
    end
    chunks[41] = 'data: {"big":"' .. ("x y "):rep(50000) .. '"}\n\n'
    for n = 1, 2000 do want[n] = usage_event(('{"n":%d}'):format(n)) end
    want[2001] = usage_event('{"big":"' .. ("x y "):rep(50000) .. '"}')
    shows(streaming({ ["GET /api/usage/stream"] = chunks }, "--robot usage stream"), table.concat(want))
  end)

  it("a break in the middle is told behind what came", function()
    local head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    local raw = head .. "10\r\ndata: {\"a\":1}\n\n\r\n20\r\ndata: {\"b\""
    local r = streaming({ ["GET /api/usage/stream"] = { raw = raw } }, "--robot usage stream")
    S.status(r, 6)
    local ending = '{"schema":"openproxy.v1.error","ok":false,"error":{"code":"network"'
    S.truth(r, r.stdout:find(usage_event '{"a":1}' .. ending, 1, true), "no ending")
    r = streaming({ ["GET /api/usage/stream"] = { raw = raw } }, "usage stream")
    S.truth(S.status(r, 6), r.stdout == usage_event '{"a":1}' and r.stderr:find("error: network: ", 1, true), "no line")
  end)

  it("an answer that is no stream is told", function()
    local r = streaming({ ["GET /api/usage/stream"] = { json = { a = 1 } } }, "--robot usage stream")
    S.truth(S.status(r, 1), r.stdout:find('"code":"other","message":"decode: ', 1, true), "another answer")
    r = streaming({ ["GET /api/observability/stream"] = { status = 401, body = "no" } }, "--robot logs tail --follow --limit 1")
    S.truth(S.status(r, 5), r.stdout:find(refusal("auth", "server returned 401 Unauthorized: no"), 1, true), "no refusal")
  end)
end)

S.req("OPENPROXY-STREAMS", "when and how streams end", function()
  -- Starts a program against a stream that stays open; gives what it wrote until it was stopped.
  local function stopped(args, routes, name, mark)
    return streaming(routes, args, { signals = { { name, when_stdout = mark } }, timeout = 20 })
  end

  it("Ctrl+C ends a stream with its signal's code and nothing behind the events", function()
    local open = { events = { "data: {\"a\":1}\n\n" }, hang = "body" }
    local r = stopped("--robot usage stream", { ["GET /api/usage/stream"] = open }, "INT", '"a":1')
    shows(r, usage_event '{"a":1}', "", 130)
    r = stopped("usage stream", { ["GET /api/usage/stream"] = open }, "INT", '"a":1')
    shows(r, usage_event '{"a":1}', "", 130)
    r = stopped("--robot logs tail --follow --limit 0", { ["GET /api/observability/stream"] =
      { events = { "data: {\"kind\":\"line\",\"line\":\"x\"}\n\n" }, hang = "body" } }, "INT", '"line":"x"')
    shows(r, LOG:format('{"kind":"line","line":"x"}', "{}"), "", 130)
    r = stopped("--robot usage stream", { ["GET /api/usage/stream"] = open }, "TERM", '"a":1')
    shows(r, usage_event '{"a":1}' .. refusal("other", "Cancelled by SIGTERM."), "", 143)
  end)

  it("a stream lives through silence and signs of life, longer than a request may", function()
    local events = {}
    for i = 1, 8 do events[i] = ": ping\n\n" end
    events[9] = "data: {\"late\":1}\n\n"
    local r = streaming({ ["GET /api/usage/stream"] = { every_ms = 300, table.unpack(events) } },
      "--robot usage stream --connect-timeout 1s", { timeout = 20 })
    shows(r, usage_event '{"late":1}')
  end)

  it("an event is visible at once", function()
    local events = { "data: {\"n\":1}\n\n", "data: {\"n\":2}\n\n", "data: {\"n\":3}\n\n", every_ms = 400 }
    local r = S.status(streaming({ ["GET /api/usage/stream"] = events }, "usage stream", { timeout = 20 }), 0)
    local at = {}
    for _, chunk in ipairs(r.chunks) do if chunk.stream == "out" then at[#at + 1] = chunk.ms end end
    S.truth(r, #at == 3 and at[2] - at[1] > 200 and at[3] - at[2] > 200, "events were held back")
  end)

  it("a reader that leaves ends it quietly", function()
    local server = common.service { ["GET /api/usage/stream"] = { events = { "data: 1\n\n", "data: 2\n\n", "data: 3\n\n" },
      every_ms = 100, hang = "body" } }
    local r = openproxy("usage stream", { env = common.env(server.url), stdout = { leave = 1 } })
    S.truth(r, r.status == 0 and r.stderr == "", "not quiet")
    server.close()
  end)

  -- How this compares with curl is a row of spec-tests/bench/run; here only what a loaded machine cannot spoil counts.
  it("100,000 events pass, in order, with little work for each", function()
    local lines = {}
    for i = 1, 100000 do
      lines[i] = ('data: {"completionTokens":15,"cost":0.5,"model":"m-%d","promptTokens":%d,"provider":"acme"}\n\n')
        :format(i % 7, i)
    end
    local port_file = S.dir() .. "/port"
    local body = S.spit(S.dir() .. "/stream", table.concat(lines))
    local server = S.driver.start({ "lua5.4", S.paths.root .. "/lib/blast.lua", body, port_file }, { timeout = 120 })
    S.driver.wait_for(function() return S.exists(port_file) end, 10000)
    local url = "http://127.0.0.1:" .. S.slurp(port_file)
    local env = common.env(url)
    local r = S.status(openproxy("usage stream", { env = env, timeout = 100 }), 0)
    local count = 0
    for n in r.stdout:gmatch '"promptTokens":(%d+)' do
      count = count + 1
      if tonumber(n) ~= count then error(("event %s stands at %d"):format(n, count), 0) end
    end
    assert.equal(100000, count)
    S.run({ "curl", "-s", url .. "/stop" }, { timeout = 10 })
    S.driver.finish(server)
    if not os.getenv "ASAN_OPTIONS" then
      assert.truthy(r.cpu_us < 25 * 100000, ("%d us of work for each event"):format(r.cpu_us // 100000))
    end
  end)
end)
