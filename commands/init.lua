--- `tool init`: makes the directories that the tool keeps its files in.
-- Promise: no command needs it, and a second call changes nothing (REQ-F-076).

local config = require "config"
local failure = require "failure"

local KINDS = { "cache", "config", "data", "state" }

-- The directories, and the file that says that they were made.
local function places()
  local dirs = {}
  for i, kind in ipairs(KINDS) do
    dirs[i] = config.directory(kind)
    if not dirs[i] then
      failure.raise("INIT_NO_HOME", { exit = "PRECONDITION", message = "There is no home directory.",
        fix = "Set HOME to a directory that can be written" })
    end
  end
  return dirs, dirs[4] .. "/initialized"
end

local function check(done, err)
  if done then return end
  local full = err.code == "DISK_FULL"
  failure.raise(full and "INIT_DISK_FULL" or err.code, { exit = full and "GENERAL_ERROR" or nil, message = err.message,
    context = { path = err.path, cause = err.code } })
end

return {
  about = "Prepare the directories of the tool; no command needs it", danger = "mutating", scopes = {}, framework = true,
  since = "0.1", idempotent = true, timeout = "10s",
  writes = {
    { "cache", "~/.cache/tool/" }, { "config", "~/.config/tool/" }, { "log", "~/.local/share/tool/" },
    { "log", "~/.local/state/tool/" },
  },
  returns = { ["initialized?"] = "boolean", ["already_initialized?"] = "boolean", directories = { list = "path" } },
  external = false,
  exits = {
    SUCCESS = "The directories are there", PERMISSION_DENIED = "A directory cannot be made",
    PRECONDITION = "There is no home directory",
  },
  examples = { { "Once, if at all", "tool init" } },
  preview = function(_, ctx) return ctx.would("create", { directories = (places()) }) end,
  run = function(_, ctx)
    local host = ctx.framework.host
    local dirs, marker = places()
    if host.file.access(marker, "f") then return ctx.noop { already_initialized = true, directories = dirs } end
    for _, dir in ipairs(dirs) do check(host.file.mkdir(dir, 448, true)) end
    check(host.file.write(marker, host.version .. "\n", { mode = 384 }))
    return ctx.created { initialized = true, directories = dirs }
  end,
}
