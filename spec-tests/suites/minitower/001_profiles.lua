-- Profiles: logging in, choosing, what beats what, and the file that holds them.
local S = require "lib.spec"
local stub = require "lib.stub_server"
local common = require "suites.minitower.common"
local cli, says = common.cli, common.says

local FILE = "/.config/minitower-cli/config.json"

-- A home whose file holds these profiles.
local function home_with(current, profiles)
  local home = S.dir "home"
  S.run({ "mkdir", "-p", home .. "/.config/minitower-cli" }, {})
  S.spit(home .. FILE, S.json.encode { current_profile = current, profiles = profiles })
  return home
end

local function env_of(home, more)
  local env = { HOME = home }
  for name, value in pairs(more or {}) do env[name] = value end
  return env
end

S.req("MINITOWER-PROFILES", "profiles and configuration", function()
  local server

  setup(function() server = common.service() end)
  teardown(function() server.close() end)

  it("login keeps server, token and team, makes the profile current, and the file is the owner's alone", function()
    local home = S.dir "home"
    says({ "login", "--server", server.url .. "///", "--team", "acme", "--password", "pass" },
      { stdout = 'Logged in as team "acme" (role: admin)\nProfile "default" updated\n' }, { env = env_of(home) })
    S.equal({ stdout = "", stderr = "", argv = {} }, { current_profile = "default", profiles = { default = {
      server = server.url, team = "acme", token = common.TOKEN } } }, common.config(home .. FILE))
    assert.equal("0600", common.emulator.mode(home .. FILE))
    assert.equal("0700", common.emulator.mode(home .. "/.config/minitower-cli"))
    assert.equal("}\n", S.slurp(home .. FILE):sub(-2))
    local request = server.requests[#server.requests]
    assert.equal('{"password":"pass","slug":"acme"}', request.body)
    assert.is_nil(request.headers.authorization)
    says("me", { stdout = "Team: acme (id=1)\nToken ID: 2\nRole: admin\n" }, { env = env_of(home) })
    assert.equal("Bearer " .. common.TOKEN, server.requests[#server.requests].headers.authorization)
  end)

  it("login --json shows the login, and another profile becomes current", function()
    local home = home_with("local", { ["local"] = { server = server.url, team = "acme", token = "old" } })
    local r = says({ "login", "--json", "--password=pass" }, { stdout = [[
{
  "login": {
    "role": "admin",
    "team_id": 1,
    "token": "]] .. common.TOKEN .. [[",
    "token_id": 2
  },
  "profile": "local"
}
]] }, { env = env_of(home) })
    S.truth(r, common.config(home .. FILE).profiles["local"].token == common.TOKEN, "the token is not replaced")
    S.status(cli({ "login", "--profile", "two", "--team", "acme", "--password", "p", "--server", server.url },
      { env = env_of(home) }), 0)
    assert.equal("two", common.config(home .. FILE).current_profile)
  end)

  it("login asks on a terminal without echo, and never where nobody is", function()
    local home = S.dir "home"
    local args = { "login", "--server", server.url, "--team", "acme" }
    local r = S.status(cli(args, S.terminal { shape = "none", env = env_of(home),
      type = { { "typed-pass\n", when_stdout = "Password: " } } }), 0)
    S.truth(r, not (r.stdout .. r.stderr):find("typed%-pass"), "the password is shown")
    assert.equal('{"password":"typed-pass","slug":"acme"}', server.requests[#server.requests].body)
    local n = #server.requests
    S.failed(common.tool(args, { env = env_of(home) }), 4, "INPUT_REQUIRED")
    assert.equal(n, #server.requests)
  end)

  it("minitower-cli login takes the password from one line of a pipe", function()
    local args = { "login", "--server", server.url, "--team", "acme" }
    for stdin, want in pairs { ["piped-pass\nmore\n"] = "piped-pass", ["piped-pass"] = "piped-pass", ["pi ped\r\n"] = "pi ped" } do
      local home = S.dir "home"
      says(args, { stdout = 'Logged in as team "acme" (role: admin)\nProfile "default" updated\n' },
        { env = env_of(home), stdin = stdin })
      assert.equal(('{"password":"%s","slug":"acme"}'):format(want), server.requests[#server.requests].body)
      assert.falsy(S.slurp(home .. "/.local/share/tool/audit.jsonl"):find(want, 1, true), "the password is in the audit log")
    end
  end)

  it("an empty line, the end of the input and silence are no password, nor is a pipe for the spec's form", function()
    local args, n = { "login", "--server", server.url, "--team", "acme" }, #server.requests
    local no_answer = { status = 1, stderr = "error: The command asks: Password:\n" }
    for _, stdin in ipairs { "null", "closed", "", "\n", "\r\nlater\n" } do
      local r = says(args, no_answer, { env = env_of(S.dir "home"), stdin = stdin })
      S.truth(r, r.elapsed_ms < 2000, "it did not fail at once")
    end
    local r = says(args, no_answer, { env = env_of(S.dir "home"), stdin = "open" })
    S.truth(r, r.elapsed_ms >= 10000 and r.elapsed_ms < 12000, "not ten seconds")
    r = cli({ "login", "--server", server.url, "--team", "acme", "--timeout", "300ms" },
      { env = env_of(S.dir "home"), stdin = "open" })
    S.truth(r, r.status == 1 and r.elapsed_ms < 2000, "the time limit does not end it")
    r = cli({ "login", "--server", server.url, "--team", "acme" },
      { env = env_of(S.dir "home"), stdin = "open", signals = { { "TERM", after_ms = 300 } } })
    S.truth(r, r.status == 143 and r.elapsed_ms < 2000, "a signal does not end it")
    says({ "login", "--server", server.url, "--team", "acme", "--non-interactive" }, no_answer,
      { env = env_of(S.dir "home"), stdin = "piped-pass\n" })
    for _, stdin in ipairs { "piped-pass\n", "open" } do
      r = common.tool(args, { env = env_of(S.dir "home"), stdin = stdin })
      S.failed(r, 4, "INPUT_REQUIRED")
      S.truth(r, r.elapsed_ms < 1000, "it waited")
    end
    assert.equal(n, #server.requests)
  end)

  it("login takes the password from the environment or a file, and misses what is missing", function()
    local function login(args, env, home)
      table.insert(args, 1, "login")
      return common.tool(args, { env = env_of(home or S.dir "home", env) })
    end
    local file = S.spit(S.dir() .. "/password", "from-file\n")
    S.status(login({ "--server", server.url, "--team", "acme", "--password-from-file", file }), 0)
    assert.equal('{"password":"from-file","slug":"acme"}', server.requests[#server.requests].body)
    S.status(login({ "--server", server.url, "--team", "acme" }, { MINITOWER_PASSWORD = "from-env" }), 0)
    assert.equal('{"password":"from-env","slug":"acme"}', server.requests[#server.requests].body)
    S.failed(login({ "--team", "acme" }, { MINITOWER_PASSWORD = "p" }), 4, "NOT_CONFIGURED")
    S.failed(login({ "--server", server.url }, { MINITOWER_PASSWORD = "p" }), 4, "TEAM_MISSING")
    local home = S.dir "home"
    local r = S.status(login({ "--server", server.url, "--team", "acme", "--dry-run" }, {}, home), 0)
    S.equal(r, { profile = "default", server = server.url, team = "acme" }, r.envelope.data.would_affect)
    assert.falsy(S.exists(home .. FILE))
  end)

  it("config set writes what is given, keeps the rest, and is current only when none was", function()
    local home = home_with(nil, { other = { server = "http://o", future = "kept" } })
    says("config set --profile work --server http://w/ --team acme --app hello", { stdout = 'Profile "work" updated\n' },
      { env = env_of(home) })
    says({ "config", "set", "--profile", "other", "--token", "mtk_x" }, { stdout = 'Profile "other" updated\n' },
      { env = env_of(home), tainted = { files = { [home .. FILE] = true } } })
    S.equal({ stdout = "", stderr = "", argv = {} }, { current_profile = "work", profiles = {
      other = { server = "http://o", future = "kept", token = "mtk_x" },
      work = { server = "http://w", team = "acme", app = "hello" } } }, common.config(home .. FILE))
    says("config set", { status = 1,
      stderr = "error: no changes provided (set one of: --server --token --team --app)\n" }, { env = env_of(home) })
    local r = S.status(common.tool("config set --app x1 --dry-run", { env = env_of(home) }), 0)
    S.equal(r, "would_update", r.envelope.data.effect)
    S.status(common.tool("config set --app new-app", { env = env_of(home) }), 0)
    assert.equal("new-app", common.config(home .. FILE).profiles.work.app)
  end)

  it("config get, list and use show and choose; teams list and switch are the same", function()
    local home = home_with("b", { a = { server = "http://a", team = "acme", app = "hello", token = common.TOKEN },
      b = { server = "http://b" } })
    local opts = { env = env_of(home) }
    local table_of = "CURRENT  PROFILE  SERVER    TEAM  APP    TOKEN\n"
      .. "         a        http://a  acme  hello  set\n*        b        http://b               \n"
    for _, args in ipairs { "config list", "teams list" } do says(args, { stdout = table_of }, opts) end
    says("config get", { stdout = "Profile: b\nCurrent: true\nServer: http://b\nTeam: \nDefault App: \nToken: not set\n" }, opts)
    says("config get --profile a", { stdout = "Profile: a\nServer: http://a\nTeam: acme\nDefault App: hello\nToken: set\n" }, opts)
    says("config get --profile a --json", { stdout = [[
{
  "config": {
    "app": "hello",
    "server": "http://a",
    "team": "acme",
    "token": "]] .. common.TOKEN .. [["
  },
  "current_profile": "b",
  "is_current": false,
  "profile": "a"
}
]] }, opts)
    for _, args in ipairs { "config use a", "teams switch a" } do
      says(args, { stdout = 'Current profile set to "a"\n' }, opts)
    end
    assert.equal("a", common.config(home .. FILE).current_profile)
    says("config use nope", { status = 1, stderr = 'error: profile "nope" not found\n' }, opts)
    says("config get --profile nope", { status = 1, stderr = 'error: profile "nope" not found\n' }, opts)
    local r = S.status(common.tool("config list", opts), 0)
    S.truth(r, not r.stdout:find(common.TOKEN, 1, true), "the token is not masked")
  end)

  it("without a home directory nothing is written, and the error says why", function()
    local dir = S.dir()
    local r = common.tool("config set --team acme", { env = { HOME = "", XDG_CONFIG_HOME = "" }, cwd = dir, shape = "json" })
    S.failed(r, 2, "CONFIG_INVALID")
    S.truth(r, r.envelope.error.message:find "HOME is not set" and r.envelope.error.fix_required == "Set HOME", "what is said")
    assert.is_false(S.exists(dir .. "/.tool-config"))
  end)

  it("an empty configuration says so", function()
    local opts = { env = env_of(S.dir "home") }
    says("config list", { stdout = "No profiles configured.\n" }, opts)
    says("config list --json", { stdout = '{\n  "profiles": []\n}\n' }, opts)
    says("config get", { status = 1, stderr = "error: no profile configured\n" }, opts)
    says("me", { status = 1, stderr = "error: server URL is required (--server, MINITOWER_SERVER_URL, or config profile)\n" },
      opts)
    says("me --server http://127.0.0.1:1", { status = 1,
      stderr = "error: API token is required (--token, MINITOWER_API_TOKEN, or config profile)\n" }, opts)
    for _, args in ipairs { "config list", "teams list" } do
      S.equal(S.status(common.tool(args, opts), 0), S.json.array {}, common.tool(args, opts).envelope.data)
    end
  end)

  it("the line beats the environment, the environment beats the profile; default stands in for a lost current one", function()
    local home = home_with("gone", { default = { server = " " .. server.url .. "/ ", token = " mtk_default " },
      other = { server = server.url, token = "mtk_other" } })
    local function token_of(args, env)
      S.status(cli(args, { env = env_of(home, env) }), 0)
      return server.requests[#server.requests].headers.authorization
    end
    assert.equal("Bearer mtk_default", token_of "me")
    assert.equal("Bearer mtk_other", token_of "me --profile other")
    assert.equal("Bearer mtk_env", token_of("me", { MINITOWER_API_TOKEN = "mtk_env" }))
    assert.equal("Bearer mtk_line", token_of("me --token mtk_line", { MINITOWER_API_TOKEN = "mtk_env" }))
    assert.equal("Bearer mtk_line", token_of "--token=mtk_line me")
    local r = cli("me --server http://127.0.0.1:" .. stub.closed_port(),
      { env = env_of(home, { MINITOWER_SERVER_URL = server.url }) })
    S.truth(S.status(r, 1), r.stderr:find("cannot be reached", 1, true), "the line does not beat the environment")
  end)

  it("MINITOWER_CLI_CONFIG, then XDG_CONFIG_HOME, then the home directory hold the file; a broken one is left alone", function()
    local home, xdg, named = S.dir "home", S.dir "xdg", S.dir() .. "/deep/mine.json"
    local args = "config set --app hello"
    S.status(cli(args, { env = env_of(home, { MINITOWER_CLI_CONFIG = named, XDG_CONFIG_HOME = xdg }) }), 0)
    assert.equal("hello", common.config(named).profiles.default.app)
    S.status(cli(args, { env = env_of(home, { XDG_CONFIG_HOME = xdg }) }), 0)
    assert.equal("hello", common.config(xdg .. "/minitower-cli/config.json").profiles.default.app)
    assert.falsy(S.exists(home .. FILE))
    S.spit(named, "{ broken")
    local r = cli("me", { env = env_of(home, { MINITOWER_CLI_CONFIG = named }) })
    S.truth(S.status(r, 1), r.stderr:find("^error: .*line 1"), "no place")
    S.status(cli(args, { env = env_of(home, { MINITOWER_CLI_CONFIG = named }) }), 1)
    assert.equal("{ broken", S.slurp(named))
  end)

  it("two that write at once lose nothing", function()
    local home, jobs = S.dir "home", {}
    for i = 1, 8 do
      jobs[i] = { { "minitower", "config", "set", "--profile", "p" .. i, "--app", "app-" .. i }, { env = env_of(home) } }
    end
    for _, r in ipairs(S.tool_all(jobs, 4)) do S.status(r, 0) end
    for i = 1, 8 do assert.equal("app-" .. i, common.config(home .. FILE).profiles["p" .. i].app) end
  end)
end)
