-- Promise: proves that form bodies with files are read exactly or refused.

local multipart = require "serve.multipart"

local TYPE = "multipart/form-data; boundary=xYz"

-- A body of parts { headers, bytes }.
local function body_of(parts, last)
  local out = {}
  for _, part in ipairs(parts) do out[#out + 1] = "--xYz\r\n" .. part[1] .. "\r\n\r\n" .. part[2] .. "\r\n" end
  return table.concat(out) .. (last or "--xYz--\r\n")
end

local function named(name, more) return ('Content-Disposition: form-data; name="%s"%s'):format(name, more or "") end

describe("a form with files", function()
  it("is read part by part, in order and by name", function()
    local all = {}
    for i = 0, 255 do all[#all + 1] = string.char(i) end
    all = table.concat(all) .. "\r\n--xY\r\n--"
    local parts = assert(multipart.parse(body_of {
      { named("artifact", '; filename="a b.tar.gz"') .. "\r\nContent-Type: application/gzip", all },
      { named "note", "" }, { named "note", "second" }, { named "artifact", "again" },
    }, TYPE))
    assert.equal(4, #parts)
    assert.same({ name = "artifact", filename = "a b.tar.gz", type = "application/gzip", bytes = all }, parts.artifact)
    assert.same({ name = "note", bytes = "" }, parts.note)
    assert.equal("second", parts[3].bytes)
  end)

  it("may have a preamble, an epilogue, padding behind a boundary, no parts", function()
    local parts = assert(multipart.parse("hello\r\n--xYz \t\r\n" .. named "a" .. "\r\n\r\n1\r\n--xYz--\r\nbye", TYPE))
    assert.equal("1", parts.a.bytes)
    assert.same({}, multipart.parse("--xYz--", TYPE))
  end)

  it("takes quoted boundaries and escaped names", function()
    local body = "--x y\r\nContent-Disposition: form-data; name=\"a\\\"b\\\\\"; FileName=plain\r\n\r\n1\r\n--x y--"
    local parts = assert(multipart.parse(body, 'Multipart/Form-Data; charset=x; BOUNDARY="x y"'))
    assert.same({ name = 'a"b\\', filename = "plain", bytes = "1" }, parts[1])
  end)

  local BAD = {
    { "another type", "application/json", body_of { { named "a", "1" } } },
    { "no boundary", "multipart/form-data", body_of { { named "a", "1" } } },
    { "a boundary that is too long", "multipart/form-data; boundary=" .. ("x"):rep(71), "--" .. ("x"):rep(71) .. "--" },
    { "an empty body", TYPE, "" },
    { "another boundary", TYPE, "--other\r\n" .. named "a" .. "\r\n\r\n1\r\n--other--" },
    { "no end", TYPE, body_of({ { named "a", "1" } }, "") },
    { "a cut part", TYPE, "--xYz\r\n" .. named "a" .. "\r\n\r\nhalf of it" },
    { "cut headers", TYPE, "--xYz\r\n" .. named "a" },
    { "no name", TYPE, body_of { { "Content-Disposition: form-data", "1" } } },
    { "no headers", TYPE, "--xYz\r\n\r\n1\r\n--xYz--" },
    { "a name without an end", TYPE, body_of { { 'Content-Disposition: form-data; name="a', "1" } } },
    { "a broken header", TYPE, body_of { { "no colon", "1" } } },
    { "an attachment", TYPE, body_of { { 'Content-Disposition: attachment; name="a"', "1" } } },
    { "headers that are too long", TYPE, body_of { { named("a") .. "\r\nX: " .. ("x"):rep(20000), "1" } } },
  }
  for _, case in ipairs(BAD) do
    it("refuses " .. case[1], function()
      local parts, message = multipart.parse(case[3], case[2])
      assert.is_nil(parts)
      assert.equal("string", type(message))
    end)
  end

  it("has at most 100 parts", function()
    local parts = {}
    for i = 1, 101 do parts[i] = { named("p" .. i), "x" } end
    assert.is_nil((multipart.parse(body_of(parts), TYPE)))
    parts[101] = nil
    assert.equal(100, #multipart.parse(body_of(parts), TYPE))
  end)
end)
