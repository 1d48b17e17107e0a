-- The command tree: where the file of a command is.
-- Promise: a command is found by its path, one look per word, however many commands are installed (design §4). Only what
-- is not found by path (an alias, a misspelling) looks at the neighbours.

local contract = require "contract"
local host = require "host"
local sandbox = require "sandbox"

local tree = {}

local NO_COMMAND = { group = true, suite = true, plugin = true }
-- Names that mean the same everywhere (naming guide); they give way to a real command.
local FREE_ALIASES = {
  remove = { "delete" }, rm = { "delete" }, ls = { "list" }, add = { "create" }, new = { "create" },
  sync = { "apply" }, reconcile = { "apply" }, set = { "update" }, edit = { "update" }, show = { "get" },
}

local function is_word(word)
  return type(word) == "string" and word:find("^[a-z][a-z0-9-]*$") ~= nil and not NO_COMMAND[word]
end
tree.is_word = is_word

-- The places where a first word can be claimed, strongest first (authoring §1).
local roots

local function split_path(list)
  local out = {}
  for dir in (list or ""):gmatch("[^:]+") do out[#out + 1] = dir end
  return out
end

--- The directories that hold commands: { { dir, origin = "shipped"|"path"|"user" } … }, then plugin folders.
function tree.roots()
  if not roots then
    roots = { { dir = host.paths.commands, origin = "shipped" } }
    for _, dir in ipairs(split_path(host.env "TOOL_COMMANDS_PATH")) do
      roots[#roots + 1] = { dir = dir, origin = "path" }
    end
    local config = host.env "XDG_CONFIG_HOME"
    if not config or config == "" then config = (host.env "HOME" or "") .. "/.config" end
    roots[#roots + 1] = { dir = config .. "/tool/commands", origin = "user" }
  end
  return roots
end

--- The directories that hold plugin folders, strongest first.
function tree.plugin_roots()
  local out = { { dir = host.paths.plugins, origin = "shipped" } }
  for _, dir in ipairs(split_path(host.env "TOOL_PLUGIN_PATH")) do out[#out + 1] = { dir = dir, origin = "path" } end
  return out
end

-- What a path below a root is: "command" (with its file), "group" (with its folder) or nil.
local function look(dir, word)
  local base = dir .. "/" .. word
  local stat = host.file.stat(base .. ".lua")
  if stat and stat.type == "file" then return "command", base .. ".lua" end
  stat = word ~= "lib" and host.file.stat(base)
  if stat and stat.type == "directory" then return "group", base end
end

-- The folder of what is below an entry: a command may have one of its own name, for its subcommands.
local function folder_of(kind, path)
  return kind == "command" and path:gsub("%.lua$", "") or path
end

-- The first word: a root's file or folder, or a plugin.
local function look_first(word)
  for _, root in ipairs(tree.roots()) do
    local kind, path = look(root.dir, word)
    if kind then return kind, path, root end
  end
  for _, root in ipairs(tree.plugin_roots()) do
    local dir = root.dir .. "/" .. word
    if host.file.stat(dir .. "/plugin.lua") then
      return "group", dir .. "/commands", { dir = dir, origin = root.origin, plugin = dir }
    end
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
    local word = file:match("^([a-z][a-z0-9-]*)%.lua$") or file:match("^([a-z][a-z0-9-]*)$")
    if word and is_word(word) and word ~= "lib" and not seen[word] then
      seen[word] = true
      out[#out + 1] = word
    end
  end
  table.sort(out)
  return out
end

-- The suite or plugin that a path belongs to decides its modules and its shared contract.
local function owner_of(root, words)
  if root.plugin then return { lib = root.plugin .. "/lib", dir = root.plugin, plugin = root.plugin } end
  local dir = root.dir .. "/" .. words[1]
  return { lib = dir .. "/lib", dir = dir }
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
      local raw, message = sandbox.load(file, { lib = owner.lib })
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
      raw, message = sandbox.load(file, { lib = owner.lib })
      if raw == nil then return nil, { { rule = "REQ-F-015", file = file, message = message } }, {} end
    end
    if raw == nil and entry.root.plugin and #entry.words == 1 then
      local plugin = tree.plugin(entry.root.plugin, entry.words[1])
      raw = plugin and { about = plugin.about }
    end
    return contract.group(raw, { words = entry.words, file = file, suite = suite })
  end
  local raw, message, source = sandbox.load(entry.path, { lib = owner.lib, framework = framework })
  if raw == nil then
    return nil, { { command = table.concat(entry.words, " "), rule = "REQ-F-015", file = entry.path, message = message } }, {}
  end
  local C, found, warnings = contract.check(raw, {
    words = entry.words, file = entry.path, suite = suite, plugin = owner.plugin, full = full,
    shipped = entry.root.origin == "shipped",
  })
  return C, found, warnings, source
end

--- The checked plugin.lua of a plugin's folder: Plugin, or nil and problems.
function tree.plugin(dir, name)
  local file = dir .. "/plugin.lua"
  local raw, message = sandbox.load(file, { lib = dir .. "/lib" })
  if raw == nil then return nil, { { rule = "REQ-F-015", file = file, message = message } } end
  return contract.plugin(raw, { words = { name }, file = file })
end

--- The words below a group: { name … }.
function tree.children(entry)
  return tree.names((folder_of(entry.kind, entry.path)))
end

--- An entry and all below it, commands and groups, in order of their names.
function tree.visit(entry, each)
  each(entry)
  for _, name in ipairs(tree.children(entry)) do
    local child = { table.unpack(entry.words) }
    child[#child + 1] = name
    local below = tree.entry(child, entry.root, (folder_of(entry.kind, entry.path)))
    if below then tree.visit(below, each) end
  end
end

--- Every entry below the words (all of them without), commands and groups, in order of their names.
function tree.walk(words, each)
  local function visit(entry) tree.visit(entry, each) end
  if words and #words > 0 then
    local entry, used = tree.find(words)
    if entry and used == #words then visit(entry) end
    return
  end
  local seen = {}
  for _, root in ipairs(tree.roots()) do
    for _, name in ipairs(tree.names(root.dir)) do
      local entry = not seen[name] and tree.entry({ name }, root, root.dir)
      if entry then
        seen[name] = true
        visit(entry)
      end
    end
  end
  for _, root in ipairs(tree.plugin_roots()) do
    for _, name in ipairs(tree.names(root.dir)) do
      local entry = not seen[name] and tree.find { name }
      if entry then
        seen[name] = true
        visit(entry)
      end
    end
  end
end

--- All first words.
function tree.first_words()
  local out, seen = {}, {}
  local function add(dir, list)
    for _, name in ipairs(tree.names(dir)) do
      if not seen[name] then
        seen[name] = true
        list[#list + 1] = name
      end
    end
  end
  for _, root in ipairs(tree.roots()) do add(root.dir, out) end
  for _, root in ipairs(tree.plugin_roots()) do add(root.dir, out) end
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
