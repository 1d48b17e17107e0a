-- `sentryagent register-agent` and `sentryagent list-agents`: against the emulator, and against answers of other shapes.
local S = require "lib.spec"
local common = require "suites.sentryagent.common"

local TIME = "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d[%d.]*Z$"

local function keys(t)
  local list = {}
  for name in pairs(t) do list[#list + 1] = name end
  table.sort(list)
  return table.concat(list, " ")
end

S.req("SENTRYAGENT-AGENTS", "sentryagent register-agent, list-agents", function()
  local e
  setup(function() e = common.emulated() end)
  teardown(function() e.stop() end)

  local function run(args, opts)
    local all = { env = e.env, secret = e.client_secret }
    for name, value in pairs(opts or {}) do all[name] = value end
    return common.sentryagent(args, all)
  end

  local function own_service(routes, body)
    local service = common.service(routes)
    local function call(args, opts)
      local all = { env = service.env() }
      for name, value in pairs(opts or {}) do all[name] = value end
      return common.sentryagent(args, all)
    end
    body(service, call)
    service.close()
  end

  describe("register-agent", function()
    it("answers with the new agent", function()
      local r = S.status(run { "register-agent", "--name", "billing bot ä", "--description", "Sends invoices" }, 0)
      local data = r.envelope.data
      S.equal(r, "_source _trusted created_at description effect id name status", keys(data), "keys")
      S.equal(r, { "created", "billing bot ä", "Sends invoices", "active", false },
        { data.effect, data.name, data.description, data.status, data._trusted }, "data")
      S.truth(r, data.id:find "^agt_" and data.created_at:find(TIME), "no id or time")
      r = S.status(common.tool({ "register-agent", "--name", "without" }, { env = e.env }), 0)
      S.equal(r, "_source _trusted created_at effect id name status", keys(r.envelope.data), "keys")
    end)

    it("a person reads one sentence", function()
      local r = S.status(run("register-agent --name human", S.terminal { env = e.env }), 0)
      S.truth(r, r.stdout:find "^Agent human is registered with id agt_%x+%.\r?\n$", "the sentence")
      S.equal(r, "", r.stderr, "stderr")
    end)

    it("--output id gives the id alone", function()
      local r = S.status(run "register-agent --name just-id --output id", 0)
      S.truth(r, r.stdout:find "^agt_%x+\n$", "the id")
    end)

    it("sends JSON with what was given and nothing else, once", function()
      own_service({ ["POST /agents"] = { status = 201, json = common.AGENT } }, function(service, call)
        S.status(call "register-agent --name one", 0)
        S.status(call { "register-agent", "--name", "two", "--description", "d" }, 0)
        local first, second = service.requests[2], service.requests[4]
        assert.equal('{"name":"one"}', first.body)
        assert.same({ name = "two", description = "d" }, S.json.decode(second.body))
        assert.equal("application/json", first.headers["content-type"])
        assert.equal("Bearer tok-1", first.headers.authorization)
        assert.equal("application/json", first.headers.accept)
        assert.equal(2, service.seen "POST /agents")
      end)
    end)

    it("takes `id` for `agentId`", function()
      local agent = { id = "agent-7", name = "n", status = "active", createdAt = "2031-02-03T10:00:00Z" }
      own_service({ ["POST /agents"] = { status = 201, json = agent } }, function(_, call)
        local r = S.status(call "register-agent --name n", 0)
        S.equal(r, "agent-7", r.envelope.data.id, "id")
      end)
    end)

    it("a name that is taken is AGENT_ALREADY_EXISTS, exit 6", function()
      S.status(run "register-agent --name taken", 0)
      local r = run "register-agent --name taken"
      local err = S.failed(r, 6, "AGENT_ALREADY_EXISTS")
      S.equal(r, "An agent of this name exists already.", err.message, "message")
      S.equal(r, 409, err.network_context.status_code, "status")
    end)

    it("what the service refuses is SERVICE_REJECTED with its details", function()
      local r = run { "register-agent", "--name", ("x"):rep(200) }
      local err = S.failed(r, 1, "SERVICE_REJECTED")
      S.equal(r, { "VALIDATION_ERROR", 400, "name" },
        { err.context.service_code, err.context.status, err.context.details[1].field }, "context")
    end)

    it("what can be seen to be wrong never reaches the service", function()
      own_service({}, function(service, call)
        for _, args in ipairs { { "register-agent" }, { "register-agent", "--name", "" },
          { "register-agent", "--name", "a\nb" },
          { "register-agent", "--nmae", "x" }, { "register-agent", "--name", "x", "extra" } } do
          S.failed(call(args), 2, "ARG_ERROR")
        end
        for _, args in ipairs { { "register-agent", "--name", ("x"):rep(257) },
          { "register-agent", "--name", "x", "--description", ("y"):rep(1025) } } do
          S.failed(call(args), 2, "FIELD_TOO_LARGE")
        end
        assert.equal(0, #service.requests)
      end)
    end)

    it("--dry-run says what it would register and sends no change", function()
      own_service({}, function(service, call)
        local r = S.status(call "register-agent --name x --dry-run", 0)
        S.equal(r, { "would_create", "x" }, { r.envelope.data.effect, r.envelope.data.would_affect.agent.name }, "data")
        for _, request in ipairs(service.requests) do
          assert.truthy(request.method == "GET" or request.path == "/oauth2/token")
        end
        S.equal(r, 0, service.seen "POST /agents", "registrations")
      end)
    end)

    it("--idempotency-key goes along", function()
      own_service({ ["POST /agents"] = { status = 201, json = common.AGENT } }, function(service, call)
        S.status(call "register-agent --name one --idempotency-key key-17", 0)
        assert.equal("key-17", service.requests[#service.requests].headers["idempotency-key"])
      end)
    end)
  end)

  describe("list-agents", function()
    local many
    setup(function()
      many = common.emulated()
      for i = 1, 47 do assert.equal(201, many.call("POST", "/agents", { name = ("agent %02d"):format(i) }).status) end
    end)
    teardown(function() many.stop() end)

    local function list(args) return S.status(common.sentryagent(args, { env = many.env }), 0) end

    local function names(r)
      local out = {}
      for i, agent in ipairs(r.envelope.data.items) do out[i] = agent.name end
      return out
    end

    local function expected(from, to)
      local out = {}
      for i = from, to do out[#out + 1] = ("agent %02d"):format(i) end
      return out
    end

    it("shows 20 of 47 and how to go on", function()
      local r = list "list-agents"
      assert.same(expected(1, 20), names(r))
      local p = r.envelope.meta.pagination
      S.equal(r, { 47, 20, true, true }, { p.total, p.returned, p.has_more, p.truncated }, "pagination")
      S.equal(r, "created_at id name status", keys(r.envelope.data.items[1]), "keys")
    end)

    it("--cursor goes through all, losing and repeating nothing", function()
      for _, limit in ipairs { "", " --limit 7", " --limit 20", " --limit 46", " --limit 47" } do
        local seen, cursor, calls = {}, nil, 0
        repeat
          local r = list("list-agents" .. limit .. (cursor and " --cursor " .. cursor or ""))
          for _, name in ipairs(names(r)) do seen[#seen + 1] = name end
          cursor, calls = r.envelope.meta.pagination.next_cursor, calls + 1
        until cursor == S.json.null or calls > 10
        assert.same(expected(1, 47), seen, limit)
      end
    end)

    it("--limit 0 gives all in one answer; a larger limit too", function()
      for _, args in ipairs { "list-agents --limit 0", "list-agents --limit 1000" } do
        local r = list(args)
        assert.same(expected(1, 47), names(r))
        S.equal(r, { S.json.null, false }, { r.envelope.meta.pagination.next_cursor,
          r.envelope.meta.pagination.has_more }, "pagination")
      end
    end)

    it("a cursor of another kind is refused", function()
      S.status(common.sentryagent("list-agents --cursor nonsense", { env = many.env }), 2)
    end)

    it("asks with page and limit", function()
      own_service({ ["GET /agents"] = common.agents { common.AGENT } }, function(service, call)
        S.status(call "list-agents", 0)
        assert.equal("limit=20&page=1", service.requests[2].query)
      end)
    end)

    it("accepts a bare array, also an empty one", function()
      for count = 0, 2 do
        local agents = S.json.array {}
        for i = 1, count do agents[i] = { id = "a" .. i, name = "n", status = "active", createdAt = "2031-02-03T10:00:00Z" } end
        own_service({ ["GET /agents"] = { json = agents } }, function(service, call)
          local r = S.status(call "list-agents", 0)
          S.equal(r, count, #r.envelope.data.items, "agents")
          S.equal(r, 1, service.seen "GET /agents", "requests")
          S.equal(r, S.json.null, r.envelope.meta.pagination.next_cursor, "cursor")
        end)
      end
    end)

    local TABLE = {
      { agentId = "agent-1", name = "billing-bot", status = "active", createdAt = "2031-02-03T10:00:00Z" },
      { agentId = "agent-22", name = "bär", status = "suspended", createdAt = "2031-02-04T11:30:00Z" },
    }
    it("a person reads a table, literally", function()
      own_service({ ["GET /agents"] = common.agents(TABLE) }, function(service, call)
        local r = S.status(call("list-agents", S.terminal { env = service.env() }), 0)
        S.equal(r, "ID        NAME         STATUS     CREATED_AT\n"
          .. "agent-1   billing-bot  active     2031-02-03T10:00:00Z\n"
          .. "agent-22  bär          suspended  2031-02-04T11:30:00Z\n",
          (r.stdout:gsub("\r", ""):gsub("\27%[%d*m", ""):gsub(" +\n", "\n")), "the table")
      end)
    end)

    it("the text formats, literally", function()
      local FORMATS = {
        tsv = "created_at\tid\tname\tstatus\n", id = "agent-1\nagent-22\n",
        table = "| agent-22 | bär         | suspended | 2031-02-04T11:30:00Z |\n",
      }
      own_service({ ["GET /agents"] = common.agents(TABLE) }, function(_, call)
        for format, text in pairs(FORMATS) do
          local r = S.status(call("list-agents --output " .. format), 0)
          S.truth(r, r.stdout:find(text, 1, true) or format == "tsv" and r.stdout:find("agent%-1\t"), format)
        end
      end)
    end)

    it("an empty tenant is a success", function()
      own_service({ ["GET /agents"] = common.agents {} }, function(service, call)
        local r = S.status(call "list-agents", 0)
        S.equal(r, '{"_source":"external","_trusted":false,"items":[]}', S.raw(r, "data"), "data")
        S.status(call("list-agents", S.terminal { env = service.env() }), 0)
      end)
    end)

    it("control sequences of the service reach no terminal", function()
      local bad = { agentId = "a", name = "x\27[31mred\27]0;t\7", status = "active", createdAt = "2031-02-03T10:00:00Z" }
      own_service({ ["GET /agents"] = common.agents { bad } }, function(service, call)
        local r = S.status(call("list-agents", S.terminal { env = service.env() }), 0)
        S.truth(r, not r.stdout:gsub("\27%[[01]?m", ""):find "[\27\7]", "an escape")
        S.status(call "list-agents", 0)
      end)
    end)
  end)
end)
