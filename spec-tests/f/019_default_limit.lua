-- REQ-F-019: lists are short unless the caller asks for more.
local S = require "lib.spec"

local function list(...)
  local r = S.status(S.tool { "fx", "list", "--n", "150", ... }, 0)
  return #r.envelope.data, r.envelope.meta.pagination, r
end

S.req("REQ-F-019", "Default output limit", function()
  it("1 twenty items by default", function()
    local n, p, r = list()
    S.equal(r, 20, n, "items")
    S.equal(r, 150, p.total, "total")
    S.equal(r, true, p.truncated, "truncated")
  end)

  it("2 --limit gives up to that many", function()
    for _, limit in ipairs { 1, 19, 20, 21, 100 } do
      local n, p, r = list("--limit", tostring(limit))
      S.equal(r, limit, n, "items")
      S.equal(r, true, p.truncated, "truncated")
    end
    local n, p, r = list("--limit", "500")
    S.equal(r, 150, n, "items")
    S.equal(r, false, p.truncated, "truncated")
  end)

  it("3 --limit 0 gives all", function()
    local n, p, r = list("--limit", "0")
    S.equal(r, 150, n, "items")
    S.equal(r, false, p.truncated, "truncated")
  end)

  it("3 a limit and a cursor go together without gap or double", function()
    local _, p = list("--limit", "33")
    local n, q, r = list("--limit", "33", "--cursor", p.next_cursor)
    S.equal(r, 33, n, "items")
    S.equal(r, "item-00034", r.envelope.data[1].id, "first of the second page")
    S.equal(r, true, q.truncated, "truncated")
  end)

  it("4 the author's default counts", function()
    S.equal(S.tool "fx list", 20, S.contract("fx list").parameters.limit.default, "default")
  end)

  it("5 the default shows in --schema, under parameters and flags alike", function()
    local data, r = S.contract "fx list"
    for _, key in ipairs { "parameters", "flags" } do
      local limit = S.truth(r, data[key].limit, "no limit under " .. key)
      S.equal(r, "integer", limit.type, "type")
      S.equal(r, false, limit.required, "required")
      S.equal(r, 20, limit.default, "default")
      S.truth(r, data[key].cursor, "no cursor under " .. key)
    end
  end)

  it("6 a list that was cut by the limit has no other mark of truncation, and bad limits exit 2", function()
    local _, _, r = list()
    S.truth(r, r.envelope.meta.truncated ~= true, "meta.truncated belongs to the byte cap")
    for _, bad in ipairs { "-1", "x", "1.5", "" } do S.status(S.tool { "fx", "list", "--limit", bad }, 2) end
  end)
end)
