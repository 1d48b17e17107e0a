--- `tool plugin trust [PROJECT]`: lets the commands in a project's .tool/commands run.
-- Promise: nothing of the project is loaded; what is trusted is the content that is there now, and any change of it needs
-- trust again. The record is kept outside the project.

local config = require "config"
local tree = require "tree"
local trust = require "trust"

-- The project's folder of commands: of the directory that was named, or of the one that the caller is in.
local function folder(args, ctx)
  local host = ctx.framework.host
  local dir = tree.project()
  if args.project then
    dir = args.project .. "/.tool/commands"
    if not host.file.stat(dir) and args.project:find("/%.tool/commands$") then dir = args.project end
  end
  local stat = dir and host.file.stat(dir)
  if not stat or stat.type ~= "directory" then
    ctx.fail("NO_PROJECT_COMMANDS", { context = { path = dir or ctx.cwd },
      message = ("There is no folder %s."):format(dir or ".tool/commands in this directory or above it") })
  end
  local state = trust.look(dir)
  if not state.record then ctx.fail("NO_DATA_DIRECTORY") end
  return state
end

local function show(state)
  local list = {}
  for i, row in ipairs(state.content and state.content.files or {}) do
    list[i] = { path = row.path, sha256 = row.sha256, bytes = row.size }
  end
  return { path = state.real, sha256 = state.content and state.content.digest or nil, files = list }
end

local function refuse_odd(state, ctx)
  if not state.problem then return end
  ctx.fail("UNTRUSTABLE", { cause = state.problem.message, context = { path = state.problem.path } })
end

return {
  about = "Let the commands of a project's .tool/commands run, as they are now",
  danger = "mutating", reversible = true, scopes = {}, framework = true, since = "0.1", idempotent = true, external = false,
  args = {
    { "project", "path", "Directory of the project; without it the one that you are in", at = 1 },
    { "revoke", "boolean", "Take the trust away again" },
  },
  returns = { path = "path", ["sha256?"] = "string",
    files = { ordered = true, list = { path = "string", sha256 = "string", bytes = "integer" } } },
  timeout = "60s",
  exits = {
    SUCCESS = "The content is trusted, or with --revoke it is not",
    NOT_FOUND = "There is no project with commands of its own",
    PRECONDITION = "The content cannot be trusted as it is",
  },
  errors = {
    NO_PROJECT_COMMANDS = { "There is no project with commands of its own.", exit = "NOT_FOUND",
      fix = "Name the directory that holds .tool/commands" },
    UNTRUSTABLE = { "The folder holds something that is no plain file.", exit = "PRECONDITION",
      fix = "Remove what the cause names" },
    NO_DATA_DIRECTORY = { "There is no home directory to keep the record in.", exit = "PRECONDITION", fix = "Set HOME" },
  },
  examples = {
    { "See what would be trusted", "tool plugin trust --dry-run ." },
  },
  render = function(data, ui)
    for _, row in ipairs(data.files or {}) do ui.text(("%s %s"):format(row.sha256:sub(1, 16), row.path)) end
    ui.text(("%s: %s, %d files"):format(data.effect, data.path, #(data.files or {})), "bold")
  end,
  places = function(_, framework)
    local dir = config.directory "data"
    if dir then framework.host.file.mkdir(dir, 448, true) end
    return dir and { dir .. "/trust" } or {}
  end,
  preview = function(args, ctx)
    local state = folder(args, ctx)
    if not args.revoke then refuse_odd(state, ctx) end
    return ctx.would(args.revoke and "delete" or "create", show(state))
  end,
  run = function(args, ctx)
    local state = folder(args, ctx)
    if args.revoke then
      local data = show(state)
      return trust.forget(state) and ctx.deleted(data) or ctx.noop(data)
    end
    refuse_odd(state, ctx)
    if state.trusted then return ctx.noop(show(state)) end
    trust.record(state)
    return (state.changed and ctx.updated or ctx.created)(show(state))
  end,
}
