-- REQ-C-020: identifiers have a pattern, checked before anything happens.
local S = require "lib.spec"

local function try(name, value) return S.tool { "fx", "ids", "--" .. name, value } end

local function refused(name, value)
  local r = S.status(try(name, value), 2)
  local e = r.envelope.error
  local item = e.errors and e.errors[1] or e
  S.truth(r, (item.param or e.param) == "--" .. name, "the argument is not named")
  return r, e
end

S.req("REQ-C-020", "Resource IDs declare a validation pattern", function()
  it("1 the id preset takes letters, digits, - and _, and refuses / . ? # %", function()
    for _, good in ipairs { "prod-east-1", "a", "A_9", "0x" } do S.status(try("printer-id", good), 0) end
    for _, bad in ipairs { "p/x", "p.x", "p?x", "p#x", "p%x", "p/../x", "-p", "p x", "" } do
      S.status(S.tool { "fx", "ids", "--printer-id=" .. bad }, 2)
    end
  end)

  it("2 a pattern of the command's own is applied whole", function()
    for _, good in ipairs { "abc", ("a"):rep(64), "a-9" } do S.status(try("asset-ref", good), 0) end
    for _, bad in ipairs { "ab", ("a"):rep(65), "Abc", "abc!", "abc\nabc" } do S.status(try("asset-ref", bad), 2) end
  end)

  it("2 the presets uuid, semver, filepath and url", function()
    for name, values in pairs {
      ["run-uuid"] = { { "123e4567-e89b-12d3-a456-426614174000" }, { "123e4567", "not-a-uuid" } },
      ["version-tag"] = { { "1.2.3", "1.2.3-rc.1+b5" }, { "not-semver", "1.2", "v1.2.3" } },
      place = { { "/home/user/file.txt", "notes/a.txt" }, { "a/../b", "%2e%2e%2f", "../x" } },
      link = { { "https://example.com/a" }, { "no address", "javascript" } },
    } do
      for _, good in ipairs(values[1]) do S.status(try(name, good), 0) end
      for _, bad in ipairs(values[2]) do refused(name, bad) end
    end
  end)

  it("3 a resource id without a pattern is warned about, a bad pattern refused", function()
    local r = S.check "id-without-pattern"
    S.status(r, 0)
    S.truth(r, S.json.encode(r.envelope.warnings):find("has no pattern", 1, true), "no warning")
    local text
    r, text = S.check("loose-pattern", "broken-pattern")
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("pattern must be anchored", 1, true), text)
    S.truth(r, text:find("pattern does not compile", 1, true), text)
  end)

  it("4 the failure names argument, value and what is expected", function()
    local r, e = refused("asset-ref", "No")
    S.truth(r, S.json.encode(e):find("[a-z0-9-]{3,64}", 1, true), "the expected pattern is not named")
    S.truth(r, S.json.encode(e):find('"No"', 1, true), "the value is not named")
  end)

  it("--schema shows pattern or pattern_type, the manifest says it in words", function()
    local flags = S.contract("fx ids").flags
    assert.equal("alphanumeric_id", flags["printer-id"].pattern_type)
    assert.is_nil(flags["printer-id"].pattern)
    assert.equal("^[a-z0-9-]{3,64}$", flags["asset-ref"].pattern)
    assert.is_nil(flags["asset-ref"].pattern_type)
    for name, kind in pairs { ["run-uuid"] = "uuid", ["version-tag"] = "semver", place = "filepath", link = "url" } do
      assert.equal(kind, flags[name].pattern_type)
    end
    local entry = S.manifest().commands["fx.ids"].flags["asset-ref"]
    assert.is_nil(entry.pattern)
    assert.truthy(entry.description:find("[a-z0-9-]{3,64}", 1, true), entry.description)
  end)

  it("traversal and encoded separators are told as such", function()
    for value, kind in pairs { ["p/../x"] = "path_traversal", ["a%2fb"] = "percent_encoded_separator" } do
      local e = S.failed(try("printer-id", value), 2, "INVALID_AGENT_INPUT")
      assert.equal(kind, e.rejected_pattern)
      assert.equal(value, e.input_value)
    end
  end)
end)
