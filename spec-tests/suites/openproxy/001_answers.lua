-- Every command line of openproxy: its request, its envelope with --robot, its lines for people, and its data as part of
-- the tool, each on a terminal and in a pipe.
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

local FULL, PART = ("█"):rep(40), ("█"):rep(15) .. (" "):rep(25)
local CHART = "tokens  ▁█\nFeb 2  " .. PART .. "   45 tokens  $0.2500\nFeb 3  " .. FULL .. "  120 tokens  $0.5000\n"
local DAILY = "tokens  ▁█\n2031-02-02  " .. PART .. "   45 tokens  $0.2500\n2031-02-03  " .. FULL .. "  120 tokens  $0.5000\n"
local ACME = "acme  " .. FULL .. "  2 requests  120 tokens  $0.5000\n"
local QUOTAS = ACME .. "beta  " .. PART .. "   1 request   45 tokens  $0.2500\n"
local STATS = "Requests: 3\nTokens:   165\nCost:     $0.7500\n"
local HISTORY = "<TIMESTAMP           >  <PROVIDER>  <MODEL>  <SENT>  <RECEIVED>  <     COST>\n"
  .. "2031-02-03T10:00:00Z  acme      m-1      60        15  $0.250000\n"
local LINES = "INFO listening on 4623\nWARN slow provider\nERROR no key\n"
local ENTRIES = table.concat(P["GET /api/usage/logs"], "\n") .. "\n"
local AUTHORIZE = "Open this URL to authorize:\n  https://login.example.com/authorize?state=s-1\n"
local SUCCESS = "<effect >  updated\n<success>  true\n"
local POLLED = "<effect  >  updated\n<message >  Authorization successful\n<pending >  false\n<provider>  github\n"
  .. "<success >  true\n"
local RESOURCES = "provider provider-node combo key pool settings custom-model model-alias usage-event log-event chat-event "
  .. "quota oauth-status"
local POLICY = "Fields of openproxy.v1 keep their names, types and meanings; new ones may be added, and anything else waits for "
  .. "an openproxy.v2 namespace."

local QUOTA_SCHEMA = '{"$schema":"http://json-schema.org/draft-07/schema#","description":"What a provider has used",'
  .. '"properties":{"cost":{"minimum":0,"type":"number"},"provider":{"type":"string"},"requests":{"minimum":0,"type":'
  .. '"integer"},"tokens":{"minimum":0,"type":"integer"}},"title":"Quota","type":"object"}'
local COMBO = '{"models":["glm/glm-5","kimi/kimi-k2"],"name":"steady","strategy":"fallback"}'

-- JSON text over several lines, two blanks a level; of texts without braces, brackets and commas inside strings.
local function pretty(json)
  local depth = 0
  return json:gsub('[][{},:]', function(c)
    if c == ":" then return nil end
    if c:find "[[{]" then depth = depth + 1
    elseif c ~= "," then
      depth = depth - 1
      return "\n" .. ("  "):rep(depth) .. c
    end
    return c .. "\n" .. ("  "):rep(depth)
  end):gsub('":', '": ') .. "\n"
end

local PRICES = '{\n  "acme": {\n    "m-1": {\n      "input": 0.5\n    }\n  }\n}\n'

