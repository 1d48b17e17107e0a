-- REQ-O-003: --limit and --cursor.
local S = require "lib.spec"

local function page(...) return S.status(S.tool { "fx", "list", ... }, 0) end

S.req("REQ-O-003", "--limit and --cursor pagination flags", function()
  it("1 list commands have both flags, others have none", function()
    local facts = S.status(S.tool { "manifest" }, 0).envelope.meta.contracts
    for path, entry in pairs(S.commands()) do
      local lists = facts[path].default_limit ~= nil or path == "manifest" -- which takes as many as an answer can hold
      assert.same({ lists, true }, { entry.flags.cursor ~= nil, not entry.flags.cursor or entry.flags.limit ~= nil }, path)
    end
    local flags = S.contract("fx list").flags
    S.truth(page(), flags.limit and flags.cursor, "a list lacks them")
    flags = S.contract("fx ok").flags
    S.truth(page(), not flags.limit and not flags.cursor, "another command has them")
    S.failed(S.tool { "fx", "ok", "--limit", "3" }, 2, "ARG_ERROR")
    S.failed(S.tool { "fx", "ok", "--cursor", "x" }, 2, "ARG_ERROR")
  end)

  it("2 --limit is an upper bound, 20 without it, and 0 is no bound", function()
    S.equal(page(), 20, #page().envelope.data, "default")
    for _, n in ipairs { 1, 7, 20, 46, 50 } do
      local r = page("--limit", tostring(n))
      S.equal(r, math.min(n, 47), #r.envelope.data, "--limit " .. n)
    end
    S.equal(page(), 47, #page("--limit", "0").envelope.data, "--limit 0")
    for _, bad in ipairs { "-1", "x", "1.5", "" } do S.failed(S.tool { "fx", "list", "--limit", bad }, 2, "ARG_ERROR") end
  end)

  it("3 and 4 cursors of fresh processes walk the list without overlap or gap", function()
    for _, size in ipairs { 2, 20, 46 } do
      local seen, cursor, count = {}, nil, 0
      repeat
        local r = cursor and page("--limit", tostring(size), "--cursor", cursor) or page("--limit", tostring(size))
        for _, row in ipairs(r.envelope.data) do
          S.truth(r, not seen[row.id], row.id .. " comes twice")
          seen[row.id], count = true, count + 1
        end
        cursor = r.envelope.meta.cursor
      until not cursor
      assert.equal(47, count)
    end
  end)

  it("5 a cursor that is damaged or of another query exits 2", function()
    local cursor = page("--limit", "2").envelope.meta.cursor
    local flipped = (cursor:sub(1, 1) == "e" and "f" or "e") .. cursor:sub(2)
    for _, bad in ipairs { flipped, cursor:sub(1, -2), cursor .. "A", "garbage", "%%%", "e30" } do
      S.failed(S.tool { "fx", "list", "--cursor", bad }, 2, "INVALID_CURSOR")
    end
    S.failed(S.tool { "fx", "list", "--n", "30", "--cursor", cursor }, 2, "INVALID_CURSOR")
  end)

  it("6 cursors need no quoting in an address or a shell", function()
    assert.truthy(page("--limit", "2").envelope.meta.cursor:find("^[%w_-]+$"))
  end)

  it("7 meta names the next cursor, the total and the page size", function()
    local r = page("--limit", "2")
    local meta = r.envelope.meta
    S.equal(r, { 2, 47 }, { meta.page_size, meta.total }, "page_size and total")
    S.equal(r, { total = 47, returned = 2, truncated = true, has_more = true, next_cursor = meta.cursor },
      meta.pagination, "pagination")
    r = page("--limit", "0")
    S.equal(r, nil, r.envelope.meta.cursor, "cursor of the last page")
    S.equal(r, S.json.null, r.envelope.meta.pagination.next_cursor, "next_cursor of the last page")
  end)
end)
