-- Promise: proves that following the audit log loses and repeats nothing: equal timestamps, overlapping pages,
-- fractions of seconds.

package.path = "commands/sentryagent/?.lua;" .. package.path
local audit = require "lib.audit"

local function event(id, timestamp) return { eventId = id, timestamp = timestamp } end

-- Gives out everything new of one poll; its ids in order.
local function poll(cursor, events)
  local ids = {}
  for i, e in ipairs(cursor:take(events)) do
    ids[i] = e.eventId
    cursor:passed(e)
  end
  return table.concat(ids, " ")
end

local T = "2031-02-03T10:00:0%dZ"
local function at(second) return T:format(second) end

describe("the cursor of the audit log", function()
  it("gives events oldest first, each once", function()
    local cursor = audit.new(at(0))
    assert.same("a b c", poll(cursor, { event("c", at(3)), event("b", at(2)), event("a", at(1)) }))
    assert.same(at(3), cursor.since)
    assert.same("", poll(cursor, { event("c", at(3)) }))
    assert.same("d", poll(cursor, { event("d", at(4)), event("c", at(3)) }))
  end)

  it("tells events of one timestamp apart by id", function()
    local cursor = audit.new(at(0))
    assert.same("a b", poll(cursor, { event("b", at(1)), event("a", at(1)) }))
    assert.same("c", poll(cursor, { event("c", at(1)), event("b", at(1)), event("a", at(1)) }))
    assert.same("", poll(cursor, { event("c", at(1)), event("b", at(1)), event("a", at(1)) }))
    assert.same("d e", poll(cursor, { event("e", at(2)), event("d", at(1)), event("c", at(1)) }))
  end)

  it("takes an event that two pages show once", function()
    local cursor = audit.new(at(0))
    assert.same("a b c", poll(cursor, { event("c", at(3)), event("b", at(2)), event("b", at(2)), event("a", at(1)) }))
  end)

  it("keeps the service's order within a timestamp, reversed", function()
    local events, wanted = {}, {}
    for i = 50, 1, -1 do events[#events + 1] = event("e" .. i, at(1)) end
    for i = 1, 50 do wanted[i] = "e" .. i end
    assert.same(table.concat(wanted, " "), poll(audit.new(at(0)), events))
  end)

  it("goes on where an interrupted giving-out ended", function()
    local cursor = audit.new(at(0))
    local all = { event("c", at(2)), event("b", at(1)), event("a", at(1)) }
    cursor:passed(cursor:take(all)[1])
    assert.same("b c", poll(cursor, all))
  end)

  it("compares points in time, not texts", function()
    local order = { "2030-12-31T23:59:59Z", "2031-01-01T00:00:00Z", "2031-01-01T00:00:00.000000001Z",
      "2031-01-01T00:00:00.5Z", "2031-01-01T01:00:01+01:00", "2031-01-01T00:00:01.1Z", "2030-12-31T23:00:02-01:00",
      "2032-02-29T00:00:00Z", "2032-03-01T00:00:00Z" }
    for i = 2, #order do
      assert.is_true(audit.sort_key(order[i - 1]) < audit.sort_key(order[i]), order[i])
    end
    assert.same(audit.sort_key("2031-01-01T00:00:00Z"), audit.sort_key("2031-01-01T02:00:00.000+02:00"))
  end)
end)
