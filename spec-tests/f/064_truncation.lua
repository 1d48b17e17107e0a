-- REQ-F-064: a value that was cut says so, three times.
local S = require "lib.spec"

local MARK = "…[truncated]"

local function get(...) return S.status(S.tool { "fx", "get-body", ... }, 0) end

local function warnings(r)
  local out = {}
  for _, text in ipairs(r.envelope.warnings) do
    if text:find("^TRUNCATION: ") then out[#out + 1] = text end
  end
  return out
end

S.req("REQ-F-064", "Output truncation detection and warning", function()
  it("1 a value that its source has cut has the end mark, meta.truncated and a warning", function()
    local r = get()
    S.equal(r, ("x "):rep(127) .. "x" .. MARK, r.envelope.data.body, "body")
    S.equal(r, true, r.envelope.meta.truncated, "meta.truncated")
    assert.same({ "TRUNCATION: data.body returned_bytes=255 original_bytes=4200",
      "TRUNCATION: data.inner[2].text returned_bytes=3 original_bytes=4200" }, warnings(r))
    S.equal(r, { "whole", "cut" .. MARK }, { r.envelope.data.inner[1].text, r.envelope.data.inner[2].text }, "inner")
  end)

  it("2 the detail has field, returned_bytes, and original_bytes when it is known", function()
    local r = get()
    S.equal(r, { code = "TRUNCATION", alias = "FIELD_TRUNCATED", field = "data.body", returned_bytes = 255,
      original_bytes = 4200 }, r.envelope.meta.warning_details[1], "detail")
    r = get("--unknown")
    S.equal(r, "TRUNCATION: data.body returned_bytes=255", warnings(r)[1], "warning")
    S.equal(r, nil, r.envelope.meta.warning_details[1].original_bytes, "original_bytes")
  end)

  it("1 a whole value has none of the signals", function()
    local r = get("--bytes", "255")
    S.equal(r, nil, r.envelope.meta.truncated, "meta.truncated")
    assert.same({}, warnings(r))
    S.truth(r, not r.stdout:find("[truncated]", 1, true), "mark")
  end)

  it("1 the cut falls between characters", function()
    local r = get("--wide")
    S.equal(r, ("€"):rep(84) .. MARK, r.envelope.data.body, "body")
    S.truth(r, not r.stdout:find("\u{FFFD}", 1, true), "half a character")
  end)

  it("1 and 4 a value that the answer's own limit cuts has the same signals, and the envelope is whole", function()
    for _, limit in ipairs { 2048, 3000, 5000 } do
      local r = S.status(S.tool({ "fx", "huge", "--bytes", "50000" }, { env = { TOOL_MAX_OUTPUT_BYTES = tostring(limit) } }), 0)
      S.equal(r, true, r.envelope.meta.truncated, "meta.truncated")
      S.truth(r, r.stdout:find("[truncated]", 1, true), "no mark")
      S.truth(r, #warnings(r) > 0, "no warning")
      local detail = r.envelope.meta.warning_details[1]
      S.truth(r, detail.returned_bytes < detail.original_bytes, "numbers")
    end
  end)

  it("3 a text that is too long for its field exits 2 before anything is written", function()
    local store = S.dir() .. "/store"
    local r = S.tool { "fx", "update-body", "--store", store, "--body", ("x"):rep(500) }
    local e = S.failed(r, 2, "FIELD_TOO_LARGE")
    S.equal(r, "validation", e.phase, "phase")
    assert.is_false(S.exists(store))
    S.status(S.tool { "fx", "update-body", "--store", store, "--body", ("x"):rep(255) }, 0)
    assert.equal(255, #S.slurp(store))
    S.failed(S.tool { "fx", "update-body", "--store", store, "--body", ("x"):rep(256) }, 2, "FIELD_TOO_LARGE")
    assert.equal(255, #S.slurp(store))
  end)

  it("3 the limit counts bytes, and holds for every item of a list", function()
    local store = S.dir() .. "/store"
    S.failed(S.tool { "fx", "update-body", "--store", store, "--body", ("é"):rep(128) }, 2, "FIELD_TOO_LARGE")
    S.failed(S.tool { "fx", "update-body", "--store", store, "--body", "x", "--labels", "short", "--labels",
      "much too long" }, 2, "FIELD_TOO_LARGE")
    assert.is_false(S.exists(store))
  end)

  it("3 the contract publishes the limit", function()
    local contract = S.contract("fx update-body")
    assert.equal(255, contract.flags.body.max_bytes)
    local entry = S.manifest().commands["fx.update-body"].flags.body
    assert.truthy(entry.description:find("at most 255 bytes", 1, true))
  end)
end)
