-- The command lines of the program's documents, as they are typed: bytes on stdout and stderr, exit codes, and requests.
local S = require "lib.spec"
local common = require "suites.minitower.common"
local says = common.says

local VERSIONS = "VERSION_NO  VERSION_ID  ENTRYPOINT  SHA256        CREATED_AT\n"
  .. "2           3           main.sh     0123456789ab  2031-02-03T12:00:00Z\n"
local APPS = "APP_ID  SLUG   DISABLED  DESCRIPTION  UPDATED_AT\n"
  .. "1       hello  false     Says hello   2031-02-03T11:00:00Z\n"
local function runs(status)
  return "RUN_ID  RUN_NO  APP    STATUS" .. (" "):rep(#status - 6) .. "  VERSION  QUEUED_AT\n"
    .. "42      3       hello  " .. status .. (" "):rep(6 - #status) .. "  2        2031-02-03T13:00:00Z\n"
end

-- Command line -> what it prints, the request and, where there is one, the body that it sends.
local LINES = {
  { "me", "Team: acme (id=1)\nToken ID: 2\nRole: admin\n", "GET /api/v1/me" },
  { "apps list", APPS, "GET /api/v1/apps" },
  { "apps get hello", APPS, "GET /api/v1/apps/hello" },
  { "apps show hello", APPS, "GET /api/v1/apps/hello" },
  { "apps create hello", 'App "hello" created (id=1)\n', "POST /api/v1/apps", '{"description":null,"slug":"hello"}' },
  { "apps create --slug hello --description x", 'App "hello" created (id=1)\n', "POST /api/v1/apps",
    '{"description":"x","slug":"hello"}' },
  { "apps create --description x hello", 'App "hello" created (id=1)\n', "POST /api/v1/apps",
    '{"description":"x","slug":"hello"}' },
  { "apps create -n hello", 'App "hello" created (id=1)\n', "POST /api/v1/apps", '{"description":null,"slug":"hello"}' },
  { "versions list --app hello", VERSIONS, "GET /api/v1/apps/hello/versions" },
  { "versions get 2 --app hello", VERSIONS, "GET /api/v1/apps/hello/versions" },
  { "versions get --app hello 2", VERSIONS, "GET /api/v1/apps/hello/versions" },
  { "runs create --app hello", "Run #3 created (id=42, status=queued)\n", "POST /api/v1/apps/hello/runs", "{}" },
  { 'runs create --app hello --input {"A":1} --version 2 --priority -1 --max-retries 0',
    "Run #3 created (id=42, status=queued)\n", "POST /api/v1/apps/hello/runs",
    '{"input":{"A":1},"max_retries":0,"priority":-1,"version_no":2}' },
  { "runs list", runs "queued", "GET /api/v1/runs?limit=50&offset=0" },
  { "runs list --app hello --status queued --limit 1 --offset 0", runs "queued",
    "GET /api/v1/runs?app=hello&limit=1&offset=0&status=queued" },
  { "runs get 42", runs "completed", "GET /api/v1/runs/42" },
  { "runs cancel 42", "Run 42 status: cancelling\n", "POST /api/v1/runs/42/cancel", "" },
  { "runs retry 42", "Retry created: run #3 (id=42)\n", "POST /api/v1/apps/hello/runs",
    '{"input":{"NAME":"Ada"},"max_retries":1,"priority":0,"version_no":2}' },
  { "runs logs 42", "[1] STDERR downloading run artifact\n[2] STDOUT hello\n", "GET /api/v1/runs/42" },
  { "runs logs 42 --follow", "[1] STDERR downloading run artifact\n[2] STDOUT hello\n", "GET /api/v1/runs/42/logs?after_seq=2" },
  { "runs logs -f 42 --interval 50ms", "[1] STDERR downloading run artifact\n[2] STDOUT hello\n",
    "GET /api/v1/runs/42/logs?after_seq=2" },
  { "runs logs 42 --after-seq 1", "[2] STDOUT hello\n", "GET /api/v1/runs/42" },
  { "runs watch 42", "[1] STDERR downloading run artifact\n[2] STDOUT hello\nrun 42 status: completed\n",
    "GET /api/v1/runs/42/logs?after_seq=2" },
  { "runs watch 42 --status-only", "run 42 status: completed\n", "GET /api/v1/runs/42" },
  { "runs watch --app hello --status-only", "run 42 status: completed\n", "GET /api/v1/runs/42" },
  { "run hello -p NAME=Ada -p B=2 -d", "Run #3 created (id=42, status=queued)\n", "POST /api/v1/apps/hello/runs",
    '{"input":{"B":"2","NAME":"Ada"}}' },
  { "apps logs hello#3", "[1] STDERR downloading run artifact\n[2] STDOUT hello\n", "GET /api/v1/runs/42" },
  { "apps logs hello 3 -f", "[1] STDERR downloading run artifact\n[2] STDOUT hello\n",
    "GET /api/v1/runs/42/logs?after_seq=2" },
  { "apps logs hello", "[1] STDERR downloading run artifact\n[2] STDOUT hello\n", "GET /api/v1/runs/42" },
  { "apps cancel hello 3", "Run 42 status: cancelling\n", "POST /api/v1/runs/42/cancel", "" },
  { "tokens create", "Token created: id=7 role=member\nToken: mtk_new\n", "POST /api/v1/tokens", "{}" },
  { "tokens create --name ci --role member", "Token created: id=7 role=member\nToken: mtk_new\n", "POST /api/v1/tokens",
    '{"name":"ci","role":"member"}' },
  { "runners list", "RUNNER_ID  NAME  ENVIRONMENT  STATUS  LAST_SEEN_AT\n"
    .. "1          r1    default      online  2031-02-03T13:00:00Z\n", "GET /api/v1/admin/runners" },
}

-- What --json prints: the answer of this route, wrapped by nothing.
local JSON_OF = {
  ["me"] = "GET /api/v1/me", ["apps list"] = "GET /api/v1/apps", ["apps get hello"] = "GET /api/v1/apps/hello",
  ["apps create hello"] = "POST /api/v1/apps", ["versions list --app hello"] = "GET /api/v1/apps/hello/versions",
  ["runs create --app hello"] = "POST /api/v1/apps/hello/runs", ["runs list"] = "GET /api/v1/runs",
  ["runs get 42"] = "GET /api/v1/runs/42", ["runs cancel 42"] = "POST /api/v1/runs/42/cancel",
  ["runs retry 42"] = "POST /api/v1/apps/hello/runs", ["runs logs 42"] = "GET /api/v1/runs/42/logs",
  ["runs watch 42 --status-only"] = "GET /api/v1/runs/42", ["runs watch 42"] = "GET /api/v1/runs/42",
  ["tokens create"] = "POST /api/v1/tokens", ["runners list"] = "GET /api/v1/admin/runners",
  ["run hello -d"] = "POST /api/v1/apps/hello/runs",
}

local function words(line)
  local list = {}
  for word in line:gmatch("%S+") do list[#list + 1] = word end
  return list
end

S.req("MINITOWER-COMMANDS", "the command lines of the documents", function()
  local server

  setup(function() server = common.service() end)
  teardown(function() server.close() end)

  for _, line in ipairs(LINES) do
    it("minitower-cli " .. line[1], function()
      local r = says(line[1], { stdout = line[2] }, { env = server.env() })
      local request = server.requests[#server.requests]
      S.equal(r, line[3], request.method .. " " .. request.target, "the last request")
      if line[4] then S.equal(r, line[4], request.body, "its body") end
      assert.equal("Bearer " .. common.TOKEN, request.headers.authorization)
    end)
  end

  it("on a terminal it says the same", function()
    for _, line in ipairs { LINES[2], LINES[14], LINES[19], LINES[23] } do
      says(line[1], { stdout = line[2] }, S.terminal { shape = "none", env = server.env() })
    end
  end)

  it("--json and -j print the service's answer alone, also before the command", function()
    local healthy = common.routes()
    for line, route in pairs(JSON_OF) do
      local want = S.json.decode(S.json.encode(healthy[route].json))
      for _, args in ipairs { line .. " --json", "-j " .. line } do
        local r = S.status(common.cli(args, { env = server.env() }), 0)
        S.equal(r, want, S.json.decode(r.stdout), args)
        S.equal(r, "", r.stderr, "stderr")
        S.truth(r, r.stdout:find("^{\n  \"") and r.stdout:sub(-2) == "}\n", "not indented by two")
      end
    end
  end)

  it("--json escapes as the service's own language does, and speaks under `tool minitower` too", function()
    local odd = common.service { ["GET /api/v1/apps"] = { json = { apps = S.json.array {
      { app_id = 1, slug = "hello", description = "<a> & b", disabled = false, created_at = "2031-02-03T12:00:00+02:00",
        updated_at = "2031-02-03T11:00:00Z" } } } } }
    local r = S.status(common.cli("apps list --json", { env = odd.env() }), 0)
    S.truth(r, r.stdout:find('"\\u003ca\\u003e \\u0026 b"', 1, true), "not escaped")
    local t = S.status(common.tool("apps list --json", { env = odd.env(), shape = "none" }), 0)
    S.equal(t, r.stdout, t.stdout, "stdout")
    odd.close()
  end)

  it("empty lists print the headings only", function()
    local empty = common.service {
      ["GET /api/v1/apps"] = { json = { apps = S.json.array {} } },
      ["GET /api/v1/runs"] = { json = { runs = S.json.array {} } },
      ["GET /api/v1/apps/hello/runs"] = { json = { runs = S.json.array {} } },
      ["GET /api/v1/runs/42/logs"] = { json = { logs = S.json.array {} } },
    }
    local opts = { env = empty.env() }
    says("apps list", { stdout = "APP_ID  SLUG  DISABLED  DESCRIPTION  UPDATED_AT\n" }, opts)
    says("apps list --json", { stdout = '{\n  "apps": []\n}\n' }, opts)
    says("runs list", { stdout = "RUN_ID  RUN_NO  APP  STATUS  VERSION  QUEUED_AT\n" }, opts)
    says("runs logs 42", {}, opts)
    says("runs logs 42 --json", { stdout = '{\n  "logs": []\n}\n' }, opts)
    says("runs watch --app hello", { status = 11, stderr = 'error: no runs found for app "hello"\n' }, opts)
    says("apps logs hello", { status = 11, stderr = 'error: no runs found for app "hello"\n' }, opts)
    says("apps logs hello#7", { status = 11, stderr = 'error: app "hello" has no run 7\n' }, opts)
    empty.close()
  end)

  it("the spec's form is an envelope, previews change nothing, and the profile's app is the default", function()
    local env = server.env()
    S.run({ "mkdir", "-p", env.HOME .. "/.config/minitower-cli" }, {})
    S.spit(env.HOME .. "/.config/minitower-cli/config.json", '{"profiles":{"default":{"app":"hello"}}}')
    local opts = { env = env }
    for _, args in ipairs { "me", "apps list", "apps get hello", "apps create hello", "versions list", "versions get 2",
        "runs create", "runs list", "runs get 42", "runs cancel 42", "runs retry 42", "apps cancel hello 3", "tokens create",
        "runners list" } do
      S.status(common.tool(args, opts), 0)
    end
    local file = S.spit(S.dir() .. "/a.tar.gz", "bytes")
    local before = server.seen "POST /api/v1/apps" + server.seen "POST /api/v1/apps/hello/runs"
      + server.seen "POST /api/v1/runs/42/cancel" + server.seen "POST /api/v1/tokens"
      + server.seen "POST /api/v1/apps/hello/versions"
    for _, args in ipairs { "apps create hello", "runs create", "runs cancel 42", "runs retry 42", "apps cancel hello 3",
        "tokens create", "run", "versions upload --file " .. file, "config use default", "teams switch default" } do
      local r = S.status(common.tool(args .. " --dry-run", opts), 0)
      S.truth(r, r.envelope.data.effect:find "^would_", "no preview")
    end
    assert.equal(before, server.seen "POST /api/v1/apps" + server.seen "POST /api/v1/apps/hello/runs"
      + server.seen "POST /api/v1/runs/42/cancel" + server.seen "POST /api/v1/tokens"
      + server.seen "POST /api/v1/apps/hello/versions")
    S.status(common.tool("config use default", opts), 0)
    S.status(common.tool("teams switch default", opts), 0)
    S.status(common.tool("config get", opts), 0)
  end)

  it("versions upload sends the file as it is, under its own name", function()
    local file = S.spit(S.dir() .. "/my app.tar.gz", ("\0\1\2binary\255"):rep(1000))
    local opts = { env = server.env() }
    says({ "versions", "upload", "--app", "hello", "--file", file },
      { stdout = 'Uploaded version 2 for app "hello" (sha256:0123456789ab)\n' }, opts)
    local request = server.requests[#server.requests]
    assert.truthy(request.headers["content-type"]:find("^multipart/form%-data"))
    assert.truthy(request.body:find('name="artifact"; filename="my app.tar.gz"', 1, true), "name")
    assert.truthy(request.body:find(("\0\1\2binary\255"):rep(1000), 1, true), "content")
    local r = S.status(common.cli({ "versions", "upload", "--json", "--app", "hello", "--file", file }, opts), 0)
    S.equal(r, common.VERSION, S.json.decode(r.stdout))
    S.status(common.tool({ "versions", "upload", "--app", "hello", "--file", file }, opts), 0)
    says({ "versions", "upload", "--app", "hello", "--file", file .. ".none" }, { status = 1,
      stderr = "error: Cannot look at " .. file .. ".none: No such file or directory\n" }, opts)
    says({ "versions", "upload", "--app", "hello" }, { status = 1,
      stderr = "error: --file is required: The package, a tar.gz with a Towerfile\n" }, opts)
  end)

  it("a member that asks for an admin's token is told what it got", function()
    local r = S.status(common.tool("tokens create --role admin", { env = server.env() }), 0)
    S.truth(r, S.json.encode(r.envelope.warnings):find("ROLE_LOWERED", 1, true), "no warning")
  end)

  it("many runs come in pages of the service", function()
    local many = common.service { ["GET /api/v1/runs"] = function(request)
      local limit, offset = request.query:match("limit=(%d+)&offset=(%d+)")
      local list = S.json.array {}
      for i = tonumber(offset) + 1, math.min(tonumber(offset) + tonumber(limit), 230) do
        list[#list + 1] = common.run { run_id = i }
      end
      return { json = { runs = list } }
    end }
    local r = S.status(common.tool("runs list --limit 0", { env = many.env() }), 0)
    assert.equal(230, #r.envelope.data.items)
    r = S.status(common.tool("runs list", { env = many.env() }), 0)
    assert.equal(50, #r.envelope.data.items)
    r = S.status(common.tool({ "runs", "list", "--cursor", r.envelope.meta.pagination.next_cursor }, { env = many.env() }), 0)
    assert.equal(51, r.envelope.data.items[1].run_id)
    many.close()
  end)

  it("commands without an API say so, suggest something, and send nothing", function()
    local before = #server.requests
    for _, line in ipairs { "apps update", "apps update hello --description x", "apps delete", "apps delete hello",
        "tokens list", "tokens revoke", "tokens revoke 7" } do
      local name = table.concat(words(line), " ", 1, 2)
      says(line, { status = 1, stderr = "error: " .. name .. " is not available yet (API endpoint not implemented)\n" },
        { env = server.env() })
      local e = S.failed(common.tool(line, { env = server.env() }), 4, "NOT_IMPLEMENTED")
      assert.truthy(#e.fix_required > 10)
    end
    assert.equal(before, #server.requests)
  end)
end)
