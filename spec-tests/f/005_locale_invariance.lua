-- REQ-F-005: the same bytes under every locale and time zone. A native module takes over the environment's locale
-- first: without that the test would prove nothing about a process that has called setlocale.
local S = require "lib.spec"

local locales

-- Builds de_DE and en_US once, apart from the system's own locales; gives LOCPATH.
local function locale_path()
  if locales then return locales end
  locales = S.dir "locales"
  for _, name in ipairs { "de_DE", "en_US" } do
    local r = S.run { "localedef", "-i", name, "-f", "UTF-8", "--no-archive", locales .. "/" .. name .. ".UTF-8" }
    assert(S.exists(locales .. "/" .. name .. ".UTF-8/LC_NUMERIC"), "localedef: " .. r.stderr)
  end
  return locales
end

local function under(name, args, more)
  local env = { LC_ALL = name .. ".UTF-8", LANG = name .. ".UTF-8", LC_NUMERIC = name .. ".UTF-8",
    LOCPATH = locale_path() }
  for k, v in pairs(more or {}) do env[k] = v end
  return S.status(S.tool(args, { env = env }), 0)
end

S.req("REQ-F-005", "Locale-invariant serialization", function()
  it("1 de_DE and en_US give byte-identical data, also after setlocale in the process", function()
    local german, english = under("de_DE", { "fx", "numbers" }), under("en_US", { "fx", "numbers" })
    assert.equal(S.raw(english, "data"), S.raw(german, "data"))
    local r = under("de_DE", { "fx", "numbers", "--verbose" })
    S.truth(r, r.stderr:find("locale .*de_DE"), "the native module could not set the locale")
  end)

  it("2 points in time are RFC 3339 in every time zone", function()
    local seen = {}
    for _, zone in ipairs { "UTC", "America/New_York", "Asia/Kolkata" } do
      local r = under("de_DE", { "fx", "times", "--at", "2024-03-11" }, { TZ = zone })
      for name, value in pairs(r.envelope.data) do
        S.truth(r, value:find("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d"), name .. " is " .. value)
      end
      S.truth(r, r.envelope.meta.timestamp:find("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d"), "meta.timestamp")
      seen[#seen + 1] = S.raw(r, "data")
    end
    assert.same({ seen[1], seen[1] }, { seen[2], seen[3] })
  end)

  it("3 no thousands separators, and the point is a point; 64-bit integers are exact", function()
    local raw = S.raw(under("de_DE", { "fx", "numbers" }), "data")
    for _, text in ipairs { '"price":1234.56', '"count":1000000', '"ratio":0.075', '"big":9007199254740993',
                            '"max":9223372036854775807', '"min":-9223372036854775808', '"sum":0.30000000000000004',
                            '"third":0.3333333333333333', '"minus":-0.5', '"nan":null', '"infinite":null' } do
      assert.truthy(raw:find(text, 1, true), text .. " is not in " .. raw)
    end
  end)

  it("4 truth is true and false", function()
    local raw = S.raw(under("de_DE", { "fx", "numbers" }), "data")
    assert.truthy(raw:find('"active":true', 1, true) and raw:find('"inactive":false', 1, true), raw)
  end)

  it("5 LC_ and LANG have no influence on order", function()
    local seen = {}
    for _, name in ipairs { "de_DE", "en_US" } do
      seen[#seen + 1] = S.json.encode(under(name, { "fx", "arrays" }).envelope.data.words)
    end
    seen[3] = S.json.encode(S.status(S.tool({ "fx", "arrays" }, { env = { LC_ALL = "C" } }), 0).envelope.data.words)
    assert.equal('["10","9","Zebra","apple","fig","pear","Ähre"]', seen[1])
    assert.same({ seen[1], seen[1] }, { seen[2], seen[3] })
  end)
end)
