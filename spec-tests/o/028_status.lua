-- REQ-O-028: tool status shows state, whatever state there is.
local S = require "lib.spec"
local own = require "lib.own_commands"

local ALL = { "status", "--show-config", "--show-side-effects", "--show-state-files" }
local SECRET = "zq7Xplantedv4lue9"

-- A home with a stored credential, a configuration and a broken suite file.
local function home(expires)
  local dir = S.dir "home"
  assert(S.run({ "mkdir", "-p", dir .. "/.config/tool/credentials", dir .. "/.sentryagent" }).status == 0)
  S.spit(dir .. "/.config/tool/credentials/fx.json", S.json.encode { token = SECRET, expires_at = expires })
  S.spit(dir .. "/.config/tool/config.json", S.json.encode { region = "eu", api_token = SECRET, current_context = "lab",
    contexts = { lab = { region = "eu" } } })
  S.spit(dir .. "/.sentryagent/config.json", "{ broken")
  return dir
end

local function status(args, dir, more)
  local env = { HOME = dir }
  for name, value in pairs(more or {}) do env[name] = value end
  return S.tool(args, { env = env })
end

local function each_path(value, visit)
  if type(value) ~= "table" then return end
  for key, item in pairs(value) do
    if key == "path" then visit(item) end
    each_path(item, visit)
  end
end

S.req("REQ-O-028", "tool status built-in command", function()
  it("1 it is safe, changes nothing and succeeds in an empty home", function()
    assert.equal("safe", S.manifest().commands.status.danger_level)
    local dir = S.dir "home"
    local r = S.status(status({ "status" }, dir, { TOOL_AUDIT_LOG = "off" }), 0)
    S.equal(r, { logged_in = false, current_context = S.json.null, token_expires = S.json.null,
      state_files = S.json.array {} }, r.envelope.data, "data")
    assert.same({}, S.tree(dir))
  end)

  it("1 broken and unreadable files, a directory in a file's place and a missing HOME do not stop it", function()
    local dir = home()
    S.spit(dir .. "/.config/tool/config.json", "\0\1{{{")
    S.spit(dir .. "/.config/tool/credentials/x.json", "[1,2]")
    assert(S.run({ "mkdir", "-p", dir .. "/.config/tool/credentials/y.json" }).status == 0)
    S.status(status({ "status", "--show-state-files", "--show-side-effects", "--no-config" }, dir), 0)
    S.status(S.tool({ "status" }, { env = { HOME = false } }), 0)
  end)

  it("2 --show-config is what the root flag shows", function()
    local dir = home()
    local r = S.status(status({ "status", "--show-config" }, dir), 0)
    local root = S.status(status({ "--show-config" }, dir), 0)
    for key, value in pairs(root.envelope.data) do S.equal(r, value, r.envelope.data[key], key) end
    S.equal(r, "eu", r.envelope.data.effective_config.region, "a value")
  end)

  it("3 --show-side-effects gives path, type and size of what commands declare", function()
    local dir, tree = S.dir "home", own.tree { leaving = own.source "leaving" }
    S.status(status({ "leaving" }, dir, { TOOL_COMMANDS_PATH = tree }), 0)
    local r = S.status(status({ "status", "--show-side-effects" }, dir, { TOOL_COMMANDS_PATH = tree }), 0)
    local types = {}
    for _, row in ipairs(r.envelope.data.side_effects) do
      types[row.type] = true
      S.truth(r, math.type(row.size_bytes) == "integer" and type(row.exists) == "boolean", row.path)
    end
    for _, name in ipairs { "cache", "temp", "log", "credential", "config" } do S.truth(r, types[name], name) end
  end)

  it("4 --show-state-files gives every file of state with a summary that holds no value", function()
    local dir, rows = home "2031-01-02T03:04:05Z", {}
    local r = S.status(status({ "status", "--show-state-files" }, dir), 0)
    for _, row in ipairs(r.envelope.data.state_files) do rows[row.path] = row end
    S.equal(r, { path = dir .. "/.config/tool/credentials/fx.json", purpose = "credential", exists = true,
      size_bytes = #S.slurp(dir .. "/.config/tool/credentials/fx.json"), summary = "ends 2031-01-02T03:04:05Z" },
      rows[dir .. "/.config/tool/credentials/fx.json"], "a credential")
    S.truth(r, rows[dir .. "/.config/tool/config.json"].summary:find("region", 1, true), "the summary")
    S.equal(r, "configuration of sentryagent", rows[dir .. "/.sentryagent/config.json"].purpose, "purpose")
  end)

  it("5 every path is absolute, and no secret is shown", function()
    local dir = home()
    local r = S.status(status(ALL, dir), 0)
    each_path(r.envelope.data, function(path) S.truth(r, path:sub(1, 1) == "/", path) end)
    S.truth(r, not r.stdout:find(SECRET, 1, true), "the token is shown")
  end)

  it("6 logged_in, current_context and token_expires follow from what is stored", function()
    local r = S.status(status({ "status" }, home "2031-01-02T03:04:05Z"), 0)
    S.equal(r, { true, "lab", "2031-01-02T03:04:05Z" }, { r.envelope.data.logged_in, r.envelope.data.current_context,
      r.envelope.data.token_expires }, "state")
    r = S.status(status({ "status" }, home "2001-01-02T03:04:05Z"), 0)
    S.equal(r, { false, S.json.null }, { r.envelope.data.logged_in, r.envelope.data.token_expires }, "an expired one")
  end)
end)
