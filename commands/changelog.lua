--- `tool changelog`: what each version added, removed and changed.
-- Promise: newest first, in the order of semantic versions; a version that took something away or changed it is marked
-- as breaking, whatever its author says (REQ-O-029).

local failure = require "failure"
local history = require "changelog"

local host -- ctx.framework.host, known when the command runs

local NUMBER = "^(%d+)%.(%d+)%.(%d+)(.*)$"

-- The parts of a semantic version, a release above its pre-releases; nil for any other text.
local function parts(version)
  local major, minor, patch, rest = version:match(NUMBER)
  if not major or rest ~= "" and not rest:find("^[-+]") then return nil end
  local pre = rest:match("^%-([^+]*)")
  return { tonumber(major), tonumber(minor), tonumber(patch), pre }
end

-- -1, 0 or 1, as SemVer 2.0.0 §11 orders pre-releases.
local function compare_pre(a, b)
  if a == b then return 0 elseif not a then return 1 elseif not b then return -1 end
  local left, right = {}, {}
  for part in a:gmatch("[^.]+") do left[#left + 1] = part end
  for part in b:gmatch("[^.]+") do right[#right + 1] = part end
  for i = 1, math.max(#left, #right) do
    local x, y = left[i], right[i]
    if x ~= y then
      if not x then return -1 elseif not y then return 1 end
      local n, m = tonumber(x), tonumber(y)
      if n and m then return n < m and -1 or 1 elseif n then return -1 elseif m then return 1 end
      return x < y and -1 or 1
    end
  end
  return 0
end

local function later(a, b)
  for i = 1, 3 do
    if a[i] ~= b[i] then return a[i] > b[i] end
  end
  return compare_pre(a[4], b[4]) > 0
end

local function strings(value)
  if value == nil then return true end
  if type(value) ~= "table" then return false end
  for _, text in ipairs(value) do
    if type(text) ~= "string" then return false end
  end
  return true
end

-- What is wrong with an entry of a history, or nil.
local function problem_of(entry)
  if type(entry) ~= "table" or type(entry.version) ~= "string" or not parts(entry.version) then
    return "an entry has no semantic version"
  end
  for _, key in ipairs { "added", "removed", "changed" } do
    if not strings(entry[key]) then return ("%s of %s must be a list of texts"):format(key, entry.version) end
  end
  local date = entry.date
  if date ~= nil and date ~= host.json.null and (type(date) ~= "string" or not date:find("^%d%d%d%d%-%d%d%-%d%dT[%d:.]+Z$")) then
    return ("the date of %s must be such as 2026-01-15T00:00:00Z"):format(entry.version)
  end
end

local function copy(list)
  return host.json.array(table.move(list or {}, 1, #(list or {}), 1, {}))
end

local function entry_of(raw)
  local added, removed, changed = copy(raw.added), copy(raw.removed), copy(raw.changed)
  return {
    version = raw.version, date = raw.date or host.json.null, added = added, removed = removed, changed = changed,
    breaking = raw.breaking == true or #removed > 0 or #changed > 0,
  }
end

-- The history of a plugin: changelog.json in its folder, a list of entries.
local function of_plugin(ctx, name)
  local dir = ctx.framework.plugin_dir(name)
  if not dir then ctx.fail("PLUGIN_NOT_FOUND", { context = { plugin = name } }) end
  local path = dir .. "/changelog.json"
  local text = host.file.read(path)
  if not text then return {} end
  local list, why = host.json.decode(text)
  local message = list == nil and failure.place(why) or not host.json.is_array(list) and "it is not a list" or nil
  for _, entry in ipairs(message and {} or list) do message = message or problem_of(entry) end
  if message then ctx.fail("CHANGELOG_INVALID", { cause = message, context = { path = path } }) end
  return list
end

return {
  about = "Show what each version added, removed and changed",
  danger = "safe", scopes = {}, framework = true, since = "0.1", timeout = "10s", rows = "entries",
  args = {
    { "since", "string", "Only versions later than this one, such as 0.1.0", match = "^[0-9]+[.][0-9]+[.][0-9]+([-+].*)?$",
      loose = true },
    { "plugin", "string", "The history of this plugin (its changelog.json) instead of the tool's",
      match = "^[a-z][a-z0-9-]{1,31}$" },
  },
  returns = {
    entries = { ordered = true, list = {
      version = "string", date = "datetime!", breaking = "boolean", added = { list = "string", ordered = true },
      removed = { list = "string", ordered = true }, changed = { list = "string", ordered = true },
    } },
  },
  render = function(data, ui)
    for _, e in ipairs(data.entries) do
      local when = type(e.date) == "string" and e.date:sub(1, 10) or "unreleased"
      ui.text(("%s  %s%s"):format(e.version, when, e.breaking and "  BREAKING" or ""), "bold")
      for _, kind in ipairs { "added", "removed", "changed" } do
        for _, text in ipairs(e[kind]) do ui.text(("  %-8s %s"):format(kind, text)) end
      end
    end
  end,
  exits = {
    SUCCESS = "The versions are shown, possibly none",
    NOT_FOUND = "There is no such plugin",
    PRECONDITION = "The plugin's changelog.json is not in order",
  },
  errors = {
    PLUGIN_NOT_FOUND = { "There is no plugin of that name.", exit = "NOT_FOUND" },
    CHANGELOG_INVALID = { "The plugin's changelog.json is not in order.", exit = "PRECONDITION",
      fix = "Correct changelog.json in the plugin's folder" },
  },
  examples = {
    { "Everything", "tool changelog" },
    { "What is new since a version", "tool changelog --since 0.0.9" },
  },
  run = function(args, ctx)
    host = ctx.framework.host
    local entries, since = host.json.array {}, args.since and parts(args.since)
    for _, raw in ipairs(args.plugin and of_plugin(ctx, args.plugin) or history) do
      if not since or later(parts(raw.version), since) then entries[#entries + 1] = entry_of(raw) end
    end
    table.sort(entries, function(a, b) return later(parts(a.version), parts(b.version)) end)
    return { entries = entries }
  end,
}
