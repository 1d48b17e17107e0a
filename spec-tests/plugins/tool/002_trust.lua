-- Nothing of a working directory runs or is loaded before its content was trusted; any change of it needs trust again.
local S = require "lib.spec"
local P = require "lib.plugins"

local BOOM = 'error("loaded")\n'

S.req("PLUGINS-TRUST", "Trust in a project's commands", function()
  it("an untrusted command is not run, not even loaded, and the error says what to do", function()
    local project, home = P.project { hi = BOOM }, S.dir "home"
    local opts = { cwd = project, env = { HOME = home } }
    local e = S.failed(S.tool("hi", opts), 4, "PROJECT_UNTRUSTED")
    assert.equal("tool plugin trust " .. project, e.fix_command)
    for _, words in ipairs { "--help", "manifest", "completion zsh", "doctor", "check", "plugin list", "nothing", "--schema",
      "hi --help", "hi --schema", "help hi" } do
      local r, trace = S.strace({ table.unpack((function()
        local list = {}
        for word in words:gmatch("%S+") do list[#list + 1] = word end
        return list
      end)()) }, "open,openat,execve", { cwd = project, env = opts.env, shape = words:find "completion" and "text" or nil })
      assert.is_true(#trace > 0)
      for _, line in ipairs(trace) do
        -- the content is hashed, never interpreted: what it would say is nowhere
        assert.is_nil(line:find("execve(\"" .. project, 1, true))
      end
      S.truth(r, not (r.stdout .. r.stderr):find("loaded", 1, true), words .. " loads it")
    end
  end)

  it("trust lets it run; a changed, an added and a removed file take the trust away again", function()
    local project, home = P.project { hi = P.command "hi", ["lib/x"] = "return 1" }, S.dir "home"
    local opts = { cwd = project, env = { HOME = home } }
    local file = project .. "/.tool/commands/hi.lua"
    local r = S.status(S.tool("plugin trust", opts), 0)
    S.equal(r, "created", r.envelope.data.effect)
    S.equal(r, 2, #r.envelope.data.files)
    assert.equal("hi", P.said("hi", opts))
    assert.equal("active", P.row("hi", opts).state)
    S.spit(file, P.command "changed")
    local e = S.failed(S.tool("hi", opts), 4, "PROJECT_UNTRUSTED")
    assert.truthy(e.message:find("changed since", 1, true))
    assert.truthy(P.row("hi", opts).problem:find("changed since", 1, true))
    local doctor = S.tool("doctor", opts)
    S.truth(doctor, P.warned(doctor, "PROJECT_UNTRUSTED"), "doctor does not say so")
    r = S.status(S.tool("plugin trust", opts), 0)
    S.equal(r, "updated", r.envelope.data.effect)
    assert.equal("changed", P.said("hi", opts))
    S.spit(project .. "/.tool/commands/more.lua", P.command "more")
    assert.equal("PROJECT_UNTRUSTED", P.said("hi", opts))
    assert(os.remove(project .. "/.tool/commands/more.lua"))
    assert.equal("changed", P.said("hi", opts))
    assert(os.remove(project .. "/.tool/commands/lib/x.lua"))
    assert.equal("PROJECT_UNTRUSTED", P.said("hi", opts))
  end)

  it("the record is outside the project, holds for its place only, and can be taken back", function()
    local project, home = P.project { hi = P.command "hi" }, S.dir "home"
    local opts = { cwd = project, env = { HOME = home } }
    S.status(S.tool({ "plugin", "trust", project }, { env = opts.env }), 0)
    S.equal(S.tool("plugin trust", opts), "noop", S.tool("plugin trust", opts).envelope.data.effect)
    assert.same({ ".tool/", ".tool/commands/", ".tool/commands/hi.lua" }, S.tree(project))
    local copy = S.dir "copy"
    assert.equal(0, S.run({ "cp", "-r", project .. "/.tool", copy }).status)
    assert.equal("PROJECT_UNTRUSTED", P.said("hi", { cwd = copy, env = opts.env }))
    assert.equal(0, S.run({ "mkdir", project .. "/below" }).status)
    assert.equal("hi", P.said("hi", { cwd = project .. "/below", env = opts.env }))
    local r = S.status(S.tool("plugin trust --revoke", opts), 0)
    S.equal(r, "deleted", r.envelope.data.effect)
    assert.equal("PROJECT_UNTRUSTED", P.said("hi", opts))
    r = S.status(S.tool("plugin trust --revoke", opts), 0)
    S.equal(r, "noop", r.envelope.data.effect)
  end)

  it("a dry run shows the files with their hashes and records nothing", function()
    local project, home = P.project { hi = P.command "hi" }, S.dir "home"
    local opts = { cwd = project, env = { HOME = home } }
    local r = S.status(S.tool("plugin trust --dry-run", opts), 0)
    local file = r.envelope.data.would_affect.files[1]
    S.equal(r, "hi.lua", file.path)
    local sum = S.run { "sha256sum", project .. "/.tool/commands/hi.lua" }
    S.equal(r, sum.stdout:match("^%x+"), file.sha256)
    assert.equal("PROJECT_UNTRUSTED", P.said("hi", opts))
    S.status(S.tool("plugin trust --revoke --dry-run", opts), 0)
    r = S.status(S.tool("plugin trust --dry-run", S.terminal(opts)), 0)
    S.truth(r, r.stdout:find("hi%.lua%s+" .. file.sha256), "on a terminal")
  end)

  it("a link in the folder cannot be trusted", function()
    local project, home = P.project { hi = P.command "hi" }, S.dir "home"
    assert.equal(0, S.run({ "ln", "-s", "/etc/passwd", project .. "/.tool/commands/link.lua" }).status)
    local opts = { cwd = project, env = { HOME = home } }
    S.failed(S.tool("plugin trust", opts), 4, "UNTRUSTABLE")
    local e = S.failed(S.tool("hi", opts), 4, "PROJECT_UNTRUSTED")
    assert.truthy(e.message:find("link.lua", 1, true))
    assert.equal("untrusted", P.row("hi", opts).state)
  end)

  it("without a project and without a home it says so", function()
    local opts = { cwd = S.dir "empty", env = { HOME = S.dir "home" } }
    S.failed(S.tool("plugin trust", opts), 5, "NO_PROJECT_COMMANDS")
    S.failed(S.tool({ "plugin", "trust", opts.cwd }, opts), 5, "NO_PROJECT_COMMANDS")
    local project = P.project { hi = P.command "hi" }
    S.failed(S.tool("plugin trust", { cwd = project, env = { HOME = false } }), 4, "NO_DATA_DIRECTORY")
  end)

  it("what was trusted is what runs: a file that changes after the check is refused", function()
    local project, home = P.project { hi = P.command "hi" }, S.dir "home"
    local opts = { cwd = project, env = { HOME = home } }
    S.status(S.tool("plugin trust", opts), 0)
    local record = home .. "/.local/share/tool/trust/"
    local name = S.list(record)[1]
    local text = S.slurp(record .. name)
    S.spit(record .. name, (text:gsub('"sha256":"%x', '"sha256":"0')))
    assert.equal("PROJECT_UNTRUSTED", P.said("hi", opts))
    S.spit(record .. name, "not json")
    assert.equal("PROJECT_UNTRUSTED", P.said("hi", opts))
  end)
end)
