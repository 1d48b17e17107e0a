-- REQ-F-018: every list says what it is a part of.
local S = require "lib.spec"
local json = S.json

local KEYS = { "has_more", "next_cursor", "returned", "total", "truncated" }

local function page(args)
  local r = S.status(S.tool(args), 0)
  return r.envelope.meta.pagination or error(S.about(r, "no meta.pagination"), 2), r
end

S.req("REQ-F-018", "Pagination metadata on list commands", function()
  it("1 every list has the pagination object, complete ones too", function()
    for _, n in ipairs { 0, 3, 20, 21, 47 } do page { "fx", "list", "--n", tostring(n) } end
    local r = S.tool { "fx", "ok" }
    S.equal(r, nil, r.envelope.meta.pagination, "pagination of a command that is no list")
  end)

  it("2 all five keys are always there with their types", function()
    for _, n in ipairs { 0, 3, 47 } do
      local p, r = page { "fx", "list", "--n", tostring(n) }
      local keys = {}
      for k in pairs(p) do keys[#keys + 1] = k end
      table.sort(keys)
      S.equal(r, json.array(KEYS), json.array(keys), "keys")
      S.equal(r, n, p.total, "total")
      S.equal(r, #r.envelope.data, p.returned, "returned")
      S.truth(r, type(p.truncated) == "boolean" and type(p.has_more) == "boolean", "types")
    end
  end)

  it("3 a part is truncated and has a cursor", function()
    local p, r = page { "fx", "list", "--n", "47" }
    S.equal(r, true, p.truncated, "truncated")
    S.equal(r, true, p.has_more, "has_more")
    S.truth(r, type(p.next_cursor) == "string" and #p.next_cursor > 0, "next_cursor")
    S.equal(r, p.next_cursor, r.envelope.meta.cursor, "meta.cursor")
  end)

  it("4 a complete list is not truncated and has none", function()
    local p, r = page { "fx", "list", "--n", "3" }
    S.equal(r, false, p.truncated, "truncated")
    S.equal(r, false, p.has_more, "has_more")
    S.equal(r, json.null, p.next_cursor, "next_cursor")
    S.equal(r, nil, r.envelope.meta.cursor, "meta.cursor")
  end)

  it("5 the cursor leads to the following page: 20, 20, 7, no gap, no double", function()
    local seen, sizes, cursor = {}, {}, nil
    repeat
      local args = { "fx", "list", "--n", "47" }
      if cursor then args[#args + 1] = "--cursor"; args[#args + 1] = cursor end
      local p, r = page(args)
      for _, item in ipairs(r.envelope.data) do
        assert.is_nil(seen[item.id], "twice: " .. item.id)
        seen[item.id] = true
      end
      sizes[#sizes + 1] = p.returned
      cursor = p.next_cursor ~= json.null and p.next_cursor or nil
      S.equal(r, cursor ~= nil, p.truncated, "truncated")
    until not cursor or #sizes > 9
    assert.same({ 20, 20, 7 }, sizes)
    for i = 1, 47 do assert.is_true(seen[("item-%05d"):format(i)], i) end
  end)

  it("5 a cursor of nowhere or of another query is refused", function()
    S.status(S.tool { "fx", "list", "--cursor", "garbage" }, 2)
    local p = page { "fx", "list", "--n", "47" }
    S.status(S.tool { "fx", "list", "--n", "300", "--cursor", p.next_cursor }, 2)
  end)

  it("6 nothing of it is inside data", function()
    local _, r = page { "fx", "list" }
    S.truth(r, json.is_array(r.envelope.data), "data is no array")
    S.truth(r, not S.raw(r, "data"):find("next_cursor", 1, true), "pagination inside data")
  end)
end)
