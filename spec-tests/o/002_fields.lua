-- REQ-O-002: --fields keeps only the named fields of data.
local S = require "lib.spec"

local function keys(value)
  local names = {}
  for name in pairs(value) do names[#names + 1] = name end
  table.sort(names)
  return names
end

S.req("REQ-O-002", "--fields selector", function()
  it("1 it is on every command, and no command does anything for it", function()
    local flag = S.status(S.tool { "manifest" }, 0).envelope.meta.global_flags.fields
    assert.equal("array", flag.type)
    for path in pairs(S.commands()) do
      local args = {}
      for word in path:gmatch("[^.]+") do args[#args + 1] = word end
      args[#args + 1], args[#args + 2], args[#args + 3] = "--fields", "id", "--schema"
      S.status(S.tool(args, { shape = "json" }), 0, path)
    end
  end)

  it("2 an object keeps exactly those keys", function()
    local r = S.status(S.tool { "fx", "ok", "--fields", "word,count" }, 0)
    assert.same({ "count", "word" }, keys(r.envelope.data))
  end)

  it("3 so does each element of a list", function()
    local r = S.status(S.tool { "fx", "list", "--limit", "5", "--fields", "id" }, 0)
    S.equal(r, 5, #r.envelope.data, "items")
    for _, row in ipairs(r.envelope.data) do assert.same({ "id" }, keys(row)) end
  end)

  it("4 names are top-level names only", function()
    local r = S.status(S.tool { "fx", "ok", "--fields", "word.length,tags.1" }, 0)
    assert.equal("{}", S.raw(r, "data"))
  end)

  it("5 ok, error, warnings and meta are never filtered", function()
    local all, few = S.tool { "fx", "list", "--limit", "5" }, S.tool { "fx", "list", "--limit", "5", "--fields", "rank" }
    assert.same(keys(all.envelope.meta), keys(few.envelope.meta))
    S.equal(few, all.envelope.meta.pagination, few.envelope.meta.pagination, "pagination")
    local r = S.tool({ "fx", "noisy", "--fields", "nothing" }, { env = { HOME = S.home() } })
    S.equal(r, 1, #r.envelope.warnings, "warnings")
    r = S.tool { "fx", "exit", "--name", "NOT_FOUND", "--fields", "x" }
    S.failed(r, 5, "FX_NOT_FOUND")
  end)

  it("6 unknown names are ignored silently", function()
    local r = S.status(S.tool({ "fx", "ok", "--fields", "word,nope" }, { env = { HOME = S.home() } }), 0)
    assert.same({ "word" }, keys(r.envelope.data))
    assert.same({}, { table.unpack(r.envelope.warnings) })
  end)

  it("rows of other formats are projected too, ids are not, and trust tags stay", function()
    local r = S.status(S.tool { "fx", "list", "--n", "1", "--fields", "rank", "--output", "jsonl" }, 0)
    assert.same({ rank = 1 }, r.rows[1])
    r = S.status(S.tool { "fx", "list", "--n", "1", "--fields", "rank", "--output", "tsv" }, 0)
    assert.equal("rank\n1\n", r.stdout)
    r = S.status(S.tool { "fx", "list", "--n", "1", "--fields", "rank", "--output", "id" }, 0)
    assert.equal("item-00001\n", r.stdout)
    r = S.status(S.tool { "fx", "cat", S.spit(S.dir() .. "/f", "x"), "--fields", "path" }, 0)
    assert.same({ "_source", "_trusted", "path" }, keys(r.envelope.data))
  end)
end)
