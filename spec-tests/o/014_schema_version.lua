-- REQ-O-014: an older shape of the answer on request.
local S = require "lib.spec"

local function version(n)
  return S.tool({ "fx", "old-shape", "--schema-version", n }, { env = { HOME = S.home() } })
end

S.req("REQ-O-014", "--schema-version compatibility flag", function()
  it("1 and 2 version 1 of a command in version 2 has the shape of version 1", function()
    local r = S.status(version "1", 0)
    S.equal(r, { name = "ana", size = "42" }, r.envelope.data, "data")
    local schema = S.status(S.tool { "fx", "old-shape", "--output-schema", "--schema-version", "1" }, 0).envelope.data
    assert.same({}, S.schema.validate(schema, r.envelope.data))
    r = S.status(version "2", 0)
    S.equal(r, 42, r.envelope.data.size, "size in version 2")
    S.equal(r, S.raw(S.tool { "fx", "old-shape" }, "data"), S.raw(r, "data"), "data")
  end)

  it("3 an older version is warned about, the current one is not", function()
    local r = S.status(version "1", 0)
    S.truth(r, r.envelope.warnings[1]:find("^SCHEMA_DEPRECATED: "), "no warning")
    local detail = r.envelope.meta.warning_details[1]
    S.equal(r, { "SCHEMA_DEPRECATED", "2", "1" }, { detail.code, detail.current_version, detail.requested_version },
      "detail")
    S.equal(r, 0, #S.status(version "2", 0).envelope.warnings, "warnings for version 2")
  end)

  it("4 a version that is not served is a structured error", function()
    for _, bad in ipairs { "0", "3", "99" } do S.failed(version(bad), 2, "SCHEMA_VERSION_UNSUPPORTED") end
    for _, bad in ipairs { "x", "-1", "1.0" } do S.failed(version(bad), 2, "ARG_ERROR") end
    S.failed(S.tool { "fx", "get", "--schema-version", "1" }, 2, "SCHEMA_VERSION_UNSUPPORTED")
    S.failed(S.tool { "fx", "ok", "--schema-version", "2" }, 2, "SCHEMA_VERSION_UNSUPPORTED")
    S.status(S.tool { "fx", "ok", "--schema-version", "1" }, 0)
  end)

  it("5 the contract shows the oldest and the current version", function()
    local data = S.contract "fx old-shape"
    assert.same({ 1, "2.0" }, { data.min_schema_version, data.schema_version })
    assert.equal(1, S.status(S.tool { "manifest" }, 0).envelope.meta.contracts["fx.old-shape"].min_schema_version)
  end)

  it("6 meta.schema_version is that of the answer", function()
    assert.equal("1.0", version "1".envelope.meta.schema_version)
    assert.equal("2.0", version "2".envelope.meta.schema_version)
    assert.equal("2.0", S.tool { "fx", "old-shape" }.envelope.meta.schema_version)
  end)

  it("a contract that promises a version without giving it is refused", function()
    local r, text = S.check("no-compat")
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("compat[1] must be a function", 1, true), text)
  end)
end)
