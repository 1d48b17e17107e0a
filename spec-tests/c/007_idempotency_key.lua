-- REQ-C-007: a key makes a command run once.
local S = require "lib.spec"
local stub = require "lib.stub_server"

local function count(file, home, ...)
  return S.tool({ "fx", "count", "--file", file, ... }, { env = { HOME = home, MY_PIN = "correct-horse-battery" } })
end

local function runs(file) return #S.lines(S.slurp(file) or "") end

-- The records below a home directory, as text.
local function records(home)
  local all = {}
  for _, name in ipairs(S.tree(home .. "/.local/share/tool/idempotency")) do
    if name:find("%.json$") then all[#all + 1] = S.slurp(home .. "/.local/share/tool/idempotency/" .. name) end
  end
  return all
end

S.req("REQ-C-007", "Mutating commands accept --idempotency-key", function()
  it("1 the same key twice: noop, nothing happens again", function()
    local file, home = S.dir() .. "/n", S.dir "home"
    S.equal(count(file, home, "--idempotency-key", "k"), 1, runs(file), "runs")
    for _ = 1, 2 do
      local r = S.status(count(file, home, "--idempotency-key", "k"), 0)
      S.equal(r, "noop", r.envelope.data.effect, "effect")
      S.equal(r, true, r.envelope.meta.idempotency_hit, "meta.idempotency_hit")
      S.equal(r, 1, runs(file), "runs")
    end
    local r = S.status(count(file, home), 0)
    S.equal(r, 2, runs(file), "runs without a key")
    S.equal(r, nil, r.envelope.meta.idempotency_hit, "meta.idempotency_hit")
    count(file, home, "--idempotency-key", "other")
    assert.equal(3, runs(file))
  end)

  it("2 the data is that of the first call but for the effect, in its order", function()
    local file, home = S.dir() .. "/n", S.dir "home"
    local first = count(file, home, "--idempotency-key", "k", "--step", "4")
    local second = count(file, home, "--idempotency-key", "k", "--step", "4")
    assert.equal((S.raw(first, "data"):gsub('"created"', '"noop"')), S.raw(second, "data"))
  end)

  it("3 auto is the same key for the same call in one session, another otherwise", function()
    local file, home = S.dir() .. "/n", S.dir "home"
    local function auto(trace, ...)
      return S.status(S.tool({ "fx", "count", "--file", file, "--idempotency-key", "auto", ... },
        { env = { HOME = home, TOOL_TRACE_ID = trace } }), 0).envelope.data.effect
    end
    assert.equal("created", auto "t1")
    assert.equal("noop", auto "t1")
    assert.equal("created", auto "t2")
    assert.equal("created", auto("t1", "--step", "2"))
    assert.equal("noop", auto("t1", "--step", "2"))
    assert.equal(3, runs(file))
  end)

  it("4 the flag is there for all mutating and destructive commands and for no safe one", function()
    for path, entry in pairs(S.commands()) do
      local flag = entry.flags["idempotency-key"]
      assert.equal(entry.danger_level ~= "safe", flag ~= nil, path)
      if flag then assert.same({ "string", false }, { flag.type, flag.required }, path) end
    end
    local r, text = S.check "own-key-flag"
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("--idempotency-key is registered by the framework", 1, true), text)
  end)

  it("20 calls at once with one key act once; the others wait and give the same answer", function()
    local file, home, jobs = S.dir() .. "/n", S.dir "home", {}
    for i = 1, 20 do
      jobs[i] = { { "fx", "count", "--file", file, "--idempotency-key", "k", "--wait", "200ms" }, { env = { HOME = home } } }
    end
    local effects = {}
    for _, r in ipairs(S.tool_all(jobs, 20)) do
      S.status(r, 0)
      S.equal(r, 1, r.envelope.data.runs, "runs")
      effects[r.envelope.data.effect] = (effects[r.envelope.data.effect] or 0) + 1
    end
    assert.same({ created = 1, noop = 19 }, effects)
    assert.equal(1, runs(file))
  end)

  it("the same key with other arguments is refused; another command has keys of its own", function()
    local file, home = S.dir() .. "/n", S.dir "home"
    S.status(count(file, home, "--idempotency-key", "k"), 0)
    local e = S.failed(count(file, home, "--idempotency-key", "k", "--step", "2"), 6, "IDEMPOTENCY_KEY_REUSED")
    assert.is_false(e.retryable)
    assert.equal(1, runs(file))
    local r = S.status(S.tool({ "fx", "set", "--file", S.dir() .. "/v", "a", "1", "--idempotency-key", "k" },
      { env = { HOME = home } }), 0)
    S.equal(r, "created", r.envelope.data.effect, "effect")
  end)

  it("only successes are kept, and a dry run neither keeps nor uses a key", function()
    local file, home = S.dir() .. "/n", S.dir "home"
    for n = 1, 2 do
      local r = count(file, home, "--idempotency-key", "k", "--fail")
      S.truth(r, r.status ~= 0 and runs(file) == n, "a failure was kept")
    end
    S.status(count(file, home, "--idempotency-key", "k", "--dry-run"), 0)
    assert.same({}, records(home))
    S.status(count(file, home, "--idempotency-key", "k"), 0)
    local r = S.status(count(file, home, "--idempotency-key", "k", "--dry-run"), 0)
    S.equal(r, "would_create", r.envelope.data.effect, "effect of a dry run")
    assert.equal(1, #records(home))
    assert.equal(3, runs(file))
  end)

  it("a run that is killed leaves no record and no lock; one whose answer was lost is not repeated", function()
    local file, home = S.dir() .. "/n", S.dir "home"
    local opts = { env = { HOME = home }, shape = "none", settle_ms = 1000,
      signals = { { "KILL", when_stderr = "ready", to = "group" } } }
    S.tool({ "fx", "count", "--file", file, "--idempotency-key", "k", "--wait", "1h", "--verbose" }, opts)
    assert.same({}, records(home))
    local r = S.status(count(file, home, "--idempotency-key", "k", "--wait", "1h", "--timeout", "200ms"), 10)
    S.truth(r, r.elapsed_ms < 2000, "waited " .. r.elapsed_ms .. " ms for the lock")
    S.equal(r, 0, runs(file), "runs")
    S.tool({ "fx", "count", "--file", file, "--idempotency-key", "k" },
      { env = { HOME = home }, shape = "none", stdout = "closed" })
    assert.equal(1, runs(file))
    r = S.status(count(file, home, "--idempotency-key", "k"), 0)
    S.equal(r, "noop", r.envelope.data.effect, "effect")
    assert.equal(1, runs(file))
  end)

  it("a record that is damaged does not count, one that is too old neither", function()
    local file, home = S.dir() .. "/n", S.dir "home"
    count(file, home, "--idempotency-key", "k")
    local dir = home .. "/.local/share/tool/idempotency/fx.count"
    local path = dir .. "/" .. S.list(dir)[1]
    local text = S.slurp(path)
    S.spit(path, text:sub(1, #text // 2))
    local r = S.status(count(file, home, "--idempotency-key", "k"), 0)
    S.equal(r, 2, runs(file), "runs after damage")
    local changed, n = S.slurp(path):gsub('"expires_ms":%d+', '"expires_ms":1')
    assert.equal(1, n)
    S.spit(path, changed)
    r = S.status(count(file, home, "--idempotency-key", "k"), 0)
    S.equal(r, 3, runs(file), "runs after expiry")
    local expires = math.tointeger(S.slurp(path):match('"expires_ms":(%d+)'))
    local hours = (expires / 1000 - os.time()) / 3600
    S.truth(r, hours > 23.9 and hours <= 24.1, "kept for " .. hours .. " hours")
  end)

  it("records are their owner's alone and hold no secret and no key", function()
    local file, home = S.dir() .. "/n", S.dir "home"
    S.status(count(file, home, "--idempotency-key", "my-own-key", "--pin-from-env", "MY_PIN", "--leak",
      "it is correct-horse-battery staple"), 0)
    local all = records(home)
    assert.equal(1, #all)
    assert.is_nil(all[1]:find("correct-horse-battery", 1, true), all[1])
    assert.truthy(all[1]:find("[REDACTED]", 1, true), all[1])
    assert.is_nil(all[1]:find("my-own-key", 1, true))
    local r = S.run({ "stat", "-c", "%a", home .. "/.local/share/tool/idempotency/fx.count" })
    assert.equal("700\n", r.stdout)
    for _, name in ipairs(S.tree(home .. "/.local/share/tool/idempotency")) do
      assert.is_nil(name:find("%.lock$"), name)
      if name:find("json$") then
        r = S.run({ "stat", "-c", "%a", home .. "/.local/share/tool/idempotency/" .. name })
        assert.equal("600\n", r.stdout)
      end
    end
  end)

  it("with the same key a second create is a noop, without one it is ALREADY_EXISTS", function()
    local file, home = S.dir() .. "/n", S.dir "home"
    count(file, home, "--exists", "--idempotency-key", "k")
    S.status(count(file, home, "--exists", "--idempotency-key", "k"), 0)
    S.failed(count(file, home, "--exists"), 6, "ALREADY_EXISTS")
  end)

  it("the key goes along with requests that change something", function()
    local server = stub.start { { json = { ok = true } } }
    local home = S.dir "home"
    for i = 1, 2 do
      local r = S.status(S.tool({ "fx", "post", server.url .. "/", "--idempotency-key", "k" }, { env = { HOME = home } }), 0)
      S.equal(r, i == 1 and "created" or "noop", r.envelope.data.effect, "effect")
    end
    assert.equal(1, #server.requests)
    assert.equal("k", server.requests[1].headers["idempotency-key"])
    server.close()
  end)
end)
