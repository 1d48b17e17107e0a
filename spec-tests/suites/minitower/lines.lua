-- The command lines that the program's documents give, and Tower's where they mean the same, with what each of them says.
-- A row: line, as it is typed (SERVER, FILE and DIR are replaced), and
--   out, err, exit        minitower-cli: stdout, stderr ("" by default), status (0)
--   screen, hint          tool minitower on a terminal: stdout where it differs; the second line of stderr, if it fails
--   data | rows           tool minitower in a pipe: the result, or the rows of the stream
--   code, status, says    tool minitower, if it fails: the code, the status, the sentence where it differs from err
--   spoken                tool minitower says the same: --json
--   only_program          it is a line of minitower-cli alone
--   request, body         the last request, and the body that it sends
-- The configuration is lines.PROFILES; the environment names the scripted service and its token.
local S = require "lib.spec"
local common = require "suites.minitower.common"

local lines = {}

local array = S.json.array

-- An object with some more fields.
local function with(object, more)
  local out = {}
  for key, value in pairs(object) do out[key] = value end
  for key, value in pairs(more) do out[key] = value ~= S.json.null and value or nil end
  return out
end

-- JSON as the program writes it: keys in order, indented by two.
local function pretty(value, indent)
  if type(value) ~= "table" then return S.json.encode(value) end
  local inner, list, parts = indent .. "  ", S.json.is_array(value), {}
  if list then
    for i, item in ipairs(value) do parts[i] = inner .. pretty(item, inner) end
  else
    local keys = {}
    for key in pairs(value) do keys[#keys + 1] = key end
    table.sort(keys)
    for i, key in ipairs(keys) do parts[i] = inner .. S.json.encode(key) .. ": " .. pretty(value[key], inner) end
  end
  local open, close = list and "[" or "{", list and "]" or "}"
  if #parts == 0 then return open .. close end
  return open .. "\n" .. table.concat(parts, ",\n") .. "\n" .. indent .. close
end

lines.PROFILES = { current_profile = "local", profiles = {
  ["local"] = { server = "http://localhost:8080", token = "mtk_local", team = "acme", app = "hello" },
  ci = { server = "http://ci.test" } } }

local LOCAL = { name = "local", current = true, server = "http://localhost:8080", team = "acme", app = "hello" }
local MASKED = "[KEY: mt...]"

local APPS = {
  "APP_ID  SLUG   DISABLED  DESCRIPTION  UPDATED_AT\n"
    .. "1       hello  false     Says hello   2031-02-03T11:00:00Z\n",
  "APP_ID  SLUG   DISABLED  DESCRIPTION  UPDATED_AT\n"
    .. "     1  hello  false     Says hello   2031-02-03T11:00:00Z\n",
}
local VERSIONS = {
  "VERSION_NO  VERSION_ID  ENTRYPOINT  SHA256        CREATED_AT\n"
    .. "2           3           main.sh     0123456789ab  2031-02-03T12:00:00Z\n",
  "VERSION_NO  VERSION_ID  ENTRYPOINT  ARTIFACT_SHA256         CREATED_AT\n"
    .. "         2           3  main.sh     0123456789abcdef01234…  2031-02-03T12:00:00Z\n",
}
local QUEUED = {
  "RUN_ID  RUN_NO  APP    STATUS  VERSION  QUEUED_AT\n"
    .. "42      3       hello  queued  2        2031-02-03T13:00:00Z\n",
  "RUN_ID  RUN_NO  APP_SLUG  STATUS  VERSION_NO  QUEUED_AT\n"
    .. "    42       3  hello     queued           2  2031-02-03T13:00:00Z\n",
}
local COMPLETED = {
  "RUN_ID  RUN_NO  APP    STATUS     VERSION  QUEUED_AT\n"
    .. "42      3       hello  completed  2        2031-02-03T13:00:00Z\n",
  "RUN_ID  RUN_NO  APP_SLUG  STATUS     VERSION_NO  QUEUED_AT\n"
    .. "    42       3  hello     completed           2  2031-02-03T13:00:00Z\n",
}
local RUNNER = { runner_id = 1, name = "r1", environment = "default", status = "online", last_seen_at = "2031-02-03T13:00:00Z" }
local RUNNERS = {
  "RUNNER_ID  NAME  ENVIRONMENT  STATUS  LAST_SEEN_AT\n"
    .. "1          r1    default      online  2031-02-03T13:00:00Z\n",
  "RUNNER_ID  NAME  ENVIRONMENT  STATUS  LAST_SEEN_AT\n"
    .. "        1  r1    default      online  2031-02-03T13:00:00Z\n",
}
local PROFILES = {
  "CURRENT  PROFILE  SERVER                 TEAM  APP    TOKEN\n"
    .. "         ci       http://ci.test                      \n"
    .. "*        local    http://localhost:8080  acme  hello  set\n",
  "CURRENT  PROFILE  SERVER                 TEAM  APP    TOKEN\n"
    .. "         ci       http://ci.test\n"
    .. "*        local    http://localhost:8080  acme  hello  set\n",
}
local PROFILE_LIST = array { { name = "ci", current = false, server = "http://ci.test" }, with(LOCAL, { token = MASKED }) }

local LOG = "[1] STDERR downloading run artifact\n[2] STDOUT hello\n"
local LOG_ROWS = {
  { type = "log", run_id = 42, seq = 1, stream = "stderr", line = "downloading run artifact", logged_at = "2031-02-03T13:00:01Z" },
  { type = "log", run_id = 42, seq = 2, stream = "stdout", line = "hello", logged_at = "2031-02-03T13:00:01Z" },
}
local RUN = common.run()
local DONE = common.run { status = "completed" }
local NEW = common.run { app_slug = S.json.null }
local END_ROWS = { { type = "status", run_id = 42, status = "completed" },
  { type = "run", run_id = 42, status = "completed", run = DONE } }
local CREATED_ROW = { type = "created", run_id = 42, status = "queued", run = NEW }
local STATUS = "run 42 status: completed\n"

local function joined(...)
  local out = array {}
  for _, list in ipairs { ... } do table.move(list, 1, #list, #out + 1, out) end
  return out
end

-- Rows of the same answer. table_of: { of minitower-cli, of tool minitower }.
local function tables(table_of, data, request)
  return function(line) return { line, out = table_of[1], screen = table_of[2], data = data, request = request } end
end

local function says(out, data, request, body)
  return function(line, other_body) return { line, out = out, data = data, request = request, body = other_body or body } end
end

local function streams(out, rows, request)
  return function(line, body) return { line, out = out, rows = rows, request = request, body = body } end
end

local function shows_json(line, value, request)
  return { line, out = pretty(value, "") .. "\n", spoken = true, request = request }
end

-- A command that the service has no way to do.
local function absent(line, what, hint)
  return { line, exit = 1, err = "error: " .. what .. " is not available yet (API endpoint not implemented)\n",
    status = 4, code = "NOT_IMPLEMENTED", hint = hint, request = false }
end

local function secret_on_line(line, name, out)
  return { line, out = out, status = 2, code = "SECRET_ON_COMMAND_LINE",
    says = ("'%s' matches secret field pattern; use --%s-from-env instead."):format(name, name),
    hint = ("Pass --%s-from-env VARIABLE or --%s-from-file PATH."):format(name, name) }
end

local LOGIN = 'Logged in as team "acme" (role: admin)\nProfile "local" updated\n'
local get_app = tables(APPS, common.APP, "GET /api/v1/apps/hello")
local create_app = says('App "hello" created (id=1)\n', with(common.APP, { effect = "created" }), "POST /api/v1/apps")
local list_versions = tables(VERSIONS, array { common.VERSION }, "GET /api/v1/apps/hello/versions")
local get_version = tables(VERSIONS, common.VERSION, "GET /api/v1/apps/hello/versions")
local create_run = says("Run #3 created (id=42, status=queued)\n", with(NEW, { effect = "created" }),
  "POST /api/v1/apps/hello/runs")
local cancelled = says("Run 42 status: cancelling\n", with(NEW, { status = "cancelling", effect = "updated" }),
  "POST /api/v1/runs/42/cancel", "")
local logs, followed = streams(LOG, LOG_ROWS, "GET /api/v1/runs/42"),
  streams(LOG, LOG_ROWS, "GET /api/v1/runs/42/logs?after_seq=2")
local watched = streams(LOG .. STATUS, joined(LOG_ROWS, END_ROWS), "GET /api/v1/runs/42/logs?after_seq=2")
local status_only = streams(STATUS, array(END_ROWS), "GET /api/v1/runs/42")
local used = says('Current profile set to "local"\n', with(LOCAL, { token = MASKED, effect = "updated" }), false)
local token = says("Token created: id=7 role=member\nToken: mtk_new\n",
  { token_id = 7, token = "[KEY: m...]", name = "ci", role = "member", effect = "created" }, "POST /api/v1/tokens")

lines.rows = {
  -- login, config
  secret_on_line("login --server SERVER --team acme --password secret --profile local", "password", LOGIN),
  { "login --server SERVER --team acme --password-from-env ACME_PASSWORD", out = LOGIN, request = "POST /api/v1/teams/login",
    body = '{"password":"acme-pass","slug":"acme"}', data = { profile = "local", server = "SERVER", team = "acme", team_id = 1,
      token_id = 2, role = "admin", token = "[KEY: mtk_pl4n...]", effect = "updated" } },
  secret_on_line('config set --profile local --server http://localhost:8080 --token "mtk_x" --team acme --app hello',
    "token", 'Profile "local" updated\n'),
  { "config set --profile local --server http://localhost:8080 --team acme --app other", out = 'Profile "local" updated\n',
    data = with(LOCAL, { app = "other", token = MASKED, effect = "updated" }), request = false },
  { "config get", out = "Profile: local\nCurrent: true\nServer: http://localhost:8080\nTeam: acme\nDefault App: hello\n"
    .. "Token: set\n", data = with(LOCAL, { current_profile = "local", token = MASKED }), request = false },
  { "config get --profile ci", out = "Profile: ci\nServer: http://ci.test\nTeam: \nDefault App: \nToken: not set\n",
    data = { name = "ci", current = false, server = "http://ci.test", current_profile = "local" }, request = false },
  shows_json("config get --profile local --json", { profile = "local", current_profile = "local", is_current = true,
    config = lines.PROFILES.profiles["local"] }, false),
  { "config list", out = PROFILES[1], screen = PROFILES[2], data = PROFILE_LIST, request = false },
  shows_json("config list --json", { current_profile = "local", profiles = array {
    { name = "ci", is_current = false, config = lines.PROFILES.profiles.ci },
    { name = "local", is_current = true, config = lines.PROFILES.profiles["local"] } } }, false),
  used "config use local",
  { "config use nope", exit = 1, err = 'error: profile "nope" not found\n', status = 5, code = "PROFILE_NOT_FOUND",
    hint = "`minitower-cli config list` shows the profiles", request = false },
  { "teams list", out = PROFILES[1], screen = PROFILES[2], data = PROFILE_LIST, request = false },
  used "teams switch local",
  -- me, apps
  says("Team: acme (id=1)\nToken ID: 2\nRole: admin\n", { team_id = 1, team_slug = "acme", token_id = 2, role = "admin" },
    "GET /api/v1/me") "me",
  shows_json("me --json", { team_id = 1, team_slug = "acme", token_id = 2, role = "admin" }, "GET /api/v1/me"),
  tables(APPS, array { common.APP }, "GET /api/v1/apps") "apps list",
  shows_json("apps list --json", { apps = array { common.APP } }, "GET /api/v1/apps"),
  get_app "apps get hello", get_app "apps show hello",
  create_app("apps create hello", '{"description":null,"slug":"hello"}'),
  create_app('apps create hello --description "Hello world app"', '{"description":"Hello world app","slug":"hello"}'),
  create_app('apps create --slug hello --description "Hello world app"', '{"description":"Hello world app","slug":"hello"}'),
  create_app("apps create --description x hello", '{"description":"x","slug":"hello"}'),
  create_app("apps create -n hello", '{"description":null,"slug":"hello"}'),
  create_app("apps create --name hello --description x", '{"description":"x","slug":"hello"}'),
  absent("apps update hello", "apps update", "Create another app with `minitower-cli apps create`"),
  absent("apps delete hello", "apps delete", "Leave the app as it is; an app without runs costs nothing"),
  logs "apps logs hello#3", logs "apps logs hello", followed "apps logs hello 3 -f", followed "apps logs hello#3 --follow",
  cancelled "apps cancel hello 3",
  -- versions, deploy
  list_versions "versions list --app hello", list_versions "versions list",
  get_version "versions get 2 --app hello", get_version "versions get --app hello 2",
  { "versions get 3 --app hello", exit = 11, err = "error: version 3 not found\n", status = 5, code = "VERSION_NOT_FOUND",
    request = "GET /api/v1/apps/hello/versions" },
  { "versions upload --app hello --file FILE", out = 'Uploaded version 2 for app "hello" (sha256:0123456789ab)\n',
    progress = "[INFO] Uploading artifact.tar.gz\n", request = "POST /api/v1/apps/hello/versions",
    data = { app_slug = "hello", artifact_bytes = 5, version = common.VERSION, effect = "created" } },
  { "deploy --dir DIR", request = "POST /api/v1/apps/hello/versions", deploys = true },
  { "deploy -d DIR", request = "POST /api/v1/apps/hello/versions", deploys = true },
  -- runs
  create_run("runs create --app hello", "{}"), create_run("runs create", "{}"),
  create_run([[runs create --app hello --input '{"name":"MiniTower"}']], '{"input":{"name":"MiniTower"}}'),
  create_run("runs create --app hello --input {} --version-no 2 --priority -1 --max-retries 0",
    '{"input":{},"max_retries":0,"priority":-1,"version_no":2}'),
  { [[runs create --app hello --input '{"name":"MiniTower"}' --version 2 --priority 10 --max-retries 3]],
    out = "Run #3 created (id=42, status=queued)\n", request = "POST /api/v1/apps/hello/runs",
    body = '{"input":{"name":"MiniTower"},"max_retries":3,"priority":10,"version_no":2}',
    only_program = true },                        -- `tool … --version` says the tool's
  tables(QUEUED, array { RUN }, "GET /api/v1/runs?limit=50&offset=0") "runs list",
  tables(QUEUED, array { RUN }, "GET /api/v1/runs?app=hello&limit=20&offset=0&status=running")
    "runs list --app hello --status running --limit 20",
  tables(QUEUED, array { RUN }, "GET /api/v1/runs?limit=20&offset=2") "runs list --limit 20 --offset 2",
  tables(COMPLETED, DONE, "GET /api/v1/runs/42") "runs get 42",
  { "runs get x", exit = 1, err = "error: run ID must be a positive integer\n", status = 2, code = "ARG_ERROR",
    says = "--run must be a whole number.", hint = "Correct --run.", request = false },
  { "versions get 0 --app hello", exit = 1, err = "error: version number must be a positive integer\n", status = 2,
    code = "ARG_ERROR", says = "--number must be at least 1.", hint = "Correct --number.", request = false },
  cancelled "runs cancel 42",
  says("Retry created: run #3 (id=42)\n", with(NEW, { effect = "created" }), "POST /api/v1/apps/hello/runs",
    '{"input":{"NAME":"Ada"},"max_retries":1,"priority":0,"version_no":2}') "runs retry 42",
  logs "runs logs 42", followed "runs logs 42 --follow", followed "runs logs -f 42 --interval 50ms",
  streams("[2] STDOUT hello\n", array { LOG_ROWS[2] }, "GET /api/v1/runs/42") "runs logs 42 --after-seq 1",
  shows_json("runs logs 42 --json", { logs = common.logs { "stderr downloading run artifact", "stdout hello" }.json.logs },
    "GET /api/v1/runs/42"),
  watched "runs watch 42", watched "runs watch", watched "runs watch --app hello",
  status_only "runs watch 42 --status-only", status_only "runs watch --status-only --app hello",
  shows_json("runs watch 42 --status-only --json", DONE, "GET /api/v1/runs/42"),
  streams("Run #3 created (id=42, status=queued)\n", array { CREATED_ROW }, "POST /api/v1/apps/hello/runs")(
    "run hello -p NAME=Ada -p B=2 -d", '{"input":{"B":"2","NAME":"Ada"}}'),
  streams("Run #3 created (id=42, status=queued)\n" .. LOG .. STATUS, joined({ CREATED_ROW }, LOG_ROWS, END_ROWS),
    "GET /api/v1/runs/42/logs?after_seq=2") "run hello",
  -- tokens, runners
  token("tokens create", "{}"), token("tokens create --name ci --role member", '{"name":"ci","role":"member"}'),
  absent("tokens list", "tokens list", "See whose token this is with `minitower-cli me`"),
  absent("tokens revoke 7", "tokens revoke", "Ask who runs the service to remove the token"),
  tables(RUNNERS, array { RUNNER }, "GET /api/v1/admin/runners") "runners list",
  shows_json("runners list --json", { runners = array { RUNNER } }, "GET /api/v1/admin/runners"),
}

return lines
