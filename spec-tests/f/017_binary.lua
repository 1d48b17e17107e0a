-- REQ-F-017: bytes that are declared as such arrive unchanged.
local S = require "lib.spec"

local function binary(hex)
  local r = S.status(S.tool { "fx", "bytes", "--binary", "--hex", hex }, 0)
  return r.envelope.data.value, r
end

local function decoded(text)
  return S.run({ "base64", "-d" }, { stdin = text == "" and "\n" or text }).stdout
end

S.req("REQ-F-017", "Binary field base64 encoding", function()
  it("1 a binary value is an object with type, encoding, value and size_bytes", function()
    local v, r = binary "89504e470d0a1a0a00ff"
    S.equal(r, "binary", v.type, "type")
    S.equal(r, "base64", v.encoding, "encoding")
  end)

  it("2 the value is wrapped also when it could be text", function()
    local v, r = binary "68656c6c6f"
    S.equal(r, "binary", v.type, "type")
    S.equal(r, "aGVsbG8=", v.value, "value")
  end)

  it("3 content_type is absent when it was not declared", function()
    local v, r = binary "00"
    S.equal(r, nil, v.content_type, "content_type")
  end)

  it("5 size_bytes is the size, and decoding gives the original back, also for long values", function()
    math.randomseed(7)
    for _, size in ipairs { 0, 1, 2, 3, 57, 300 } do
      local raw = {}
      for i = 1, size do raw[i] = ("%02x"):format(math.random(0, 255)) end
      local v, r = binary(table.concat(raw))
      S.equal(r, size, v.size_bytes, "size_bytes")
      assert.equal(table.concat(raw), (decoded(v.value):gsub(".", function(c) return ("%02x"):format(c:byte()) end)))
    end
  end)
end)
