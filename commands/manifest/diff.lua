--- `tool manifest diff OLD [NEW]`: what changed between two manifests?
-- Promise: every change is classified as breaking, compatible or cosmetic; with --gate a breaking one ends with exit 1, so
-- that a release can be stopped by it.

local diff = require "manifest_diff"
local failure = require "failure"
local manifest = require "manifest"

local MAX_MANIFEST = 64 * 1024 * 1024

local function read(ctx, path)
  local value, why = ctx.framework.host.json.decode(ctx.files.read(path, { max = MAX_MANIFEST }))
  local found = diff.of(value)
  if not found then
    ctx.fail("MANIFEST_INVALID", { message = path .. " is no manifest.", cause = value == nil and failure.place(why) or nil,
      context = { path = path } })
  end
  return found
end

-- The manifest of the commands that are installed, read back so that both sides went the same way.
local function own(ctx)
  local json = ctx.framework.host.json
  local data, meta = manifest.build((ctx.framework.contracts()), { root = ctx.framework.suite })
  return diff.of(json.decode(json.encode { data = data, meta = meta }))
end

local function say(change)
  local function text(value) return type(value) == "string" and value or nil end
  local parts = { change.level, text(change.command) or "all commands", change.what, text(change.name) or "", change.change }
  return (table.concat(parts, "  "):gsub("    ", "  "))
end

return {
  about = "Show what changed between two manifests and whether it breaks callers",
  danger = "safe", scopes = {}, framework = true, since = "0.1", timeout = "60s", external = false, rows = "changes",
  args = {
    { "old", "path", "The earlier manifest: what `tool manifest` wrote", required = true, at = 1, access = "read" },
    { "new", "path", "The later one; without it that of this tool", at = 2, access = "read" },
    { "gate", "boolean", "Fail when a change is breaking" },
  },
  table = { "level", "command", "what", "name", "change" },
  returns = {
    breaking = "integer", compatible = "integer", cosmetic = "integer",
    changes = { ordered = true, list = {
      level = "string", command = "string!", what = "string", name = "string!", change = "string", before = "any",
      after = "any",
    } },
  },
  render = function(data, ui)
    for _, change in ipairs(data.changes) do
      ui.text(say(change), change.level == "breaking" and "red" or change.level == "cosmetic" and "dim" or nil)
    end
    ui.text(("%d breaking, %d compatible, %d cosmetic"):format(data.breaking, data.compatible, data.cosmetic), "bold")
  end,
  exits = {
    SUCCESS = "The changes are shown; with --gate, none is breaking",
    GENERAL_ERROR = "With --gate: a change is breaking; data lists all of them",
    PRECONDITION = "A file is no manifest",
  },
  errors = {
    BREAKING_CHANGES = { "A change breaks callers.", exit = "GENERAL_ERROR",
      fix = "Take the breaking changes back, or release them as a new major version" },
    MANIFEST_INVALID = { "The file is no manifest.", exit = "PRECONDITION",
      fix = "Write one with `tool manifest --output-file FILE` or `tool manifest > FILE`" },
  },
  examples = {
    { "What changed since a release", "tool manifest > release.json && tool manifest diff release.json" },
    { "Stop a release that breaks callers",
      "tool manifest > old.json && tool manifest > new.json && tool manifest diff old.json new.json --gate" },
  },
  run = function(args, ctx)
    local changes = diff.compare(read(ctx, args.old), args.new and read(ctx, args.new) or own(ctx))
    local data = { breaking = 0, compatible = 0, cosmetic = 0, changes = changes }
    for _, change in ipairs(changes) do data[change.level] = data[change.level] + 1 end
    if args.gate and data.breaking > 0 then
      ctx.fail("BREAKING_CHANGES", { data = data,
        message = data.breaking == 1 and "1 change breaks callers." or data.breaking .. " changes break callers." })
    end
    return data
  end,
}
