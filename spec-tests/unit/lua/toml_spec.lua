-- Promise: proves the TOML reader: values, tables, and the place of every kind of mistake.

package.path = "spec-tests/unit/lua/?.lua;" .. package.path
local host = require "shim_args"
local toml = require "tool.toml"

local function read(text)
  local value, err = toml.decode(text)
  assert(value, err and err.message)
  return value
end

local function encoded(text) return host.json.encode(read(text)) end

describe("values", function()
  it("strings", function()
    local t = read([==[
a = "tab\t \"q\" \\ \u00e9 \U0001F600"
b = 'C:\raw\n'
c = """
first \

   second
third ""quoted"" """
d = '''
x''y'''''
e = ""
]==])
    assert.same("tab\t \"q\" \\ é 😀", t.a)
    assert.same("C:\\raw\\n", t.b)
    assert.same('first second\nthird ""quoted"" ', t.c)
    assert.same("x''y''", t.d)
    assert.same("", t.e)
  end)

  it("numbers, exactly", function()
    local t = read("a=1_000\nb=-17\nc=0xDEAD_beef\nd=0o17\ne=0b101\nh=+0\n"
      .. "f=9223372036854775807\ng=-9223372036854775808")
    assert.same({ 1000, -17, 0xdeadbeef, 15, 5, math.maxinteger, math.mininteger, 0 },
      { t.a, t.b, t.c, t.d, t.e, t.f, t.g, t.h })
    for _, key in ipairs { "a", "b", "c", "f", "g" } do assert.same("integer", math.type(t[key])) end
    t = read("a=3.0\nb=-1e3\nc=6.626_0e-34\nd=inf\ne=-inf\nf=nan")
    assert.same({ 3.0, -1000.0, 6.6260e-34, math.huge, -math.huge }, { t.a, t.b, t.c, t.d, t.e })
    assert.same("float", math.type(t.a))
    assert.is_true(t.f ~= t.f)
  end)

  it("points in time", function()
    local t = read("a=1979-05-27T00:32:00.5-07:00\nb=1979-05-27 07:32:00\nc=1979-05-27\nd=07:32:00.25")
    assert.same({ "1979-05-27T07:32:00.5Z", "1979-05-27T07:32:00", "1979-05-27", "07:32:00.25" },
      { t.a, t.b, t.c, t.d })
  end)

  it("arrays and inline tables, empty ones kept apart", function()
    assert.same('{"a":[],"b":{},"c":[1,[2,"x"],{"y":{"z":true}}]}',
      encoded("a=[]\nb={}\nc=[ # note\n 1, [2, 'x'],\n {y.z=true},\n]"))
  end)
end)

describe("tables", function()
  it("grow by headers, dots and items", function()
    assert.same('{"a":{"b":{"c":1,"d":{"e":2}},"x":3},"l":[{"n":1,"s":[{"m":1}]},{"n":2}]}', encoded([==[
[a.b]
c = 1
d.e = 2
[a]
x = 3
[[l]]
n = 1
[[l.s]]
m = 1
[[l]]
n = 2
]==]))
    assert.same('{"":{" b ":1},"é":2}', encoded("\"\".' b ' = 1\n\"é\"=2"))
  end)

  it("read Windows line ends and a byte order mark", function()
    assert.same('{"a":1,"b":2}', encoded("\xef\xbb\xbfa=1\r\nb=2\r\n"))
    assert.same("{}", encoded(""))
  end)
end)

describe("mistakes", function()
  it("are refused with line and column", function()
    for text, place in pairs {
      ["a = 1\nb 2"] = "2:3", ["a = "] = "1:5", ["a = 1 b = 2"] = "1:7", ["[a"] = "1:3", ["[[a]"] = "1:4",
      ['a = "x'] = "1:7", ['a = "\\q"'] = "1:7", ["a = [1 2]"] = "1:8", ["a = {b=1,}"] = "1:10", ["a = 01"] = "1:5",
      ["a = 1__0"] = "1:6", ["a=9223372036854775808"] = "1:22", ["a=1979-02-30"] = "1:13", ["= 1"] = "1:1",
      ["a = 1\na = 2"] = "2:1", ["[a]\n[a]"] = "2:2", ["a.b=1\n[a.b]"] = "2:2", ["a={}\na.b=1"] = "2:1",
      ["a={}\n[a.b]"] = "2:2", ["a=[]\n[[a]]"] = "2:3", ["[[a]]\n[a]"] = "2:2", ["[a.b.c]\n[a]\nb.d=1"] = "3:1",
      ["a = tru"] = "1:5", ['a = "\\ud800"'] = "1:12", ["a = '\n'"] = "1:6", ["a = \"\1\""] = "1:6", ["a=\xff"] = "1:3",
    } do
      local value, err = toml.decode(text)
      assert.is_nil(value, text)
      assert.same(place, err.line .. ":" .. err.column, text .. " " .. err.message)
      assert.is_string(err.message)
    end
  end)

  it("of endless nesting end", function()
    local value, err = toml.decode("a=" .. ("["):rep(5000))
    assert.is_nil(value)
    assert.same("nested too deeply", err.message)
    assert.is_table(read("a=" .. ("["):rep(90) .. ("]"):rep(90)))
  end)
end)
