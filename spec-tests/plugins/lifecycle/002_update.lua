-- Updating and going back; consent to what a new version asks for.
local S = require "lib.spec"
local P = require "lib.plugins"

local NETWORK = P.command("fx3", "network = true,")

-- A user with fx3 1.0.0 from a folder that can be changed.
local function user()
  local opts, data = P.user()
  local src = S.dir "src"
  local from = P.plugin(src, "fx3")
  S.status(S.tool({ "plugin", "install", from }, opts), 0)
  local function change(version, files) P.plugin(src, "fx3", files, version) end
  return opts, change, data, from
end

local function update(opts, ...) return S.tool({ "plugin", "update", "fx3", ... }, opts) end

S.req("PLUGINS-UPDATE", "tool plugin update, rollback", function()
  it("an update takes the new version and keeps the one before; rollback goes back and forth", function()
    local opts, change, data = user()
    local r = S.status(update(opts), 0)
    S.equal(r, "noop", r.envelope.data.effect)
    change("1.1.0", { ["commands/say.lua"] = P.command "new" })
    assert.equal("fx3", P.said("fx3 say", opts))
    r = S.status(update(opts), 0)
    S.equal(r, "updated", r.envelope.data.effect)
    S.equal(r, "1.0.0", r.envelope.data.previous)
    assert.equal("new", P.said("fx3 say", opts))
    r = S.status(S.tool("plugin rollback fx3 --dry-run", opts), 0)
    S.equal(r, "1.0.0", r.envelope.data.would_affect.version)
    S.status(S.tool("plugin rollback fx3", opts), 0)
    assert.equal("fx3", P.said("fx3 say", opts))
    S.status(S.tool("plugin verify fx3", opts), 0)
    S.status(S.tool("plugin rollback fx3", opts), 0)
    assert.equal("new", P.said("fx3 say", opts))
    change("1.2.0", { ["commands/say.lua"] = P.command "newer" })
    S.status(update(opts), 0)
    local versions = 0
    for _, path in ipairs(P.state(data)) do
      if path:find("^plugin%-versions/fx3/%d[%d.]*/$") then versions = versions + 1 end
    end
    assert.equal(2, versions)
  end)

  it("a version that asks for more needs consent: off a terminal exit 4 with the difference", function()
    local opts, change = user()
    change("1.1.0", { ["commands/say.lua"] = NETWORK })
    for _, flags in ipairs { {}, { "--yes" } } do
      local e = S.failed(update(opts, table.unpack(flags)), 4, "CONSENT_REQUIRED")
      assert.same({ "talk to the network" }, e.context.asks_for_more)
      assert.truthy(e.fix_required:find("--accept", 1, true))
    end
    S.equal(S.tool("plugin info fx3", opts), "1.0.0", S.tool("plugin info fx3", opts).envelope.data.version)
    local r = S.status(update(opts, "--dry-run"), 0)
    S.equal(r, S.json.array { "talk to the network" }, r.envelope.data.would_affect.asks_for_more)
    S.status(update(opts, "--accept"), 0)
    S.equal(S.tool("plugin info fx3", opts), "1.1.0", S.tool("plugin info fx3", opts).envelope.data.version)
    change("1.2.0")
    S.status(update(opts), 0)     -- less is no question
  end)

  it("on a terminal it asks, and the answer counts", function()
    local opts, change = user()
    change("1.1.0", { ["commands/say.lua"] = NETWORK })
    local no = S.terminal { env = opts.env, cwd = opts.cwd, type = { { "n\n", when_stdout = "Agree?" } } }
    local r = update(no)
    S.equal(r, 4, r.status)
    S.truth(r, r.stdout:find("talk to the network", 1, true), "it does not say what for")
    local yes = S.terminal { env = opts.env, cwd = opts.cwd, type = { { "y\n", when_stdout = "Agree?" } } }
    S.status(update(yes), 0)
    S.equal(r, "1.1.0", S.tool("plugin info fx3", opts).envelope.data.version)
  end)

  it("a step back needs consent as well", function()
    local opts, change = user()
    change("0.9.0")
    local e = S.failed(update(opts), 4, "CONSENT_REQUIRED")
    assert.same({ "go back from version 1.0.0 to 0.9.0" }, e.context.asks_for_more)
    S.status(update(opts, "--accept"), 0)
  end)

  it("a refused version, another plugin and a source that is gone leave the old one", function()
    local opts, change, _, from = user()
    change("1.1.0", { ["commands/say.lua"] = "return 7" })
    S.failed(update(opts), 4, "PLUGIN_INVALID")
    change("1.1.0")
    assert.equal(0, S.run({ "ln", "-s", "x", from .. "/link" }).status)
    S.failed(update(opts), 4, "PLUGIN_CONTENT_REFUSED")
    S.failed(update(opts, "--source", P.plugin(S.dir "src", "other")), 4, "PLUGIN_INVALID")
    assert.equal(0, S.run({ "rm", "-r", from }).status)
    S.failed(update(opts), 5, "PLUGIN_SOURCE_NOT_FOUND")
    assert.equal("fx3", P.said("fx3 say", opts))
  end)

  it("another source is taken, and remembered", function()
    local opts = user()
    local other = P.plugin(S.dir "src", "fx3", { ["commands/say.lua"] = P.command "moved" }, "2.0.0")
    S.status(update(opts, "--source", other), 0)
    assert.equal("moved", P.said("fx3 say", opts))
    local r = S.tool("plugin info fx3", opts)
    S.equal(r, other, r.envelope.data.source.location)
  end)

  it("what is not there is told", function()
    local opts = P.user()
    S.failed(update(opts), 5, "PLUGIN_NOT_INSTALLED")
    S.failed(S.tool("plugin rollback fx3", opts), 5, "PLUGIN_NOT_INSTALLED")
    S.status(S.tool({ "plugin", "install", P.plugin(S.dir "src", "fx3") }, opts), 0)
    S.failed(S.tool("plugin rollback fx3", opts), 4, "PLUGIN_NO_PREVIOUS")
  end)

  it("what commands stored is kept by an update and by a removal", function()
    local opts, change = user()
    local keep = P.command("x", "store = true,"):gsub("return { said",
      'local n = (ctx.store.get("n") or 0) + 1 ctx.store.put("n", n) return { said'):gsub('said = "x"', "said = tostring(n)")
    change("1.1.0", { ["commands/say.lua"] = keep })
    S.status(update(opts, "--accept"), 0)
    assert.equal("1", P.said("fx3 say", opts))
    change("1.2.0", { ["commands/say.lua"] = keep })
    S.status(update(opts), 0)
    assert.equal("2", P.said("fx3 say", opts))
  end)
end)
