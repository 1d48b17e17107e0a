-- plugin.lua is checked before anything of a plugin runs; what is refused is told with file, line and key, and disturbs
-- nothing else.
local S = require "lib.spec"
local P = require "lib.plugins"

-- The problems of a plugin whose plugin.lua is this text: error.errors of calling its command.
local function problems(text, name)
  local path = S.dir "path"
  P.plugin(path, name or "fx2", { ["plugin.lua"] = text })
  local r = S.tool((name or "fx2") .. " say", { env = { TOOL_PLUGIN_PATH = path } })
  local e = S.failed(r, 4, "COMMAND_REJECTED")
  return e.errors, path, r
end

local function one(text, want)
  local list, path, r = problems(text)
  for _, p in ipairs(list) do
    if p.message:find(want, 1, true) then
      S.equal(r, path .. "/fx2/plugin.lua", p.file)
      return p
    end
  end
  error("no problem says " .. want .. S.about(r), 0)
end

S.req("PLUGINS-METADATA", "The metadata of plugins", function()
  it("an unknown key is refused with the nearest known one, its file, line and key", function()
    local p = one('return {\n  name = "fx2", version = "1.0.0",\n  abuot = "x", about = "y", api = 1,\n}', 'did you mean "about"?')
    assert.equal(3, p.line)
    assert.equal("abuot", p.key)
  end)

  it("the name is the folder's, and fits the pattern", function()
    one(P.metadata "other", "is not the folder's name")
    one(P.metadata "Fx", "must match")
  end)

  it("version, about and api are required and checked, all problems at once", function()
    local list = problems('return { name = "fx2" }')
    assert.equal(3, #list)
    one(P.metadata("fx2", "1.0"), "is not of the form 1.2.3")
    one('return { name = "fx2", version = "1.0.0", about = "y", api = 99 }', "api 99 is not served")
    one('return { name = "fx2", version = "1.0.0", about = 7, api = 1 }', "about must be a string")
  end)

  it("needs.tool is a range of versions, and one outside is refused", function()
    for _, range in ipairs { ">=0.1", ">=0.0.1 <99", "> 0.0.1, <= 98.0", "<99" } do
      local path = S.dir "path"
      P.plugin(path, "fx2", nil, nil, ("needs = { tool = %q }"):format(range))
      assert.equal("fx2", P.said("fx2 say", { env = { TOOL_PLUGIN_PATH = path } }))
    end
    for _, range in ipairs { ">=99", "<0.0.1", ">=0.1 <0.0.2", "=99.1" } do
      one(P.metadata("fx2", nil, ("needs = { tool = %q }"):format(range)), "this is ")
    end
    for _, range in ipairs { "", "latest", ">=0.1x", "~>1", "0.3" } do
      one(P.metadata("fx2", nil, ("needs = { tool = %q }"):format(range)), "is not of the form")
    end
    one(P.metadata("fx2", nil, 'needs = { lua = "5.4" }'), 'did you mean "tool"?')
  end)

  it("hooks are functions of two names", function()
    one(P.metadata("fx2", nil, "hooks = { begin = function() end }"), "hooks has unknown key begin")
    one(P.metadata("fx2", nil, "hooks = { start = 1 }"), "hooks.start must be a function")
  end)

  it("a file that cannot be read as Lua, or returns no table, is named with its line", function()
    local list = problems("return {\n  name = ,\n}")
    assert.equal(2, list[1].line)
    one("return 7", "must return a table")
    one("while true do end", "too many steps")
    list = problems 'return { name = "fx2", version = require("lib.gone") }'
    assert.truthy(list[1].message:find("lib.gone", 1, true))
  end)

  it("nothing of a refused plugin is loaded, and it is reported by list and doctor", function()
    local path = S.dir "path"
    P.plugin(path, "fx2", { ["plugin.lua"] = P.metadata("fx2", nil, 'needs = { tool = ">=99" }'),
      ["commands/say.lua"] = 'error("loaded")', ["suite.lua"] = 'error("loaded")' })
    P.plugin(path, "good")
    local opts = { env = { TOOL_PLUGIN_PATH = path } }
    local row, r = P.row("fx2", opts)
    S.equal(r, "refused", row.state)
    S.truth(r, row.problem:find(path .. "/fx2/plugin.lua:1:", 1, true), "file and line")
    local doctor = S.failed(S.tool("doctor", opts), 1, "DOCTOR_CHECKS_FAILED")
    assert.truthy(doctor)
    local manifest = S.status(S.tool("manifest", opts), 0)
    S.truth(manifest, P.warned(manifest, "COMMAND_REJECTED"), "the manifest says that something is left out")
    S.equal(manifest, nil, manifest.envelope.data.commands["fx2.say"])
    S.truth(manifest, manifest.envelope.data.commands["good.say"], "the others are there")
    for _, words in ipairs { "fx2", "fx2 say", "fx2 --help", "--help", "good say", "completion fish" } do
      local one_run = S.tool(words, { env = opts.env, shape = words:find "completion" and "text" or nil })
      S.truth(one_run, not (one_run.stdout .. one_run.stderr):find("loaded", 1, true), words .. " loads it")
    end
    S.failed(S.tool("fx2", opts), 4, "COMMAND_REJECTED")
    assert.equal("good", P.said("good say", opts))
  end)

  it("a plugin with one refused command keeps its others", function()
    local path = S.dir "path"
    P.plugin(path, "fx2", { ["commands/bad.lua"] = 'return {\n about = "x",\n dagner = "safe" }' })
    local opts = { env = { TOOL_PLUGIN_PATH = path } }
    assert.equal("fx2", P.said("fx2 say", opts))
    local e = S.failed(S.tool("fx2 bad", opts), 4, "COMMAND_REJECTED")
    local found
    for _, p in ipairs(e.errors) do found = found or p.message:find('did you mean "danger"', 1, true) and p end
    assert.equal(3, found.line)
    assert.equal(path .. "/fx2/commands/bad.lua", found.file)
    local row, r = P.row("fx2", opts)
    S.equal(r, "faulty", row.state)
    S.truth(r, row.problem:find("commands/bad.lua", 1, true), "the file")
  end)

  it("a plugin reaches its own lib and no other file", function()
    local path = S.dir "path"
    P.plugin(path, "fx2", { ["lib/words.lua"] = 'return { text = "from lib" }',
      ["commands/own.lua"] = 'local w = require "lib.words"\n' .. P.command "x":gsub('said = "x"', "said = w.text"),
      ["commands/far.lua"] = 'local w = require "lib.../other/secret"\n' .. P.command "x",
      ["commands/host.lua"] = 'local w = require "tree"\n' .. P.command "x" })
    local opts = { env = { TOOL_PLUGIN_PATH = path } }
    assert.equal("from lib", P.said("fx2 own", opts))
    S.failed(S.tool("fx2 far", opts), 4, "COMMAND_REJECTED")
    S.failed(S.tool("fx2 host", opts), 4, "COMMAND_REJECTED")
  end)
end)