-- args; route of the request and its query or body; schema; robot: data of the envelope (text; nil: the payload as it
-- is), or with `rows` what each event's is; human: lines; tty: those on a terminal, if others; effect and data: what `tool
-- openproxy` has instead; tool: what that shows on a terminal, if not the same (<bold>, «dim»); confirm; stdin; warns.
local CASES = {
  { "usage summary", "GET /api/usage/summary", human = "Total requests: 3\nPrompt tokens:  120\nCompletion:     45\n"
    .. "Total cost:     $0.7500\n",
    tool = "<Requests         >  3\n<Prompt tokens    >  120\n<Completion tokens>  45\n<Cost             >  $0.7500\n" },
  { "usage daily", "GET /api/usage/daily", human = "2 days\n",
    tty = "2 days\n" .. DAILY, tool = DAILY },
  { "usage chart", "GET /api/usage/chart", query = "period=7d", human = "2 buckets\n",
    tty = "2 buckets\n" .. CHART, tool = CHART },
  { "usage chart --period 24h", "GET /api/usage/chart", query = "period=24h", human = "2 buckets\n",
    tty = "2 buckets\n" .. CHART, tool = CHART },
  { { "usage", "chart", "--period", "1 d" }, "GET /api/usage/chart", query = "period=1%20d", human = "2 buckets\n",
    tty = "2 buckets\n" .. CHART, tool = CHART },
  { "usage history", "GET /api/usage/history", query = "", human = "1 history rows\n",
    tool = HISTORY },
  { "usage history --limit 5", "GET /api/usage/history", query = "limit=5", human = "1 history rows\n",
    tool = HISTORY },
  { "usage stats", "GET /api/usage/stats", query = "period=7d", masked = true,
    human = "Period:  7d\nRequests: 3\nTokens:   165\nCost:     $0.7500\n",
    tty = "Period:  7d\n" .. STATS .. QUOTAS, tool = STATS .. QUOTAS },
  { "usage stats --period all", "GET /api/usage/stats", query = "period=all", masked = true,
    human = "Period:  all\nRequests: 3\nTokens:   165\nCost:     $0.7500\n",
    tty = "Period:  all\n" .. STATS .. QUOTAS, tool = STATS .. QUOTAS },
  { "usage providers", "GET /api/usage/providers", human = "acme\t2\nbeta\t1\n",
    tool = "<PROVIDER>  <NAME>  <REQUESTS>  <TOKENS>  <   COST>\nacme      -            2     120  $0.5000\n"
      .. "beta      -            1      45  $0.2500\n" },
  { "usage logs", "GET /api/usage/logs", query = "", human = "2 entries\n",
    tool = ENTRIES },
  { { "usage", "logs", "--provider", "acme", "--model", "m 1", "--limit", "9" }, "GET /api/usage/logs",
    query = "limit=9&model=m+1&provider=acme", human = "0 entries\n", robot = "[]", data = S.json.array {},
    tool = "" },
  { "usage logs --provider beta", "GET /api/usage/logs", human = "1 entries\n",
    robot = '["03-02-2031 10:00:01 | m-2 | BETA | main | 30 | 15 | ok"]',
    data = S.json.array { "03-02-2031 10:00:01 | m-2 | BETA | main | 30 | 15 | ok" },
    tool = ENTRIES:match "\n(.*)" },
  { "usage request-logs r-1", "GET /api/usage/request-details", query = "id=r-1", schema = "usage.request_log",
    human = "id=r-1 model=m-1 provider=acme\n",
    tool = "<id      >  r-1\n<model   >  m-1\n<provider>  acme\n" },
  { "usage pricing", "GET /api/usage/pricing", human = PRICES,
    tool = "«Dollars for a million tokens»\n<PROVIDER>  <MODEL>  <KIND>  <SENT>  <RECEIVED>\nacme      m-1    -      0.5  -\n" },
  { "logs export", "GET /api/observability/logs", schema = "log.export", effect = "noop",
    human = LINES },
  { "logs clear", "POST /api/observability/clear", schema = "log.clear", human = "Cleared log buffer.\n", body = "",
    effect = "deleted", confirm = true,
    tool = "Cleared the log buffer.\n" },
  { "logs stats", "GET /api/observability/stats", schema = "log.stats",
    human = "Buffered lines: 3\nTotal requests (lifetime): 7\n",
    tool = "<levels               >  {\"error\":1,\"info\":1,\"warn\":1}\n<logBufferLines       >  3\n"
      .. "<totalHistoryEntries  >  7\n<totalRequestsLifetime>  7\n" },
  { "quota list", "GET /api/usage/providers", robot = '{"quotas":[{"cost":0.5,"id":"acme","provider":"acme","requests":2,'
    .. '"tokens":120},{"cost":0.25,"id":"beta","provider":"beta","requests":1,"tokens":45}]}',
    data = { quotas = P["GET /api/usage/providers"].providers },
    human = "acme                     requests=     2 tokens=     120 cost=$0.5000\n"
      .. "beta                     requests=     1 tokens=      45 cost=$0.2500\n", tty = QUOTAS },
  { "quota get beta", "GET /api/usage/providers", data = P["GET /api/usage/providers"].providers[2],
    robot = '{"cost":0.25,"id":"beta","provider":"beta","requests":1,"tokens":45}',
    human = '{\n  "cost": 0.25,\n  "id": "beta",\n  "provider": "beta",\n  "requests": 1,\n  "tokens": 45\n}\n',
    tool = "beta  " .. FULL .. "  1 request  45 tokens  $0.2500\n" },
  { "quota reset --yes", "POST /api/observability/clear", body = '{"action":"reset","confirm":true}', confirm = true,
    robot = '{"cleared":"usage history (process memory)","ok":true}', human = "Cleared usage history in memory.\n",
    data = { cleared = "log buffer", message = "Logs cleared" }, effect = "deleted",
    tool = "Cleared the log buffer.\n",
    warns = "The service empties its log buffer at a reset; its usage counters stay." },
  { "quota refresh", "GET /api/usage/providers", robot = '{"quotas":[{"cost":0.5,"id":"acme","provider":"acme","requests":2,'
    .. '"tokens":120},{"cost":0.25,"id":"beta","provider":"beta","requests":1,"tokens":45}],"refreshed":2}',
    data = { quotas = P["GET /api/usage/providers"].providers, refreshed = 2 }, human = "Refreshed 2 provider rows.\n",
    tool = QUOTAS .. "2 providers.\n" },
  { "chat models", "GET /v1/models", human = "2 models\n  acme/m-1\n  beta/m-2\n",
    tool = "<ID      >  <OWNED_BY>  <CONTEXT_LENGTH>\nacme/m-1  acme      -\nbeta/m-2  beta      -\n" },
  { "chat tags", "GET /api/tags", human = '{\n  "tags": [\n    {\n      "name": "m-1:latest",\n      "size": 1\n    }\n  ]\n}\n',
    tool = "<NAME      >  <SIZE>  <MODIFIED_AT>\nm-1:latest     1  -\n" },
  { { "chat", "send", "--model", "m-1", "--prompt", "Name a colour  \n", "--system", "Be short" }, schema = "chat.response",
    "POST /api/dashboard/chat/completions", human = "Blue\n", effect = "created",
    body = '{"messages":[{"content":"Be short","role":"system"},{"content":"Name a colour","role":"user"}],"model":"m-1",'
      .. '"stream":false}' },
  { "chat send --model m-1", "POST /api/dashboard/chat/completions", stdin = "From\nstdin\n\n", human = "Blue\n",
    schema = "chat.response", effect = "created",
    body = '{"messages":[{"content":"From\\nstdin","role":"user"}],"model":"m-1","stream":false}' },
  { "provider oauth start claude", "GET /api/oauth/claude/start", query = "",
    human = AUTHORIZE },
  { "provider oauth start claude --redirect-uri http://localhost:1/a?b", "GET /api/oauth/claude/start",
    query = "redirect_uri=http%3A%2F%2Flocalhost%3A1%2Fa%3Fb",
    human = AUTHORIZE },
  { "provider oauth poll github", "POST /api/oauth/github/poll", body = '{"device_code":null}', human = "status: success\n",
    effect = "updated",
    tool = POLLED },
  { "provider oauth poll github --device-code d-1", "POST /api/oauth/github/poll", body = '{"device_code":"d-1"}',
    human = "status: success\n", effect = "updated",
    tool = POLLED },
  { "provider oauth status claude", "GET /api/oauth/claude/status",
    human = '{\n  "auth_type": "oauth",\n  "connected": false,\n  "expires_at": null,\n  "provider": "claude"\n}\n',
    tool = "<auth_type >  oauth\n<connected >  false\n<expires_at>  -\n<provider  >  claude\n" },
  { "provider oauth refresh claude", "POST /api/oauth/claude/refresh", body = '{"refresh_token":null}',
    human = "refresh: ok\n", effect = "updated", masked = true,
    tool = "<access_token>  at-0123456789abcdef\n<effect      >  updated\n<expires_in  >  3600\n<success     >  true\n" },
  { "provider oauth import-kiro", "POST /api/oauth/kiro/import", stdin = ' {"refreshToken":"aorAAAAAG-1"}\n',
    body = '{"refreshToken":"aorAAAAAG-1"}', human = "Imported Kiro identity.\n", effect = "updated",
    tool = "<connection>  {\"id\":\"k-1\",\"provider\":\"kiro\"}\n<effect    >  updated\n<success   >  true\n" },
  { "provider oauth import-kiro --auto", "GET /api/oauth/kiro/auto-import", human = "Discovered 1 cache files\n",
    effect = "noop",
    tool = "<effect>  noop\n<found >  true\n<source>  file.json\n" },
  { "provider oauth iflow-cookie", "POST /api/oauth/iflow/cookie", stdin = "BXAuth=c-1\n", body = '{"cookie":"BXAuth=c-1"}',
    human = "Imported iFlow cookie.\n", effect = "updated",
    tool = "<connection>  {\"id\":\"i-1\",\"provider\":\"iflow\"}\n<effect    >  updated\n<success   >  true\n" },
  { "provider oauth gitlab-pat", "POST /api/oauth/gitlab/pat", stdin = "glpat-t-1", body = '{"token":"glpat-t-1"}',
    human = "Imported GitLab PAT.\n", effect = "updated",
    tool = SUCCESS },
  { "usage stream", "GET /api/usage/stream", schema = "usage.event", rows = { '{"totals":{"requests":4}}', "17" }, human = false,
    tool = "4 requests  0 tokens  $0.0000\n17\n" },
  { "usage stream --follow", "GET /api/usage/stream", schema = "usage.event", rows = { '{"totals":{"requests":4}}', "17" },
    human = false, tool = "4 requests  0 tokens  $0.0000\n17\n" },
  { "logs tail", "GET /api/observability/logs", schema = "log.event", human = LINES, buffered = 3, rows = {
    '{"kind":"line","line":"INFO listening on 4623"}', '{"kind":"line","line":"WARN slow provider"}',
    '{"kind":"line","line":"ERROR no key"}' } },
  { "logs tail --limit 1", "GET /api/observability/logs", schema = "log.event", human = "ERROR no key\n", buffered = 1,
    rows = { '{"kind":"line","line":"ERROR no key"}' } },
  { "logs tail --follow --limit 1", "GET /api/observability/stream", schema = "log.event", human = "ERROR no key\nINFO new\n",
    buffered = 1, rows = { '{"kind":"line","line":"ERROR no key"}', '{"kind":"line","line":"INFO new"}', '{"kind":"clear"}',
      '{"kind":"raw","raw":"plain"}' } },
  { "chat stream --model m-1 --prompt hi", "POST /api/dashboard/chat/completions", schema = "chat.event", human = "Blue\n",
    body = '{"messages":[{"content":"hi","role":"user"}],"model":"m-1","stream":true}',
    rows = { '{"choices":[{"delta":{"content":"Bl"}}]}', '{"choices":[{"delta":{"content":"ue"}}]}' } },
  { "schema list", robot = '{"namespace":"openproxy.v1","resources":["' .. RESOURCES:gsub(" ", '","') .. '"],"stability":"stable"}',
    human = "Available resource schemas (openproxy.v1, stable):\n  " .. RESOURCES:gsub(" ", "\n  ") .. "\n" },
  { "schema show quota", schema = "schema.quota", robot = QUOTA_SCHEMA, human = pretty(QUOTA_SCHEMA) },
  { "schema example combo", schema = "example.combo", robot = COMBO, human = pretty(COMBO) },
  { "schema stability", robot = '{"namespace":"openproxy.v1","policy":"' .. POLICY .. '","stability":"stable"}',
    human = "openproxy.v1 is stable.\n" .. POLICY .. "\n",
    tool = "openproxy.v1 is stable.\n" .. POLICY:gsub("be added", "be\nadded") .. "\n" },
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
    if not case[2] then return assert.equal(0, #server.seen "GET /api/health") end
    local seen = server.seen(case[2])
    assert.equal(1, #seen, case[2])
    local health = server.seen("GET /api/health")
    assert.equal(1, #health, "health")
    assert.is_nil(health[1].headers["x-api-key"] or health[1].headers.authorization)
    local request = seen[1]
    S.equal(case, { common.KEY, "Bearer " .. common.KEY, "application/json" },
      { request.headers["x-api-key"], request.headers.authorization, (request.headers.accept:gsub("^text/event%-stream$",
        "application/json")) }, "header fields")
    if case.query then assert.equal(case.query, request.query) end
    if case.body then
      assert.equal(case.body, request.body)
      assert.equal(case.body ~= "" and "application/json" or nil, request.headers["content-type"])
    end
  end

  local function robot_text(case, words)
    local schema = "openproxy.v1." .. (case.schema or schema_of(words))
    if not case.rows then
      return ('{"schema":"%s","ok":true,"data":%s,"meta":{}}\n'):format(schema, text_of(case))
    end
    local lines = {}
    for i, data in ipairs(case.rows) do
      lines[i] = ('{"data":%s,"error":null,"meta":%s,"ok":true,"schema":"%s"}\n'):format(data,
        i <= (case.buffered or 0) and '{"buffered":true}' or "{}", schema)
    end
    return table.concat(lines)
  end

  -- The words for the tool itself, where a flag says that something may be destroyed.
  local function tool_words(case, words)
    local list = {}
    for _, word in ipairs(words) do if word ~= "--yes" then list[#list + 1] = word end end
    if case.confirm then list[#list + 1] = "--confirm-destructive" end
    return list
  end

  local function rows_of(case)
    local rows = {}
    for i, text in ipairs(case.rows) do
      local data = S.json.decode(text)
      if type(data) == "table" and i <= (case.buffered or 0) then data.buffered = true end
      rows[i] = type(data) == "table" and tagged(data) or data
    end
    return rows
  end

  for _, case in ipairs(CASES) do
    case.argv, case.stdout, case.stderr = { plain_name(case) }, "", ""      -- for messages
    local words = common.words(case[1])
    local robot = { "--robot", table.unpack(words) }

    it(plain_name(case) .. ", in a pipe", function()
      local opts = { env = env, stdin = case.stdin }
      server.forget()
      shows(openproxy(robot, opts), robot_text(case, words))
      request_of(case)
      server.forget()
      shows(openproxy(words, opts), case.human or robot_text(case, words))
      request_of(case)
      server.forget()
      opts.shape = case.rows and "jsonl" or nil
      local r = S.status(common.tool(tool_words(case, words), opts), 0)
      S.equal(r, "", r.stderr, "stderr")
      request_of(case)
      if case.rows then
        table.remove(r.rows)             -- the summary
        S.equal(r, rows_of(case), r.rows, "rows")
      elseif not case[2] then
        S.equal(r, S.json.decode(case.robot), r.envelope.data, "data")
      elseif not case.masked then
        S.equal(r, tagged(case.data or P[case[2]], case.effect), r.envelope.data, "data")
      end
    end)

    it(plain_name(case) .. ", on a terminal", function()
      local function opts(shape) return S.terminal { env = env, stdin = case.stdin, shape = shape } end
      local warns = case.warns and "[WARN] " .. case.warns .. "\n" or ""
      local human = case.human or robot_text(case, words)
      shows(openproxy(robot, opts "none"), robot_text(case, words), warns)
      shows(openproxy(words, opts "none"), case.tty or human, warns)
      local drawn = (case.tool or case.tty or human):gsub("<(.-)>", "\27[1m%1\27[0m"):gsub("«(.-)»", "\27[2m%1\27[0m")
      shows(common.tool(tool_words(case, words), opts "text"), drawn, warns)
    end)
  end

  it("every command of the suite is among them", function()
    local have, missing, count = {}, {}, 0
    for _, case in ipairs(CASES) do have[#have + 1] = " " .. plain_name(case) .. " " end
    local all = table.concat(have)
    for path in pairs(S.commands()) do
      local name = path:match "^openproxy%.(.*)$"
      count = count + (name and 1 or 0)
      if name and not all:find(" " .. name:gsub("%.", " ") .. " ", 1, true) then missing[#missing + 1] = name end
    end
    assert.same({ 33, {} }, { count, missing })
  end)

  local LOUD = { ["chat send"] = true, ["logs export"] = true, ["schema show"] = true, ["schema example"] = true }

  it("--quiet hides the lines, not what was asked for", function()
    for _, case in ipairs(CASES) do
      local words = common.words(case[1])
      local group = table.concat(words, " ", 1, 2)
      local text = (case.rows or LOUD[group]) and (case.human or robot_text(case, words)) or ""
      shows(openproxy({ "-q", table.unpack(words) }, { env = env, stdin = case.stdin }), text)
    end
  end)

  it("a drawing fits the terminal, however narrow, and --color never has none", function()
    for _, width in ipairs { 20, 60, 120 } do
      for _, args in ipairs { "usage chart", "usage daily", "usage stats", "quota list" } do
        local r = S.status(common.tool(args .. " --width " .. width, S.terminal { env = env }), 0)
        local widest = 0
        for line in r.stdout:gmatch "[^\n]+" do widest = math.max(widest, utf8.len(line)) end
        S.truth(r, widest <= math.max(width, 48), args)
      end
    end
    shows(openproxy("--color never quota list", S.terminal { env = env, shape = "none" }), QUOTAS)
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
