-- REQ-F-011: every run has a time limit that holds whatever the command does.
local S = require "lib.spec"

local function fifo()
  local path = S.dir() .. "/fifo"
  assert(S.run({ "mkfifo", path }).status == 0)
  return path
end

-- A configuration file with a framework default.
local function config(ms)
  return S.spit(S.dir() .. "/config.json", '{"default_timeout_ms":' .. ms .. '}')
end

S.req("REQ-F-011", "Default timeout per command", function()
  it("1 the default is configurable, a command overrides it, the caller overrides both", function()
    local r = S.tool { "fx", "ok", "--config", config(1000) }
    S.equal(r, 1000, r.envelope.meta.timeout_ms, "meta.timeout_ms from the configuration")
    r = S.tool { "fx", "memory", "--schema" }
    S.status(r, 0)
    r = S.tool { "fx", "spin", "--config", config(60000) }
    S.equal(r, 300, r.envelope.meta.timeout_ms, "meta.timeout_ms from the contract")
    r = S.tool { "fx", "spin", "--timeout", "150ms" }
    S.equal(r, 150, r.envelope.meta.timeout_ms, "meta.timeout_ms from the flag")
    r = S.tool { "fx", "sleep", "--time", "1h", "--config", config(400) }
    S.failed(r, 10, "TIMEOUT")
    S.truth(r, r.elapsed_ms < 5400, "did not end within default + 5 s")
  end)

  it("2 a command that waits for ever ends by itself", function()
    local r = S.tool { "fx", "sleep", "--time", "1h", "--timeout", "200ms" }
    S.failed(r, 10, "TIMEOUT")
    S.truth(r, r.elapsed_ms >= 200 and r.elapsed_ms < 500, "ended after " .. r.elapsed_ms .. " ms")
  end)

  it("3 it holds in Lua loops, in loops that catch errors, in coroutines, in closing values", function()
    for _, name in ipairs { "spin", "pcall-loop", "coroutine-spin", "close-loop" } do
      local r = S.tool { "fx", name }
      S.failed(r, 10, "TIMEOUT")
      S.truth(r, r.elapsed_ms < 300 + 300, name .. " ended after " .. r.elapsed_ms .. " ms")
    end
  end)

  it("3 it holds inside one C call: pattern matching, a C loop, a blocking read", function()
    for _, args in ipairs { { "fx", "regexbomb" }, { "fx", "native-hang", "--call", "spin_in_c" },
                            { "fx", "native-hang", "--call", "read_block", "--path", fifo() } } do
      local r = S.tool(args)
      S.failed(r, 10, "TIMEOUT")
      S.truth(r, r.elapsed_ms < 300 + 300, args[2] .. " ended after " .. r.elapsed_ms .. " ms")
    end
  end)

  it("3 it holds for a child that hangs, and takes the child along", function()
    local r = S.tool { "fx", "child", "hang", "--timeout", "300ms" }
    S.failed(r, 10, "TIMEOUT")
    assert.same({}, r.left)
  end)

  it("4 meta.timeout_ms is in every response: success, failure, timeout, refusal", function()
    for args, status in pairs { ["fx ok"] = 0, ["fx throw"] = 1, ["fx exit --name NOT_FOUND"] = 5, ["fx spin"] = 10,
                                ["fx ok --nonsense"] = 2, nothing = 2 } do
      local r = S.status(S.tool(args), status)
      S.equal(r, "integer", math.type(r.envelope.meta.timeout_ms), "type of meta.timeout_ms")
    end
  end)

  it("5 the framework's default is 30 s; 0 means no limit and is reported as 0", function()
    local r = S.tool { "fx", "ok" }
    S.equal(r, 30000, r.envelope.meta.timeout_ms, "meta.timeout_ms")
    r = S.tool { "fx", "ok", "--timeout", "0" }
    S.equal(r, 0, r.envelope.meta.timeout_ms, "meta.timeout_ms of --timeout 0")
    S.status(S.tool { "fx", "sleep", "--time", "600ms", "--timeout", "0" }, 0)
    S.status(S.tool { "fx", "sleep", "--time", "100ms", "--timeout", "10000000000" }, 0) -- more ns than 64 bits hold
    r = S.tool { "fx", "ok", "--timeout", "7" }
    S.equal(r, 7000, r.envelope.meta.timeout_ms, "a bare number is seconds")
  end)
end)
