-- REQ-O-041, what an agent and a release do with the manifest: selecting from it, comparing two.
local S = require "lib.spec"

local ENV = { TOOL_COMMANDS_PATH = false }

local function manifest(...) return S.status(S.tool { "manifest", ... }, 0).envelope end

local function whole() return S.status(S.tool({ "manifest" }, { env = ENV }), 0).line end

-- The answer of the manifest with a few of its commands, which change as well as all of them would.
local few
local function some()
  if not few then
    local answer = S.json.decode(whole())
    for _, of in ipairs { answer.data.commands, answer.meta.contracts } do
      for path in pairs(of) do
        if not (path == "check" or path == "cleanup" or path:find "^config%." or path == "generate-skills") then of[path] = nil end
      end
    end
    few = S.json.encode(answer)
  end
  return few
end

-- The same in a file, changed by a function of data and meta.
local function saved(change)
  local answer = S.json.decode(some())
  if change then change(answer.data.commands, answer.meta) end
  return S.spit(S.dir() .. "/manifest.json", S.json.encode(answer))
end

local function diff(change, ...)
  return S.tool({ "manifest", "diff", saved(), saved(change), ... }, { env = ENV })
end

local CASES = {
  breaking = {
    function(c) c["config.list"] = nil end,
    function(c) c.check.flags.timeout = nil end,
    function(c) c.check.flags.extra = { type = "string", required = true, description = "x" } end,
    function(c) c.cleanup.flags["min-age"].type = "string" end,
    function(c) c.cleanup.flags["min-age"].default = 1 end,
    function(c) c["config.get"].flags.key.required = true; c["config.list"].flags.new = { type = "string", required = true } end,
    function(c) table.remove(c.cleanup.flags.scope.enum_values, 1) end,
    function(c) c.check.exit_codes["5"] = nil end,
    function(c) c.check.exit_codes["5"].name = "GONE" end,
    function(c) c.check.exit_codes["10"].retryable = false end,
    function(c) c.check.exit_codes["5"].side_effects = "partial" end,
    function(c) c.check.output_schema.properties.files = nil end,
    function(c) c.check.output_schema.properties.checked.type = "string" end,
    function(c) c.check.output_schema.properties.files.items.type = "integer" end,
    function(c) table.remove(c.check.output_schema.required, 1) end,
    function(c) c.check.danger_level = "mutating" end,
    function(c) table.remove(c.check.output_formats, 1) end,
    function(_, m) m.contracts.check.required_scopes = { "new:scope" } end,
    function(_, m) m.contracts.check.errors.REGISTRATION_ERROR = nil end,
    function(_, m) m.global_flags.output = nil end,
  },
  compatible = {
    function(c) c["brand-new"] = c.check end,
    function(c) c.check.flags.extra = { type = "string", required = false, description = "x" } end,
    function(c) table.insert(c.cleanup.flags.scope.enum_values, "more") end,
    function(c) c["generate-skills"].flags["output-dir"].required = false end,
    function(c) c.check.exit_codes["99"] = { name = "NEW", description = "x", retryable = false, side_effects = "none" } end,
    function(c) c.check.output_schema.properties.extra = { type = "string" } end,
    function(c) c.cleanup.danger_level = "safe" end,
    function(c) c.check.aliases = { "verify" } end,
    function(_, m) m.contracts.check.errors.NEW = { exit_code = 1 } end,
    function(_, m) m.global_flags.extra = { type = "boolean", required = false } end,
  },
  cosmetic = {
    function(c) c.check.description = "Other words" end,
    function(c) c.check.flags.files.description = "Other words" end,
    function(c) c.check.exit_codes["0"].description = "Other words" end,
    function(c) c.check.examples = nil end,
  },
}

S.req("REQ-O-041", "tool manifest built-in command", function()
  it("--match finds a word in names and descriptions, --danger a level", function()
    for path, entry in pairs(manifest("--match", "CONFIGURATION").data.commands) do
      assert.truthy((path .. " " .. entry.description):lower():find("configuration", 1, true), path)
    end
    assert.truthy(manifest("--match", "config set").data.commands["config.set"])
    local e = manifest("--danger", "destructive")
    for path, entry in pairs(e.data.commands) do
      assert.equal("destructive", entry.danger_level, path)
      assert.truthy(e.meta.contracts[path], path)
    end
    assert.truthy(next(e.data.commands))
    assert.same({}, manifest("--match", "no such words anywhere").data.commands)
    assert.equal(manifest().data.etag, e.data.etag)
  end)

  it("diff finds nothing between equal manifests, of files and of this tool", function()
    local r = S.status(S.tool({ "manifest", "diff", S.spit(S.dir() .. "/manifest.json", whole()), "--gate" }, { env = ENV }), 0)
    S.equal(r, { breaking = 0, compatible = 0, cosmetic = 0, changes = S.json.array {} }, r.envelope.data, "data")
    S.status(diff(nil, "--gate"), 0)
  end)

  for _, level in ipairs { "breaking", "compatible", "cosmetic" } do
    it("diff calls a change " .. level .. " when it is", function()
      for i, change in ipairs(CASES[level]) do
        local r = S.status(diff(change), 0)
        local counts = { breaking = r.envelope.data.breaking, compatible = r.envelope.data.compatible,
          cosmetic = r.envelope.data.cosmetic }
        S.truth(r, counts[level] >= 1, level .. " case " .. i)
        if level ~= "breaking" then S.equal(r, 0, counts.breaking, level .. " case " .. i) end
        if level == "cosmetic" then S.equal(r, 0, counts.compatible, level .. " case " .. i) end
        S.equal(r, counts[level], #r.envelope.data.changes, level .. " case " .. i)
      end
    end)
  end

  it("diff --gate fails on a breaking change and on nothing else", function()
    for i, change in ipairs(CASES.breaking) do
      local r = diff(change, "--gate")
      S.failed(r, 1, "BREAKING_CHANGES")
      S.truth(r, r.envelope.data.breaking >= 1, "case " .. i)
    end
    for _, change in ipairs(CASES.compatible) do S.status(diff(change, "--gate"), 0) end
    for _, change in ipairs(CASES.cosmetic) do S.status(diff(change, "--gate"), 0) end
  end)

  it("diff takes the data alone, and refuses what is no manifest", function()
    local data = S.json.decode(S.slurp(saved())).data
    S.status(S.tool({ "manifest", "diff", S.spit(S.dir() .. "/m", S.json.encode(data)), "--gate" }, { env = ENV }), 0)
    for _, text in ipairs { "{", "[]", "{}", '{"data":null}', '{"commands":{"a":1}}' } do
      S.failed(S.tool({ "manifest", "diff", S.spit(S.dir() .. "/m", text) }, { env = ENV }), 4, "MANIFEST_INVALID")
    end
    S.failed(S.tool({ "manifest", "diff", S.dir() .. "/missing" }, { env = ENV }), 5, "NOT_FOUND")
  end)
end)
