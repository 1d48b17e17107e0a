-- Promise: proves the way of an answer: shape, order, pages, masks, projection, tags, formats and the byte limit.

package.path = "spec-tests/unit/lua/?.lua;" .. package.path
local host = require "shim_args"
local output = require "output"

local json = host.json
local null = json.null

local function contract(more)
  local C = { path = "fx.list", words = { "fx", "list" }, params = {}, flags = {}, by_name = {}, raw = {} }
  for k, v in pairs(more or {}) do C[k] = v end
  return C
end

local function finish(C, data, opts)
  opts = opts or {}
  opts.format = opts.format or "json"
  local out, err = output.finish(C, data, opts)
  assert(out, err and err.message)
  return out
end

local function data_of(C, data, opts) return finish(C, data, opts).data_json end

local function words_are(words) return function() return words end end

local ITEMS = contract { returns = { list = { id = "string", n = "integer?" } }, page = 20, id = "id" }

local function items(count)
  local list = {}
  for i = 1, count do list[i] = { id = string.format("i%04d", count + 1 - i), n = i } end
  return list
end

describe("shape", function()
  it("tells empty lists from empty objects by the contract", function()
    local C = contract { returns = { tags = { list = "string" }, labels = { map = "string" }, owner = "string!" } }
    assert.same('{"labels":{},"owner":null,"tags":[]}', data_of(C, { tags = {}, labels = {} }))
    assert.same("[]", data_of(ITEMS, {}))
  end)

  it("writes nulls only for nullable fields", function()
    local C = contract { returns = { a = "string!", b = "string?", c = "string!?" } }
    assert.same('{"a":null}', data_of(C, {}))
    assert.same("{}", data_of(C, { }, { fill = false }))
    assert.same('{"a":null,"b":null}', data_of(C, { b = null }))
  end)

  it("normalises points in time and paths", function()
    local C = contract { returns = { at = "datetime", file = "path", text = "string" } }
    local got = data_of(C, { at = "2024-03-11T15:30:00+01:00", file = "./src/x", text = "./x" }, { cwd = "/project" })
    assert.same('{"at":"2024-03-11T14:30:00Z","file":"/project/src/x","text":"./x"}', got)
  end)

  it("does not change the author's tables", function()
    local data = { { id = "b" }, { id = "a" } }
    finish(ITEMS, data)
    assert.same({ { id = "b" }, { id = "a" } }, data)
  end)

  it("refuses what cannot be written", function()
    local loop = {}
    loop.x = loop
    local out, err = output.finish(contract { returns = "any" }, loop, { format = "json" })
    assert.is_nil(out)
    assert.same("OUTPUT_INVALID", err.code)
    out, err = output.finish(contract { returns = "any" }, { f = print }, { format = "json" })
    assert.is_nil(out)
    assert.same("OUTPUT_INVALID", err.code)
  end)

  it("wraps bytes", function()
    assert.same('{"encoding":"base64","size_bytes":3,"type":"binary","value":"AP9B"}',
      json.encode(output.bytes("\0\255A")))
  end)
end)

describe("order", function()
  local C = contract { returns = {
    words = { list = "string" }, numbers = { list = "integer" }, kept = { list = "string", ordered = true },
    rows = { list = { id = "string" } }, any = "any", mixed = { list = "any" },
  } }

  it("sorts what is not declared as ordered", function()
    local got = json.decode(data_of(C, {
      words = { "b", "a", "B" }, numbers = { 10, 9, 1 }, kept = { "z", "a" }, rows = { { id = "2" }, { id = "1" } },
      any = { "z", "a" }, mixed = { "z", 1, "a" },
    }))
    assert.same({ "B", "a", "b" }, got.words)
    assert.same({ 1, 9, 10 }, got.numbers)
    assert.same({ "z", "a" }, got.kept)
    assert.same({ { id = "1" }, { id = "2" } }, got.rows)
    assert.same({ "z", "a" }, got.any)
    assert.same({ "z", 1, "a" }, got.mixed)
  end)

  it("sorts rows by the declared id", function()
    local D = contract { returns = { list = { a = "string", key = "integer" } }, id = "key" }
    assert.same('[{"a":"z","key":2},{"a":"a","key":10}]', data_of(D, { { a = "a", key = 10 }, { a = "z", key = 2 } }))
  end)
end)

