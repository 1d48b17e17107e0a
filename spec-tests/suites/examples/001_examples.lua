-- Every example that the manifest, the help and AGENTS.md print is run as it is printed, by a shell in a prepared home.
local S = require "lib.spec"
local plugins = require "lib.plugins"
local common = require "suites.sentryagent.common"
local emulator = require "lib.emulator"
local tar = require "lib.tar"

local ENV = { TOOL_COMMANDS_PATH = false }

-- What the proxy's examples name and its emulator has under other names: a pattern and what takes its place.
local stand_in = { ["%-%-device%-code %S+"] = "--device-code demo-now" }

-- Commands that end only when they are stopped, with their status at Ctrl+C, and those whose example names something that
-- a machine cannot have. The signal comes from the helper, once: coreutils' timeout adds SIGCONT, which takes the SIGSTOP
-- of a leak checker that looks at an ending process, and both wait for ever.
local ENDLESS = { ["emulator.start"] = 130, ["sentryagent.tail-audit-log"] = 0, ["openproxy.usage.stream"] = 130,
  ["tool openproxy logs tail --follow --limit 0 --reconnects 1000"] = 130 }
local OTHER_STATUS = { ["job.status"] = 5, ["job.cancel"] = 5 }
local NEEDS_TERMINAL = { ["sentryagent configure"] = 4 }        -- asks, and nobody is there

local COMMAND = [[return { about = "Mine", danger = "safe", scopes = {}, returns = { a = "string" },
  exits = { SUCCESS = "Done" }, run = function() return { a = "b" } end }]]

-- What an orchestrator's examples deploy and upload.
local TOWERFILE, SCRIPT = '[app]\nname = "hello"\nscript = "main.sh"\n', "echo hello\n"

-- Everything that examples speak of: an agent, an emulator, a proxy, an orchestrator, files.
local emulated, agent, served, tower

local function prepare()
  emulated = common.emulated()
  local r = S.status(S.tool({ "sentryagent", "register-agent", "--name", "one", "--output", "id" }, { env = emulated.env }), 0)
  agent = r.stdout:match("%S+")
  served = emulator.start("--ephemeral --port 0 --seed", { service = "openproxy" })
  served.env = { OPENPROXY_URL = served.url, OPENPROXY_API_KEY = served.row.api_key }
  local details = served.request("GET", "/api/usage/request-details?pageSize=1",
    { headers = { ["x-api-key"] = served.row.api_key } }).json.details
  stand_in["usage request%-logs %S+"] = "usage request-logs " .. details[1].id
  S.status(S.tool({ "openproxy", "provider", "oauth", "poll", "claude", "--device-code", "demo-now" }, { env = served.env }), 0)
  tower = emulator.start("--ephemeral --port 0 --seed", { service = "minitower" })
end

-- The profile and the files of the orchestrator's examples.
local function prepare_tower(env, dir)
  env.MINITOWER_SERVER_URL, env.MINITOWER_API_TOKEN = tower.url, tower.row.token
  plugins.write(env.HOME, { [".config/minitower-cli/config.json"] = '{"profiles":{"default":{"app":"hello"}}}' })
  S.spit(dir .. "/Towerfile", TOWERFILE)
  S.spit(dir .. "/main.sh", SCRIPT)
  S.spit(dir .. "/hello.tar.gz", tar.gzip(tar.archive({ name = "Towerfile", data = TOWERFILE },
    { name = "main.sh", data = SCRIPT })))
end

-- The environment of a shell that finds the tool and its personas.
local function shell_environment(text)
  local bin = S.paths.tool:match("^(.*)/[^/]*$")
  local env = { PATH = bin .. ":/usr/local/bin:/usr/bin:/bin", HOME = S.dir "home", TMPDIR = S.home() .. "/tmp" }
  for name in pairs { SENTRYAGENT_API_URL = 1, SENTRYAGENT_CLIENT_ID = 1, SENTRYAGENT_CLIENT_SECRET = 1 } do
    env[name] = emulated.env[name]
  end
  for name, value in pairs(served.env) do env[name] = value end
  for name in text:gmatch("%-from%-env[ =]([%u_]+)") do
    env[name] = text:find("minitower", 1, true) and tower.row.password or emulated.client_secret
  end
  return env
