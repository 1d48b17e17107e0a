-- REQ-O-034: skill files that agents load.
local S = require "lib.spec"

local NO_FIXTURES = { TOOL_COMMANDS_PATH = false }

local function generate(dir, ...)
  return S.tool({ "generate-skills", "--output-dir", dir, ... }, { env = NO_FIXTURES })
end

-- The front matter of a skill file: key -> text of its value; second result: the body.
local function front_matter(text)
  local head, body = text:match("^%-%-%-\n(.-)\n%-%-%-\n(.*)$")
  assert(head, "no front matter")
  local out = {}
  for line in head:gmatch("[^\n]+") do
    local key, value = line:match("^([%w_]+): (.*)$")
    out[assert(key, line)] = value
  end
  return out, body
end

local function commands()
  local list = {}
  local r = S.status(S.tool({ "manifest" }, { env = NO_FIXTURES }), 0)
  for path, entry in pairs(r.envelope.data.commands) do
    if entry.output_schema then list[#list + 1] = path end
  end
  table.sort(list)
  return list
end

-- The command lines of the example block.
local function examples(body)
  local list = {}
  for line in body:match("## Examples\n\n```sh\n(.-)```"):gmatch("[^\n]+") do
    if line:sub(1, 1) ~= "#" then list[#list + 1] = line end
  end
  return list
end

S.req("REQ-O-034", "tool generate-skills built-in command", function()
  it("1 --output-dir says where, --format how", function()
    local dir = S.dir() .. "/skills"
    local r = S.status(generate(dir, "--format", "json"), 0)
    S.equal(r, "created", r.envelope.data.effect, "effect")
    for _, row in ipairs(r.envelope.data.skills) do
      S.truth(r, row.path:sub(1, #dir + 1) == dir .. "/", row.path)
      assert.truthy(S.json.decode(S.slurp(row.path)), row.path)
    end
    S.status(generate(dir, "--format", "yaml"), 2)
    S.status(S.tool { "generate-skills" }, 2)
  end)

  it("2 one CONTEXT.md and one SKILL-<command>.md per command", function()
    local dir = S.dir() .. "/skills"
    S.status(generate(dir), 0)
    local names, count = commands(), 0
    for _, path in ipairs(names) do
      assert.truthy(S.exists(dir .. "/SKILL-" .. path:gsub("%.", "-") .. ".md"), path)
    end
    for _, name in ipairs(S.list(dir)) do count = count + (name:find("^SKILL%-.*%.md$") and 1 or 0) end
    assert.equal(#names, count)
    local context = S.slurp(dir .. "/CONTEXT.md")
    for _, path in ipairs(names) do assert.truthy(context:find("`tool " .. path:gsub("%.", " ") .. "`", 1, true), path) end
    assert.truthy(context:find("## Agent guidance", 1, true))
  end)

  it("3 each has front matter with name, description, version and args, and the named sections", function()
    local dir = S.dir() .. "/skills"
    S.status(generate(dir), 0)
    local version = S.tool({ "--version" }).stdout:match("%S+\n$"):sub(1, -2)
    for _, path in ipairs(commands()) do
      local head, body = front_matter(S.slurp(dir .. "/SKILL-" .. path:gsub("%.", "-") .. ".md"))
      assert.equal(version, S.json.decode(head.version))
      assert.truthy(#S.json.decode(head.description) > 10 and #head.name <= 64)
      assert.equal("table", type(S.json.decode(head.args)))
      for _, section in ipairs { "Examples", "Guardrails", "Common patterns", "Anti-patterns" } do
        assert.truthy(body:find("\n## " .. section .. "\n", 1, true), path .. " " .. section)
      end
    end
  end)

  it("4 three examples or more in each, and every one of them validates", function()
    local dir, jobs = S.dir() .. "/skills", {}
    S.status(generate(dir), 0)
    for _, path in ipairs(commands()) do
      local _, body = front_matter(S.slurp(dir .. "/SKILL-" .. path:gsub("%.", "-") .. ".md"))
      local list = examples(body)
      assert.truthy(#list >= 3, path)
      for _, text in ipairs(list) do
        if not text:find("[|<>&\"'$;]") then
          local words = {}
          for word in text:gmatch("%S+") do words[#words + 1] = word end
          local program = table.remove(words, 1)
          assert.truthy(S.exists(S.paths.tool:match("^(.*/)") .. program), text) -- the tool or one of its links
          words[#words + 1] = "--validate-only"
          local env = { TOOL_COMMANDS_PATH = false }
          for name in text:gmatch("%-from%-env (%S+)") do env[name] = "secret" end
          jobs[#jobs + 1] = { words, { env = env, argv0 = program } }
        end
      end
    end
    for _, r in ipairs(S.tool_all(jobs, 2)) do S.status(r, 0) end
    assert.truthy(#jobs >= 30)
  end)

  it("5 each is also <name>/SKILL.md, with the folder's name, the form that loaders look for", function()
    local dir, count = S.dir() .. "/skills", 0
    S.status(generate(dir), 0)
    for _, name in ipairs(S.list(dir)) do
      local text = S.slurp(dir .. "/" .. name .. "/SKILL.md")
      if text then
        count = count + 1
        assert.equal(name, front_matter(text).name)
        assert.truthy(name:find("^[a-z0-9-]+$") and #name <= 64)
      end
    end
    assert.equal(#commands(), count)
  end)

  it("1 a second run changes nothing, another text is replaced, a preview writes nothing", function()
    local dir = S.dir() .. "/skills"
    local r = S.status(generate(dir, "--dry-run"), 0)
    S.equal(r, "would_create", r.envelope.data.effect, "effect")
    assert.is_false(S.exists(dir))
    S.status(generate(dir), 0)
    local before = S.slurp(dir .. "/SKILL-doctor.md")
    r = S.status(generate(dir), 0)
    S.equal(r, "noop", r.envelope.data.effect, "effect")
    S.spit(dir .. "/SKILL-doctor.md", "old")
    r = S.status(generate(dir), 0)
    S.equal(r, "updated", r.envelope.data.effect, "effect")
    assert.equal(before, S.slurp(dir .. "/SKILL-doctor.md"))
  end)
end)
