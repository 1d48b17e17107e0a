-- REQ-F-025: the caller's trace id goes along.
local S = require "lib.spec"

S.req("REQ-F-025", "TOOL_TRACE_ID environment variable propagation", function()
  local env = { TOOL_TRACE_ID = "span-42" }

  it("1 the id is bound to the invocation", function()
    local r = S.status(S.tool({ "fx", "ok" }, { env = env }), 0)
    S.equal(r, "span-42", r.envelope.meta.trace_id, "meta.trace_id")
  end)

  it("2 children inherit it", function()
    local r = S.status(S.tool({ "fx", "child", "env" }, { env = env }), 0)
    S.truth(r, r.envelope.data.stdout:find("\nTOOL_TRACE_ID=span-42\n", 1, true), "the child's environment")
  end)

  it("3 every line of the framework on stderr carries it", function()
    for _, flag in ipairs { "--verbose", "--debug" } do
      local r = S.status(S.tool({ "fx", "child", "env", flag }, { env = env }), 0)
      local lines = S.lines(r.stderr)
      S.truth(r, #lines > 0, "no lines")
      for _, line in ipairs(lines) do S.truth(r, line:find("[TRACE span-42] ", 1, true) == 1, "the line " .. line) end
    end
  end)

  it("4 the audit entry carries it", function()
    local home = S.dir "home"
    S.status(S.tool({ "fx", "ok" }, { env = { HOME = home, TOOL_TRACE_ID = "span-42" } }), 0)
    local entry = S.json.decode((S.slurp(home .. "/.local/share/tool/audit.jsonl")))
    assert.equal("span-42", entry.trace_id)
  end)

  it("control bytes and excess length do not reach stderr or meta; children get the value as it is", function()
    local long = ("x"):rep(300) .. "\27[31m\nsecond"
    local r = S.status(S.tool({ "fx", "child", "env", "--verbose" }, { env = { TOOL_TRACE_ID = long } }), 0)
    S.equal(r, 256, #r.envelope.meta.trace_id, "length")
    S.truth(r, not r.stderr:find("second", 1, true), "a second line")
    S.truth(r, r.envelope.data.stdout:find("second", 1, true), "the child's value")
  end)
end)
