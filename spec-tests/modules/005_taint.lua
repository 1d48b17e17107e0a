-- Secrets planted in every place from which one can come: parameters, environment, configuration, headers and bodies of
-- answers. spec.tool searches all that each run writes for all of them.
local S = require "lib.spec"
local stub = require "lib.stub_server"
local taint = require "lib.taint"

local DEBUG = { "--debug", "--verbose" }

-- Runs with each verbosity and on a terminal; gives the last run.
local function runs(args, opts)
  local r
  for _, more in ipairs { {}, { "--quiet" }, { "--verbose" }, { "--debug" }, { "--output", "table" } } do
    local words = { table.unpack(args) }
    for _, word in ipairs(more) do words[#words + 1] = word end
    r = S.tool(words, opts)
    assert.equal(0, r.status, S.about(r))
  end
  local terminal = {}
  for k, v in pairs(opts) do terminal[k] = v end
  S.tool(args, S.terminal(terminal))
  return r
end

S.req("TAINT", "Planted secrets", function()
  it("the environment's is there to be found, and a program that prints its environment does not show it", function()
    local r = S.status(S.tool { "fx", "child", "env" }, 0)
    S.truth(r, r.envelope.data.stdout:find("X_TOKEN=[REDACTED]", 1, true), "X_TOKEN did not reach the program")
  end)

  it("a secret parameter from the environment or from a file", function()
    local text = taint.plant "parameter"
    local file = S.spit(S.dir() .. "/secret", text .. "\n")
    runs({ "fx", "secrets", "--token-from-env", "PLANTED" }, { env = { PLANTED = text } })
    runs({ "fx", "secrets", "--token-from-file", file }, {})
  end)

  it("a secret parameter on the command line is refused unseen, in every form", function()
    local text = taint.plant "argument"
    for _, args in ipairs { { "--token", text }, { "--token=" .. text }, { "--tokens", text }, { "--token-x=" .. text } } do
      for _, more in ipairs(DEBUG) do
        local r = S.tool { "fx", "secrets", more, table.unpack(args) }
        S.truth(r, r.status == 2, "not refused")
      end
    end
  end)

  it("a bearer token that the server sends back in header and body", function()
    local text = taint.plant("bearer", true)
    local server = stub.start(function(request)
      local auth = request.headers.authorization or ""
      return { headers = { ["X-Echo"] = auth }, json = { got = auth } }
    end)
    local r = runs({ "fx", "fetch", server.url .. "/" }, { env = { FX_BEARER = text } })
    S.truth(r, #server.requests > 0, "no request")
    assert.equal("Bearer " .. text, server.requests[1].headers.authorization)
    server.close()
  end)

  it("a client secret in the configuration, and a token in a body that the command keeps to itself", function()
    local client, token = taint.plant "client secret", taint.plant("access token", true)
    local home = S.dir "home"
    local file = home .. "/.sentryagent/config.json"
    local server = stub.start(function(request)
      if request.path == "/oauth2/token" then
        return { json = { access_token = token, token_type = "Bearer", expires_in = 3600 } }
      end
      return { json = { data = S.json.array {}, total = 0, page = 1, limit = 20, note = request.headers.authorization } }
    end)
    -- These two files, for the owner's eyes only, are where the suite keeps them by contract.
    local kept = { [file] = true, [home .. "/.sentryagent/tokens.json"] = true }
    local opts = { argv0 = "sentryagent", env = { HOME = home, PLANTED = client }, tainted = { files = kept } }
    S.status(S.tool({ "configure", "--api-url", server.url, "--client-id", "acme", "--client-secret-from-env", "PLANTED" },
      opts), 0)
    runs({ "list-agents" }, opts)
    for path in pairs(kept) do assert.equal("600\n", S.run({ "stat", "-c", "%a", path }).stdout) end
    S.truth(S.tool({ "list-agents", "--show-config" }, opts), #server.requests > 1, "no request")
    server.close()
  end)

  it("faults, failures and the limit show none either", function()
    local text = taint.plant "parameter"
    local opts = { env = { PLANTED = text } }
    for _, args in ipairs { { "fx", "secrets", "--token-from-env", "PLANTED", "--nonsense" },
      { "fx", "secrets", "--token-from-env", "PLANTED", "--output", "nonsense" },
      { "fx", "secrets", "--token-from-env", "PLANTED", "--token-from-file", "/nowhere" },
      { "fx", "secrets", "--token-from-env", "NOT_THERE", "--api-key", text }, { "fx", "nothing", "--password=" .. text },
      { "nothing", "--auth-token", text } } do
      for _, more in ipairs(DEBUG) do
        local r = S.tool({ more, table.unpack(args) }, opts)
        S.truth(r, r.status ~= 0, "success")
      end
    end
  end)
end)
