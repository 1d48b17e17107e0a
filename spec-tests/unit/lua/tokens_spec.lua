-- Promise: proves the estimate of tokens and the window that is cut by it.

package.path = "spec-tests/unit/lua/?.lua;" .. package.path
local host = require "shim_args"
local output = require "output"
local tokens = require "tokens"

local json = host.json

local function contract()
  return { path = "fx.list", words = { "fx", "list" }, params = {}, flags = {}, by_name = {}, raw = {},
    returns = { list = { n = "integer" }, ordered = true } }
end

local function rows(n)
  local list = json.array {}
  for i = 1, n do list[i] = json.object { n = i } end
  return list
end

describe("tokens.count", function()
  it("counts words, groups of digits, punctuation and white space", function()
    for text, want in pairs { [""] = 0, word = 1, ["two words"] = 2, ["123"] = 1, ["1234"] = 2, ["a, b"] = 3, ["\n"] = 1 } do
      assert.equal(want, tokens.count(text), text)
    end
  end)

  it("never falls when text is added", function()
    local text, last = "", 0
    for _, part in ipairs { "Die ", "Grenze", " ist", "…", " 12345", "人工", "智能", "\n\n", "a_b.c/d", "ABCDEFGH" } do
      text = text .. part
      assert.is_true(tokens.count(text) >= last, text)
      last = tokens.count(text)
    end
  end)
end)

describe("the token window", function()
  it("keeps whole items within the budget and says where to go on", function()
    local out = assert(output.finish(contract(), rows(200), { format = "json", token_limit = 400 }))
    local data = json.decode(out.data_json)
    assert.equal("[TRUNCATED]", data[#data])
    assert.is_true(tokens.count(out.data_json) <= 400)
    local first_of_next = #data
    local after = assert(output.finish(contract(), rows(200),
      { format = "json", token_limit = 400, token_offset = out.meta.token_next_offset }))
    assert.equal(first_of_next, json.decode(after.data_json)[1].n)
  end)

  it("leaves an answer alone that fits", function()
    local out = assert(output.finish(contract(), rows(3), { format = "json", token_limit = 4000 }))
    assert.equal('[{"n":1},{"n":2},{"n":3}]', out.data_json)
    assert.is_nil(out.meta.truncated)
  end)

  it("refuses a budget that no item fits into, unless something was done", function()
    local ok, err = pcall(output.finish, contract(), rows(3), { format = "json", token_limit = 1 })
    assert.is_false(ok)
    assert.equal("ARG_ERROR", err.code)
    local out = assert(output.finish(contract(), rows(3), { format = "json", token_limit = 1, done = true }))
    assert.equal('["[TRUNCATED]"]', out.data_json)
  end)

  it("cuts text by lines and keeps the header", function()
    local out = assert(output.finish(contract(), rows(200), { format = "tsv", token_limit = 50 }))
    assert.truthy(out.text:find("^n\n1\n2\n"))
    assert.truthy(out.text:find("%[TRUNCATED%]\n$"))
  end)
end)
