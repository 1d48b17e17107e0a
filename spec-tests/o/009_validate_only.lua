-- REQ-O-009: --validate-only checks and does nothing.
local S = require "lib.spec"

S.req("REQ-O-009", "--validate-only flag", function()
  it("1 it is on every command and in every help", function()
    for path in pairs(S.commands()) do
      local args = {}
      for word in path:gmatch("[^.]+") do args[#args + 1] = word end
      args[#args + 1] = "--help"
      local r = S.status(S.tool(args, { shape = "json" }), 0)
      S.truth(r, r.stderr:find("--validate-only", 1, true), path)
    end
  end)

  it("2 nothing happens, even with perfect arguments of a destructive command", function()
    local file = S.spit(S.dir() .. "/f", "x")
    S.status(S.tool { "fx", "destroy", file, "--validate-only" }, 0)
    S.status(S.tool { "fx", "destroy", file, "--confirm-destructive", "--validate-only" }, 0)
    assert.equal("x", S.slurp(file))
    local mark = S.dir() .. "/mark"
    S.status(S.tool { "fx", "deploy", "--env", "prod", "--mark", mark, "--validate-only" }, 0)
    assert.falsy(S.exists(mark))
  end)

  it("3 valid input: exit 0, no data, no error, and meta says what this was", function()
    for _, format in ipairs { "json", "jsonl" } do
      local r = S.status(S.tool { "fx", "deploy", "--env", "prod", "--validate-only", "--output", format }, 0)
      S.equal(r, { S.json.null, S.json.null, true },
        { r.envelope.data, r.envelope.error, r.envelope.meta.validation_only }, "answer")
    end
    local r = S.status(S.tool({ "fx", "deploy", "--env", "prod", "--validate-only", "--output", "tsv" }, { shape = "json" }), 0)
    S.equal(r, true, r.envelope.meta.validation_only, "validation_only with --output tsv")
  end)

  it("4 invalid input: exit 2 and all that is wrong", function()
    local r = S.tool { "fx", "deploy", "--env", "NO", "--replicas", "99", "--validate-only" }
    local e = S.failed(r, 2, "ARG_ERROR")
    S.equal(r, 2, #e.errors, "errors")
    local by = {}
    for _, item in ipairs(e.errors) do by[item.field] = item end
    S.equal(r, { "--env", "--replicas" }, { by.env.param, by.replicas.param }, "params")
    S.equal(r, 99, tonumber(by.replicas.value), "value")
    for _, item in ipairs(e.errors) do S.truth(r, item.code and item.message, "an error without code or message") end
    S.equal(r, true, r.envelope.meta.validation_only, "validation_only")
    S.equal(r, "validation", e.phase, "phase")
  end)

  it("5 it knows what the command's own validate knows", function()
    local r = S.tool { "fx", "deploy", "--env", "mars", "--validate-only" }
    local e = S.failed(r, 2, "ARG_ERROR")
    S.equal(r, "env", e.errors[1].field, "field")
    local missing = S.tool { "fx", "deploy", "--validate-only" }
    S.equal(missing, "env", S.failed(missing, 2, "ARG_ERROR").errors[1].field, "missing field")
  end)
end)
