-- `tool check` and `tool check fix`: every problem with its place and what to write instead.
local S = require "lib.spec"

local function file(text, name)
  return S.spit(S.dir "commands" .. "/" .. (name or "sample") .. ".lua", text)
end

-- The problems of a text: "line:column key" -> item, and the run.
local function problems(text, name)
  local r = S.tool { "check", file(text, name) }
  local by_place = {}
  if r.status == 0 then return by_place, r end
  for _, item in ipairs(S.failed(r, 2, "REGISTRATION_ERROR").errors) do
    by_place[("%d:%d %s"):format(item.line or 0, item.column or 0, item.key or "")] = item
  end
  return by_place, r
end

local BROKEN = [[
return {
  name = "x",
  description = "Do it",
  danger = "mutating",
  args = { { "dry_name", "int", "N", defalt = 3 },
    { "b", "string", "B", match = "[a-z]+" } },
  returns = { effect = "string", a = "bogus" },
  exits = { SUCCESS = "ok", [5] = "gone" },
  errors = { GONE = { "It is gone.", exit = "NOWHERE" } },
  run = function(args, ctx) return ctx.updated { a = 1 } end,
}
]]

local FIXED = [[
return {
  scopes = {},
  about = "Do it",
  danger = "mutating",
  args = { { "dry-name", "integer", "N", default = 3 },
    { "b", "string", "B", match = "^[a-z]+$" } },
  returns = { a = "string" },
  exits = { SUCCESS = "ok", NOT_FOUND = "gone" },
  run = function(args, ctx) return ctx.updated { a = 1 } end,
}
]]

S.req("KIT-CHECK", "tool check", function()
  it("says where each problem stands and what to write instead", function()
    local found, r = problems(BROKEN)
    local function at(place, fix)
      local item = S.truth(r, found[place], "no problem at " .. place)
      S.equal(r, fix, item.fix, "fix at " .. place)
      S.truth(r, item.position:find("/sample.lua:" .. place:match("^%S+"), 1, true), "position " .. item.position)
    end
    at("2:3 name", "Remove name")
    at("3:3 description", "Write about instead")
    at("1:8 about", 'Add about = "What it does, in one line"')
    at("1:8 scopes", "Add scopes = {}, or the scopes that the service asks for")
    at("5:12 args", 'Write "integer"')
    at("6:5 args", 'Write "^[a-z]+$"')
    at("7:34 returns", nil)
    at("8:29 exits", "Write NOT_FOUND instead of the number")
    at("9:14 errors", nil)
  end)

  it("points at the use of what is not declared, and says how to declare it", function()
    local found, r = problems((FIXED:gsub("ctx.updated { a = 1 }", 'ctx.http.get("x")')))
    S.equal(r, "Declare network = true", S.truth(r, found["9:36 network"], "no problem").fix)
    S.equal(r, nil, found["9:36 network"].fixable)
  end)

  it("gives the line of a file that does not compile", function()
    local found, r = problems "return {\n  about = \n}\n"
    S.truth(r, found["3:0 "], "no problem on line 3")
  end)

  it("a terminal shows each problem with its place, as it is typed, and the fix", function()
    local path = file(BROKEN)
    local r = S.status(S.tool({ "check", "sample.lua" }, S.terminal { cwd = path:match("^(.*)/") }), 2)
    S.truth(r, r.stderr:find("sample.lua:3:3: ", 1, true), "no place")
    S.truth(r, r.stderr:find("Write about instead", 1, true), "no fix")
  end)

  it("checks a folder as what it is: a plugin, with its shared file", function()
    local dir = S.dir "p" .. "/fxp"
    require("luv").fs_mkdir(dir, 448)
    require("luv").fs_mkdir(dir .. "/commands", 448)
    S.spit(dir .. "/plugin.lua", 'return { name = "other", version = "1", about = "A", api = 1 }')
    S.spit(dir .. "/commands/hi.lua", FIXED)
    local e = S.failed(S.tool { "check", dir }, 2, "REGISTRATION_ERROR")
    local text = e.errors[1].message .. e.errors[2].message
    assert.truthy(text:find('name "other" is not', 1, true))
    assert.truthy(text:find('version "1" is not', 1, true))
    S.spit(dir .. "/plugin.lua", 'return { name = "fxp", version = "1.0.0", about = "A", api = 1 }')
    local r = S.status(S.tool { "check", dir }, 0)
    S.equal(r, 2, r.envelope.data.checked, "files")
  end)

  it("a command of a suite is checked with its suite, installed or not", function()
    local dir = S.dir "s" .. "/shop"
    require("luv").fs_mkdir(dir, 448)
    S.spit(dir .. "/suite.lua", 'return { about = "A", errors = { BUSY = { "It is busy.", exit = "CONFLICT" } } }')
    local text = FIXED:gsub("ctx.updated { a = 1 }", 'ctx.fail("BUSY")')
    S.status(S.tool { "check", S.spit(dir .. "/hi.lua", text) }, 0)
    S.failed(S.tool { "check", file(text) }, 2, "REGISTRATION_ERROR")
  end)

  it("a suite's headers are a function, or name parameters", function()
    local dir = S.dir "s" .. "/shop"
    require("luv").fs_mkdir(dir, 448)
    local function refused(headers, text)
      S.spit(dir .. "/suite.lua", ('return { about = "A", args = { { "api-url", "url", "U" }, { "key", "secret", "K" } },'
        .. ' service = { url = "api-url", headers = %s } }'):format(headers))
      local r = S.tool { "check", dir }
      if not text then return S.status(r, 0) end
      S.truth(r, S.failed(r, 2, "REGISTRATION_ERROR").message:find(text, 1, true), text)
    end
    refused('{ ["X-Key"] = "key" }')
    refused("function() return {} end")
    refused('{ ["X-Key"] = "kez" }', 'X-Key names unknown parameter "kez"; did you mean "key"?')
    refused('"key"', "must be a function or a table")
  end)

  it("refuses a name that nobody can call", function()
    local found, r = problems(FIXED, "My_Command")
    S.truth(r, next(found), "accepted")
  end)

  it("a path that is not there is NOT_FOUND", function()
    S.failed(S.tool { "check", "/nowhere/x.lua" }, 5, "NOT_FOUND")
    S.failed(S.tool { "check", "fix", "/nowhere/x.lua" }, 5, "NOT_FOUND")
  end)
end)

