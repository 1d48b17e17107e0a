-- Where plugins and custom commands are found, who wins when a first word is claimed twice, and that the loser is told.
local S = require "lib.spec"
local P = require "lib.plugins"

local function warnings(r) return table.concat(r.envelope.warnings, "\n") end

S.req("PLUGINS-FIND", "Finding plugins and custom commands", function()
  it("a custom command of the user is a command like any other", function()
    local config = S.dir "config"
    P.write(config, { ["tool/commands/mine.lua"] = P.command("mine", 'examples = { { "Say it", "tool mine" } },') })
    local opts = { env = { XDG_CONFIG_HOME = config } }
    assert.equal("mine", P.said("mine", opts))
    local manifest = S.status(S.tool("manifest", opts), 0)
    S.equal(manifest, "Say mine", manifest.envelope.data.commands.mine.description)
    local help = S.status(S.tool("mine --help", opts), 0)
    S.truth(help, help.stderr:find("Say mine", 1, true), "the help")
    local root = S.status(S.tool("--help", opts), 0)
    S.truth(root, root.stderr:find("mine", 1, true), "the root help")
    local script = S.status(S.tool("completion bash", { env = opts.env, shape = "text" }), 0)
    S.truth(script, script.stdout:find("mine", 1, true), "the completion")
    S.status(S.tool({ "check", config .. "/tool/commands/mine.lua" }, opts), 0)
    assert.equal("command", P.row("mine", opts).kind)
  end)

  it("plugins are found in TOOL_PLUGIN_PATH, configured directories and the user's data directory", function()
    local path, configured, home = S.dir "path", S.dir "configured", S.dir "home"
    P.plugin(path, "one")
    P.plugin(configured, "two")
    P.plugin(home .. "/.local/share/tool/plugins", "three")
    P.write(home, { [".config/tool/config.json"] = S.json.encode { plugins = { paths = S.json.array { configured } } } })
    local opts = { env = { HOME = home, TOOL_PLUGIN_PATH = path } }
    for _, name in ipairs { "one", "two", "three" } do
      assert.equal(name, P.said(name .. " say", opts))
      assert.equal("active", P.row(name, opts).state)
    end
    local manifest = S.status(S.tool("manifest --depth 2", opts), 0)
    S.truth(manifest, manifest.envelope.data.commands["three.say"], "the manifest has it")
    S.equal(manifest, "About two", manifest.envelope.data.commands.two.description)
    S.truth(S.tool("--help", opts), S.tool("--help", opts).stderr:find("three", 1, true), "the root help")
  end)

  it("a project's configuration names no directories of plugins", function()
    local dir, configured = S.dir "project", S.dir "configured"
    P.plugin(configured, "two")
    P.write(dir, { [".tool-config"] = S.json.encode { plugins = { paths = S.json.array { configured } } } })
    assert.equal("COMMAND_NOT_FOUND", P.said("two say", { cwd = dir, env = { HOME = S.dir "home" } }))
  end)

  it("relative directories do not count, and that is said", function()
    local dir = S.dir "work"
    P.plugin(dir .. "/plugs", "near")
    local opts = { cwd = dir, env = { TOOL_PLUGIN_PATH = "plugs:./plugs:" .. S.dir "none" } }
    assert.equal("COMMAND_NOT_FOUND", P.said("near say", opts))
    local _, r = P.row("near", opts)
    S.truth(r, P.warned(r, "PATH_IGNORED"), "list does not say so")
    S.truth(r, P.warned(S.tool("doctor", opts), "PATH_IGNORED"), "doctor does not say so")
  end)

  it("shipped beats user beats project; the losers are named by list and doctor", function()
    local home = S.dir "home"
    local project = P.project { both = P.command "project", manifest = P.command "project" }
    P.write(home, { [".config/tool/commands/both.lua"] = P.command "user",
      [".config/tool/commands/manifest.lua"] = P.command "user" })
    P.plugin(home .. "/.local/share/tool/plugins", "emulator")
    local opts = { cwd = project, env = { HOME = home } }
    S.status(S.tool("plugin trust", opts), 0)
    assert.equal("user", P.said("both", opts))
    S.truth(S.tool("manifest", opts), S.tool("manifest", opts).envelope.data.schema_version, "the shipped one")
    assert.equal("active", P.row("emulator", opts, S.paths.repo .. "/plugins/emulator").state)
    local lost, r = P.row("both", opts, project .. "/.tool/commands/both.lua")
    S.equal(r, "shadowed", lost.state)
    S.equal(r, home .. "/.config/tool/commands/both.lua", lost.taken_by)
    S.equal(r, "shadowed", P.row("emulator", opts, home .. "/.local/share/tool/plugins/emulator").state)
    S.equal(r, "shadowed", P.row("manifest", opts, project .. "/.tool/commands/manifest.lua").state)
    local doctor = S.tool("doctor", opts)
    S.truth(doctor, warnings(doctor):find("COMMAND_SHADOWED: " .. project, 1, true), "doctor does not name the loser")
    S.truth(doctor, warnings(doctor):find("plugins/emulator cannot be called", 1, true), "doctor: the plugin")
    local rows = S.status(S.tool("plugin list --state shadowed --kind plugin", opts), 0).envelope.data
    S.equal(r, 1, #rows, "rows of that state and kind")
  end)

  it("the user's own command beats a plugin of the same name, and two plugins never collide inside", function()
    local home, path = S.dir "home", S.dir "path"
    P.write(home, { [".config/tool/commands/one.lua"] = P.command "command" })
    P.plugin(home .. "/.local/share/tool/plugins", "one")
    P.plugin(path, "two", { ["commands/say.lua"] = P.command "two" })
    P.plugin(path, "three", { ["commands/say.lua"] = P.command "three" })
    local opts = { env = { HOME = home, TOOL_PLUGIN_PATH = path } }
    assert.equal("command", P.said("one", opts))
    assert.equal("two", P.said("two say", opts))
    assert.equal("three", P.said("three say", opts))
  end)

  it("an instance has plugins and custom commands of its own", function()
    local home = S.dir "home"
    P.write(home, { [".config/tool/commands/mine.lua"] = P.command "mine" })
    local opts = { env = { HOME = home } }
    assert.equal("mine", P.said("mine", opts))
    assert.equal("COMMAND_NOT_FOUND", P.said("mine --instance-id other", opts))
    P.write(home, { [".tool/instances/other/commands/mine.lua"] = P.command "other" })
    assert.equal("other", P.said("mine --instance-id other", opts))
  end)

  it("a plugin can be named as any folder, and a command may be called plugin", function()
    local path = S.dir "path"
    P.plugin(path, "fx-tools", { ["commands/plugin/say.lua"] = P.command "deep" })
    assert.equal("deep", P.said("fx-tools plugin say", { env = { TOOL_PLUGIN_PATH = path } }))
  end)

  it("finding a command looks at one path of each root, however many there are", function()
    local home = S.dir "home"
    P.write(home, { [".config/tool/commands/mine.lua"] = P.command "mine" })
    local _, trace = S.strace({ "mine" }, "%file,getdents64", { env = { HOME = home, TOOL_COMMANDS_PATH = false } })
    for _, line in ipairs(trace) do
      local listed = line:find("O_DIRECTORY", 1, true) and (line:find("/commands", 1, true) or line:find("/plugins", 1, true))
      assert.is_nil(listed and line or nil)
    end
  end)
end)
