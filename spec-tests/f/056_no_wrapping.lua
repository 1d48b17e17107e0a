-- REQ-F-056: the width of a terminal has no influence on JSON.
local S = require "lib.spec"

S.req("REQ-F-056", "Terminal width wrapping disabled in JSON mode", function()
  it("1 to 3 one line whatever COLUMNS says, and a long text stays whole", function()
    local want = S.raw(S.status(S.tool { "fx", "longurl" }, 0), "data")
    for _, columns in ipairs { "40", "1", "0", "nonsense" } do
      local r = S.status(S.tool({ "fx", "longurl" }, { env = { COLUMNS = columns } }), 0)
      S.equal(r, want, S.raw(r, "data"), "data with COLUMNS=" .. columns)
      S.truth(r, not r.envelope.data.url:find("\n", 1, true), "a line break in the value")
    end
    local r = S.tool({ "fx", "longurl", "--output", "json" }, S.terminal { cols = 40 })
    S.equal(r, 1, #S.lines(r.stdout), "lines on a narrow terminal")
  end)

  it("4 --width is known, 0 does not wrap", function()
    S.status(S.tool { "fx", "longurl", "--width", "0" }, 0)
    S.status(S.tool { "fx", "longurl", "--width", "80" }, 0)
    S.status(S.tool { "fx", "longurl", "--width", "wide" }, 2)
  end)
end)
