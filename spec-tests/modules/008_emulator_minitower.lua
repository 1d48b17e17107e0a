-- `tool emulator start minitower`: every route, error and oddity of its API, and the runner protocol.
local S = require "lib.spec"
local minitower = require "lib.minitower"

local keys, pack, multipart, start = minitower.keys, minitower.pack, minitower.multipart, minitower.start
local SHELL = minitower.SHELL
local TIME = "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d[Z+-]"

S.req("REQ-EMULATOR-MINITOWER", "The job orchestrator's emulator: teams and apps", function()
  local e
  setup(function() e = start "--ephemeral --no-runner" end)
  teardown(function() e.stop() end)

  it("health, readiness and metrics need no login", function()
    assert.equal('{"status":"ok"}\n', e.request("GET", "/health").body)
    assert.equal('{"status":"ok"}\n', e.request("GET", "/ready").body)
    local a = e.request("GET", "/metrics")
    assert.truthy(a.headers["content-type"]:find "^text/plain")
    assert.truthy(a.body:find('minitower_runs{status="queued"} 0\n', 1, true))
  end)

  it("a path that does not exist is plain text, a wrong method has no body, also without a login", function()
    local a = e.request("GET", "/api/v1/nowhere")
    assert.same({ 404, "404 page not found\n" }, { a.status, a.body })
    assert.truthy(a.headers["content-type"]:find "^text/plain")
    a = e.request("PUT", "/api/v1/apps")
    assert.same({ 405, "", "GET, HEAD, POST" }, { a.status, a.body, a.headers.allow })
    assert.equal(404, e.api("POST", "/bootstrap/team", { slug = "boot", name = "Boot" }, false).status)
  end)

  it("every team route refuses a missing, an unknown and a runner's token", function()
    local runner = e.runner "for-its-token"
    for _, route in ipairs {
      "GET /me", "POST /tokens", "GET /apps", "POST /apps", "GET /apps/x", "GET /apps/x/versions", "POST /apps/x/versions",
      "GET /apps/x/runs", "POST /apps/x/runs", "GET /runs", "GET /runs/summary", "GET /runs/1", "POST /runs/1/cancel",
      "GET /runs/1/logs", "GET /admin/runners",
    } do
      local method, path = route:match "^(%S+) (%S+)$"
      for _, token in ipairs { false, "mtk_unknown", runner.token } do
        local what, message = e.refused(method, path, nil, token)
        assert.equal("401 unauthorized", what, route)
        assert.equal("invalid or missing token", message)
      end
    end
  end)

  it("a team signs up, logs in, and is told who it is", function()
    local options = e.ok(200, "GET", "/auth/options", nil, false)
    assert.same({ signup_enabled = true, bootstrap_enabled = false }, options)
    local up = e.ok(201, "POST", "/teams/signup", { slug = "team-one", name = "One", password = "pw" }, false)
    assert.equal("role slug team_id token", keys(up))
    assert.truthy(up.token:find "^mtk_%x+$")
    local a = e.ok(201, "POST", "/teams/login", { slug = "team-one", password = "pw" }, false)
    local b = e.ok(201, "POST", "/teams/login", { slug = "team-one", password = "pw" }, false)
    assert.equal("role team_id token token_id", keys(a))
    assert.same({ up.team_id, "admin" }, { a.team_id, a.role })
    assert.not_equal(a.token, b.token)
    for _, token in ipairs { up.token, a.token, b.token } do
      assert.equal("team-one", e.ok(200, "GET", "/me", nil, token).team_slug)
    end
    assert.same({ team_id = up.team_id, team_slug = "team-one", token_id = b.token_id, role = "admin" },
      e.ok(200, "GET", "/me", nil, b.token))
  end)

  it("sign-up and login refuse what does not fit", function()
    local function signup(body) return (e.refused("POST", "/teams/signup", body, false)) end
    assert.equal("409 slug_taken", signup { slug = "acme", name = "A", password = "p" })
    for _, slug in ipairs { "ab", "Acme", "1abc", "a_b", "api", "default", ("a"):rep(33), "" } do
      assert.equal("400 invalid_slug", signup { slug = slug, name = "A", password = "p" }, slug)
    end
    assert.equal("400 invalid_request", signup { slug = "new-team", password = "p" })
    assert.equal("400 invalid_request", signup { slug = "new-team", name = "A", password = "" })
    assert.equal("400 invalid_request", signup { slug = 5, name = "A", password = "p" })
    for _, body in ipairs { "", "{", "[]", "5" } do
      assert.equal("400 invalid_request", (e.refused("POST", "/teams/signup", nil, false, { body = body })))
    end
    local wrong = { e.refused("POST", "/teams/login", { slug = "acme", password = "wrong" }, false) }
    assert.same({ "401 unauthorized", "invalid slug or password" }, wrong)
    assert.same(wrong, { e.refused("POST", "/teams/login", { slug = "nobody", password = "wrong" }, false) })
    assert.equal("400 invalid_request", (e.refused("POST", "/teams/login", { slug = "acme" }, false)))
  end)

  it("tokens: a member that asks for admin silently gets member", function()
    local a = e.ok(201, "POST", "/tokens", { name = "ci", role = "admin" })
    assert.same({ "name role token token_id", "ci", "admin" }, { keys(a), a.name, a.role })
    local member = e.ok(201, "POST", "/tokens")
    assert.same({ "role token token_id", "member" }, { keys(member), member.role })
    local more = e.ok(201, "POST", "/tokens", { role = "admin" }, member.token)
    assert.equal("member", more.role)
    assert.equal("member", e.ok(200, "GET", "/me", nil, more.token).role)
    assert.equal("400 invalid_request", (e.refused("POST", "/tokens", { role = "root" })))
    assert.same({ "403 forbidden", "admin role required" }, { e.refused("GET", "/admin/runners", nil, member.token) })
  end)

  it("apps: made, listed by slug, found, taken once, apart for each team", function()
    local a = e.ok(201, "POST", "/apps", { slug = "zeta", description = "Last" })
    assert.equal("app_id created_at description disabled slug updated_at", keys(a))
    assert.same({ "zeta", "Last", false }, { a.slug, a.description, a.disabled })
    assert.truthy(a.created_at:find(TIME))
    e.ok(201, "POST", "/apps", { slug = "alpha", description = S.json.null })
    local list = e.ok(200, "GET", "/apps").apps
    assert.equal("alpha", list[1].slug)
    assert.is_nil(list[1].description)
    assert.same(a, e.ok(200, "GET", "/apps/zeta"))
    assert.equal("409 slug_taken", (e.refused("POST", "/apps", { slug = "zeta" })))
    assert.equal("400 invalid_slug", (e.refused("POST", "/apps", { slug = "x" })))
    assert.equal("400 invalid_request", (e.refused("POST", "/apps", nil, nil, { body = "nope" })))
    assert.same({ "404 not_found", "app not found" }, { e.refused("GET", "/apps/missing") })
    local other = e.ok(201, "POST", "/teams/signup", { slug = "neighbour", name = "N", password = "p" }, false).token
    assert.equal("404 not_found", (e.refused("GET", "/apps/zeta", nil, other)))
    assert.equal('{"apps":[]}\n', e.api("GET", "/apps", nil, other).body)
    e.ok(201, "POST", "/apps", { slug = "zeta" }, other)
  end)

  it("versions: made of an archive, numbered, newest first", function()
    e.ok(201, "POST", "/apps", { slug = "versions" })
    assert.equal('{"versions":[]}\n', e.api("GET", "/apps/versions/versions").body)
    local towerfile = SHELL .. 'import_paths = ["./lib", "more"]\n[app.timeout]\nseconds = 60\n' .. [==[
[[parameters]]
name = "text"
description = "A text"
default = "x"
[[parameters]]
name = "size"
type = "number"
default = 3
]==]
    local bytes = pack { { "main.sh", "echo" }, { "Towerfile", towerfile } }
    local a = e.upload("versions", bytes)
    assert.equal(201, a.status, a.body)
    local v = a.json
    assert.equal("artifact_sha256 created_at entrypoint import_paths params_schema timeout_seconds towerfile_toml version_id"
      .. " version_no", keys(v))
    assert.same({ 1, "main.sh", 60, towerfile }, { v.version_no, v.entrypoint, v.timeout_seconds, v.towerfile_toml })
    assert.same({ "./lib", "more" }, { table.unpack(v.import_paths) })
    assert.same({ type = "object", properties = { text = { type = "string", description = "A text", default = "x" },
      size = { type = "number", default = 3 } } }, v.params_schema)
    local sum = io.popen(("printf '%%s' '%s' | sha256sum -c -"):format(v.artifact_sha256 .. "  " .. (function()
      local path = S.dir() .. "/a"
      S.spit(path, bytes)
      return path
    end)()))
    assert.truthy(sum:read("a"):find ": OK")
    sum:close()
    local plain = e.upload("versions", { { "Towerfile", SHELL }, { "main.sh", "" } }).json
    assert.equal("artifact_sha256 created_at entrypoint towerfile_toml version_id version_no", keys(plain))
    local list = e.ok(200, "GET", "/apps/versions/versions").versions
    assert.same({ 2, 1, 2 }, { #list, list[2].version_no, list[1].version_no })
    assert.same(v, list[2])
    for _, call in ipairs { { "GET", "/apps/missing/versions" }, { "POST", "/apps/missing/versions" } } do
      assert.equal("404 not_found", (e.refused(call[1], call[2])))
    end
    -- the name in the Towerfile is not compared with the app's
    assert.equal(201, e.upload("versions", { { "Towerfile", (SHELL:gsub("job", "other-name")) } }).status)
  end)

  it("an upload that is none is refused by what is wrong with it", function()
    e.ok(201, "POST", "/apps", { slug = "uploads" })
    local function refused(more) return { e.refused("POST", "/apps/uploads/versions", nil, nil, more) } end
    local invalid, required = { "400 invalid_request", "invalid multipart form" },
      { "400 invalid_request", "artifact file is required" }
    assert.same(invalid, refused { body = "x" })
    assert.same(invalid, refused { json = S.json.object {} })
    assert.same(invalid, refused { body = "--b0\r\n", headers = { ["Content-Type"] = "multipart/form-data; boundary=b0" } })
    assert.same(required, refused(multipart("x", "other")))
    assert.same(required, refused(multipart("x", "artifact", false)))
    local missing = {
      { "no gzip", "plain text" }, { "no tar", "\31\139nonsense" },
      { "no Towerfile", pack { { "main.sh", "" } } }, { "a Towerfile elsewhere", pack { { "sub/Towerfile", SHELL } } },
      { "one that is too large", pack { { "Towerfile", SHELL .. ("#"):rep(256 * 1024) } } },
    }
    local many = {}
    for i = 1, 50 do many[i] = { ("f%02d"):format(i), "" } end
    many[51] = { "Towerfile", SHELL }
    missing[#missing + 1] = { "one behind fifty entries", pack(many) }
    for _, case in ipairs(missing) do
      local what, message = table.unpack(refused(multipart(case[2])))
      assert.equal("400 TOWERFILE_MISSING", what, case[1])
      assert.truthy(#message > 10, case[1])
    end
    table.remove(many, 1)
    assert.equal(201, e.upload("uploads", many).status)
    assert.equal(201, e.upload("uploads", { { "./Towerfile", SHELL } }).status)
  end)

  local BAD = {
    { "[app", "line 1" }, { "", "app is required" }, { "[app]\nscript='a.sh'", "app.name is required" },
    { "[app]\nname='A'\nscript='a.sh'", "app.name" }, { "[app]\nname='admin'\nscript='a.sh'", "reserved" },
    { "[app]\nname='abc'", "app.script is required" }, { "[app]\nname='abc'\nscript='a.rb'", ".py or .sh" },
    { "[app]\nname='abc'\nscript='../a.sh'", "escapes" }, { "[app]\nname='abc'\nscript='/a.sh'", "escapes" },
    { "[app]\nname='abc'\nscript='x/../../a.sh'", "escapes" },
    { SHELL .. "source='x'", "app.source must be an array" }, { SHELL .. "source=['../**']", "escapes" },
    { SHELL .. "import_paths=['a/../..']", "escapes" }, { SHELL .. "import_paths=[1]", "must be a string" },
    { SHELL .. "[app.timeout]\nseconds=0", "at least 1" }, { SHELL .. "[app.timeout]\nseconds='1'", "at least 1" },
    { SHELL .. "[[parameters]]\ntype='string'", "name is required" },
    { SHELL .. "[[parameters]]\nname='a'\n[[parameters]]\nname='a'", "duplicate" },
    { SHELL .. "[[parameters]]\nname='a'\ntype='list'", "unknown type" },
    { SHELL .. "[[parameters]]\nname='a'\ndescription=1", "description" },
    { SHELL .. "[[parameters]]\nname='a'\ndefault=1", "does not match type string" },
    { SHELL .. "[[parameters]]\nname='a'\ntype='integer'\ndefault=1.5", "does not match type integer" },
    { SHELL .. "[[parameters]]\nname='a'\ntype='boolean'\ndefault='true'", "does not match type boolean" },
  }
  it("a Towerfile that breaks a rule is refused with that rule", function()
    e.ok(201, "POST", "/apps", { slug = "rules" })
    for _, case in ipairs(BAD) do
      local what, message = e.refused("POST", "/apps/rules/versions", nil, nil, multipart(pack { { "Towerfile", case[1] } }))
      assert.equal("400 TOWERFILE_INVALID", what, case[1])
      assert.truthy(message:find("invalid Towerfile: ", 1, true) == 1 and message:find(case[2], 1, true), message)
    end
    local a = e.upload("rules", { { "Towerfile", "extra=1\n[app]\nname='abc'\nscript='A.SH'\nschedule='x'\n[other]\ny=2" } })
    assert.equal(201, a.status, a.body)
  end)

  it("an archive above --max-artifact is 400, as in the real server", function()
    local own = start "--ephemeral --no-runner --max-artifact 10KB"
    own.ok(201, "POST", "/apps", { slug = "big" })
    assert.same({ "400 invalid_request", "invalid multipart form" },
      { own.refused("POST", "/apps/big/versions", nil, nil, multipart(("x"):rep(20000))) })
    own.stop()
  end)
end)

S.req("REQ-EMULATOR-MINITOWER", "The job orchestrator's emulator: runs and their runners", function()
  local e
  setup(function() e = start "--ephemeral --no-runner" end)
  teardown(function() e.stop() end)

  it("a run is queued; its fields are those of the sheet", function()
    e.app("fields")
    local a = e.ok(201, "POST", "/apps/fields/runs", { input = { NAME = "x", N = 1 }, priority = 3, max_retries = 2 })
    assert.equal("app_id cancel_requested input max_retries priority queued_at retry_count run_id run_no status version_no",
      keys(a))
    assert.same({ 1, 1, "queued", 3, 2, 0, false },
      { a.run_no, a.version_no, a.status, a.priority, a.max_retries, a.retry_count, a.cancel_requested })
    assert.same({ NAME = "x", N = 1 }, a.input)
    assert.truthy(a.queued_at:find(TIME))
    local got = e.get(a.run_id)
    assert.equal("fields", got.app_slug)
    got.app_slug = nil
    assert.same(a, got)
    local bare = e.ok(201, "POST", "/apps/fields/runs")
    assert.same({ 2, 0, 0 }, { bare.run_no, bare.priority, bare.max_retries })
    assert.is_nil(bare.input)
    assert.equal('{"logs":[]}\n', e.api("GET", "/runs/" .. a.run_id .. "/logs").body)
  end)

  it("a run that cannot be is refused", function()
    e.ok(201, "POST", "/apps", { slug = "empty" })
    assert.same({ "400 no_version", "app has no versions" }, { e.refused("POST", "/apps/empty/runs") })
    e.app("typed", "", SHELL .. "[[parameters]]\nname='n'\ntype='integer'\n[[parameters]]\nname='x'\ntype='number'\n"
      .. "[[parameters]]\nname='b'\ntype='boolean'\n[[parameters]]\nname='s'\n")
    local function refused(body) return { e.refused("POST", "/apps/typed/runs", body) } end
    assert.same({ "404 not_found", "version not found" }, refused { version_no = 9 })
    assert.same({ "404 not_found", "version not found" }, refused { version_no = 0 })
    assert.equal("404 not_found", (e.refused("POST", "/apps/missing/runs")))
    assert.equal("500 internal", refused({ max_retries = -1 })[1])
    for _, body in ipairs { '{"input":[1]}', '{"input":5}', '{"priority":"x"}', '{"version_no":1.5}', "[", "[]" } do
      assert.same({ "400 invalid_request", "malformed JSON body" },
        { e.refused("POST", "/apps/typed/runs", nil, nil, { body = body }) }, body)
    end
    for field, value in pairs { n = 1.5, x = "1", b = 0, s = S.json.null } do
      assert.same({ "400 invalid_request", ("input does not match schema: $.%s has invalid type"):format(field) },
        refused { input = { [field] = value } })
    end
    e.ok(201, "POST", "/apps/typed/runs", { input = { n = 2, x = 1, b = true, s = "", other = { 1 } } })
  end)

  it("the app's list: newest first, bad limits mean 50, no filter", function()
    e.app("listed")
    for _ = 1, 55 do e.run("listed") end
    local function numbers(query)
      local out = {}
      for i, run in ipairs(e.ok(200, "GET", "/apps/listed/runs" .. query).runs) do
        assert.is_nil(run.app_slug)
        out[i] = run.run_no
      end
      return out
    end
    assert.same({ 55, 54 }, numbers "?limit=2")
    assert.same({ 3, 2, 1 }, numbers "?offset=52")
    for _, query in ipairs { "", "?limit=0", "?limit=101", "?limit=x", "?offset=-1", "?status=completed", "?order=asc" } do
      assert.equal(50, #numbers(query), query)
    end
    assert.equal(55, #numbers "?limit=100")
    assert.equal("404 not_found", (e.refused("GET", "/apps/missing/runs")))
  end)

  it("ids: what is no id, what is not there, what is another team's", function()
    for _, id in ipairs { "x", "0", "1x", "-1" } do
      assert.same({ "400 invalid_request", "invalid run ID" }, { e.refused("GET", "/runs/" .. id) }, id)
    end
    assert.same({ "404 not_found", "run not found" }, { e.refused("GET", "/runs/999999") })
    e.app("mine")
    local id = e.run "mine"
    local other = e.ok(201, "POST", "/teams/signup", { slug = "stranger", name = "S", password = "p" }, false).token
    for _, call in ipairs { { "GET", "" }, { "POST", "/cancel" }, { "GET", "/logs" } } do
      assert.equal("404 not_found", (e.refused(call[1], "/runs/" .. id .. call[2], nil, other)))
    end
    assert.equal("400 invalid_request", (e.refused("GET", "/runs/" .. id .. "/logs?after_seq=-1")))
    assert.equal("400 invalid_request", (e.refused("GET", "/runs/" .. id .. "/logs?after_seq=x")))
  end)

  it("the protocol: register, lease, start, heartbeat, logs, artifact, result", function()
    local own = start "--ephemeral --no-runner"
    local version = own.app("work", "echo", SHELL .. 'import_paths = ["./lib"]\n[app.timeout]\nseconds = 9\n')
    assert.equal("401 unauthorized", (own.refused("POST", "/runners/register", { name = "r" })))
    local r = own.runner "r1"
    assert.truthy(r.token:find "^mtr_%x+$")
    assert.equal("400 invalid_request", (own.refused("POST", "/runners/register", {}, own.row.registration_token)))
    assert.equal("401 unauthorized", (own.refused("POST", "/runs/lease")))
    local none = r.lease()
    assert.same({ 204, nil }, { none.status, none.body })
    local id = own.run("work", { input = { A = "b" } })
    local lease = r.lease().json
    assert.equal("app_id app_slug attempt_id attempt_no entrypoint input lease_expires_at lease_token run_id run_no"
      .. " timeout_seconds version_no", keys(lease))
    assert.same({ id, 1, "work", 1, "main.sh", 9 }, { lease.run_id, lease.run_no, lease.app_slug, lease.attempt_no,
      lease.entrypoint, lease.timeout_seconds })
    assert.equal("leased", own.get(id).status)
    assert.equal(204, r.lease().status)

    local a = r.call(lease, "start").json
    assert.equal("attempt_id attempt_no cancel_requested lease_expires_at run_status status", keys(a))
    assert.same({ "running", "running", false }, { a.status, a.run_status, a.cancel_requested })
    assert.truthy(own.get(id).started_at:find(TIME))
    assert.same(a.attempt_id, r.call(lease, "heartbeat").json.attempt_id)
    local now = os.date "!%Y-%m-%dT%H:%M:%SZ"
    local function logs(list) return r.call(lease, "logs", { logs = S.json.array(list) }) end
    local function line(seq, text, stream, at)
      return { seq = seq, stream = stream or "stdout", line = text, logged_at = at or now }
    end
    local sent = logs { line(1, "one", "stderr"), line(2, "two") }
    assert.equal('{"status":"ok"}\n', sent.body)
    logs { line(2, "two again"), line(3, ("x"):rep(8192)) }
    assert.same({ "stderr:one", "stdout:two", "stdout:" .. ("x"):rep(8192) }, own.lines(id))
    assert.same({ "stdout:two" }, { own.lines(id, 1)[1] })
    local many = {}
    for i = 1, 101 do many[i] = line(10 + i, "x") end
    for _, bad in ipairs { many, { line(0, "x") }, { line(5, "x", "other") }, { line(5, ("x"):rep(8193)) },
      { line(5, "x", "stdout", "yesterday") }, { { seq = 5 } } } do
      assert.equal(400, logs(bad).status)
    end
    assert.equal(3, #own.lines(id))

    local file = own.api("GET", "/runs/" .. id .. "/artifact", nil, r.token,
      { headers = { ["X-Lease-Token"] = lease.lease_token } })
    assert.same({ 200, "application/gzip", version.artifact_sha256, "main.sh", "9", '["./lib"]' }, { file.status,
      file.headers["content-type"], file.headers["x-artifact-sha256"], file.headers["x-entrypoint"],
      file.headers["x-timeout-seconds"], file.headers["x-import-paths"] })
    assert.equal("\31\139", file.body:sub(1, 2))

    assert.equal(400, r.call(lease, "result", { status = "running" }).status)
    assert.equal(409, r.call(lease, "result", { status = "cancelled" }).status)
    assert.equal(200, r.call(lease, "result", { status = "failed", exit_code = 1, error_message = "no" }).status)
    assert.equal(200, r.call(lease, "result", { status = "failed" }).status)
    assert.equal(409, r.call(lease, "result", { status = "completed" }).status)
    assert.truthy(own.await(id, "failed").finished_at:find(TIME))
    for _, what in ipairs { "start", "heartbeat", "logs" } do
      local gone = r.call(lease, what, what == "logs" and { logs = S.json.array {} } or nil)
      assert.same({ 410, "gone" }, { gone.status, gone.json.error.code }, what)
    end
    own.stop()
  end)

  it("a lease is proven: a missing header is 400, another token or runner 410", function()
    local own = start "--ephemeral --no-runner"
    own.app("work")
    own.run "work"
    local r, other = own.runner "r1", own.runner "r2"
    local lease = r.lease().json
    for _, route in ipairs { "POST start", "POST heartbeat", "POST logs", "POST result", "GET artifact" } do
      local method, what = route:match "^(%S+) (%S+)$"
      local path = ("/runs/%d/%s"):format(lease.run_id, what)
      local function refused(token, header)
        return (own.refused(method, path, method == "POST" and { status = "failed", logs = S.json.array {} } or nil, token,
          { headers = { ["X-Lease-Token"] = header } }))
      end
      assert.equal("400 invalid_request", refused(r.token, nil), route)
      assert.equal("410 gone", refused(r.token, "mtl_other"), route)
      assert.equal("410 gone", refused(other.token, lease.lease_token), route)
      assert.equal("401 unauthorized", refused(own.token, lease.lease_token), route)
    end
    assert.equal("400 invalid_request", (own.refused("POST", "/runs/x/start", nil, r.token)))
    -- a name that is known gets a new token; the old one ends
    local again = own.api("POST", "/runners/register", { name = "r1" }, own.row.registration_token)
    assert.same({ 200, r.runner_id }, { again.status, again.json.runner_id })
    assert.equal(401, r.call(lease, "heartbeat").status)
    own.stop()
  end)

  it("the queue: priority, then time, and only of the runner's environment", function()
    local own = start "--ephemeral --no-runner"
    own.app("work")
    local ids = {}
    for i, priority in ipairs { 0, 5, 5, 1 } do ids[i] = own.run("work", { priority = priority }) end
    assert.equal(204, own.runner("elsewhere", "gpu").lease().status)
    local r, order = own.runner "r", {}
    for i = 1, 4 do order[i] = r.lease().json.run_id end
    assert.same({ ids[2], ids[3], ids[4], ids[1] }, order)
    local list = own.ok(200, "GET", "/admin/runners").runners
    assert.same({ "elsewhere", "gpu", "online" }, { list[1].name, list[1].environment, list[1].status })
    assert.equal("environment last_seen_at name runner_id status", keys(list[2]))
    own.stop()
  end)

  it("cancel: at once when queued, told to the runner when held, unchanged and 200 when over", function()
    local own = start "--ephemeral --no-runner"
    own.app("work")
    local function cancel(id)
      local a = own.ok(200, "POST", "/runs/" .. id .. "/cancel")
      assert.is_nil(a.app_slug)
      return a
    end
    local queued, held, leased = own.run "work", own.run("work", { priority = 2 }), own.run("work", { priority = 1 })
    local r = own.runner "r"
    local lease, only_leased = r.lease().json, r.lease().json
    local a = cancel(queued)
    assert.same({ "cancelled", true }, { a.status, a.cancel_requested })
    assert.truthy(a.finished_at)
    assert.same(a, cancel(queued))
    r.call(lease, "start")
    assert.equal("cancelling", cancel(held).status)
    assert.equal("cancelling", cancel(held).status)
    a = r.call(lease, "heartbeat").json
    assert.same({ "cancelling", true, "cancelling" }, { a.status, a.cancel_requested, a.run_status })
    a = r.call(lease, "result", { status = "completed" })
    assert.same({ 409, "conflict" }, { a.status, a.json.error.code })
    assert.equal(200, r.call(lease, "result", { status = "cancelled" }).status)
    assert.equal("cancelled", own.get(held).status)
    assert.equal("cancelling", cancel(leased).status)
    assert.same({ true, "cancelling" }, { r.call(only_leased, "start").json.cancel_requested, own.get(leased).status })
    r.call(only_leased, "result", { status = "cancelled" })
    local done = own.run "work"
    lease = r.lease().json
    r.call(lease, "start")
    r.call(lease, "result", { status = "completed", exit_code = 0 })
    a = cancel(done)
    assert.same({ "completed", false }, { a.status, a.cancel_requested })
    own.stop()
  end)

  it("the team's list is grouped by status; filters; the summary", function()
    local own = start "--ephemeral --no-runner"
    own.app("work")
    own.app("other")
    local r, ids = own.runner "r", {}
    local function finish(status, start_it)
      local id = own.run "work"
      local lease = r.lease().json
      if start_it then r.call(lease, "start") end
      if status then r.call(lease, "result", { status = status }) end
      return id
    end
    ids.completed, ids.failed, ids.running, ids.leased = finish("completed", true), finish("failed", true),
      finish(nil, true), finish()
    ids.cancelling = finish(nil, true)
    own.ok(200, "POST", "/runs/" .. ids.cancelling .. "/cancel")
    ids.queued = own.run "work"
    ids.second = own.run "other"
    ids.cancelled = own.run "work"
    own.ok(200, "POST", "/runs/" .. ids.cancelled .. "/cancel")
    local function list(query)
      local out = {}
      for i, run in ipairs(own.ok(200, "GET", "/runs" .. query).runs) do
        assert.equal("string", type(run.app_slug))
        out[i] = run.run_id
      end
      return out
    end
    assert.same({ ids.running, ids.leased, ids.cancelling, ids.second, ids.queued, ids.completed, ids.failed,
      ids.cancelled }, list "")
    assert.same({ ids.second, ids.queued }, list "?status=queued")
    assert.same({ ids.queued }, list "?status=queued&app=work")
    assert.same({ ids.leased, ids.cancelling }, list "?limit=2&offset=1")
    assert.same({}, list "?app=missing")
    assert.equal(8, #list "?status=&app=&limit=0")
    assert.same({ "400 invalid_request", "invalid status filter" }, { own.refused("GET", "/runs?status=done") })
    assert.same({ total_runs = 8, active_runs = 3, queued_runs = 2, terminal_runs = 3 }, own.ok(200, "GET", "/runs/summary"))
    own.stop()
  end)

  it("a lease that is over: retried while retries are left, then dead; cancelled when that was asked for", function()
    local own = start "--ephemeral --no-runner --lease-ttl 300ms"
    own.app("work")
    local id = own.run("work", { max_retries = 1 })
    local r = own.runner "r"
    local lease = r.lease().json
    r.call(lease, "start")
    r.call(lease, "logs", { logs = { { seq = 1, stream = "stdout", line = "first", logged_at = "2026-01-01T00:00:00Z" } } })
    local started = own.get(id).started_at
    assert.equal(1, own.await(id, "queued").retry_count)
    assert.equal(410, r.call(lease, "heartbeat").status)
    assert.equal(410, r.call(lease, "result", { status = "completed" }).status)
    local second = r.lease().json
    assert.same({ id, 2 }, { second.run_id, second.attempt_no })
    assert.same({}, own.lines(id)) -- the lines are those of the last attempt
    r.call(second, "start")
    local dead = own.await(id, "dead")
    assert.same({ 1, started }, { dead.retry_count, dead.started_at })
    assert.truthy(dead.finished_at)
    id = own.run("work", { max_retries = 5 })
    r.lease()
    own.ok(200, "POST", "/runs/" .. id .. "/cancel")
    assert.equal(0, own.await(id, "cancelled").retry_count)
    local function status() return own.ok(200, "GET", "/admin/runners").runners[1].status end
    S.driver.wait_for(function() return status() == "offline" end, 10000)
    r.lease()
    assert.equal("online", status())
    own.stop()
  end)
end)
