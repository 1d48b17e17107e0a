-- `tool new`: what it writes passes `tool check` and its own tests as it is, and writes over nothing.
local S = require "lib.spec"

local MANY = { "--arg", "count:integer", "--arg", "thing-id:string!", "--arg", "size:enum=s,l!", "--arg", "in:path!", "--arg",
  "opts:map", "--arg", "tok:secret", "--arg", "when:datetime", "--arg", "wait:duration", "--arg", "many:list" }

local function new(dir, ...)
  local args = { "new", ... }
  return S.tool(args, { cwd = dir })
end

-- What was written is in order: no problem, no warning, all tests pass, every declared error among them.
local function sound(dir, path, count)
  local r = S.status(S.tool({ "check", path }, { cwd = dir }), 0)
  S.equal(r, 0, #r.envelope.warnings, "warnings")
  r = S.status(S.tool({ "test", path, "--strict" }, { cwd = dir, timeout = 60 }), 0)
  S.truth(r, r.envelope.data.passed >= count, "too few tests")
end

S.req("KIT-NEW", "tool new", function()
  for _, danger in ipairs { "safe", "mutating", "destructive" } do
    for _, network in ipairs { false, true } do
      local title = danger .. (network and " with a network" or "")
      it("a command: " .. title, function()
        local dir = S.dir "new"
        for i, more in ipairs { {}, MANY } do
          local args = { "command", "c" .. i, "--danger", danger, table.unpack(more) }
          if network then args[#args + 1] = "--network" end
          local r = S.status(new(dir, table.unpack(args)), 0)
          S.equal(r, { dir .. "/c" .. i .. ".lua", dir .. "/c" .. i .. ".test.lua" }, r.envelope.data.files)
          sound(dir, "c" .. i .. ".lua", 2)
        end
        local contract = S.status(S.tool("c1 --schema", { env = { TOOL_COMMANDS_PATH = dir } }), 0).envelope.data
        assert.equal(danger, contract.danger_level)
        assert.equal(network or nil, contract.has_network_io)
      end)
    end
  end

  it("a command with words, a plugin and a suite", function()
    local dir = S.dir "new"
    S.status(new(dir, "command", "items/list"), 0)
    sound(dir, "items/list.lua", 3)
    S.status(S.tool("items list", { env = { TOOL_COMMANDS_PATH = dir } }), 0)
    S.status(new(dir, "plugin", "fxp", "--command", "hi", "--danger", "destructive"), 0)
    sound(dir, "fxp", 5)
    S.status(S.tool("fxp hi x --dry-run", { env = { TOOL_PLUGIN_PATH = dir } }), 0)
    S.status(new(dir, "suite", "shop"), 0)
    sound(dir, "shop", 8)
  end)

  it("puts the files where --dir says, and names what to do next", function()
    local dir = S.dir "new"
    local r = S.status(new(dir, "plugin", "fxp", "--dir", "sub/dir"), 0)
    S.equal(r, "tool check sub/dir/fxp", r.envelope.data.next[1])
    assert.is_true(S.exists(dir .. "/sub/dir/fxp/plugin.lua"))
    S.status(S.tool({ "test", "sub/dir/fxp" }, { cwd = dir }), 0)
  end)

  it("writes over nothing: one file that is there stops all", function()
    local dir = S.dir "new"
    S.spit(dir .. "/hello.test.lua", "mine")
    for _, more in ipairs { {}, { "--dry-run" } } do
      local e = S.failed(new(dir, "command", "hello", table.unpack(more)), 6, "ALREADY_EXISTS")
      assert.equal(dir .. "/hello.test.lua", e.context.path)
    end
    assert.same({ "hello.test.lua" }, S.tree(dir))
    assert.equal("mine", S.slurp(dir .. "/hello.test.lua"))
  end)

  it("a dry run names the files and writes none", function()
    local dir = S.dir "new"
    local r = S.status(new(dir, "suite", "shop", "--dry-run"), 0)
    S.equal(r, 7, #r.envelope.data.would_affect.files)
    assert.same({}, S.tree(dir))
  end)

  it("refuses names that the tool has, and what it cannot read", function()
    local dir = S.dir "new"
    S.failed(new(dir, "command", "manifest"), 6, "NAME_TAKEN")
    S.failed(new(dir, "plugin", "emulator"), 6, "NAME_TAKEN")
    for _, bad in ipairs { "x", "x:nothing", "x:enum", "X:string" } do
      S.failed(new(dir, "command", "cc", "--arg", bad), 2, "ARG_ERROR")
    end
    S.failed(new(dir, "command", "cc", "--arg", "a:string", "--arg", "a:integer"), 2, "ARG_ERROR")
    S.failed(new(dir, "command", "Bad"), 2, "ARG_ERROR")
    S.failed(new(dir, "plugin", "a/b"), 2, "ARG_ERROR")
    S.failed(new(dir, "suite", "shop", "--network"), 2, "ARG_ERROR")
    S.failed(new(dir, "nothing", "c"), 2, "ARG_ERROR")
    assert.same({}, S.tree(dir))
  end)

  it("a terminal shows what was written and what is next", function()
    local dir = S.dir "new"
    local r = S.status(S.tool({ "new", "command", "hello" }, S.terminal { cwd = dir }), 0)
    S.truth(r, r.stdout:find("wrote " .. dir .. "/hello.lua", 1, true), "no file")
    S.truth(r, r.stdout:find("tool test hello.lua", 1, true), "no next step")
  end)
end)
