-- ctx.store: values that outlive the run, whole or not at all, one store per suite or plugin.
local S = require "lib.spec"

local COMMANDS = S.paths.root .. "/modules/commands"

-- Runs the operations with the home directory `home`; gives the run.
local function run(home, ops, suite)
  return S.tool({ suite or "srv", "keep", "--do", S.json.encode(S.json.array(ops)) },
    { env = { HOME = home, XDG_DATA_HOME = home .. "/data", TOOL_COMMANDS_PATH = COMMANDS } })
end

local function results(home, ops, suite)
  return S.status(run(home, ops, suite), 0).envelope.data
end

S.req("REQ-MODULE-STORE", "The store", function()
  it("keeps what JSON can hold, exactly, across runs", function()
    local home = S.dir "home"
    local values = { "text", "ä€😀", "", 0, -1, 9007199254740993, 1.5, true, false, S.json.array {}, S.json.object {},
      { list = S.json.array { 1, "two", S.json.object { three = S.json.null } } } }
    local puts, gets = {}, {}
    for i, value in ipairs(values) do
      puts[i] = { "put", "key " .. i, value }
      gets[i] = { "get", "key " .. i }
    end
    results(home, puts)
    assert.equal(S.json.encode(S.json.array(values)), S.json.encode(results(home, gets)))
  end)

  it("put replaces, delete says whether there was something, a missing key is nothing", function()
    local home = S.dir "home"
    local r = run(home, { { "get", "a" }, { "put", "a", 1 }, { "put", "a", 2 }, { "get", "a" }, { "delete", "a" },
      { "delete", "a" }, { "get", "a" } })
    S.equal(r, S.json.array { S.json.null, S.json.null, S.json.null, 2, true, false, S.json.null }, r.envelope.data)
  end)

  it("list gives the keys with a prefix in order, and takes no character as a wild card", function()
    local home = S.dir "home"
    results(home, { { "put", "b/2", 2 }, { "put", "b/1", 1 }, { "put", "b%", 3 }, { "put", "c", 4 },
      { "put", "B/1", 5 } })
    local function keys(...)
      local out = {}
      for _, item in ipairs(results(home, { { "list", ... } })[1]) do out[#out + 1] = item.key end
      return table.concat(out, " ")
    end
    assert.equal("b/1 b/2", keys "b/")
    assert.equal("b%", keys "b%")
    assert.equal("", keys "x")
    assert.equal("B/1 b% b/1 b/2 c", keys())
  end)

  it("a batch is done as a whole or not at all", function()
    local home = S.dir "home"
    results(home, { { "put", "a", 1 }, { "batch", S.json.array { S.json.array { "put", "b", 2 },
      S.json.array { "delete", "a" } } } })
    local r = run(home, { { "batch", S.json.array { S.json.array { "put", "c", 3 }, S.json.array { "bogus", "b" } } } })
    S.failed(r, 1, "COMMAND_FAILED")
    r = run(home, { { "get", "a" }, { "get", "b" }, { "get", "c" } })
    S.equal(r, S.json.array { S.json.null, 2, S.json.null }, r.envelope.data)
  end)

  it("one suite does not see another's values", function()
    local home = S.dir "home"
    results(home, { { "put", "a", "mine" } })
    local r = run(home, { { "get", "a" } }, "other")
    S.equal(r, S.json.array { S.json.null }, r.envelope.data)
  end)

  it("the files are for their owner only", function()
    local home = S.dir "home"
    results(home, { { "put", "a", 1 } })
    local uv = require "luv"
    local found
    for _, path in ipairs(S.tree(home .. "/data")) do
      if path:find("%.db$") then
        found = true
        assert.equal(384, uv.fs_stat(home .. "/data/" .. path).mode & 511)
        assert.equal(448, uv.fs_stat((home .. "/data/" .. path):match("^(.*)/")).mode & 511)
      end
    end
    assert.is_true(found)
  end)

  it("two runs at once lose nothing", function()
    local home = S.dir "home"
    local jobs = {}
    for i = 1, 8 do
      local ops = {}
      for k = 1, 20 do ops[k] = { "put", ("%d-%02d"):format(i, k), k } end
      jobs[i] = { { "srv", "keep", "--do", S.json.encode(S.json.array(ops)) },
        { env = { HOME = home, XDG_DATA_HOME = home .. "/data", TOOL_COMMANDS_PATH = COMMANDS } } }
    end
    for _, r in ipairs(S.tool_all(jobs, 8)) do S.status(r, 0) end
    assert.equal(160, #results(home, { { "list" } })[1])
  end)

  it("a file that is no database is an error that says so, and is left alone", function()
    local home = S.dir "home"
    results(home, { { "put", "a", 1 } })
    local path
    for _, name in ipairs(S.tree(home .. "/data")) do
      if name:find("srv%.db$") then path = home .. "/data/" .. name end
    end
    for _, more in ipairs { "-wal", "-shm" } do os.remove(path .. more) end
    S.spit(path, ("no database "):rep(100))
    S.failed(run(home, { { "get", "a" } }), 1, "STORE_ERROR")
    assert.equal(("no database "):rep(100), S.slurp(path))
  end)

  it("raw tables are for first-party commands only", function()
    local r = run(S.dir "home", { { "open", ":memory:" } })
    S.failed(r, 1, "COMMAND_FAILED")
    S.truth(r, r.stderr:find("attempt to call a nil value", 1, true), "ctx.store.open exists")
  end)
end)
