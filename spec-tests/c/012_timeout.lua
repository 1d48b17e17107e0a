-- REQ-C-012: a command that uses the network has a time limit that the caller can set.
local S = require "lib.spec"
local stub = require "lib.stub_server"

local function hanging() return stub.start { { hang = "accept" } } end

-- A run whose time is judged. A leak checker's search at the end takes longer than the run and is not part of it.
local function timed(args)
  local asan = os.getenv "ASAN_OPTIONS"
  return S.tool(args, { env = asan and { ASAN_OPTIONS = asan .. ":detect_leaks=0" } })
end

S.req("REQ-C-012", "Network commands support --timeout", function()
  it("1 --timeout and --connect-timeout are there where the network is used, as texts with a default", function()
    local data = S.contract "fx fetch"
    assert.is_true(data.has_network_io)
    assert.equal("string", data.flags["connect-timeout"].type)
    assert.equal("10s", data.flags["connect-timeout"].default)
    assert.equal("TIMEOUT", data.exit_codes["10"].name)
    local r = S.tool { "manifest" }
    S.equal(r, "string", r.envelope.meta.global_flags.timeout.type, "--timeout")
    assert.is_nil(S.contract("fx ok").flags["connect-timeout"])
    S.status(S.tool { "fx", "ok", "--connect-timeout", "1s" }, 2)
  end)

  it("2 the limit reaches the request: a server that never answers", function()
    local server = hanging()
    local r = timed { "fx", "fetch", server.url .. "/", "--timeout", "400ms" }
    S.failed(r, 10, "TIMEOUT")
    S.equal(r, 400, r.envelope.meta.timeout_ms, "meta.timeout_ms")
    -- the request ends a little before the run, so that its own error is told
    S.truth(r, r.elapsed_ms >= 350 and r.elapsed_ms < 1200, "ended after " .. r.elapsed_ms .. " ms")
    server.close()
  end)

  it("2 one budget for all requests of a run", function()
    local server = stub.start { { json = {}, delay_ms = 300 } }
    local r = timed { "fx", "fetch-twice", server.url .. "/", "--timeout", "450ms" }
    S.failed(r, 10, "TIMEOUT")
    S.truth(r, r.elapsed_ms < 1200, "ended after " .. r.elapsed_ms .. " ms")
    S.equal(r, 2, #server.requests, "requests")
    r = S.status(S.tool { "fx", "fetch-twice", server.url .. "/", "--timeout", "5s" }, 0)
    S.equal(r, 2, r.envelope.data.answers, "answers")
    server.close()
  end)

  it("2 --connect-timeout ends an attempt that nobody takes", function()
    local r = S.tool { "fx", "fetch", "http://192.0.2.1:81/", "--connect-timeout", "300ms", "--timeout", "5s",
      "--retries", "0" }
    S.truth(r, r.status == 12 or r.status == 10, "exit 12 or 10")
    S.truth(r, r.elapsed_ms < 2000, "ended after " .. r.elapsed_ms .. " ms")
  end)

  it("3 a call without a limit does not exist: the door needs the declaration, and the default is finite", function()
    local r, text = S.check("http-undeclared", "endless-network")
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("ctx.http used but network is not declared", 1, true), text)
    S.truth(r, text:find("only the caller may disable it", 1, true), text)
    for path, ext in pairs(S.tool({ "manifest" }).envelope.meta.contracts) do
      -- a command that streams without end has a limit for each request instead
      if ext.has_network_io then assert.is_true(ext.timeout_ms > 0 or ext.streaming_default, path) end
    end
  end)

  it("4 --timeout 0 means no limit, and is said so", function()
    local server = stub.start { { json = {}, delay_ms = 700 } }
    local r = S.tool { "fx", "fetch-twice", server.url .. "/" }
    S.failed(r, 10, "TIMEOUT")
    r = S.status(S.tool { "fx", "fetch-twice", server.url .. "/", "--timeout", "0" }, 0)
    S.equal(r, 0, r.envelope.meta.timeout_ms, "meta.timeout_ms")
    server.close()
  end)
end)
