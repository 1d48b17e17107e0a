-- REQ-C-026: what parameters demand of each other is declared.
local S = require "lib.spec"

local function items(r)
  local out = {}
  for _, item in ipairs(r.envelope.error.errors or {}) do out[item.param] = item end
  return out
end

S.req("REQ-C-026", "Conditional argument dependencies", function()
  it("1 a value can demand another parameter", function()
    local r = S.tool { "fx", "rules", "--form", "csv" }
    S.failed(r, 2, "ARG_ERROR")
    S.truth(r, items(r)["--separator"], "the missing parameter is not named")
    S.truth(r, items(r)["--separator"].message:find("--form csv", 1, true), "the condition is not named")
    S.status(S.tool { "fx", "rules", "--form", "csv", "--separator", "," }, 0)
    S.status(S.tool { "fx", "rules", "--form", "json" }, 0)
    S.status(S.tool { "fx", "rules", "--form", "json", "--separator", "," }, 0)
    S.status(S.tool { "fx", "rules" }, 0)
  end)

  it("2 and 4 --schema holds the whole graph; the manifest alone says it in words", function()
    local data = S.contract "fx rules"
    assert.same({
      { if_flag = "form", if_value = "csv", then_required = { "separator" } },
      { if_flag = "all", prohibited = { "rows" } },
      { if_flag = "all", target_flag = "rows", default = 10 },
      { unless_flag = "form", prohibited = { "indent" } },
    }, data.requires)
    local flags = S.manifest().commands["fx.rules"].flags
    assert.truthy(flags.separator.description:find("--form csv", 1, true), flags.separator.description)
    assert.truthy(flags.rows.description:find("--all", 1, true), flags.rows.description)
    local r = S.tool { "manifest" }
    S.equal(r, data.requires, r.envelope.meta.contracts["fx.rules"].requires, "meta.contracts")
  end)

  it("3 parameters that exclude each other are refused before anything happens", function()
    local r = S.tool { "fx", "rules", "--all", "--rows", "5" }
    S.failed(r, 2, "ARG_ERROR")
    local text = items(r)["--rows"].message
    S.truth(r, text:find("--rows", 1, true) and text:find("--all", 1, true), "both are to be named: " .. text)
    S.equal(r, S.json.null, r.envelope.data, "data")
  end)

  it("3 a parameter can need another one to be there at all", function()
    local r = S.tool { "fx", "rules", "--indent", "2" }
    S.failed(r, 2, "ARG_ERROR")
    S.truth(r, items(r)["--indent"].message:find("without --form", 1, true), "the condition is not named")
    S.status(S.tool { "fx", "rules", "--indent", "2", "--form", "json" }, 0)
  end)

  it("4 a default applies only where the condition holds and the caller said nothing", function()
    local r = S.tool "fx rules"
    S.equal(r, 10, r.envelope.data.rows, "rows by rule")
    r = S.tool "fx rules --rows 3"
    S.equal(r, 3, r.envelope.data.rows, "rows as given")
    r = S.tool "fx rules --all"
    S.equal(r, nil, r.envelope.data.rows, "rows with --all")
    r = S.tool "fx rules --all=false"
    S.equal(r, 10, r.envelope.data.rows, "a boolean that is false is not there")
  end)

  it("broken rules are told together with wrong types", function()
    local r = S.tool { "fx", "rules", "--form", "csv", "--rows", "many", "--indent", "x" }
    S.failed(r, 2, "ARG_ERROR")
    local found = items(r)
    S.truth(r, found["--separator"] and found["--rows"] and found["--indent"], "not all problems are told")
  end)

  it("rules that make no sense are refused", function()
    local r, text = S.check("rule-unknown", "rule-value", "rule-empty", "rule-contradiction")
    S.failed(r, 2, "REGISTRATION_ERROR")
    for _, part in ipairs { 'rule names unknown parameter "nothing"', 'is not in one_of of "form"',
      "rule has no need, bar or set", "need conflicts with bar for the same condition" } do
      S.truth(r, text:find(part, 1, true), part .. " is missing in " .. text)
    end
  end)
end)
