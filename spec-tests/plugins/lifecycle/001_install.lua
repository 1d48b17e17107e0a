-- Installing, looking at and removing plugins.
local S = require "lib.spec"
local P = require "lib.plugins"

local function install(opts, source, ...) return S.tool({ "plugin", "install", source, ... }, opts) end

S.req("PLUGINS-INSTALL", "tool plugin install, info, verify, remove", function()
  it("a folder is installed, can be called, looked at, verified and removed", function()
    local opts, data = P.user()
    local from = P.plugin(S.dir "src", "fx3", { ["lib/a/b.lua"] = "return 1", ["README.md"] = "Read me\n",
      ["run.sh"] = "#!/bin/sh\n" })
    assert.equal(0, S.run({ "chmod", "755", from .. "/run.sh" }).status)
    local r = S.status(install(opts, from), 0)
    S.equal(r, "created", r.envelope.data.effect)
    S.equal(r, { kind = "folder", location = from }, r.envelope.data.source)
    assert.equal("fx3", P.said("fx3 say", opts))
    assert.equal("user", P.row("fx3", opts).origin)
    assert.equal("1.0.0", P.row("fx3", opts).version)
    local info = S.status(S.tool("plugin info fx3", opts), 0)
    S.equal(info, r.envelope.data.digest, info.envelope.data.digest)
    S.equal(info, 5, info.envelope.data.files)
    local mode = S.run { "stat", "-L", "-c", "%a", data .. "/plugins/fx3/run.sh", data .. "/plugins/fx3/plugin.lua" }
    assert.equal("755\n644\n", mode.stdout)
    r = S.status(S.tool("plugin verify", opts), 0)
    S.equal(r, true, r.envelope.data.plugins[1].ok)
    r = S.status(S.tool("plugin remove fx3", opts), 0)
    S.equal(r, "deleted", r.envelope.data.effect)
    assert.equal("COMMAND_NOT_FOUND", P.said("fx3 say", opts))
    assert.same({ "plugin-versions/", "plugins/" }, P.state(data))
    r = S.status(S.tool("plugin remove fx3", opts), 0)
    S.equal(r, "noop", r.envelope.data.effect)
  end)

  it("the lock has the SHA-256 of every file, as sha256sum computes it", function()
    local opts, data = P.user()
    local from = P.plugin(S.dir "src", "fx3", { ["lib/a/b.lua"] = "return 1" })
    local path = S.status(install(opts, from), 0).envelope.data.path
    local lock = assert(S.json.decode(S.slurp(path:match("^(.*)/") .. "/lock.json")))
    local count = 0
    for name, row in pairs(lock.files) do
      count = count + 1
      assert.equal(S.run({ "sha256sum", from .. "/" .. name }).stdout:match("^%x+"), row.sha256)
      assert.equal(#S.slurp(from .. "/" .. name), row.size)
    end
    assert.equal(3, count)
    assert.truthy(data)
  end)

  it("a lock that was damaged is none: what it says is not gone by", function()
    local opts, data = P.user()
    local path = S.status(install(opts, P.plugin(S.dir "src", "fx3")), 0).envelope.data.path
    local file = path:match("^(.*)/") .. "/lock.json"
    local good = assert(S.json.decode(S.slurp(file)))
    local function with(key, value)
      local copy = {}
      for k, v in pairs(good) do copy[k] = v end
      copy[key] = value
      return S.json.encode(copy)
    end
    S.spit(file, with("name", "fx3"))
    S.status(S.tool("plugin info fx3", opts), 0)
    for _, text in ipairs { "", "[]", "null", '{"files":{}}', ("["):rep(9999), with("files", { a = 1 }), with("source", "x"),
      with("signature", { key_id = 1 }), with("version", S.json.null), with("may", { a = "b" }) } do
      S.spit(file, text)
      for _, words in ipairs { "info fx3", "update fx3 --dry-run", "rollback fx3 --dry-run" } do
        S.failed(S.tool("plugin " .. words, opts), 5, "PLUGIN_NOT_INSTALLED")
      end
      S.status(S.tool("plugin list", opts), 0)
    end
    assert.truthy(data)
  end)

  it("says what the plugin may touch: in a dry run, which changes nothing, and in the answer", function()
    local opts, data = P.user()
    local from = P.plugin(S.dir "src", "fx3", { ["commands/all.lua"] = P.command("all", [[network = true, runs = { "git" },
      reads = { "~/x" }, writes = { { "cache", "~/.cache/fx3/" } }, store = true,
      args = { { "token", "secret", "Token", env = "FX3_TOKEN" }, { "file", "path", "File", access = "read" } },]]) }, nil,
      "hooks = { start = function() end }")
    local r = S.status(install(opts, from, "--dry-run"), 0)
    local may = table.concat(r.envelope.data.would_affect.may, "\n")
    for _, text in ipairs { "talk to the network", "run the program git", "read ~/x", "write cache files at ~/.cache/fx3/",
      "keep data in a store", "take the secret FX3_TOKEN", "read files that the caller names", "run hooks" } do
      S.truth(r, may:find(text, 1, true), text)
    end
    assert.same({}, P.state(data))
    r = S.status(install(opts, from), 0)
    S.equal(r, may, table.concat(r.envelope.data.may, "\n"))
    local info = S.status(S.tool("plugin info fx3", S.terminal(opts)), 0)
    S.truth(info, info.stdout:find("talk to the network", 1, true), "info on a terminal")
  end)

  it("says that a command may start any program, where its contract lets it", function()
    local opts = P.user()
    local from = P.plugin(S.dir "src", "fx4", { ["commands/all.lua"] = P.command("all",
      [[runs = { "git", any = true },]]) })
    local r = S.status(install(opts, from, "--dry-run"), 0)
    S.truth(r, table.concat(r.envelope.data.would_affect.may, "\n"):find("git and any other on PATH", 1, true), "any")
  end)

  it("what is wrong with a plugin is told with file and line, and nothing is installed", function()
    local opts, data = P.user()
    local function refused(files, version, more)
      local e = S.failed(install(opts, P.plugin(S.dir "src", "fx3", files, version, more)), 4, "PLUGIN_INVALID")
      return e.errors[1]
    end
    local first = refused { ["commands/say.lua"] = "return {\n  abuot = 1,\n}" }
    assert.equal("commands/say.lua", first.file)
    assert.truthy(refused({ ["plugin.lua"] = false }).message:find("no plugin.lua", 1, true))
    assert.truthy(refused({ ["commands/say.lua"] = false }).message:find("no commands", 1, true))
    assert.truthy(refused({}, "1").message:find("not of the form", 1, true))
    assert.truthy(refused({}, nil, 'needs = { tool = ">=99" }').message:find("needs tool", 1, true))
    assert.truthy(refused({ ["plugin.lua"] = "return {\n x = ,}" }).line == 2)
    S.failed(install(opts, S.dir "empty"), 4, "PLUGIN_INVALID")
    S.failed(install(opts, "/nowhere"), 5, "PLUGIN_SOURCE_NOT_FOUND")
    assert.same({}, P.state(data))
  end)

  it("links and devices are refused; what git keeps is left out", function()
    local opts = P.user()
    local from = P.plugin(S.dir "src", "fx3", { [".git/config"] = "x" })
    assert.equal(0, S.run({ "ln", "-s", "/etc/passwd", from .. "/lib.lua" }).status)
    local e = S.failed(install(opts, from), 4, "PLUGIN_CONTENT_REFUSED")
    assert.truthy(e.cause:find("lib.lua", 1, true))
    assert(os.remove(from .. "/lib.lua"))
    assert.equal(0, S.run({ "mkfifo", from .. "/pipe" }).status)
    S.failed(install(opts, from), 4, "PLUGIN_CONTENT_REFUSED")
    assert(os.remove(from .. "/pipe"))
    S.equal(install(opts, from), 2, S.status(S.tool("plugin info fx3", opts), 0).envelope.data.files)
  end)

  it("nothing of a plugin runs while it is installed", function()
    local opts = P.user()
    local say = P.command("fx3", "validate = function() error('ran') end, cleanup = function() error('ran') end,")
    local from = P.plugin(S.dir "src", "fx3", { ["commands/say.lua"] = say:gsub("return { said", 'error("ran") return { said') },
      nil, "hooks = { start = function() error('ran') end, stop = function() error('ran') end }")
    local r = S.status(install(opts, from), 0)
    S.truth(r, not (r.stdout .. r.stderr):find("ran\"", 1, true) and #r.envelope.warnings == 0, "it ran")
  end)

  it("a second install is a conflict, and names that something has are taken", function()
    local opts, data = P.user()
    local from = P.plugin(S.dir "src", "fx3")
    S.status(install(opts, from), 0)
    local r = install(opts, from)
    S.failed(r, 6, "ALREADY_EXISTS")
    S.equal(r, "fx3", r.envelope.data.name)
    S.failed(install(opts, P.plugin(S.dir "src", "manifest")), 4, "PLUGIN_NAME_TAKEN")
    P.plugin(data .. "/plugins", "dropped")
    S.failed(install(opts, P.plugin(S.dir "src", "dropped")), 4, "PLUGIN_NAME_TAKEN")
    assert.equal("dropped", P.said("dropped say", opts))
    local e = S.failed(S.tool("plugin remove dropped", opts), 4, "PLUGIN_NOT_MANAGED")
    assert.equal(data .. "/plugins/dropped", e.context.path)
    S.failed(S.tool("plugin info dropped", opts), 5, "PLUGIN_NOT_INSTALLED")
  end)

  it("verify names what was changed, added and taken away", function()
    local opts, data = P.user()
    S.status(install(opts, P.plugin(S.dir "src", "fx3", { ["lib/x.lua"] = "return 1", ["lib/y.lua"] = "return 1" })), 0)
    local at = data .. "/plugins/fx3/lib/"
    S.spit(at .. "x.lua", "return 2")
    S.spit(at .. "z.lua", "return 3")
    assert(os.remove(at .. "y.lua"))
    local r = S.tool("plugin verify fx3", opts)
    S.failed(r, 1, "PLUGIN_CHANGED")
    local row = r.envelope.data.plugins[1]
    S.equal(r, S.json.array { "lib/x.lua" }, row.changed)
    S.equal(r, S.json.array { "lib/z.lua" }, row.added)
    S.equal(r, S.json.array { "lib/y.lua" }, row.missing)
    local shown = S.tool("plugin verify fx3", S.terminal(opts))
    S.truth(shown, shown.stdout:find("CHANGED", 1, true) and shown.stdout:find("missing%s+lib/y.lua"), "on a terminal")
    S.failed(S.tool("plugin verify other", opts), 5, "PLUGIN_NOT_INSTALLED")
  end)

  it("remove and rollback show in a dry run what they would do", function()
    local opts, data = P.user()
    S.status(install(opts, P.plugin(S.dir "src", "fx3")), 0)
    local before = P.state(data)
    local r = S.status(S.tool("plugin remove fx3 --dry-run", opts), 0)
    S.equal(r, "1.0.0", r.envelope.data.would_affect.version)
    S.status(S.tool("plugin remove nothing --dry-run", opts), 0)
    assert.same(before, P.state(data))
  end)

  it("an instance has its own plugins, and without a home there is no place", function()
    local opts = P.user()
    local from = P.plugin(S.dir "src", "fx3")
    S.status(install(opts, from, "--instance-id", "other"), 0)
    assert.equal("COMMAND_NOT_FOUND", P.said("fx3 say", opts))
    assert.equal("fx3", P.said("fx3 say --instance-id other", opts))
    S.failed(install({ env = { HOME = false, TOOL_COMMANDS_PATH = false } }, from), 4, "NO_DATA_DIRECTORY")
  end)

  it("two installs at the same time wait for each other", function()
    local opts = P.user()
    local jobs, from = {}, S.dir "src"
    for i = 1, 6 do jobs[i] = { { "plugin", "install", P.plugin(from, "plug" .. i) }, opts } end
    for _, r in ipairs(S.tool_all(jobs, 6)) do S.status(r, 0) end
    for i = 1, 6 do assert.equal("plug" .. i, P.said(("plug%d say"):format(i), opts)) end
  end)
end)
