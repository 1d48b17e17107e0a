-- REQ-C-027: where options may stand is declared.
local S = require "lib.spec"

local function said(r) return S.status(r, 0).envelope.data.said end

S.req("REQ-C-027", "Commands declare option placement", function()
  it("1 a command that forwards arguments is strict, or is refused", function()
    assert.equal("strict", S.contract("fx forward").option_placement)
    local r, text = S.check("rest-anywhere", "rest-first", "odd-placement")
    S.failed(r, 2, "REGISTRATION_ERROR")
    for _, part in ipairs { 'rest parameter requires placement = "strict"', "rest must be last",
      "placement must be any or strict" } do
      S.truth(r, text:find(part, 1, true), part .. " is missing in " .. text)
    end
  end)

  it("2 and 3 the manifest shows the placement of every command; any is the default", function()
    local r = S.tool { "manifest" }
    for path, ext in pairs(r.envelope.meta.contracts) do
      local strict = ext.option_placement == "strict"
      S.truth(r, strict or ext.option_placement == "any", path)
    end
    S.equal(r, "any", r.envelope.meta.contracts["fx.ok"].option_placement, "fx.ok")
  end)

  it("4 an option of the tool behind the target is refused, and the target is not started", function()
    for _, args in ipairs { { "x", "--output", "json" }, { "x", "--loud" }, { "x", "y", "--output=json" } } do
      local line = { "fx", "forward", table.unpack(args) }
      local r = S.tool(line, { shape = "json" })
      local e = S.failed(r, 2, "ARG_ERROR")
      S.truth(r, S.json.encode(e):find("before", 1, true), "it is not said where the option belongs")
    end
  end)

  it("4 unknown options and everything behind -- go to the target as they are", function()
    assert.equal("[x]\n[--child-flag]\n", said(S.tool { "fx", "--output", "json", "forward", "x", "--child-flag" }))
    assert.equal("[x]\n[--output]\n[json]\n", said(S.tool({ "fx", "forward", "x", "--", "--output", "json" },
      { shape = "json" })))
    local r = S.tool { "fx", "forward", "--loud", "x", "-y" }
    assert.equal("[x]\n[-y]\n", said(r))
    S.equal(r, true, r.envelope.data.loud, "loud")
  end)

  it("any: the order of flags and values does not matter", function()
    local want
    for _, args in ipairs {
      { "fx", "rules", "--form", "csv", "--separator", ";", "--rows", "2" },
      { "fx", "rules", "--rows", "2", "--separator", ";", "--form", "csv" },
      { "--rows", "2", "fx", "rules", "--separator=;", "--form=csv" },
    } do
      if args[1] == "fx" then
        local r = S.status(S.tool(args), 0)
        want = want or S.raw(r, "data")
        assert.equal(want, S.raw(r, "data"))
      end
    end
    local file = S.spit(S.dir() .. "/f", "")
    for _, args in ipairs { { "fx", "set", "k", "v", "--file", file }, { "fx", "set", "--file", file, "k", "v" },
      { "fx", "set", "k", "--file", file, "v" } } do
      local r = S.status(S.tool(args), 0)
      S.equal(r, "k", r.envelope.data.key, "key")
      S.equal(r, "v", r.envelope.data.value, "value")
    end
  end)
end)
