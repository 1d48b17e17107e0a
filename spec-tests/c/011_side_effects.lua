-- REQ-C-011: commands say what they leave on disk.
local S = require "lib.spec"
local own = require "lib.own_commands"

S.req("REQ-C-011", "Commands declare filesystem side effects", function()
  it("1 the declaration is published, with type, path, lifetime and what clears it", function()
    local tree = own.tree { leaving = own.source "leaving" }
    local r = S.status(S.tool({ "leaving", "--schema" }, { env = { TOOL_COMMANDS_PATH = tree } }), 0)
    local by_path = {}
    for _, row in ipairs(r.envelope.data.filesystem_side_effects) do by_path[row.path] = row end
    S.equal(r, { path = "~/left/cache/", type = "cache", ttl_seconds = 86400, clearable_with = "tool cleanup --scope cache" },
      by_path["~/left/cache/"], "an entry")
    S.equal(r, { path = "~/left/token", type = "credential" }, by_path["~/left/token"], "a permanent one")
  end)

  it("1 a place that is not declared cannot be written", function()
    local tree = own.tree { straying = [[return { about = "Stray", danger = "mutating", scopes = {},
      writes = { { "cache", "~/declared/" } }, returns = { a = "string" }, exits = { SUCCESS = "Done" },
      run = function(_, ctx) ctx.files.write("~/elsewhere", "x") return ctx.created { a = "b" } end }]] }
    local home = S.dir "home"
    S.failed(S.tool({ "straying" }, { env = { TOOL_COMMANDS_PATH = tree, HOME = home } }), 4, "ACCESS_UNDECLARED")
    assert.is_false(S.exists(home .. "/elsewhere"))
  end)

  it("2 status --show-side-effects lists every place of every command, absolute, with its size", function()
    local tree, home = own.tree { leaving = own.source "leaving" }, S.dir "home"
    local env = { TOOL_COMMANDS_PATH = tree, HOME = home }
    S.status(S.tool({ "leaving" }, { env = env }), 0)
    local r, rows = S.status(S.tool({ "status", "--show-side-effects" }, { env = env }), 0), {}
    for _, row in ipairs(r.envelope.data.side_effects) do rows[row.path] = row end
    S.equal(r, { path = home .. "/left/cache", type = "cache", exists = true, size_bytes = 5, ttl_seconds = 86400,
      clearable_with = "tool cleanup --scope cache" }, rows[home .. "/left/cache"], "the cache")
    S.equal(r, false, rows[home .. "/left/settings"].exists, "what is not there")
    S.truth(r, rows[home .. "/.sentryagent/tokens.json"], "a shipped command's place")
  end)

  it("3 cleanup removes what is declared temp or cache and leaves credentials and configuration", function()
    local tree, home = own.tree { leaving = own.source "leaving" }, S.dir "home"
    local env = { TOOL_COMMANDS_PATH = tree, HOME = home }
    S.status(S.tool({ "leaving" }, { env = env }), 0)
    local r = S.status(S.tool({ "cleanup" }, { env = env }), 0)
    S.equal(r, S.json.array { { path = home .. "/left/cache", type = "cache", bytes_freed = 5 } },
      r.envelope.data.cleaned, "cleaned")
    assert.same({ "log/", "log/run.log", "token" }, S.tree(home .. "/left"))
  end)

  it("a path that is too broad, relative or of an unknown type is refused", function()
    for path, why in pairs { ["/"] = "path too broad", ["~/"] = "path too broad", ["relative"] = "absolute",
      ["/a/../b"] = "absolute" } do
      local file = own.tree { bad = ([[return { about = "Bad", danger = "safe", scopes = {}, writes = { { "cache", %q } },
        returns = { a = "string" }, exits = { SUCCESS = "Done" }, run = function() end }]]):format(path) } .. "/bad.lua"
      local r = S.tool { "check", file }
      S.truth(r, S.failed(r, 2, "REGISTRATION_ERROR").errors[1].message:find(why, 1, true), why)
    end
  end)
end)
