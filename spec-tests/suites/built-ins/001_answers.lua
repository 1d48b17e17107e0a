-- What the built-in commands answer that no requirement's file asks them for: a healthy machine, an unknown prefix.
local S = require "lib.spec"
local stub = require "lib.stub_server"

S.req("BUILT-INS", "doctor and manifest", function()
  it("doctor is content with a machine that has everything, and has talked to the configured service", function()
    local server = stub.start { { json = { status = "ok" } } }
    local env = { HOME = S.home(), SENTRYAGENT_API_URL = server.url, TOOL_COMMANDS_PATH = false }
    local r = S.status(S.tool("doctor", { env = env }), 0)
    for _, check in ipairs(r.envelope.data.checks) do S.equal(r, true, check.ok, check.name) end
    assert.is_true(#server.requests >= 1)
    server.close()
  end)

  it("doctor names a service that cannot be reached", function()
    local r = S.tool("doctor", { env = { SENTRYAGENT_API_URL = "http://127.0.0.1:" .. stub.closed_port(),
      TOOL_COMMANDS_PATH = false } })
    S.failed(r, 1, "DOCTOR_CHECKS_FAILED")
    S.truth(r, S.json.encode(r.envelope.data):find("network sentryagent", 1, true), "the check is not named")
  end)

  it("manifest of a prefix that no command has is PREFIX_NOT_FOUND, exit 5", function()
    S.failed(S.tool "manifest --prefix nowhere", 5, "PREFIX_NOT_FOUND")
  end)
end)
