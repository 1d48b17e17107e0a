-- `sentryagent configure`: asked and unasked, what it writes, what it never does.
local S = require "lib.spec"
local uv = require "luv"
local emulator = require "lib.emulator"
local common = require "suites.sentryagent.common"
local run = common.sentryagent

local NOT_CONFIGURED = "Not configured. Run `sentryagent configure` first."

local function path_in(home) return home .. "/.sentryagent/config.json" end

-- A home with this configuration file, written as text.
local function home_with(text, name)
  local home = S.dir "home"
  uv.fs_mkdir(home .. "/.sentryagent", 448)
  S.spit(home .. "/.sentryagent/" .. (name or "config.json"), text)
  return home
end

local function asked(home, answers, opts)
  local all = S.terminal { env = { HOME = home }, type = answers }
  for name, value in pairs(opts or {}) do all[name] = value end
  return run("configure", all)
end

local FLAGS = "configure --api-url https://idp.example.com --client-id acme --client-secret-from-env ACME"

local function by_flags(home, args, env)
  local all = { HOME = home, ACME = common.SECRET }
  for name, value in pairs(env or {}) do all[name] = value end
  return run(args or FLAGS, { env = all })
end

local function stored(home) return S.json.decode((S.slurp(path_in(home)))) end

S.req("SENTRYAGENT-CONFIGURE", "sentryagent configure", function()
  describe("before it", function()
    local COMMANDS = { "register-agent --name x", "list-agents", "issue-token --agent-id a",
      "rotate-credentials --agent-id a --yes", "rotate-credentials --agent-id a --dry-run", "tail-audit-log" }

    it("every command that needs it says so, exactly, with exit 4, in a pipe", function()
      for _, words in ipairs(COMMANDS) do
        for _, program in ipairs { common.sentryagent, common.tool } do
          local args = program == common.tool and words:gsub("%-%-yes", "--confirm-destructive --yes") or words
          local r = program(args, { env = { HOME = S.dir "home" } })
          local e = S.failed(r, 4, "NOT_CONFIGURED")
          S.equal(r, NOT_CONFIGURED, e.message, "message of " .. words)
        end
      end
    end)

    it("on a terminal the sentence is on stderr and stdout is empty", function()
      for _, words in ipairs(COMMANDS) do
        local r = run(words, S.terminal { env = { HOME = S.dir "home" } })
        S.status(r, 4, words)
        S.truth(r, r.stderr:gsub("\27%[[%d;]*m", ""):find(NOT_CONFIGURED, 1, true), "no sentence on stderr")
        S.equal(r, "", r.stdout, "stdout")
      end
    end)

    it("one missing part is enough, wherever the others are", function()
      for _, name in ipairs { "SENTRYAGENT_API_URL", "SENTRYAGENT_CLIENT_ID", "SENTRYAGENT_CLIENT_SECRET" } do
        local env = common.env("http://127.0.0.1:9", { [name] = false })
        S.failed(run("list-agents", { env = env }), 4, "NOT_CONFIGURED")
      end
    end)

    it("help, version, completion and configure work", function()
      for _, words in ipairs { "--help", "list-agents --help", "completion bash --output json", "--version" } do
        S.status(run(words, { env = { HOME = S.dir "home" } }), 0)
      end
    end)

    it("nothing is written by a command that fails so", function()
      local home = S.dir "home"
      run("list-agents", { env = { HOME = home } })
      assert.is_false(S.exists(path_in(home)))
    end)
  end)

  describe("on a terminal", function()
    it("asks for URL, id and secret, without echo of the secret, and saves them", function()
      local home = S.dir "home"
      local r = asked(home, { { "https://idp.example.com/\n", when_stdout = "API URL: " },
        { "acme\n", when_stdout = "Client ID: " }, { common.SECRET .. "\n", when_stdout = "Client secret: " } })
      S.status(r, 0)
      S.truth(r, r.stdout:find("Saved to " .. path_in(home) .. ".", 1, true), "no confirmation")
      assert.same({ apiUrl = "https://idp.example.com", clientId = "acme", clientSecret = common.SECRET },
        stored(home))
    end)

    it("offers what is stored, and keeps it for an empty line", function()
      local home = S.dir "home"
      S.status(by_flags(home), 0)
      local r = asked(home, { { "\n", when_stdout = "API URL [https://idp.example.com]: " },
        { "other\n", when_stdout = "Client ID [acme]: " },
        { "y\n", when_stdout = "Keep the stored client secret? [y/N] " } })
      S.status(r, 0)
      assert.same({ apiUrl = "https://idp.example.com", clientId = "other", clientSecret = common.SECRET },
        stored(home))
    end)

    it("asks again for an address that is none", function()
      local home = S.dir "home"
      local r = asked(home, { { "idp\n", when_stdout = "API URL: " },
        { "http://127.0.0.1:9\n", when_stdout = "idp\nAPI URL: " },
        { "acme\n", when_stdout = "Client ID: " }, { "s3\n", when_stdout = "Client secret: " } })
      S.status(r, 0)
      assert.equal("http://127.0.0.1:9", stored(home).apiUrl)
    end)

    it("Ctrl+C and the end of input save nothing", function()
      local home = S.dir "home"
      S.status(asked(home, { { "\3", when_stdout = "API URL: " } }), 130)
      S.status(asked(home, { { "\4", when_stdout = "API URL: " } }), 4)
      assert.is_false(S.exists(path_in(home)))
    end)

    it("asks only for what the flags leave out", function()
      local home = S.dir "home"
      local r = run("configure --api-url http://127.0.0.1:9 --client-id acme", S.terminal { env = { HOME = home },
        type = { { "s3\n", when_stdout = "Client secret: " } } })
      S.status(r, 0)
      S.truth(r, not r.stdout:find("API URL", 1, true), "asked for the URL")
      assert.equal("s3", stored(home).clientSecret)
    end)
  end)

  describe("in a pipe", function()
    it("takes its flags and answers with what it saved, without the secret", function()
      local home = S.dir "home"
      local r = S.status(by_flags(home), 0)
      S.equal(r, { api_url = "https://idp.example.com", client_id = "acme", effect = "created",
        path = path_in(home), verified = false }, r.envelope.data, "data")
      S.equal(r, "updated", S.status(by_flags(home), 0).envelope.data.effect, "effect")
    end)

    it("names the flags that are missing, with exit 4", function()
      local e = S.failed(run("configure", { env = { HOME = S.dir "home" } }), 4, "INPUT_REQUIRED")
      for _, flag in ipairs { "--api-url", "--client-id", "--client-secret-from-env", "--client-secret-from-file" } do
        assert.truthy(e.message:find(flag, 1, true), flag)
      end
      e = S.failed(run("configure --client-id x", { env = { HOME = S.dir "home" } }), 4, "INPUT_REQUIRED")
      assert.is_nil(e.message:find("--client-id", 1, true))
    end)

    it("takes the secret from a file", function()
      local home, file = S.dir "home", S.spit(S.dir() .. "/secret", common.SECRET .. "\n")
      S.status(run("configure --api-url http://127.0.0.1:9 --client-id a --client-secret-from-file " .. file,
        { env = { HOME = home } }), 0)
      assert.equal(common.SECRET, stored(home).clientSecret)
    end)

    it("refuses a secret on the command line", function()
      local home = S.dir "home"
      S.status(run({ "configure", "--client-secret", common.SECRET }, { env = { HOME = home } }), 2)
      assert.is_false(S.exists(path_in(home)))
    end)

    it("refuses what is no address", function()
      for _, url in ipairs { "idp", "ftp://idp.example.com", "https://" } do
        local r = by_flags(S.dir "home", "configure --client-id a --client-secret-from-env ACME --api-url " .. url)
        S.failed(r, 2, "ARG_ERROR")
      end
    end)

    it("--dry-run says what it would write and writes nothing", function()
      local home = S.dir "home"
      local r = S.status(by_flags(home, FLAGS .. " --dry-run"), 0)
      S.equal(r, "would_update", r.envelope.data.effect, "effect")
      S.equal(r, path_in(home), r.envelope.data.would_affect.path, "path")
      assert.is_false(S.exists(path_in(home)))
    end)
  end)

  describe("the file", function()
    it("is JSON of two spaces, mode 0600, in a directory of mode 0700, and nothing else is left there", function()
      local home = S.dir "home"
      S.status(by_flags(home, "configure --api-url http://127.0.0.1:9/ --client-id acme --client-secret-from-env ACME",
        { ACME = "s3" }), 0)
      assert.equal('{\n  "apiUrl": "http://127.0.0.1:9",\n  "clientId": "acme",\n  "clientSecret": "s3"\n}\n',
        S.slurp(path_in(home)))
      assert.equal("0600", emulator.mode(path_in(home)))
      assert.equal("0700", emulator.mode(home .. "/.sentryagent"))
      assert.same({ "config.json" }, S.list(home .. "/.sentryagent"))
    end)

    it("keeps keys that nobody knows", function()
      local home = home_with '{"theme":{"dark":true},"clientId":"old","list":[],"big":9007199254740993}'
      S.status(by_flags(home), 0)
      local now = stored(home)
      assert.same({ { dark = true }, "acme", {}, 9007199254740993 }, { now.theme, now.clientId, now.list, now.big })
      assert.truthy(S.slurp(path_in(home)):find('"list": []', 1, true))
      assert.equal("0600", emulator.mode(path_in(home)))
    end)

    it("that is no JSON is an error with file, line and column, for all, and is not touched", function()
      local text = '{\n  "apiUrl": "http://127.0.0.1:9",\n  "clientId" "acme"\n}\n'
      for _, args in ipairs { FLAGS, "list-agents" } do
        local home = home_with(text)
        local r = by_flags(home, args)
        local e = S.failed(r, 2, "CONFIG_INVALID")
        S.truth(r, e.message:find(path_in(home), 1, true), "the file is not named")
        S.truth(r, e.message:find("line 3, column 14", 1, true), "the position is not named")
        S.equal(r, { path_in(home), 3, 14 }, { e.context.file, e.context.line, e.context.column }, "context")
        assert.equal(text, S.slurp(path_in(home)))
      end
    end)

    it("that is no object is refused as well", function()
      for _, text in ipairs { "[]", "7", "" } do
        local home = home_with(text)
        S.failed(by_flags(home), 2, "CONFIG_INVALID")
        assert.equal(text, S.slurp(path_in(home)))
      end
    end)

    it("is beaten by the environment", function()
      local service = common.service { ["GET /agents"] = common.agents {} }
      local home = home_with '{"apiUrl":"http://127.0.0.1:9","clientId":"from-file","clientSecret":"file-secret"}'
      local r = run("list-agents", { env = service.env { HOME = home } })
      S.status(r, 0)
      local login = service.requests[1]
      assert.equal("/oauth2/token", login.path)
      assert.equal("Basic " .. emulator.base64("acme:" .. common.SECRET), login.headers.authorization)
      S.equal(r, { path_in(home) }, r.envelope.meta.config_sources, "meta.config_sources")
      service.close()
    end)

    it("works alone, and a trailing slash in it is cut", function()
      local service = common.service { ["GET /agents"] = common.agents {} }
      local home = home_with(S.json.encode { apiUrl = service.url .. "/", clientId = "a", clientSecret = "s3" })
      S.status(run("list-agents", { env = { HOME = home } }), 0)
      assert.same({ "/oauth2/token", "/agents" }, { service.requests[1].path, service.requests[2].path })
      service.close()
    end)

    it("a path of the address is kept", function()
      local service = common.service { ["GET /idp/v1/agents"] = common.agents {},
        ["POST /idp/v1/oauth2/token"] = { json = { access_token = "t", token_type = "Bearer", expires_in = 3600 } } }
      S.status(run("list-agents", { env = common.env(service.url .. "/idp/v1//") }), 0)
      assert.equal("/idp/v1/agents", service.requests[2].path)
      service.close()
    end)
  end)

  describe("--verify", function()
    it("logs in once, then saves", function()
      local service = common.service {}
      local home = S.dir "home"
      local r = by_flags(home, "configure --verify --client-id acme --client-secret-from-env ACME --api-url "
        .. service.url)
      S.equal(S.status(r, 0), true, r.envelope.data.verified, "verified")
      assert.equal(1, #service.requests)
      local request = service.requests[1]
      assert.same({ "POST", "/oauth2/token", "grant_type=client_credentials" },
        { request.method, request.path, request.body })
      service.close()
    end)

    local REFUSED = {
      { "wrong credentials", { status = 401, json = { error = "invalid_client" } }, 8, "UNAUTHENTICATED" },
      { "wrong credentials told by 400", { status = 400, json = { error = "invalid_client" } }, 8, "UNAUTHENTICATED" },
      { "another refusal", { status = 400, json = { error = "invalid_scope" } }, 1, "SERVICE_REJECTED" },
      { "a missing route", { status = 404, json = { code = "NOT_FOUND" } }, 5, "NOT_FOUND" },
      { "a forbidden client", { status = 403, json = { error = "access_denied" } }, 7, "PERMISSION_DENIED" },
      { "a conflict", { status = 409, json = {} }, 6, "CONFLICT" },
      { "too many logins", { status = 429, headers = { ["Retry-After"] = "3" }, json = {} }, 11, "RATE_LIMITED" },
      { "a fault of the service", { status = 500, json = {} }, 1, "SERVICE_ERROR" },
      { "a closed service", { status = 503, json = {} }, 12, "UNAVAILABLE" },
      { "an expired login", { status = 401, json = { error = "invalid_token", error_description = "It expired." } }, 8,
        "CREDENTIALS_EXPIRED" },
      { "an answer without a token", { json = { token_type = "Bearer" } }, 1, "INVALID_RESPONSE" },
      { "an answer that is no JSON", { body = "<html>" }, 1, "INVALID_RESPONSE" },
    }
    for _, case in ipairs(REFUSED) do
      it(case[1] .. " save nothing", function()
        local service = common.service { ["POST /oauth2/token"] = case[2] }
        local home = S.dir "home"
        local r = by_flags(home, "configure --verify --client-id acme --client-secret-from-env ACME --api-url "
          .. service.url)
        S.failed(r, case[3], case[4])
        assert.is_false(S.exists(path_in(home)))
        service.close()
      end)
    end

    it("works with the emulator's client and not with another", function()
      local e = common.emulated()
      for secret, status in pairs { [e.client_secret] = 0, wrong = 8 } do
        local r = by_flags(S.dir "home", "configure --verify --client-id demo --client-secret-from-env ACME --api-url "
          .. e.url, { ACME = secret })
        S.status(r, status)
      end
      e.stop()
    end)
  end)

  it("two at once leave one whole file", function()
    local home = S.dir "home"
    local jobs = {}
    for i = 1, 6 do
      jobs[i] = { { "configure", "--api-url", "http://127.0.0.1:" .. i, "--client-id", "c" .. i,
        "--client-secret-from-env", "ACME" }, { argv0 = "sentryagent", env = { HOME = home, ACME = "s" .. i } } }
    end
    for _, r in ipairs(S.tool_all(jobs, 6)) do S.status(r, 0) end
    local now = stored(home)
    local n = now.clientId:sub(2)
    assert.same({ apiUrl = "http://127.0.0.1:" .. n, clientId = "c" .. n, clientSecret = "s" .. n }, now)
  end)
end)
