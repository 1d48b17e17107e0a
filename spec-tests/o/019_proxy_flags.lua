-- REQ-O-019: --proxy and --no-proxy.
local S = require "lib.spec"
local proxy = require "lib.proxy"
local stub = require "lib.stub_server"

local DEAD = "http://127.0.0.1:1"

S.req("REQ-O-019", "--proxy and --no-proxy flags", function()
  local via, server

  setup(function() server = stub.start { { body = "the thing" } } end)
  teardown(function() server.close() end)
  before_each(function() via = proxy.start() end)
  after_each(function() via.close() end)

  local function fetch(env, ...) return S.tool({ "fx", "fetch", server.url .. "/x", ... }, { env = env }) end

  it("1 only commands that use the network have them", function()
    local flags = S.contract("fx fetch").flags
    assert.truthy(flags.proxy and flags["no-proxy"])
    S.failed(S.tool { "fx", "ok", "--proxy", via.url }, 2, "ARG_ERROR")
    S.failed(S.tool { "fx", "ok", "--no-proxy" }, 2, "ARG_ERROR")
  end)

  it("2 --proxy takes everything, whatever the environment says", function()
    S.status(fetch({ HTTP_PROXY = DEAD, NO_PROXY = "127.0.0.1" }, "--proxy", via.url), 0)
    assert.equal(1, #via.requests)
  end)

  it("3 --no-proxy connects directly", function()
    local r = S.status(fetch({ HTTP_PROXY = DEAD, HTTPS_PROXY = DEAD }, "--no-proxy"), 0)
    S.equal(r, "the thing", r.envelope.data.body, "body")
    assert.equal(0, #via.requests)
  end)

  it("4 an error names the proxy that was in effect, without its credentials", function()
    local r = fetch({}, "--proxy", "http://user:hidden-word@127.0.0.1:1")
    S.status(r, 12)
    local context = r.envelope.error.network_context
    S.truth(r, context.proxy_used:find("127.0.0.1:1", 1, true), "proxy_used")
    S.equal(r, "--proxy", context.proxy_source, "proxy_source")
    S.truth(r, not (r.stdout .. r.stderr):find("hidden-word", 1, true), "credentials are shown")
    r = fetch({ HTTP_PROXY = DEAD })
    S.status(r, 12)
    S.truth(r, r.envelope.error.network_context.proxy_used:find("127.0.0.1:1", 1, true), "proxy_used of HTTP_PROXY")
  end)

  it("5 a success carries nothing about proxies", function()
    local r = S.status(fetch({}, "--proxy", via.url), 0)
    S.truth(r, not r.stdout:find("proxy", 1, true), "a proxy field")
  end)

  it("both flags together, or an address that is none, exit 2", function()
    S.failed(fetch({}, "--proxy", via.url, "--no-proxy"), 2, "ARG_ERROR")
    S.failed(fetch({}, "--proxy", "not an address"), 2, "ARG_ERROR")
  end)
end)
