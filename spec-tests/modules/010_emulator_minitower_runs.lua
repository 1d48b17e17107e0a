-- `tool emulator start minitower`: programs that really run, state, the command line.
local S = require "lib.spec"
local emulator = require "lib.emulator"
local minitower = require "lib.minitower"

local keys, start = minitower.keys, minitower.start
local SHELL = minitower.SHELL
local PYTHON = '[app]\nname = "pyt"\nscript = "./main.py"\nimport_paths = ["./lib"]\n'

S.req("REQ-EMULATOR-MINITOWER", "The job orchestrator's emulator: programs that really run", function()
  local e, shared, long, long_run, python_run
  -- What takes long begins here and is looked at in the end.
  setup(function()
    shared = S.dir "shared"
    e = start("--data-dir " .. shared)
    long = start "--ephemeral --lease-ttl 2s"
    long.app("long", "sleep 3; echo done\n")
    long_run = long.run "long"
    if not os.execute "python3 -c 'import venv, ensurepip' 2>/dev/null" then return end
    e.ok(201, "POST", "/apps", { slug = "python" })
    assert.equal(201, e.upload("python", { { "Towerfile", PYTHON }, { "lib/mine.py", "V = 'from lib'\n" },
      { "main.py", "import sys, mine\nprint(mine.V)\nprint('err', file=sys.stderr)\n" } }).status)
    python_run = e.run "python"
  end)
  teardown(function()
    e.stop()
    long.stop()
  end)

  it("a shell script: the set-up first, then its lines, numbered in the order in which they came", function()
    local version = e.app("hello", 'echo "Hello, $NAME!"\necho "in $(pwd)"\nsleep 0.1\necho oops >&2\nprintf "no end"\n')
    local id = e.run("hello", { input = { NAME = "a b" } })
    local run = e.await(id, "completed")
    assert.truthy(run.started_at and run.finished_at)
    local lines = e.lines(id)
    assert.equal("stderr:artifact unpacked (sha256: " .. version.artifact_sha256 .. ")", lines[2])
    assert.truthy(lines[4]:find "^stdout:in /")
    lines = e.said(id)
    lines[2] = nil
    assert.equal("stdout:Hello, a b!", lines[1])
    assert.same({ "stderr:oops", "stdout:no end" }, { lines[3], lines[4] })
    assert.is_false(S.exists(e.lines(id)[4]:match "in (/.*)"), "the directory is left")
  end)

  it("its environment is the input and little else", function()
    e.app("environment", "env | grep -v '^PWD=\\|^PATH=\\|^_=' | cut -c 1-60 | sort\n")
    local id = e.run("environment", { input = { TEXT = "a;b $c", NOTHING = S.json.null, FLAG = true, N = 1.5,
      LIST = S.json.array { 1, "x" } } })
    e.await(id, "completed")
    local names, lines = {}, table.concat(e.said(id), "\n") .. "\n"
    for name in lines:gmatch "stdout:([%w_]+)=" do names[#names + 1] = name end
    assert.equal("FLAG HOME LANG LIST N NOTHING TEXT TMPDIR", table.concat(names, " "))
    for _, text in ipairs { "TEXT=a;b $c\n", "NOTHING=\n", "FLAG=true\n", "N=1.5\n", 'LIST=[1,"x"]\n' } do
      assert.truthy(lines:find(":" .. text, 1, true), lines)
    end
  end)

  it("an input that can be no environment fails the run", function()
    e.app("unfit", "echo ran\n")
    local id = e.run("unfit", { input = { ["A=B"] = "x" } })
    e.await(id, "failed")
    assert.same({ "stderr:run failed: A=B cannot be a variable of the environment" }, e.said(id))
  end)

  it("a program that fails is failed at once, whatever its retries; the log says with which status", function()
    e.app("failing", "echo before\nexit 3\n")
    local id = e.run("failing", { max_retries = 3 })
    assert.equal(0, e.await(id, "failed").retry_count)
    assert.same({ "stdout:before", "stderr:run failed: process exited with code 3" }, e.said(id))
  end)

  it("a script that is not in the archive fails", function()
    e.ok(201, "POST", "/apps", { slug = "absent" })
    e.upload("absent", { { "Towerfile", SHELL } })
    local id = e.run "absent"
    e.await(id, "failed")
    assert.truthy(e.said(id)[2]:find "^stderr:run failed: process exited with code %d+$")
  end)

  it("an archive that leaves its directory is not unpacked, and no program runs", function()
    e.ok(201, "POST", "/apps", { slug = "unsafe" })
    local dir = S.dir()
    S.spit(dir .. "/Towerfile", SHELL)
    S.spit(dir .. "/evil", "x")
    assert(os.execute(("cd '%s' && tar -cf a.tar Towerfile && tar --transform 's,^,../,' -rPf a.tar evil && gzip a.tar"):format(
      dir)))
    local a = e.upload("unsafe", S.slurp(dir .. "/a.tar.gz"))
    if a.status == 201 then
      local id = e.run "unsafe"
      e.await(id, "failed")
      local lines = e.lines(id)
      assert.truthy(lines[2]:find "^stderr:artifact unpack failed: ")
      assert.equal(2, #lines)
    else
      assert.equal(400, a.status)
    end
  end)

  it("lines are sent by the hundred or after two seconds, long ones in pieces, bytes that are no text replaced", function()
    e.app("talker", ("i=0; while [ $i -lt 150 ]; do i=$((i + 1)); echo line $i; done\n"
      .. "until [ -e %s/go ]; do sleep 0.02; done\nprintf '%%09000d\\n\\377é\\n' 0\n"):format(shared))
    local id = e.run "talker"
    S.driver.wait_for(function() return #e.lines(id) >= 100 end, 20000)
    S.driver.wait_for(function() return #e.lines(id) == 152 end, 20000)
    assert.equal("running", e.get(id).status)
    S.spit(shared .. "/go", "")
    e.await(id, "completed")
    local said = e.said(id)
    for i = 1, 150 do assert.equal("stdout:line " .. i, said[i]) end
    assert.same({ 8192 + 7, 808 + 7 }, { #said[151], #said[152] })
    assert.equal("stdout:\u{fffd}é", said[153])
  end)

  it("two runs at the same time", function()
    e.app("meeting", ("touch %s/$ME; until [ -e %s/$OTHER ]; do sleep 0.02; done; echo met\n"):format(shared, shared))
    local a = e.run("meeting", { input = { ME = "a", OTHER = "b" } })
    local b = e.run("meeting", { input = { ME = "b", OTHER = "a" } })
    e.await(a, "completed")
    e.await(b, "completed")
    assert.same({ "stdout:met" }, e.said(a))
  end)

  it("cancel: SIGTERM for the whole group, which may use it, then SIGKILL; no more lines after that", function()
    e.app("polite", ("trap 'echo told; exit 7' TERM\necho $$ > %s/polite\nwhile :; do sleep 0.05; done\n"):format(shared))
    e.app("stubborn", ("trap '' TERM\nsh -c 'while :; do sleep 0.05; done' &\necho $$ $! > %s/stubborn\n"
      .. "while :; do sleep 0.05; done\n"):format(shared))
    local ids = {}
    for _, name in ipairs { "polite", "stubborn" } do
      ids[name] = e.run(name)
      S.driver.wait_for(function() return (S.slurp(shared .. "/" .. name) or ""):find "\n" end, 20000)
      local a = e.ok(200, "POST", "/runs/" .. ids[name] .. "/cancel")
      assert.same({ "cancelling", true }, { a.status, a.cancel_requested })
    end
    for name, id in pairs(ids) do
      assert.truthy(e.await(id, "cancelled").finished_at)
      for pid in S.slurp(shared .. "/" .. name):gmatch "%d+" do assert.is_false(S.exists("/proc/" .. pid), name) end
    end
    local said = table.concat(e.said(ids.polite), "\n")
    assert.truthy(said:find("stdout:told", 1, true))
    assert.is_nil(said:find("run failed", 1, true))
    assert.same({}, e.said(ids.stubborn))
  end)

  it("a program that takes too long is ended", function()
    e.app("slow", "echo begun\nexec sleep 100\n", SHELL .. "[app.timeout]\nseconds = 1\n")
    local id = e.run "slow"
    e.await(id, "failed")
    assert.same({ "stdout:begun", "stderr:run failed: timeout exceeded" }, e.said(id))
  end)

  it("what a program leaves in the background ends with it", function()
    e.app("leaver", ("sleep 100 & echo $! > %s/left\n"):format(shared))
    e.await(e.run "leaver", "completed")
    assert.is_false(S.exists("/proc/" .. S.slurp(shared .. "/left"):match "%d+"))
  end)

  it("the emulator's end is the end of the program, and leaves neither files nor processes", function()
    local polite, stubborn = "echo $$ > %s/pid; exec sleep 100\n",
      "trap '' TERM; echo $$ > %s/pid; while :; do sleep 0.1; done\n"
    for _, script in ipairs { polite, stubborn } do
      local dir = S.dir()
      local own = start("--data-dir " .. dir)
      own.app("endless", script:format(dir))
      local id = own.run "endless"
      S.driver.wait_for(function() return (S.slurp(dir .. "/pid") or ""):find "\n" end, 20000)
      own.stop()
      assert.is_false(S.exists("/proc/" .. S.slurp(dir .. "/pid"):match "%d+"))
      assert.is_true(emulator.whole(dir .. "/minitower.db"))
      -- the next one finds the run as it was left, and gives it up when its lease is over
      local again = start("--no-runner --lease-ttl 100ms --data-dir " .. dir, { bare = true })
      again.token = again.ok(201, "POST", "/teams/login", { slug = "acme", password = "hunter2" }, false).token
      assert.equal("running", again.get(id).status)
      again.stop()
    end
  end)

  it("a run keeps its lease while its program runs", function()
    long.await(long_run, "completed")
    assert.same({ "stdout:done" }, long.said(long_run))
    local runner = long.ok(200, "GET", "/admin/runners").runners[1]
    assert.same({ "emulator", "online" }, { runner.name, runner.status })
  end)

  it("Python, where there is one: set up in order, its modules found, its lines unbuffered", function()
    if not python_run then return end
    e.await(python_run, "completed", 120000)
    local lines = e.lines(python_run)
    assert.truthy(lines[3]:find "^stderr:using Python interpreter at: /.*python")
    assert.equal("stderr:creating virtual environment at: .venv", lines[4])
    local said = { lines[5], lines[6] }
    table.sort(said)
    assert.same({ "stderr:err", "stdout:from lib" }, said)
    assert.equal(6, #lines)
  end)
end)

-- A directory with the programs that the emulator needs and a python3 of our own; %s stands for what it does with -m venv.
local FAKE = [[#!/bin/sh
case "$1" in
  -c) echo /fake/python3 ;;
  -m) %s ;;
esac
]]
local VENV = [[mkdir -p .venv/bin
cat > .venv/bin/python <<'X'
#!/bin/sh
if [ "$1" = -m ]; then cat requirements.txt; [ ! -e fail ] || { echo "no such package" >&2; exit 1; }
else echo "ran $1 $(basename "$2") with ${PYTHONPATH##*/}"; fi
X
chmod +x .venv/bin/python]]

local function path_with(venv)
  local dir = S.dir "bin"
  assert(os.execute(("for p in env sh rm mkdir cat chmod basename; do ln -s /usr/bin/$p '%s/'; done"):format(dir)))
  if venv then
    S.spit(dir .. "/python3", FAKE:format(venv))
    assert(os.execute("chmod +x " .. dir .. "/python3"))
  end
  return { env = { PATH = dir } }
end


-- Runs a Python app of these files to this status; returns the run's lines.
local function python(e, status, files)
  e.ok(201, "POST", "/apps", { slug = "pyt-" .. status })
  table.insert(files, { "Towerfile", PYTHON })
  assert.equal(201, e.upload("pyt-" .. status, files).status)
  local id = e.run("pyt-" .. status)
  e.await(id, status, 120000)
  return e.lines(id)
end

S.req("REQ-EMULATOR-MINITOWER", "The job orchestrator's emulator: Python", function()
  it("the set-up's lines in order; dependencies when there are some; then the program, unbuffered", function()
    local e = start("--ephemeral", path_with(VENV))
    local lines = python(e, "completed", { { "main.py", "" }, { "requirements.txt", "x==1\n" } })
    table.remove(lines, 2)
    assert.same({ "stderr:downloading run artifact", "stderr:using Python interpreter at: /fake/python3",
      "stderr:creating virtual environment at: .venv", "stderr:installing dependencies from requirements.txt",
      "stdout:ran -u main.py with lib" }, lines)
    lines = python(e, "failed", { { "main.py", "" }, { "requirements.txt", "x==1\n" }, { "fail", "" } })
    assert.equal("stderr:dependency installation failed: x==1 no such package", lines[6])
    assert.equal(6, #lines)
    e.stop()
  end)

  it("without the venv module, or without Python, the log says so and nothing is run", function()
    local e = start("--ephemeral", path_with 'echo "The virtual environment was not created"; echo "because ensurepip"; exit 1')
    local lines = python(e, "failed", { { "main.py", "print(1)" } })
    assert.equal("stderr:virtual environment creation failed: The virtual environment was not created because ensurepip",
      lines[5])
    assert.equal(5, #lines)
    e.stop()
    e = start("--ephemeral", path_with())
    lines = python(e, "failed", { { "main.py", "print(1)" } })
    assert.same({ "stderr:virtual environment creation failed: python3 was not found" }, { table.unpack(lines, 3) })
    e.stop()
  end)
end)

S.req("REQ-EMULATOR-MINITOWER", "The job orchestrator's emulator: state and command line", function()
  it("--seed: a team, an app with two versions, runs in several states; the same each time", function()
    local home = S.dir "home"
    local e = start("--seed", { home = home })
    assert.equal("event password registration_token service team token url", keys(e.row))
    assert.equal("demo", e.row.team)
    local me = e.ok(200, "GET", "/me")
    assert.same({ "demo", "admin" }, { me.team_slug, me.role })
    e.ok(201, "POST", "/teams/login", { slug = "demo", password = e.row.password }, false)
    assert.equal(2, #e.ok(200, "GET", "/apps/hello/versions").versions)
    local states = {}
    for i, run in ipairs(e.ok(200, "GET", "/apps/hello/runs").runs) do states[i] = run.status end
    S.driver.wait_for(function() return e.get(5).status == "running" end, 20000)
    assert.same({ "cancelled", "failed", "completed", "completed" }, { table.unpack(states, 2) })
    assert.same({ "stdout:Hello, minitower!" }, e.said(2))
    assert.same({ "stdout:Hello, world!", "stderr:Something went wrong.", "stderr:run failed: process exited with code 3" },
      e.said(3))
    S.driver.wait_for(function() return #e.lines(5) > 3 end, 20000)
    assert.same({ "stdout:Hello, world!", "stdout:tick 1" }, { table.unpack(e.said(5), 1, 2) })
    e.stop()
    local again = start("--seed --no-runner", { home = home })
    assert.equal("401 unauthorized", (again.refused("GET", "/me", nil, e.row.token)))
    assert.equal(5, #again.ok(200, "GET", "/apps/hello/runs").runs)
    again.stop()
    local bytes = S.slurp(home .. "/.local/share/tool/store/emulator/minitower.db")
    for _, secret in ipairs { e.row.token, again.row.token, e.row.password } do
      assert.is_nil(bytes:find(secret, 1, true), "a secret is in the database")
    end
  end)

  it("--seed --no-runner leaves the runs in the queue", function()
    local e = start "--ephemeral --seed --no-runner"
    assert.same({ total_runs = 5, active_runs = 0, queued_runs = 4, terminal_runs = 1 }, e.ok(200, "GET", "/runs/summary"))
    assert.equal('{"runners":[]}\n', e.api("GET", "/admin/runners").body)
    e.stop()
  end)

  it("--bootstrap-token makes the first team, once", function()
    local e = start("--ephemeral --no-signup --bootstrap-token letmein", { bare = true })
    assert.same({ signup_enabled = false, bootstrap_enabled = true }, e.ok(200, "GET", "/auth/options", nil, false))
    assert.equal("403 forbidden", (e.refused("POST", "/teams/signup", { slug = "acme", name = "A", password = "p" }, false)))
    local body = { slug = "first", name = "First", password = "one" }
    assert.equal("401 unauthorized", (e.refused("POST", "/bootstrap/team", body, false)))
    assert.equal("401 unauthorized", (e.refused("POST", "/bootstrap/team", body, "wrong")))
    assert.equal("400 invalid_slug", (e.refused("POST", "/bootstrap/team", { slug = "x", name = "X" }, "letmein")))
    local a = e.ok(201, "POST", "/bootstrap/team", body, "letmein")
    assert.equal("role slug team_id token", keys(a))
    assert.equal("first", e.ok(200, "GET", "/me", nil, a.token).team_slug)
    local b = e.ok(200, "POST", "/bootstrap/team", { slug = "first", name = "First" }, "letmein")
    assert.same({ a.team_id, false }, { b.team_id, a.token == b.token })
    e.ok(201, "POST", "/teams/login", { slug = "first", password = "one" }, false)
    e.ok(200, "POST", "/bootstrap/team", { slug = "first", name = "First", password = "two" }, "letmein")
    assert.equal("401 unauthorized", (e.refused("POST", "/teams/login", { slug = "first", password = "one" }, false)))
    e.ok(201, "POST", "/teams/login", { slug = "first", password = "two" }, false)
    assert.equal("409 team_exists", (e.refused("POST", "/bootstrap/team", { slug = "second", name = "S" }, "letmein")))
    e.stop()
  end)

  it("429 above the rate, with Retry-After", function()
    local e = start "--ephemeral --rate-limit 2/1m"
    for _ = 1, 2 do e.ok(200, "GET", "/me") end
    local a = e.api("GET", "/me")
    assert.same({ 429, "rate_limited" }, { a.status, a.json.error.code })
    assert.truthy(tonumber(a.headers["retry-after"]) > 0)
    e.stop()
  end)

  it("times are in the zone of the machine, in whole seconds", function()
    local e = start("--ephemeral --no-runner", { env = { TZ = "XYZ-05:30" } })
    assert.truthy(e.ok(201, "POST", "/apps", { slug = "zone" }).created_at:find "^%d+%-%d+%-%d+T%d+:%d+:%d+%+05:30$")
    e.stop()
  end)

  it("flags of minitower are refused for another service, impossible ones for all", function()
    for _, flags in ipairs { "--no-runner", "--no-signup", "--lease-ttl 1s", "--bootstrap-token x", "--max-artifact 1MB" } do
      S.failed(S.tool("emulator start sentryagent --ephemeral " .. flags, { shape = "jsonl" }), 2, "ARG_ERROR")
    end
    S.failed(S.tool("emulator start minitower --ephemeral --lease-ttl 1ms", { shape = "jsonl" }), 2, "ARG_ERROR")
  end)

  it("a person reads how to log in", function()
    local r = S.tool("emulator start minitower --ephemeral --seed",
      S.terminal { signals = { { "INT", when_stdout = "stops it" } } })
    assert.equal(130, r.status)
    assert.truthy(r.stdout:find("team demo, password demo%-password\r?\ntoken mtk_%x+\r?\n"), r.stdout)
  end)
end)
