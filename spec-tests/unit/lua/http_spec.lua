-- Promise: proves the parts of the HTTP client that need no connection: addresses, event streams, waits, redirects,
-- proxies, and which bytes of a request are secret.

package.path = "spec-tests/unit/lua/?.lua;" .. package.path
local host = require "shim_http"
local address = require "http.address"
local request = require "http.request"
local rules = require "http.rules"
local sse = require "http.sse"

describe("addresses", function()
  it("are taken apart", function()
    local at = address.parse("HTTPS://me:pw@Example.COM:8443/a/b?x=1#frag")
    assert.same({ scheme = "https", userinfo = "me:pw", host = "example.com", port = 8443,
      authority = "example.com:8443", rest = "/a/b?x=1" }, at)
    assert.same(80, address.parse("http://h").port)
    assert.same("/", address.parse("http://h").rest)
    assert.same("/?q", address.parse("http://h?q").rest)
    assert.same("[::1]", address.parse("http://[::1]:80/").host)
    for _, bad in ipairs { "ftp://h/", "/path", "http://", "http://h:x/", "mailto:a@b", "http://a:b:c/" } do
      assert.is_nil(address.parse(bad), bad)
    end
  end)

  -- RFC 3986 §5.4, with the base of that section over http
  it("resolve references", function()
    local base = "http://a/b/c/d;p?q"
    for reference, wanted in pairs {
      ["g"] = "http://a/b/c/g", ["./g"] = "http://a/b/c/g", ["g/"] = "http://a/b/c/g/", ["/g"] = "http://a/g",
      ["//g"] = "http://g", ["?y"] = "http://a/b/c/d;p?y", ["g?y"] = "http://a/b/c/g?y", [""] = "http://a/b/c/d;p?q",
      ["."] = "http://a/b/c/", [".."] = "http://a/b/", ["../g"] = "http://a/b/g", ["../.."] = "http://a/",
      ["../../g"] = "http://a/g", ["../../../g"] = "http://a/g", ["/./g"] = "http://a/g", ["/../g"] = "http://a/g",
      ["g."] = "http://a/b/c/g.", ["..g"] = "http://a/b/c/..g", ["./g/."] = "http://a/b/c/g/",
      ["g;x=1/../y"] = "http://a/b/c/y", ["g#s"] = "http://a/b/c/g", ["https://z/x"] = "https://z/x",
    } do
      assert.same(wanted, address.resolve(base, reference), reference)
    end
  end)

  it("join a service and a path with one slash", function()
    for _, pair in ipairs { { "http://h", "a" }, { "http://h/", "/a" }, { "http://h//", "a" } } do
      assert.same("http://h/a", address.join(pair[1], pair[2]))
    end
    assert.same("http://h/v1/a?b", address.join("http://h/v1/", "/a?b"))
    assert.same("http://h?x", address.join("http://h", "?x"))
    assert.same("http://h", address.join("http://h/", ""))
  end)

  it("take queries, sorted and encoded", function()
    local query = address.pairs({ b = "x y", a = { 1, 2 }, ["ü"] = "&" }, tostring)
    assert.same("a=1&a=2&b=x%20y&%C3%BC=%26", query)
    assert.same("http://h/?a=1", address.add_query("http://h/", "a=1"))
    assert.same("http://h/?z&a=1#f", address.add_query("http://h/?z#f", "a=1"))
    assert.same("http://h/", address.add_query("http://h/", ""))
  end)

  it("are shown without userinfo and secret parameters", function()
    assert.same("http://h/p?a=1&api_token=[REDACTED]", address.shown("http://u:p@h/p?a=1&api_token=xyz"))
    assert.same("socks5://p:1080", address.shown("socks5://u:p@p:1080"))
    assert.same("http://h/a b", address.shown("http://u:p@h/a b#x"))
    assert.same("http://h/a@b?c=@", address.shown("http://h/a@b?c=@"))
  end)

  it("are of one host by name and port, or by the step to TLS", function()
    assert.is_true(address.same_host("http://h/a", "http://H/b"))
    assert.is_true(address.same_host("http://h/a", "https://h/b"))
    assert.is_false(address.same_host("https://h/a", "http://h/b"))
    assert.is_false(address.same_host("http://h/", "http://h:81/"))
    assert.is_false(address.same_host("http://h/", "http://h.evil/"))
  end)
end)

