-- REQ-F-065: no stage of a pipeline fails unseen.
local S = require "lib.spec"

S.req("REQ-F-065", "Pipeline exit code propagation", function()
  it("1 and 2 any failing stage fails the pipeline, the first one giving the code; all statuses are told", function()
    for _, case in ipairs { { "1", "0", 0, 1 }, { "0", "1", 1, 1 }, { "1", "1", 0, 1 }, { "7", "3", 0, 7 } } do
      local r = S.tool { "fx", "pipe", case[1], case[2] }
      local e = S.failed(r, 1, "PIPELINE_FAILED")
      S.equal(r, case[3], e.context.stage, "stage")
      S.equal(r, case[4], e.context.code, "code")
      S.equal(r, S.json.array { math.tointeger(tonumber(case[1])), math.tointeger(tonumber(case[2])) }, e.context.statuses,
        "statuses")
      S.truth(r, e.message:find("Pipeline stage " .. case[3] .. " exited " .. case[4], 1, true), "message")
    end
  end)

  it("1 without a failure the last stage's output is the result", function()
    local r = S.status(S.tool { "fx", "pipe", "0", "0", "0" }, 0)
    S.equal(r, "in", r.envelope.data.stdout, "stdout")
    S.equal(r, S.json.array { 0, 0, 0 }, r.envelope.data.statuses, "statuses")
  end)

  it("1 a stage that a signal ends counts as 128 and the signal's number", function()
    local r = S.tool { "fx", "pipe", "0", "kill" }
    S.equal(r, 137, S.failed(r, 1, "PIPELINE_FAILED").context.code, "code")
  end)

  it("1 the stages run at the same time: one that never ends by itself ends with its reader", function()
    local r = S.tool { "fx", "pipe", "yes", "head" }
    S.equal(r, 141, S.failed(r, 1, "PIPELINE_FAILED").context.code, "code")
    r = S.status(S.tool { "fx", "pipe", "yes", "head", "--ignore-sigpipe" }, 0)
    S.equal(r, "y\n", r.envelope.data.stdout, "stdout")
  end)

  it("3 the failure is an error of the call unless the command wants to judge itself", function()
    local r = S.status(S.tool { "fx", "pipe", "4", "0", "--no-check" }, 0)
    S.equal(r, S.json.array { 4, 0 }, r.envelope.data.statuses, "statuses")
  end)

  it("4 it is documented", function()
    assert.truthy(S.slurp(S.paths.root .. "/../docs/programs.md"):find("PIPELINE_FAILED", 1, true))
  end)

  -- A shell does not tell its children about pipefail; only bash with an exported SHELLOPTS does.
  it("5 a pipe without pipefail is warned of where the shell shows it, and only with more words asked for", function()
    local env = { SHELLOPTS = "braceexpand:hashall" }
    local r = S.status(S.tool({ "fx", "ok", "--verbose" }, { env = env }), 0)
    S.truth(r, r.stderr:find("pipefail", 1, true), "no warning")
    for _, case in ipairs { { { "--verbose" }, { SHELLOPTS = "braceexpand:pipefail" } }, { { "--verbose" }, {} }, { {}, env } } do
      case[2].HOME = S.home() -- the lack of a place for the audit log is a warning
      r = S.status(S.tool({ "fx", "ok", table.unpack(case[1]) }, { env = case[2] }), 0)
      S.truth(r, not r.stderr:find("pipefail", 1, true), "a warning")
      S.equal(r, S.json.array {}, r.envelope.warnings, "warnings")
    end
  end)
end)
