-- REQ-F-072: lines end in LF, everywhere.
local S = require "lib.spec"

S.req("REQ-F-072", "LF line ending enforcement", function()
  it("1 and 2 no CR on either stream, in any format", function()
    for _, format in ipairs { "json", "jsonl", "plain", "tsv", "table" } do
      for _, args in ipairs { { "fx", "ansi" }, { "fx", "ansi", "--fail" }, { "fx", "ok", "--word", "a\r\nb" } } do
        local words = { table.unpack(args) }
        words[#words + 1] = "--output"
        words[#words + 1] = format
        words[#words + 1] = "--debug"
        local r = S.tool(words)
        S.truth(r, not r.stdout:find("\r", 1, true) and not r.stderr:find("\r", 1, true), "CR in " .. format)
      end
    end
  end)

  it("2 no CR on a terminal either", function()
    local r = S.tool({ "fx", "noisy", "--verbose" }, S.terminal())
    S.status(r, 0)
    S.truth(r, not r.stdout:find("\r", 1, true) and not r.stderr:find("\r", 1, true), "CR on a terminal")
  end)

  it("3 no CR in a file of --output-file", function()
    local path = S.dir() .. "/out.json"
    S.status(S.tool({ "fx", "ansi", "--output-file", path }, { shape = "none" }), 0)
    assert.truthy(S.exists(path))
    assert.is_nil(S.slurp(path):find("\r", 1, true))
  end)
end)
