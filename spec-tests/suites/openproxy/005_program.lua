-- `openproxy` as a program: what its own project promises, the shapes that services really answer in, schemas, help,
-- completion, mistakes in the line.
local S = require "lib.spec"
local stub = require "lib.stub_server"
local common = require "suites.openproxy.common"
local openproxy, shows, refusal = common.openproxy, common.shows, common.refusal

local RESOURCES = { "provider", "provider-node", "combo", "key", "pool", "settings", "custom-model", "model-alias",
  "usage-event", "log-event", "chat-event", "quota", "oauth-status" }

S.req("OPENPROXY-PROGRAM", "what the project itself promises", function()
  -- Runs --robot ARGS against a service with one payload; gives the decoded answer.
  local function robot(args, route, payload)
    local server = stub.start(function(request)
      if request.path == "/api/health" then return { json = { ok = true } } end
      if request.method .. " " .. request.path == route then return { json = payload } end
      return { status = 404 }
    end)
    local r = openproxy("--robot " .. args, { env = { HOME = S.dir "home", OPENPROXY_URL = server.url, OPENPROXY_API_KEY = "k",
      DATA_DIR = S.dir "data" } })
    local posted = server.requests[#server.requests]
    server.close()
    local answer = S.truth(r, S.json.decode(r.stdout), "no JSON")
    return answer, r, posted
  end

  it("a success says ok and hands its payload on, whatever is in it", function()
    local function passes(args, route, payload, schema)
      local answer, r = robot(args, route, payload)
      S.status(r, 0)
      S.equal(r, { true, schema, payload }, { answer.ok, answer.schema, answer.data }, args)
      S.equal(r, { "schema", "ok", "data", "meta" }, S.json.key_order(answer), "members")
    end
    passes("usage summary", "GET /api/usage/summary", { total_requests = 12, total_cost = 1.5, new = { deep = S.json.array {} } },
      "openproxy.v1.usage.summary")
    passes("usage providers", "GET /api/usage/providers", { providers = S.json.array { { provider = "a", requests = 1 } } },
      "openproxy.v1.usage.providers")
    passes("logs stats", "GET /api/observability/stats", { logBufferLines = 4, levelCounts = { info = 4 } },
      "openproxy.v1.log.stats")
    passes("logs clear", "POST /api/observability/clear", { cleared = true }, "openproxy.v1.log.clear")
    passes("chat models", "GET /v1/models", { data = S.json.array { { id = "a" }, { id = "b" } } },
      "openproxy.v1.chat.models")
    passes("provider oauth status x", "GET /api/oauth/x/status", { provider = "x", status = "linked", expires_at = 5 },
      "openproxy.v1.oauth.status")
  end)

  it("quotas, a provider that is not there, a port that is closed", function()
    local answer, r = robot("quota list", "GET /api/usage/providers",
      { providers = S.json.array { { provider = "acme", requests = 1, tokens = 2, cost = 0.5 } } })
    S.equal(r, "acme", answer.data.quotas[1].provider)
    answer, r = robot("quota get X", "GET /api/usage/providers", { providers = S.json.array {} })
    S.equal(r, { false, "openproxy.v1.error", "not_found", 3 }, { answer.ok, answer.schema, answer.error.code, r.status })
    r = openproxy("--robot usage summary", { env = { OPENPROXY_URL = "http://127.0.0.1:" .. stub.closed_port() } })
    S.equal(r, "server_unreachable", S.json.decode(S.status(r, 6).stdout).error.code)
  end)

  it("logs clear posts nothing at all", function()
    local _, _, posted = robot("logs clear", "POST /api/observability/clear", { success = true })
    assert.equal("POST", posted.method)
    assert.equal("", posted.body)
    assert.is_nil(posted.headers["content-type"])
  end)
end)

S.req("OPENPROXY-PROGRAM", "shapes that services really answer in", function()
  local P = { providers = S.json.array { { id = "acme", name = "Acme node" }, { id = "beta", name = "beta" } } }
  local STATS = { totalRequests = 3,
    byProvider = { acme = { requests = 2, promptTokens = 90, completionTokens = 30, cost = 0.5 } } }
  local function run(args, routes)
    local server = common.service(routes)
    local r = S.status(openproxy(args, { env = common.env(server.url) }), 0)
    server.close()
    return r, server
  end

  it("providers without counters get those of the statistics", function()
    local routes = { ["GET /api/usage/providers"] = { json = P }, ["GET /api/usage/stats"] = { json = STATS } }
    local r, server = run("quota list", routes)
    shows(r, "acme                     requests=     2 tokens=     120 cost=$0.5000\n"
      .. "beta                     requests=     0 tokens=       0 cost=$0.0000\n")
    assert.equal("period=all", server.seen("GET /api/usage/stats")[1].query)
    shows(run("usage providers", routes), "acme\t2\nbeta\t0\n")
    shows(run("--robot quota get acme", routes), '{"schema":"openproxy.v1.quota.get","ok":true,"data":{"cost":0.5,"id":"acme",'
      .. '"name":"Acme node","provider":"acme","requests":2,"tokens":120},"meta":{}}\n')
    routes["GET /api/usage/stats"] = { status = 500 }
    shows(run("usage providers", routes), "acme\t0\nbeta\t0\n")
  end)

  it("totals, ids of requests, lines, limits", function()
    local flat = { json = { totalRequests = 3, totalPromptTokens = 120, totalCompletionTokens = 45, totalCost = 0.75 } }
    shows(run("usage stats", { ["GET /api/usage/stats"] = flat }),
      "Period:  7d\nRequests: 3\nTokens:   165\nCost:     $0.7500\n")
    local lifetime = { json = { totalRequests = 99, totalPromptTokens = 120, totalCompletionTokens = 45, totalCost = 0.75,
      byProvider = { acme = { requests = 2 }, beta = { requests = 1 } } } }
    shows(run("usage stats", { ["GET /api/usage/stats"] = lifetime }),
      "Period:  7d\nRequests: 3\nTokens:   165\nCost:     $0.7500\n")
    local nested = { json = { period = "today", totals = { requests = 1, tokens = 2, cost = 3 } } }
    shows(run("usage stats", { ["GET /api/usage/stats"] = nested }),
      "Period:  today\nRequests: 1\nTokens:   2\nCost:     $3.0000\n")
    local function details(request)
      local page = tonumber(request.query:match "page=(%d+)") or 1
      return { json = { details = S.json.array { { id = "r-" .. page, model = "m", provider = "p" } },
        pagination = { page = page, hasNext = page < 3 } } }
    end
    shows(run("usage request-logs r-3", { ["GET /api/usage/request-details"] = details }), "id=r-3 model=m provider=p\n")
    shows(run("--robot usage request-logs r-1", { ["GET /api/usage/request-details"] = details }),
      '{"schema":"openproxy.v1.usage.request_log","ok":true,"data":{"rows":[{"id":"r-1","model":"m","provider":"p"}]},"meta":{}}\n')
    local server = common.service { ["GET /api/usage/request-details"] = details }
    S.status(openproxy("usage request-logs r-9", { env = common.env(server.url) }), 3)
    assert.equal(4, #server.seen "GET /api/usage/request-details")
    server.close()
    local rows = {}
    for i = 1, 5 do rows[i] = { timestamp = ("2031-02-03T10:00:0%dZ"):format(i % 3), n = i } end
    shows(run("--robot usage history --limit 2", { ["GET /api/usage/history"] = { json = { history = S.json.array(rows) } } }),
      '{"schema":"openproxy.v1.usage.history","ok":true,"data":{"history":[{"n":2,"timestamp":"2031-02-03T10:00:02Z"},'
      .. '{"n":5,"timestamp":"2031-02-03T10:00:02Z"}]},"meta":{}}\n')
    local logs = { json = { logs = S.json.array { { model = "a" }, { model = "b" } } } }
    shows(run("usage logs --limit 1", { ["GET /api/usage/logs"] = logs }), "1 entries\n")
  end)

  it("logins", function()
    local function say(args, route, payload) return (run(args, { [route] = { json = payload } })) end
    shows(say("provider oauth start p", "GET /api/oauth/p/start", { verification_uri = "u-2" }),
      "Open this URL to authorize:\n  u-2\n")
    shows(say("provider oauth start p", "GET /api/oauth/p/start", { url = "u-1", verification_uri = "u-2" }),
      "Open this URL to authorize:\n  u-1\n")
    shows(say("provider oauth poll p", "POST /api/oauth/p/poll", { status = "denied" }), "status: denied\n")
    shows(say("provider oauth poll p", "POST /api/oauth/p/poll", { pending = true }), "status: pending\n")
    shows(say("provider oauth poll p", "POST /api/oauth/p/poll", {}), "status: ?\n")
    shows(say("provider oauth import-kiro --auto", "GET /api/oauth/kiro/auto-import", { count = 3 }),
      "Discovered 3 cache files\n")
    shows(say("provider oauth import-kiro --auto", "GET /api/oauth/kiro/auto-import", { found = false, error = "none" }),
      "Discovered 0 cache files\n")
    shows(say({ "provider", "oauth", "status", "a/b c" }, "GET /api/oauth/a%2Fb%20c/status", { x = 1 }), '{\n  "x": 1\n}\n')
  end)
end)

S.req("OPENPROXY-PROGRAM", "texts that are given in several ways", function()
  it("a prompt is text, a file, or stdin", function()
    local server = common.service()
    local env, dir = common.env(server.url), S.dir()
    S.spit(dir .. "/prompt.txt", "From a file\n\n")
    local function prompt(given, stdin)
      server.forget()
      local words = { "chat", "send", "--model", "m" }
      if given then table.move({ "--prompt", given }, 1, 2, 5, words) end
      S.status(openproxy(words, { env = env, stdin = stdin, cwd = dir }), 0)
      local body = S.json.decode(server.seen("POST /api/dashboard/chat/completions")[1].body)
      return body.messages[1].content
    end
    assert.equal("hello", prompt "hello")
    assert.equal("From a file", prompt "@prompt.txt")
    assert.equal("From a file", prompt "prompt.txt")
    assert.equal("From a file", prompt("@" .. dir .. "/prompt.txt"))
    assert.equal("  piped\nin", prompt("-", "  piped\nin \n"))
    assert.equal("piped", prompt(nil, "piped"))
    local r = openproxy("--robot chat send --model m --prompt @missing", { env = env, cwd = dir })
    S.truth(S.status(r, 1), r.stdout:find('"code":"other","message":"', 1, true) and r.stdout:find("missing", 1, true), "no reason")
    server.close()
  end)

  it("secrets of a login too, on the line only in this program", function()
    local server = common.service()
    local env, dir = common.env(server.url), S.dir()
    S.spit(dir .. "/cookie", "BXAuth=of-a-file\n")
    local function sent(words, route, stdin)
      server.forget()
      local r = S.status(openproxy(words, { env = env, stdin = stdin, cwd = dir }), 0)
      S.truth(r, not (r.stdout .. r.stderr):find("of%-a%-file"), "shown")
      return S.json.decode(server.seen(route)[1].body)
    end
    local IFLOW, GITLAB = "POST /api/oauth/iflow/cookie", "POST /api/oauth/gitlab/pat"
    assert.equal("BXAuth=x", sent("provider oauth iflow-cookie --cookie BXAuth=x", IFLOW).cookie)
    assert.equal("BXAuth=of-a-file", sent("provider oauth iflow-cookie --cookie @cookie", IFLOW).cookie)
    assert.equal("BXAuth=of-a-file", sent("provider oauth iflow-cookie --cookie cookie", IFLOW).cookie)
    assert.equal("piped", sent("provider oauth iflow-cookie --cookie -", IFLOW, " piped\n").cookie)
    assert.equal("glpat-1", sent("provider oauth gitlab-pat --token glpat-1", GITLAB).token)
    assert.equal("rt-1", sent("provider oauth refresh claude --refresh-token rt-1", "POST /api/oauth/claude/refresh").refresh_token)
    S.failed(common.tool("provider oauth gitlab-pat --token glpat-1", { env = env }), 2, "SECRET_ON_COMMAND_LINE")
    env.MY_PAT = "glpat-of-a-variable"
    server.forget()
    S.status(common.tool("provider oauth gitlab-pat --token-from-env MY_PAT", { env = env }), 0)
    assert.equal("glpat-of-a-variable", S.json.decode(server.seen(GITLAB)[1].body).token)
    for _, name in ipairs { "iflow-cookie", "gitlab-pat" } do
      local r = openproxy("--robot provider oauth " .. name, { env = env, stdin = " \n" })
      S.status(r, 2)
      S.failed(common.tool("provider oauth " .. name, { env = env, stdin = "" }), 2, "INPUT_MISSING")
    end
    local r = openproxy("--robot provider oauth import-kiro", { env = env, stdin = "no json" })
    S.truth(S.status(r, 1), r.stdout:find('"code":"other","message":"The input is not JSON', 1, true), "no reason")
    server.close()
  end)

  it("a reset is confirmed with --yes by people, not by programs", function()
    local server = common.service()
    local env = common.env(server.url)
    shows(openproxy("quota reset", { env = env }),
      "Reset will clear the in-memory usage history. Pass --yes to confirm.\n")
    shows(openproxy("-q quota reset", { env = env }), "")
    assert.equal(0, #server.seen "POST /api/observability/clear")
    S.status(openproxy("quota reset", S.terminal { env = env, shape = "none" }), 0)
    shows(openproxy("--robot quota reset", { env = env }), '{"schema":"openproxy.v1.quota.reset","ok":true,"data":'
      .. '{"cleared":"usage history (process memory)","ok":true},"meta":{}}\n')
    assert.equal(1, #server.seen "POST /api/observability/clear")
    S.failed(common.tool("quota reset", { env = env }), 2, "CONFIRMATION_REQUIRED")
    S.failed(common.tool("logs clear", { env = env }), 2, "CONFIRMATION_REQUIRED")
    server.close()
  end)
end)

S.req("OPENPROXY-PROGRAM", "schemas", function()
  local function data(args)
    local answer = S.json.decode(S.status(openproxy("--robot schema " .. args), 0).stdout)
    return answer.data, answer.schema
  end

  it("every listed resource has a schema and an example that fits it, without a service", function()
    local list, name = data "list"
    assert.equal("openproxy.v1.schema.list", name)
    S.equal({ argv = {}, stdout = "", stderr = "" }, RESOURCES, list.resources)
    for _, resource in ipairs(RESOURCES) do
      local schema, of = data("show " .. resource)
      assert.equal("openproxy.v1.schema." .. resource:gsub("-", "_"), of)
      assert.equal("http://json-schema.org/draft-07/schema#", schema["$schema"])
      assert.equal("object", schema.type)
      assert.truthy(schema.title:find "^%u%a+$")
      local example, its = data("example " .. resource)
      assert.equal("openproxy.v1.example." .. resource:gsub("-", "_"), its)
      local problems = S.schema.validate(schema, example)
      assert.equal(0, #problems, resource .. ": " .. table.concat(problems, "; "))
      S.status(common.tool("schema show " .. resource), 0)
      S.status(common.tool("schema example " .. resource), 0)
    end
  end)

  it("one that there is not; what is promised of them", function()
    for _, word in ipairs { "show", "example" } do
      shows(openproxy("--robot schema " .. word .. " nothing"),
        refusal("not_found", "unknown resource 'nothing'. Try: openproxy schema list"), "", 3)
      S.failed(common.tool("schema " .. word .. " nothing"), 5, "NOT_FOUND")
      S.truth(S.status(openproxy("-q schema " .. word .. " quota"), 0), true, "")
    end
    local stability = data "stability"
    assert.equal("stable", stability.stability)
    assert.truthy(stability.policy:find("openproxy.v2", 1, true))
    shows(openproxy "schema list",
      "Available resource schemas (openproxy.v1, stable):\n  " .. table.concat(RESOURCES, "\n  ") .. "\n")
    for _, args in ipairs { "schema list", "schema stability" } do S.status(common.tool(args), 0) end
    shows(openproxy "-q schema list", "")
  end)
end)

S.req("OPENPROXY-PROGRAM", "help, version, completion, mistakes", function()
  it("help and version are text on stdout", function()
    for name in pairs(common.COMMANDS) do
      for _, flag in ipairs { "--help", "-h" } do
        local r = S.status(openproxy(name .. " " .. flag), 0)
        S.truth(r, r.stdout:find("Usage: openproxy " .. name, 1, true) == 1 and r.stdout:find("--robot", 1, true), name)
        S.truth(r, r.stderr == "", "stderr")
      end
    end
    for _, args in ipairs { "--help", "usage --help", "--robot provider oauth --help" } do
      local r = S.status(openproxy(args), 0)
      for _, flag in ipairs { "--robot", "-q, --quiet", "--api-key <secret>", "--url <url>", "--data-dir" } do
        S.truth(r, r.stdout:find(flag, 1, true), flag)
      end
    end
    S.truth(openproxy "--version", openproxy("--version").stdout:find "^openproxy %d+%.%d+%.%d+\n$", "the version")
  end)

  it("mistakes in the line are the parser's: text on stderr, 2, no envelope", function()
    for args, text in pairs {
      ["usage summary --nope"] = "error: There is no option --nope.", ["usage chart --period"] = "error: --period needs a value.",
      ["usage request-logs"] = "error: --id is required", ["chat send"] = "error: --model is required",
      ["usage history --limit many"] = "error: --limit must be a whole number",
      ["usage sumary"] = 'error: There is no command "sumary"', ["provider oauth"] = "error: A command is missing.",
      ["usage"] = "error: A command is missing.\n\nUsage: openproxy usage <command>",
      [""] = "error: A command is missing.\n\nUsage: openproxy <command>",
      ["--color blue usage summary"] = "error: --color must be one of",
    } do
      for _, robot in ipairs { "", "--robot " } do
        local r = S.status(openproxy(robot .. args), 2)
        S.truth(r, r.stdout == "" and r.stderr:find(text, 1, true) == 1, args)
      end
    end
    shows(openproxy "-q usage summary --nope", "", openproxy("usage summary --nope").stderr, 2)
  end)

  it("takes the server's flags along, and any number of -v", function()
    shows(openproxy "--host 0.0.0.0 --port 1 --log-filter debug --web-dir w --no-open -vv --robot schema stability",
      openproxy("--robot schema stability").stdout)
  end)

  it("completion scripts name every command and the program's flags", function()
    for _, shell in ipairs { "bash", "zsh", "fish" } do
      local r = S.status(openproxy("completion " .. shell), 0)
      for name in pairs(common.COMMANDS) do S.truth(r, r.stdout:find(name:match "%S+$", 1, true), name) end
      for _, flag in ipairs { "robot", "api-key", "profile", "period" } do S.truth(r, r.stdout:find(flag, 1, true), flag) end
    end
  end)
end)
