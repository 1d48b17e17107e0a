-- Promise: walks through the rules of TOML 1.0, section by section: what each allows is read exactly, what it forbids is
-- refused with a line and a column.

package.path = "spec-tests/unit/lua/?.lua;" .. package.path
local host = require "shim_args"
local toml = require "tool.toml"

-- Section -> { text, its JSON }, …
local VALID = {
  comments = {
    { "# only a comment", "{}" }, { "a = 1 # after\n#\t\n\n  # indented\nb=2", '{"a":1,"b":2}' },
    { "a = '# none' # ä€😀", '{"a":"# none"}' }, { "a = [ # x\n1, # y\n# z\n2 # w\n]", '{"a":[1,2]}' },
  },
  keys = {
    { "1234 = 1\n-_- = 2\nA-b_9 = 3", '{"-_-":2,"1234":1,"A-b_9":3}' }, { '"" = 1', '{"":1}' },
    { "'quoted \"x\"' = 1", '{"quoted \\"x\\"":1}' }, { '"a\\u00e9" = 1', '{"aé":1}' },
    { "a . b\t.\t'c.d' = 1", '{"a":{"b":{"c.d":1}}}' }, { "3.14159 = 'pi'", '{"3":{"14159":"pi"}}' },
    { "a.b = 1\nc = 2\na.d = 3", '{"a":{"b":1,"d":3},"c":2}' }, { "true = 1\ninf = 2\n1e3 = 3",
    '{"1e3":3,"inf":2,"true":1}' },
    { "1979-05-27 = 1", '{"1979-05-27":1}' },
  },
  strings = {
    { 'a = "\\b\\t\\n\\f\\r\\"\\\\"', '{"a":"\\b\\t\\n\\f\\r\\"\\\\"}' }, { 'a = "\\u0041\\U0001F600"', '{"a":"A😀"}' },
    { "a = '\\u00e9 \\'", '{"a":"\\\\u00e9 \\\\"}' }, { 'a = "tab\there"', '{"a":"tab\\there"}' },
    { 'a = """\na\r\nb"""', '{"a":"a\\nb"}' }, { 'a = """a\\\n\n   \tb"""', '{"a":"ab"}' }, { 'a = """a \\  \n b"""',
    '{"a":"a b"}' },
    { 'a = """"x"""""', '{"a":"\\"x\\"\\""}' }, { "a = '''\n\n'x' '''", '{"a":"\\n\'x\' "}' }, { "a = ''''x'''''",
    '{"a":"\'x\'\'"}' },
    { 'a = """"""\nb = \'\'\'\'\'\'', '{"a":"","b":""}' }, { 'a = """\\"""\\""""', '{"a":"\\"\\"\\"\\""}' },
    { "a = '''\\'''", '{"a":"\\\\"}' },
  },
  numbers = {
    { "a=0\nb=+0\nc=-0\nd=+99", '{"a":0,"b":0,"c":0,"d":99}' }, { "a=1_2_3\nb=0x1_F\nc=0o0_7\nd=0b1_0\ne=0x00",
    '{"a":123,"b":31,"c":7,"d":2,"e":0}' },
    { "a=0x7fffffffffffffff\nb=0o777777777777777777777", '{"a":9223372036854775807,"b":9223372036854775807}' },
    { "a=1e2\nb=+1.5E-1\nc=-0.25\nd=1_0.0_1\ne=2E+1", '{"a":100.0,"b":0.15,"c":-0.25,"d":10.01,"e":20.0}' },
    { "a=true\nb=false", '{"a":true,"b":false}' },
  },
  times = {
    { "a=1979-05-27T07:32:00Z\nb=1979-05-27t07:32:00z\nc=1979-05-27 07:32:00+00:00",
      '{"a":"1979-05-27T07:32:00Z","b":"1979-05-27T07:32:00Z","c":"1979-05-27T07:32:00Z"}' },
    { "a=1979-05-27T00:32:00.999-07:00", '{"a":"1979-05-27T07:32:00.999Z"}' }, { "a=2000-02-29\nb=23:59:59.000001",
    '{"a":"2000-02-29","b":"23:59:59.000001"}' },
    { "a=1979-05-27T07:32:00.5", '{"a":"1979-05-27T07:32:00.5"}' },
  },
  arrays = {
    { "a=[]\nb=[[],[[]]]", '{"a":[],"b":[[],[[]]]}' }, { "a=[1,'x',1.5,true,{b=1},[2]]",
    '{"a":[1,"x",1.5,true,{"b":1},[2]]}' },
    { "a=[1,\n2,\n]\nb=[\n]", '{"a":[1,2],"b":[]}' }, { "a=[{x=1},{x=2}]", '{"a":[{"x":1},{"x":2}]}' },
  },
  tables = {
    { "[a]\n[b]\nc=1", '{"a":{},"b":{"c":1}}' }, { "[ a . 'b.c' . d ]\nx=1", '{"a":{"b.c":{"d":{"x":1}}}}' },
    { "[a.b]\n[a]\nc=1", '{"a":{"b":{},"c":1}}' }, { "[a.b]\n[c]\n[a.d]", '{"a":{"b":{},"d":{}},"c":{}}' },
    { "[a]\nb.c=1\n[a.d]\ne=2", '{"a":{"b":{"c":1},"d":{"e":2}}}' }, { "top=1\n[a]\n# nothing\n[a.b.c]",
    '{"a":{"b":{"c":{}}},"top":1}' },
    { "a={b=1,c={d=2}}", '{"a":{"b":1,"c":{"d":2}}}' }, { "a={b.c=1,b.d=2}", '{"a":{"b":{"c":1,"d":2}}}' }, { "a={ }",
    '{"a":{}}' },
    { "a={'b c'=[\n1,\n2]}", '{"a":{"b c":[1,2]}}' },
  },
  ["arrays of tables"] = {
    { "[[a]]\n[[a]]\nb=1", '{"a":[{},{"b":1}]}' }, { "[[a]]\n[a.b]\nc=1\n[[a]]\n[a.b]\nc=2",
    '{"a":[{"b":{"c":1}},{"b":{"c":2}}]}' },
    { "[[a.b]]\n[[a.b]]\n[a]\nx=1", '{"a":{"b":[{},{}],"x":1}}' }, { "[[a]]\n[[a.b]]\nc=1\n[[a.b]]\nc=2",
    '{"a":[{"b":[{"c":1},{"c":2}]}]}' },
    { "[[a]]\nb.c=1\n[[a]]\nb.c=2", '{"a":[{"b":{"c":1}},{"b":{"c":2}}]}' },
  },
}

