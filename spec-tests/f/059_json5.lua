-- REQ-F-059: JSON as people and models write it.
local S = require "lib.spec"

local function given(text) return S.tool { "fx", "json-arg", "--data", text } end

S.req("REQ-F-059", "JSON5 input normalization", function()
  it("2 and 3 trailing commas, comments and bare keys mean what strict JSON means", function()
    local want = S.raw(S.status(given '{"k":"v","l":[1,2]}', 0), "data")
    for _, text in ipairs { '{"k":"v","l":[1,2,],}', '{"k":"v" /* c */,"l":[1,2]}', '{k:"v",l:[1,2]}',
                            '{"k":"v", // c\n"l":[1,2]}' } do
      local r = S.status(given(text), 0, text)
      S.equal(r, want, S.raw(r, "data"), text)
    end
  end)

  it("strict JSON arrives exactly: null, empty list, empty object, large integers", function()
    for _, text in ipairs { "null", "[]", "{}", '{"a":[],"b":{},"c":null}', "9223372036854775807", "[1.5,-0.25,1e3]",
      '"x"' } do
      local r = S.status(given(text), 0, text)
      local want = text == "[1.5,-0.25,1e3]" and "[1.5,-0.25,1000" or text
      S.truth(r, S.raw(r, "data"):find('"data":' .. want, 1, true), "data: " .. S.raw(r, "data"))
    end
  end)

  it("4 what cannot be read exits 2 with a corrected form that works", function()
    for _, text in ipairs { "{env prod}", "{", '{"a":', "[1 2]", "nope", "{'a" } do
      local r = given(text)
      local e = S.failed(r, 2, "INVALID_JSON")
      S.truth(r, type(e.corrected_input) == "string" and S.json.decode(e.corrected_input) ~= nil,
        "corrected_input is no JSON: " .. tostring(e.corrected_input))
      S.status(given(e.corrected_input), 0, "the corrected form of " .. text)
    end
  end)
end)
