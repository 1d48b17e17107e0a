-- REQ-C-025: what writes configuration says where, and writes elsewhere only when it is told to.
local S = require "lib.spec"

local function write(dir, home, ...)
  return S.tool({ "fx", "config-write", ... }, { cwd = dir, env = { HOME = home } })
end

S.req("REQ-C-025", "Config-writing commands declare write scope", function()
  it("1 without --global the project's file is written and nothing below the home's configuration", function()
    local dir, home = S.dir(), S.dir "home"
    local r = S.status(write(dir, home, "tray", "2"), 0)
    S.equal(r, { effect = "created", name = "tray", path = dir .. "/.tool-config", scope = "local" }, r.envelope.data, "data")
    assert.same({ ".tool-config" }, S.tree(dir))
    assert.is_false(S.exists(home .. "/.config"))
    S.equal(r, { tray = "2" }, S.json.decode(S.slurp(dir .. "/.tool-config")), "the file")
    r = S.status(write(dir, home, "tray", "2"), 0)
    S.equal(r, "noop", r.envelope.data.effect, "effect")
    r = S.status(write(dir, home, "tray", "3"), 0)
    S.equal(r, "updated", r.envelope.data.effect, "effect")
  end)

  it("2 --global writes the user's file, and warns", function()
    local dir, home = S.dir(), S.dir "home"
    local r = S.status(write(dir, home, "tray", "2", "--global"), 0)
    local path = home .. "/.config/tool/config.json"
    S.equal(r, path, r.envelope.data.path, "path")
    S.equal(r, "global", r.envelope.data.scope, "scope")
    S.equal(r, { "GLOBAL_CONFIG_MODIFIED: wrote to " .. path }, r.envelope.warnings, "warnings")
    assert.same({}, S.tree(dir))
    assert.equal("2", S.json.decode(S.slurp(path)).tray)
  end)

  it("3 a writer without a scope is warned about", function()
    local r = S.status(S.check "config-without-scope", 0)
    S.truth(r, S.json.encode(r.envelope.warnings):find("defaulting to local", 1, true), "no warning")
    local text
    r, text = S.check("config-odd", "config-undeclared")
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find('config must be "local", "global" or "session"', 1, true), text)
    S.truth(r, text:find("ctx.config used but config is not declared", 1, true), text)
  end)

  it("4 many writers at once lose nothing", function()
    local dir, home, jobs = S.dir(), S.dir "home", {}
    for i = 1, 50 do
      jobs[i] = { { "fx", "config-write", "k" .. i, "v" .. i }, { cwd = dir, env = { HOME = home } } }
    end
    for _, r in ipairs(S.tool_all(jobs, 25)) do S.status(r, 0) end
    local all = S.json.decode(S.slurp(dir .. "/.tool-config"))
    for i = 1, 50 do assert.equal("v" .. i, all["k" .. i]) end
    assert.same({ ".tool-config" }, S.tree(dir))
  end)

  it("4 a write that is cut leaves the old file whole", function()
    local dir, home = S.dir(), S.dir "home"
    S.status(write(dir, home, "tray", "2", "--global"), 0)
    local path = home .. "/.config/tool/config.json"
    local before = S.slurp(path)
    local r = S.tool({ "fx", "config-write", "--global", "big", ("x"):rep(5000) },
      { cwd = dir, env = { HOME = home, TOOL_NO_AUDIT = "1" }, limits = { fsize = 1000 }, shape = "none" })
    S.truth(r, r.status ~= 0, "it counts as written")
    assert.equal(before, S.slurp(path))
  end)

  it("--schema and flags show the scope; a global writer demands --global", function()
    local data = S.contract "fx config-write"
    assert.equal("local", data.config_write_scope)
    assert.same({ "boolean", false }, { data.flags.global.type, data.flags.global.default })
    assert.is_nil(S.contract("fx ok").flags.global)
    local dir, home = S.dir(), S.dir "home"
    local r = S.tool({ "fx", "config-write-global", "a" }, { cwd = dir, env = { HOME = home } })
    S.status(r, 2)
    S.truth(r, r.envelope.error.fix_required:find("--global", 1, true), "fix_required")
    assert.same({}, S.tree(dir))
    S.status(S.tool({ "fx", "config-write-global", "a", "--global" }, { cwd = dir, env = { HOME = home } }), 0)
  end)
end)
