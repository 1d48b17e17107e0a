-- REQ-O-033: a login without a browser, from a variable that the caller names.
local S = require "lib.spec"

local TOKEN = "tok-4f9c2e71b8"

local function desktop(more)
  local dir = S.dir "bin"
  local path = S.spit(dir .. "/xdg-open", "#!/bin/sh\ntouch " .. dir .. "/opened\n")
  S.run { "chmod", "+x", path }
  local env = { PATH = dir .. ":/usr/bin:/bin", DISPLAY = ":0", HOME = S.dir "home" }
  for name, value in pairs(more or {}) do env[name] = value end
  return env, dir .. "/opened"
end

local function login(env, opts, ...)
  local all = {}
  for key, value in pairs(opts) do all[key] = value end
  all.env = env
  return S.tool({ "fx", "browser-login", "--output", "json", ... }, all)
end

S.req("REQ-O-033", "--headless and --token-env-var flags for auth commands", function()
  it("1 both flags are there for commands with auth, and for no others", function()
    for path, entry in pairs(S.commands()) do
      local auth = S.contract((path:gsub("%.", " "))).headless_supported ~= nil
      assert.equal(auth, entry.flags.headless ~= nil, path)
      assert.equal(auth, entry.flags["token-env-var"] ~= nil, path)
    end
  end)

  it("2 --headless opens no browser and takes the token from the named variable, else from the declared ones", function()
    for _, case in ipairs {
      { { MINE = TOKEN }, { "--token-env-var", "MINE" }, "env:MINE" }, { { FX_LOGIN_TOKEN = TOKEN }, {}, "env:FX_LOGIN_TOKEN" },
      { { MINE = TOKEN, FX_LOGIN_TOKEN = "other-token-1" }, { "--token-env-var", "MINE" }, "env:MINE" },
    } do
      for _, opts in ipairs { {}, S.terminal { shape = "json" } } do
        local env, opened = desktop(case[1])
        local r = S.status(login(env, opts, "--headless", table.unpack(case[2])), 0)
        S.equal(r, case[3], r.envelope.data.by, "by")
        assert.is_false(S.exists(opened))
      end
    end
  end)

  it("3 --headless without a token: exit 4, the variable and how to set it", function()
    for _, opts in ipairs { {}, S.terminal { shape = "json" } } do
      local env, opened = desktop()
      local r = login(env, opts, "--headless", "--token-env-var", "MY_TOKEN")
      local e = S.failed(r, 4, "AUTH_REQUIRED")
      S.equal(r, { { hint = "export MY_TOKEN=TOKEN", name = "MY_TOKEN", type = "env_var" } }, e.auth_methods, "auth_methods")
      S.truth(r, e.fix_required:find("MY_TOKEN", 1, true), "fix_required")
      S.equal(r, "validation", e.phase, "phase")
      assert.is_false(S.exists(opened))
    end
    S.failed(S.tool({ "fx", "login", "--headless" }, { env = { HOME = S.dir "home" } }), 4, "AUTH_REQUIRED")
  end)

  it("4 without a terminal headless is the default", function()
    local env, opened = desktop()
    S.failed(login(env, {}), 4, "NO_TTY")
    env.FX_LOGIN_TOKEN = TOKEN
    S.status(login(env, {}), 0)
    assert.is_false(S.exists(opened))
  end)

  it("5 any valid name of a variable is taken, and no other", function()
    for _, name in ipairs { "a", "_x9", "lower_case", "MY_VERY_OWN" } do
      local env = desktop { [name] = TOKEN }
      S.status(login(env, {}, "--headless", "--token-env-var", name), 0)
    end
    for _, name in ipairs { "1-bad", "a b", "a=b", "" } do
      S.status(login(desktop(), {}, "--headless", "--token-env-var=" .. name), 2)
    end
  end)
end)
