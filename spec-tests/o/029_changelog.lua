-- REQ-O-029: what each version changed, for programs.
local S = require "lib.spec"

local KEYS = { "added", "breaking", "changed", "date", "removed", "version" }

local HISTORY = [==[[
  { "version": "1.1.0", "date": "2026-02-01T00:00:00Z", "added": ["data.b"] },
  { "version": "1.10.0", "date": "2026-04-01T00:00:00Z", "changed": ["data.n: string→integer"] },
  { "version": "1.0.0", "date": "2026-01-01T00:00:00Z" },
  { "version": "2.0.0", "date": null, "breaking": false, "removed": ["data.uri"], "added": ["data.link"] },
  { "version": "2.0.0-rc.1", "date": "2026-05-01T00:00:00Z", "breaking": true }
]]==]

-- A plugin whose history is this text, in a folder of plugins.
local function plugin(text)
  local dir = S.dir "plugins"
  assert(S.run({ "mkdir", "-p", dir .. "/aging/commands" }).status == 0)
  S.spit(dir .. "/aging/plugin.lua", 'return { name = "aging", version = "2.0.0", about = "Ages", api = 1 }\n')
  if text then S.spit(dir .. "/aging/changelog.json", text) end
  return { TOOL_PLUGIN_PATH = dir }
end

local function versions(r)
  local list = {}
  for i, e in ipairs(r.envelope.data.entries) do list[i] = e.version end
  return table.concat(list, " ")
end

S.req("REQ-O-029", "tool changelog built-in command", function()
  it("1 it lists the history of the tool, which is the one of CHANGELOG.md", function()
    local r, lines = S.status(S.tool { "changelog" }, 0), { "# Changelog" }
    for _, e in ipairs(r.envelope.data.entries) do
      local when = e.date ~= S.json.null and e.date:sub(1, 10) or "unreleased"
      lines[#lines + 1] = ("\n## %s (%s)%s"):format(e.version, when, e.breaking and ", breaking" or "")
      for _, kind in ipairs { "added", "removed", "changed" } do
        if #e[kind] > 0 then lines[#lines + 1] = ("\n### %s%s\n"):format(kind:sub(1, 1):upper(), kind:sub(2)) end
        for _, text in ipairs(e[kind]) do lines[#lines + 1] = "- " .. text end
      end
    end
    assert.equal(table.concat(lines, "\n") .. "\n", S.slurp(S.paths.root .. "/../CHANGELOG.md"))
    S.equal(r, r.envelope.meta.tool_version, r.envelope.data.entries[1].version, "the newest version")
  end)

  it("1 a plugin registers its own in changelog.json; without one it has none", function()
    local r = S.status(S.tool({ "changelog", "--plugin", "aging" }, { env = plugin(HISTORY) }), 0)
    assert.equal("2.0.0 2.0.0-rc.1 1.10.0 1.1.0 1.0.0", versions(r))
    r = S.status(S.tool({ "changelog", "--plugin", "aging" }, { env = plugin() }), 0)
    S.equal(r, S.json.array {}, r.envelope.data.entries, "entries")
    S.failed(S.tool { "changelog", "--plugin", "nowhere" }, 5, "PLUGIN_NOT_FOUND")
    for _, text in ipairs { "{", "{}", '[{"version":"x"}]', '[{"version":"1.0.0","added":"a"}]',
      '[{"version":"1.0.0","date":"2026-01-01"}]', "[1]" } do
      S.failed(S.tool({ "changelog", "--plugin", "aging" }, { env = plugin(text) }), 4, "CHANGELOG_INVALID")
    end
  end)

  it("2 every entry has all six keys, with lists of texts", function()
    local r = S.status(S.tool({ "changelog", "--plugin", "aging" }, { env = plugin(HISTORY) }), 0)
    for _, e in ipairs(r.envelope.data.entries) do
      local names = {}
      for key in pairs(e) do names[#names + 1] = key end
      table.sort(names)
      assert.same(KEYS, names)
      S.truth(r, type(e.breaking) == "boolean" and S.json.is_array(e.added) and S.json.is_array(e.removed)
        and S.json.is_array(e.changed), e.version)
    end
  end)

  it("3 --since gives only later versions, in the order of semantic versions", function()
    for since, want in pairs { ["1.0.0"] = "2.0.0 2.0.0-rc.1 1.10.0 1.1.0", ["1.1.0"] = "2.0.0 2.0.0-rc.1 1.10.0",
      ["1.9.0"] = "2.0.0 2.0.0-rc.1 1.10.0", ["2.0.0-rc.1"] = "2.0.0", ["2.0.0"] = "",
      ["2.0.0-beta"] = "2.0.0 2.0.0-rc.1" } do
      local r = S.status(S.tool({ "changelog", "--plugin", "aging", "--since", since }, { env = plugin(HISTORY) }), 0)
      S.equal(r, want, versions(r), since)
    end
    for _, bad in ipairs { "x", "1", "1.0", "1.0.0.0", "" } do S.status(S.tool { "changelog", "--since", bad }, 2) end
  end)

  it("4 what takes away or changes something is breaking, whatever its author says", function()
    local r, breaking = S.status(S.tool({ "changelog", "--plugin", "aging" }, { env = plugin(HISTORY) }), 0), {}
    for _, e in ipairs(r.envelope.data.entries) do breaking[e.version] = e.breaking end
    assert.same({ ["2.0.0"] = true, ["2.0.0-rc.1"] = true, ["1.10.0"] = true, ["1.1.0"] = false, ["1.0.0"] = false },
      breaking)
  end)
end)
