-- REQ-O-024: --config and --context.
local S = require "lib.spec"
local uv = require "luv"

local CONTEXTS = '{"region":"base","current_context":"prod",'
  .. '"contexts":{"staging":{"region":"stage"},"prod":{"region":"production"}}}'

local function place(user)
  local home = S.dir "home"
  for _, dir in ipairs { "/.config", "/.config/tool", "/p" } do assert(uv.fs_mkdir(home .. dir, 448)) end
  if user then S.spit(home .. "/.config/tool/config.json", user) end
  return home, function(...)
    return S.tool({ "fx", "region", ... }, { cwd = home .. "/p", env = { HOME = home, PWD = home .. "/p" } })
  end
end

S.req("REQ-O-024", "--context / --config override flag", function()
  it("1 --config is the only file that is read", function()
    local home, run = place('{poison')
    local iso = S.spit(home .. "/iso.json", '{"region":"iso"}')
    local r = S.status(run("--config", iso), 0)
    S.equal(r, "iso", r.envelope.data.region, "region")
    assert.same({ iso }, { table.unpack(r.envelope.meta.config_sources) })
  end)

  it("1 --context chooses among the contexts of the configuration", function()
    local _, run = place(CONTEXTS)
    local r = S.status(run("--context", "staging"), 0)
    S.equal(r, { "stage", "staging" }, { r.envelope.data.region, r.envelope.meta.context }, "region and context")
    r = run("--context", "nope")
    local e = S.failed(r, 2, "CONTEXT_NOT_FOUND")
    assert.same({ "prod", "staging" }, { table.unpack(e.context.known) })
  end)

  it("2 it beats the stored context, which counts without it", function()
    local _, run = place(CONTEXTS)
    local r = S.status(run(), 0)
    S.equal(r, { "production", "prod" }, { r.envelope.data.region, r.envelope.meta.context }, "stored")
    r = S.status(run("--context", "staging"), 0)
    S.equal(r, "stage", r.envelope.data.region, "chosen")
    r = S.status(run("--context", "staging", "--region", "flag"), 0)
    S.equal(r, "flag", r.envelope.data.region, "a flag beats a context")
  end)

  it("3 two runs with different files share nothing that changes", function()
    local home = place()
    local a, b = home .. "/a.json", home .. "/b.json"
    local jobs = {}
    for i = 1, 8 do
      local path = i % 2 == 0 and a or b
      jobs[i] = { { "config", "set", "n" .. i, tostring(i), "--config", path }, { env = { HOME = home } } }
    end
    for _, r in ipairs(S.tool_all(jobs, 8)) do S.status(r, 0) end
    local in_a, in_b = S.json.decode(S.slurp(a)), S.json.decode(S.slurp(b))
    for i = 1, 8 do
      local mine, other = i % 2 == 0 and in_a or in_b, i % 2 == 0 and in_b or in_a
      assert.truthy(mine["n" .. i] ~= nil, "n" .. i)
      assert.is_nil(other["n" .. i])
    end
    local left = {}
    for _, name in ipairs(S.tree(home)) do
      if not name:find("/$") and not name:find("audit.jsonl", 1, true) then left[#left + 1] = name end
    end
    assert.same({ "a.json", "b.json" }, left)
  end)

  it("4 meta names the file and the context", function()
    local home, run = place()
    local path = S.spit(home .. "/c.json", CONTEXTS)
    local r = S.status(run("--config", path, "--context", "staging"), 0)
    assert.same({ path }, { table.unpack(r.envelope.meta.config_sources) })
    S.equal(r, "staging", r.envelope.meta.context, "context")
  end)

  it("a missing or broken file exits 2; the value may be the configuration itself", function()
    local home, run = place()
    S.failed(run("--config", home .. "/none.json"), 2, "CONFIG_INVALID")
    S.failed(run("--config", S.spit(home .. "/bad.json", "{")), 2, "CONFIG_INVALID")
    local r = S.status(run("--config", '{region: "inline",}'), 0)
    S.equal(r, "inline", r.envelope.data.region, "region")
    assert.equal("[]", S.json.encode(r.envelope.meta.config_sources))
    S.failed(run("--config", "{region"), 2, "CONFIG_INVALID")
  end)
end)
