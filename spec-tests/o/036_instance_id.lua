-- REQ-O-036: agents that work at the same time keep their state apart.
local S = require "lib.spec"
local own = require "lib.own_commands"

local function tool(home, args, more)
  local env = { HOME = home }
  for name, value in pairs(more or {}) do env[name] = value end
  return S.tool(args, { env = env, cwd = home })
end

S.req("REQ-O-036", "--instance-id flag for agent state namespacing", function()
  it("1 and 5 the flag and TOOL_INSTANCE_ID name the instance, the flag wins, meta.instance_id says which", function()
    local home = S.dir "home"
    local r = S.status(tool(home, { "fx", "ok", "--instance-id", "a-1" }), 0)
    S.equal(r, "a-1", r.envelope.meta.instance_id, "meta.instance_id")
    r = S.status(tool(home, { "fx", "ok" }, { TOOL_INSTANCE_ID = "b.2" }), 0)
    S.equal(r, "b.2", r.envelope.meta.instance_id, "meta.instance_id")
    r = S.status(tool(home, { "--instance-id=c_3", "fx", "ok" }, { TOOL_INSTANCE_ID = "b.2" }), 0)
    S.equal(r, "c_3", r.envelope.meta.instance_id, "meta.instance_id")
    r = S.status(tool(home, { "fx", "ok" }), 0)
    S.equal(r, nil, r.envelope.meta.instance_id, "meta.instance_id")
  end)

  it("2 configuration, credentials, declared places, the audit log and temporary files live below the instance", function()
    local home, tree = S.dir "home", own.tree { leaving = own.source "leaving" }
    local more = { TOOL_COMMANDS_PATH = tree .. ":" .. S.paths.commands, TOOL_INSTANCE_ID = "one", FX_PASS = "zq7Xplanted" }
    S.status(tool(home, { "leaving" }, more), 0)
    S.status(tool(home, { "config", "set", "region", "eu", "--global" }, more), 0)
    S.status(tool(home, { "fx", "login", "--pass-from-env", "FX_PASS" }, more), 0)
    local r = S.status(tool(home, { "fx", "report" }, more), 0)
    local root = home .. "/.tool/instances/one/"
    S.truth(r, r.envelope.data.output_file:sub(1, #root) == root, r.envelope.data.output_file)
    assert.truthy(S.exists(root .. "config.json") and S.exists(root .. "credentials/fx.json"))
    assert.truthy(S.exists(root .. "data/audit.jsonl") and S.exists(root .. "home/left/cache/deep/a"))
    for _, name in ipairs(S.tree(home)) do
      assert.truthy(name:find("^%.tool/") or name == "tmp/" or name == ".cache/", name)
    end
  end)

  it("3 config set name=value writes the instance's file and leaves the others alone", function()
    local home = S.dir "home"
    local r = S.status(tool(home, { "--instance-id", "agent-1", "config", "set", "region=us-east-1" }), 0)
    S.equal(r, { effect = "created", key = "region", value = "us-east-1", scope = "instance",
      path = home .. "/.tool/instances/agent-1/config.json" }, r.envelope.data, "data")
    S.status(tool(home, { "--instance-id", "agent-2", "config", "set", "region", "eu" }), 0)
    assert.same({ region = "us-east-1" }, S.json.decode(S.slurp(home .. "/.tool/instances/agent-1/config.json")))
    r = S.status(tool(home, { "config", "get", "region", "--instance-id", "agent-2" }), 0)
    S.equal(r, "eu", r.envelope.data.value, "value")
    S.status(tool(home, { "config", "set", "region" }), 2)
    S.status(tool(home, { "config", "set", "region=a", "b" }), 2)
  end)

  it("4 without one the state is shared: twenty writers at once lose nothing", function()
    local home, jobs = S.dir "home", {}
    for i = 1, 20 do
      jobs[i] = { { "config", "set", "k" .. i .. "=v" .. i, "--global" }, { env = { HOME = home }, cwd = home } }
    end
    for _, r in ipairs(S.tool_all(jobs, 20)) do S.status(r, 0) end
    local values = S.json.decode(S.slurp(home .. "/.config/tool/config.json"))
    for i = 1, 20 do assert.equal("v" .. i, values["k" .. i]) end
  end)

  it("1 a name that is a path is refused, and nothing is made", function()
    for _, id in ipairs { "../../x", "a/b", "", ".", "..", "a..b", "-x", ("x"):rep(65), "a b" } do
      local home = S.dir "home"
      local r = S.status(tool(home, { "fx", "ok", "--instance-id=" .. id }), 2)
      S.equal(r, "instance-id", r.envelope.error.errors[1].field, "field")
      assert.is_false(S.exists(home .. "/.tool"))
      if id ~= "" then S.status(tool(home, { "fx", "ok" }, { TOOL_INSTANCE_ID = id }), 2) end
    end
    S.status(tool(S.dir "home", { "fx", "ok", "--instance-id", ("x"):rep(64) }), 0)
  end)
end)
