-- REQ-O-001: --output chooses the format, on every command.
local S = require "lib.spec"

local FORMATS = { "json", "jsonl", "tsv", "plain", "table" }

local function out(format, ...) return S.status(S.tool { "fx", "list", "--n", "3", "--output", format, ... }, 0) end

S.req("REQ-O-001", "--output format flag", function()
  it("1 --output is on every command, without the command's doing", function()
    for path in pairs(S.manifest().commands) do
      local args = {}
      for word in path:gmatch("[^.]+") do args[#args + 1] = word end
      args[#args + 1] = "--output"
      args[#args + 1] = "rich"
      S.status(S.tool(args), 2, path .. " --output rich")
    end
  end)

  it("2 json, jsonl, tsv, plain and table are known", function()
    for _, format in ipairs(FORMATS) do S.truth(out(format), true, format) end
  end)

  it("3 json is one envelope without colour or prose", function()
    local r = out "json"
    S.equal(r, 3, #r.envelope.data, "items")
  end)

  it("4 jsonl is one object per line in the row's shape, without an envelope", function()
    local r = out "jsonl"
    S.equal(r, 3, #r.rows, "rows")
    S.equal(r, "item-00001", r.rows[1].id, "first row")
    S.equal(r, nil, r.envelope, "envelope")
  end)

  it("5 tsv has a header and tab-separated rows", function()
    local r = out "tsv"
    local lines = S.lines(r.stdout)
    S.equal(r, 4, #lines, "lines")
    S.truth(r, lines[1]:find("id\t", 1, true) and lines[1]:find("rank", 1, true), "header")
    for i = 2, 4 do S.truth(r, lines[i]:find("item-0000" .. i - 1, 1, true) and lines[i]:find("\t", 1, true), "row "
      .. i) end
  end)

  it("6 plain is undecorated, table has ASCII borders and no colour", function()
    local r = out "plain"
    S.truth(r, r.stdout:find("item-00002", 1, true) and not r.stdout:find("[|+\27]"), "plain")
    r = out "table"
    S.truth(r, r.stdout:find("item-00002", 1, true) and r.stdout:find("|", 1, true), "table")
    S.truth(r, not r.stdout:find("[\128-\255\27]"), "table is not ASCII")
    local t = S.tool({ "fx", "list", "--n", "3", "--output", "table" }, S.terminal())
    S.truth(t, not t.stdout:find("\27", 1, true), "colour in a table on a terminal")
  end)

  it("7 there is no alias: --format and --json are unknown", function()
    for _, args in ipairs { { "fx", "list", "--format", "json" }, { "fx", "list", "--json" }, { "manifest", "--json" },
                            { "fx", "ok", "-o", "json" } } do
      S.status(S.tool(args), 2)
    end
  end)

  it("8 the rich form of a terminal cannot be asked for, nor YAML", function()
    for _, format in ipairs { "rich", "yaml", "JSON", "" } do
      local r = S.tool({ "fx", "ok", "--output", format })
      S.failed(r, 2, "ARG_ERROR")
    end
  end)

  it("9 --output beats TOOL_OUTPUT, which beats the default", function()
    local r = S.tool({ "fx", "list", "--n", "3" }, { env = { TOOL_OUTPUT = "tsv" } })
    S.equal(r, 4, #S.lines(r.stdout), "lines under TOOL_OUTPUT=tsv")
    r = S.tool({ "fx", "list", "--n", "3", "--output", "json" }, { env = { TOOL_OUTPUT = "tsv" } })
    S.truth(r, r.envelope, "no envelope")
    S.status(S.tool({ "fx", "ok" }, { env = { TOOL_OUTPUT = "rich" } }), 2)
  end)

  it("10 without a terminal the default is json", function()
    local r = S.status(S.tool { "fx", "list" }, 0)
    S.equal(r, 20, #r.envelope.data, "items")
  end)

  it("failures: json and jsonl on stdout; the others leave stdout empty and put the envelope on stderr", function()
    for _, format in ipairs { "json", "jsonl" } do
      local r = S.tool { "fx", "exit", "--name", "NOT_FOUND", "--output", format }
      S.failed(r, 5, "FX_NOT_FOUND")
      S.truth(r, r.stdout:find("FX_NOT_FOUND", 1, true), "not on stdout")
    end
    for _, format in ipairs { "tsv", "plain", "table", "id" } do
      local r = S.tool { "fx", "list", "--cursor", "garbage", "--output", format }
      S.status(r, 2)
      S.equal(r, "", r.stdout, "stdout")
      S.truth(r, r.envelope and r.stderr:find('{"ok":false', 1, true), "no envelope on stderr")
    end
  end)

  it("values with tabs and newlines keep a TSV row on one line", function()
    local r = S.status(S.tool { "fx", "ok", "--word", "a\tb\nc", "--output", "tsv" }, 0)
    S.equal(r, 2, #S.lines(r.stdout), "lines")
    local _, header = S.lines(r.stdout)[1]:gsub("\t", "")
    local _, row = S.lines(r.stdout)[2]:gsub("\t", "")
    S.equal(r, header, row, "columns")
  end)
end)
