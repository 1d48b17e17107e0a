--- `tool cleanup`: removes what commands left behind.
-- Promise: only places that a contract declares as temporary, cache or log, and the directories of runs that are over;
-- never credentials, never configuration, never through a link, never anything of a run that is still going (REQ-O-027,
-- REQ-C-011).

local config = require "config"
local side_effects = require "side_effects"

local SCOPES = {
  temp = { temp = true }, cache = { cache = true }, logs = { log = true },
  all = { temp = true, cache = true, log = true },
}
local DEFAULT = { temp = true, cache = true }

-- Does a place hold the tool's own configuration or data? Those are never removed as a whole.
local function is_own(path)
  for _, kind in ipairs { "config", "data" } do
    local dir = config.directory(kind)
    if dir and (dir == path or dir:sub(1, #path + 1) == path .. "/") then return true end
  end
end

-- What the scope covers and exists: array of { path, type }.
local function targets(contracts, host, scope)
  local list, seen, types = {}, {}, SCOPES[scope] or DEFAULT
  local function add(path, kind)
    if not seen[path] and not is_own(path) then list[#list + 1] = { path = path, type = kind } end
    seen[path] = true
  end
  for _, row in ipairs(side_effects.declared(contracts)) do
    if types[row.type] then
      for _, path in ipairs(side_effects.existing(row.path)) do add(path, row.type) end
    end
  end
  local base = types.temp and host.session_base()
  for _, name in ipairs(base and host.file.list(base) or {}) do
    if host.session_is_dead(name) then add(base .. "/" .. name, "temp") end
  end
  table.sort(list, function(a, b) return a.path < b.path end)
  return list
end

-- Removes, or only looks: rows of what went, bytes, errors.
local function clean(args, ctx, really)
  local framework = ctx.framework
  local host = framework.host
  local before = host.time() - args.min_age * 1000
  local cleaned, total, errors = host.json.array {}, 0, {}
  for _, target in ipairs(targets((framework.contracts()), host, args.scope)) do
    local bytes, count, failed = side_effects.remove(target.path, before, really)
    if count > 0 then
      cleaned[#cleaned + 1] = { path = target.path, type = target.type, bytes_freed = bytes }
      total = total + bytes
    end
    for _, err in ipairs(failed) do errors[#errors + 1] = err end
  end
  return { cleaned = cleaned, total_bytes_freed = total }, errors
end

return {
  about = "Remove temporary files and caches that commands left behind",
  danger = "mutating", scopes = {}, framework = true, since = "0.1", idempotent = true, timeout = "120s", rows = "cleaned",
  args = {
    { "scope", "enum", "What goes; without it temporary files and caches", one_of = { "all", "temp", "cache", "logs" } },
    { "min-age", "integer", "Keep what was changed in the last so many seconds", min = 0, default = 0 },
  },
  table = { "path", "type", "bytes_freed" },
  returns = {
    cleaned = { list = { path = "path", type = "string", bytes_freed = "integer" } }, total_bytes_freed = "integer",
  },
  exits = {
    SUCCESS = "All of it is gone, or there was nothing",
    PARTIAL_FAILURE = "Some could not be removed; data lists what went",
  },
  errors = {
    CLEANUP_INCOMPLETE = { "Some files could not be removed.", exit = "PARTIAL_FAILURE" },
  },
  examples = {
    { "See what would go", "tool cleanup --dry-run" },
    { "Caches that nobody used for a day", "tool cleanup --scope cache --min-age 86400" },
  },
  places = function(run, framework)
    local list = {}
    for _, target in ipairs(targets((framework.contracts()), framework.host, run.values.scope)) do
      list[#list + 1] = target.path:match("^(.+)/[^/]*$")
    end
    return list
  end,
  preview = function(args, ctx)
    local data = clean(args, ctx, false)
    return ctx.would("delete", data)
  end,
  run = function(args, ctx)
    local data, errors = clean(args, ctx, true)
    if #errors > 0 then
      local paths = ctx.array {}
      for i, err in ipairs(errors) do paths[i] = err.path end
      data.effect = #data.cleaned > 0 and "deleted" or "noop"
      ctx.fail("CLEANUP_INCOMPLETE", { cause = errors[1].message, context = { paths = paths }, data = data })
    end
    return #data.cleaned > 0 and ctx.deleted(data) or ctx.noop(data)
  end,
}
