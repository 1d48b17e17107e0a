-- REQ-O-027: tool cleanup removes what commands left behind, and nothing else.
local S = require "lib.spec"
local own = require "lib.own_commands"

local tree

-- A home in which a command has left files of each type; the environment of the runs.
local function left()
  tree = tree or own.tree { leaving = own.source "leaving" }
  local home = S.dir "home"
  local env = { HOME = home, TOOL_COMMANDS_PATH = tree }
  S.status(S.tool({ "leaving" }, { env = env }), 0)
  assert(S.run({ "mkdir", "-p", home .. "/left/work-1/x", home .. "/left/work-2" }).status == 0)
  for name, text in pairs { ["work-1/x/a"] = "123", ["b.part"] = "12", settings = "{}", ["other.txt"] = "1" } do
    S.spit(home .. "/left/" .. name, text)
  end
  return env, home .. "/left"
end

local function cleanup(env, ...)
  return S.tool({ "cleanup", ... }, { env = env })
end

-- What a run says it removed: path below dir -> { type, bytes }.
local function removed(r, dir)
  local out = {}
  for _, row in ipairs(r.envelope.data.cleaned) do out[row.path:sub(#dir + 2)] = { row.type, row.bytes_freed } end
  return out
end

local KEPT = { "other.txt", "settings", "token" }

S.req("REQ-O-027", "tool cleanup built-in command", function()
  it("1 and 4 declared places go, each with its type and bytes; a second run finds nothing", function()
    local env, dir = left()
    local r = S.status(cleanup(env), 0)
    S.equal(r, "deleted", r.envelope.data.effect, "effect")
    assert.same({ ["b.part"] = { "temp", 2 }, cache = { "cache", 5 }, ["work-1"] = { "temp", 3 },
      ["work-2"] = { "temp", 0 } }, removed(r, dir))
    S.equal(r, 10, r.envelope.data.total_bytes_freed, "total_bytes_freed")
    assert.same({ "log/", "log/run.log", "other.txt", "settings", "token" }, S.tree(dir))
    r = S.status(cleanup(env), 0)
    S.equal(r, { effect = "noop", cleaned = S.json.array {}, total_bytes_freed = 0 }, r.envelope.data, "data")
  end)

  it("2 --scope limits it to one type", function()
    for scope, gone in pairs { temp = { "b.part", "work-1", "work-2" }, cache = { "cache" }, logs = { "log/run.log" },
      all = { "b.part", "cache", "log/run.log", "work-1", "work-2" } } do
      local env, dir = left()
      local r, names = S.status(cleanup(env, "--scope", scope), 0), {}
      for name in pairs(removed(r, dir)) do names[#names + 1] = name end
      table.sort(names)
      S.equal(r, S.json.array(gone), S.json.array(names), scope)
      for _, name in ipairs(KEPT) do S.truth(r, S.exists(dir .. "/" .. name), name) end
    end
    S.status(S.tool { "cleanup", "--scope", "credentials" }, 2)
  end)

  it("3 --min-age keeps what is younger", function()
    local env, dir = left()
    for _, path in ipairs { "cache/deep/a", "b.part" } do
      assert(S.run({ "touch", "-d", "2 hours ago", dir .. "/" .. path }).status == 0)
    end
    local r = S.status(cleanup(env, "--min-age", "3600"), 0)
    assert.same({ ["b.part"] = { "temp", 2 }, cache = { "cache", 5 } }, removed(r, dir))
    S.truth(r, S.exists(dir .. "/work-1/x/a") and not S.exists(dir .. "/cache/deep/a"), "another choice")
    r = S.status(cleanup(env, "--min-age", "100"), 0)
    S.equal(r, "noop", r.envelope.data.effect, "effect")
  end)

  it("4 --dry-run names what would go and removes nothing", function()
    local env, dir = left()
    local before = S.tree(dir)
    local r = S.status(cleanup(env, "--dry-run"), 0)
    S.equal(r, "would_delete", r.envelope.data.effect, "effect")
    S.equal(r, 4, #r.envelope.data.would_affect.cleaned, "cleaned")
    assert.same(before, S.tree(dir))
  end)

  it("1 no link is followed, and the tool's own configuration and data stay", function()
    local env, dir = left()
    local safe = S.dir "safe"
    S.spit(safe .. "/precious", "x")
    assert(S.run({ "ln", "-s", safe, dir .. "/cache/link" }).status == 0)
    assert(S.run({ "ln", "-s", safe, dir .. "/c.part" }).status == 0)
    S.status(cleanup(env, "--scope", "all"), 0)
    assert.same({ "precious" }, S.tree(safe))
    assert.is_false(S.exists(dir .. "/c.part"))
    assert.is_true(S.exists(env.HOME .. "/.local/share/tool/audit.jsonl"))
  end)

  it("1 directories of runs that were killed go, those of living runs stay", function()
    local home = S.dir "home"
    local base = home .. "/tmp/tool-" .. S.run({ "id", "-u" }).stdout:match("%d+")
    assert(S.run({ "mkdir", "-p", "-m", "700", home .. "/tmp", base, base .. "/01M00000000000000000000000" }).status == 0)
    S.spit(base .. "/01M00000000000000000000000/file", "1234")
    local r = S.status(cleanup({ HOME = home, TMPDIR = home .. "/tmp" }, "--scope", "temp"), 0)
    S.equal(r, 4, r.envelope.data.total_bytes_freed, "total_bytes_freed")
    assert.is_false(S.exists(base .. "/01M00000000000000000000000"))
  end)

  it("4 what cannot be removed is named, exit 3", function()
    local home = S.dir "home"
    local mount = own.tree { held = [[return { about = "Leave", danger = "safe", scopes = {},
      writes = { { "temp", "/sys/kernel/notes" }, { "temp", "~/gone" } }, returns = { a = "string" },
      exits = { SUCCESS = "Done" }, run = function() return { a = "b" } end }]] }
    S.spit(home .. "/gone", "12")
    local r = cleanup({ HOME = home, TOOL_COMMANDS_PATH = mount }, "--scope", "temp")
    local e = S.failed(r, 3, "CLEANUP_INCOMPLETE")
    S.truth(r, #e.context.paths > 0, "context.paths")
    S.equal(r, 2, r.envelope.data.total_bytes_freed, "what went")
  end)
end)
