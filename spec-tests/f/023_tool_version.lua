-- REQ-F-023: every response says which binary gave it.
local S = require "lib.spec"

local function version()
  local r = S.status(S.tool { "--version" }, 0)
  return r.stdout:match("(%S+)\n$"), r
end

S.req("REQ-F-023", "Tool version in every response", function()
  it("1 meta.tool_version is a semantic version in every response", function()
    for args, status in pairs { ["fx ok"] = 0, ["fx throw"] = 1, ["fx spin"] = 10, nothing = 2, manifest = 0,
                                ["--help"] = 0 } do
      local r = S.status(S.tool(args), status)
      S.truth(r, tostring(r.envelope.meta.tool_version):find("^%d+%.%d+%.%d+"), "meta.tool_version")
    end
  end)

  it("2 it equals what --version prints, alone on its line", function()
    local text, r = version()
    S.truth(r, r.stdout:find("^%S+ %d+%.%d+%.%d+[%w.+-]*\n$"), "form of --version")
    S.equal(r, text, S.status(S.tool { "fx", "ok" }, 0).envelope.meta.tool_version, "version")
    S.equal(r, text, (S.tool({ "-V" }).stdout:match("(%S+)\n$")), "-V")
  end)

  it("3 without a known update the key is absent", function()
    local r = S.status(S.tool { "fx", "ok" }, 0)
    S.equal(r, nil, r.envelope.meta.update_available, "update_available")
  end)

  it("4 nothing is looked up on the way: no socket is made", function()
    local r, trace = S.strace({ "fx", "ok" }, "network")
    S.status(r, 0)
    for _, line in ipairs(trace) do
      assert.truthy(line:find("socketpair", 1, true) or not line:find("socket%(AF_INET") and not line:find("connect%("),
        line)
    end
  end)
end)
