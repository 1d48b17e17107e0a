-- Promise: proves glob patterns, and that no pattern takes long.

package.path = "spec-tests/unit/lua/?.lua;" .. package.path
require "shim_args"
local glob = require "tool.glob"

describe("match", function()
  it("knows every wildcard", function()
    for _, case in ipairs {
      { "*.lua", "a.lua", true }, { "*.lua", "a/b.lua", false }, { "a?c", "abc", true }, { "a?c", "aéc", true },
      { "a?c", "a/c", false }, { "[a-c]x", "bx", true }, { "[!a-c]x", "bx", false }, { "[!a-c]x", "dx", true },
      { "[]]", "]", true }, { "[", "[", true }, { "a\\*", "a*", true }, { "a\\*", "ab", false },
      { "**/x", "x", true }, { "**/x", "a/b/x", true }, { "a/**", "a/b/c", true }, { "a/**", "a", false },
      { "a/**/z", "a/z", true }, { "a/**/z", "a/b/c/z", true }, { "a/**/z", "ab/z", false }, { "**", "a/b", true },
      { "a**b", "axb", true }, { "a**b", "a/b", false }, { "{a,b}.c", "b.c", true }, { "{a,b}.c", "c.c", false },
      { "x{1..3}", "x2", true }, { "{a,{b,c}d}", "cd", true }, { "{a", "{a", true }, { "{}", "{}", true },
      { "", "", true }, { "*", "", true }, { "*", ".hidden", true }, { "/a/*", "/a/b", true }, { "a/", "a", false },
      { "*a*a*", "banana", true }, { "[é-ü]", "ö", true }, { "[a-]", "-", true },
    } do
      assert.same(case[3], glob.match(case[1], case[2]), case[1] .. " on " .. case[2])
    end
  end)

  it("stays fast whatever the pattern", function()
    local start = os.clock()
    assert.is_false(glob.match(("*a"):rep(200) .. "b", ("a"):rep(2000)))
    assert.is_false(glob.match(("**/a/"):rep(100) .. "b", ("a/"):rep(1000)))
    assert.is_true(os.clock() - start < 2)
    assert.has_error(function() glob.match(("{a,b}"):rep(20), "a") end)
  end)
end)

describe("expand", function()
  it("gives the patterns without braces", function()
    assert.same({ "a.c", "b.c" }, glob.expand "{a,b}.c")
    assert.same({ "x3", "x2", "x1" }, glob.expand "x{3..1}")
    assert.same({ "plain" }, glob.expand "plain")
  end)

  it("chooses from names, from lists and iterators alike", function()
    local names = { "b/y.lua", "a/x.lua", "a/x.txt", "a/x.lua" }
    assert.same({ "a/x.lua", "b/y.lua" }, glob.expand("**/*.lua", names))
    local i = 0
    assert.same({ "a/x.txt" }, glob.expand("**/*.{txt,md}", function()
      i = i + 1
      return names[i] and { path = names[i] }
    end))
  end)
end)
