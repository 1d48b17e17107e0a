-- Promise: proves taking addresses apart and putting them together.

package.path = "spec-tests/unit/lua/?.lua;" .. package.path
local host = require "shim_args"
local url = require "tool.url"

describe("encode and decode", function()
  it("undo each other", function()
    local all = {}
    for i = 0, 255 do all[#all + 1] = string.char(i) end
    all = table.concat(all)
    assert.same(all, url.decode(url.encode(all)))
    assert.same("a%20b%2Fc-._~%C3%A9", url.encode("a b/c-._~é"))
    assert.same("a+b", url.decode("a+b"))
    assert.is_nil((url.decode("%zz")))
    assert.is_nil((url.decode("50%")))
    assert.same("%41", url.decode("%2541"))
  end)
end)

describe("parse", function()
  it("takes addresses apart", function()
    assert.same({ scheme = "https", host = "example.com", port = 8443, path = "/a/b", query = "c=d", fragment = "e",
      userinfo = "u:p" }, url.parse("HTTPS://u:p@Example.com:8443/a/b?c=d#e"))
    assert.same({ scheme = "http", host = "[::1]", port = 80, path = "/" }, url.parse("http://[::1]"))
    assert.same("", url.parse("http://h/?").query)
  end)

  it("refuses what is no address", function()
    for _, text in ipairs { "", "h/p", "http:", "http://", "http://:80", "http://h:x", "http://h:99999", "http://a b/",
      "//h/p", "http://[::1", "http:///p" } do
      local parts, why = url.parse(text)
      assert.is_nil(parts, text)
      assert.is_string(why)
    end
  end)
end)

describe("join", function()
  it("resolves references as RFC 3986 5.4 lists them", function()
    for reference, result in pairs {
      ["g:h"] = "g:h", ["g"] = "http://a/b/c/g", ["./g"] = "http://a/b/c/g", ["g/"] = "http://a/b/c/g/",
      ["/g"] = "http://a/g", ["//g"] = "http://g", ["?y"] = "http://a/b/c/d;p?y", ["g?y"] = "http://a/b/c/g?y",
      ["#s"] = "http://a/b/c/d;p?q#s", ["g#s"] = "http://a/b/c/g#s", [";x"] = "http://a/b/c/;x",
      [""] = "http://a/b/c/d;p?q",
      ["."] = "http://a/b/c/", ["./"] = "http://a/b/c/", [".."] = "http://a/b/", ["../"] = "http://a/b/",
      ["../g"] = "http://a/b/g", ["../.."] = "http://a/", ["../../g"] = "http://a/g", ["../../../g"] = "http://a/g",
      ["/./g"] = "http://a/g", ["/../g"] = "http://a/g", ["g."] = "http://a/b/c/g.", ["..g"] = "http://a/b/c/..g",
      ["./../g"] = "http://a/b/g", ["./g/."] = "http://a/b/c/g/", ["g/./h"] = "http://a/b/c/g/h",
      ["g/../h"] = "http://a/b/c/h", ["g?y/../x"] = "http://a/b/c/g?y/../x",
    } do
      assert.same(result, url.join("http://a/b/c/d;p?q", reference), reference)
    end
    assert.same("http://a/x", url.join("http://a", "x"))
  end)
end)

describe("query", function()
  it("sorts keys, repeats lists, leaves out nulls", function()
    assert.same("a=1&b=x%20y&c=1&c=2&d=true",
      url.query { b = "x y", a = 1, c = { 1, 2 }, d = true, e = host.json.null })
    assert.same("", url.query {})
  end)
end)
