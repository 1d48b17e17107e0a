-- REQ-C-010: a program that outlives its call is declared, named and can be ended.
local S = require "lib.spec"

local function tool(args, tmp, opts)
  opts = opts or {}
  opts.env, opts.may_leave, opts.spare, opts.settle_ms = { TMPDIR = tmp }, true, true, 0
  return S.tool(args, opts)
end

local function words(line) return (assert(line:match("^tool (.*)$"), line)) end

-- Whether a process lives; one that has ended and was not collected does not.
local function alive(pid)
  local stat = S.slurp("/proc/" .. pid .. "/stat")
  return stat ~= nil and not stat:find("%) [ZX]")
end

S.req("REQ-C-010", "Background-process commands declare metadata", function()
  it("1 --schema shows that, how it is ended and how long it lives", function()
    local data = S.contract "fx watch"
    assert.is_true(data.spawns_background_process)
    assert.equal("tool fx watch-stop", data.cleanup_command)
    assert.equal(2, data.max_lifetime_seconds)
    assert.is_nil(S.contract("fx ok").spawns_background_process)
  end)

  it("2 the answer names the process and the command that ends it", function()
    local tmp = S.dir "tmp"
    local r = S.status(tool({ "fx", "watch", "hang" }, tmp), 0)
    local data = r.envelope.data
    S.equal(r, "integer", math.type(data.background_pid), "background_pid")
    S.equal(r, "tool fx watch-stop", data.cleanup_command, "cleanup_command")
    S.truth(r, alive(data.background_pid), "the process does not live")
    S.truth(r, S.exists(data.pid_file), "pid_file")
    assert.same({}, S.schema.validate(S.contract("fx watch").output_schema, data))
    r = S.status(tool(words(data.cleanup_command), tmp), 0)
    S.equal(r, "updated", r.envelope.data.effect, "effect")
    S.truth(r, not alive(data.background_pid), "the process lives")
    r = S.status(tool(words(data.cleanup_command), tmp), 0)
    S.equal(r, "noop", r.envelope.data.effect, "effect of the second time")
  end)

  it("it ends after its lifetime", function()
    local tmp = S.dir "tmp"
    local pid = S.status(tool({ "fx", "watch", "hang" }, tmp), 0).envelope.data.background_pid
    S.driver.pause(1000)
    assert.is_true(alive(pid))
    S.driver.wait_for(function() return not alive(pid) end, 3000)
  end)

  it("3 starting one without the declaration is refused, and so is a declaration that lacks something", function()
    local r, text = S.check("spawn-undeclared", "background-bare", "background-endless")
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("ctx.spawn used but background is not declared", 1, true), text)
    S.truth(r, text:find("background requires stop and lifetime", 1, true), text)
    r, text = S.check "background-unknown"
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find('cleanup_command "nothing stop" is not a registered command', 1, true), text)
    r = S.status(S.check "background-safe", 0)
    S.truth(r, S.json.encode(r.envelope.warnings):find("safe command starts a background process", 1, true), "no warning")
  end)
end)
