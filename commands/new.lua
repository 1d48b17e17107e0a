--- `tool new command|plugin|suite NAME`: the first files of what an author makes, with their tests.
-- Promise: what is written passes `tool check` and `tool test` as it is; nothing that is there is written over.

local new = require "kit.new"
local values = require "values"

local KINDS = {}

-- Each gives the files, relative to --dir; the path to check and test; the variable that lets the tool find them; and a call.
function KINDS.command(args, arguments)
  local words = {}
  for word in args.name:gmatch("[^/]+") do words[#words + 1] = word end
  local files = require("kit.scaffold").command { words = words, danger = args.danger, network = args.network,
    arguments = arguments, file = args.name, test = args.name .. ".test.lua" }
  return files, args.name .. ".lua", "TOOL_COMMANDS_PATH", table.concat(words, " ") .. " --help"
end

function KINDS.plugin(args, arguments)
  local files = require("kit.scaffold").plugin { name = args.name, command = args.command, danger = args.danger,
    network = args.network, arguments = arguments }
  return files, args.name, "TOOL_PLUGIN_PATH", args.name .. " " .. args.command .. " --help"
end

-- The text of the OpenAPI document: of a file, or of an address.
local function document_of(source, ctx)
  if source:find("^https?://") then return ctx.http.get(source).body end
  local path = values.absolute(source, ctx.cwd)
  local text, err = ctx.framework.host.file.read(path)
  if not text then ctx.fail(err.code, { message = err.message, context = { path = path } }) end
  return text
end

function KINDS.suite(args, _, ctx)
  local files, notes
  if args.openapi then
    files, notes = require("kit.openapi.suite").files(args.name, document_of(args.openapi, ctx), args.openapi)
    for _, note in ipairs(notes) do ctx.warn("OPENAPI", note) end
  else
    files = require("kit.suite_template")(args.name)
  end
  return files, args.name, "TOOL_COMMANDS_PATH", args.name .. " --help"
end

-- A path as it is typed in the current directory.
local function near(dir, name, cwd)
  if dir == cwd then return name end
  return (dir:sub(1, #cwd + 1) == cwd .. "/" and dir:sub(#cwd + 2) or dir) .. "/" .. name
end

local function plan(args, ctx)
  new.check_free((args.name:match("^[^/]+")))
  local files, path, variable, call = KINDS[args.kind](args, new.arguments(args, function() end), ctx)
  local dir = values.absolute(args.dir, ctx.cwd)
  local shown = near(dir, path, ctx.cwd)
  return dir, files, { "tool check " .. shown, "tool test " .. shown, ("%s=%s tool %s"):format(variable, dir, call) }
end

return {
  about = "Write the first files of a command, a plugin or a suite, with their tests",
  danger = "mutating", scopes = {}, framework = true, since = "0.2", external = false, network = true,
  args = {
    { "kind", "enum", "What is made", one_of = { "command", "plugin", "suite" }, at = 1, required = true },
    { "name", "string", "Its name; a command's may have words, as in items/list", at = 2, required = true,
      match = "^[a-z][a-z0-9-]{1,31}(/[a-z][a-z0-9-]*)*$", max_length = 200 },
    { "dir", "path", "Folder that the files go to", default = ".", access = "write" },
    { "danger", "enum", "What the command does to the world", one_of = { "safe", "mutating", "destructive" }, default = "safe" },
    { "network", "boolean", "The command talks to a service", default = false },
    { "arg", "list", "A parameter: NAME:TYPE, NAME:TYPE! when it must be given, NAME:enum=A,B", loose = true,
      match = "^[a-z][a-z0-9-]*:(string|integer|number|boolean|list|map|path|url|duration|size|datetime|json|secret"
        .. "|enum=[^!]+)!?$" },
    { "openapi", "string", "OpenAPI document, 3.0 or 3.1, of which the suite is made: a file or an address", loose = true },
    { "command", "string", "Name of a plugin's first command", default = "hello", match = "^[a-z][a-z0-9-]*$" },
  },
  rules = {
    { when = "kind", is = { "command", "plugin" }, bar = { "openapi" } },
    { when = "kind", is = "suite", bar = { "danger", "network", "arg" } },
    { when = "kind", is = { "command", "suite" }, bar = { "command" } },
  },
  places = function(run) return { new.nearest(values.absolute(run.values.dir, run.cwd)) } end,
  validate = function(args, bad)
    new.arguments(args, bad)
    if args.kind ~= "command" and args.name and args.name:find("/", 1, true) then
      bad("name", ("A %s is named by one word"):format(args.kind))
    end
  end,
  returns = {
    kind = "string", name = "string", dir = "path", files = { list = "path", ordered = true },
    next = { list = "string", ordered = true },
  },
  render = function(data, ui)
    for _, path in ipairs(data.files or {}) do ui.text("wrote " .. path) end
    if not data.next then return end
    ui.text("Next:", "bold")
    for _, line in ipairs(data.next) do ui.line("  " .. line) end
  end,
  exits = { SUCCESS = "The files are written", CONFLICT = "A file of that name exists, or the tool has the name itself" },
  errors = {
    NAME_TAKEN = { "The tool has a command of that name.", exit = "CONFLICT" },
    OPENAPI_INVALID = { "The document is no OpenAPI 3.0 or 3.1.", exit = "ARG_ERROR", fix = "Correct the document at that place" },
  },
  examples = {
    { "A command that greets", "tool new command hello" },
    { "One that takes a number and changes something", "tool new command count --danger mutating --arg times:integer" },
    { "A plugin that others can install", "tool new plugin fx" },
    { "A suite of commands around a service", "tool new suite shop" },
  },
  preview = function(args, ctx)
    local dir, files = plan(args, ctx)
    return new.would(ctx, dir, files)
  end,
  run = function(args, ctx)
    local dir, files, next_lines = plan(args, ctx)
    return ctx.created { kind = args.kind, name = args.name, dir = dir, files = new.write(ctx, dir, files),
      next = ctx.array(next_lines) }
  end,
}
