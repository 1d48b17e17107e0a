-- REQ-C-021: who logs in without a terminal is told how, and no browser opens.
local S = require "lib.spec"

local TOKEN = "tok-4f9c2e71b8"

-- An environment in which an xdg-open would be noticed.
local function watched(more)
  local dir = S.dir "bin"
  local path = S.spit(dir .. "/xdg-open", "#!/bin/sh\ntouch " .. dir .. "/opened\n")
  S.run { "chmod", "+x", path }
  local env = { PATH = dir .. ":/usr/bin:/bin", BROWSER = path, DISPLAY = ":0", HOME = S.dir "home" }
  for name, value in pairs(more or {}) do env[name] = value end
  return env, dir .. "/opened"
end

S.req("REQ-C-021", "Auth commands declare headless mode support", function()
  it("1 without a terminal and a token: exit 4 that names the variables, and no browser", function()
    for _, more in ipairs { {}, { FX_LOGIN_TOKEN = "" } } do
      local env, opened = watched(more)
      local r = S.tool({ "fx", "browser-login" }, { env = env })
      local e = S.failed(r, 4, "NO_TTY")
      for _, name in ipairs { "FX_LOGIN_TOKEN", "FX_LOGIN_TOKEN_FILE" } do
        S.truth(r, e.message:find(name, 1, true), name .. " is not named")
      end
      S.equal(r, false, e.retryable, "retryable")
      S.truth(r, #(e.fix_required or "") > 3, "fix_required")
      S.equal(r, { "FX_LOGIN_TOKEN", "FX_LOGIN_TOKEN_FILE" }, { e.auth_methods[1].name, e.auth_methods[2].name }, "auth_methods")
      assert.is_false(S.exists(opened))
    end
  end)

  it("2 with the token it works, from a variable or a file, and shows it nowhere", function()
    local file = S.spit(S.dir() .. "/token", TOKEN .. "\n")
    for name, value in pairs { FX_LOGIN_TOKEN = TOKEN, FX_LOGIN_TOKEN_FILE = file } do
      local env, opened = watched { [name] = value }
      local r = S.status(S.tool({ "fx", "browser-login", "--debug" }, { env = env }), 0)
      S.equal(r, "env:" .. name, r.envelope.data.by, "by")
      S.truth(r, not (r.stdout .. r.stderr):find(TOKEN, 1, true), "the token is shown")
      assert.is_false(S.exists(opened))
    end
  end)

  it("3 --schema shows headless_supported, token_env_vars and the exits", function()
    local data = S.contract "fx browser-login"
    assert.is_false(data.headless_supported)
    assert.same({ "FX_LOGIN_TOKEN", "FX_LOGIN_TOKEN_FILE" }, data.token_env_vars)
    assert.same(data.token_env_vars, data.secret_env_vars)
    assert.equal("PRECONDITION", data.exit_codes["4"].name)
    assert.equal("AUTH_REQUIRED", data.exit_codes["8"].name)
    assert.is_true(S.contract("fx login").headless_supported)
  end)

  it("4 headless_supported goes its own way without a terminal; false demands variables", function()
    S.status(S.tool({ "fx", "login" }, { env = { HOME = S.dir "home", FX_PASS = TOKEN } }), 0)
    local r, text = S.check("auth-vague", "auth-no-way")
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("auth requires headless (true or false)", 1, true), text)
    S.truth(r, text:find("headless_supported: false requires token_env_vars", 1, true), text)
  end)

  it("a command that only uses a credential says that it is missing with exit 8", function()
    S.failed(S.tool({ "fx", "guarded", "http://127.0.0.1:9/" }, { env = { HOME = S.dir "home" } }), 8, "UNAUTHENTICATED")
  end)

  it("on a terminal with a desktop the browser opens", function()
    local env, opened = watched()
    local r = S.tool({ "fx", "browser-login", "--output", "json" }, S.terminal { env = env })
    S.status(r, 0)
    assert.is_true(S.exists(opened))
  end)
end)
