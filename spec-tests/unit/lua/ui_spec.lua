-- Promise: proves drawing for terminals: widths, alignment, colours, and nothing that a terminal would obey.

package.path = "spec-tests/unit/lua/?.lua;" .. package.path
local host = require "shim_args"
local ui = require "ui"

local null = host.json.null

describe("cut and wrap", function()
  it("cut at characters", function()
    assert.same("abc", ui.cut("abc", 3))
    assert.same("ab…", ui.cut("abcd", 3))
    assert.same("äö…", ui.cut("äöüß", 3))
    assert.same("ab~", ui.cut("abcd", 3, "~"))
    assert.same("", ui.cut("abcd", 0))
  end)

  it("wrap at spaces and keep long words whole", function()
    assert.same("  aaaa bbbb cccc dddd\n  eeee", ui.wrap("aaaa bbbb cccc dddd eeee", 22, "  "))
    local url = "https://" .. ("x"):rep(100)
    assert.same("see\n" .. url, ui.wrap("see " .. url, 40))
    assert.same("a b", ui.wrap("a b", 0))
  end)
end)

describe("cells", function()
  it("are one clean line", function()
    assert.same("-", ui.cell(nil))
    assert.same("-", ui.cell(null))
    assert.same("a b", ui.cell("a\nb"))
    assert.same("red", ui.cell("\27[31mred\27[0m"))
    assert.same("a, 1", ui.cell({ "a", 1 }))
    assert.same('{"k":1}', ui.cell({ k = 1 }))
    assert.same("true", ui.cell(true))
    assert.same("0.1", ui.cell(0.1))
  end)
end)

describe("tables", function()
  local rows = { { id = "a", n = 5, note = "short" }, { id = "bb", n = 10, note = ("long "):rep(20) } }

  it("align numbers right and name the columns", function()
    local c = ui.new {}
    c.table({ { id = "a", n = 5 }, { id = "bb", n = 10 } }, { "id", { "n", title = "count" } })
    assert.same("ID  COUNT\na       5\nbb     10\n", c.result())
  end)

  it("never exceed the terminal", function()
    for width = 20, 60, 7 do
      local c = ui.new { width = width, color = false }
      c.table(rows, { "id", "n", "note" })
      for line in c.result():gmatch("[^\n]+") do
        assert.is_true(utf8.len(line) <= width, width .. ": " .. line)
      end
    end
    assert.truthy(ui.table_lines(rows, { columns = { "note" }, ascii = true, width = 20 })[5]:find("~ |", 1, true))
  end)

  it("find the columns themselves", function()
    local c = ui.new {}
    c.table({ { b = 1 }, { a = "x" } })
    assert.same("A  B\n-  1\nx  -\n", c.result())
  end)

  it("use colour only when allowed", function()
    local c = ui.new { color = true }
    c.table({ { a = 1 } })
    assert.truthy(c.result():find("\27[1mA\27[0m", 1, true))
    c = ui.new { color = false }
    c.text("x", "red")
    assert.same("x\n", c.result())
  end)
end)

describe("the rest of the canvas", function()
  it("writes parts of a line", function()
    local c = ui.new { width = 80 }
    c.text "first"
    c.write "a"
    c.write "b"
    assert.same("first\nab", c.result())
  end)

  it("draws pairs, bars and sparklines", function()
    local c = ui.new { width = 40 }
    c.kv({ name = "x", long_name = null }, { "name", "long_name" })
    assert.same("name       x\nlong_name  -\n", c.result())
    c = ui.new { width = 60 }
    c.bar("cpu", 50, 100, "50 of 100")
    local line = c.result()
    assert.same("cpu  " .. ("█"):rep(19) .. ("░"):rep(19) .. "   50%  50 of 100\n", line)
    c = ui.new { width = 60 }
    c.bar("cpu", 50, 100, "a note that is longer than others")
    assert.same(60, utf8.len(c.result()) - 1)
    c = ui.new {}
    c.spark({ 0, 7, 14 }, "req")
    assert.same("req  ▁▅█\n", c.result())
    c = ui.new {}
    c.spark({ 3, 3 })
    c.bar("none", 1, 0)
    assert.truthy(c.result():find("^▁▁\n"))
    assert.same("", ui.new({}).result())
  end)
end)
