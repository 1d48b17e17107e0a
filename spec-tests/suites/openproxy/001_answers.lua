-- Every command of openproxy: its request, its envelope with --robot, its lines for people, and its data as part of the
-- tool.
local S = require "lib.spec"
local common = require "suites.openproxy.common"
local openproxy, shows = common.openproxy, common.shows

local P = common.PAYLOADS

-- What the tool itself makes of a payload: trust tags beside it, a list in a table of its own, and what a change adds.
local function tagged(data, effect)
  local out = { _source = "external", _trusted = false, effect = effect }
  if S.json.is_array and S.json.is_array(data) or #data > 0 then
    out.items = data
    return out
  end
  for name, value in pairs(data) do out[name] = value end
  return out
end

local PRICES = '{\n  "acme": {\n    "m-1": {\n      "input": 0.5\n    }\n  }\n}\n'

-- args; route of the request and its query or body; schema; robot: data of the envelope (text; nil: the payload as it
-- is); human: lines; effect and data: what `tool openproxy` has instead; confirm; stdin.
local CASES = {
  { "usage summary", "GET /api/usage/summary", human = "Total requests: 3\nPrompt tokens:  120\nCompletion:     45\n"
    .. "Total cost:     $0.7500\n" },
  { "usage daily", "GET /api/usage/daily", human = "2 days\n" },
  { "usage chart", "GET /api/usage/chart", query = "period=7d", human = "2 buckets\n" },
  { "usage chart --period 24h", "GET /api/usage/chart", query = "period=24h", human = "2 buckets\n" },
  { { "usage", "chart", "--period", "1 d" }, "GET /api/usage/chart", query = "period=1%20d", human = "2 buckets\n" },
  { "usage history", "GET /api/usage/history", query = "", human = "1 history rows\n" },
  { "usage history --limit 5", "GET /api/usage/history", query = "limit=5", human = "1 history rows\n" },
  { "usage stats", "GET /api/usage/stats", query = "period=7d", masked = true,
    human = "Period:  7d\nRequests: 3\nTokens:   165\nCost:     $0.7500\n" },
  { "usage stats --period all", "GET /api/usage/stats", query = "period=all", masked = true,
    human = "Period:  all\nRequests: 3\nTokens:   165\nCost:     $0.7500\n" },
  { "usage providers", "GET /api/usage/providers", human = "acme\t2\nbeta\t1\n" },
  { "usage logs", "GET /api/usage/logs", query = "", human = "2 entries\n" },
  { { "usage", "logs", "--provider", "acme", "--model", "m 1", "--limit", "9" }, "GET /api/usage/logs",
    query = "limit=9&model=m+1&provider=acme", human = "0 entries\n", robot = "[]", data = S.json.array {} },
  { "usage logs --provider beta", "GET /api/usage/logs", human = "1 entries\n",
    robot = '["03-02-2031 10:00:01 | m-2 | BETA | main | 30 | 15 | ok"]',
    data = S.json.array { "03-02-2031 10:00:01 | m-2 | BETA | main | 30 | 15 | ok" } },
  { "usage request-logs r-1", "GET /api/usage/request-details", query = "id=r-1", schema = "usage.request_log",
    human = "id=r-1 model=m-1 provider=acme\n" },
  { "usage pricing", "GET /api/usage/pricing", human = PRICES },
  { "logs export", "GET /api/observability/logs", schema = "log.export", effect = "noop",
    human = "INFO listening on 4623\nWARN slow provider\nERROR no key\n" },
  { "logs clear", "POST /api/observability/clear", schema = "log.clear", human = "Cleared log buffer.\n", body = "",
    effect = "deleted", confirm = true },
  { "logs stats", "GET /api/observability/stats", schema = "log.stats",
    human = "Buffered lines: 3\nTotal requests (lifetime): 7\n" },
  { "quota list", "GET /api/usage/providers", robot = '{"quotas":[{"cost":0.5,"id":"acme","provider":"acme","requests":2,'
    .. '"tokens":120},{"cost":0.25,"id":"beta","provider":"beta","requests":1,"tokens":45}]}',
    data = { quotas = P["GET /api/usage/providers"].providers },
    human = "acme                     requests=     2 tokens=     120 cost=$0.5000\n"
      .. "beta                     requests=     1 tokens=      45 cost=$0.2500\n" },
  { "quota get beta", "GET /api/usage/providers", data = P["GET /api/usage/providers"].providers[2],
    robot = '{"cost":0.25,"id":"beta","provider":"beta","requests":1,"tokens":45}',
    human = '{\n  "cost": 0.25,\n  "id": "beta",\n  "provider": "beta",\n  "requests": 1,\n  "tokens": 45\n}\n' },
  { "quota reset --yes", "POST /api/observability/clear", body = '{"action":"reset","confirm":true}', confirm = true,
    robot = '{"cleared":"usage history (process memory)","ok":true}', human = "Cleared usage history in memory.\n",
    data = { cleared = "log buffer", message = "Logs cleared" }, effect = "deleted" },
  { "quota refresh", "GET /api/usage/providers", robot = '{"quotas":[{"cost":0.5,"id":"acme","provider":"acme","requests":2,'
    .. '"tokens":120},{"cost":0.25,"id":"beta","provider":"beta","requests":1,"tokens":45}],"refreshed":2}',
    data = { quotas = P["GET /api/usage/providers"].providers, refreshed = 2 }, human = "Refreshed 2 provider rows.\n" },
  { "chat models", "GET /v1/models", human = "2 models\n  acme/m-1\n  beta/m-2\n" },
  { "chat tags", "GET /api/tags", human = '{\n  "tags": [\n    {\n      "name": "m-1:latest",\n      "size": 1\n    }\n  ]\n}\n' },
  { { "chat", "send", "--model", "m-1", "--prompt", "Name a colour  \n", "--system", "Be short" }, schema = "chat.response",
    "POST /api/dashboard/chat/completions", human = "Blue\n", effect = "created",
    body = '{"messages":[{"content":"Be short","role":"system"},{"content":"Name a colour","role":"user"}],"model":"m-1",'
      .. '"stream":false}' },
  { "chat send --model m-1", "POST /api/dashboard/chat/completions", stdin = "From\nstdin\n\n", human = "Blue\n",
    schema = "chat.response", effect = "created",
    body = '{"messages":[{"content":"From\\nstdin","role":"user"}],"model":"m-1","stream":false}' },
  { "provider oauth start claude", "GET /api/oauth/claude/start", query = "",
    human = "Open this URL to authorize:\n  https://login.example.com/authorize?state=s-1\n" },
  { "provider oauth start claude --redirect-uri http://localhost:1/a?b", "GET /api/oauth/claude/start",
    query = "redirect_uri=http%3A%2F%2Flocalhost%3A1%2Fa%3Fb",
    human = "Open this URL to authorize:\n  https://login.example.com/authorize?state=s-1\n" },
  { "provider oauth poll github", "POST /api/oauth/github/poll", body = '{"device_code":null}', human = "status: success\n",
    effect = "updated" },
  { "provider oauth poll github --device-code d-1", "POST /api/oauth/github/poll", body = '{"device_code":"d-1"}',
    human = "status: success\n", effect = "updated" },
  { "provider oauth status claude", "GET /api/oauth/claude/status",
    human = '{\n  "auth_type": "oauth",\n  "connected": false,\n  "expires_at": null,\n  "provider": "claude"\n}\n' },
  { "provider oauth refresh claude", "POST /api/oauth/claude/refresh", body = '{"refresh_token":null}',
    human = "refresh: ok\n", effect = "updated", masked = true },
  { "provider oauth import-kiro", "POST /api/oauth/kiro/import", stdin = ' {"refreshToken":"aorAAAAAG-1"}\n',
    body = '{"refreshToken":"aorAAAAAG-1"}', human = "Imported Kiro identity.\n", effect = "updated" },
  { "provider oauth import-kiro --auto", "GET /api/oauth/kiro/auto-import", human = "Discovered 1 cache files\n",
    effect = "noop" },
  { "provider oauth iflow-cookie", "POST /api/oauth/iflow/cookie", stdin = "BXAuth=c-1\n", body = '{"cookie":"BXAuth=c-1"}',
    human = "Imported iFlow cookie.\n", effect = "updated" },
  { "provider oauth gitlab-pat", "POST /api/oauth/gitlab/pat", stdin = "glpat-t-1", body = '{"token":"glpat-t-1"}',
    human = "Imported GitLab PAT.\n", effect = "updated" },
}