describe("event streams", function()
  local function read(...)
    local parser, out = sse.new(), {}
    for _, bytes in ipairs { ... } do
      for _, event in ipairs(assert(parser:feed(bytes))) do
        out[#out + 1] = event.event .. "|" .. event.id .. "|" .. event.data
      end
    end
    return out, parser
  end

  it("give the same events however they are cut", function()
    local text = "\xEF\xBB\xBFevent: add\r\ndata: 1\r\rid: 7\ndata:two\ndata: l\xC3\xBCnes\n\n"
      .. ": ping\n\ndata\n\ndata: lost"
    local wanted = { "add||1", "message|7|two\nlünes", "message|7|" }
    assert.same(wanted, (read(text)))
    for size = 1, #text do
      local pieces = {}
      for at = 1, #text, size do pieces[#pieces + 1] = text:sub(at, at + size - 1) end
      assert.same(wanted, (read(table.unpack(pieces))), "pieces of " .. size)
    end
  end)

  it("end with one that lacks its empty line, where the stream came whole", function()
    for text, wanted in pairs { ["data: a\n\ndata: b"] = { "b" }, ["data: a\n\nid: 1\ndata: b\ndata: c\n"] = { "b\nc" },
      ["data: a\n\n"] = {}, ["data: a\n\n: ping"] = {}, ["data: a\n\nevent: x\n"] = {} } do
      local _, parser = read(text)
      local rest = {}
      for i, event in ipairs(parser:finish()) do rest[i] = event.data end
      assert.same(wanted, rest, text)
    end
  end)

  it("take whole events of one line the short way, with the same result", function()
    local plain = {}
    for i = 1, 50 do plain[i] = "data: {\"n\":" .. i .. "}\n\n" end
    local text = table.concat(plain) .. "data:x\n\ndata:  y\n\ndata: a\rdata: b\n\nid: 3\ndata: z\n\n" .. table.concat(plain)
    local whole = read(text)
    assert.same(104, #whole)
    assert.same({ "message||x", "message|| y", "message||a\nb", "message|3|z", "message|3|{\"n\":1}" },
      { table.unpack(whole, 51, 55) })
    local pieces = {}
    for at = 1, #text, 7 do pieces[#pieces + 1] = text:sub(at, at + 6) end
    assert.same(whole, (read(table.unpack(pieces))))
  end)

  it("treat CR, LF and CRLF as one line end each", function()
    assert.same({ "message||a", "message||b" }, (read("data: a\r\n\r\ndata: b\n\n")))
    assert.same({ "message||a", "message||b" }, (read("data: a\r", "\n\r", "\ndata: b\r\r")))
  end)

  it("keep one space at most from a value, and the colon in it", function()
    assert.same({ "message|| x: y" }, (read("data:  x: y\n\n")))
  end)

  it("forget the type but keep the id between events", function()
    assert.same({ "t|1|a", "message|1|b", "message||c" },
      (read("event: t\nid: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n")))
  end)

  it("ignore ids with NUL, retries that are no number, and unknown fields", function()
    local out, parser = read("id: a\0b\nretry: 1x\nfoo: bar\ndata: d\n\nretry: 250\n")
    assert.same({ "message||d" }, out)
    assert.same(250, parser.retry_ms)
  end)

  it("do not take a mark in the middle for the start", function()
    assert.same({}, (read("data", "\xEF\xBB\xBF: x\n\n")))
    assert.same({ "message||x" }, (read("\xEF", "\xBB", "\xBFdata: x\n\n")))
    assert.same({}, (read("\xEF\xBB", "data: x\n\n")))
  end)

  it("refuse an event beyond the limit, not a long stream", function()
    local parser = sse.new(100)
    for _ = 1, 50 do assert.same(1, #parser:feed("data: 0123456789\n\n")) end
    local out, why = nil, nil
    for _ = 1, 20 do
      out, why = parser:feed("data: 0123456789\n")
      if not out then break end
    end
    assert.is_nil(out)
    assert.truthy(why:find("100 bytes", 1, true))
  end)
end)

describe("waits", function()
  local now = 784111777000                       -- Sun, 06 Nov 1994 08:49:37 GMT, the date of RFC 9110

  it("come from seconds and from dates in any form", function()
    assert.same(7000, rules.retry_after("7", now))
    assert.same(0, rules.retry_after("0", now))
    for _, date in ipairs { "Sun, 06 Nov 1994 08:49:47 GMT", "Sunday, 06-Nov-94 08:49:47 GMT",
      "Sun Nov  6 08:49:47 1994" } do
      assert.same(10000, rules.retry_after(date, now), date)
    end
    assert.same(0, rules.retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now))
    for _, bad in ipairs { "soon", "-1", "1.5", "", "Sun, 06 Foo 1994 08:49:47 GMT" } do
      assert.is_nil(rules.retry_after(bad, now), bad)
    end
    assert.is_nil(rules.retry_after(nil, now))
  end)

  it("know the calendar", function()
    assert.same(0, rules.http_date("Thu, 01 Jan 1970 00:00:00 GMT"))
    assert.same(951782400, rules.http_date("Tue, 29 Feb 2000 00:00:00 GMT"))
    assert.same(4107542400, rules.http_date("Mon, 01 Mar 2100 00:00:00 GMT"))
  end)

  it("double, and are never shorter than the service asked for", function()
    assert.same({ 500, 1000, 2000 }, { rules.backoff(1, 500), rules.backoff(2, 500), rules.backoff(3, 500) })
    assert.same(30000, rules.backoff(20, 500))
    assert.same(60000, rules.backoff(1, 60000))
    assert.same(7000, rules.backoff(1, 500, 7000))
  end)

  it("repeat only what cannot take effect twice", function()
    local refused, cut = { code = "CONNECTION_FAILED", sent = false }, { code = "BODY_INCOMPLETE", sent = true }
    assert.is_true(rules.may_retry("GET", nil, cut))
    assert.is_true(rules.may_retry("DELETE", 503))
    assert.is_true(rules.may_retry("POST", nil, refused))
    assert.is_false(rules.may_retry("POST", nil, cut))
    assert.is_false(rules.may_retry("POST", 503))
    assert.is_false(rules.may_retry("GET", 500))
    assert.is_false(rules.may_retry("GET", nil, { code = "TIMEOUT", sent = true }))
    assert.is_false(rules.may_retry("GET", nil, { code = "TLS_FAILED", sent = false }))
  end)
end)

describe("redirects", function()
  local function start(method, opts)
    return request.new(method, "https://h/a", opts, { agent = "test" })
  end

  it("keep or change the method by status", function()
    assert.same({ "GET", false }, { rules.redirected("POST", 303) })
    assert.same({ "GET", false }, { rules.redirected("POST", 301) })
    assert.same({ "POST", true }, { rules.redirected("POST", 307) })
    assert.same({ "PUT", true }, { rules.redirected("PUT", 302) })
    assert.same({ "GET", false }, { rules.redirected("DELETE", 303) })
    assert.same("HEAD", (rules.redirected("HEAD", 303)))
  end)

  it("stay on the host unless told otherwise", function()
    local req = start("GET", {})
    assert.same("https://h/b", request.redirect(req, 302, "/b").url)
    local other, why = request.redirect(req, 302, "https://other/b")
    assert.is_nil(other)
    assert.same("it leads to another host", why)
    assert.is_nil((request.redirect(req, 302, "http://h/b")))
    assert.is_nil((request.redirect(start("GET", { follow = "any" }), 302, "file:///etc/passwd")))
  end)

  it("leave credentials at home", function()
    local req = start("GET", { follow = "any", bearer = host.secret "s3", headers = { ["X-Key"] = host.secret "k",
      Cookie = "c=1", ["X-Plain"] = "p" } })
    local away = request.redirect(req, 302, "https://other/")
    assert.is_nil(away.headers.authorization)
    assert.is_nil(away.headers.cookie)
    assert.is_nil(away.headers["x-key"])
    assert.same("p", away.headers["x-plain"][2])
    local home = request.redirect(req, 302, "/b")
    assert.same("Bearer s3", home.headers.authorization[2])
  end)

  it("drop the body with its headers, and take no secret in a body elsewhere", function()
    local req = start("POST", { follow = "any", json = { password = host.secret "pw" } })
    local see = request.redirect(req, 303, "https://other/")
    assert.is_nil(see.body)
    assert.is_nil(see.headers["content-type"])
    local again, why = request.redirect(req, 307, "https://other/")
    assert.is_nil(again)
    assert.truthy(why:find("secret", 1, true))
    assert.same(req.body, request.redirect(req, 307, "/x").body)
  end)
end)

describe("requests", function()
  local function new(opts) return request.new("POST", "http://u:p%40@h/p", opts, { agent = "test/1" }) end

  it("reveal secrets in form, json, headers, bearer and basic", function()
    assert.same("a=1&key=s%2F3", new { form = { a = 1, key = host.secret "s/3" } }.body)
    assert.same('{"key":"s3"}', new { json = { key = host.secret "s3" } }.body)
    assert.same("s3", new { headers = { ["X-Key"] = host.secret "s3" } }.headers["x-key"][2])
    assert.same("Bearer s3", new { bearer = host.secret "s3" }.headers.authorization[2])
    local basic = new { basic = { "id", host.secret "s3" } }.headers.authorization
    assert.same({ "Basic " .. host.hash.base64 "id:s3", true }, { basic[2], basic.secret })
  end)

  it("refuse a secret in the query, unknown options and two bodies", function()
    assert.has_error(function() new { query = { key = host.secret "s3" } } end)
    assert.has_error(function() new { qurey = {} } end)
    assert.has_error(function() new { json = {}, body = "" } end)
  end)

  it("turn credentials of an address into a header", function()
    local req = new {}
    assert.same("http://h/p", req.url)
    assert.same("Basic " .. host.hash.base64 "u:p@", req.headers.authorization[2])
    assert.is_true(req.headers.authorization.secret)
  end)

  it("send fields sorted, with what the caller removed left out", function()
    local names = {}
    for i, field in ipairs(request.fields(new { json = {}, headers = { Accept = false } })) do names[i] = field[1] end
    assert.same({ "Authorization", "Content-Type", "User-Agent" }, names)
  end)

  it("carry the idempotency key only where something changes", function()
    local defaults = { agent = "t", idempotency_key = "k1" }
    assert.same("k1", request.new("POST", "http://h/", {}, defaults).headers["idempotency-key"][2])
    assert.is_nil(request.new("GET", "http://h/", {}, defaults).headers["idempotency-key"])
  end)
end)

describe("proxies", function()
  local function choose(env, url, more)
    local settings = { env = function(name) return env[name] end }
    for k, v in pairs(more or {}) do settings[k] = v end
    return rules.proxy(settings, url)
  end

  it("come from the environment by scheme", function()
    local env = { HTTP_PROXY = "http://a", https_proxy = "http://b", NO_PROXY = "x" }
    assert.same({ url = "http://a", source = "HTTP_PROXY", no_proxy = "x" }, choose(env, "http://h/"))
    assert.same({ url = "http://b", source = "https_proxy", no_proxy = "x" }, choose(env, "https://h/"))
    assert.same({}, choose({ HTTPS_PROXY = "http://b" }, "http://h/"))
    assert.same({}, choose({ HTTP_PROXY = "http://b", REQUEST_METHOD = "GET" }, "http://h/"))
  end)

  it("give way to --proxy and --no-proxy", function()
    local env = { HTTP_PROXY = "http://a", NO_PROXY = "h" }
    assert.same({ url = "http://c", source = "--proxy" }, choose(env, "http://h/", { proxy = "http://c" }))
    assert.same({}, choose(env, "http://h/", { no_proxy = true }))
  end)

  it("are bypassed by name, suffix, port, network and star", function()
    for _, row in ipairs {
      { "localhost,127.0.0.1", "localhost", 80, true }, { "localhost,127.0.0.1", "127.0.0.1", 80, true },
      { "example.com", "api.example.com", 80, true }, { ".example.com", "example.com", 80, true },
      { "example.com", "badexample.com", 80, false }, { "h:81", "h", 80, false }, { "h:81", "h", 81, true },
      { "10.0.0.0/8", "10.1.2.3", 80, true }, { "10.0.0.0/8", "11.1.2.3", 80, false }, { "*", "any", 80, true },
      { "[::1]", "[::1]", 80, true }, { "1.1", "127.0.1.1", 80, false }, { "", "h", 80, false },
    } do
      assert.same(row[4], rules.bypasses(row[1], row[2], row[3]), row[1] .. " " .. row[2])
    end
  end)

  it("are told in the network context, inert for a shell and without credentials", function()
    local context = rules.network_context("https://u:p@h/'; touch x #?a=1", nil,
      { url = "http://me:pw@proxy:8080", source = "--proxy" }, false, host.json.null)
    assert.same("http://proxy:8080", context.proxy_used)
    assert.same("curl -v --proxy http://proxy:8080 'https://h/'\\''; touch x '", context.suggestion)
    assert.same(host.json.null, context.status_code)
    local plain = rules.network_context("https://h/", 503, {}, false, host.json.null)
    assert.same("curl -v https://h/", plain.suggestion)
    assert.same({ 503, host.json.null, host.json.null }, { plain.status_code, plain.proxy_used, plain.proxy_source })
  end)

  it("trust the bundle of REQUESTS_CA_BUNDLE before that of SSL_CERT_FILE", function()
    local env = { REQUESTS_CA_BUNDLE = "/r", SSL_CERT_FILE = "/s" }
    local function get(name) return env[name] end
    assert.same("/r", rules.ca_file(get))
    env.REQUESTS_CA_BUNDLE = ""
    assert.same("/s", rules.ca_file(get))
  end)
end)
