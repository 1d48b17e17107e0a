-- `minitower-cli` as a program of its own: help, version, completion, flags anywhere.
local S = require "lib.spec"
local common = require "suites.minitower.common"
local cli = common.cli

local COMMANDS = { "login", "config set", "config get", "config list", "config use", "me", "apps list", "apps get",
  "apps create", "apps update", "apps delete", "apps logs", "apps cancel", "versions list", "versions get", "versions upload",
  "deploy", "runs create", "runs list", "runs get", "runs cancel", "runs retry", "runs watch", "runs logs", "tokens create",
  "tokens list", "tokens revoke", "runners list", "run", "teams list", "teams switch" }

S.req("MINITOWER-PROGRAM", "minitower-cli as a program", function()
  it("help, -h and --help show the commands on stdout; no command shows them on stderr and fails", function()
    local help = S.status(cli "--help", 0)
    for _, word in ipairs { "login", "me", "deploy", "run", "apps", "config", "runs", "tokens", "versions" } do
      S.truth(help, help.stdout:find("\n  " .. word .. " ", 1, true), word)
    end
    for _, args in ipairs { "help", "-h" } do
      local r = S.status(cli(args), 0)
      S.truth(r, r.stdout:find("\n  deploy ", 1, true) and r.stdout:find("\n  versions ", 1, true), args)
    end
    local r = cli ""
    S.truth(r, r.status == 1 and r.stdout == "" and r.stderr:find "^Usage: minitower%-cli ", "no usage")
  end)

  it("every command has help under its own name, and flags before and after its words", function()
    local jobs = {}
    for i, name in ipairs(COMMANDS) do
      local words = {}
      for word in name:gmatch("%S+") do words[#words + 1] = word end
      words[#words + 1] = "--help"
      jobs[i] = { words, { argv0 = "minitower-cli", shape = "none" } }
    end
    for i, r in ipairs(S.tool_all(jobs, 4)) do
      S.truth(S.status(r, 0), r.stdout:find("Usage: minitower-cli " .. COMMANDS[i], 1, true) == 1, COMMANDS[i])
    end
    for _, name in ipairs { "deploy", "runs watch", "runs" } do
      S.equal(S.status(cli(name .. " --help"), 0), cli(name .. " --help").stdout, cli("help " .. name).stdout)
      local r = S.tool("help minitower " .. name, { shape = "none" })
      S.truth(S.status(r, 0), (r.stdout .. r.stderr):find("Usage: tool minitower " .. name, 1, true), name)
    end
    local server = common.service()
    local want = S.status(cli("runs list --app hello --json", { env = server.env() }), 0).stdout
    for _, args in ipairs { "--json runs list --app hello", "runs --json list --app hello", "runs list --json --app=hello",
        "--app hello runs list -j" } do
      S.equal(S.status(cli(args, { env = server.env() }), 0), want, cli(args, { env = server.env() }).stdout, args)
    end
    server.close()
  end)

  it("--version is the program's; behind runs create it is the number of a version", function()
    S.truth(S.status(cli "--version", 0), cli("--version").stdout:find "^minitower%-cli %d+%.%d+%.%d+\n$", "the version")
    local server = common.service()
    for _, args in ipairs { "runs create --app hello --version 2", "runs create --version=2 --app hello",
        "runs create --version 2 --app hello" } do
      S.status(cli(args, { env = server.env() }), 0)
      assert.equal('{"version_no":2}', server.requests[#server.requests].body)
    end
    local n = #server.requests
    S.status(cli("runs create --app hello --version", { env = server.env() }), 0)
    S.status(cli("runs list --version 2", { env = server.env() }), 1)
    assert.equal(n, #server.requests)
    S.status(common.tool("runs create --app hello --version-no 2", { env = server.env() }), 0)
    n = #server.requests
    local r = common.tool("runs create --app hello --version 2", S.terminal { env = server.env() })
    S.truth(r, r.status == 0 and r.stdout:find "^tool %d+%.%d+%.%d+\r?\n$", "the tool's own version is not shown")
    assert.equal(n, #server.requests)
    server.close()
  end)

  it("an unknown command is one line with a suggestion, exit 1", function()
    for args, want in pairs {
      ["rns list"] = 'There is no command "rns"; did you mean `minitower-cli runs`?',
      ["apps lst"] = 'There is no command "lst"; did you mean `minitower-cli apps list`?',
      ["help apps lst"] = 'There is no command "lst"; did you mean `minitower-cli apps list`?',
      ["help zzz"] = 'There is no command "zzz"', ["zzz"] = 'There is no command "zzz"',
      ["runs list --sttus x"] = "There is no option --sttus; did you mean --status?",
    } do common.says(args, { status = 1, stderr = "error: " .. want .. "\n" }) end
  end)

  it("completion scripts name the commands", function()
    for _, shell in ipairs { "bash", "zsh", "fish" } do
      local r = S.status(cli("completion " .. shell), 0)
      for _, word in ipairs { "deploy", "watch", "status-only", "minitower-cli" } do
        S.truth(r, r.stdout:find(word, 1, true), word)
      end
    end
  end)

  it("a token on the line is in no output and no log", function()
    local server, home = common.service(), S.dir "home"
    local r = S.status(cli({ "me", "--token", "mtk_on-the-line-0123456789", "--debug" }, { env = server.env { HOME = home } }), 0)
    S.truth(r, not (r.stdout .. r.stderr):find("on-the-line", 1, true), "the token is shown")
    local log = S.slurp(home .. "/.local/share/tool/audit.jsonl") or ""
    S.truth(r, not log:find("on-the-line", 1, true), "the token is in the audit log")
    assert.equal("Bearer mtk_on-the-line-0123456789", server.requests[1].headers.authorization)
    server.close()
  end)
end)
