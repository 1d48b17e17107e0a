-- REQ-F-076: the first run is like every other.
local S = require "lib.spec"

-- A home that nobody, not even root, can write into.
local SEALED = "/sys/kernel"

local function init(home, ...) return S.tool({ "init", ... }, { env = { HOME = home } }) end

local function keys(r) return table.concat(S.json.key_order(r.envelope.data), " ") end

S.req("REQ-F-076", "First-run init isolation", function()
  it("1 and 2 a hundred runs in a new home have the same exit and the same keys, in data and meta", function()
    local home, want = S.dir("home"), nil
    for i = 1, 100 do
      local r = S.status(S.tool({ "fx", "ok" }, { env = { HOME = home } }), 0)
      local got = keys(r) .. " | " .. table.concat(S.json.key_order(r.envelope.meta), " ")
      want = want or got
      assert.equal(want, got, "run " .. i)
      assert.equal(0, #r.envelope.warnings)
    end
  end)

  it("1 and 6 commands work the same in a home that cannot be written", function()
    for _, args in ipairs { { "fx", "ok" }, { "fx", "list" }, { "fx", "cat", "/etc/hostname" }, { "manifest" }, { "--help" },
                            { "fx", "get", "--fields", "id" }, { "config", "list" } } do
      local at_home = S.status(S.tool(args), 0)
      local r = S.status(S.tool(args, { env = { HOME = SEALED } }), 0)
      if args[1] ~= "manifest" then S.equal(r, at_home.envelope.data, r.envelope.data, table.concat(args, " ")) end
    end
    local path = S.dir() .. "/file"
    S.status(S.tool({ "fx", "write", "--path", path }, { env = { HOME = SEALED } }), 0)
    S.status(S.tool({ "fx", "ok" }, { env = { HOME = false } }), 0)
  end)

  it("3 an ordinary run opens no socket", function()
    local r, trace = S.strace({ "fx", "ok" }, "socket,connect", { env = { HOME = S.dir("home") } })
    S.status(r, 0)
    for _, line in ipairs(trace) do
      assert.is_nil(line:find("AF_INET", 1, true), line)
    end
  end)

  it("4 init says initialized the first time, and already_initialized after that", function()
    local home = S.dir("home")
    local preview = S.status(init(home, "--dry-run"), 0)
    S.equal(preview, "would_create", preview.envelope.data.effect, "effect")
    local first = S.status(init(home), 0)
    S.equal(first, true, first.envelope.data.initialized, "initialized")
    S.equal(first, nil, first.envelope.data.already_initialized, "already_initialized")
    for _ = 1, 2 do
      local again = S.status(init(home), 0)
      S.equal(again, true, again.envelope.data.already_initialized, "already_initialized")
      S.equal(again, nil, again.envelope.data.initialized, "initialized")
      S.equal(again, "noop", again.envelope.data.effect, "effect")
    end
    for _, dir in ipairs { "/.config/tool", "/.local/share/tool", "/.cache/tool", "/.local/state/tool" } do
      assert.equal("700\n", S.run({ "stat", "-c", "%a", home .. dir }).stdout, dir)
    end
  end)

  it("4 the XDG variables say where", function()
    local home, xdg = S.dir("home"), S.dir("xdg")
    local r = S.status(S.tool({ "init" }, { env = { HOME = home, XDG_CACHE_HOME = xdg .. "/c", XDG_STATE_HOME = xdg .. "/s",
      XDG_CONFIG_HOME = xdg .. "/k", XDG_DATA_HOME = xdg .. "/d" } }), 0)
    S.equal(r, S.json.array { xdg .. "/c/tool", xdg .. "/d/tool", xdg .. "/k/tool", xdg .. "/s/tool" },
      r.envelope.data.directories, "directories")
    assert.same({}, S.tree(home))
  end)

  it("5 an init that fails says why", function()
    local r = init(SEALED)
    local e = S.failed(r, 7, "PERMISSION_DENIED")
    S.truth(r, e.context.path:find(SEALED, 1, true) == 1, "path")
    r = S.tool({ "init" }, { env = { HOME = false } })
    e = S.failed(r, 4, "INIT_NO_HOME")
    S.truth(r, e.fix_required:find("HOME", 1, true), "fix_required")
  end)

  it("7 help and version come before anything is looked at", function()
    for _, args in ipairs { { "--help" }, { "--version" }, { "fx", "ok", "--help" }, { "init", "--help" } } do
      local home = S.dir("home")
      S.status(S.tool(args, { env = { HOME = home } }), 0)
      assert.same({}, S.tree(home))
    end
  end)
end)
