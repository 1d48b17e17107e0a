-- Promise: proves the public modules for time, text, tables, digests and JSON.

package.path = "spec-tests/unit/lua/?.lua;" .. package.path
local host = require "shim_args"
local hash = require "tool.hash"
local tjson = require "tool.json"
local ttable = require "tool.table"
local text = require "tool.text"
local time = require "tool.time"

describe("time", function()
  it("reads and writes points in time", function()
    assert.same(1710167400, time.parse("2024-03-11T15:30:00+01:00"))
    assert.same("integer", math.type(time.parse("2024-03-11")))
    assert.same(0.25, time.parse("1970-01-01T00:00:00.25Z"))
    assert.is_nil((time.parse("never")))
    assert.is_string(select(2, time.parse("never")))
    assert.same("2024-03-11T14:30:00Z", time.format(1710167400))
    assert.same(1710167400, time.now())
  end)

  it("reads and writes durations", function()
    assert.same(5400, time.duration("1h30m"))
    assert.same("1h30m", time.duration(5400))
    assert.is_nil((time.duration("x")))
  end)
end)

describe("text", function()
  it("trims, splits and takes lines", function()
    assert.same("a b", text.trim("  a b\n"))
    assert.same("", text.trim("   "))
    assert.same({ "a", "", "b" }, text.split("a..b", "."))
    assert.same({ "k", "v=w" }, text.split("k=v=w", "=", 2))
    assert.same({ "" }, text.split("", ","))
    assert.has_error(function() text.split("a", "") end)
    assert.same({ "a", "", "b" }, text.lines("a\r\n\nb\n"))
    assert.same({ "a" }, text.lines("a"))
    assert.same({}, text.lines(""))
    assert.same({ "", "x" }, text.lines("\nx"))
  end)

  it("measures and cuts by columns", function()
    assert.same(3, text.width("äöü"))
    assert.same("ä…", text.truncate("äöü", 2))
  end)
end)

describe("tables", function()
  it("are never changed", function()
    local list = { 3, 1, 2 }
    assert.same({ 1, 2, 3 }, ttable.sorted(list))
    assert.same({ 3, 1, 2 }, list)
    local a = { x = 1 }
    assert.same({ x = 2, y = 3 }, ttable.merge(a, nil, { x = 2, y = 3 }))
    assert.same({ x = 1 }, a)
  end)

  it("sort stably by field or function", function()
    local rows = { { n = 2, id = "a" }, { n = 1, id = "b" }, { n = 2, id = "c" } }
    assert.same({ rows[2], rows[1], rows[3] }, ttable.sorted(rows, "n"))
    assert.same({ rows[1], rows[3], rows[2] }, ttable.sorted(rows, function(r) return -r.n end))
    assert.same({ 1, "a", "b" }, ttable.keys { b = 1, a = 1, [1] = 1 })
  end)

  it("map and filter", function()
    assert.same({ 2, 4 }, ttable.map({ 1, 2 }, function(n) return n * 2 end))
    assert.same({ 2 }, ttable.filter({ 1, 2 }, function(n) return n > 1 end))
    assert.same("[]", host.json.encode(ttable.filter({ 1 }, function() return false end)))
  end)
end)

describe("digests and JSON", function()
  it("pass through to the host", function()
    assert.same("6869", hash.hex("hi"))
    assert.same("aGk=", hash.base64("hi"))
    assert.same("hi", hash.unbase64("aGk="))
    assert.same(64, #hash.sha256("x"))
    assert.same(64, #hash.hmac_sha256("k", "x"))
    assert.same('{"a":[],"b":null}', tjson.encode { b = tjson.null, a = tjson.array {} })
    assert.same({ 1 }, tjson.decode("[1]"))
    local value, err = tjson.decode("{x}")
    assert.is_nil(value)
    assert.is_table(err)
  end)
end)
