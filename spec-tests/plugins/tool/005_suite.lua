-- A plugin that is a suite: shared flags, a persona that a link is named as, a dialect, everywhere like the shipped ones.
local S = require "lib.spec"
local P = require "lib.plugins"

local SUITE = [[
return {
  about = "A parcel service", persona = "parcel-cli", dialect = require "lib.dialect",
  args = { { "region", "string", "Where", default = "north", env = "PARCEL_REGION" } },
}
]]
local DIALECT = [[return { exits = { [5] = 44 }, commands = { drop = { confirm = "yes" } } }]]
local SHOW = [[
return {
  about = "Show the region", danger = "safe", scopes = {}, returns = { region = "string" },
  exits = { SUCCESS = "It is shown" }, examples = { { "Show it", "tool parcel show" } },
  run = function(args, ctx)
    if args.region == "nowhere" then ctx.fail("NOT_FOUND") end
    return { region = args.region }
  end,
}
]]
local DROP = [[
return {
  about = "Drop all parcels", danger = "destructive", scopes = {}, returns = { dropped = "integer" },
  exits = { SUCCESS = "They are gone" },
  preview = function(_, ctx) return ctx.would("delete", { parcels = 3 }) end,
  run = function(_, ctx) return ctx.deleted { dropped = 3 } end,
}
]]

local path, link
local function opts(more)
  local all = { env = { TOOL_PLUGIN_PATH = path, TOOL_COMMANDS_PATH = false } }
  for key, value in pairs(more or {}) do all[key] = value end
  return all
end

local function persona(words, more)
  local all = opts(more)
  all.tool, all.argv0 = link, "parcel-cli"
  return S.tool(words, all)
end

S.req("PLUGINS-SUITE", "Suites of plugins", function()
  setup(function()
    path = S.dir "path"
    P.plugin(path, "parcel", { ["suite.lua"] = SUITE, ["lib/dialect.lua"] = DIALECT, ["commands/show.lua"] = SHOW,
      ["commands/drop.lua"] = DROP })
    link = S.dir "bin" .. "/parcel-cli"
    assert.equal(0, S.run({ "ln", "-s", S.paths.tool, link }).status)
  end)

  it("the commands share the suite's flags and variables", function()
    local r = S.status(S.tool("parcel show", opts()), 0)
    S.equal(r, "north", r.envelope.data.region)
    r = S.status(S.tool("parcel show --region south", opts()), 0)
    S.equal(r, "south", r.envelope.data.region)
    local all = opts()
    all.env.PARCEL_REGION = "west"
    r = S.status(S.tool("parcel show", all), 0)
    S.equal(r, "west", r.envelope.data.region)
  end)

  it("a link named as the persona shows the suite at the root", function()
    local r = S.status(persona "show", 0)
    S.equal(r, "north", r.envelope.data.region)
    S.equal(r, "parcel.show", r.envelope.meta.command)
    local help = S.status(persona "--help", 0)
    S.truth(help, help.stderr:find("show", 1, true) and help.stderr:find("A parcel service", 1, true), "its help")
    local manifest = S.status(persona "manifest", 0)
    S.truth(manifest, manifest.envelope.data.commands.show, "its manifest")
    S.equal(manifest, nil, manifest.envelope.data.commands.init)
    local script = S.status(persona("completion bash", { shape = "text" }), 0)
    S.truth(script, script.stdout:find("parcel-cli", 1, true), "its completion")
    S.truth(persona "--version", persona "--version".stdout:find("^parcel%-cli "), "its version")
  end)

  it("the dialect holds for the persona and not for tool", function()
    S.failed(S.tool("parcel show --region nowhere", opts()), 5, "NOT_FOUND")
    local r = persona("show --region nowhere", { shape = "none" })
    S.equal(r, 44, r.status)
    S.failed(S.tool("parcel drop --yes", opts()), 2, "CONFIRMATION_REQUIRED")
    r = S.status(persona "drop --yes", 0)
    S.equal(r, "deleted", r.envelope.data.effect)
  end)

  it("the examples and schemas are published", function()
    local manifest = S.status(S.tool("manifest --prefix parcel", opts()), 0)
    local entry = manifest.envelope.data.commands["parcel.show"]
    S.equal(manifest, "tool parcel show", entry.examples[1].command)
    S.truth(manifest, entry.flags.region, "the suite's flag")
    S.equal(manifest, "A parcel service", manifest.envelope.data.commands.parcel.description)
    S.status(S.tool("check", opts()), 0)
  end)

  it("a suite that is refused is told with its line, and the plugin's neighbours work", function()
    local other = S.dir "path"
    P.plugin(other, "lost", { ["suite.lua"] = "return {\n  about = 'x',\n  persna = 'y',\n}" })
    P.plugin(other, "fine")
    local env = { TOOL_PLUGIN_PATH = other }
    local e = S.failed(S.tool("lost say", { env = env }), 4, "COMMAND_REJECTED")
    assert.equal(3, e.errors[1].line)
    assert.equal(other .. "/lost/suite.lua", e.errors[1].file)
    assert.truthy(e.errors[1].message:find('did you mean "persona"', 1, true))
    assert.equal("fine", P.said("fine say", { env = env }))
  end)
end)