end

-- The plugin that the examples speak of: a folder and signed archives; installed, in two versions, where they need one.
local function prepare_plugins(dir, env, path)
  S.run { "cp", "-r", S.paths.root .. "/fixtures/plugins/signed/.", dir }
  S.run { "tar", "-C", dir, "-xzf", dir .. "/parcel-1.0.0.tar.gz" }
  if path == "plugin.install" then return end
  for _, words in ipairs { "install parcel-1.0.0.tar.gz", "update parcel --source parcel-1.1.0.tar.gz" } do
    assert.equal(0, S.run({ "sh", "-c", "tool plugin " .. words }, { clear_env = true, env = env, cwd = dir }).status)
  end
end

local function run(path, text)
  local env = shell_environment(text)
  local dir = S.dir "work"
  S.spit(dir .. "/my-command.lua", COMMAND)
  plugins.write(dir, { [".tool/commands/mine.lua"] = COMMAND })
  if path:find("^plugin%.") then prepare_plugins(dir, env, path) end
  S.spit(dir .. "/answers.json", '[{"answer":"yes"}]')
  S.spit(dir .. "/.tool-config", '{"default_timeout_ms":5000,"region":"eu"}')
  prepare_tower(env, dir)
  -- what an example cannot know: the id that the service gave, and where another service is
  local line = text:gsub("agt_%w+", agent):gsub("(%-%-agent%-id) %S+", "%1 " .. agent)
  line = line:gsub("%-%-server http://%S+ %-%-team %S+", "--server " .. tower.url .. " --team " .. tower.row.team)
  for pattern, text_there in pairs(stand_in) do line = line:gsub(pattern, (text_there:gsub("%%", "%%%%"))) end
  local endless = ENDLESS[path] or ENDLESS[text]
  local r = S.run({ "sh", "-c", endless and "exec " .. line or line }, { clear_env = true, env = env, cwd = dir, timeout = 60,
    signals = endless and { { "INT", after_ms = 2000 } } })
  local want = endless or OTHER_STATUS[path] or NEEDS_TERMINAL[text] or 0
  assert.equal(want, r.status, line .. "\n" .. r.stdout .. r.stderr)
end

S.req("REQ-O-041", "tool manifest built-in command: the examples", function()
  setup(prepare)
  teardown(function()
    emulated.stop()
    served.stop()
    tower.stop()
  end)

  for path, entry in pairs(S.status(S.tool({ "manifest" }, { env = ENV }), 0).envelope.data.commands) do
    if entry.output_schema then
      it("every example of " .. path .. " works as printed", function()
        for _, example in ipairs(entry.examples or {}) do run(path, example.command) end
      end)
    end
  end

  it("the examples of AGENTS.md work as printed", function()
    local text, count = S.slurp(S.paths.root .. "/../AGENTS.md"):match("\n## Examples\n\n```sh\n(.-)```"), 0
    for line in text:gmatch("[^\n]+") do
      if line:sub(1, 1) ~= "#" then
        run("agents.md", line)
        count = count + 1
      end
    end
    assert.truthy(count >= 5)
  end)

  it("the examples of the help are those of the manifest; those of the root help work", function()
    local r = S.status(S.tool({ "--help" }, { env = ENV }), 0)
    for line in r.stderr:match("\nEXAMPLES\n(.-)\n\n"):gmatch("%$ ([^\n]+)") do run("root", line) end
    for path, entry in pairs(S.tool({ "manifest" }, { env = ENV }).envelope.data.commands) do
      local words = {}
      for word in path:gmatch("[^.]+") do words[#words + 1] = word end
      words[#words + 1] = "--help"
      local text = entry.examples and S.tool(words, { env = ENV }).stderr or ""
      for _, example in ipairs(entry.examples or {}) do
        assert.truthy(text:find(example.command, 1, true), path .. ": " .. example.command)
      end
    end
  end)
end)
