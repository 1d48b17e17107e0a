-- REQ-O-020: --no-update-check. There is no update channel, so no run ever asks for one; the flag is known all the same.
local S = require "lib.spec"

local function sockets(args, opts)
  local r, trace = S.strace(args, "socket,connect,sendto", opts)
  S.status(r, 0)
  local found = {}
  for _, line in ipairs(trace) do
    if line:find("connect(", 1, true) or line:find("AF_INET", 1, true) then found[#found + 1] = line end
  end
  return found, r
end

S.req("REQ-O-020", "--no-update-check flag", function()
  it("1 it is on every command and in every help", function()
    assert.equal("boolean", S.status(S.tool { "manifest" }, 0).envelope.meta.global_flags["no-update-check"].type)
    for _, args in ipairs { { "fx", "ok" }, { "manifest" }, { "doctor" } } do
      args[#args + 1] = "--help"
      local r = S.status(S.tool(args, { shape = "json" }), 0)
      S.truth(r, r.stderr:find("--no-update-check", 1, true), "not in the help")
    end
  end)

  it("2 no request is made, on a terminal neither", function()
    assert.same({}, (sockets { "fx", "ok", "--no-update-check" }))
    assert.same({}, (sockets({ "fx", "ok", "--no-update-check" }, S.terminal())))
    assert.same({}, (sockets({ "fx", "ok" }, S.terminal())))
  end)

  it("3 TOOL_NO_UPDATE means the same, whatever its value", function()
    for _, value in ipairs { "1", "0", "x" } do
      assert.same({}, (sockets({ "fx", "ok" }, { env = { TOOL_NO_UPDATE = value } })))
    end
    assert.truthy(S.json.encode(S.status(S.tool { "manifest" }, 0).envelope.meta.environment):find("TOOL_NO_UPDATE", 1, true))
  end)

  it("4 and 5 meta has tool_version and no update_available", function()
    for _, args in ipairs { { "fx", "ok" }, { "fx", "ok", "--no-update-check" } } do
      local r = S.status(S.tool(args), 0)
      S.equal(r, nil, r.envelope.meta.update_available, "update_available")
      S.truth(r, r.envelope.meta.tool_version, "tool_version")
    end
  end)
end)
