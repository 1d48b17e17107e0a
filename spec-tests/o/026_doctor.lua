-- REQ-O-026: tool doctor says what this machine lacks and how to get it.
local S = require "lib.spec"
local own = require "lib.own_commands"
local stub = require "lib.stub_server"

local KEYS = { "error", "fix", "fix_command", "name", "ok", "required", "version" }

local NEEDS = [[return { about = "Need programs", danger = "safe", scopes = {},
  needs = { frob = { min = "2.3.0", fix = "apt-get install -y frob" }, quux = "1.0" },
  returns = { a = "string" }, exits = { SUCCESS = "Done" }, run = function() return { a = "b" } end }]]

local function doctor(programs, more)
  local env = { TOOL_COMMANDS_PATH = own.tree { ["zz/needing"] = NEEDS }, HOME = S.dir "home",
    PATH = own.programs(programs or {}) .. ":" .. S.paths.bin .. ":/usr/bin:/bin" }
  for name, value in pairs(more or {}) do env[name] = value end
  return S.tool({ "doctor" }, { env = env })
end

local function check(r, name)
  for _, row in ipairs(r.envelope.data.checks) do
    if row.name == name then return row end
  end
end

S.req("REQ-O-026", "tool doctor built-in command", function()
  it("1 and 3 every declared program is checked; a missing one is a failed check", function()
    local r = doctor { quux = "echo quux 1.0" }
    S.failed(r, 1, "DOCTOR_CHECKS_FAILED")
    S.equal(r, { name = "frob", ok = false, version = S.json.null, required = ">=2.3.0", error = "absent",
      fix = "apt-get install -y frob", fix_command = "apt-get install -y frob" }, check(r, "frob"), "the check")
    S.equal(r, true, check(r, "quux").ok, "the other")
  end)

  it("2 and 4 every check has all keys; a failed one has an error and a fix that a shell can read", function()
    local r = doctor()
    for _, row in ipairs(r.envelope.data.checks) do
      local names = {}
      for key in pairs(row) do names[#names + 1] = key end
      table.sort(names)
      assert.same(KEYS, names)
      assert.equal(row.ok, row.error == S.json.null, row.name)
      if not row.ok then
        assert.equal("string", type(row.fix), row.name)
        assert.equal(0, S.run({ "sh", "-n", "-c", row.fix }).status, row.fix)
      end
    end
    S.equal(r, false, check(r, "quux").ok, "a missing program")
  end)

  it("2 the version that is found is shown; one that is too old or unknown fails", function()
    local r = doctor { frob = "echo frob 2.2.9", quux = "echo 1.0.1" }
    S.equal(r, "2.2.9", check(r, "frob").version, "version")
    S.truth(r, check(r, "frob").error:find("older", 1, true), "the error")
    r = doctor { frob = "echo frob", quux = "echo 1.0.1" }
    S.equal(r, false, check(r, "frob").ok, "no version")
  end)

  it("5 exit 0 when all pass", function()
    local r = S.status(doctor { frob = "echo frob 2.10.0", quux = "echo 1.0 >&2" }, 0)
    for _, row in ipairs(r.envelope.data.checks) do S.truth(r, row.ok, row.name) end
  end)

  it("6 configured addresses are tried, through the proxy that the environment names", function()
    local programs = { frob = "echo 2.3.0", quux = "echo 1" }
    local server = stub.start { { status = 404, json = {} } }
    local r = S.status(doctor(programs, { SENTRYAGENT_API_URL = server.url }), 0)
    S.equal(r, true, check(r, "network sentryagent").ok, "the check")
    r = doctor(programs, { SENTRYAGENT_API_URL = "http://127.0.0.1:9" })
    S.failed(r, 1, "DOCTOR_CHECKS_FAILED")
    local row = check(r, "network sentryagent")
    S.equal(r, { false, "http://127.0.0.1:9", "reachable" }, { row.ok, row.version, row.required }, "a dead port")
    S.truth(r, row.fix:find("^curl "), "the fix")
    r = doctor(programs, { SENTRYAGENT_API_URL = "http://service.invalid", HTTP_PROXY = server.url })
    S.equal(r, true, check(r, "network sentryagent").ok, "through a proxy")
    S.truth(r, #server.requests >= 2, "the proxy saw nothing")
    server.close()
  end)
end)
