-- The command tree: where the file of a command is.
-- Promise: a command is found by its path, one look per word, however many commands are installed (design §4). Only what
-- is not found by path (an alias, a misspelling) looks at the neighbours.

local config = require "config"
local contract = require "contract"
local host = require "host"
local sandbox = require "sandbox"

local tree = {}

-- Files of these names describe the folder that they are in.
local NO_COMMAND = { group = true, suite = true, plugin = true }
-- Names that mean the same everywhere (naming guide); they give way to a real command.
local FREE_ALIASES = {
  remove = { "delete" }, rm = { "delete" }, ls = { "list" }, add = { "create" }, new = { "create" },
  sync = { "apply" }, reconcile = { "apply" }, set = { "update" }, edit = { "update" }, show = { "get" },
}

local function is_word(word)
  return type(word) == "string" and word:find("^[a-z][a-z0-9-]*$") ~= nil
end
tree.is_word = is_word

-- The absolute directories of a list such as PATH; what is relative would be found in any working directory.
local function split_path(list)
  local out = {}
  for dir in (list or ""):gmatch("[^:]+") do
    if dir:sub(1, 1) == "/" then out[#out + 1] = dir end
  end
  return out
end

-- The places where a first word can be claimed, strongest first (authoring §1). Each function gives the next ones; it is
-- asked only when the word is in none of those before. A place { dir, origin } holds commands, with `plugins` folders of
-- plugins.
local MAKERS = {
  function()
    return { { dir = host.paths.commands, origin = "shipped" }, { dir = host.paths.plugins, origin = "shipped", plugins = true } }
  end,
  function()
    local list = {}
    for _, dir in ipairs(split_path(host.env "TOOL_COMMANDS_PATH")) do list[#list + 1] = { dir = dir, origin = "path" } end
    for _, dir in ipairs(split_path(host.env "TOOL_PLUGIN_PATH")) do
      list[#list + 1] = { dir = dir, origin = "path", plugins = true }
    end
    return list
  end,
  function()
    local dir = config.directory "config"
    return dir and { { dir = dir .. "/commands", origin = "user" } } or {}
  end,
  function()
    local list, dir, named = {}, config.directory "data", config.personal "plugins.paths"
    for _, path in ipairs(type(named) == "table" and named or {}) do
      path = type(path) == "string" and config.expand(path)
      if path and path:sub(1, 1) == "/" then list[#list + 1] = { dir = path, origin = "configured", plugins = true } end
    end
    if dir then list[#list + 1] = { dir = dir .. "/plugins", origin = "user", plugins = true } end
    list[#list + 1] = { dir = "/usr/local/share/tool/plugins", origin = "system", plugins = true }
    list[#list + 1] = { dir = "/usr/share/tool/plugins", origin = "system", plugins = true }
    return list
  end,
  function()
    local dir = tree.project()
    return dir and { { dir = dir, origin = "project" } } or {}
  end,
}

local places, made = {}, 0

local function place(i)
  while not places[i] and made < #MAKERS do
    made = made + 1
    for _, one in ipairs(MAKERS[made]()) do places[#places + 1] = one end
  end
  return places[i]
end

--- Every place where a first word can be claimed, strongest first: array of { dir, origin, plugins }.
function tree.places()
  local i = 1
  while place(i) do i = i + 1 end
  return places
end

--- The custom commands of the project that the current directory is in: `.tool/commands` of it or of the nearest directory
--- above, or nil.
function tree.project()
  local dir = host.cwd == "/" and "" or host.cwd
  while true do
    local path = dir .. "/.tool/commands"
    local stat = host.file.stat(path)
    if stat and stat.type == "directory" then return path end
    if dir == "" then return nil end
    dir = dir:match("^(.*)/[^/]*$")
  end
end

-- Is this place one whose files may be loaded? The project's are when their content is what was trusted.
local function usable(at)
  if at.origin ~= "project" then return true end
  if at.trusted == nil then
    local state = require("trust").look(at.dir)
    at.trusted, at.hashes, at.state = state.trusted, state.hashes, state
  end
  return at.trusted
end
tree.usable = usable

-- What a path below a root is: "command" (with its file), "group" (with its folder) or nil.
local function look(dir, word)
  local base = dir .. "/" .. word
  local stat = not NO_COMMAND[word] and host.file.stat(base .. ".lua")
  if stat and stat.type == "file" then return "command", base .. ".lua" end
  stat = word ~= "lib" and host.file.stat(base)
  if stat and stat.type == "directory" then return "group", base end
end

-- The folder of what is below an entry: a command may have one of its own name, for its subcommands.
local function folder_of(kind, path)
  return kind == "command" and path:gsub("%.lua$", "") or path
end

--- What claims a first word in one place: kind, path and the root that it belongs to, or nil.
function tree.claim(at, word)
  if not at.plugins then
    local kind, path = look(at.dir, word)
    return kind, path, at
  end
  local dir = at.dir .. "/" .. word
  if host.file.access(dir .. "/plugin.lua", "f") then
    return "group", dir .. "/commands", { dir = dir, origin = at.origin, plugin = dir, name = word }
  end
end

-- The first word: the strongest place that has it.
local function look_first(word)
  local i = 1
  while place(i) do
    local kind, path, root = tree.claim(places[i], word)
    if kind and usable(places[i]) then return kind, path, root end
    if kind then tree.untrusted = tree.untrusted or places[i] end
    i = i + 1
  end
end

-- The name of the entry in `dir` that `word` is an alias of, or nil.
local function by_alias(dir, word, words, root)
  for _, real in ipairs(FREE_ALIASES[word] or {}) do
    if look(dir, real) then return real end
  end
  local full = table.concat(words, " ") .. (#words > 0 and " " or "") .. word
  for _, name in ipairs(tree.names(dir)) do
    local child = { table.unpack(words) }
    child[#child + 1] = name
    local C = tree.load(tree.entry(child, root, dir))
    for _, alias in ipairs(C and C.aliases or {}) do
      if alias == full or alias == word then return name end
    end
  end
end

--- The names of commands and groups in a folder, sorted.
function tree.names(dir)
  local seen, out = {}, {}
  for _, file in ipairs(host.file.list(dir) or {}) do
    local word = file:match("^([a-z][a-z0-9-]*)$")
    if not word then
      word = file:match("^([a-z][a-z0-9-]*)%.lua$")
      if word and NO_COMMAND[word] then word = nil end
    end
    if word and word ~= "lib" and not seen[word] then
      seen[word] = true
      out[#out + 1] = word
    end
  end
  table.sort(out)
  return out
end

-- The suite or plugin that a path belongs to decides its modules and its shared contract.
local function owner_of(root, words)
  if root.plugin then
    return { lib = root.plugin .. "/lib", dir = root.plugin, plugin = root.plugin, hashes = root.hashes }
  end
  local dir = root.dir .. "/" .. words[1]
  return { lib = dir .. "/lib", dir = dir, hashes = root.hashes }
end

--- Describes the command or group of these words in a known folder.
function tree.entry(words, root, dir)
  local kind, path = look(dir, words[#words])
  return kind and { words = words, kind = kind, path = path, root = root } or nil
end

--- Finds what the words name. Returns an entry { words (real names), kind, path, root } and how many words it took;
--- nil when the first word names nothing. `prefix` is the suite of a persona.
function tree.find(words, prefix)
  local kind, path, root, entry
  local real, used = {}, 0
  if prefix then
    kind, path, root = look_first(prefix)
    if not kind then return nil end
    real[1] = prefix
    entry = { words = { prefix }, kind = kind, path = path, root = root }
  end
  for i, word in ipairs(words) do
    if not is_word(word) then break end
    local k, p, r
    if path then
      k, p = look(folder_of(kind, path), word)
      if not k and kind == "group" then
        local alias = by_alias(path, word, real, root)
        if alias then
          word = alias
          k, p = look(path, word)
        end
      end
    else
      k, p, r = look_first(word)
      root = r
    end
    if not k then break end
    real[#real + 1] = word
    kind, path, used = k, p, i
    entry = { words = { table.unpack(real) }, kind = kind, path = path, root = root }
  end
  if used == 0 and not prefix then return nil end
  return entry, used
end

local suites = {}

-- The checked suite.lua of an owner, or nil; false when it is refused (problems as second value).
local function suite_of(owner, words)
  if suites[owner.dir] == nil then
    local file = owner.dir .. "/suite.lua"
    suites[owner.dir] = { suite = nil }
    if host.file.stat(file) then
      local raw, message = sandbox.load(file, { lib = owner.lib, hashes = owner.hashes })
      local suite, problems
      if raw == nil then
        problems = { { rule = "REQ-F-015", file = file, message = message } }
      else
        suite, problems = contract.suite(raw, { words = { words[1] }, file = file, dir = owner.dir })
      end
      suites[owner.dir] = { suite = suite, problems = not suite and problems or nil }
    end
  end
  return suites[owner.dir].suite, suites[owner.dir].problems
end

--- The suite that the entry's command belongs to, or nil (and problems when its file is refused).
function tree.suite(entry)
  return suite_of(owner_of(entry.root, entry.words), entry.words)
end

--- Loads and checks the contract of an entry.
--- @return table|nil C or group, table problems, table warnings, string source
function tree.load(entry, full)
  local owner = owner_of(entry.root, entry.words)
  local plugin, faults
  if owner.plugin then
    plugin, faults = tree.plugin(owner.plugin, entry.root.name or entry.words[1], owner.hashes)
    if not plugin then return nil, faults, {} end
  end
  local framework = entry.root.origin == "shipped" and not entry.root.plugin
    and (#entry.words == 1 or not host.file.stat(owner.dir .. "/suite.lua"))
  local suite, problems
  if not framework then suite, problems = suite_of(owner, entry.words) end
  if problems then return nil, problems, {} end
  if entry.kind == "group" then
    local file = entry.path .. "/group.lua"
    local raw
    if host.file.stat(file) then
      local message
      raw, message = sandbox.load(file, { lib = owner.lib, hashes = owner.hashes })
      if raw == nil then return nil, { { rule = "REQ-F-015", file = file, message = message } }, {} end
    end
    if raw == nil and plugin and #entry.words == 1 then raw = { about = suite and suite.about or plugin.about } end
    return contract.group(raw, { words = entry.words, file = file, suite = suite })
  end
  local raw, message, source = sandbox.load(entry.path, { lib = owner.lib, framework = framework, hashes = owner.hashes })
  if raw == nil then
    return nil, { { command = table.concat(entry.words, " "), rule = "REQ-F-015", file = entry.path, message = message } }, {}
  end
  local C, found, warnings = contract.check(raw, {
    words = entry.words, file = entry.path, suite = suite, plugin = plugin, full = full,
    shipped = entry.root.origin == "shipped",
  })
  return C, found, warnings, source
end

local plugins = {}

--- The checked plugin.lua of a plugin's folder: Plugin, or nil and problems. Nothing else of a plugin is loaded before.
--- Without a name any folder will do.
function tree.plugin(dir, name, hashes)
  if not plugins[dir] then
    local file = dir .. "/plugin.lua"
    local raw, message = sandbox.load(file, { lib = dir .. "/lib", hashes = hashes })
    if raw == nil then
      plugins[dir] = { nil, { { command = name or "plugin", rule = "REQ-F-015", file = file, message = message } } }
    else
      plugins[dir] = { contract.plugin(raw, { words = { name }, file = file, dir = dir }) }
    end
  end
  return plugins[dir][1], plugins[dir][2]
end

--- The words below a group: { name … }.
function tree.children(entry)
  return tree.names((folder_of(entry.kind, entry.path)))
end

--- An entry and all below it, commands and groups, in order of their names. What each(entry) answers with false is not
--- entered.
function tree.visit(entry, each)
  if each(entry) == false then return end
  for _, name in ipairs(tree.children(entry)) do
    local child = { table.unpack(entry.words) }
    child[#child + 1] = name
    local below = tree.entry(child, entry.root, (folder_of(entry.kind, entry.path)))
    if below then tree.visit(below, each) end
  end
end

--- Every entry below the words (all of them without), commands and groups, in order of their names.
function tree.walk(words, each)
  if words and #words > 0 then
    local entry, used = tree.find(words)
    if entry and used == #words then tree.visit(entry, each) end
    return
  end
  tree.each_claim(function(name, at, taken)
    if not taken then
      local kind, path, root = tree.claim(at, name)
      tree.visit({ words = { name }, kind = kind, path = path, root = root }, each)
    end
  end)
end

--- The entry of a plugin's folder, wherever that is, under the plugin's name. hashes: what its files must be.
function tree.plugin_entry(dir, name, hashes)
  return { words = { name }, kind = "group", path = dir .. "/commands",
    root = { dir = dir, origin = "file", plugin = dir, name = name, hashes = hashes } }
end

--- Calls each(name, place, taken) for every first word of every place, the strongest first; taken is the place that the word
--- belongs to when that is another one. Places that may not be used are left out, but with `all`.
function tree.each_claim(each, all)
  local owner, i = {}, 1
  while place(i) do
    local at = places[i]
    local open = host.file.access(at.dir, "f") and usable(at)
    for _, name in ipairs((open or all) and tree.names(at.dir) or {}) do
      if tree.claim(at, name) then
        each(name, at, owner[name])
        owner[name] = owner[name] or open and at or nil
      end
    end
    i = i + 1
  end
end

--- All first words.
function tree.first_words()
  local out = {}
  tree.each_claim(function(name, _, taken)
    if not taken then out[#out + 1] = name end
  end)
  table.sort(out)
  return out
end

--- The suite whose persona has this program name, or nil. Suites of the shipped commands first.
function tree.persona(program)
  if program == "tool" then return nil end
  for _, word in ipairs { program, (program:gsub("%-cli$", "")) } do
    local entry = is_word(word) and tree.find { word }
    local suite = entry and entry.kind == "group" and tree.suite(entry)
    if suite and suite.persona == program then return word end
  end
  for _, word in ipairs(tree.first_words()) do
    local entry = tree.find { word }
    if entry and entry.kind == "group" then
      local suite = tree.suite(entry)
      if suite and suite.persona == program then return word end
    end
  end
end

return tree
