-- Following a run: every line once and in order, through new attempts, failed polls and broken connections, to the end.
local S = require "lib.spec"
local common = require "suites.minitower.common"
local says = common.says

local LOGS, RUN = "GET /api/v1/runs/42/logs", "GET /api/v1/runs/42"

local function state(status, more)
  local fields = { status = status }
  for key, value in pairs(more or {}) do fields[key] = value end
  return { json = common.run(fields) }
end

-- The lines behind `after_seq`, of all.
local function behind(request, lines)
  local after = tonumber(request.query:match("after_seq=(%d+)"))
  local out = S.json.array {}
  for i, line in ipairs(lines) do
    if i > after then out[#out + 1] = common.logs({ line }, i).json.logs[1] end
  end
  return { json = { logs = out } }
end

-- A service whose run goes through these steps, one for each look at the run: { status, lines so far, more }.
local function script(steps)
  local at = 1
  local server
  server = common.service {
    [RUN] = function()
      local step = steps[math.min(at, #steps)]
      at = at + 1
      return step.reply or state(step[1], step[3])
    end,
    [LOGS] = function(request)
      local step = steps[math.min(at, #steps)]
      if not step.logs then return behind(request, step[2] or {}) end
      at = at + 1
      return step.logs
    end,
  }
  return server
end

local FAST = " --interval 20ms"

S.req("MINITOWER-WATCH", "runs watch and runs logs", function()
  it("shows statuses and lines as they come, what comes last included, and ends as the run does", function()
    for outcome, exit in pairs { completed = 0, failed = 1, dead = 1, cancelled = 2 } do
      local server = script {
        { "queued", {} }, { "leased", {} }, { "running", { "stderr downloading run artifact" } },
        { "running", { "stderr downloading run artifact", "stdout one" } },
        { outcome, { "stderr downloading run artifact", "stdout one", "stdout two" } },
        { outcome, { "stderr downloading run artifact", "stdout one", "stdout two", "stderr last" } },
      }
      says("runs watch 42" .. FAST, { status = exit, stdout = "run 42 status: queued\nrun 42 status: leased\n"
        .. "run 42 status: running\n[1] STDERR downloading run artifact\n[2] STDOUT one\n[3] STDOUT two\n[4] STDERR last\n"
        .. "run 42 status: " .. outcome .. "\n" }, { env = server.env() })
      server.close()
      server = script { { "running" }, { outcome } }
      says("runs watch --status-only 42" .. FAST, { status = exit,
        stdout = "run 42 status: running\nrun 42 status: " .. outcome .. "\n" }, { env = server.env() })
      assert.equal(0, server.seen(LOGS))
      server.close()
    end
  end)

  it("in the spec's form the rows are JSON lines, and a run that did not complete is an error", function()
    for outcome, want in pairs { failed = { 1, "RUN_FAILED" }, cancelled = { 3, "RUN_CANCELLED" } } do
      for _, command in ipairs { "runs watch 42", "run hello" } do
        local server = script { { "running", { "stdout a" } }, { outcome, { "stdout a", "stdout b" } } }
        local r = common.tool(command .. FAST, { env = server.env(), shape = "jsonl" })
        local types = {}
        for i, row in ipairs(r.rows) do types[i] = row.type end
        S.equal(r, (command:find "^run h" and "created " or "") .. "status log log status run", table.concat(types, " "))
        local e = S.failed(r, command:find "^run h" and want[1] == 1 and 3 or want[1], want[2])
        S.equal(r, outcome, e.context.status)
        server.close()
      end
    end
    local server = script { { "completed", { "stdout a" } } }
    for _, command in ipairs { "runs watch 42", "run hello", "runs logs 42", "apps logs hello" } do
      local r = S.status(common.tool(command .. FAST, { env = server.env(), shape = "jsonl" }), 0)
      S.truth(r, r.rows[#r.rows]._summary, "no summary")
    end
    server.close()
  end)

  it("--json is the run at its end, alone", function()
    for outcome, exit in pairs { completed = 0, failed = 1, cancelled = 2 } do
      for _, flags in ipairs { "", " --status-only" } do
        local server = script { { "running", { "stdout a" } }, { outcome, { "stdout a" } } }
        local r = S.status(common.cli("runs watch 42 --json" .. flags .. FAST, { env = server.env() }), exit)
        S.equal(r, outcome, S.json.decode(r.stdout).status)
        S.equal(r, "", r.stderr)
        server.close()
      end
    end
    local server = script { { "running", { "stdout a" } }, { "failed", { "stdout a", "stdout b" } } }
    local r = S.status(common.cli("runs logs 42 -f --json" .. FAST, { env = server.env() }), 0)
    local lines = S.lines(r.stdout)
    S.equal(r, { "a", "b" }, { S.json.decode(lines[1]).line, S.json.decode(lines[2]).line })
    assert.equal(2, #lines)
    server.close()
  end)

  it("runs logs --follow ends with 0 whatever the run did", function()
    local server = script { { "running", { "stdout a" } }, { "failed", { "stdout a", "stderr b" } } }
    says("runs logs 42 --follow" .. FAST, { stdout = "[1] STDOUT a\n[2] STDERR b\n" }, { env = server.env() })
    server.close()
  end)

  it("a few polls that fail are ridden out, whatever they fail of; too many are not", function()
    local server = script {
      { "running", { "stdout a" } }, { reply = { status = 500, body = "" } }, { reply = { reset = true } },
      { "running", { "stdout a" }, logs = { status = 200, body = "<html>" } }, { reply = { status = 503, body = "" } },
      { "running", { "stdout a", "stdout b" } }, { "completed", { "stdout a", "stdout b" } },
    }
    local r = S.status(common.cli("runs watch 42" .. FAST, { env = server.env() }), 0)
    S.equal(r, "run 42 status: running\n[1] STDOUT a\n[2] STDOUT b\nrun 42 status: completed\n", r.stdout)
    server.close()
    server = script { { "running", { "stdout a" } }, { reply = { status = 502, body = "" } } }
    r = S.status(common.cli("runs watch 42" .. FAST, { env = server.env() }), 1)
    S.equal(r, "run 42 status: running\n[1] STDOUT a\n", r.stdout)
    S.truth(r, r.stderr:find("error: Bad Gateway\n", 1, true), "the sentence")
    assert.equal(7, server.seen(RUN))
    server.close()
  end)

  it("a refusal ends it at once, as does a first look that fails", function()
    for status, exit in pairs { [401] = 10, [403] = 10, [404] = 11 } do
      local server = script { { "running", { "stdout a" } }, { reply = common.failure(status, "no", "No more.") } }
      says("runs watch 42" .. FAST, { status = exit, stdout = "run 42 status: running\n[1] STDOUT a\n",
        stderr = "error: No more.\n" }, { env = server.env() })
      server.close()
    end
    local server = script { { reply = { status = 500, body = "" } } }
    says("runs watch 42" .. FAST, { status = 1, stderr = "error: Internal Server Error\n" }, { env = server.env() })
    assert.equal(1, server.seen(RUN))
    server.close()
  end)

  it("waits as long as the service asks", function()
    local server = script { { "running" }, { reply = { status = 429, body = "", headers = { ["Retry-After"] = "1" } } },
      { "completed" } }
    local r = S.status(common.cli("runs watch 42" .. FAST, { env = server.env() }), 0)
    S.truth(r, r.elapsed_ms >= 1000, "it did not wait")
    server.close()
  end)

  it("a new attempt's lines count from 1 again: none is lost, none is shown twice", function()
    local old, new = { "stderr old 1", "stdout old 2", "stdout old 3" }, { "stderr new 1", "stdout new 2" }
    local server = script {
      { "running", old }, { "running", old },
      { "queued", old, { retry_count = 1 } },          -- the lease was lost; the log is still the old one
      { "queued", old, { retry_count = 1 } },
      { "leased", {}, { retry_count = 1 } },
      { "running", { new[1] }, { retry_count = 1 } }, { "running", new, { retry_count = 1 } },
      { "completed", { new[1], new[2], "stdout new 3", "stdout new 4" }, { retry_count = 1 } },
    }
    says("runs watch 42" .. FAST, { stdout = "run 42 status: running\n[1] STDERR old 1\n[2] STDOUT old 2\n[3] STDOUT old 3\n"
      .. "run 42 status: queued\nrun 42 status: leased\n[1] STDERR new 1\nrun 42 status: running\n[2] STDOUT new 2\n"
      .. "[3] STDOUT new 3\n[4] STDOUT new 4\nrun 42 status: completed\n" }, { env = server.env() })
    server.close()
  end)

  it("also when the attempt changes between two looks, or has changed before the first", function()
    local old = { "stdout old 1", "stdout old 2" }
    local new = { "stdout new 1", "stdout new 2", "stdout new 3" }
    local server = script { { "running", old }, { "running", new, { retry_count = 1 } },
      { "completed", new, { retry_count = 1 } } }
    says("runs logs 42 -f" .. FAST, { stdout = "[1] STDOUT old 1\n[2] STDOUT old 2\n[1] STDOUT new 1\n[2] STDOUT new 2\n"
      .. "[3] STDOUT new 3\n" }, { env = server.env() })
    server.close()
    server = script { { "queued", old, { retry_count = 1 } }, { "queued", old, { retry_count = 1 } },
      { "running", new, { retry_count = 1 } }, { "completed", new, { retry_count = 1 } } }
    says("runs logs 42 -f" .. FAST, { stdout = "[1] STDOUT old 1\n[2] STDOUT old 2\n[1] STDOUT new 1\n[2] STDOUT new 2\n"
      .. "[3] STDOUT new 3\n" }, { env = server.env() })
    server.close()
    server = script { { "running", old }, { "queued", old, { retry_count = 1 } },
      { "cancelled", old, { retry_count = 1 } } }
    says("runs watch 42" .. FAST, { status = 2, stdout = "run 42 status: running\n[1] STDOUT old 1\n[2] STDOUT old 2\n"
      .. "run 42 status: queued\nrun 42 status: cancelled\n" }, { env = server.env() })
    server.close()
  end)

  it("lines that come out of order, in small pieces, with split characters, are whole and in order", function()
    local server = common.service {
      [RUN] = state "completed",
      [LOGS] = function(request)
        if not request.query:find "after_seq=0" then return { json = { logs = S.json.array {} } } end
        local logs = common.logs({ "stdout ä€😀 eins", "stdout zwei", "stdout drei" }).json.logs
        return { json = { logs = S.json.array { logs[3], logs[1], logs[2] } }, slow = { bytes = 7, ms = 1 } }
      end,
    }
    says("runs watch 42", { stdout = "[1] STDOUT ä€😀 eins\n[2] STDOUT zwei\n[3] STDOUT drei\nrun 42 status: completed\n" },
      { env = server.env() })
    server.close()
  end)

  it("a line that looks like a key or holds escape sequences is shown as text", function()
    local key = ("QUJD"):rep(20)
    local server = common.service { [RUN] = state "completed", [LOGS] = function(request)
      return behind(request, { "stdout " .. key, "stdout red \27[31mtext" })
    end }
    local r = S.status(common.cli("runs logs 42", { env = server.env() }), 0)
    S.truth(r, r.stdout:find(key, 1, true), "masked")
    S.truth(r, not r.stdout:find("\27", 1, true), "an escape sequence")
    server.close()
  end)

  it("shows a row as soon as it is there", function()
    local server = script { { "running", { "stdout first" } }, { "running", { "stdout first" } } }
    local r = common.cli("runs watch 42" .. FAST, { env = server.env(), signals = { { "TERM", when_stdout = "first" } } })
    S.equal(r, 143, r.status)
    server.close()
  end)

  it("who stops following is told on a terminal that the run goes on, and only then", function()
    local server = script { { "running", { "stdout first" } }, { "running", { "stdout first" } } }
    local function stopped(args, opts)
      opts.shape, opts.env, opts.signals = "none", server.env(), { { "INT", when_stdout = "first" } }
      local r = common.cli(args .. FAST, opts)
      S.equal(r, 130, r.status)
      return r.stderr:gsub("\r", "")
    end
    local note = "[INFO] Run 42 goes on: runs watch 42 follows it, runs cancel 42 ends it.\n"
    for _, args in ipairs { "runs watch 42", "run hello" } do
      assert.equal(note .. "error: Cancelled by SIGINT.\n", (stopped(args, S.terminal())))
      assert.equal("error: Cancelled by SIGINT.\n", (stopped(args, {})))
    end
    assert.equal("error: Cancelled by SIGINT.\n", (stopped("runs logs -f 42", S.terminal())))
    server.close()
    local failing = common.service { [RUN] = common.failure(404, "not_found", "run not found") }
    says("runs watch 42", { status = 11, stderr = "error: run not found\n" }, S.terminal { shape = "none", env = failing.env() })
    failing.close()
  end)

  it("--no-stream shows the same on a terminal, all at once", function()
    local server = script { { "completed", { "stdout a", "stdout b" } } }
    for _, args in ipairs { "runs watch 42", "runs logs 42 -f" } do
      local streamed = S.status(common.tool(args, S.terminal { env = server.env() }), 0)
      local r = S.status(common.tool(args .. " --no-stream", S.terminal { env = server.env() }), 0)
      S.equal(r, streamed.stdout, r.stdout)
      S.equal(r, "[1] STDOUT a\n[2] STDOUT b\n" .. (args:find "watch" and "run 42 status: completed\n" or ""), r.stdout)
    end
    server.close()
  end)

  it("refuses ids and durations that are none", function()
    local opts = { env = common.env "http://127.0.0.1:1" }
    for _, line in ipairs { "runs watch 0", "runs watch x", "runs get -1", "runs logs", "runs watch 42 --interval 0s",
        "runs list --offset -1", "versions get 0 --app hello", "runs create --app hello --input [1]",
        "runs create --app hello --input x", "runs create --app hello --max-retries -1", "tokens create --role root",
        "apps create", "apps create Hello", "apps create hello --name other" } do
      local r = common.cli(line, opts)
      S.truth(r, r.status == 1 and r.stdout == "" and r.stderr:find("^error: [^\n]+\n$"), line)
      S.status(common.tool(line, opts), 2)
    end
  end)
end)
