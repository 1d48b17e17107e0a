-- A service that misbehaves: every command ends with the right exit code and one line or one envelope, in time, and the
-- token stays where it belongs.
local S = require "lib.spec"
local stub = require "lib.stub_server"
local tls = require "lib.tls_server"
local common = require "suites.minitower.common"

local TOWERFILE = '[app]\nname = "hello"\nscript = "main.sh"\n'

-- Every command that talks to the service. The files and variables are those of `prepare`.
local COMMANDS = {
  "login --team acme", "me", "apps list", "apps get hello", "apps create hello", "apps logs hello#3", "apps cancel hello 3",
  "versions list --app hello", "versions get 2 --app hello", "versions upload --app hello --file FILE", "deploy --dir DIR",
  "runs create --app hello", "runs list", "runs get 42", "runs cancel 42", "runs retry 42", "runs watch 42", "runs logs 42",
  "run hello", "tokens create", "runners list",
}
-- Those that stand for all where all do the same.
local SOME = { ["login --team acme"] = true, ["me"] = true, ["deploy --dir DIR"] = true, ["runs watch 42"] = true,
  ["apps create hello"] = true }
local STREAMS = { ["apps logs hello#3"] = true, ["runs watch 42"] = true, ["runs logs 42"] = true, ["run hello"] = true }

-- Reply, exit and code in the spec, exit and sentence in the dialect.
local ANSWERS = {
  { common.failure(400, "invalid_request", "It is wrong."), 1, "SERVICE_REJECTED", 1, "It is wrong." },
  { common.failure(401, "unauthorized", "invalid or missing token"), 8, "UNAUTHENTICATED", 10, "invalid or missing token" },
  { common.failure(403, "forbidden", "admin role required"), 7, "PERMISSION_DENIED", 10, "admin role required" },
  { common.failure(404, "not_found", "app not found"), 5, "NOT_FOUND", 11, "app not found" },
  { { status = 405, body = "" }, 1, "SERVICE_REJECTED", 1, "Method Not Allowed" },
  { common.failure(409, "conflict", "It is taken."), 6, "CONFLICT", 12, "It is taken." },
  { common.failure(410, "gone", "It is gone."), 5, "GONE", 13, "It is gone." },
  { { status = 422, body = "not that\n" }, 1, "SERVICE_REJECTED", 1, "not that" },
  { common.failure(429, "slow", "Slow down.", { ["Retry-After"] = "7" }), 11, "RATE_LIMITED", 1, "Slow down." },
  { { status = 500, body = "\255\254not text" }, 1, "SERVICE_ERROR", 1, "Internal Server Error" },
  { { status = 503, body = "" }, 12, "UNAVAILABLE", 1, "Service Unavailable" },
}

-- Answers that are no answers: code in the spec, a part of the sentence in the dialect.
local NO_ANSWERS = {
  { "no JSON", { status = 200, body = "<html>" }, "INVALID_RESPONSE", "is not JSON" },
  { "no body", { status = 200, body = "" }, "INVALID_RESPONSE", "" },
  { "204", { status = 204 }, "INVALID_RESPONSE", "" },
  { "another shape", { status = 200, json = S.json.array { 1 } }, "INVALID_RESPONSE", "" },
  { "no object", { status = 200, body = '"text"' }, "INVALID_RESPONSE", "" },
}

local function prepare()
  local dir = common.app { Towerfile = TOWERFILE, ["main.sh"] = "echo\n" }
  return { FILE = S.spit(S.dir() .. "/a.tar.gz", "bytes"), DIR = dir }
end

