-- REQ-O-005: ids only.
local S = require "lib.spec"

local function id_of(json) return S.tool { "fx", "one-id", "--id", json, "--output", "id" } end

S.req("REQ-O-005", "--output id extraction mode", function()
  it("1 it is a format of commands that declare an id, and of no other", function()
    assert.truthy(table.concat(S.manifest().commands["fx.list"].output_formats, " "):find("id", 1, true))
    assert.falsy((" " .. table.concat(S.manifest().commands["fx.ok"].output_formats, " ") .. " "):find(" id ", 1, true))
    local r = S.tool { "fx", "ok", "--output", "id" }
    S.failed(r, 2, "ARG_ERROR")
    S.equal(r, "", r.stdout, "stdout")
  end)

  it("2 an id of 42 is the bytes 42 and a newline", function()
    assert.equal("42\n", S.status(id_of "42", 0).stdout)
    assert.equal("9007199254740993\n", S.status(id_of "9007199254740993", 0).stdout)
  end)

  it("3 a list is one id a line", function()
    local r = S.status(S.tool { "fx", "list", "--limit", "0", "--output", "id" }, 0)
    local lines = S.lines(r.stdout)
    S.equal(r, 47, #lines, "lines")
    for i, line in ipairs(lines) do assert.equal(("item-%05d"):format(i), line) end
    assert.equal("", S.status(S.tool { "fx", "list", "--n", "0", "--output", "id" }, 0).stdout)
  end)

  it("4 nothing but the id is written, also on a terminal, with signs of life asked for, or for a key-like id", function()
    local key = "ghp_" .. ("a1"):rep(20)
    assert.equal(key .. "\n", S.status(id_of('"' .. key .. '"'), 0).stdout)
    local r = S.tool({ "fx", "one-id", "--output", "id" }, S.terminal())
    S.equal(r, "42\n", r.stdout, "on a terminal")
    r = S.status(S.tool { "fx", "list", "--n", "1", "--output", "id", "--heartbeat-ms", "1" }, 0)
    assert.equal("item-00001\n", r.stdout)
  end)

  it("4 an id that holds a line break would be two: exit 1, stdout empty", function()
    local r = id_of '"a\\nb"'
    S.failed(r, 1, "OUTPUT_INVALID")
    S.equal(r, "", r.stdout, "stdout")
    for _, bad in ipairs { '""', "null", "{}" } do S.status(id_of(bad), 1) end
  end)

  it("5 the output is another command's input", function()
    local ids = S.status(S.tool { "fx", "list", "--n", "3", "--output", "id" }, 0).stdout
    local r = S.status(S.tool({ "fx", "each-id", "-" }, { stdin = ids }), 0)
    S.equal(r, { "item-00001", "item-00002", "item-00003" }, { table.unpack(r.envelope.data.ids) }, "ids")
  end)

  it("a failure leaves stdout empty, so that the next command sees no input", function()
    local r = S.tool { "fx", "list", "--cursor", "bad", "--output", "id" }
    S.failed(r, 2, "INVALID_CURSOR")
    S.equal(r, "", r.stdout, "stdout")
    S.failed(S.tool({ "fx", "each-id", "-" }, { stdin = r.stdout }), 2, "EMPTY_STDIN")
  end)
end)
