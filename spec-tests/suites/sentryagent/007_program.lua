-- `sentryagent` as a program of its own: help, version, completion, what it shares with `tool sentryagent`.
local S = require "lib.spec"
local uv = require "luv"
local common = require "suites.sentryagent.common"
local run = common.sentryagent

local COMMANDS = { "configure", "issue-token", "list-agents", "register-agent", "rotate-credentials", "tail-audit-log" }

local function plain(r) return (r.stdout:gsub("\27%[[%d;]*m", ""):gsub("\r", "")) end

-- A shell's word on a script: its syntax is right.
local function check_script(shell, args, script)
  local path = S.spit(S.dir() .. "/script", script)
  local r = S.run({ shell, table.unpack(args), path }, {})
  assert.equal(0, r.status, r.stderr)
end

S.req("SENTRYAGENT-PROGRAM", "sentryagent as a program", function()
  it("--help names every command with its sentence, and the global flags", function()
    local r = S.status(run("--help", S.terminal()), 0)
    local text = plain(r)
    for _, name in ipairs(COMMANDS) do S.truth(r, text:find("\n%s+" .. name:gsub("%-", "%%-") .. "%s+%u"), name) end
    for _, flag in ipairs { "--output", "--timeout", "--help", "--version" } do
      S.truth(r, text:find(flag, 1, true), flag)
    end
    S.truth(r, text:find("sentryagent ", 1, true), "its own name")
    S.truth(r, not text:find("tool sentryagent", 1, true), "called by another name")
  end)

  it("help of each command shows its usage under its own name", function()
    for _, name in ipairs(COMMANDS) do
      for _, args in ipairs { name .. " --help", name .. " -h" } do
        local r = S.status(run(args, S.terminal()), 0)
        S.truth(r, plain(r):find("Usage: sentryagent " .. name, 1, true) == 1, "usage of " .. name)
      end
    end
  end)

  it("in a pipe, help is an envelope", function()
    for _, name in ipairs(COMMANDS) do S.status(run(name .. " --help"), 0) end
    S.status(run "--help", 0)
  end)

  it("--version is the package's version", function()
    local r = S.status(run "--version", 0)
    local t = S.status(S.tool "--version", 0)
    S.truth(r, r.stdout:find "^sentryagent %d+%.%d+%.%d+\n$", "the version")
    S.equal(r, t.stdout:match "%S+\n$", r.stdout:match "%S+\n$", "the version")
  end)

  it("no command shows what there is; an unknown one says so with exit 2", function()
    local r = run("", S.terminal())
    S.truth(r, (r.stdout .. r.stderr):find("list-agents", 1, true), "no list of commands")
    r = run "lst-agents"
    local e = S.failed(r, 2, r.envelope.error.code)
    S.truth(r, S.json.encode(e):find("list-agents", 1, true), "no suggestion")
  end)

  it("completion scripts for bash, zsh and fish name every command and its flags", function()
    for _, shell in ipairs { "bash", "zsh", "fish" } do
      local r = S.status(run("completion " .. shell, { shape = "none" }), 0)
      for _, name in ipairs(COMMANDS) do S.truth(r, r.stdout:find(name, 1, true), name) end
      S.truth(r, r.stdout:find("agent-id", 1, true), "--agent-id")
      S.truth(r, r.stdout:find("sentryagent", 1, true), "the program")
      local wrapped = S.status(run("completion " .. shell .. " --output json"), 0)
      S.equal(wrapped, { "sentryagent", shell }, { wrapped.envelope.data.program, wrapped.envelope.data.shell }, "data")
      if uv.fs_stat("/bin/" .. shell) or uv.fs_stat("/usr/bin/" .. shell) then check_script(shell, { "-n" }, r.stdout) end
    end
  end)

  it("bash completes commands and flags", function()
    local script = S.status(run("completion bash", { shape = "none" }), 0).stdout
    local path = S.spit(S.dir() .. "/completion", script)
    local function complete(...)
      local words = { ... }
      for i, word in ipairs(words) do words[i] = "'" .. word .. "'" end
      local program = ([[source %s; COMP_WORDS=(%s); COMP_CWORD=%d; COMP_LINE="${COMP_WORDS[*]}"; COMP_POINT=${#COMP_LINE}
        f=$(complete -p sentryagent | sed 's/.*-F \([^ ]*\).*/\1/'); $f sentryagent "${COMP_WORDS[COMP_CWORD]}" \
        "${COMP_WORDS[COMP_CWORD-1]}"; printf '%%s\n' "${COMPREPLY[@]}"]]):format(path, table.concat(words, " "), #words - 1)
      local r = S.run({ "bash", "-c", program }, {})
      return "\n" .. r.stdout:gsub(" +\n", "\n")
    end
    assert.truthy(complete("sentryagent", "rot"):find("\nrotate-credentials\n", 1, true))
    assert.truthy(complete("sentryagent", "issue-token", "--agent"):find("\n--agent-id\n", 1, true))
  end)

  it("answers as `tool sentryagent` does, but for what differs on purpose", function()
    local service = common.service { ["GET /agents"] = common.agents { common.AGENT } }
    local env = service.env()
    local a, b = run("list-agents", { env = env }), common.tool("list-agents", { env = env })
    assert.equal(S.raw(a, "data"), S.raw(b, "data"))
    assert.equal("sentryagent.list-agents", a.envelope.meta.command)
    assert.equal("sentryagent.list-agents", b.envelope.meta.command)
    service.close()
  end)

  it("every problem of a command line is told at once, before anything is sent", function()
    local service = common.service {}
    local r = run("rotate-credentials --agent-id a/b --bogus --limit 3", { env = service.env() })
    S.failed(r, 2, "ARG_ERROR")
    assert.is_true(#r.envelope.error.errors >= 2)
    assert.equal(0, #service.requests)
    service.close()
  end)

  it("--validate-only sends nothing", function()
    local service = common.service {}
    for _, args in ipairs { "list-agents", "register-agent --name x", "issue-token --agent-id a" } do
      S.status(run(args .. " --validate-only", { env = service.env() }), 0)
    end
    assert.equal(0, #service.requests)
    service.close()
  end)

  it("every example of the help is a command line that is understood", function()
    for _, name in ipairs(COMMANDS) do
      local contract = S.contract("sentryagent " .. name)
      for _, example in ipairs(contract.examples) do
        local words = {}
        for word in example.command:gsub("'[^']*'", function(s) return (s:gsub(" ", "\1")) end):gmatch "%S+" do
          words[#words + 1] = (word:gsub("^'(.*)'$", "%1"):gsub("\1", " "))
        end
        local program = table.remove(words, 1)
        assert.equal("sentryagent", program)
        words[#words + 1] = "--validate-only"
        S.status(run(words, { env = common.env("http://127.0.0.1:9", { ACME_SECRET = "x" }), shape = "none" }), 0)
      end
    end
  end)
end)

S.req("SENTRYAGENT-SECRETS", "the client secret shows nowhere", function()
  it("in no output, log or file but the configuration, whatever happens", function()
    local REPLIES = { common.agents {}, { status = 401, json = { error = "invalid_client" } }, { status = 500, body = "no" },
      { reset = true }, { body = "{" } }
    for _, reply in ipairs(REPLIES) do
      local service = common.service { ["*"] = reply, ["POST /oauth2/token"] = reply.status and reply or nil }
      for _, args in ipairs { "list-agents --debug", "issue-token --agent-id a --debug --unmask",
        "rotate-credentials --agent-id a --yes --debug", "list-agents --show-config", "list-agents --trace",
        "register-agent --name x --verbose", "list-agents --schema" } do
        local env = service.env()
        local r = common.sentryagent(args, { env = env, shape = "none" })
        for _, name in ipairs(S.tree(env.HOME)) do
          if not name:find "/$" then
            local text = S.slurp(env.HOME .. "/" .. name)
            common.nowhere({ stdout = text, stderr = "", args = { args, name }, status = r.status }, common.SECRET)
          end
        end
      end
      service.close()
    end
  end)

  it("also when the service repeats it", function()
    local echo = { status = 400, json = { code = "ECHO", message = "You said " .. common.SECRET .. "." } }
    local service = common.service { ["*"] = echo }
    for _, args in ipairs { "list-agents", "register-agent --name x", "tail-audit-log --no-stream" } do
      common.sentryagent(args, { env = service.env() })
    end
    service.close()
  end)

  it("also in the environment of nobody: no child is started with it", function()
    local service = common.service { ["GET /agents"] = common.agents {} }
    local r, trace = S.strace({ "sentryagent", "list-agents" }, "execve", { env = service.env() })
    S.status(r, 0)
    S.truth(r, #trace == 1, "another program was started")
    service.close()
  end)

  it("the command line that is logged has no secret either", function()
    local r = common.sentryagent({ "configure", "--client-secret=" .. common.SECRET, "--debug" },
      { env = { HOME = S.dir "home" } })
    S.status(r, 2)
  end)
end)
