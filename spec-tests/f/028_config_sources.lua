-- REQ-F-028: every answer names the configuration that it rests on.
local S = require "lib.spec"
local uv = require "luv"

local EMPTY = "e3b0c4"

-- A home and a project below it, with a nested working directory.
local function place()
  local home = S.dir("home")
  for _, dir in ipairs { "/p", "/p/a", "/p/a/b", "/.config", "/.config/tool" } do assert(uv.fs_mkdir(home .. dir, 448)) end
  local at = { home = home, project = home .. "/p", cwd = home .. "/p/a/b", user = home .. "/.config/tool/config.json" }
  function at.run(args, env)
    local all = { HOME = home, PWD = at.cwd }
    for k, v in pairs(env or {}) do all[k] = v end
    return S.tool(args, { cwd = at.cwd, env = all })
  end
  return at
end

local function sources(r) return { table.unpack(r.envelope.meta.config_sources) } end
local function hash(r) return r.envelope.meta.effective_config_hash end
local OK = { "fx", "ok" }

S.req("REQ-F-028", "Config source tracking in response meta", function()
  it("1 all files are named by absolute paths, the strongest first", function()
    local at = place()
    S.spit(at.project .. "/.tool-config", '{"region":"project"}')
    S.spit(at.project .. "/.toolrc", '{"region":"rc","tray":"2"}')
    S.spit(at.user, '{"region":"user","colour":"blue"}')
    local r = S.status(at.run(OK), 0)
    assert.same({ at.project .. "/.tool-config", at.project .. "/.toolrc", at.user }, sources(r))
    for key, want in pairs { region = "project", tray = "2", colour = "blue" } do
      r = S.status(at.run { "config", "get", key }, 0)
      S.equal(r, want, r.envelope.data.value, key)
    end
  end)

  it("1 the project is the nearest directory upwards that has a file", function()
    local at = place()
    S.spit(at.project .. "/.toolrc", '{"region":"far"}')
    S.spit(at.project .. "/a/.toolrc", '{"region":"near"}')
    local r = S.status(at.run { "config", "get", "region" }, 0)
    S.equal(r, "near", r.envelope.data.value, "value")
    assert.same({ at.project .. "/a/.toolrc" }, sources(r))
    r = S.status(at.run { "fx", "ok", "--cwd", at.project }, 0)
    assert.same({ at.project .. "/.toolrc" }, sources(r))
  end)

  it("1 XDG_CONFIG_HOME moves the user's file", function()
    local at, xdg = place(), S.dir("xdg")
    assert(uv.fs_mkdir(xdg .. "/tool", 448))
    S.spit(xdg .. "/tool/config.json", "{}")
    assert.same({ xdg .. "/tool/config.json" }, sources(S.status(at.run(OK, { XDG_CONFIG_HOME = xdg }), 0)))
  end)

  it("1 TOOL_CONFIG stands for the project's file, --config for all, --no-config for none", function()
    local at = place()
    local named, other = S.spit(at.home .. "/named.json", "{}"), S.spit(at.home .. "/other.json", "{}")
    S.spit(at.project .. "/.tool-config", "{}")
    S.spit(at.user, "{}")
    local env = { TOOL_CONFIG = named }
    assert.same({ named, at.user }, sources(S.status(at.run(OK, env), 0)))
    assert.same({ other }, sources(S.status(at.run({ "fx", "ok", "--config", other }, env), 0)))
    local r = S.status(at.run({ "fx", "ok", "--no-config" }, env), 0)
    assert.same({}, sources(r))
    S.equal(r, EMPTY, hash(r), "hash")
  end)

  it("2 and 3 without files: an empty array and the hash of nothing, on every way out", function()
    local at = place()
    for _, case in ipairs { { 0, "fx", "ok" }, { 2, "fx", "ok", "--nope" }, { 2, "nope" }, { 5, "fx", "cat", "/nowhere" } } do
      local r = S.status(at.run { table.unpack(case, 2) }, case[1])
      assert.truthy(r.line:find('"config_sources":[]', 1, true), r.line)
      S.equal(r, EMPTY, hash(r), "hash")
    end
  end)

  it("3 and 4 equal files give equal hashes; any change gives another, even of a shadowed key", function()
    local at, seen = place(), {}
    local function look()
      local r = S.status(at.run(OK), 0)
      local again = S.status(at.run(OK), 0)
      S.equal(r, hash(r), hash(again), "the hash of an equal run")
      assert.truthy(hash(r):find("^%x%x%x%x%x%x$"))
      assert.is_nil(seen[hash(r)], "the hash of other files")
      seen[hash(r)] = true
    end
    look()
    S.spit(at.project .. "/.tool-config", '{"region":"x"}')
    look()
    S.spit(at.user, '{"region":"shadowed"}')
    look()
    S.spit(at.user, '{"region":"shadowed too"}')
    look()
    S.spit(at.user, '{ "region":"shadowed too"}')
    look()
    S.spit(at.project .. "/.tool-config", '{"region":"y"}')
    look()
  end)

  it("3 a configured value from the environment is part of the hash, not of the sources", function()
    local at = place()
    local plain = S.status(at.run { "fx", "region" }, 0)
    local set = S.status(at.run({ "fx", "region" }, { FX_REGION = "env" }), 0)
    S.equal(set, "env", set.envelope.data.region, "region")
    assert.same({}, sources(set))
    assert.is_true(hash(plain) ~= hash(set))
    S.spit(at.user, '{"region":"user"}')
    local r = S.status(at.run { "fx", "region" }, 0)
    S.equal(r, "user", r.envelope.data.region, "region")
    r = S.status(at.run({ "fx", "region", "--no-config" }, { FX_REGION = "env" }), 0)
    S.equal(r, "env", r.envelope.data.region, "region with --no-config")
  end)

  it("both are there on a failure of the input", function()
    local at = place()
    S.spit(at.user, '{"a":1}')
    local r = S.status(at.run { "fx", "ok", "--nope" }, 2)
    assert.same({ at.user }, sources(r))
    assert.is_true(hash(r) ~= EMPTY)
  end)

  it("a file that is not valid is named with its place, and is left as it is", function()
    local at = place()
    local path = S.spit(at.project .. "/.tool-config", '{\n "a": }')
    for _, args in ipairs { OK, { "config", "set", "a", "1" } } do
      local r = at.run(args)
      local e = S.failed(r, 2, "CONFIG_INVALID")
      S.equal(r, path, e.context.file, "file")
      S.equal(r, 2, e.context.line, "line")
    end
    assert.equal('{\n "a": }', S.slurp(path))
    S.failed(at.run { "fx", "ok", "--config", "/nowhere.json" }, 2, "CONFIG_INVALID")
  end)

  it("what another user planted into a directory for everybody is not read", function()
    local at = place()
    assert(uv.fs_chmod(at.project, tonumber("1777", 8)))
    S.spit(at.project .. "/.tool-config", "{}")
    assert.same({ at.project .. "/.tool-config" }, sources(S.status(at.run(OK), 0)))
    if uv.getuid() ~= 0 then return end        -- only root can make a file of somebody else
    assert(uv.fs_chown(at.project .. "/.tool-config", 12345, 12345))
    assert.same({}, sources(S.status(at.run(OK), 0)))
  end)

  it("config set, get, list and unset work on the same files", function()
    local at = place()
    local function go(...) return S.status(at.run { "config", ... }, 0).envelope end
    assert.equal("created", go("set", "region", "eu").data.effect)
    assert.equal("noop", go("set", "region", "eu").data.effect)
    assert.equal("updated", go("set", "region", "us").data.effect)
    assert.same({ scope = "local", path = at.cwd .. "/.tool-config", key = "region" },
      go("set", "region", "x", "--dry-run").data.would_affect)
    assert.equal("us", go("get", "region").data.value)
    local global = go("set", "limits", '{"a":[1,2]}', "--type", "json", "--global")
    assert.equal("GLOBAL_CONFIG_MODIFIED: wrote to " .. at.user, global.warnings[1])
    assert.equal(2, go("get", "limits.a").data.value[2])
    assert.equal(2, #go("list").data)
    assert.equal("would_delete", go("unset", "region", "--dry-run").data.effect)
    assert.equal("deleted", go("unset", "region").data.effect)
    assert.equal("noop", go("unset", "region").data.effect)
    S.failed(at.run { "config", "get", "region" }, 5, "NOT_FOUND")
    S.failed(at.run { "config", "set", "region", "{", "--type", "json" }, 2, "INVALID_JSON")
    S.failed(at.run { "config", "set", "default_timeout_ms", "0" }, 2, "ARG_ERROR")
  end)
end)