S.req("KIT-FIX", "tool check fix", function()
  local text = BROKEN:gsub("  errors = .-\n", ""):gsub('a = "bogus"', 'a = "string"')

  it("corrects what is mechanical, and nothing else", function()
    local path = file(text)
    local r = S.status(S.tool { "check", "fix", path }, 0)
    assert.equal(FIXED, S.slurp(path))
    S.equal(r, "updated", r.envelope.data.effect)
    S.equal(r, 0, #r.envelope.data.remaining)
    r = S.status(S.tool { "check", "fix", path }, 0)
    S.equal(r, "noop", r.envelope.data.effect)
    S.status(S.tool { "check", path }, 0)
  end)

  it("tells what is left, and never widens what a command may do", function()
    local path = file((FIXED:gsub("ctx.updated { a = 1 }", 'ctx.http.get("x")')))
    local before = S.slurp(path)
    local r = S.status(S.tool { "check", "fix", path }, 0)
    S.equal(r, 1, #r.envelope.data.remaining)
    assert.equal(before, S.slurp(path))
  end)

  it("adds no scopes to a command that talks to a service", function()
    local path = file((text:gsub('danger = "mutating",', 'danger = "mutating", network = true,')))
    local r = S.status(S.tool { "check", "fix", path }, 0)
    S.truth(r, r.envelope.data.remaining[1].message:find("required_scopes", 1, true), "scopes were added")
  end)

  it("a dry run shows the files and writes nothing", function()
    local path = file(text)
    local r = S.status(S.tool { "check", "fix", path, "--dry-run" }, 0)
    S.equal(r, "would_update", r.envelope.data.effect)
    S.equal(r, path, r.envelope.data.would_affect.files[1].file)
    assert.equal(text, S.slurp(path))
  end)
end)
