-- Promise: proves help, help topics and errors for people.

package.path = "spec-tests/unit/lua/?.lua;" .. package.path
local host = require "shim_args"
local errors_text = require "errors_text"
local help = require "help"
local topics = require "topics"

host.globals = {
  { name = "help", type = "boolean", about = "Show help and exit", short = "h" },
  { name = "validate-only", type = "boolean", about = "Check the input, do nothing" },
  { name = "no-injection-protection", type = "boolean", about = "Leave out the tags on outside data. SECURITY WARNING: …" },
}

local C = {
  words = { "project", "delete" }, path = "project.delete", about = "Delete a project", danger = "destructive",
  placement = "any", page = 20, stream = "default", scopes = { "projects:delete" }, aliases = { "project rm" },
  params = {
    { name = "project", type = "string", about = "Project to delete", required = true, at = 1 },
    { name = "mode", type = "enum", about = "How", one_of = { "fast", "safe" }, default = "safe" },
    { name = "keep", type = "duration", about = "How long a copy is kept", default = "7d", env = "TOOL_KEEP" },
    { name = "tag", type = "list", about = "Tags" },
    { name = "token", type = "secret", about = "API token", env = "TOOL_TOKEN" },
    { name = "reason", type = "string", about = "Why", required = true },
  },
  flags = { { name = "dry-run", type = "boolean", about = "Show what would happen", injected = true },
    { name = "yes", type = "boolean", about = "x", injected = true, global = true } },
  exits = { [0] = { name = "SUCCESS", description = "Gone" }, [11] = { name = "RATE_LIMITED", description = "Slow down",
    retryable = true } },
  examples = { { "Delete it", "tool project delete p1 --yes" } },
}

describe("help of a command", function()
  local text = help.command(C, { program = "tool" })

  it("begins with its usage and holds everything", function()
    assert.truthy(text:find("^Usage: tool project delete <project> %-%-reason <text> %[flags%]\n"))
    for _, part in ipairs {
      "Delete a project.", "Project to delete (required), also as --project", "--mode fast|safe", "default safe",
      "--keep <time>", "default 7d; env TOOL_KEEP", "--tag <text>", "repeatable", "--token-from-env <variable>",
      "--dry-run", "--validate-only", "--no-injection-protection weakens security", "TOOL_OUTPUT",
      "0    SUCCESS", "11   RATE_LIMITED", "(try again)", "$ tool project delete p1 --yes", "streaming_default: true",
      "projects:delete", "project rm", "--schema",
    } do
      assert.truthy(text:find(part, 1, true), part)
    end
    assert.is_nil(text:find("\27"))
    assert.same("\n", text:sub(-1))
  end)

  it("never names a flag that would take a secret", function()
    assert.is_nil(text:find("--token <", 1, true))
  end)

  it("fits the width it is given", function()
    for line in help.command(C, { program = "tool", width = 60 }):gmatch("[^\n]+") do
      if not line:find("^Usage") and not line:find("%$ tool") and not line:find("from%-env") then
        assert.is_true(#line <= 62, line)
      end
    end
  end)

  it("speaks as the persona", function()
    local D = setmetatable({ words = { "sentry-agent", "list" }, examples = { { "x", "tool sentry-agent list" } } },
      { __index = C })
    local own = help.command(D, { program = "sentryagent", persona = "sentry-agent" })
    assert.truthy(own:find("^Usage: sentryagent list "))
    assert.truthy(own:find("$ sentryagent list\n", 1, true))
  end)

  it("puts options first where the place is strict", function()
    local D = { words = { "run" }, about = "Run", placement = "strict", flags = {}, params = {
      { name = "target", type = "path", at = 1, required = true }, { name = "x", type = "boolean" },
      { name = "child", type = "list", rest = true } } }
    assert.truthy(help.command(D, {}):find("^Usage: tool run %[flags%] <target> %[<child>…%]\n"))
  end)
end)

describe("help of groups", function()
  it("lists rows that a probe can parse", function()
    local text = help.root({ { name = "sentryagent", about = "Identity provider.", suite = true, group = true },
      { name = "doctor", about = "Check the installation" } }, { program = "tool" })
    for _, part in ipairs { "CORE COMMANDS\n", "ADDITIONAL COMMANDS\n", "HELP TOPICS\n", "EXAMPLES\n",
      "tool manifest" } do
      assert.truthy(text:find(part, 1, true), part)
    end
    local found = {}
    for line in text:gmatch("[^\n]+") do
      local name = line:match("^  (%w[%w-]*)%s") or line:match("^   (%w[%w-]*)%s")
      if name then found[#found + 1] = name end
    end
    assert.same({ "sentryagent", "doctor", "exit-codes", "formatting", "environment", "flags" }, found)
    assert.truthy(text:find("^Usage: tool <command>"))
  end)

  it("shows a group with its commands", function()
    local text = help.group({ words = { "a", "b" }, about = "Things", suite = { persona = "pp" } },
      { { name = "list", about = "List" }, { name = "sub", about = "More", group = true } }, { program = "tool" })
    assert.truthy(text:find("^Usage: tool a b <command>"))
    assert.truthy(text:find("COMMANDS\n  list", 1, true))
    assert.truthy(text:find("GROUPS\n  sub", 1, true))
    assert.truthy(text:find("program of its own: pp", 1, true))
  end)
end)

describe("topics", function()
  it("all have a text and belong to the list", function()
    for _, topic in ipairs(topics.list) do
      local text = topics.text(topic[1], { program = "tool", width = 70 })
      assert.is_true(#text > 100, topic[1])
    end
    assert.is_nil(topics.text("no-such", {}))
    assert.truthy(topics.text("exit-codes"):find("11   RATE_LIMITED", 1, true))
    assert.truthy(topics.text("environment"):find("TOOL_OUTPUT", 1, true))
    assert.truthy(topics.text("flags"):find("SECURITY WARNING", 1, true))
  end)
end)

describe("errors for people", function()
  it("name the cause and the next step", function()
    local text = errors_text({ message = "It broke.", cause = "ECONNREFUSED", suggestion = "Start it." }, {})
    assert.same("error: It broke.\n  cause: ECONNREFUSED\nhint: Start it.\n", text)
  end)

  it("list all problems of the input", function()
    local text = errors_text({ code = "ARG_ERROR", message = "2 arguments are invalid.", fix_required = "long",
      errors = { { message = "--a is required.", fix = "Pass --a." }, { message = "--b must be a number." } } }, {})
    assert.same("error: 2 arguments are invalid.\n  - --a is required. Pass --a.\n  - --b must be a number.\n", text)
    text = errors_text({ message = "--a is required.", fix_required = "Pass --a.",
      errors = { { message = "--a is required.", fix = "Pass --a." } } }, {})
    assert.same("error: --a is required.\nhint: Pass --a.\n", text)
  end)

  it("offer a command, a correction or a wait", function()
    assert.truthy(errors_text({ message = "m.", fix_command = "tool auth" }, {}):find("run `tool auth`", 1, true))
    assert.truthy(errors_text({ message = "m.", corrected_input = "{}" }, {}):find("did you mean {}", 1, true))
    assert.truthy(errors_text({ message = "m.", retryable = true, retry_after_ms = 1500 }, {}):find("1.5 s", 1, true))
  end)

  it("are coloured only when allowed, and pass no escapes on", function()
    assert.truthy(errors_text({ message = "m." }, { color = true }):find("\27[31merror:", 1, true))
    assert.is_nil(errors_text({ message = "\27[31mm.\27[0m" }, {}):find("\27"))
  end)
end)