describe("pages", function()
  local function walk(count, limit, more)
    local seen, cursor, sizes = {}, nil, {}
    repeat
      local opts = { limit = limit, args = { state = "x" } }
      for k, v in pairs(more or {}) do opts[k] = v end
      if cursor then opts.start = assert(output.read_cursor(ITEMS, opts.args, cursor)) end
      local out = finish(ITEMS, items(count), opts)
      for _, row in ipairs(out.data) do seen[#seen + 1] = row.id end
      sizes[#sizes + 1] = #out.data
      local p = out.meta.pagination
      assert.same(count, p.total)
      assert.same(#out.data, p.returned)
      assert.same(p.truncated, p.has_more)
      assert.same(out.meta.cursor or null, p.next_cursor)
      cursor = out.meta.cursor
    until not cursor
    return seen, sizes
  end

  it("follow each other without gap or overlap", function()
    local seen, sizes = walk(47, nil)
    assert.same({ 20, 20, 7 }, sizes)
    assert.same(47, #seen)
    for i, id in ipairs(seen) do assert.same(string.format("i%04d", i), id) end
    assert.same({ 100, 50 }, select(2, walk(150, 100)))
    assert.same({ 150 }, select(2, walk(150, 0)))
    assert.same({ 3 }, select(2, walk(3, 20)))
  end)

  it("refuse foreign and damaged cursors", function()
    local out = finish(ITEMS, items(30), { args = { a = 1 } })
    local cursor = out.meta.cursor
    assert.truthy(cursor:find("^[%w_-]+$"))
    assert.is_table(output.read_cursor(ITEMS, { a = 1 }, cursor))
    local other = contract { path = "fx.other" }
    local C = contract { params = { { name = "a", type = "integer" } } }
    assert.is_nil((output.read_cursor(other, { a = 1 }, cursor)))
    local page = finish(setmetatable({ params = C.params }, { __index = ITEMS }), items(30), { args = { a = 1 } })
    local mine = page.meta.cursor
    assert.is_table(output.read_cursor(C, { a = 1 }, mine))
    assert.is_nil((output.read_cursor(C, { a = 2 }, mine)))
    for at = 1, #cursor do
      local c = cursor:sub(at, at) == "A" and "B" or "A"
      local bad, err = output.read_cursor(ITEMS, { a = 1 }, cursor:sub(1, at - 1) .. c .. cursor:sub(at + 1))
      assert.is_nil(bad, at)
      assert.same("INVALID_CURSOR", err.code)
      assert.same(2, err.exit)
    end
    for _, text in ipairs { "", "garbage", "e30", "!!", cursor .. "A" } do
      assert.is_nil((output.read_cursor(ITEMS, {}, text)), text)
    end
  end)

  it("continue an author's own pages inside a page", function()
    -- The service has pages of 5; the host joined two of them and 7 items are wanted.
    local function service(token) return { { id = token .. "c" }, { id = token .. "a" }, { id = token .. "b" },
      { id = token .. "e" }, { id = token .. "d" } } end
    local seen, start, rounds = {}, nil, 0
    repeat
      local data, pages, skip = {}, {}, start and start.skip or 0
      local token = start and start.token or 1
      while token and #data - skip < 7 do
        local part = service(token)
        for _, item in ipairs(part) do data[#data + 1] = item end
        pages[#pages + 1] = { token = token, count = #part }
        token = token < 4 and token + 1 or nil
      end
      local out = finish(ITEMS, data, { limit = 7, start = start,
        page = { pages = pages, next = token, total = 20, size = 5 } })
      for _, row in ipairs(out.data) do seen[#seen + 1] = row.id end
      assert.same(20, out.meta.total)
      start = out.meta.cursor and assert(output.read_cursor(ITEMS, nil, out.meta.cursor))
      if start then assert.same(5, start.size) end
      rounds = rounds + 1
    until not start
    assert.same("1a1b1c1d1e2a2b2c2d2e3a3b3c3d3e4a4b4c4d4e", table.concat(seen))
    assert.same(3, rounds)
  end)

  it("say null where the total is unknown", function()
    local out = finish(ITEMS, items(5), { page = { next = "t2" }, limit = 5 })
    assert.same(null, out.meta.pagination.total)
    assert.is_true(out.meta.pagination.truncated)
    assert.is_nil(out.meta.total)
  end)
end)

describe("masks", function()
  local C = contract { returns = "any", sensitive = { "pin", "code" }, id = "id" }
  local jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1NyIsImV4cCI6MTg5MzQ1NjAwMH0.c2ln"

  local function masked(value, more) return json.decode(data_of(more or C, { x = value })).x end

  it("summarise tokens, keys and encoded data", function()
    assert.same("[JWT: sub=u7, exp=2030-01-01T00:00:00Z]", masked(jwt))
    assert.same("[BASE64: 192 bytes]", masked(("A"):rep(256)))
    assert.same("[KEY: sk-live-...]", masked("sk-live-abcdefghijklmnopqrstuvwxyz"))
    assert.same("[JWT: sub=unknown, exp=unknown]", masked("eyJhbGciOiJub25lIn0.e30.AAAA"))
  end)

  it("leave harmless strings alone", function()
    for _, text in ipairs { "2.1.0", "www.example.com", "20.11.0-rc.1",
      "/usr/lib/x86_64/some/long/path/of/a/library/file", "https://example.com/a/b",
      ("x "):rep(40), "123e4567-e89b-12d3-a456-426614174000", "sha256:" .. ("a"):rep(64) } do
      assert.same(text, masked(text))
    end
    local sha = ("0123456789abcdef"):rep(4)
    local got = json.decode(data_of(C, { id = ("A"):rep(50), sha256 = sha, commit = sha, etag = sha, other = sha }))
    assert.same(("A"):rep(50), got.id)
    assert.same({ sha, sha, sha }, { got.sha256, got.commit, got.etag })
    assert.same("[BASE64: 48 bytes]", got.other)
  end)

  it("cover declared fields whatever they hold, and show little of short ones", function()
    local got = json.decode(data_of(C, { pin = "1234", code = 99, list = { { pin = "abcdefghijklmnopqrstuvwxyz" } } }))
    assert.same("[KEY: 1...]", got.pin)
    assert.same("[REDACTED]", got.code)
    assert.same("[KEY: abcdefgh...]", got.list[1].pin)
  end)

  it("are lifted by unmask and spare declared bytes", function()
    assert.same(jwt, json.decode(data_of(C, { x = jwt }, { unmask = true })).x)
    local bytes = output.bytes(("z"):rep(100))
    assert.same(bytes.value, json.decode(data_of(C, { x = bytes })).x.value)
  end)
end)

describe("fields and tags", function()
  local C = contract { returns = "any", external = true }

  it("projects objects and rows, and keeps the tags", function()
    assert.same('{"_source":"external","_trusted":false,"a":1}',
      data_of(C, { a = 1, b = 2 }, { fields = { "a", "no" } }))
    assert.same('{"_source":"external","_trusted":false,"items":[{"a":1}]}',
      data_of(C, { { a = 1, b = 2 } }, { fields = { "a" } }))
    local D = contract { returns = "any" }
    assert.same('[{"a":1},{"a":2}]', data_of(D, { { a = 1, b = 1 }, { a = 2 } }, { fields = { "a" } }))
  end)

  it("tags outside data only, as the contract or the page says", function()
    local D = contract { returns = "any", external = { "content" } }
    assert.same('{"_external_fields":["content"],"_source":"external","_trusted":false,"content":"x"}',
      data_of(D, { content = "x" }))
    assert.same('{"a":1}', data_of(C, { a = 1 }, { tainted = false }))
    assert.same('[]', data_of(ITEMS, {}, { page = { external = false } }))
    assert.same('{"_source":"external","_trusted":false,"items":[]}',
      data_of(ITEMS, {}, { page = { external = true } }))
  end)

  it("leaves tags out on request, and says so", function()
    local out = finish(C, { a = 1 }, { injection_protection = false })
    assert.same('{"a":1}', out.data_json)
    assert.is_false(out.meta.injection_protection)
    assert.truthy(out.warnings[1]:find("^INJECTION_PROTECTION_OFF: "))
  end)

  it("drops volatile fields from stable output", function()
    local D = contract { returns = "any", volatile = { "data.fetched_at", "n" } }
    assert.same('{"a":1}', data_of(D, { a = 1, fetched_at = 2, n = 3 }, { stable = true }))
    assert.same('[{"a":1}]', data_of(D, { { a = 1, n = 3 } }, { stable = true }))
    assert.same('{"a":1,"n":3}', data_of(D, { a = 1, n = 3 }))
  end)
end)

describe("formats", function()
  local C = contract { returns = { list = { id = "string", note = "string!" } }, columns = { "id", "note" }, id = "id",
    page = 9 }
  local rows = { { id = "b", note = "tab\there\n2" }, { id = "a" } }

  local function text(format, data, more)
    local opts = { format = format }
    for k, v in pairs(more or {}) do opts[k] = v end
    return finish(C, data or rows, opts).text
  end

  it("jsonl: one object per line, tagged when from outside", function()
    assert.same('{"id":"a","note":null}\n{"id":"b","note":"tab\\there\\n2"}\n', text("jsonl"))
    assert.same("", text("jsonl", {}))
    assert.same('{"_source":"external","_trusted":false,"id":"a","note":null}\n',
      text("jsonl", { { id = "a" } }, { external = true }))
  end)

  it("tsv: a header and escaped cells", function()
    assert.same("id\tnote\na\t\nb\ttab\\there\\n2\n", text("tsv"))
    assert.same("id\tnote\n", text("tsv", {}))
    assert.same("note\n\n", text("tsv", { { id = "a" } }, { fields = { "note" } }))
  end)

  it("take the declared fields as columns where none are named, the id first", function()
    local D = contract { returns = { list = { n = "integer?", id = "string", b = "string?" } }, id = "id" }
    assert.same("id\tb\tn\nx\t\t\n", finish(D, { { id = "x" } }, { format = "tsv" }).text)
    assert.same("id\tb\tn\n", finish(D, {}, { format = "tsv" }).text)
    local E = contract { returns = { id = "string" } }
    assert.same("effect\nwould_delete\n", finish(E, { effect = "would_delete" }, { format = "tsv" }).text)
  end)

  it("plain: lines without decoration", function()
    assert.same("a  -\nb  tab here 2\n", text("plain"))
    local D = contract { returns = { b = "integer", a = "string" } }
    assert.same("a: x\nb: 1\n", finish(D, { a = "x", b = 1 }, { format = "plain" }).text)
  end)

  it("table: ASCII borders, no colour", function()
    assert.same("+----+------------+\n| id | note       |\n+----+------------+\n| a  | -          |\n"
      .. "| b  | tab here 2 |\n+----+------------+\n", text("table"))
  end)

  it("id: ids and nothing else", function()
    assert.same("a\nb\n", text("id"))
    local D = contract { returns = { id = "integer" }, id = "id" }
    assert.same("42\n", finish(D, { id = 42 }, { format = "id" }).text)
    for _, bad in ipairs { { id = "x\ny" }, { other = 1 } } do
      local out, err = output.finish(D, bad, { format = "id" })
      assert.is_nil(out)
      assert.same("OUTPUT_INVALID", err.code)
    end
  end)

  it("are known by name", function()
    assert.same({ "json", "jsonl", "tsv", "plain", "table", "id" }, output.formats(C))
    assert.is_nil(output.format_problem(C, "tsv"))
    local problem = output.format_problem(contract {}, "id", "TOOL_OUTPUT")
    assert.same("TOOL_OUTPUT", problem.param)
    assert.truthy(problem.message:find("json, jsonl", 1, true))
    assert.is_table(output.format_problem(C, "rich"))
  end)

  it("rich: for people, with what is left over", function()
    local out = finish(ITEMS, items(30), { format = "rich", program_line = words_are({ "tool", "fx", "list" }), color = false })
    assert.truthy(out.text:find("^ID%s+N\n"))
    assert.truthy(out.text:find("20 of 30 shown. More: tool fx list --cursor ", 1, true))
    assert.is_nil(out.text:find("\27"))
    local D = contract { returns = "any", raw = { render = function(data, ui) ui.text("Hello " .. data.name) end } }
    assert.same("Hello x\n", finish(D, { name = "x" }, { format = "rich" }).text)
    assert.same("Nothing found.\n", finish(ITEMS, {}, { format = "rich" }).text)
    assert.same("a     1\nlong  x, y\n", finish(contract { returns = "any" }, { a = 1, long = { "x", "y" } },
      { format = "rich" }).text)
  end)
end)

describe("the byte limit", function()
  local function big(count)
    local list = {}
    for i = 1, count do list[i] = { id = string.format("i%05d", i), n = i, text = ("x "):rep(50) } end
    return list
  end
  local C = contract { returns = { list = "any" }, page = 20, id = "id" }

  it("leaves small answers alone", function()
    local out = finish(C, big(10))
    assert.is_nil(out.meta.truncated)
    assert.is_nil(out.meta.truncation_hint)
  end)

  it("trims whole rows, and its hint leads through all of them", function()
    local words, seen, rounds = { "tool", "fx list", "--limit", "0" }, {}, 0
    local start = nil
    while true do
      local out = finish(C, big(200), { limit = 0, start = start, max_bytes = 4096, program_line = words_are(words) })
      for _, row in ipairs(out.data) do seen[#seen + 1] = row.id end
      assert.is_true(#out.data_json <= 4096 - 1024)
      assert.same(#out.data, out.meta.pagination.returned)
      rounds = rounds + 1
      if not out.meta.truncated then
        assert.is_false(out.meta.pagination.truncated)
        break
      end
      assert.same(200, out.meta.total_count)
      assert.same(#out.data, out.meta.returned_count)
      assert.is_true(out.meta.pagination.truncated)
      local hint = out.meta.truncation_hint
      assert.same("tool 'fx list' --limit 0 --cursor " .. out.meta.cursor, hint)
      words = { "tool", "fx list", "--limit", "0", "--cursor", out.meta.cursor }
      start = assert(output.read_cursor(C, nil, out.meta.cursor))
    end
    assert.same(200, #seen)
    for i, id in ipairs(seen) do assert.same(string.format("i%05d", i), id) end
    assert.is_true(rounds > 5)
  end)

  it("asks for what is left of a limit", function()
    local out = finish(C, big(200), { limit = 150, max_bytes = 4096,
      program_line = words_are({ "tool", "x", "--limit=150", "--", "-a" }) })
    local left = 150 - #out.data
    assert.same("tool x --limit " .. left .. " --cursor " .. out.meta.cursor .. " -- -a", out.meta.truncation_hint)
  end)

  it("cuts single strings visibly, on a character's boundary, with a warning", function()
    local D = contract { returns = "any" }
    local out = finish(D, { body = ("ä"):rep(9000), id = "x" }, { max_bytes = 4096, program_line = words_are({ "tool", "x" }) })
    assert.is_true(#out.data_json <= 4096)
    assert.truthy(out.data.body:find("…[truncated]", 1, true))
    assert.truthy(utf8.len(out.data.body))
    assert.same("x", out.data.id)
    assert.is_true(out.meta.truncated)
    local kept = #out.data.body - #"…[truncated]"
    assert.same("TRUNCATION: data.body returned_bytes=" .. kept .. " original_bytes=18000", out.warnings[1])
    assert.same("data.body", out.warning_details[1].field)
    assert.same("TOOL_MAX_OUTPUT_BYTES=1048576 tool x", out.meta.truncation_hint)
  end)

  it("trims arrays inside objects and never cuts base64", function()
    local D = contract { returns = "any" }
    local out = finish(D, { rows = big(100), name = "n" }, { max_bytes = 4096 })
    assert.is_true(#out.data_json <= 4096)
    assert.same(100, out.meta.total_count)
    assert.same(#out.data.rows, out.meta.returned_count)
    out = finish(D, { png = output.bytes(("\1"):rep(9000)), name = "n" }, { max_bytes = 4096 })
    assert.same(null, out.data.png.value)
    assert.same(9000, out.data.png.size_bytes)
    assert.is_true(out.meta.truncated)
  end)

  it("survives one row larger than everything", function()
    local out = finish(C, { { id = "a", text = ("\31"):rep(50000) }, { id = "b" } }, { max_bytes = 4096 })
    assert.is_true(#out.data_json <= 4096)
    assert.same(1, #out.data)
    assert.truthy(out.meta.cursor)
  end)

  it("holds for lines too", function()
    local out = finish(C, big(200), { format = "jsonl", limit = 0, max_bytes = 4096, program_line = words_are({ "tool", "x" }) })
    assert.is_true(#out.text <= 4096)
    local _, lines = out.text:gsub("\n", "")
    assert.same(lines, out.meta.returned_count)
    assert.truthy(out.warnings[1]:find("^TRUNCATION: "))
    local next_page = finish(C, big(200), { format = "jsonl", limit = 1,
      start = assert(output.read_cursor(C, nil, out.meta.cursor)) })
    assert.truthy(next_page.text:find(string.format("i%05d", lines + 1), 1, true))
  end)
end)
