-- REQ-O-025: --warnings-as-errors.
local S = require "lib.spec"

local function flagged(...)
  local args = { ... }
  args[#args + 1] = "--warnings-as-errors"
  return S.tool(args)
end

S.req("REQ-O-025", "--warnings-as-errors flag", function()
  it("1 it is on every command", function()
    assert.equal("boolean", S.status(S.tool { "manifest" }, 0).envelope.meta.global_flags["warnings-as-errors"].type)
    for path, entry in pairs(S.commands()) do assert.truthy(entry.exit_codes["1"], path) end
  end)

  it("2 a warning is exit 1, after completion, with the warning in warnings", function()
    local r = S.tool { "fx", "noisy", "--warnings-as-errors" }
    S.failed(r, 1, "WARNINGS_AS_ERRORS")
    S.equal(r, "FX_WARNING: a warning of the fixture", r.envelope.warnings[1], "warning")
    S.equal(r, S.json.null, r.envelope.data, "data")
    local dir = S.dir()
    r = S.tool({ "fx", "old-shape", "--schema-version", "1", "--warnings-as-errors", "--cwd", dir })
    S.failed(r, 1, "WARNINGS_AS_ERRORS")
    r = S.tool { "fx", "ok", "--no-config", "--stream", "--warnings-as-errors", "--output", "jsonl" }
    S.failed(r, 1, "WARNINGS_AS_ERRORS")
  end)

  it("2 whoever warned: a library that prints counts too", function()
    local r = S.tool { "fx", "native", "--call", "write_fd1", "--warnings-as-errors" }
    S.failed(r, 1, "WARNINGS_AS_ERRORS")
    S.truth(r, r.envelope.warnings[1]:find("THIRD_PARTY_STDOUT", 1, true), "warning")
  end)

  it("2 in other formats stdout stays empty and the envelope is on stderr", function()
    for _, format in ipairs { "tsv", "plain", "table" } do
      local r = S.tool { "fx", "noisy", "--warnings-as-errors", "--output", format }
      S.failed(r, 1, "WARNINGS_AS_ERRORS")
      S.equal(r, "", r.stdout, "stdout")
    end
    local t = S.status(S.tool({ "fx", "noisy", "--warnings-as-errors" }, S.terminal()), 1)
    S.truth(t, t.stderr:find("--warnings-as-errors is set", 1, true), "a person is not told why")
  end)

  it("2 a stream has its rows and its summary, then the error", function()
    local r = S.tool({ "fx", "feed", "--warn", "--warnings-as-errors" }, { shape = "jsonl" })
    S.failed(r, 1, "WARNINGS_AS_ERRORS")
    S.equal(r, 4, #r.rows, "rows and summary")
    S.equal(r, true, r.rows[4]._summary, "summary")
  end)

  it("3 without a warning it changes nothing", function()
    local r = S.status(S.tool({ "fx", "ok", "--warnings-as-errors" }, { env = { HOME = S.home() } }), 0)
    S.equal(r, S.raw(S.tool { "fx", "ok" }, "data"), S.raw(r, "data"), "data")
    S.failed(flagged("fx", "exit", "--name", "NOT_FOUND"), 5, "FX_NOT_FOUND")
  end)

  it("4 without the flag a warning never changes the exit code", function()
    S.status(S.tool { "fx", "noisy" }, 0)
  end)
end)
