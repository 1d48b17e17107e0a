-- `sentryagent rotate-credentials`: what it asks, what it takes to answer for it, what it shows.
local S = require "lib.spec"
local emulator = require "lib.emulator"
local common = require "suites.sentryagent.common"

local QUESTION = "This will invalidate the current secret. Continue? [y/N] "
local ROTATE = "POST /agents/agent-1/credentials/rotate"
local NEW = "rotated-s3cret-0f-agent-1"

local ROUTES = {
  ["GET /agents"] = common.agents { common.AGENT },
  [ROTATE] = { json = { credentialId = "crd-1", clientId = "client-of-1", clientSecret = NEW,
    rotatedAt = "2031-02-03T10:00:00Z" } },
}

local function with(body, routes)
  local service = common.service(routes or ROUTES)
  body(service, service.env())
  service.close()
end

local COMMAND = "rotate-credentials --agent-id agent-1"

local function keys(t)
  local list = {}
  for name in pairs(t) do list[#list + 1] = name end
  table.sort(list)
  return table.concat(list, " ")
end

S.req("SENTRYAGENT-ROTATE", "sentryagent rotate-credentials", function()
  describe("on a terminal", function()
    local function answered(text, service, env)
      local r = common.sentryagent(COMMAND, S.terminal { env = env, type = { { text, when_stdout = QUESTION } } })
      return r, service.seen(ROTATE)
    end

    it("asks exactly this, and y or yes rotate", function()
      for _, text in ipairs { "y\n", "Y\n", "yes\n" } do
        with(function(service, env)
          local r, rotations = answered(text, service, env)
          S.status(r, 0)
          assert.equal(1, rotations)
          S.truth(r, r.stdout:find(QUESTION, 1, true) == 1, "the question")
        end)
      end
    end)

    it("anything else rotates nothing: NOT_CONFIRMED, exit 4", function()
      for _, text in ipairs { "n\n", "\n", "no\n", "oh yes\n", "\4" } do
        with(function(service, env)
          local r, rotations = answered(text, service, env)
          S.status(r, 4, text)
          assert.equal(0, rotations)
          S.truth(r, r.stderr:find("Nothing was rotated", 1, true), "no word of it")
        end)
      end
    end)

    it("Ctrl+C at the question rotates nothing: exit 130", function()
      with(function(service, env)
        local r, rotations = answered("\3", service, env)
        S.status(r, 130)
        assert.equal(0, rotations)
      end)
    end)

    it("--yes asks nothing; the new secret is shown in full, literally", function()
      with(function(_, env)
        local r = S.status(common.sentryagent(COMMAND .. " --yes", S.terminal { env = env }), 0)
        S.equal(r, "Client id: client-of-1\nClient secret: " .. NEW .. "\nRotated at: 2031-02-03T10:00:00Z\n",
          (r.stdout:gsub("\r", "")), "stdout")
      end)
    end)

    it("`tool sentryagent` wants --confirm-destructive, and then asks as well", function()
      with(function(service, env)
        S.status(common.tool(COMMAND, S.terminal { env = env }), 2)
        assert.equal(0, service.seen(ROTATE))
        S.status(common.tool(COMMAND .. " --confirm-destructive",
          S.terminal { env = env, type = { { "y\n", when_stdout = QUESTION } } }), 0)
        assert.equal(1, service.seen(ROTATE))
      end)
    end)

    it("an answer that is no is an envelope too, when one is asked for", function()
      with(function(service, env)
        local r = common.sentryagent(COMMAND, { env = env, stdin = "pty", stderr = "pty",
          type = { { "n\n", when_stderr = QUESTION } } })
        S.failed(r, 4, "NOT_CONFIRMED")
        assert.equal(0, service.seen(ROTATE))
      end)
    end)
  end)

  describe("in a pipe", function()
    it("as sentryagent, --yes suffices", function()
      with(function(service, env)
        local r = S.status(common.sentryagent(COMMAND .. " --yes", { env = env, secret = NEW }), 0)
        assert.equal(1, service.seen(ROTATE))
        local data = r.envelope.data
        S.equal(r, "_source _trusted agent_id client_id client_secret credential_id effect rotated_at", keys(data),
          "keys")
        S.equal(r, { "agent-1", "client-of-1", "crd-1", "updated", "2031-02-03T10:00:00Z" },
          { data.agent_id, data.client_id, data.credential_id, data.effect, data.rotated_at }, "data")
        S.truth(r, data.client_secret:find "^%[KEY: ", "the mask")
      end)
    end)

    it("as sentryagent, without it nothing is done and the answer says how: exit 4", function()
      with(function(service, env)
        local r = common.sentryagent(COMMAND, { env = env })
        local e = S.failed(r, 4, "INPUT_REQUIRED")
        S.truth(r, e.hint:find("--yes", 1, true), "no hint")
        assert.equal(0, service.seen(ROTATE))
      end)
    end)

    it("as tool sentryagent, it takes --confirm-destructive (exit 2) and --yes (exit 4)", function()
      with(function(service, env)
        for args, want in pairs { [""] = { 2, "CONFIRMATION_REQUIRED" }, [" --yes"] = { 2, "CONFIRMATION_REQUIRED" },
          [" --confirm-destructive"] = { 4, "INPUT_REQUIRED" } } do
          S.failed(common.tool(COMMAND .. args, { env = env }), want[1], want[2])
        end
        assert.equal(0, service.seen(ROTATE))
        S.status(common.tool(COMMAND .. " --confirm-destructive --yes", { env = env }), 0)
        assert.equal(1, service.seen(ROTATE))
      end)
    end)

    it("--unmask shows the secret; --output-file keeps it in a new file of mode 0600", function()
      with(function(_, env)
        local r = S.status(common.sentryagent(COMMAND .. " --yes --unmask", { env = env }), 0)
        S.equal(r, NEW, r.envelope.data.client_secret, "client_secret")
        local file = S.dir() .. "/secret.json"
        S.status(common.sentryagent(COMMAND .. " --yes --output-file " .. file, { env = env, secret = NEW }), 0)
        assert.equal("0600", emulator.mode(file))
        assert.equal(NEW, S.json.decode(S.slurp(file)).client_secret)
      end)
    end)

    it("a file in the way of --output-file stops it before anything is rotated", function()
      with(function(service, env)
        local file = S.spit(S.dir() .. "/secret.json", "old")
        S.failed(common.sentryagent(COMMAND .. " --yes --output-file " .. file, { env = env }), 6, "ALREADY_EXISTS")
        assert.equal("old", S.slurp(file))
        assert.equal(0, service.seen(ROTATE))
      end)
    end)

    it("says so when the commands' own client was rotated", function()
      local own = { json = { credentialId = "c", clientId = "acme", clientSecret = NEW,
        rotatedAt = "2031-02-03T10:00:00Z" } }
      with(function(_, env)
        local r = S.status(common.sentryagent(COMMAND .. " --yes", { env = env }), 0)
        S.truth(r, (r.envelope.warnings[1] or ""):find "^CONFIGURED_SECRET_REPLACED: ", "no warning")
      end, { [ROTATE] = own })
    end)

    it("an unknown agent is AGENT_NOT_FOUND, exit 5, also in a preview", function()
      with(function(_, env)
        S.failed(common.sentryagent("rotate-credentials --agent-id nobody --dry-run", { env = env }), 5,
          "AGENT_NOT_FOUND")
      end)
      local e = common.emulated()
      S.failed(common.sentryagent("rotate-credentials --agent-id nobody --yes", { env = e.env }), 5, "AGENT_NOT_FOUND")
      e.stop()
    end)
  end)

  describe("--dry-run", function()
    it("shows what would be invalidated and changes nothing: only reads reach the service", function()
      for _, program in ipairs { common.sentryagent, common.tool } do
        with(function(service, env)
          local r = S.status(program(COMMAND .. " --dry-run", { env = env }), 0)
          local would = r.envelope.data.would_affect
          S.equal(r, { "would_update", "agent-1", "the current client secret" },
            { r.envelope.data.effect, would.agent.id, would.invalidates }, "data")
          for _, request in ipairs(service.requests) do
            S.truth(r, request.method == "GET" or request.method == "HEAD" or request.path == "/oauth2/token",
              request.method .. " " .. request.path)
          end
          assert.is_false(S.exists(env.HOME .. "/.sentryagent"), "a preview wrote")
        end)
      end
    end)

    it("leaves the secret at the emulator as it is", function()
      local e = common.emulated()
      local agent = e.call("POST", "/agents", { name = "one" }).json.agentId
      local credential = e.call("POST", "/agents/" .. agent .. "/credentials/rotate").json
      S.status(common.sentryagent({ "rotate-credentials", "--agent-id", agent, "--dry-run" }, { env = e.env }), 0)
      assert.truthy(e.login(credential.clientId, credential.clientSecret))
      local r = S.status(common.sentryagent({ "rotate-credentials", "--agent-id", agent, "--yes", "--unmask" },
        { env = e.env }), 0)
      assert.is_false(pcall(e.login, credential.clientId, credential.clientSecret))
      assert.truthy(e.login(credential.clientId, r.envelope.data.client_secret))
      e.stop()
    end)

    it("finds an agent on any page", function()
      local e = common.emulated()
      local last
      for i = 1, 103 do last = e.call("POST", "/agents", { name = "a" .. i }).json.agentId end
      S.status(common.sentryagent({ "rotate-credentials", "--agent-id", last, "--dry-run" }, { env = e.env }), 0)
      e.stop()
    end)
  end)
end)
