-- REQ-F-067: options stand where the caller likes.
local S = require "lib.spec"

S.req("REQ-F-067", "Interspersed option parsing", function()
  it("1 to 3 all orders give the same data and status", function()
    local want
    for _, args in ipairs {
      { "fx", "list", "--n", "9", "--limit", "5", "--output", "json" }, { "--output", "json", "fx", "list", "--n", "9",
        "--limit", "5" },
      { "fx", "--output", "json", "list", "--limit", "5", "--n", "9" }, { "--n", "9", "--limit=5", "fx", "list" },
      { "fx", "--limit", "5", "list", "--n=9" },
    } do
      local r = S.status(S.tool(args), 0)
      want = want or S.raw(r, "data")
      S.equal(r, want, S.raw(r, "data"), "data")
    end
  end)

  it("2 an option after a positional is an option, and -- ends them", function()
    local r = S.status(S.tool { "fx", "ok", "word", "--output", "json" }, 0)
    S.equal(r, "word", r.envelope.data.word, "word")
    r = S.status(S.tool { "fx", "ok", "--", "--output" }, 0)
    S.equal(r, "--output", r.envelope.data.word, "word after --")
  end)

  it("a boolean before the command does not eat it, and a negative number is a value", function()
    local r = S.status(S.tool { "--verbose", "fx", "ok" }, 0)
    S.equal(r, "hello", r.envelope.data.word, "word")
    r = S.status(S.tool { "fx", "types", "--count", "-5" }, 0)
    S.equal(r, -5, r.envelope.data.count, "count")
  end)

  it("positional and flag spelling are the same parameter", function()
    local a, b = S.tool { "fx", "ok", "x" }, S.tool { "fx", "ok", "--word", "x" }
    assert.equal(S.raw(S.status(a, 0), "data"), S.raw(S.status(b, 0), "data"))
    S.status(S.tool { "fx", "ok", "x", "--word", "y" }, 2)
  end)
end)
