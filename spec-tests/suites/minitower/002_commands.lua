-- The command lines of the program's documents, as they are typed: bytes on stdout and stderr, exit codes, and requests.
local S = require "lib.spec"
local common = require "suites.minitower.common"
local lines = require "suites.minitower.lines"
local says = common.says

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

-- A line's words, as a shell takes them.
local function words(line)
  local list, rest = {}, line
  while rest:find "%S" do
    local word
    rest = rest:match "^%s*(.*)$"
    for _, form in ipairs { "^'([^']*)'(.*)$", '^"([^"]*)"(.*)$', "^(%S+)(.*)$" } do
      if not word and rest:find(form) then word, rest = rest:match(form) end
    end
    list[#list + 1] = word
  end
  return list
end

-- Text without colours, and with a pipe's line ends.
local function plain(text) return (text:gsub("\27%[[%d;]*m", ""):gsub("\r\n", "\n")) end

-- Data without the tags of what came from outside.
local function untagged(data)
  if type(data) ~= "table" then return data end
  if data._source then
    if data.items then return data.items end
    data._source, data._trusted = nil, nil
  end
  return data
end

-- What the last upload of a deployed directory is told as: on stdout, and on a terminal's stderr.
local function deployed(server)
  local bytes, entries = common.package_of(server.requests[#server.requests])
  local digest = common.sha256(bytes)
  return ("Deploying app hello\nArtifact packaged (%d bytes, sha256:%s)\nVersion 2 created (sha256:%s)\n")
    :format(#bytes, digest:sub(1, 12), digest:sub(1, 12)),
    ("[INFO] Packaged %d files, %d bytes\n[INFO] Uploading artifact.tar.gz\n"):format(#entries, #bytes)
end

S.req("MINITOWER-COMMANDS", "the command lines of the documents", function()
  local server, app

  setup(function()
    server = common.service { ["POST /api/v1/apps/hello/versions"] = function(request)
      return request.body:find("artifact.tar.gz", 1, true) and request.body:find("\31\139", 1, true)
        and common.deployed(request) or nil
    end }
    app = common.app { Towerfile = '[app]\nname = "hello"\nscript = "main.sh"\n', ["main.sh"] = "echo hello\n" }
  end)
  teardown(function() server.close() end)

  -- What this line needs: its words, an environment with the profiles, and the texts that depend on the place.
  local function prepared(row)
    local env = server.env { ACME_PASSWORD = "acme-pass" }
    S.run({ "mkdir", "-p", env.HOME .. "/.config/minitower-cli" }, {})
    local config = S.spit(env.HOME .. "/.config/minitower-cli/config.json", S.json.encode(lines.PROFILES))
    local places = { SERVER = server.url, DIR = app, FILE = S.spit(S.dir() .. "/artifact.tar.gz", "bytes") }
    local list = words(row[1])
    for i, word in ipairs(list) do list[i] = places[word] or word end
    return list, { env = env, tainted = { files = { [config] = true } } }, places
  end

  -- The last request of a row that sends one.
  local function requested(r, row, before)
    local request = server.requests[#server.requests]
    if row.request == false then return S.equal(r, before, #server.requests, "requests") end
    if not row.request then return end
    S.equal(r, row.request, request.method .. " " .. request.target, "the last request")
    if row.body then S.equal(r, row.body, request.body, "its body") end
    if not row.request:find "login" then S.equal(r, "Bearer " .. common.TOKEN, request.headers.authorization) end
  end

  local function as_program(row, on_terminal)
    local list, opts = prepared(row)
    local before = #server.requests
    local r = common.cli(list, on_terminal and S.terminal { shape = "none", env = opts.env, tainted = opts.tainted } or opts)
    local out, progress = row.out or "", row.progress or ""
    if row.deploys then out, progress = deployed(server) end
    S.equal(r, { row.exit or 0, out, on_terminal and progress .. (row.err or "") or row.err or "" },
      { r.status, plain(r.stdout), plain(r.stderr) }, "status, stdout, stderr")
    requested(r, row, before)
  end

  -- `tool minitower` where it fails: the sentence and what to do, or the error object.
  local function refused(row, r, on_terminal)
    local sentence = row.says or row.err:match "^error: (.*)\n$" .. "."
    if not on_terminal then return S.equal(r, sentence, S.failed(r, row.status, row.code).message, "the sentence") end
    S.equal(r, { row.status, "", "error: " .. sentence .. "\n" .. (row.hint and "hint: " .. row.hint .. "\n" or "") },
      { r.status, plain(r.stdout), plain(r.stderr) }, "status, stdout, stderr")
  end

  local function as_suite(row, on_terminal)
    local list, opts, places = prepared(row)
    local before = #server.requests
    if on_terminal then opts = S.terminal { shape = "none", env = opts.env, tainted = opts.tainted } end
    if row.spoken then opts.shape = "none" elseif row.rows and not on_terminal then opts.shape = "jsonl" end
    local r = common.tool(list, opts)
    if row.code then return refused(row, r, on_terminal) end
    if on_terminal or row.spoken then
      local out, progress = row.screen or row.out, row.progress or ""
      if row.deploys then out, progress = deployed(server) end
      S.equal(r, { 0, out, on_terminal and progress or "" }, { r.status, plain(r.stdout), plain(r.stderr) },
        "status, stdout, stderr")
    elseif row.rows then
      S.equal(S.status(r, 0), #row.rows + 1, #r.rows, "rows")
      for i, want in ipairs(row.rows) do S.equal(r, want, untagged(r.rows[i]), "row " .. i) end
    elseif row.data then
      local data = untagged(S.status(r, 0).envelope.data)
      if data.server == places.SERVER then data.server = "SERVER" end
      S.equal(r, row.data, data, "data")
    end
    requested(r, row, before)
  end

  for _, row in ipairs(lines.rows) do
    it("minitower-cli " .. row[1], function()
      for _, on_terminal in ipairs { false, true } do
        as_program(row, on_terminal)
        if not row.only_program then as_suite(row, on_terminal) end
      end
    end)
  end

  it("the table has every command of the suite", function()
    local missing = {}
    local manifest = S.status(S.tool "manifest --prefix minitower", 0).envelope.data.commands
    for path, command in pairs(manifest) do
      local found = command.subcommands and next(command.subcommands)
      for _, row in ipairs(lines.rows) do
        found = found or (row[1] .. " "):find(path:gsub("^minitower%.", ""):gsub("%.", " ") .. " ", 1, true) == 1
      end
      if not found then missing[#missing + 1] = path end
    end
    assert.same({}, missing)
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

  it("a preview says on a terminal what would be done, and that nothing is", function()
    local file = S.spit(S.dir() .. "/a.tar.gz", "bytes")
    local would = "Preview: would %s, nothing is changed.\n"
    local RUN = "run.app_slug  hello\n"
    for _, row in ipairs {
      { "apps create hello", "create", "app.slug  hello\n" },
      { "config set --app hello --profile x", "update", "fields.app  hello\nname        x\n" },
      { "config use x", "update", "current_profile  x\n" }, { "teams switch x", "update", "current_profile  x\n" },
      { "deploy --dir " .. app, "create", "version.app_slug  hello\nversion.files     Towerfile, main.sh\n" },
      { "login --team acme", "update", "profile  default\nserver   " .. server.url .. "\nteam     acme\n" },
      { "run hello", "create", RUN }, { "runs create --app hello", "create", RUN },
      { "runs retry 42", "create", "run.app_slug     hello\nrun.input.NAME   Ada\nrun.max_retries  1\nrun.priority     0\n"
        .. "run.version_no   2\n" },
      { "tokens create --name ci", "create", "token.name  ci\n" },
      { "versions upload --app hello --file " .. file, "create", "version.app_slug  hello\nversion.file      " .. file .. "\n" },
    } do
      for _, form in ipairs { common.cli, common.tool } do
        local r = S.status(form(row[1] .. " --dry-run", S.terminal { shape = "none", env = server.env() }), 0)
        S.equal(r, { would:format(row[2]) .. row[3], "" }, { plain(r.stdout), plain(r.stderr) }, "stdout, stderr")
      end
    end
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
