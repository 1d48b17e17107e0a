-- Where openproxy looks for the service and the key: flags, environment, profile, what a service on this machine left.
local S = require "lib.spec"
local stub = require "lib.stub_server"
local common = require "suites.openproxy.common"
local openproxy = common.openproxy

-- The bytes of a file below a directory, which is made.
local function put(path, text)
  os.execute("mkdir -p '" .. path:match("^(.*)/") .. "'")
  return S.spit(path, text)
end

S.req("OPENPROXY-PLACES", "where openproxy finds the service and the key", function()
  local server, other
  setup(function() server, other = common.service(), common.service() end)
  teardown(function()
    server.close()
    other.close()
  end)

  -- Runs `usage summary` and gives the key that arrived at `at` (false: none did).
  local function key_at(at, args, env)
    server.forget()
    other.forget()
    local words = common.words(args or "")
    table.move({ "--robot", "usage", "summary" }, 1, 3, #words + 1, words)
    local r = openproxy(words, { env = env, may_differ = true })
    S.status(r, 0)
    local seen = at.seen("GET /api/usage/summary")
    S.truth(r, #seen == 1, "the other service was asked")
    return seen[1].headers["x-api-key"] or false
  end

  local function home(files)
    local dir = S.dir "home"
    for name, text in pairs(files or {}) do put(dir .. "/" .. name, text) end
    return dir
  end

  local CONFIG = ".config/openproxy/config.toml"

  it("a flag comes before the environment, that before the profile", function()
    local config = ('default_profile = "a"\n[profiles.a]\nurl = "%s/"\napi_key = "key-of-a"\n[profiles.b]\nurl = "%s"\n'
      .. 'api_key = "key-of-b"\napi_key_env = "MY_OWN_KEY"\n'):format(other.url, other.url)
    local dir = home { [CONFIG] = config }
    assert.equal("key-of-a", key_at(other, "", { HOME = dir }))
    assert.equal("key-of-b", key_at(other, "--profile b", { HOME = dir }))
    assert.equal("key-of-b", key_at(other, "", { HOME = dir, OPENPROXY_PROFILE = "b" }))
    assert.equal("key-of-env", key_at(other, "--profile b", { HOME = dir, MY_OWN_KEY = " key-of-env " }))
    assert.equal("key-of-a", key_at(server, "--url " .. server.url, { HOME = dir }))
    assert.equal("from-env", key_at(server, "", { HOME = dir, OPENPROXY_URL = server.url .. "//", OPENPROXY_API_KEY = "from-env" }))
    assert.equal("from-flag", key_at(server, "--api-key from-flag --url " .. server.url, { HOME = dir, OPENPROXY_URL = other.url,
      OPENPROXY_API_KEY = "from-env" }))
    assert.equal("key-of-a", key_at(other, "", { HOME = dir, OPENPROXY_URL = "", OPENPROXY_API_KEY = "" }))
  end)

  it("the configuration file can lie elsewhere", function()
    local text = ('default_profile = "a"\n[profiles.a]\nurl = "%s"\n'):format(other.url)
    local path = put(S.dir() .. "/own.toml", text)
    assert.equal(false, key_at(other, "", { OPENPROXY_CONFIG = path }))
    assert.equal(false, key_at(other, "--config-file " .. path, {}))
    local xdg = S.dir()
    put(xdg .. "/openproxy/config.toml", text)
    assert.equal(false, key_at(other, "", { XDG_CONFIG_HOME = xdg }))
  end)

  it("a file or a profile that is of no use is told and counts as none", function()
    local env = { HOME = home { [CONFIG] = "not = = toml" }, OPENPROXY_URL = server.url }
    assert.equal(false, key_at(server, "", env))
    local r = S.status(common.tool("usage summary", { env = env }), 0)
    S.truth(r, table.concat(r.envelope.warnings):find("CONFIG_IGNORED: .*config.toml is not TOML"), "no warning")
    env = { HOME = home(), OPENPROXY_URL = server.url }
    assert.equal(false, key_at(server, "--profile nobody", env))
    r = S.status(common.tool("usage summary --profile nobody", { env = env }), 0)
    S.truth(r, table.concat(r.envelope.warnings):find("PROFILE_UNKNOWN: There is no profile nobody", 1, true), "no warning")
  end)

  it("a running service leaves its address in the data directory", function()
    for text in pairs { ["127.0.0.1:%d"] = 1, ["  0.0.0.0:%d\n"] = 1, [":%d"] = 1, ["localhost:%d\n"] = 1 } do
      local dir = home { [".openproxy/openproxy.endpoint"] = text:format(server.port), ["elsewhere/openproxy.endpoint"] =
        ("127.0.0.1:%d"):format(other.port) }
      assert.equal(false, key_at(server, "", { HOME = dir }))
      assert.equal(false, key_at(other, "--data-dir " .. dir .. "/elsewhere", { HOME = dir }))
      assert.equal(false, key_at(other, "", { HOME = dir, DATA_DIR = dir .. "/elsewhere" }))
      assert.equal(false, key_at(other, "", { HOME = dir, OPENPROXY_DATA_DIR = dir .. "/elsewhere" }))
      put(dir .. "/" .. CONFIG, ('default_profile = "a"\n[profiles.a]\ndata_dir = "%s/elsewhere"\n'):format(dir))
      assert.equal(false, key_at(other, "", { HOME = dir }))
      assert.equal(false, key_at(server, "--data-dir " .. dir .. "/.openproxy", { HOME = dir }))
    end
  end)

  it("an address that is none leaves the usual one", function()
    local usual = stub.closed_port() ~= 4623
    for _, text in ipairs { "127.0.0.1", "127.0.0.1:99999", "127.0.0.1:4x", "a b:80", "" } do
      local r = openproxy("--robot usage summary", { env = { HOME = home { [".openproxy/openproxy.endpoint"] = text } } })
      S.truth(r, usual and (r.status == 0 or r.stdout:find("http://127.0.0.1:4623", 1, true)), "another address")
    end
  end)

  it("the key is the first active one of the service's own store", function()
    local function stored(files) return key_at(server, "", { HOME = home(files), OPENPROXY_URL = server.url }) end
    local json = '{"apiKeys":[{"id":"1","name":"a","key":"off-key","isActive":false},{"id":"2","name":"b","key":"json-key"},'
      .. '{"id":"3","name":"c","key":"later-key","isActive":true}]}'
    assert.equal("json-key", stored { [".openproxy/db.json"] = json })
    assert.equal("later-key", stored { [".openproxy/db.json"] = json:gsub('"key":"json%-key"', '"key":"x","isActive":false') })
    assert.equal("null-key", stored { [".openproxy/db.json"] = '{"apiKeys":[{"key":"null-key","isActive":null}]}' })
    assert.equal(false, stored { [".openproxy/db.json"] = json, [".openproxy/.migrated-from-json"] = "" })
    for _, broken in ipairs { "{", "[]", '{"apiKeys":7}', '{"apiKeys":[1,{"key":5}]}' } do
      assert.equal(false, stored { [".openproxy/db.json"] = broken })
    end
    assert.equal(common.KEY, key_at(server, "", common.env(server.url, { HOME = home { [".openproxy/db.json"] = json } })))
  end)

  it("reads the service's SQLite store, also while the service has it open", function()
    local dir = home { [".openproxy/db.json"] = '{"apiKeys":[{"key":"json-key"}]}' }
    local path, opened = dir .. "/.openproxy/openproxy.sqlite", dir .. "/opened"
    local sql = "CREATE TABLE apiKeys(id,key,name,machineId,isActive,createdAt);"
      .. "INSERT INTO apiKeys(id,key,isActive) VALUES('1','off-key',0),('2','sqlite-key',1),('3','later',NULL);"
    local write = "import sqlite3,sys,time\nc=sqlite3.connect(sys.argv[1])\nc.execute('pragma journal_mode=wal')\n"
      .. "c.executescript(sys.argv[2])\nc.commit()\n"
    assert.equal(0, S.run({ "python3", "-c", write, path, sql }, {}).status)
    local env = { HOME = dir, OPENPROXY_URL = server.url }
    assert.equal("sqlite-key", key_at(server, "", env))
    local names = S.list(dir .. "/.openproxy")
    key_at(server, "", env)
    S.equal({ argv = {}, stdout = "", stderr = "" }, names, S.list(dir .. "/.openproxy"), "files")
    -- the service is running: its latest change is in the log beside the file
    local owner = S.driver.start({ "python3", "-c", write .. "open(sys.argv[3],'w').close()\nsys.stdin.read()", path,
      "UPDATE apiKeys SET isActive = 0 WHERE id = '2'", opened }, { stdin = "open", timeout = 30,
        signals = { { "TERM", when_file = opened .. ".stop" } } })
    S.driver.wait_for(function() return S.exists(opened) end, 10000)
    assert.equal("later", key_at(server, "", env))
    S.spit(opened .. ".stop", "")
    S.driver.finish(owner)
    for _, name in ipairs { "-wal", "-shm" } do os.remove(path .. name) end
    S.spit(path, "no database at all")
    assert.equal("json-key", key_at(server, "", env))
  end)

  it("the key is never shown", function()
    local secret = "k3y-that-nobody-sees"
    local r = openproxy("usage summary --api-key " .. secret .. " --debug --url " .. server.url, { env = { HOME = home() } })
    S.truth(S.status(r, 0), not (r.stdout .. r.stderr):find(secret, 1, true), "the key is shown")
    local e = S.failed(common.tool("usage summary --api-key " .. secret), 2, "SECRET_ON_COMMAND_LINE")
    assert.falsy(S.json.encode(e):find(secret, 1, true))
  end)
end)
