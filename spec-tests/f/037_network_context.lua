-- REQ-F-037: a request that failed says how it travelled and how to look into it.
local S = require "lib.spec"
local stub = require "lib.stub_server"
local proxy = require "lib.proxy"
local null = S.json.null

local KEYS = "no_proxy proxy_source proxy_used ssl_verify status_code suggestion url"

local function fetch(url, env, ...)
  return S.tool({ "fx", "fetch", url, ... }, { env = env })
end

-- The block of a failed run, with its keys checked.
local function context(r)
  local block = r.envelope.error.network_context or error(S.about(r, "no network_context"), 2)
  local keys = {}
  for key in pairs(block) do keys[#keys + 1] = key end
  table.sort(keys)
  S.equal(r, KEYS, table.concat(keys, " "), "keys")
  return block
end

S.req("REQ-F-037", "Network error context block", function()
  local closed

  setup(function() closed = ("http://127.0.0.1:%d/"):format(stub.closed_port()) end)

  it("1, 2 and 3 a refused connection without a proxy", function()
    local r = fetch(closed)
    local e = S.failed(r, 12, "CONNECTION_FAILED")
    S.equal(r, true, e.retryable, "retryable")
    local c = context(r)
    S.equal(r, closed, c.url, "url")
    for _, key in ipairs { "status_code", "proxy_used", "proxy_source", "no_proxy" } do S.equal(r, null, c[key], key) end
    S.equal(r, true, c.ssl_verify, "ssl_verify")
    S.equal(r, "curl -v " .. closed, c.suggestion, "suggestion")
  end)

  it("2 and 4 the proxy, where its name came from, and the exceptions are named", function()
    local dead = ("http://127.0.0.1:%d"):format(stub.closed_port())
    local r = fetch(closed, { HTTP_PROXY = dead, NO_PROXY = "example.com" })
    S.status(r, 12)
    local c = context(r)
    S.equal(r, dead, c.proxy_used, "proxy_used")
    S.equal(r, "HTTP_PROXY", c.proxy_source, "proxy_source")
    S.equal(r, "example.com", c.no_proxy, "no_proxy")
    S.equal(r, ("curl -v --proxy %s %s"):format(dead, closed), c.suggestion, "suggestion")
    r = fetch(closed, { HTTP_PROXY = "http://127.0.0.1:1" }, "--proxy", dead)
    c = context(r)
    S.equal(r, dead, c.proxy_used, "proxy_used")
    S.equal(r, "--proxy", c.proxy_source, "proxy_source")
  end)

  it("a proxy that cannot reach the service is named too", function()
    local via = proxy.start()
    local r = fetch("https://127.0.0.1:1/", { HTTPS_PROXY = via.url })
    via.close()
    S.status(r, 12)
    S.equal(r, via.url, context(r).proxy_used, "proxy_used")
  end)

  it("4 the suggestion is a command that a shell runs", function()
    local tempting = closed .. "x';touch$IFS'pwned"
    for _, url in ipairs { closed, closed .. "?a=1&b=2", tempting } do
      local r = fetch(url)
      S.status(r, 12)
      local dir, line = S.dir(), context(r).suggestion
      assert.equal(0, S.run({ "sh", "-n", "-c", line }).status, line)
      local got = S.run({ "sh", "-c", line }, { cwd = dir })
      assert.equal(7, got.status, "curl could connect or did not run: " .. line .. got.stderr)
      assert.same({}, S.list(dir), "the address was run as a command")
    end
  end)

  it("credentials are in none of the fields, nor anywhere else", function()
    local r = fetch(("http://me:hunter22@127.0.0.1:%d/?access_token=sesame99"):format(stub.closed_port()),
      { HTTP_PROXY = ("http://you:swordfish@127.0.0.1:%d"):format(stub.closed_port()) })
    S.status(r, 12)
    context(r)
    for _, secret in ipairs { "hunter22", "swordfish", "sesame99" } do
      S.truth(r, not r.stdout:find(secret, 1, true), secret .. " is shown")
    end
  end)

  it("2 a service that answers with a failure has its status there", function()
    local server = stub.start { { status = 503, body = "busy" } }
    local r = S.status(fetch(server.url .. "/x"), 12)
    server.close()
    S.equal(r, 503, context(r).status_code, "status_code")
  end)

  it("1 a service that is too slow has the block too, at exit 10", function()
    local server = stub.start { { hang = "accept" } }
    for _ = 1, 5 do
      local r = fetch(server.url .. "/x", nil, "--timeout", "2s")
      S.failed(r, 10, "TIMEOUT")
      S.equal(r, null, context(r).status_code, "status_code")
    end
    server.close()
  end)

  it("1 and so has one whose command is too busy to see the end itself", function()
    local server, answers = stub.start { { hang = "accept" } }, stub.start { { body = "" } }
    local r = S.tool { "fx", "fetch-busy", server.url .. "/x?token=abc", "--timeout", "500ms" }
    S.failed(r, 10, "TIMEOUT")
    S.equal(r, null, context(r).status_code, "status_code")
    r = S.tool { "fx", "fetch-busy", answers.url .. "/x", "--answered", "--timeout", "1s" }
    S.failed(r, 10, "TIMEOUT")
    S.equal(r, nil, r.envelope.error.network_context, "the context of a request that is over")
    server.close()
    answers.close()
  end)

  it("5 other failures do not have it", function()
    local r = S.status(S.tool { "fx", "fetch", "--url", "not an address" }, 2)
    S.equal(r, nil, r.envelope.error.network_context, "network_context")
    local server = stub.start { { status = 401 }, { status = 403 } }
    for _, want in ipairs { 8, 7 } do
      r = S.status(fetch(server.url .. "/x"), want)
      S.equal(r, nil, r.envelope.error.network_context, "network_context of a refusal")
    end
    server.close()
  end)
end)
