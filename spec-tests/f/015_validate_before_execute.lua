-- REQ-F-015: everything is checked before anything runs, and all problems are told at once.
local S = require "lib.spec"

S.req("REQ-F-015", "Validate-before-execute phase order", function()
  it("1 validation precedes execution: a refused call does not run, a good one does", function()
    local mark = S.dir() .. "/mark"
    S.status(S.tool { "fx", "deploy", "--env", "unknown", "--mark", mark }, 2)
    assert.is_false(S.exists(mark))
    S.status(S.tool { "fx", "deploy", "--env", "prod", "--mark", mark }, 0)
    assert.equal("ran\n", S.slurp(mark))
  end)

  it("2 a validation hook reaches nothing that could have an effect", function()
    local path = S.dir() .. "/x"
    local r = S.tool { "fx", "evil-validate", "--path", path }
    S.failed(r, 2, "ARG_ERROR")
    S.equal(r, "Reached: ", (r.envelope.error.errors[1].message:gsub("%.$", "")), "what validate could reach")
    assert.is_false(S.exists(path))
  end)

  it("3 all errors come in one answer, declared checks and the author's together", function()
    local r = S.tool { "fx", "deploy", "--env", "staging2", "--replicas", "-1" }
    local e = S.failed(r, 2, "ARG_ERROR")
    S.equal(r, 2, #e.errors, "number of errors")
    local fields = {}
    for _, item in ipairs(e.errors) do
      fields[item.field] = item
      S.equal(r, "--" .. item.field, item.param, "param")
      S.truth(r, #item.message > 3, "no message")
      S.truth(r, item.code:find("^[A-Z][A-Z0-9_]+$"), "code " .. tostring(item.code))
    end
    S.equal(r, "staging2", fields.env.value, "value of env")
    S.equal(r, "-1", tostring(fields.replicas.value), "value of replicas")
  end)

  it("4 a failed validation writes nothing anywhere", function()
    local home = S.dir "home"
    S.status(S.tool({ "fx", "deploy", "--env", "nowhere", "--replicas", "99", "--mark", home .. "/mark" },
      { env = { HOME = home } }), 2)
    for _, name in ipairs(S.tree(home)) do
      assert.truthy(name:find("/$") or name:find("audit"), "appeared: " .. name)
    end
  end)

  it("5 a contract whose hooks could run before validation is refused", function()
    for _, name in ipairs { "early-hook", "no-run", "effect-at-load" } do S.failed(S.check(name), 2,
      "REGISTRATION_ERROR") end
    assert.is_false(S.exists "/tmp/fx-effect-at-load")
  end)

  it("6 validation failures exit 2, with phase and count in the message", function()
    local r = S.tool { "fx", "types", "--count", "x", "--ratio", "y", "--colour", "z", "--wait", "w", "--when", "v" }
    local e = S.failed(r, 2, "ARG_ERROR")
    S.equal(r, 5, #e.errors, "number of errors")
    S.equal(r, "validation", e.phase, "phase")
  end)
end)
