--- Where a path of an author belongs: a plugin, a suite, or a folder of commands.
-- Promise: a command file that is not installed is loaded with the words, the suite and the modules that it will have
-- where it is meant to be; nothing but the neighbours of the path is looked at.

local host = require "host"
local tree = require "tree"

local place = {}

local function parent(path)
  local dir = path:match("^(.*)/[^/]*$")
  return dir ~= "" and dir or nil
end

local function is_file(path)
  local stat = host.file.stat(path)
  return stat ~= nil and stat.type == "file"
end

-- The words of a path below a folder of commands, or nil when it can be none.
local function words_below(dir, path)
  local words = {}
  for word in path:sub(#dir + 2):gsub("%.lua$", ""):gmatch("[^/]+") do
    if not tree.is_word(word) then return nil end
    words[#words + 1] = word
  end
  return words
end

-- The installed folder of commands that holds the path, or nil.
local function installed_root(path)
  for _, root in ipairs(tree.places()) do
    if not root.plugins and path:sub(1, #root.dir + 1) == root.dir .. "/" then return root end
  end
end

-- { kind, dir, name, root }: what owns the path, found on the way up from it.
local function owner_of(path, is_dir)
  local dir = is_dir and path or parent(path)
  while dir do
    local name = dir:match("[^/]+$")
    if is_file(dir .. "/plugin.lua") then
      local shipped = parent(dir) == host.paths.plugins
      return { kind = "plugin", dir = dir, name = name,
        root = { dir = dir, origin = shipped and "shipped" or "file", plugin = dir } }
    elseif is_file(dir .. "/suite.lua") then
      return { kind = "suite", dir = dir, name = name, root = installed_root(dir) or { dir = parent(dir), origin = "file" } }
    end
    dir = parent(dir)
  end
  local root = installed_root(path)
  if not root then
    dir = is_dir and path or parent(path)
    while is_file(dir .. "/group.lua") do dir = parent(dir) end
    root = { dir = dir, origin = "file" }
  end
  return { kind = "folder", dir = root.dir, root = root }
end

--- What the path is: { kind = "plugin"|"suite"|"folder", dir, name, root, entry, env }. `entry` is the command or group of
--- the path itself, nil for a whole folder of commands and for files that are no commands; `env` lets another run of the
--- tool find it. Or nil and a message.
function place.of(path)
  path = path:gsub("(.)/+$", "%1")
  local stat = host.file.stat(path)
  if not stat then return nil, ("There is no file %s."):format(path) end
  local is_dir = stat.type == "directory"
  local found = owner_of(path, is_dir)
  found.path, found.is_dir = path, is_dir
  local base = found.kind == "plugin" and found.dir .. "/commands" or found.root.dir
  local words = path:sub(1, #base + 1) == base .. "/" and words_below(base, path)
  if found.kind == "plugin" then
    found.env = { TOOL_PLUGIN_PATH = parent(found.dir) }
    if path == found.dir or path == base then words = {} end
    if words then table.insert(words, 1, found.name) end
  else
    found.env = { TOOL_COMMANDS_PATH = found.root.dir }
  end
  if words and #words > 0 and (is_dir or path:find("%.lua$")) then
    found.entry = { words = words, kind = is_dir and "group" or "command", path = is_dir and path or path, root = found.root }
    if path == found.dir and found.kind == "plugin" then found.entry.path = base end
  end
  return found
end

--- The commands and groups of a place, each an entry for tree.load.
function place.entries(found)
  local list = {}
  local function add(entry) list[#list + 1] = entry end
  if found.entry then
    tree.visit(found.entry, add)
  elseif found.kind == "folder" and found.is_dir then
    for _, name in ipairs(tree.names(found.path)) do tree.visit(tree.entry({ name }, found.root, found.path), add) end
  end
  return list
end

--- The contracts of a place: array of C (no groups), array of refused { entry, problems }.
function place.contracts(found, full)
  local good, refused = {}, {}
  for _, entry in ipairs(place.entries(found)) do
    local C, problems, warnings = tree.load(entry, full)
    if not C then
      refused[#refused + 1] = { entry = entry, problems = problems }
    elseif not C.group then
      C.warnings = C.warnings or warnings
      good[#good + 1] = C
    end
  end
  return good, refused
end

return place
