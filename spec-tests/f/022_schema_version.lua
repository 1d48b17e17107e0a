-- REQ-F-022: every response says which version of its contract it keeps. Statement 3 (a breaking change raises the
-- major number) concerns two releases and is kept by the contract diff of a release, not by one binary.
local S = require "lib.spec"

S.req("REQ-F-022", "Schema version in every response", function()
  it("1 meta.schema_version is MAJOR.MINOR in every response", function()
    for args, status in pairs { ["fx ok"] = 0, ["fx throw"] = 1, ["fx spin"] = 10, ["fx ok --nonsense"] = 2,
      nothing = 2,
                                manifest = 0, ["--schema"] = 0, ["fx ok --schema"] = 0, ["--help"] = 0, [""] = 0 } do
      local r = S.status(S.tool(args), status)
      S.truth(r, tostring(r.envelope.meta.schema_version):find("^%d+%.%d+$"), "meta.schema_version")
    end
  end)

  it("2 it is the command's version, not the tool's", function()
    local r = S.tool { "fx", "get" }
    S.equal(r, "2.0", r.envelope.meta.schema_version, "schema_version of a command at 2.0")
    r = S.tool { "fx", "ok" }
    S.equal(r, "1.0", r.envelope.meta.schema_version, "schema_version of a command without a version")
  end)

  it("2 a failure of that command carries the same version", function()
    local r = S.tool { "fx", "get", "--nonsense" }
    S.equal(r, "2.0", r.envelope.meta.schema_version, "schema_version of a refusal")
  end)

  it("4 it is stable over calls", function()
    local first = S.status(S.tool { "fx", "get" }, 0).envelope.meta.schema_version
    for _ = 1, 5 do assert.equal(first, S.tool({ "fx", "get" }).envelope.meta.schema_version) end
  end)
end)
