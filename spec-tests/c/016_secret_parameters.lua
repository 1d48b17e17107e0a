-- REQ-C-016: a secret never stands on the command line.
local S = require "lib.spec"

S.req("REQ-C-016", "Secrets only via env var or file", function()
  it("1 no command takes a secret's value as a flag", function()
    for path, entry in pairs(S.commands()) do
      for _, name in ipairs { "password", "token", "api-key", "pin", "client-secret", "bearer" } do
        assert.is_nil(entry.flags[name], path .. " has --" .. name)
      end
    end
    for _, args in ipairs { { "--pin", "4711" }, { "--pin=4711" } } do
      local r = S.tool { "fx", "secret-hash", table.unpack(args) }
      S.status(r, 2)
      S.truth(r, r.stdout:find("--pin-from-env", 1, true), "the right flag is not named")
      S.truth(r, not (r.stdout .. r.stderr):find("4711", 1, true), "the value is shown")
    end
  end)

  it("2 every secret has a flag for a variable and one for a file, both optional texts", function()
    local flags = S.contract("fx secret-hash").flags
    for _, name in ipairs { "pin-from-env", "pin-from-file" } do
      assert.same({ "string", false }, { flags[name].type, flags[name].required })
    end
    assert.is_nil(flags.pin)
  end)

  it("3 a parameter that is named like a secret is refused, unless it says that it is none", function()
    local r, text = S.check("secret-name", "key-name", "auth-name")
    S.failed(r, 2, "REGISTRATION_ERROR")
    for _, name in ipairs { "api-token", "my-API-key", "authority" } do
      S.truth(r, text:lower():find("'" .. name:lower() .. "' matches secret field pattern; use --", 1, true),
        name .. " in " .. text)
    end
    r = S.status(S.tool { "check", S.paths.root .. "/fixtures/commands/fx/set.lua" }, 0)
    S.truth(r, S.json.encode(r.envelope.warnings):find("declared public", 1, true), "no warning")
  end)

  it("4 --schema lists secret_env_vars, which are read", function()
    local data = S.contract "fx secret-hash"
    assert.same({ "TOOL_PIN", "TOOL_PIN_FILE" }, data.secret_env_vars)
    local file = S.spit(S.dir() .. "/pin", "4711\n")
    local want = S.status(S.tool({ "fx", "secret-hash" }, { env = { TOOL_PIN = "4711" } }), 0).envelope.data.hash
    local r = S.status(S.tool({ "fx", "secret-hash" }, { env = { TOOL_PIN_FILE = file } }), 0)
    S.equal(r, want, r.envelope.data.hash, "hash")
  end)

  it("the precedence is flag, variable, file of a variable", function()
    local dir = S.dir()
    local one, two = S.spit(dir .. "/1", "one"), S.spit(dir .. "/2", "two")
    local function hash(args, env)
      return S.status(S.tool({ "fx", "secret-hash", table.unpack(args) }, { env = env }), 0).envelope.data.hash
    end
    local hash_one, hash_two = hash { "--pin-from-file", one }, hash { "--pin-from-file", two }
    assert.not_equal(hash_one, hash_two)
    assert.equal(hash_one, hash({ "--pin-from-file", one }, { TOOL_PIN = "two" }))
    assert.equal(hash_two, hash({}, { TOOL_PIN = "two", TOOL_PIN_FILE = one }))
    S.status(S.tool({ "fx", "secret-hash", "--pin-from-file", "-" }, { stdin = "one" }), 2)
  end)
end)
