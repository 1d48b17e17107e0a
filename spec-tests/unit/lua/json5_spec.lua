-- Promise: proves the lenient JSON reader: same values as strict input, and repairs that always decode.

package.path = "spec-tests/unit/lua/?.lua;" .. package.path
local host = require "shim_args"
local json5 = require "json5"

describe("decode", function()
  it("reads what people write as the strict form", function()
    for text, strict in pairs {
      ['{"key":"v",}'] = '{"key":"v"}', ['{"key":"v" /* c */}'] = '{"key":"v"}', ["{key:'v'}"] = '{"key":"v"}',
      ['{"k":1 // c\n}'] = '{"k":1}', ["[1,2,]"] = "[1,2]", ["{a:-0x10,b:+.5,c:1.}"] = '{"a":-16,"b":0.5,"c":1}',
      ["{a:'x\\x41\\u00e9\\'\\\n'}"] = '{"a":"xAé\'"}', ["// c\n[]"] = "[]", ["{}/* */"] = "{}",
      ["['\\ud83d\\ude00']"] = '["😀"]', ["{$a_1:null,}"] = '{"$a_1":null}',
      ["[-9223372036854775808,]"] = "[-9223372036854775808]",
    } do
      local value, err = json5.decode(text)
      assert.is_nil(err, text)
      assert.same(strict, host.json.encode(value), text)
    end
  end)

  it("tells lists from objects", function()
    assert.is_true(host.json.is_array(json5.decode("[/**/]")))
    assert.is_false(host.json.is_array(json5.decode("{/**/}")))
  end)

  it("refuses the rest with its place", function()
    for text, place in pairs { ["{env prod}"] = "1:6", ["[1\n,,]"] = "2:2", ["{a:1"] = "1:5", ["[1] x"] = "1:5",
      ["{a:NaN}"] = "1:4", ["'a"] = "1:1", ["[1e999]"] = "1:2", ["/* x"] = "1:1", [""] = "1:1" } do
      local value, err = json5.decode(text)
      assert.is_nil(value)
      if text ~= "" then assert.same(place, err.line .. ":" .. err.column, text) end
    end
  end)

  it("does not follow endless nesting", function()
    local value, err = json5.decode(("[/**/"):rep(100000))
    assert.is_nil(value)
    assert.is_table(err)
  end)
end)

describe("repair", function()
  it("finds the nearest JSON", function()
    for text, fixed in pairs { ["{env prod}"] = '{"env":"prod"}', ["[1 2 3}"] = "[1,2,3]",
      ["{a:1 b:2"] = '{"a":1,"b":2}',
      ["data: {a=1}"] = '{"a":1}', ["nonsense"] = "{}", [""] = "{}", ["{True, x: None}"] = '{"True":null,"x":null}',
      ["[True,undefined]"] = "[true,null]", ['{"a":"x'] = '{"a":"x"}' } do
      assert.same(fixed, json5.repair(text), text)
    end
  end)

  it("always gives JSON that decodes, whatever comes", function()
    math.randomseed(7)
    local pieces = { "{", "}", "[", "]", ":", ",", '"', "'", "a", "1", "\\", "/", "*", " ", "\n", "-", "null",
      "\\u12", "é" }
    for _ = 1, 4000 do
      local text = {}
      for i = 1, math.random(12) do text[i] = pieces[math.random(#pieces)] end
      text = table.concat(text)
      local fixed = json5.repair(text)
      local value, err = host.json.decode(fixed)
      assert.is_nil(err, text .. " -> " .. fixed)
      assert.is_table(value)
    end
  end)
end)
