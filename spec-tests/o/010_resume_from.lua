-- REQ-O-010: a run that failed in a step goes on from there.
local S = require "lib.spec"

local function work(dir, ...) return S.tool { "fx", "work", "--dir", dir, ... } end

S.req("REQ-O-010", "--resume-from flag for multi-step commands", function()
  it("1 the flag is there for resumable commands only", function()
    for path, entry in pairs(S.commands()) do
      assert.equal(S.contract((path:gsub("%.", " "))).resumable == true, entry.flags["resume-from"] ~= nil, path)
    end
    S.status(S.tool { "fx", "steps", "--resume-from", "link" }, 2)
    local r, text = S.check "resumable-stepless"
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("resumable needs steps", 1, true), text)
  end)

  it("2 and 6 resume_from of the failure is the flag's value; the steps before it do not run again", function()
    local dir = S.dir()
    local r = work(dir, "--fail-at", "link")
    S.status(r, 3)
    local from = r.envelope.data.resume_from
    S.equal(r, "link", from, "resume_from")
    S.status(work(dir, "--resume-from", from), 0)
    for _, name in ipairs { "fetch", "unpack", "link", "start" } do assert.equal("done\n", S.slurp(dir .. "/" .. name), name) end
  end)

  it("3 and 4 skipped, completed and failed steps of the run that resumed", function()
    local dir = S.dir()
    local r = S.status(work(dir, "--resume-from", "link"), 0)
    local data = r.envelope.data
    S.equal(r, { "link", "start" }, data.completed_steps, "completed_steps")
    S.equal(r, { "fetch", "unpack" }, data.skipped_steps, "skipped_steps")
    S.equal(r, S.json.null, data.failed_step, "failed_step")
    S.equal(r, "link", data.resumed_from, "resumed_from")
    S.equal(r, "created", data.effect, "effect")
    assert.same({ "link", "start" }, S.list(dir))
    assert.same({}, S.schema.validate(S.contract("fx work").output_schema, data))
    r = work(dir, "--resume-from", "unpack", "--fail-at", "start")
    S.status(r, 3)
    S.equal(r, { "unpack", "link" }, r.envelope.data.completed_steps, "completed_steps")
    S.equal(r, { "fetch" }, r.envelope.data.skipped_steps, "skipped_steps")
    S.equal(r, "start", r.envelope.data.failed_step, "failed_step")
  end)

  it("5 an unknown step is refused before anything happens", function()
    local dir = S.dir()
    local e = S.failed(work(dir, "--resume-from", "nope"), 2, "ARG_ERROR")
    assert.equal("nope", e.errors[1].value)
    assert.same({}, S.list(dir))
  end)

  it("a timeout says where to go on, too", function()
    local r = work(S.dir(), "--hang-at", "unpack", "--timeout", "200ms")
    S.status(r, 10)
    S.equal(r, "unpack", r.envelope.data.resume_from, "resume_from")
  end)
end)
