-- `tool test`: an author's tests, each call a process of its own, every answer held against the contract.
local S = require "lib.spec"
local uv = require "luv"

local ASK = [[
return {
  about = "Ask", danger = "safe", scopes = {}, network = true,
  args = { { "url", "url", "Where", at = 1, required = true } },
  returns = { size = "integer" },
  exits = { SUCCESS = "It is asked" },
  errors = { GONE = { "It is gone.", exit = "NOT_FOUND" }, NEVER = { "It never happens.", exit = "CONFLICT" } },
  run = function(args, ctx)
    local r, err = ctx.http.try.post(args.url, { json = { a = 1, b = { 2 } } })
    if not r then ctx.fail(err) end
    if r.status == 404 then ctx.fail("GONE") end
    return { size = #r.body }
  end,
}
]]

-- A plugin fxp with these command and test files; gives its folder.
local function plugin(commands, tests)
  local dir = S.dir "p" .. "/fxp"
  for _, name in ipairs { "", "/commands", "/tests" } do uv.fs_mkdir(dir .. name, 448) end
  S.spit(dir .. "/plugin.lua", 'return { name = "fxp", version = "1.0.0", about = "A", api = 1 }')
  for name, text in pairs(commands) do S.spit(dir .. "/commands/" .. name, text) end
  for name, text in pairs(tests) do S.spit(dir .. "/tests/" .. name, text) end
  return dir
end

-- Runs `tool test` on a plugin whose one test file returns `body`; gives the run and name -> result.
local function results(body, commands, ...)
  local dir = plugin(commands or { ["ask.lua"] = ASK }, { ["ask.lua"] = "return {\n" .. body .. "\n}" })
  local r = S.tool({ "test", dir, ... }, { timeout = 60 })
  local by_name = {}
  for _, one in ipairs(type(r.envelope.data) == "table" and r.envelope.data.tests or {}) do by_name[one.name] = one end
  return r, by_name
end

local function failing(body, text, commands)
  local r, all = results(body, commands)
  S.failed(r, 1, "TESTS_FAILED")
  for _, one in pairs(all) do
    S.equal(r, false, one.ok, one.name)
    S.truth(r, one.message:find(text, 1, true), "the message does not say: " .. text)
  end
end

S.req("KIT-TEST", "tool test", function()
  it("runs cases and functions, and counts them with their time and place", function()
    local r, all = results [[
      { "asks", args = "fxp ask {server}/a", server = { ["POST /a"] = { body = "hello" } },
        expect = { data = { size = 5 }, requests = { { "POST", "/a", json = { a = 1, b = { 2 } } } } } },
      { "asks a function", args = "fxp ask {server}/a", server = { ["POST /a"] = { body = "hello" } },
        expect = { requests = function(list) return #list == 1 and list[1].json.a == 1 end } },
      fn = function(t) t.server { ["POST /b"] = { json = { 1 } } } t.equal(3, t.run("fxp ask {server}/b").data.size) end ]]
    S.status(r, 0)
    local data = r.envelope.data
    S.equal(r, { 3, 0 }, { data.passed, data.failed })
    S.equal(r, { 2, 6 }, { all.asks.line, all.fn.line }, "lines")
    S.equal(r, { 1, 1 }, { all.asks.runs, all.fn.runs }, "runs")
    S.truth(r, all.asks.ms > 0, "no time")
    S.equal(r, { "fxp ask: GONE", "fxp ask: NEVER" }, data.unproven)
  end)

  it("plays a service: replies in turn, by a function, late, cut, hanging, absent", function()
    local r = results [[
      { "in turn", args = "fxp ask {server}/a", server = { ["POST /{x}"] = { { status = 404 }, { body = "x" } } },
        expect = { error = "GONE" } },
      { "by a function", args = "fxp ask {server}/a?n=7",
        server = { ["POST /{x}"] = function(q) return { body = ("x"):rep(q.query.n) .. q.params.x } end },
        expect = { data = { size = 8 }, requests = { "POST /a?n=7" } } },
      { "late", args = "fxp ask {server}/a", server = { ["POST /a"] = { body = "x", delay = "50ms" } } },
      { "cut", args = "fxp ask {server}/a", server = { ["POST /a"] = { body = ("x"):rep(1000), fault = "cut" } },
        expect = { error = "RESPONSE_INCOMPLETE" } },
      { "hanging", args = "fxp ask {server}/a --timeout 300ms", server = { ["POST /a"] = { fault = "hang" } },
        expect = { exit = 10, error = { code = "TIMEOUT" } } },
      { "absent", args = "fxp ask {server}/a", server = "closed", expect = { exit = 12 } } ]]
    S.status(r, 0)
    S.equal(r, 6, r.envelope.data.passed)
  end)

  it("hands over environment, standard input and files, and looks at files afterwards", function()
    local r = results([[
      { "all", args = { "fxp", "cat", "in.txt", "out.txt", "--word", "two words" }, env = { FXP_END = "{dir}" },
        stdin = "from stdin", files = { ["in.txt"] = "from a file" },
        expect = { data = { tail = function(v) return v:sub(1, 1) == "/" end },
          files = { ["out.txt"] = "from a file two words from stdin", none = false } } } ]], { ["cat.lua"] = [[
      return { about = "Cat", danger = "mutating", scopes = {}, stdin = true, returns = { tail = "string" },
        args = { { "from", "path", "F", at = 1, access = "read" }, { "to", "path", "T", at = 2, access = "write" },
          { "word", "string", "W", loose = true }, { "tail", "string", "E", env = "FXP_END", loose = true } },
        exits = { SUCCESS = "Done" }, preview = function(_, ctx) return ctx.would("update", {}) end,
        run = function(args, ctx)
          ctx.files.write(args.to, ctx.files.read(args.from) .. " " .. args.word .. " " .. ctx.input.text())
          return ctx.updated { tail = args.tail }
        end } ]] })
    S.status(r, 0)
  end)

  it("says what differs, where, and how to see it", function()
    local r, all = results [[
      { "data", args = "fxp ask {server}/a", server = { ["POST /a"] = { body = "hello" } }, expect = { data = { size = 6 } } } ]]
    local e = S.failed(r, 1, "TESTS_FAILED")
    S.equal(r, "1 of 1 tests failed.", e.message)
    for _, part in ipairs { "data.size: 6 expected, got 5", "command: tool fxp ask http://127.0.0.1:", "stdout:" } do
      S.truth(r, all.data.message:find(part, 1, true), part)
    end
  end)

  it("each expectation can fail", function()
    local server = [[ args = "fxp ask {server}/a", server = { ["POST /a"] = { body = "hello" } }, ]]
    failing("{ 'a'," .. server .. "expect = { exit = 1 } }", "exit 1 expected, got 0")
    failing("{ 'a'," .. server .. "expect = { error = 'GONE' } }", "an error is expected, the command succeeded")
    failing("{ 'a'," .. server .. "expect = { requests = {} } }", "0 requests expected, got 1: POST /a")
    failing("{ 'a'," .. server .. "expect = { requests = { { 'POST', '/a', json = { a = 2 } } } } }",
      "requests[1].json.a: 2 expected")
    failing("{ 'a'," .. server .. "expect = { requests = function(list) return #list == 2, 'one' end } }",
      "is not as expected: one")
    failing("{ 'a'," .. server .. "expect = { requests = { 'GET /a' } } }", 'requests[1].method: "GET" expected')
    failing("{ 'a'," .. server .. "expect = { warnings = {} } }", "no warnings expected")
    failing("{ 'a'," .. server .. "expect = { warnings = { 'zzz' } } }", 'no warning holds "zzz"')
    failing("{ 'a'," .. server .. "expect = { stdout = 'zzz' } }", 'stdout does not hold "zzz"')
    failing("{ 'a'," .. server .. "expect = { files = { x = 'y' } } }", "x is not there")
    failing("{ 'a'," .. server .. "expect = { meta = { command = 'b' } } }", 'meta.command: "b" expected')
    failing("{ 'a'," .. server .. "expect = { data = { size = function(v) return v > 9, 'too small' end } } }", "too small")
    failing("a = function(t) t.equal({ 1 }, { 1, 2 }) end", "1 items expected, got 2")
    failing("a = function(t) t.like({ x = 1 }, { x = 2 }) end", "value.x: 1 expected, got 2")
    failing("a = function(t) t.truth(nil, 'no truth') end", "no truth")
    failing("a = function(t) t.find('abc', 'x') end", '"x" is not in "abc"')
    failing("a = function(t) t.fail('stop') end", "ask.lua:2: stop")
  end)

  it("a test that is wrong itself fails and says so", function()
    failing("{ 'a', arg = 'x' }", "a case has no key arg; did you mean args?")
    failing("{ 'a', args = 'fxp ask x', expect = { dat = {} } }", "expect has no key dat; did you mean data?")
    failing("{ 'a' }", "a case needs args")
    failing("{ 'a', args = [[fxp 'x]] }", "ends inside quotes")
    failing("a = function(t) t.nothing() end", "attempt to call a nil value")
    failing("a = 3", "is a function of t")
    failing("} end", "expected")
    failing("a = function(t) t.file('../x', '') end", "relative to t.dir")
    failing("{ 'a', args = 'fxp ask {server}/a', server = { ['POST /a'] = { statsu = 1 } } }", "a reply has no statsu")
    failing("{ 'a', args = 'fxp ask {server}/a', server = {}, expect = { error = 'GONE' } }",
      "POST /a was asked for and has no route")
  end)

  it("an answer that does not fit the contract fails, whatever the test expects", function()
    local lying = ASK:gsub("return { size = #r.body }", "return { size = 'x' }")
    failing("{ 'a', args = 'fxp ask {server}/a', server = { ['POST /a'] = { body = 'x' } }, expect = { exit = 1 } }",
      "OUTPUT_INVALID", { ["ask.lua"] = lying:gsub("exits = { SUCCESS", "exits = { SUCCESS") })
  end)

  it("--strict fails for each declared error that no test made", function()
    local r, all = results([[
      { "gone", args = "fxp ask {server}/a", server = { ["POST /a"] = { status = 404 } }, expect = { error = "GONE" } } ]],
      nil, "--strict")
    S.failed(r, 1, "TESTS_FAILED")
    S.equal(r, true, all.gone.ok)
    S.equal(r, false, all["fxp ask fails with NEVER"].ok)
    S.equal(r, nil, all["fxp ask fails with GONE"])
  end)

  it("--only chooses; nothing to run is TESTS_NOT_FOUND; no such path is NOT_FOUND", function()
    local body = "one = function() end, two = function() end"
    local r = results(body, nil, "--only", "tw")
    S.equal(r, 1, S.status(r, 0).envelope.data.passed)
    S.equal(r, 2, S.status(results(body, nil, "--only", "ask.lua"), 0).envelope.data.passed)
    S.failed((results(body, nil, "--only", "three")), 5, "TESTS_NOT_FOUND")
    S.failed((results(body, nil, "--only", "/fxp/")), 5, "TESTS_NOT_FOUND") -- above the plugin's folder
    S.failed(S.tool { "test", S.dir "empty" }, 5, "TESTS_NOT_FOUND")
    S.failed(S.tool { "test", "/nowhere" }, 5, "NOT_FOUND")
  end)

  it("finds the tests of a command, beside it or in the plugin's folder", function()
    local dir = plugin({ ["ask.lua"] = ASK, ["ask.test.lua"] = "return { beside = function() end }" },
      { ["ask.test.lua"] = "return { apart = function() end }", ["other.lua"] = "return { no = function() end }" })
    local function names(path)
      local list = {}
      for i, one in ipairs(S.status(S.tool { "test", path }, 0).envelope.data.tests) do list[i] = one.name end
      return table.concat(list, " ")
    end
    assert.equal("beside apart", names(dir .. "/commands/ask.lua"))
    assert.equal("no", names(dir .. "/tests/other.lua"))
    assert.equal("beside apart no", names(dir))
  end)

  it("each test has an empty home and sees nothing of the caller's configuration", function()
    local home = S.dir "home"
    S.status(S.tool("config set default_timeout_ms 1234 --global", { env = { HOME = home } }), 0)
    local dir = plugin({ ["ask.lua"] = ASK }, { ["ask.lua"] = [[return {
      { "a", args = "config get default_timeout_ms", expect = { exit = 5 } },
      b = function(t) t.find(t.run("config list").envelope.meta.audit_log_path, t.base .. "/home/") end }]] })
    local r = S.tool({ "test", dir }, { env = { HOME = home, FOREIGN = "x" } })
    S.truth(r, r.status == 0, "a test saw the caller's configuration")
  end)

  it("a terminal shows one line for each test and the count", function()
    local dir = plugin({ ["ask.lua"] = ASK },
      { ["ask.lua"] = "return { good = function() end, wrong = function(t) t.fail('that') end }" })
    local r = S.status(S.tool({ "test", dir }, S.terminal { env = { NO_COLOR = false } }), 1)
    S.truth(r, r.stdout:find("ok 1 - good (", 1, true), "no line of the good one")
    S.truth(r, r.stdout:find("not ok 2 - wrong (", 1, true), "no line of the wrong one")
    S.truth(r, r.stdout:find("1 passed, 1 failed", 1, true), "no count")
  end)
end)
