-- The hooks of a plugin: at the start and the end of each process that runs one of its commands, each with a deadline of
-- its own, whatever becomes of them.
local S = require "lib.spec"
local P = require "lib.plugins"

local function plugin(hooks, files)
  local path = S.dir "path"
  P.plugin(path, "hooked", files, nil, "hooks = { " .. hooks .. " }")
  return { env = { TOOL_PLUGIN_PATH = path } }
end

local function lines(r)
  local list = {}
  for _, line in ipairs(S.lines(r.stderr)) do
    list[#list + 1] = line:match("hook:(%w+)")
  end
  return table.concat(list, " ")
end

local BOTH = 'start = function(ctx) ctx.log("hook:start") end, stop = function(ctx) ctx.log("hook:stop") end'
local LOUD = P.command "x":gsub("return { said", 'ctx.log("hook:run") return { said')

S.req("PLUGINS-HOOKS", "Hooks", function()
  it("run around the command, in its process", function()
    local opts = plugin(BOTH, { ["commands/loud.lua"] = LOUD })
    local r = S.status(S.tool("hooked loud --verbose", opts), 0)
    S.equal(r, "start run stop", lines(r))
  end)

  it("stop runs after a failure and after SIGTERM too", function()
    local opts = plugin(BOTH, {
      ["commands/fail.lua"] = P.command "x":gsub("return { said[^}]*}", 'error("no")'),
      ["commands/wait.lua"] = P.command "x":gsub("return { said", 'ctx.log("hook:run") ctx.sleep("20s") return { said'),
    })
    local r = S.failed(S.tool("hooked fail --verbose", opts), 1, "COMMAND_FAILED") and S.tool("hooked fail --verbose", opts)
    S.equal(r, "start stop", lines(r))
    local cut = { env = opts.env, signals = { { "TERM", when_stderr = "hook:run" } } }
    r = S.status(S.tool("hooked wait --verbose", cut), 143)
    S.equal(r, "start run stop", lines(r))
  end)

  it("do not run for help, schemas, invalid input or other commands", function()
    local opts = plugin(BOTH)
    for _, words in ipairs { "hooked --help", "hooked say --help", "hooked say --schema", "hooked say --nonsense",
      "hooked say --validate-only", "manifest" } do
      S.equal(S.tool(words .. " --verbose", opts), "", lines(S.tool(words .. " --verbose", opts)), words)
    end
  end)

  it("an error is a warning, and the command goes on", function()
    local opts = plugin 'start = function() error("broken") end, stop = function(ctx) ctx.fail("NOT_FOUND") end'
    local r = S.status(S.tool("hooked say", opts), 0)
    local text = table.concat(r.envelope.warnings, "\n")
    S.truth(r, text:find("PLUGIN_HOOK_FAILED: the start hook of hooked failed: .*broken"), "start")
    S.truth(r, text:find("PLUGIN_HOOK_FAILED: the stop hook of hooked failed", 1, true), "stop")
  end)

  it("one that loops or waits is ended by its own deadline", function()
    for _, body in ipairs { "while true do end", "while true do pcall(function() while true do end end) end",
      'ctx.sleep("60s")', "coroutine.wrap(function() while true do end end)()" } do
      local opts = plugin("stop = function(ctx) " .. body .. " end")
      local r = S.status(S.tool("hooked say", opts), 0)
      S.truth(r, (P.warned(r, "PLUGIN_HOOK_FAILED") or ""):find("took longer than 1 s", 1, true), body)
      S.truth(r, r.elapsed_ms < 8000, "it took too long")
    end
    local opts = plugin 'start = function(ctx) ctx.sleep("60s") end'
    local r = S.status(S.tool("hooked say", opts), 0)
    S.truth(r, (P.warned(r, "PLUGIN_HOOK_FAILED") or ""):find("took longer than 5 s", 1, true), "start")
  end)

  it("a hook can do what its command may do, and no more", function()
    local opts = plugin 'start = function(ctx) ctx.exec { "id" } end'
    local r = S.status(S.tool("hooked say", opts), 0)
    S.truth(r, (P.warned(r, "PLUGIN_HOOK_FAILED") or ""):find("runs in the contract", 1, true), "exec without runs")
  end)
end)
