-- REQ-F-036: requests take the proxy and the certificates that the environment names.
local S = require "lib.spec"
local proxy = require "lib.proxy"
local stub = require "lib.stub_server"
local tls = require "lib.tls_server"

S.req("REQ-F-036", "HTTP client proxy environment variables", function()
  local secure, plain, via

  setup(function()
    local dir = S.dir("tls")
    S.spit(dir .. "/thing.txt", "the thing\n")
    secure, plain = tls.start(dir), stub.start { { body = "plain thing" } }
  end)

  teardown(function()
    secure.close()
    plain.close()
  end)

  before_each(function() via = proxy.start() end)
  after_each(function() via.close() end)

  local function fetch(url, env)
    return S.tool({ "fx", "fetch", url }, { env = env })
  end

  it("1 and 4 HTTPS_PROXY takes every https request", function()
    local r = S.status(fetch(secure.url .. "/thing.txt", { HTTPS_PROXY = via.url, SSL_CERT_FILE = secure.ca }), 0)
    S.equal(r, "the thing\n", r.envelope.data.body, "body")
    assert.equal(1, #via.requests)
    assert.equal("CONNECT", via.requests[1].method)
    assert.equal("127.0.0.1:" .. secure.port, via.requests[1].target)
  end)

  it("1 HTTP_PROXY takes http requests, and only those", function()
    S.status(fetch(plain.url .. "/x", { HTTP_PROXY = via.url }), 0)
    assert.equal(1, #via.requests)
    assert.equal(plain.url .. "/x", via.requests[1].target)
    S.status(fetch(secure.url .. "/thing.txt", { HTTP_PROXY = via.url, SSL_CERT_FILE = secure.ca }), 0)
    assert.equal(1, #via.requests, "an https request took HTTP_PROXY")
    S.status(fetch(plain.url .. "/x", { HTTPS_PROXY = via.url }), 0)
    assert.equal(1, #via.requests, "an http request took HTTPS_PROXY")
  end)

  it("1 the lower-case names count where the others are not set", function()
    S.status(fetch(plain.url .. "/x", { http_proxy = via.url }), 0)
    assert.equal(1, #via.requests)
    S.status(fetch(plain.url .. "/x", { http_proxy = "http://127.0.0.1:1", HTTP_PROXY = via.url }), 0)
    assert.equal(2, #via.requests)
  end)

  it("2 credentials of the proxy's address are sent to the proxy", function()
    local address = ("http://user:p%%40ss@127.0.0.1:%d"):format(via.port)
    S.status(fetch(plain.url .. "/x", { HTTP_PROXY = address }), 0)
    assert.equal("Basic dXNlcjpwQHNz", via.requests[1].authorization)
    S.status(fetch(secure.url .. "/thing.txt", { HTTPS_PROXY = address, SSL_CERT_FILE = secure.ca }), 0)
    assert.equal("Basic dXNlcjpwQHNz", via.requests[2].authorization)
  end)

  it("4 NO_PROXY names the hosts that are reached directly", function()
    for _, list in ipairs { "localhost,127.0.0.1", "*", "127.0.0.0/8", "127.0.0.1:" .. secure.port } do
      S.status(fetch(secure.url .. "/thing.txt", { HTTPS_PROXY = via.url, NO_PROXY = list, SSL_CERT_FILE = secure.ca }), 0)
      assert.equal(0, #via.requests, list)
    end
    S.status(fetch(secure.url .. "/thing.txt", { HTTPS_PROXY = via.url, NO_PROXY = "example.com,27.0.0.1",
      SSL_CERT_FILE = secure.ca }), 0)
    assert.equal(1, #via.requests)
  end)

  it("3 an unknown authority is refused; REQUESTS_CA_BUNDLE or SSL_CERT_FILE makes it known", function()
    local e = S.failed(fetch(secure.url .. "/thing.txt"), 12, "TLS_FAILED")
    assert.is_false(e.retryable)
    for _, name in ipairs { "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE" } do
      local r = S.status(fetch(secure.url .. "/thing.txt", { [name] = secure.ca }), 0)
      S.equal(r, "the thing\n", r.envelope.data.body, name)
    end
  end)

  it("3 REQUESTS_CA_BUNDLE counts before SSL_CERT_FILE", function()
    local other = S.spit(S.dir() .. "/none.pem", "")
    S.status(fetch(secure.url .. "/thing.txt", { REQUESTS_CA_BUNDLE = secure.ca, SSL_CERT_FILE = other }), 0)
    local r = fetch(secure.url .. "/thing.txt", { REQUESTS_CA_BUNDLE = other, SSL_CERT_FILE = secure.ca })
    S.truth(r, r.status ~= 0, "the second file was used")
  end)

  it("5 the command has no code for proxies", function()
    local source = assert(S.slurp(S.paths.commands .. "/fx/fetch.lua")):lower()
    assert.is_nil(source:find("proxy", 1, true))
  end)
end)
