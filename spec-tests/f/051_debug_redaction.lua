-- REQ-F-051: more words on stderr, no more secrets.
local S = require "lib.spec"

local PLANTED = "hunter2zq7Xplanted"

local function everything(r, home)
  local parts = { r.stdout, r.stderr }
  for _, name in ipairs(S.tree(home)) do
    if not name:find("/$") then parts[#parts + 1] = S.slurp(home .. "/" .. name) or "" end
  end
  return table.concat(parts, "\n")
end

local function run(args, env)
  local home = S.dir "home"
  env.HOME = home
  local r = S.tool(args, { env = env })
  return r, everything(r, home), home
end

S.req("REQ-F-051", "Debug and trace mode secret redaction", function()
  it("1 and 4 a secret of the run is shown at no verbosity, by no way of writing it", function()
    for _, flag in ipairs { "--debug", "--trace", "--verbose" } do
      local r, text = run({ "fx", "secrets", "--token-from-env", "SVC_TOKEN", flag }, { SVC_TOKEN = PLANTED })
      S.status(r, 0)
      S.truth(r, not text:find(PLANTED, 1, true), "the secret is shown")
    end
    local r, text = run({ "fx", "secrets", "--token-from-env", "SVC_TOKEN" }, { SVC_TOKEN = PLANTED, TOOL_DEBUG = "1" })
    S.status(r, 0)
    S.truth(r, not text:find(PLANTED, 1, true), "the secret is shown")
  end)

  it("2 headers with secrets are redacted, in any case", function()
    local server = require("lib.stub_server").start(function() return { status = 200, body = "{}" } end)
    for _, name in ipairs { "Authorization", "cookie", "X-API-KEY", "x-auth-token", "Proxy-Authorization" } do
      local r, text = run({ "fx", "send-header", "--url", server.url, "--name", name, "--debug" }, { FX_PLAIN = PLANTED })
      S.status(r, 0)
      S.truth(r, not text:find(PLANTED, 1, true), name .. " is shown")
      S.truth(r, r.stderr:lower():find(name:lower() .. ": [redacted]", 1, true), "no line for " .. name)
    end
    server:close()
  end)

  it("3 and 5 values of variables with secret names are [REDACTED] wherever they turn up", function()
    for _, name in ipairs { "AWS_SECRET_ACCESS_KEY", "X_KEY", "X_SECRET", "X_TOKEN", "X_PASSWORD", "DB_PASS", "API_THING",
      "AUTH_THING" } do
      local r, text = run({ "fx", "child", "env", "--debug" }, { [name] = PLANTED })
      S.status(r, 0)
      S.truth(r, not text:find(PLANTED, 1, true), name .. " is shown")
      S.truth(r, r.stdout:find(name .. "=[REDACTED]", 1, true), name .. " is not redacted")
    end
  end)

  it("1 arguments of a program are redacted by their names", function()
    local r, text = run({ "fx", "child", "x", "--debug", "--", "--password", PLANTED }, {})
    S.status(r, 0)
    S.truth(r, not r.stderr:find(PLANTED, 1, true), "the argument is on stderr")
    S.truth(r, not text:find('"' .. PLANTED .. '"', 1, true), "the argument is in a file")
    S.truth(r, r.stderr:find('["fx-child","x","--password","[REDACTED]"]', 1, true), "the debug line")
  end)

  it("6 the audit log of a debug run is redacted too", function()
    local r, _, home = run({ "fx", "ok", "--api-token", PLANTED, "--debug" }, {})
    S.status(r, 2)
    local log = S.slurp(home .. "/.local/share/tool/audit.jsonl")
    assert.is_nil(log:find(PLANTED, 1, true))
    assert.truthy(log:find('"api-token":"[REDACTED]"', 1, true), log)
  end)
end)
