-- REQ-F-021: what changes from call to call is in meta, never in data.
local S = require "lib.spec"

local CALLS = { { "fx", "get" }, { "fx", "ok" }, { "fx", "list" }, { "fx", "arrays" }, { "fx", "longurl" },
  { "manifest" } }

S.req("REQ-F-021", "Data/meta separation in response envelope", function()
  it("1 times, durations, ids and versions are in meta, and data has none", function()
    local r = S.status(S.tool { "fx", "get" }, 0)
    for _, key in ipairs { "request_id", "timestamp", "duration_ms", "tool_version", "schema_version",
      "effective_config_hash" } do
      S.truth(r, r.envelope.meta[key] ~= nil, "meta." .. key .. " is missing")
      S.truth(r, r.envelope.data[key] == nil, "data." .. key)
    end
  end)

  it("2 equal calls give byte-identical data", function()
    for _, args in ipairs(CALLS) do
      local first = S.raw(S.status(S.tool(args), 0), "data")
      for _ = 1, 5 do assert.equal(first, S.raw(S.tool(args), "data"), table.concat(args, " ")) end
    end
  end)

  it("3 meta differs where it must", function()
    local a, b = S.status(S.tool { "fx", "get" }, 0), S.status(S.tool { "fx", "get" }, 0)
    assert.not_equal(a.envelope.meta.request_id, b.envelope.meta.request_id)
  end)

  it("4 a declared point in time in data gives a warning at registration", function()
    local r = S.tool { "check", S.paths.commands .. "/fx/times.lua" }
    S.status(r, 0)
    local text = table.concat(r.envelope.warnings, "\n")
    S.truth(r, text:find("fetched_at", 1, true), "no warning names the field")
    S.truth(r, not text:find("created_at", 1, true), "business time is no volatile value")
    S.truth(r, text:find("times", 1, true), "no warning names the command")
  end)
end)