-- Section -> texts that are no TOML.
local INVALID = {
  comments = { "# \1", "a=1 # \127", "# \r", "a=[1 # \0\n]" },
  keys = { "a", "a=", "=1", "a = 1 = 2", "a b = 1", "a. = 1", ".a = 1", "a..b = 1", "é = 1", "a\n= 1", '"""a""" = 1',
    "a = 1 b = 2",
    "a=1\na=2", "a=1\n'a'=2", "a.b=1\na=2", "a=1\na.b=2", "a.b=1\na.b.c=2", "a#b = 1", "a! = 1", '"a = 1',
    "'a\n' = 1" },
  strings = { 'a="x', "a='x", 'a="x\ny"', "a='x\ny'", 'a="\\x41"', 'a="\\u12"', 'a="\\U0011FFFF"', 'a="\\ud800"',
    'a="\\ "', 'a="""x',
    "a='''x", 'a="""x\\ y"""', "a='''x''''''", 'a="""x""""""', 'a="\127"', "a='\1'", 'a="""\0"""', "a = x",
    'a = "x" "y"', "a='\r'" },
  numbers = { "a=01", "a=-01", "a=+0x1", "a=-0b1", "a=0X1", "a=0O7", "a=0B1", "a=0xg", "a=0o8", "a=0b2", "a=0x",
    "a=_1", "a=1_",
    "a=1__2", "a=0x_1", "a=0x1_", "a=1.", "a=.1", "a=1.e2", "a=1e", "a=1e1.5", "a=1_.5", "a=1._5", "a=01.5", "a=1e_2",
    "a=Inf", "a=NaN",
    "a=++1", "a=1 2", "a=9223372036854775808", "a=-9223372036854775809", "a=0x8000000000000000", "a=True", "a=FALSE",
    "a=null",
    "a=infinity", "a=1.5.2" },
  times = { "a=1979-5-27", "a=1979-13-01", "a=1979-00-10", "a=1979-02-29", "a=1979-05-27T24:00:00Z",
    "a=1979-05-27T07:60:00Z",
    "a=1979-05-27T07:32Z", "a=07:32", "a=24:00:00", "a=1979-05-27T07:32:00.Z", "a=1979-05-27T07:32:00+25:00",
    "a=79-05-27",
    "a=1979-05-27T", "a=1979-05-27  07:32:00", "a=1979-05-27T07:32:00+07" },
  arrays = { "a=[", "a=[1", "a=[1,,2]", "a=[,1]", "a=[1 2]", "a=]", "a=[1]]", "a=[1,\n", "a=[b=1]", "a=[]\na.b=1",
    "a=[{}]\n[a.b]" },
  tables = { "[a", "[]", "[a]]", "[a.]", "[.a]", "[a..b]", "[a b]", "[a]\n[a]", "[a] b=1", "[a.b]\n[a]\n[a.b]",
    "a=1\n[a]", "a=1\n[a.b]",
    "[a]\nb.c=1\n[a.b]", "[a.b]\n[a]\nb.c=1", "a.b=1\n[a]", "[a]\nb=1\n[a.b]", "[\na]", "[a]\nb={c=1}\n[a.b]",
    "a={b=1,}", "a={b=1\n}",
    "a={,}", "a={b}", "a={b=1 c=2}", "a={b=1,b=2}", "a={b.c=1,b=2}", "a={b=1,b.c=2}", "a={}\na.b=1",
    "a={b={}}\n[a.b.c]", "a={b.c=1}\na.b.d=2",
    "a={", "a={b=1" },
  ["arrays of tables"] = { "[[a]", "[[a] ]", "[ [a]]", "[[]]", "[[a]]\n[a]", "[a]\n[[a]]", "a=[]\n[[a]]",
    "a=[{}]\n[[a]]", "[[a]]\na.b=1\n[[a.a]]\n[a.a]",
    "[a.b]\n[[a]]", "[[a.b]]\n[a.b]", "a.b=1\n[[a]]" },
  encoding = { "a='\xff'", "a='\xc0\x80'", "a='\xed\xa0\x80'", "# \xf8", "\xff\xfea=1", "a='\xf4\x90\x80\x80'" },
}

for section, cases in pairs(VALID) do
  describe(section, function()
    for _, case in ipairs(cases) do
      it("reads " .. ("%q"):format(case[1]), function()
        local value, err = toml.decode(case[1])
        assert(value, err and err.message)
        local want = host.json.decode(case[2])
        assert.same(host.json.encode(want), host.json.encode(value))
      end)
    end
  end)
end

for section, cases in pairs(INVALID) do
  describe(section, function()
    for _, text in ipairs(cases) do
      it("refuses " .. ("%q"):format(text), function()
        local value, err = toml.decode(text)
        assert.is_nil(value)
        assert.truthy(err.line >= 1 and err.column >= 1 and #err.message > 3)
        assert.truthy(err.offset >= 0 and err.offset <= #text)
      end)
    end
  end)
end
