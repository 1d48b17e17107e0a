-- The instruments of the black-box tests themselves: a driver that misreports would make every other proof worthless.
local spec = require "lib.spec"
local json, schema = spec.json, spec.schema
local pattern = require "lib.pattern"
local stub = require "lib.stub_server"

spec.req("SELF-001", "Instruments", function()
  it("driver reports status, both outputs and time", function()
    local r = spec.run { "sh", "-c", "echo out; echo err >&2; exit 3" }
    assert.same({ 3, "out\n", "err\n" }, { r.status, r.stdout, r.stderr })
    assert.is_true(r.elapsed_ms > 0 and r.maxrss > 0)
  end)

  it("driver gives the program no descriptor beyond the standard ones", function()
    assert.equal("0\n1\n2\n3\n", spec.run({ "ls", "/proc/self/fd" }).stdout)
  end)

  it("driver closes standard streams", function()
    local probe = "s=; for n in 0 1 2; do [ -e /proc/$$/fd/$n ] && s=$s$n; done; printf $s > $OUT"
    local out = spec.dir() .. "/seen"
    spec.run({ "sh", "-c", probe }, { stdin = "closed", stdout = "closed", env = { OUT = out } })
    assert.equal("2", spec.slurp(out))
  end)

  it("driver connects terminals of a given size and types on them", function()
    local r = spec.run({ "python3", "-c", "import os\nfor f in (0,1,2): print(os.isatty(f))\n"
      .. "print(os.get_terminal_size().columns, flush=True)\nprint('got', open(0).readline())" },
      { stdin = "pty", stdout = "pty", stderr = "pty2", cols = 132, type = { { "hello\n", when_stdout = "132\n" } } })
    assert.equal("True\nTrue\nTrue\n132\nhello\r\ngot hello\n\n", (r.stdout:gsub("hello\n\n?got", "hello\r\ngot")))
  end)

  it("driver names the signal that ended the program, and sends signals at a moment", function()
    assert.equal(11, spec.run({ "sh", "-c", "kill -SEGV $$" }).signal)
    local r = spec.run({ "sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.01; done" },
      { signals = { { "TERM", when_stdout = "ready" } } })
    assert.equal(9, r.status)
  end)

  it("driver finds processes that outlive the program, also after a double fork", function()
    local r = spec.run { "sh", "-c", "(setsid sh -c 'sleep 30 & sleep 30' >/dev/null 2>&1 &)" }
    assert.is_true(#r.left >= 1)
    assert.equal(0, #spec.run({ "true" }).left)
  end)

  it("driver acts as a reader that leaves, is slow, or as a full disk", function()
    local r = spec.run({ "sh", "-c", "trap '' PIPE; while echo xxxxxxxx; do :; done 2>/dev/null; exit 7" },
      { stdout = { leave = 5 } })
    assert.same({ 7, "xxxxx" }, { r.status, r.stdout })
    r = spec.run({ "head", "-c", "300000", "/dev/zero" }, { stdout = { slow = { bytes = 30000, ms = 10 } } })
    assert.is_true(r.elapsed_ms > 40 and #r.stdout == 300000)
    assert.is_true(spec.run({ "sh", "-c", "echo x" }, { stdout = "/dev/full" }).status ~= 0)
  end)

  it("driver kills what exceeds its time and says so", function()
    local r = spec.run({ "sleep", "20" }, { timeout = 0.2 })
    assert.is_true(r.timed_out and r.elapsed_ms < 1000)
  end)

  it("JSON reader is exact and strict", function()
    assert.equal('{"a":[],"b":{},"n":9223372036854775807}',
      json.encode(json.decode('{"n":9223372036854775807,"b":{},"a":[]}')))
    assert.equal("integer", math.type(json.decode "-9223372036854775808"))
    for _, bad in ipairs { '{"a":1,"a":1}', "[1,]", "01", "NaN", "+1", "1.", '"\\ud800"', '"\1"', "1 2", "", "{a:1}",
      '"\xff"' } do
      assert.is_nil(json.decode(bad), bad)
    end
  end)

  it("schema validator refuses what the envelope schema forbids", function()
    local function problems(text) return #schema.validate(spec.named_schema "response-envelope", json.decode(text)) end
    assert.equal(0, problems '{"ok":true,"data":[],"error":null,"warnings":[],"meta":{"duration_ms":0}}')
    for _, bad in ipairs {
      '{"ok":true,"data":[],"error":null,"warnings":[],"meta":{}}',
      '{"ok":true,"data":"x","error":null,"warnings":[],"meta":{"duration_ms":0}}',
      '{"ok":true,"data":{},"error":null,"warnings":[{}],"meta":{"duration_ms":0}}',
      '{"ok":true,"data":{},"error":null,"warnings":[],"meta":{"duration_ms":0},"partial":true}',
      '{"ok":true,"data":{},"error":{"code":"A"},"warnings":[],"meta":{"duration_ms":0}}',
      '{"ok":true,"data":{},"error":null,"warnings":[],"meta":{"duration_ms":0.5}}',
      '{"ok":true,"data":{},"error":null,"warnings":[],"meta":{"duration_ms":0,"schema_version":"1"}}',
    } do assert.is_true(problems(bad) > 0, bad) end
    local entry = json.decode '{"description":"d","retryable":true,"side_effects":"partial"}'
    assert.is_true(#schema.validate(spec.named_schema "exit-code-entry", entry) > 0)
  end)

  it("pattern matcher knows anchors, classes, groups and counts", function()
    for p, cases in pairs {
      ["^\\d+\\.\\d+$"] = { "1.0", "1.0.0" }, ["^(0|[1-9][0-9]*)$"] = { "10", "010" },
      ["^sha256:[0-9a-f]{4}$"] = { "sha256:00ff", "sha256:00f" }, ["^[^/]+(/[^/]+)*$"] = { "a/b", "a//b" },
      ["ab?c"] = { "xacx", "abbc" }, ["^(?!no)\\w+$"] = { "yes", "nope" },
    } do
      assert.is_true(pattern.match(p, cases[1]), p)
      assert.is_false(pattern.match(p, cases[2]), p)
    end
  end)

  it("a run ends with the test that asked for it", function()
    local file = spec.dir() .. "/pid"
    local function record(key, text) return ("%s %d\\n%s\\n"):format(key, #text, text) end
    local script = "echo $$ > " .. file .. "; exec sleep 60"
    local request = record("exe", "/bin/sh") .. record("arg", "sh") .. record("arg", "-c") .. record("arg", script)
      .. record("env", "PATH=/usr/bin:/bin")
    spec.run { "sh", "-c", ("printf '%s' | %s >/dev/null & while ! [ -s %s ]; do sleep 0.01; done"):format(request,
      spec.paths.helper, file) }
    local pid = spec.slurp(file):match("%d+")
    spec.driver.wait_for(function() return not spec.exists("/proc/" .. pid) end, 5000)
  end)

  it("stub server plays its script and records what it was asked", function()
    local server = stub.start {
      { status = 429, headers = { ["Retry-After"] = "2" }, json = { error = "slow down" } },
      { body = ("y"):rep(1000), half = true }, { reset = true }, { hang = "accept" },
      { body = "slow answer", slow = { bytes = 20, ms = 10 } }, { events = { "data: 1\n\n", "data: 2\n\n" },
        every_ms = 5 },
    }
    local function curl(...) return spec.run({ "curl", "-sS", "-i", "--max-time", "1", server.url .. "/a?b=c",
      ... }) end
    local r = curl("-d", "payload")
    assert.truthy(r.stdout:find("429 Too Many Requests", 1, true) and r.stdout:find("Retry-After: 2", 1, true))
    assert.same({ "POST", "/a", "b=c", "payload" },
      { server.requests[1].method, server.requests[1].path, server.requests[1].query, server.requests[1].body })
    assert.equal(18, curl().status)
    assert.equal(56, curl().status)
    assert.equal(28, curl().status)
    r = curl()
    assert.truthy(r.stdout:find("slow answer", 1, true) and r.elapsed_ms > 20)
    assert.truthy(curl().stdout:find("data: 1\n\ndata: 2", 1, true))
    assert.equal(6, #server.requests)
    server.close()
    assert.equal(7, spec.run({ "curl", "-sS", server.url }).status)
  end)
end)
