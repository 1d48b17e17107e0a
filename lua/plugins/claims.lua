--- What claims the first words: plugins and custom commands, those that have their word and those that lost it.
-- Promise: one row for each, whether it works or not; what is not trusted is named and never loaded.

local checks = require "kit.checks"
local host = require "host"
local tree = require "tree"

local claims = {}

--- Every plugin, and every custom command: array of { name, at = place, taken = stronger place|nil }, by name, the
--- strongest first.
function claims.all()
  local list = {}
  tree.each_claim(function(name, at, taken)
    if at.plugins or at.origin ~= "shipped" then list[#list + 1] = { name = name, at = at, taken = taken, order = #list } end
  end, true)
  table.sort(list, function(a, b)
    if a.name ~= b.name then return a.name < b.name end
    return a.order < b.order
  end)
  return list
end

-- The first thing that is wrong in a plugin or a command, as one line; nil when all of it can be used. Second result: is it
-- the whole of it?
local function fault_of(claim)
  local kind, path, root = tree.claim(claim.at, claim.name)
  local problem, whole
  tree.visit({ words = { claim.name }, kind = kind, path = path, root = root }, function(entry)
    local C, problems = tree.load(entry)
    if C then return true end
    if not problem then problem, whole = problems[1], #entry.words == 1 end
    return root.plugin == nil or #entry.words > 1
  end)
  if not problem then return nil end
  local item = checks.item(problem, path)
  return item.position .. ": " .. item.message, whole
end

local function path_of(at, name)
  if at.plugins then return at.dir .. "/" .. name end
  local _, path = tree.claim(at, name)
  return path
end

--- One row: { name, kind, state, version, about, origin, path, taken_by, problem }. States: active; faulty, when some of its
--- commands are refused; refused; shadowed, when a stronger place has the word; untrusted.
function claims.describe(claim)
  local at, name = claim.at, claim.name
  local row = { name = name, kind = at.plugins and "plugin" or "command", origin = at.origin, path = path_of(at, name),
    state = "active", taken_by = claim.taken and path_of(claim.taken, name) or nil }
  if not tree.usable(at) then
    row.state = "untrusted"
    row.problem = at.state.problem and at.state.problem.message
      or at.state.changed and "it was changed since it was trusted" or "it was never trusted"
    return row
  end
  local known = at.plugins and tree.plugin(row.path, name)
  if known then row.version, row.about = known.version, known.about end
  local whole
  row.problem, whole = fault_of(claim)
  if row.problem then row.state = whole and "refused" or "faulty" end
  if row.taken_by then row.state = "shadowed" end
  if not at.plugins and row.state ~= "refused" then
    local kind, path, root = tree.claim(at, name)
    local C = tree.load { words = { name }, kind = kind, path = path, root = root }
    row.about = C and C.about
  end
  return row
end

--- Entries of TOOL_COMMANDS_PATH and TOOL_PLUGIN_PATH that do not count, because they are relative.
function claims.ignored()
  local list = {}
  for _, variable in ipairs { "TOOL_COMMANDS_PATH", "TOOL_PLUGIN_PATH" } do
    for dir in (host.env(variable) or ""):gmatch("[^:]+") do
      if dir:sub(1, 1) ~= "/" then list[#list + 1] = { variable = variable, path = dir } end
    end
  end
  return list
end

return claims
