-- REQ-O-045: everything that is written for agents names the version of the tool.
local S = require "lib.spec"

local function version() return S.tool({ "--version" }).stdout:match("(%S+)\n$") end

local function generated(format)
  local dir = S.dir() .. "/skills"
  S.status(S.tool({ "generate-skills", "--output-dir", dir, "--format", format }, { env = { TOOL_COMMANDS_PATH = false } }), 0)
  return dir
end

S.req("REQ-O-045", "Integration artifact version declaration", function()
  it("1 and 2 Markdown, YAML and JSON artifacts declare the version, byte for byte", function()
    local dir, want = generated "markdown", version()
    for _, name in ipairs(S.list(dir)) do
      local text = S.slurp(dir .. "/" .. name)
      if name:find("^SKILL%-") then
        assert.truthy(text:find('\nversion: "' .. want .. '"\n', 1, true), name)
        assert.truthy(text:find("<!-- cli-version: " .. want .. " -->", 1, true), name)
      elseif name == "CONTEXT.md" then
        assert.equal("<!-- cli-version: " .. want .. " -->", text:match("^[^\n]*"))
      elseif name == "mcp-tools.json" then
        assert.equal(want, S.json.decode(text).cli_version)
      end
    end
    dir = generated "json"
    for _, name in ipairs(S.list(dir)) do assert.equal(want, S.json.decode(S.slurp(dir .. "/" .. name)).cli_version, name) end
    assert.equal("<!-- cli-version: " .. want .. " -->", S.slurp(S.paths.root .. "/../AGENTS.md"):match("^[^\n]*"))
    local r = S.tool { "manifest" }
    S.equal(r, want, r.envelope.data.framework_version, "the manifest's version")
  end)

  it("3 they come with the tool: the same binary writes them, AGENTS.md stands in the same tree", function()
    assert.truthy(S.exists(S.paths.root .. "/../AGENTS.md"))
    assert.truthy(S.manifest().commands["generate-skills"])
  end)

  it("4 every command and flag that an artifact names is in tool --help", function()
    local help = S.tool({ "--help" }, { env = { TOOL_COMMANDS_PATH = false } }).stderr
    local known = {}
    for token in help:gmatch("[%w-]+") do known[token] = true end
    local dir = generated "markdown"
    local text = S.slurp(dir .. "/CONTEXT.md")
    for call in text:gmatch("`tool ([^`]+)`") do
      for word in call:gmatch("%S+") do
        if word:find("^[a-z]") then assert.truthy(known[word], word) end
      end
    end
    for flag in text:gmatch("%-%-[a-z][a-z-]*") do assert.truthy(known[flag], flag) end
  end)
end)
