-- REQ-F-034: values of secret names never reach a log.
local S = require "lib.spec"

local PLANTED = "zq7Xplantedv4lue9"

-- Every byte below a directory.
local function all_text(dir)
  local parts = {}
  for _, name in ipairs(S.tree(dir)) do if not name:find("/$") then parts[#parts + 1] = S.slurp(dir .. "/" .. name)
    or "" end end
  return table.concat(parts, "\n")
end

local function nowhere(r, home, but_stdout)
  S.truth(r, not r.stderr:find(PLANTED, 1, true), "the secret is on stderr")
  if not but_stdout then S.truth(r, not r.stdout:find(PLANTED, 1, true), "the secret is on stdout") end
  S.truth(r, not all_text(home):find(PLANTED, 1, true), "the secret is in a file below HOME")
end

S.req("REQ-F-034", "Secret field auto-redaction in logs", function()
  it("1 values of all secret-like names are redacted before log and stderr", function()
    for _, name in ipairs { "api-token", "client-secret", "password", "api-key", "credential", "auth-code", "API_Token",
      "PASSWORD" } do
      for _, args in ipairs { { "--" .. name, PLANTED }, { "--" .. name .. "=" .. PLANTED } } do
        local home = S.dir "home"
        local words = { "fx", "ok", "--debug", table.unpack(args) }
        local r = S.status(S.tool(words, { env = { HOME = home } }), 2)
        nowhere(r, home)
      end
    end
  end)

  it("2 arguments, environment values in diagnostics and logged fields are covered", function()
    local home = S.dir "home"
    local r = S.tool({ "fx", "secrets", "--token-from-env", "FX_PLANTED", "--debug" },
      { env = { HOME = home, FX_PLANTED = PLANTED, SOME_TOKEN = PLANTED, SVC_PASSWORD = PLANTED } })
    S.status(r, 0)
    nowhere(r, home)
  end)

  it("3 the command line is logged with [REDACTED]", function()
    local r = S.tool { "fx", "ok", "--api-token", PLANTED, "--debug" }
    S.status(r, 2)
    S.truth(r, r.stderr:find("[REDACTED]", 1, true), "no [REDACTED] on stderr")
  end)

  it("4 secret names inside JSON values are redacted in logs", function()
    local home = S.dir "home"
    local r = S.tool({ "fx", "json-arg", "--data", '{"password":"' .. PLANTED .. '"}', "--debug" },
      { env = { HOME = home } })
    S.status(r, 0)
    nowhere(r, home, true)
  end)

  it("5 execution and stdout are untouched: data named like a secret is the caller's", function()
    local r = S.tool { "fx", "json-arg", "--data", '{"password":"' .. PLANTED .. '"}' }
    S.equal(r, PLANTED, r.envelope.data.data.password, "data")
  end)

  it("a declared secret reaches neither data, warnings nor logs, in no encoding", function()
    local home = S.dir "home"
    local file = S.spit(S.dir() .. "/token", PLANTED .. "\n")
    for _, args in ipairs { { "--token-from-env", "FX_PLANTED" }, { "--token-from-file", file } } do
      local r = S.tool({ "fx", "secrets", "--debug", table.unpack(args) },
        { env = { HOME = home, FX_PLANTED = PLANTED } })
      S.status(r, 0)
      nowhere(r, home)
      S.equal(r, "[REDACTED]", r.envelope.data.seen, "tostring of a secret")
    end
  end)

  it("a secret on the command line is refused and not echoed", function()
    local home = S.dir "home"
    local r = S.tool({ "fx", "secrets", "--token", PLANTED, "--debug" }, { env = { HOME = home } })
    S.status(r, 2)
    nowhere(r, home)
  end)
end)
