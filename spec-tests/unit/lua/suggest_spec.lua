-- Promise: proves the search for the nearest known name.

package.path = "lua/?.lua;" .. package.path
local suggest = require "suggest"

describe("distance", function()
  it("counts edits and swaps of neighbours", function()
    for _, case in ipairs { { "abc", "abc", 0 }, { "abc", "abd", 1 }, { "abc", "acb", 1 }, { "abc", "ab", 1 },
      { "abc", "xabc", 1 }, { "", "ab", 2 }, { "ca", "abc", 3 } } do
      assert.same(case[3], suggest.distance(case[1], case[2], 5), case[1] .. "/" .. case[2])
      assert.same(case[3], suggest.distance(case[2], case[1], 5))
    end
  end)

  it("gives up above the bound", function()
    assert.is_nil(suggest.distance("abcdef", "uvwxyz", 3))
    assert.is_nil(suggest.distance("a", "abcdef", 3))
  end)
end)

describe("nearest", function()
  it("finds the nearest first, ties in byte order", function()
    local best, list = suggest.nearest("lsit", { "lint", "list", "last", "delete" })
    assert.same("list", best)
    assert.same("list", list[1])
    best, list = suggest.nearest("aab", { "aad", "aac" })
    assert.same("aac", best)
    assert.same({ "aac", "aad" }, list)
  end)

  it("takes a beginning for the whole, and nothing for the strange", function()
    assert.same("status", (suggest.nearest("stat", { "status", "delete" })))
    assert.is_nil((suggest.nearest("zebra", { "status", "delete" })))
    assert.same({}, select(2, suggest.nearest("zebra", {})))
  end)

  it("ignores case", function()
    assert.same("list", (suggest.nearest("LIST", { "list" })))
  end)
end)
