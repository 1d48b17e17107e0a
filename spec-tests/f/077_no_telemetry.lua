-- REQ-F-077: the tool ships no telemetry; the statements hold because nothing is ever sent.
local S = require "lib.spec"

S.req("REQ-F-077", "Telemetry non-blocking", function()
  it("1, 3 and 6 no run makes a network call of its own, whatever the environment says", function()
    for _, env in ipairs { {}, { CI = "true" }, { NO_TELEMETRY = "1" }, { TOOL_NO_TELEMETRY = "1" } } do
      for _, args in ipairs { { "fx", "ok" }, { "manifest" }, { "fx", "throw" } } do
        local r, trace = S.strace(args, "network", { env = env })
        S.truth(r, r.status ~= nil, "ended by a signal")
        for _, line in ipairs(trace) do
          assert.is_nil(line:match("socket%(") or line:match("connect%(") or line:match("sendto%("), line)
        end
      end
    end
  end)

  it("2 switching it off changes neither exit code nor streams", function()
    local plain = S.tool { "fx", "ok", "--stable-output" }
    local off = S.tool({ "fx", "ok", "--stable-output" }, { env = { NO_TELEMETRY = "1", TOOL_NO_TELEMETRY = "1" } })
    S.equal(off, plain.stdout, off.stdout, "stdout")
    S.equal(off, plain.stderr, off.stderr, "stderr")
    S.equal(off, plain.status, off.status, "status")
  end)

  it("4 and 5 without any network the run takes as long as with one", function()
    local function median(argv)
      local times = {}
      for i = 1, 15 do
        local r = S.run(argv, { clear_env = true, env = S.environment {} })
        assert.equal(0, r.status, r.stderr)
        times[i] = r.elapsed_ms
      end
      table.sort(times)
      return times[8]
    end
    local isolated = median { "unshare", "-n", S.paths.tool, "fx", "ok" }
    local plain = median { S.paths.tool, "fx", "ok" }
    assert.truthy(math.abs(isolated - plain) < 50, ("%.1f ms and %.1f ms"):format(isolated, plain))
  end)
end)
