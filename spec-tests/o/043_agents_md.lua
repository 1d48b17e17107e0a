-- REQ-O-043: what AGENTS.md holds.
local S = require "lib.spec"

local ENV = { TOOL_COMMANDS_PATH = false }

local function page() return assert(S.slurp(S.paths.root .. "/../AGENTS.md")) end

-- The text below a heading, up to the next one.
local function section(title) return page():match("\n## " .. title:gsub("%p", "%%%0") .. "\n(.-)\n## ") end

local function help() return S.status(S.tool({ "--help" }, { env = ENV }), 0).stderr end

S.req("REQ-O-043", "AGENTS.md required content", function()
  it("1 the first line is the version that tool --version prints", function()
    local version = S.status(S.tool { "--version" }, 0).stdout:match("(%d+%.%d+%.%d+%S*)\n$")
    assert.equal("<!-- cli-version: " .. version .. " -->", page():match("^[^\n]*"))
  end)

  it("2 the canonical invocation is one exact command line", function()
    assert.equal("tool <command> [flags] --output json", section("Canonical Invocation"):match("```sh\n([^\n]+)\n```"))
  end)

  it("3 every flag that keeps the tool from asking is named", function()
    local text = section "Non-Interactive Flags"
    for _, flag in ipairs { "--yes", "--non-interactive", "--confirm-destructive" } do
      assert.truthy(text:find("`" .. flag:gsub("%-", "%%-") .. "`: %u"), flag)
    end
  end)

  it("4 every variable that is read has a type and a purpose", function()
    local r, text = S.status(S.tool({ "manifest" }, { env = ENV }), 0), section "Environment Variables"
    for _, row in ipairs(r.envelope.meta.environment) do
      assert.truthy(text:find("| `" .. row.name .. "` | [^|]+ | [^|]+ |"), row.name)
    end
  end)

  it("5 flags, standard input and files are explained", function()
    local text = section "Input Conventions"
    for _, word in ipairs { "Flags:", "Standard input:", "Files:" } do assert.truthy(text:find(word, 1, true), word) end
  end)

  it("6 every flag, command and variable of it is in tool --help", function()
    local text, tokens = help(), {}
    for token in text:gmatch("[%w_-]+") do tokens[token] = true end
    for flag in page():gmatch("%-%-[a-z][a-z-]*") do assert.truthy(tokens[flag], flag) end
    for name in section("Environment Variables"):gmatch("| `([%u%d_]+)`") do assert.truthy(tokens[name], name) end
    local flat = text:gsub("%s+", " ")
    for words in section("Commands"):gmatch("`tool ([%l -]+)`") do
      assert.truthy(flat:find(words:gsub("%-", "%%-") .. "[, ]"), words)
    end
  end)
end)
