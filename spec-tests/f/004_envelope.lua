-- REQ-F-004: one shape of answer for every command and every outcome.
local S = require "lib.spec"
local json = S.json

S.req("REQ-F-004", "Consistent JSON response envelope", function()
  it("1 every command's answer fits response-envelope.json: contract, refused flag, help", function()
    local jobs = {}
    for path in pairs(S.manifest().commands) do
      for _, flag in ipairs { "--schema", "--no-such-flag-exists", "--help" } do
        local args = {}
        for word in path:gmatch("[^.]+") do args[#args + 1] = word end
        args[#args + 1] = flag
        jobs[#jobs + 1] = { args, {} }
      end
    end
    assert.truthy(#jobs >= 3 * 30, "the manifest is nearly empty")
    for i, r in ipairs(S.tool_all(jobs, 2)) do
      S.status(r, jobs[i][1][#jobs[i][1]] == "--no-such-flag-exists" and 2 or 0)
    end
  end)

  it("2 exactly five keys, always, in one order", function()
    for args, status in pairs { ["fx ok"] = 0, ["fx list"] = 0, ["fx throw"] = 1, nothing = 2, ["fx spin"] = 10,
      [""] = 0 } do
      local r = S.status(S.tool(args), status)
      S.equal(r, json.array { "ok", "data", "error", "warnings", "meta" }, json.array(json.key_order(r.envelope)),
        "keys")
    end
  end)

  it("3 data is there on success and on failure", function()
    local r = S.tool { "fx", "ok" }
    S.truth(r, type(r.envelope.data) == "table" and r.envelope.data ~= json.null, "no data")
    r = S.tool { "fx", "throw" }
    S.equal(r, json.null, r.envelope.data, "data of a failure")
  end)

  it("4 error is null on success and an object on failure", function()
    local r = S.tool { "fx", "ok" }
    S.equal(r, json.null, r.envelope.error, "error")
    r = S.tool { "fx", "exit", "--name", "NOT_FOUND" }
    S.equal(r, "FX_NOT_FOUND", r.envelope.error.code, "error.code")
  end)

  it("5 one result and many have the same top-level shape", function()
    local one, many = S.tool { "fx", "get" }, S.tool { "fx", "list" }
    S.truth(many, json.is_array(many.envelope.data), "a list is no array")
    assert.same(json.key_order(one.envelope), json.key_order(many.envelope))
  end)

  it("6 ok follows the exit status for every code", function()
    for name, status in pairs { SUCCESS = 0, GENERAL_ERROR = 1, ARG_ERROR = 2, PARTIAL_FAILURE = 3, TIMEOUT = 10,
                                LEGAL_HOLD = 79 } do
      local r = S.status(S.tool { "fx", "exit", "--name", name }, status)
      S.equal(r, status == 0, r.envelope.ok, "ok")
    end
  end)

  it("7 warnings are strings, duration_ms is a whole number, every error has code and message", function()
    local r = S.tool { "fx", "noisy" }
    S.truth(r, #r.envelope.warnings > 0, "the warning is lost")
    for _, w in ipairs(r.envelope.warnings) do S.truth(r, type(w) == "string", "a warning is no string") end
    S.truth(r, r.envelope.warnings[1]:find("^FX_WARNING: "), "the warning has no code")
    S.equal(r, "integer", math.type(r.envelope.meta.duration_ms), "type of duration_ms")
  end)
end)
