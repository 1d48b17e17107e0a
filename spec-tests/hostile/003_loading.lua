-- REQ-F-068: a file that does something else than build a table when it is loaded is refused, in its time, and nobody else
-- notices.
local S = require "lib.spec"
local hostile = require "hostile.common"
local own = require "lib.own_commands"

-- Files below fixtures/hostile/load that are refused.
local REFUSED = {
  "loops", "catches", "coroutines", "after-require", "closes", "deep", "cyclic", "huge", "odd-keys", "lazy-keys", "lazy-args",
  "reserved", "memory",
}

local GOOD = [[return { about = "x", danger = "safe", scopes = {}, returns = { got = "string" }, exits = { SUCCESS = "x" },
  run = function() return { got = tostring(%s) } end }]]

local SLOWEST_MS = 20000

S.req("HOSTILE-LOAD", "Attacks by files that are loaded", function()
  local at

  setup(function()
    at = hostile.place()
    hostile.remember(at)
  end)
  teardown(function() hostile.close(at) end)

  for _, name in ipairs(REFUSED) do
    it("refuses: " .. name, function()
      local r = S.tool({ "load", name }, hostile.options(at))
      S.failed(r, 4, "COMMAND_REJECTED")
      S.truth(r, r.elapsed_ms < SLOWEST_MS, "it took too long")
      hostile.unharmed(at, r)
    end)
  end

  it("refuses bytecode, as a command and as a module", function()
    local bytes = "\27Lua\x54\0\x19\x93\r\n\x1a\n" .. ("\0"):rep(100)
    local tree = own.tree { bytes = bytes, ["pack/use"] = GOOD:format('require "lib.bytes"') }
    assert(S.run({ "mkdir", "-p", tree .. "/pack/lib" }).status == 0)
    S.spit(tree .. "/pack/lib/bytes.lua", bytes)
    local opts = hostile.options(at, { env = { TOOL_COMMANDS_PATH = tree } })
    S.failed(S.tool({ "bytes" }, opts), 4, "COMMAND_REJECTED")
    S.failed(S.tool({ "pack", "use" }, opts), 1, "COMMAND_FAILED")
  end)

  it("requires no module through a link that leads out of the plugin", function()
    local tree = own.tree { ["pack/use"] = GOOD:format('select(2, pcall(require, "lib.key"))') }
    assert(S.run({ "mkdir", "-p", tree .. "/pack/lib" }).status == 0)
    assert(S.run({ "ln", "-s", at.files.key, tree .. "/pack/lib/key.lua" }).status == 0)
    local r = S.status(S.tool({ "pack", "use" }, hostile.options(at, { env = { TOOL_COMMANDS_PATH = tree } })), 0)
    S.truth(r, r.envelope.data.got:find("not available", 1, true), "the module's text was read")
    hostile.unharmed(at, r)
  end)

  it("names the file whose loading never comes back from C, also where all commands are listed", function()
    local opts = hostile.options(at, { timeout = 60,
      env = { TOOL_COMMANDS_PATH = S.paths.root .. "/fixtures/hostile-load" } })
    for _, args in ipairs { { "load", "pattern" }, { "manifest" } } do
      local r = S.tool(args, opts)
      local e = S.failed(r, 4, "COMMAND_REJECTED")
      S.truth(r, e.context.path:find("pattern%.lua$"), "the file is named")
      hostile.unharmed(at, r)
    end
  end)

  it("ends a validate function that catches its own end", function()
    local r = S.tool({ "load", "validates" }, hostile.options(at))
    S.failed(r, 1, "VALIDATE_BUDGET")
    hostile.unharmed(at, r)
  end)

  it("lists the others when it cannot list these", function()
    local r = S.status(S.tool({ "manifest", "--depth", "1" }, hostile.options(at, { timeout = 60 })), 0)
    S.truth(r, r.envelope.data.commands.neighbour, "the neighbour is listed")
  end)
end)
