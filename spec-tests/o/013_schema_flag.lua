-- REQ-O-013: --schema and --output-schema.
local S = require "lib.spec"

local LOCAL = { "ok", "get", "list", "arrays", "longurl", "numbers", "times", "noisy", "huge", "secrets" }

S.req("REQ-O-013", "--schema / --output-schema flag", function()
  it("1 tool --schema is JSON with all commands, on a pipe and on a terminal", function()
    local r = S.status(S.tool({ "--schema" }, { env = { TOOL_MAX_OUTPUT_BYTES = "100000000" } }), 0)
    for path in pairs(S.manifest().commands) do S.truth(r, r.envelope.data.commands[path], path .. " is missing") end
    local cut = S.status(S.tool({ "--schema" }, { env = { TOOL_MAX_OUTPUT_BYTES = "300000" } }), 0)
    S.truth(cut, #cut.stdout <= 300000 and cut.envelope.meta.truncated, "the answer is larger than it may be")
    local cursor = cut.envelope.meta.pagination.next_cursor
    local rest = S.status(S.tool { "manifest", "--cursor", cursor }, 0)
    for path in pairs(S.manifest().commands) do
      S.equal(rest, path > cursor, rest.envelope.data.commands[path] ~= nil, path .. " in the rest")
      S.equal(cut, path <= cursor, cut.envelope.data.commands[path] ~= nil, path .. " in the first part")
    end
    local t = S.status(S.tool({ "--schema" }, S.terminal()), 0)
    S.truth(t, S.json.decode(t.stdout) ~= nil, "no JSON on a terminal")
  end)

  it("2 tool --print-schema gives the same", function()
    local a, b = S.status(S.tool { "--schema" }, 0), S.status(S.tool { "--print-schema" }, 0)
    assert.equal(S.raw(a, "data"), S.raw(b, "data"))
    a, b = S.tool { "fx", "ok", "--schema" }, S.tool { "fx", "ok", "--print-schema" }
    assert.equal(S.raw(a, "data"), S.raw(b, "data"))
  end)

  it("3 each command shows parameters, output schema, exit codes, danger level, name and description", function()
    for path in pairs(S.commands()) do
      local data, r = S.contract((path:gsub("%.", " ")))
      for _, key in ipairs { "parameters", "flags", "output_schema", "exit_codes", "danger_level", "description",
        "command" } do
        S.truth(r, data[key] ~= nil, path .. " lacks " .. key)
      end
    end
  end)

  it("4 --output-schema is the JSON Schema of data, and real answers fit it", function()
    for _, name in ipairs(LOCAL) do
      local s = S.status(S.tool { "fx", name, "--output-schema" }, 0).envelope.data
      assert.same({}, S.schema.lint(s), name)
      local r = S.status(S.tool { "fx", name }, 0)
      local complaints = S.schema.validate(s, r.envelope.data)
      S.truth(r, #complaints == 0, table.concat(complaints, "; "))
    end
  end)

  it("5 it needs no required argument, runs nothing and writes nothing", function()
    local home = S.dir "home"
    for _, flag in ipairs { "--schema", "--output-schema" } do
      S.status(S.tool({ "fx", "cat", flag }, { env = { HOME = home, TMPDIR = home } }), 0)
    end
    assert.same({}, S.tree(home))
  end)

  it("6 it is stable from call to call, and JSON whatever the format variables say", function()
    for _, args in ipairs { { "--schema" }, { "fx", "types", "--schema" }, { "fx", "list", "--output-schema" } } do
      local first = S.raw(S.tool(args), "data")
      for _ = 1, 3 do assert.equal(first, S.raw(S.tool(args), "data")) end
    end
    local r = S.tool({ "fx", "ok", "--schema" }, { env = { TOOL_OUTPUT = "table" }, shape = "json" })
    S.status(r, 0)
  end)
end)
