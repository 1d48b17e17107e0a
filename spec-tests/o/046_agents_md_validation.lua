-- REQ-O-046: a change that AGENTS.md does not know fails the checks.
local S = require "lib.spec"

local SCRIPT = S.paths.root .. "/agents-md"

local function validate(...)
  return S.run({ SCRIPT, "--tool", S.paths.tool, ... }, { env = { PATH = "/usr/local/bin:/usr/bin:/bin", HOME = S.dir "home" },
    clear_env = true })
end

local function page() return S.slurp(S.paths.root .. "/../AGENTS.md") end

local function failures(text)
  local r, list = validate("--file", S.spit(S.dir() .. "/AGENTS.md", text)), {}
  for line in r.stdout:gmatch("FAIL: ([^\n]*)") do list[#list + 1] = line end
  return list, r
end

S.req("REQ-O-046", "AGENTS.md CI validation", function()
  it("1 the checks of every change run it", function()
    assert.truthy(S.slurp(S.paths.root .. "/../.ci/run"):find("./bootstrap test", 1, true))
    assert.truthy(S.slurp(S.paths.root .. "/all"):find("spec%-tests/agents%-md"))
  end)

  it("1 it passes on this tree", function()
    local r = validate()
    assert.equal(0, r.status, r.stdout .. r.stderr)
    assert.truthy(r.stdout:find("PASS: "))
  end)

  it("2 another version fails", function()
    local list, r = failures((page():gsub("cli%-version: %S+", "cli-version: 9.9.9", 1)))
    assert.equal(1, r.status)
    assert.equal(1, #list)
    assert.truthy(list[1]:find("9.9.9", 1, true))
  end)

  it("3 a flag, command or variable that does not exist fails", function()
    for _, what in ipairs { { "`--replicas`", "flag '--replicas'" }, { "`tool deploy now`", "command 'tool deploy now'" },
      { "`TOOL_REPLICAS`", "variable 'TOOL_REPLICAS'" }, { "`--outpu`", "flag '--outpu'" } } do
      local list, r = failures(page() .. what[1] .. "\n")
      assert.equal(1, r.status, what[1])
      assert.equal(1, #list, table.concat(list, "\n"))
      assert.truthy(list[1]:find(what[2], 1, true), list[1])
    end
  end)

  it("4 every difference is named, not only the first", function()
    local text = page():gsub("cli%-version: %S+", "cli-version: 9.9.9", 1)
    local list = failures(text .. "`--replicas` `tool deploy now` `TOOL_REPLICAS`\n")
    assert.equal(4, #list, table.concat(list, "\n"))
  end)

  it("5 AGENTS.md describes the step", function()
    assert.truthy(page():find("\n## CI Validation\n\n[^#]*spec%-tests/agents%-md"))
  end)
end)
