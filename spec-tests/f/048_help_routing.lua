-- REQ-F-048: help is for people; without a terminal stdout stays JSON.
local S = require "lib.spec"

S.req("REQ-F-048", "Help output routing to stderr in non-TTY mode", function()
  it("1 without a terminal the help text is on stderr only", function()
    for _, args in ipairs { { "fx", "ok", "--help" }, { "fx", "--help" }, { "--help" }, { "fx", "ok", "-h" } } do
      local r = S.status(S.tool(args), 0)
      S.truth(r, r.stderr:find("Usage", 1, true), "no usage on stderr")
      S.truth(r, not r.stdout:find("Usage", 1, true), "usage on stdout")
    end
  end)

  it("2 and 3 stdout carries one object with ok, null data, meta.help and meta.schema_ref", function()
    for args, ref in pairs { ["fx ok --help"] = "fx ok --schema", ["fx ok -h"] = "fx ok --schema" } do
      local r = S.status(S.tool(args), 0)
      S.equal(r, S.json.null, r.envelope.data, "data")
      S.equal(r, true, r.envelope.meta.help, "meta.help")
      S.equal(r, ref, r.envelope.meta.schema_ref, "meta.schema_ref")
    end
    local r = S.tool { "--help" }
    S.equal(r, true, r.envelope.meta.help, "meta.help")
  end)

  it("4 on a terminal the help is on stdout", function()
    local r = S.status(S.tool({ "fx", "ok", "--help" }, S.terminal()), 0)
    S.truth(r, r.stdout:find("Usage", 1, true), "no usage on stdout")
    S.equal(r, "", r.stderr, "stderr")
  end)

  it("5 help exits 0 even when required arguments are missing", function()
    S.status(S.tool { "fx", "cat", "--help" }, 0)
    S.status(S.tool { "fx", "write", "--help" }, 0)
  end)

  it("help names every parameter, its choices and its default", function()
    local text = S.tool({ "fx", "types", "--help" }).stderr
    for _, word in ipairs { "--text", "--count", "--colour", "red", "green", "--pass-from-env", "--when" } do
      assert.truthy(text:find(word, 1, true), word .. " is not in the help")
    end
  end)
end)
