-- REQ-O-008: --quiet, --verbose, --debug.
local S = require "lib.spec"
local stub = require "lib.stub_server"

S.req("REQ-O-008", "--quiet / --verbose / --debug verbosity flags", function()
  it("1 all three are on every command and exclude each other", function()
    local flags = S.status(S.tool { "manifest" }, 0).envelope.meta.global_flags
    for _, name in ipairs { "quiet", "verbose", "debug" } do assert.equal("boolean", flags[name].type) end
    for _, pair in ipairs { { "--quiet", "--debug" }, { "--quiet", "--verbose" }, { "--verbose", "--debug" } } do
      S.failed(S.tool { "fx", "ok", pair[1], pair[2] }, 2, "ARG_ERROR")
    end
  end)

  it("2 --quiet: no byte on stderr, warnings included; they stand in the envelope", function()
    for _, env in ipairs { {}, { TOOL_DEBUG = "1" } } do
      local r = S.status(S.tool({ "fx", "noisy", "--quiet" }, { env = env }), 0)
      S.equal(r, "", r.stderr, "stderr")
      S.equal(r, "FX_WARNING: a warning of the fixture", r.envelope.warnings[1], "warning")
    end
    for _, args in ipairs { { "fx", "throw", "--quiet" }, { "fx", "ok", "--nope", "--quiet" }, { "--help", "--quiet" } } do
      local r = S.tool(args, { shape = "json" })
      S.equal(r, "", r.stderr, "stderr of " .. table.concat(args, " "))
    end
    local t = S.tool({ "fx", "noisy", "--quiet" }, S.terminal())
    S.equal(t, "", t.stderr, "stderr on a terminal")
    S.truth(t, S.json.decode(t.stdout), "the result on a terminal is no JSON")
  end)

  it("3 --verbose: progress on stderr, the result on stdout", function()
    local r = S.status(S.tool { "fx", "noisy", "--verbose" }, 0)
    for _, text in ipairs { "half of it", "all of it", "an information line", "a warning" } do
      S.truth(r, r.stderr:find(text, 1, true), text .. " is not on stderr")
    end
    S.truth(r, not r.stderr:find("[DEBUG]", 1, true), "debug lines")
  end)

  it("4 --debug: configuration, locks and every request", function()
    local home = S.dir "home"
    local server = stub.start { { body = "x" }, { body = "y" } }
    local config = S.spit(home .. "/c.json", "{}")
    local r = S.status(S.tool { "fx", "fetch", server.url .. "/one", "--config", config, "--debug" }, 0)
    server.close()
    S.truth(r, r.stderr:find("[DEBUG] config: " .. config, 1, true), "the configuration is not named")
    S.truth(r, r.stderr:find("[DEBUG] > GET " .. server.url .. "/one", 1, true), "the request is not shown")
    S.truth(r, r.stderr:find("[DEBUG] < 200", 1, true), "the answer is not shown")
    r = S.status(S.tool { "fx", "lock", "--hold", "1ms", "--debug" }, 0)
    S.truth(r, r.stderr:find("[DEBUG] lock ", 1, true), "the lock is not shown")
  end)

  it("5 --verbose and --debug count under CI and off a terminal too", function()
    for _, flag in ipairs { "--verbose", "--debug" } do
      local r = S.status(S.tool({ "fx", "noisy", flag }, { env = { CI = "true" } }), 0)
      S.truth(r, r.stderr:find("an information line", 1, true), flag)
    end
    local r = S.status(S.tool({ "fx", "noisy" }, { env = { CI = "true" } }), 0)
    S.equal(r, "", r.stderr, "stderr without a flag")
  end)

  it("6 stdout is the same at every level", function()
    local plain = S.raw(S.tool { "fx", "noisy" }, "data")
    for _, flag in ipairs { "--quiet", "--verbose", "--debug" } do
      assert.equal(plain, S.raw(S.tool { "fx", "noisy", flag }, "data"))
    end
  end)

  it("7 secrets are redacted at every level", function()
    for _, flag in ipairs { "--verbose", "--debug" } do
      local r = S.status(S.tool({ "fx", "secrets", "--token-from-env", "FX_T", flag },
        { env = { FX_T = "very-secret-value-1" } }), 0)
      S.truth(r, not (r.stderr .. r.stdout):find("very-secret-value-1", 1, true), "the secret is shown")
      S.truth(r, r.stderr:find("[REDACTED]", 1, true), "nothing is redacted")
    end
  end)

  it("TOOL_DEBUG=1 is --debug, and a flag beats it", function()
    local r = S.status(S.tool({ "fx", "ok" }, { env = { TOOL_DEBUG = "1" } }), 0)
    S.truth(r, r.stderr:find("[DEBUG]", 1, true), "TOOL_DEBUG does nothing")
    r = S.status(S.tool({ "fx", "ok", "--verbose" }, { env = { TOOL_DEBUG = "1" } }), 0)
    S.truth(r, not r.stderr:find("[DEBUG]", 1, true), "--verbose does not beat it")
  end)
end)
