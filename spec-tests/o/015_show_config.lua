-- REQ-O-015: the resolved configuration.
local S = require "lib.spec"
local uv = require "luv"

local function place()
  local home = S.dir "home"
  for _, dir in ipairs { "/.config", "/.config/tool", "/p" } do assert(uv.fs_mkdir(home .. dir, 448)) end
  return { home = home, cwd = home .. "/p", user = home .. "/.config/tool/config.json",
    run = function(args, env)
      local all = { HOME = home, PWD = home .. "/p" }
      for k, v in pairs(env or {}) do all[k] = v end
      return S.status(S.tool(args, { cwd = home .. "/p", env = all, shape = "json" }), 0)
    end }
end

S.req("REQ-O-015", "--show-config flag", function()
  it("1 tool --show-config answers with the configuration, in JSON whatever the format", function()
    local at = place()
    local r = at.run { "--show-config" }
    S.equal(r, true, r.envelope.ok, "ok")
    r = at.run({ "--show-config" }, { TOOL_OUTPUT = "table" })
    S.equal(r, { "table", "env:TOOL_OUTPUT" },
      { r.envelope.data.effective_config.output, r.envelope.data.sources.output }, "output")
    local t = S.tool({ "--show-config" }, S.terminal())
    S.truth(t, S.json.decode(t.stdout), "no JSON on a terminal")
  end)

  it("2 values, origins and the order of layers", function()
    local at = place()
    S.spit(at.user, '{"region":"user","default_timeout_ms":5000}')
    S.spit(at.cwd .. "/.tool-config", '{"region":"project"}')
    local r = at.run { "--show-config" }
    local data = r.envelope.data
    S.equal(r, { "cli-flags", "env-vars", at.cwd .. "/.tool-config", at.user, "defaults" },
      { table.unpack(data.precedence_order) }, "precedence_order")
    for key in pairs(data.effective_config) do S.truth(r, data.sources[key], key .. " has no source") end
    S.equal(r, { "project", 5000 }, { data.effective_config.region, data.effective_config.default_timeout_ms }, "values")
  end)

  it("3 each source names the variable, the file or the flag", function()
    local at = place()
    local function source(args, env)
      args[#args + 1] = "--show-config"
      local data = at.run(args, env).envelope.data
      return data.sources.region, data.effective_config.region
    end
    S.spit(at.user, '{"region":"r1"}')
    assert.same({ "file:" .. at.user, "r1" }, { source { "fx", "region" } })
    assert.same({ "env:FX_REGION", "r2" }, { source({ "fx", "region" }, { FX_REGION = "r2" }) })
    assert.same({ "flag:--region", "r3" }, { source({ "fx", "region", "--region", "r3" }, { FX_REGION = "r2" }) })
    assert.same({ "env:FX_REGION", "r2" }, { source({}, { FX_REGION = "r2" }) })
    local data = at.run { "--show-config" }.envelope.data
    assert.equal("default", data.sources.max_output_bytes)
  end)

  it("4 it is that of this invocation: directory, environment and flags", function()
    local at = place()
    local other = S.dir "other"
    S.spit(other .. "/.toolrc", '{"region":"elsewhere"}')
    local r = at.run { "--show-config", "--cwd", other }
    S.equal(r, "elsewhere", r.envelope.data.effective_config.region, "region")
    r = at.run { "--show-config", "--no-config" }
    S.equal(r, nil, r.envelope.data.effective_config.region, "region with --no-config")
    r = at.run({ "--show-config" }, { TOOL_MAX_STDIN_BYTES = "100" })
    S.equal(r, { 100, "env:TOOL_MAX_STDIN_BYTES" },
      { r.envelope.data.effective_config.max_stdin_bytes, r.envelope.data.sources.max_stdin_bytes }, "max_stdin_bytes")
  end)

  it("secrets are not shown, and the command does not run", function()
    local at = place()
    S.spit(at.user, '{"api_token":"hidden-1","nested":{"password":"hidden-2","plain":"seen"}}')
    local r = at.run { "--show-config" }
    S.truth(r, not r.stdout:find("hidden-", 1, true), "a secret is shown")
    S.equal(r, { "[REDACTED]", "seen" },
      { r.envelope.data.effective_config.api_token, r.envelope.data.effective_config.nested.plain }, "values")
    local file = at.cwd .. "/new"
    at.run { "fx", "write", "--path", file, "--show-config" }
    assert.falsy(S.exists(file))
  end)
end)
