-- REQ-O-037: --unmask.
local S = require "lib.spec"

local JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyXzEyMyIsImV4cCI6MTcxMDE2OTIwMH0.c2ln"

S.req("REQ-O-037", "--unmask flag for high-entropy fields", function()
  it("1 and 3 it shows raw values for this run", function()
    local r = S.status(S.tool { "fx", "secrets", "--unmask" }, 0)
    S.equal(r, { JWT, ("A"):rep(256) }, { r.envelope.data.jwt, r.envelope.data.blob }, "values")
    S.equal(r, "[JWT: sub=user_123, exp=2024-03-11T15:00:00Z]", S.tool { "fx", "secrets" }.envelope.data.jwt, "the next run")
  end)

  it("2 without it a JWT, a long base64 text and a key are summaries", function()
    local r = S.status(S.tool { "fx", "secrets" }, 0)
    S.equal(r, "[JWT: sub=user_123, exp=2024-03-11T15:00:00Z]", r.envelope.data.jwt, "jwt")
    S.truth(r, r.envelope.data.blob:find("^%[BASE64: "), "blob")
    S.truth(r, not r.stdout:find("eyJ", 1, true), "a token is shown")
  end)

  it("4 nothing but the flag does it: no variable, no configuration", function()
    local home = S.dir "home"
    local path = S.spit(home .. "/c.json", '{"unmask":true}')
    local env = { TOOL_UNMASK = "1", UNMASK = "1", FX_UNMASK = "1", HOME = home, TOOL_CONFIG = path }
    local r = S.status(S.tool({ "fx", "secrets" }, { env = env }), 0)
    S.truth(r, not r.stdout:find("eyJ", 1, true), "unmasked")
    r = S.status(S.tool { "fx", "secrets", "--config", path }, 0)
    S.truth(r, not r.stdout:find("eyJ", 1, true), "unmasked by a configuration")
  end)

  it("5 the schema says that it exposes sensitive values", function()
    local flag = S.status(S.tool { "manifest" }, 0).envelope.meta.global_flags.unmask
    assert.truthy(flag.description:find("exposes sensitive values", 1, true), flag.description)
    local r = S.tool({ "help", "flags" }, { shape = "json" })
    S.truth(r, r.stderr:find("exposes sensitive", 1, true), "help flags")
  end)

  it("what a secret parameter holds stays redacted", function()
    local r = S.status(S.tool({ "fx", "secrets", "--token-from-env", "FX_T", "--unmask", "--debug" },
      { env = { FX_T = "very-secret-value-1" } }), 0)
    S.truth(r, not (r.stdout .. r.stderr):find("very-secret-value-1", 1, true), "the secret is shown")
  end)
end)