local function line_of(command, places)
  local words = {}
  for word in command:gmatch("%S+") do words[#words + 1] = places[word] or word end
  return words
end

local places

-- Runs every command, or with `some` those that stand for all, against the reply; judge(r, command, is_dialect) looks at
-- each, and at those few in both forms.
local function everywhere(server, judge, more, some)
  local jobs, about = {}, {}
  local function add(command)
    local env = server.env { MINITOWER_PASSWORD = "pass" }
    for name, value in pairs(more or {}) do env[name] = value end
    local tool = line_of(command, places)
    table.insert(tool, 1, "minitower")
    if STREAMS[command] then tool[#tool + 1] = "--no-stream" end
    jobs[#jobs + 1], about[#about + 1] = { tool, { env = env, shape = "json" } }, { command, false }
    if not SOME[command] then return end
    jobs[#jobs + 1] = { line_of(command, places), { env = env, argv0 = "minitower-cli", shape = "none" } }
    about[#about + 1] = { command, true }
  end
  for _, command in ipairs(COMMANDS) do
    if SOME[command] or not some then add(command) end
  end
  for i, r in ipairs(S.tool_all(jobs, 4)) do judge(r, about[i][1], about[i][2]) end
end

S.req("MINITOWER-FAULTS", "answers that are no success", function()
  setup(function() places = prepare() end)

  for _, answer in ipairs(ANSWERS) do
    it(("status %d is %s to every command"):format(answer[1].status, answer[3]), function()
      local server = common.service { ["*"] = answer[1] }
      everywhere(server, function(r, command, dialect)
        local creates = command:find("^deploy") and answer[1].status == 404        -- it asks whether the app is there
        if dialect then
          S.equal(r, { answer[4], "", "error: " .. answer[5] .. "\n" }, { r.status, r.stdout, r.stderr }, "what is seen")
          return
        end
        local e = r.envelope.error
        S.equal(r, answer[3], e.code, "code")
        S.truth(r, r.status == answer[2] or r.status == 3 and answer[2] == 1, "exit " .. tostring(r.status))
        S.equal(r, answer[5], e.cause, "cause")
        if answer[1].status == 429 then S.equal(r, 7000, e.retry_after_ms, "retry_after_ms") end
        if not creates then S.equal(r, answer[1].status, e.context.status, "status") end
      end, nil, answer[1].status == 405 or answer[1].status == 422)
      server.close()
    end)
  end

  for _, answer in ipairs(NO_ANSWERS) do
    it("a success with " .. answer[1] .. " is none", function()
      local server = common.service { ["*"] = answer[2] }
      everywhere(server, function(r, _, dialect)
        if dialect then
          S.truth(r, r.status == 1 and r.stdout == "" and r.stderr:find("^error: [^\n]+\n$")
            and r.stderr:find(answer[4], 1, true), "what is seen")
        else
          S.truth(r, r.status == 1 or r.status == 3, "exit " .. tostring(r.status))
          S.equal(r, answer[3], r.envelope.error.code, "code")
        end
      end, nil, true)
      server.close()
    end)
  end

  it("no service, no address, no token, no such profile", function()
    local closed = "http://127.0.0.1:" .. stub.closed_port()
    everywhere({ env = function(more) return common.env(closed, more) end }, function(r, _, dialect)
      if dialect then
        S.truth(r, r.status == 1 and r.stdout == "" and r.stderr:find("^error: [^\n]*cannot be reached[^\n]*\n$"),
          "unreachable")
      else
        S.failed(r, 12, "CONNECTION_FAILED")
      end
    end)
    everywhere({ env = function(more) return common.env(nil, more) end }, function(r, _, dialect)
      if dialect then S.equal(r, { 1, "" }, { r.status, r.stdout }) else S.failed(r, 4, "NOT_CONFIGURED") end
    end)
    everywhere({ env = function(more) return common.env(closed, more) end }, function(r, command, dialect)
      if command:find "^login" then return end
      if dialect then S.equal(r, { 1, "" }, { r.status, r.stdout }) else S.failed(r, 8, "TOKEN_MISSING") end
    end, { MINITOWER_API_TOKEN = false })
    local jobs = {}
    for i, command in ipairs(COMMANDS) do
      local words = line_of(command .. " --profile nope", places)
      table.insert(words, 1, "minitower")
      jobs[i] = { words, { env = common.env(closed, { MINITOWER_PASSWORD = "p" }), shape = "json" } }
      if STREAMS[command] then words[#words + 1] = "--no-stream" end
    end
    for _, words in ipairs { { "config", "get" }, { "config", "use", "nope" }, { "teams", "switch", "nope" } } do
      local all = { "minitower", words[1], words[2], words[3] }
      if words[2] == "get" then table.move({ "--profile", "nope" }, 1, 2, 4, all) end
      jobs[#jobs + 1] = { all, { env = common.env(closed) } }
    end
    for i, r in ipairs(S.tool_all(jobs, 4)) do
      if i > 1 then S.failed(r, 5, "PROFILE_NOT_FOUND") end         -- a login makes the profile
    end
    S.failed(common.tool("config get", { env = common.env() }), 4, "NOT_CONFIGURED")
  end)

  it("no app where one is needed", function()
    local server = common.service()
    for _, args in ipairs { "versions list", "versions get 1", "versions upload --file " .. places.FILE, "runs create",
        "runs watch --no-stream", "run --no-stream" } do
      S.failed(common.tool(args, { env = server.env(), shape = "json" }), 4, "APP_MISSING")
      common.says(args:gsub(" %-%-no%-stream", ""), { status = 1,
        stderr = "error: app is required (--app or profile default app)\n" }, { env = server.env() })
    end
    S.failed(common.tool("versions get 9 --app hello", { env = server.env() }), 5, "VERSION_NOT_FOUND")
    common.says("versions get 9 --app hello", { status = 11, stderr = "error: version 9 not found\n" }, { env = server.env() })
    S.failed(common.tool("apps cancel hello 9", { env = server.env() }), 5, "RUN_NOT_FOUND")
    S.failed(common.tool("apps logs hello 9 --no-stream", { env = server.env(), shape = "json" }), 5, "RUN_NOT_FOUND")
    local empty = common.service { ["GET /api/v1/apps/hello/runs"] = { json = { runs = S.json.array {} } } }
    S.failed(common.tool("runs watch --app hello --no-stream", { env = empty.env(), shape = "json" }), 5, "RUN_NOT_FOUND")
    empty.close()
    server.close()
  end)

  it("a redirect to another host is refused, and the token and password do not follow", function()
    local thief = stub.start { { json = {} } }
    local server = common.service { ["*"] = { status = 307,
      headers = { Location = thief.url:gsub("127%.0%.0%.1", "localhost") .. "/x" } } }
    everywhere(server, function(r, _, dialect)
      if dialect then S.equal(r, { 1, "" }, { r.status, r.stdout }) else S.equal(r, "REDIRECT_REFUSED", r.envelope.error.code) end
      S.truth(r, not (r.stdout .. r.stderr):find(common.TOKEN, 1, true), "the token is shown")
    end, nil, true)
    assert.equal(0, #thief.requests)
    server.close()
    thief.close()
  end)

  it("a service without a good certificate gets nothing", function()
    local secure = tls.start(S.dir "tls")
    local env = common.env(secure.url, { MINITOWER_PASSWORD = "pass" })
    S.failed(common.tool("me", { env = env }), 12, "TLS_FAILED")
    S.failed(common.tool("login --team acme", { env = env }), 12, "TLS_FAILED")
    local r = common.cli("me", { env = env })
    S.truth(S.status(r, 1), r.stderr:find("^error: [^\n]+\n$"), "one line")
    secure.close()
  end)

  it("a service that hangs at any stage ends in time", function()
    for _, stage in ipairs { "accept", "headers", "body" } do
      local server = common.service { ["*"] = { json = { text = ("x"):rep(1000) }, hang = stage } }
      for _, args in ipairs { "me", "apps list", "runs create --app hello", "runs logs 42 --no-stream" } do
        local r = common.tool(args .. " --timeout 300ms", { env = server.env(), shape = "json" })
        S.equal(r, "TIMEOUT", r.envelope.error.code, stage)
        S.truth(r, r.elapsed_ms < 5000, "too late")
        r = common.cli(args:gsub(" %-%-no%-stream", "") .. " --timeout 300ms", { env = server.env() })
        S.truth(r, r.status == 1 and r.stdout == "" and r.stderr:find "^error: ", "what is seen")
      end
      server.close()
    end
  end)

  it("connections that are reset or cut are failures", function()
    for _, reply in ipairs { { reset = true }, { json = { apps = S.json.array {} }, half = true } } do
      local server = common.service { ["*"] = reply }
      local r = common.tool("apps list", { env = server.env() })
      S.truth(S.status(r, 12), r.envelope.error.code ~= "OUTPUT_INVALID", "code")
      S.truth(S.status(common.cli("apps list --json", { env = server.env() }), 1).stdout == "", "stdout")
      server.close()
    end
  end)

  it("texts of the service that are no UTF-8 do not damage the answer", function()
    local app = S.json.encode { apps = S.json.array { common.APP } }:gsub("Says hello", "Says \255\192 \\u001b[31mhello")
    local server = common.service { ["GET /api/v1/apps"] = { body = app, headers = { ["Content-Type"] = "application/json" } } }
    local r = S.status(common.tool("apps list", { env = server.env() }), 0)
    S.truth(r, utf8.len(r.stdout), "invalid UTF-8")
    r = S.status(common.cli("apps list", { env = server.env() }), 0)
    S.truth(r, utf8.len(r.stdout) and not r.stdout:find("\27", 1, true), "raw bytes on the terminal")
    server.close()
  end)

  it("SIGTERM and Ctrl+C end a watch with one line and their own codes", function()
    for signal, status in pairs { TERM = 143, INT = 130 } do
      local server = common.service { ["GET /api/v1/runs/42"] = { json = common.run { status = "running" } } }
      local r = common.cli("runs watch 42 --interval 50ms", { env = server.env(), signals = { { signal, when_stdout = "hello" } } })
      S.equal(r, status, r.status, "status of SIG" .. signal)
      S.truth(r, not r.stdout:find("error", 1, true), "an error on stdout")
      server.close()
    end
  end)
end)