local function schema_of(words)
  local name = table.concat(words, ".", 1, words[1] == "provider" and 3 or 2)
  return (name:gsub("^provider%.", ""):gsub("-", "_"))
end

-- Payloads have their keys in order, so that their text is known.
local function text_of(case)
  if case.robot then return case.robot end
  local text = S.json.encode(P[case[2]])
  if case.masked then
    text = text:gsub('"apiKey":"[^"]*"', '"apiKey":"[KEY: dev-key-...]"'):gsub('"access_token":"[^"]*"',
      '"access_token":"[KEY: at-0...]"')
  end
  return text
end

local function plain_name(case)
  return type(case[1]) == "table" and table.concat(case[1], " ") or case[1]
end

S.req("OPENPROXY-ANSWERS", "each command of openproxy", function()
  local server, env
  setup(function()
    server = common.service()
    env = common.env(server.url)
  end)
  teardown(function() server.close() end)

  local function request_of(case)
    local seen = server.seen(case[2])
    assert.equal(1, #seen, case[2])
    local health = server.seen("GET /api/health")
    assert.equal(1, #health, "health")
    assert.is_nil(health[1].headers["x-api-key"] or health[1].headers.authorization)
    local request = seen[1]
    S.equal(case, { common.KEY, "Bearer " .. common.KEY, "application/json" },
      { request.headers["x-api-key"], request.headers.authorization, request.headers.accept }, "header fields")
    if case.query then assert.equal(case.query, request.query) end
    if case.body then
      assert.equal(case.body, request.body)
      assert.equal(case.body ~= "" and "application/json" or nil, request.headers["content-type"])
    end
  end

  for _, case in ipairs(CASES) do
    case.argv, case.stdout, case.stderr = { plain_name(case) }, "", ""      -- for messages
    it(plain_name(case), function()
      local opts = { env = env, stdin = case.stdin }
      local words = common.words(case[1])
      server.forget()
      local robot = openproxy({ "--robot", table.unpack(words) }, opts)
      shows(robot, ('{"schema":"openproxy.v1.%s","ok":true,"data":%s,"meta":{}}\n'):format(case.schema or schema_of(words),
        text_of(case)))
      request_of(case)
      server.forget()
      shows(openproxy(words, opts), case.human)
      request_of(case)
      server.forget()
      local list = { table.unpack(words) }
      if case.confirm then list[#list + 1] = "--confirm-destructive" end
      for i = #list, 1, -1 do if list[i] == "--yes" then table.remove(list, i) end end
      local r = S.status(common.tool(list, opts), 0)
      if not case.masked then S.equal(r, tagged(case.data or P[case[2]], case.effect), r.envelope.data, "data") end
      request_of(case)
    end)
  end

  it("--quiet hides the lines, not what was asked for", function()
    for _, case in ipairs(CASES) do
      local words = common.words(case[1])
      local group = table.concat(words, " ", 1, 2)
      local loud = group == "chat send" or group == "logs export"
      table.insert(words, 1, "-q")
      shows(openproxy(words, { env = env, stdin = case.stdin }), loud and case.human or "")
    end
  end)

  it("on a terminal, charts and quotas are drawn; nothing is drawn in a pipe", function()
    for args, drawn in pairs {
      ["usage chart"] = { "2 buckets", "▁█", "Feb 3  ████", "120 tokens  $0.5000" },
      ["usage daily"] = { "2 days", "▁█", "2031%-02%-03" },
      ["usage stats"] = { "Tokens:   165", "acme  █", "120 tokens" },
      ["quota list"] = { "acme  █", "2 requests  120 tokens  $0.5000" },
      ["--color never quota list"] = { "acme  █" },
    } do
      local r = S.status(openproxy(args, S.terminal { env = env, shape = "none" }), 0)
      local text = r.stdout:gsub("\27%[[%d;]*m", "")
      for _, part in ipairs(drawn) do S.truth(r, text:find(part), part .. " is not drawn") end
      if args:find "never" then S.truth(r, not r.stdout:find("\27[3", 1, true), "colour") end
      local tool = S.status(common.tool((args:gsub("%-%-color never ", "")), S.terminal { env = env }), 0)
      S.truth(tool, tool.stdout:find("█", 1, true), "not drawn as part of the tool")
    end
    for _, args in ipairs { "usage summary", "usage history", "usage providers", "usage logs", "usage request-logs r-1",
      "usage pricing", "logs export", "logs stats", "quota get acme", "quota refresh", "chat models", "chat tags",
      "chat send --model m-1 --prompt hi", "provider oauth start claude", "provider oauth status claude" } do
      local r = S.status(common.tool(args, S.terminal { env = env }), 0)
      S.truth(r, #r.stdout > 3 and not r.stdout:find('"_source"', 1, true), "nothing to see")
    end
  end)

  it("a dry run changes nothing and says what it would do", function()
    for args, effect in pairs { ["logs export"] = "would_noop", ["logs export --out x.log"] = "would_create",
      ["logs clear"] = "would_delete", ["quota reset"] = "would_delete", ["chat send --model m --prompt x"] = "would_create",
      ["chat stream --model m --prompt x"] = "would_create", ["provider oauth poll p"] = "would_update",
      ["provider oauth refresh p"] = "would_update", ["provider oauth import-kiro"] = "would_create",
      ["provider oauth iflow-cookie"] = "would_create", ["provider oauth gitlab-pat"] = "would_create" } do
      server.forget()
      local r = S.status(common.tool(args .. " --dry-run", { env = env }), 0)
      S.equal(r, effect, r.envelope.data.effect, args)
      for _, request in ipairs(server.requests) do
        if request.at_ms and request.method == "POST" then request.counted = true end
      end
      for key in pairs(P) do
        if key:find "^POST" then assert.equal(0, #server.seen(key), args .. ": " .. key) end
      end
    end
    S.truth(openproxy("quota reset --dry-run", { env = env }), true, "")
    shows(openproxy("--robot logs clear --dry-run", { env = env }),
      '{"schema":"openproxy.v1.log.clear","ok":true,"data":{"would_affect":{"lines":3}},"meta":{}}\n')
  end)
end)
