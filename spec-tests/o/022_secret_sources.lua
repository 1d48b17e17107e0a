-- REQ-O-022: a secret comes from a variable or a file, and is seen nowhere.
local S = require "lib.spec"

local VALUE = "correct-horse-battery"

local function hash(args, env)
  local all = { "fx", "secret-hash", "--debug" }
  for _, word in ipairs(args) do all[#all + 1] = word end
  return S.tool(all, { env = env })
end

S.req("REQ-O-022", "--secret-from-env / --secret-from-file flags", function()
  it("1 both flags exist for each secret, the direct one does not", function()
    local flags = S.contract("fx secret-hash").flags
    assert.truthy(flags["pin-from-env"])
    assert.truthy(flags["pin-from-file"])
    assert.is_nil(flags.pin)
  end)

  it("2 variable and file give the same secret; a last line break does not count", function()
    local dir = S.dir()
    local by_env = S.status(hash({ "--pin-from-env", "MY_VAR" }, { MY_VAR = VALUE }), 0)
    for _, text in ipairs { VALUE, VALUE .. "\n", VALUE .. "\r\n" } do
      local r = S.status(hash { "--pin-from-file", S.spit(dir .. "/pin", text) }, 0)
      S.equal(r, by_env.envelope.data.hash, r.envelope.data.hash, "hash")
    end
  end)

  it("2 it is in no command line", function()
    local _, trace = S.strace({ "fx", "secret-hash", "--pin-from-env", "MY_VAR" }, "execve", { env = { MY_VAR = VALUE } })
    local calls = 0
    for _, line in ipairs(trace) do
      if line:find("execve(", 1, true) then calls = calls + 1 end
      assert.is_nil(line:find(VALUE, 1, true), line)
    end
    assert.is_true(calls >= 2)
  end)

  it("3 an unset variable, an empty one, a missing or empty file: exit 2 before anything happens", function()
    local dir = S.dir()
    for _, case in ipairs {
      { { "--pin-from-env", "NOT_SET" }, "NOT_SET" }, { { "--pin-from-env", "EMPTY" }, "EMPTY" },
      { { "--pin-from-file", dir .. "/absent" }, nil }, { { "--pin-from-file", S.spit(dir .. "/empty", "\n") }, nil },
    } do
      local r = hash(case[1], { EMPTY = "" })
      local e = S.failed(r, 2, "ARG_ERROR")
      S.equal(r, case[1][1], e.context.flag, "context.flag")
      S.equal(r, case[2], e.context.var, "context.var")
      S.truth(r, e.message:find(case[1][1], 1, true), "the flag is not named")
    end
    S.failed(hash {}, 2, "ARG_ERROR")
    S.failed(hash({ "--pin-from-env", "A", "--pin-from-file", dir .. "/empty" }, { A = VALUE }), 2, "ARG_ERROR")
  end)

  it("4 it is in no output at any verbosity, and not in the audit log", function()
    local home = S.dir "home"
    local r = S.status(hash({ "--pin-from-env", "MY_VAR" }, { MY_VAR = VALUE, HOME = home }), 0)
    S.truth(r, not (r.stdout .. r.stderr):find(VALUE, 1, true), "the secret is shown")
    S.truth(r, r.stderr:find("[REDACTED]", 1, true), "--debug says nothing about it")
    local log = S.slurp(r.envelope.meta.audit_log_path)
    S.truth(r, log:find("secret-hash", 1, true) and not log:find(VALUE, 1, true), "audit log: " .. log)
  end)

  it("5 the envelope is the same as ever", function()
    local r = S.status(hash({ "--pin-from-env", "MY_VAR" }, { MY_VAR = VALUE }), 0)
    S.equal(r, "[REDACTED]", r.envelope.data.text, "the secret as a text")
  end)
end)
