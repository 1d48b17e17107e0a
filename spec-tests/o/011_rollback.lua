-- REQ-O-011: what was done before a failure can be undone.
local S = require "lib.spec"

local function work(dir, ...) return S.tool { "fx", "work", "--dir", dir, ... } end

S.req("REQ-O-011", "--rollback-on-failure flag", function()
  it("1 the flag is there for commands that can undo their steps, and for no others", function()
    for path, entry in pairs(S.commands()) do
      local ext = S.contract((path:gsub("%.", " ")))
      assert.equal(ext.rollback_available == true, entry.flags["rollback-on-failure"] ~= nil, path)
    end
    S.status(S.tool { "fx", "steps", "--rollback-on-failure" }, 2)
    local r, text = S.check("undo-stepless", "undo-no-function")
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("undo needs steps", 1, true), text)
    S.truth(r, text:find("undo must be a function", 1, true), text)
  end)

  it("2 and 3 the finished steps are undone, the last one first", function()
    local dir = S.dir()
    local r = work(dir, "--fail-at", "link", "--rollback-on-failure")
    S.failed(r, 3, "PARTIAL_FAILURE")
    S.equal(r, "completed", r.envelope.data.rollback_status, "rollback_status")
    S.equal(r, nil, r.envelope.data.resume_from, "resume_from")
    assert.equal("unpack\nfetch\n", S.slurp(dir .. "/undone"))
    assert.same({ "undone" }, S.list(dir))
    S.equal(r, { "fetch", "unpack" }, r.envelope.data.completed_steps, "completed_steps")
  end)

  it("3 without the flag, or with nothing to undo: not_attempted", function()
    local dir = S.dir()
    local r = work(dir, "--fail-at", "link")
    S.status(r, 3)
    S.equal(r, "not_attempted", r.envelope.data.rollback_status, "rollback_status")
    assert.same({ "fetch", "unpack" }, S.list(dir))
    r = work(S.dir(), "--fail-at", "fetch", "--rollback-on-failure")
    S.status(r, 5)
    S.equal(r, "not_attempted", r.envelope.data.rollback_status, "rollback_status")
    r = S.status(work(S.dir(), "--rollback-on-failure"), 0)
    S.equal(r, nil, r.envelope.data.rollback_status, "rollback_status of a success")
  end)

  it("4 an undo that fails is told: failed, and why", function()
    local dir = S.dir()
    local r = work(dir, "--fail-at", "start", "--fail-undo", "unpack", "--rollback-on-failure")
    S.failed(r, 3, "PARTIAL_FAILURE")
    S.equal(r, "failed", r.envelope.data.rollback_status, "rollback_status")
    S.truth(r, r.envelope.data.rollback_error:find("unpack", 1, true)
      and r.envelope.data.rollback_error:find("It resists.", 1, true), "rollback_error")
    assert.same({ "fetch", "undone", "unpack" }, S.list(dir))
  end)

  it("5 the exit is never 0", function()
    S.status(work(S.dir(), "--fail-at", "start", "--rollback-on-failure"), 3)
    S.status(work(S.dir(), "--die-at", "start", "--rollback-on-failure"), 3)
  end)

  it("only the steps of this run are undone", function()
    local dir = S.dir()
    S.status(work(dir, "--fail-at", "link"), 3)
    S.status(work(dir, "--resume-from", "link", "--fail-at", "start", "--rollback-on-failure"), 3)
    assert.equal("link\n", S.slurp(dir .. "/undone"))
    assert.same({ "fetch", "undone", "unpack" }, S.list(dir))
  end)

  it("a timeout and a signal undo too, in what time there is", function()
    for status, opts in pairs { [10] = {}, [143] = { signals = { { "TERM", when_stderr = "ready" } } } } do
      local dir = S.dir()
      local args = { "fx", "work", "--dir", dir, "--hang-at", "link", "--rollback-on-failure", "--verbose" }
      if status == 10 then table.move({ "--timeout", "300ms" }, 1, 2, #args + 1, args) end
      local r = S.status(S.tool(args, opts), status)
      S.equal(r, "completed", r.envelope.data.rollback_status, "rollback_status")
      assert.same({ "undone" }, S.list(dir))
    end
  end)
end)
