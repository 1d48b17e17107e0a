--- `tool manifest`: everything an agent needs to call any command, in one answer.
-- Promise: data is a ManifestResponse; what its closed schema has no room for is in meta; --etag of an unchanged
-- manifest gives data: null and meta.not_modified.

local manifest = require "manifest"
local page = require "manifest_page"

return {
  about = "Show every command with its flags, exit codes, schemas and examples",
  danger = "safe", scopes = {}, framework = true, since = "0.1",
  args = {
    { "etag", "string", "etag of an earlier answer; nothing is sent again if it still holds", loose = true },
    { "prefix", "string", "Only the commands below this dot path, such as minitower.runs",
      match = "^[a-z][a-z0-9-]*([.][a-z][a-z0-9-]*)*$" },
    { "depth", "integer", "Only so many levels of commands", min = 1, max = 32 },
    { "match", "string", "Only commands with this word in their name or description", loose = true },
    { "limit", "integer", "Only so many; without it as many as one answer can hold", min = 1 },
    { "cursor", "string", "Only what follows this path: meta.pagination.next_cursor of the answer before",
      match = "^[a-z][a-z0-9-]*([.][a-z][a-z0-9-]*)*$" },
    { "danger", "enum", "Only commands of this danger level", one_of = { "safe", "mutating", "destructive" } },
  },
  returns = {
    schema_version = "string", framework_version = "string", etag = "string", commands = { map = "any" },
  },
  render = function(data, ui)
    local rows = {}
    for path, entry in pairs(data.commands) do
      rows[#rows + 1] = { command = path:gsub("%.", " "), danger = entry.danger_level, description = entry.description }
    end
    table.sort(rows, function(a, b) return a.command < b.command end)
    ui.table(rows, { "command", "danger", "description" })
    ui.text("All of it as JSON: --output json", "dim")
  end,
  timeout = "60s",
  exits = {
    SUCCESS = "The manifest is shown, or it has not changed",
    NOT_FOUND = "No command has that prefix",
  },
  errors = { PREFIX_NOT_FOUND = { "No command has that prefix.", exit = "NOT_FOUND" } },
  examples = {
    { "Everything", "tool manifest" },
    { "One suite", "tool manifest --prefix sentryagent" },
    { "Everything about configuration that changes something", "tool manifest --match config --danger mutating" },
  },
  run = function(args, ctx)
    local framework = ctx.framework
    local contracts, refused = framework.contracts()
    local data, meta = manifest.build(contracts, {
      prefix = args.prefix, depth = args.depth, match = args.match, danger = args.danger, root = framework.suite })
    if args.prefix and next(data.commands) == nil then
      ctx.fail("PREFIX_NOT_FOUND", { context = { prefix = args.prefix } })
    end
    for _, one in ipairs(refused) do
      ctx.warn("COMMAND_REJECTED", table.concat(one.words, " ") .. " is left out: its contract was refused")
    end
    if args.etag == data.etag then
      framework.meta("not_modified", true)
      framework.meta("etag", data.etag)
      return nil
    end
    local format = framework.run.inv.format -- text has its own limit, by lines
    if args.limit or args.cursor or format == "json" or format == "jsonl" then
      page(data, meta, { limit = args.limit, cursor = args.cursor, program = framework.program })
    end
    for key, value in pairs(meta) do framework.meta(key, value) end
    return data
  end,
}
