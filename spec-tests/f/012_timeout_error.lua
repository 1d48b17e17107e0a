-- REQ-F-012: what a caller learns when time is up.
local S = require "lib.spec"
local json = S.json

S.req("REQ-F-012", "Timeout exit code and JSON error", function()
  it("1 stdout is never empty: the error is written before the end", function()
    for _, args in ipairs { { "fx", "spin" }, { "fx", "regexbomb" }, { "fx", "native-hang", "--call", "spin_in_c" } } do
      local r = S.tool(args)
      S.failed(r, 10, "TIMEOUT")
      S.truth(r, #r.stdout > 0, "stdout is empty")
    end
  end)

  it("2 the status is 10", function() S.status(S.tool { "fx", "spin" }, 10) end)

  it("3 ok is false and the code TIMEOUT", function()
    local r = S.tool { "fx", "spin" }
    S.equal(r, false, r.envelope.ok, "ok")
    S.equal(r, "TIMEOUT", r.envelope.error.code, "error.code")
  end)

  it("4 the error carries the limit", function()
    local r = S.tool { "fx", "spin", "--timeout", "120ms" }
    S.equal(r, 120, r.envelope.error.timeout_ms, "error.timeout_ms")
  end)

  it("5 retryable is copied from the command's entry: true only without side effects", function()
    local r = S.tool { "fx", "spin" }
    S.equal(r, true, r.envelope.error.retryable, "retryable of a safe command")
    S.truth(r, (r.envelope.error.retry_after_ms or 0) > 0, "no retry_after_ms")
    r = S.tool { "fx", "sleep-mutating" }
    S.failed(r, 10, "TIMEOUT")
    S.equal(r, false, r.envelope.error.retryable, "retryable of a mutating command")
    for _, name in ipairs { "spin", "sleep-mutating" } do
      local run = S.tool { "fx", name }
      S.equal(run, S.contract("fx " .. name).exit_codes["10"].retryable, run.envelope.error.retryable, "entry of "
        .. name)
    end
  end)

  it("6 duration_ms is the real time and the phase is execution", function()
    local r = S.tool { "fx", "spin" }
    S.equal(r, "execution", r.envelope.error.phase, "phase")
    S.truth(r, r.envelope.meta.duration_ms >= 300 and r.envelope.meta.duration_ms <= r.elapsed_ms, "duration_ms")
  end)

  it("7 the finished steps are named", function()
    local r = S.tool { "fx", "steps", "--hang-at", "unpack" }
    S.failed(r, 10, "TIMEOUT")
    S.equal(r, json.array { "fetch" }, r.envelope.data.completed_steps, "completed_steps")
    S.equal(r, "unpack", r.envelope.data.failed_step, "failed_step")
    S.equal(r, json.array { "link" }, r.envelope.data.skipped_steps, "skipped_steps")
    r = S.tool { "fx", "spin" }
    S.equal(r, json.null, r.envelope.data, "data without steps")
  end)

  it("4 MB of captured noise before the limit do not harm the line", function()
    local r = S.tool { "fx", "native-hang", "--call", "flood_then_spin", "--timeout", "3s" }
    S.failed(r, 10, "TIMEOUT")
  end)
end)
