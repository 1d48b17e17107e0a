-- Inquiries: what asks something about commands and nothing of one: help, topics, schemas, settings, unknown words.
-- Promise: pure: no file is written, no socket opened, no command runs (REQ-F-048, F-068, O-013, O-015). `inv` is the state
-- of the invocation.

local answer = require "answer"
local config = require "config"
local failure = require "failure"
local host = require "host"
local tree = require "tree"

local inquiry = {}

local function is_json(format)
  return format == "json" or format == "jsonl"
end

-- Help ---------------------------------------------------------------------------------------------------------------

-- Help text goes to a terminal's stdout; a pipe gets a pointer and the text goes to stderr (REQ-F-048).
local function send_help(inv, text, words, data)
  inv.meta("help", true)
  inv.meta("schema_ref", #words > 0 and table.concat(words, " ") .. " --schema" or inv.program .. " --schema")
  if inv.format == "rich" or not is_json(inv.format) or inv.voice then
    answer.send { exit = 0, data = data, text = text, flags = "t" }
  else
    answer.send { exit = 0, data = data, note = text }
  end
end

local function describe(entry)
  local C, problems = tree.load(entry)
  if C and C.group then
    local suite = tree.suite(entry)
    if #entry.words == 1 and suite then return { about = suite.about, group = true, persona = suite.persona } end
  end
  return C and { about = C.about, group = C.group, danger = C.danger, page = C.page }
    or { about = "(refused: " .. (problems[1] and problems[1].message or "?") .. ")", rejected = true }
end

local function child_entries(entry)
  local out = {}
  for _, name in ipairs(tree.children(entry)) do
    local words = { table.unpack(entry.words) }
    words[#words + 1] = name
    local child = tree.entry(words, entry.root, entry.path)
    if child then
      local about = describe(child)
      out[#out + 1] = { name = name, about = about.about, group = child.kind == "group", danger = about.danger }
    end
  end
  return out
end

local function help_options(inv)
  return { program = inv.program, persona = inv.prefix, width = inv.width, color = inv.color }
end

-- The command lines, the flags and the variables of what is shipped, for the root help to name (REQ-O-043).
local function inventory()
  local commands, flags, contracts = {}, {}, {}
  tree.walk(nil, function(entry)
    if entry.kind ~= "command" or entry.root.origin ~= "shipped" then return end
    local C = tree.load(entry)
    if not C then return end
    commands[#commands + 1], contracts[#contracts + 1] = table.concat(entry.words, " "), C
    for _, list in ipairs { C.params, C.flags } do
      for _, p in ipairs(list) do flags[p.type == "secret" and p.name .. "-from-env" or p.name] = true end
    end
  end)
  local names = {}
  for _, g in ipairs(host.globals) do flags[g.name] = nil end
  for name in pairs(flags) do names[#names + 1] = "--" .. name end
  table.sort(names)
  local variables = {}
  for i, row in ipairs(require("manifest").environment(contracts)) do variables[i] = row.name end
  return { commands = commands, flags = names, variables = variables }
end

local function root_help(inv)
  local groups = {}
  for _, word in ipairs(tree.first_words()) do
    local entry = tree.find { word }
    if entry then
      local about = describe(entry)
      groups[#groups + 1] = { name = word, about = about.about, group = entry.kind == "group",
        shipped = entry.root.origin == "shipped", suite = about.persona ~= nil, plugin = entry.root.plugin ~= nil }
    end
  end
  return require("help").root(groups, help_options(inv), inventory()), groups
end

local function group_help(inv, entry)
  local suite = #entry.words == 1 and tree.suite(entry)
  local group = { words = entry.words, about = describe(entry).about, suite = suite or nil }
  local children = child_entries(entry)
  if inv.prefix and #entry.words == 1 then
    for _, name in ipairs(inv.built_ins) do
      children[#children + 1] = { name = name, about = describe(tree.find { name }).about }
    end
  end
  local opts = help_options(inv)
  opts.suite = inv.dialect and tree.suite(entry) or nil
  return require("help").group(group, children, opts), children
end

function inquiry.show_help(inv, entry)
  if entry and not inv.globals.help then
    local C, problems = tree.load(entry)
    if not C then inquiry.rejected(entry, problems) end
  end
  local text, rows
  if not entry then
    text, rows = root_help(inv)
  elseif entry.kind == "group" then
    text, rows = group_help(inv, entry)
  end
  local data
  if inv.voice and not inv.globals.help then
    failure.raise("ARG_ERROR", { message = "A command is missing.", phase = "validation", usage = text,
      fix = ("See `%s --help` for the commands"):format(inv.program) })
  elseif not inv.globals.help then
    local commands = {}
    for i, row in ipairs(rows) do commands[i] = { name = row.name, description = row.about } end
    data = { usage = inv.program .. " " .. table.concat(entry and entry.words or {}, " ")
      .. (entry and " " or "") .. "<command> [flags]", commands = host.json.array(commands) }
  end
  send_help(inv, text, entry and entry.words or {}, data)
end

function inquiry.show_topic(inv, name)
  local topics = require "topics"
  local text = topics.text and topics.text(name, help_options(inv))
  if not text then return false end
  send_help(inv, text, {})
  return true
end

-- A command of a group that is called as if the group were not there: its words, or nil.
local function in_a_group(word)
  if not tree.is_word(word) then return nil end
  for _, first in ipairs(tree.first_words()) do
    local entry, used = tree.find { first, word }
    if entry and used == 2 then return table.concat(entry.words, " ") end
  end
end

function inquiry.unknown_command(inv, words, entry)
  if tree.untrusted and not entry then require("trust").refuse(tree.untrusted.state) end
  local parent = entry and entry.kind == "group" and entry
  local known = parent and tree.children(parent) or tree.first_words()
  local tried = words[1] or ""
  local best = require("suggest").nearest(tried, known) or not parent and in_a_group(tried) or nil
  local shown = (host.text.clean(tried))
  local words_of = parent and table.concat(parent.words, " ", inv.prefix and 2 or 1) or ""
  local base = inv.program .. (words_of ~= "" and " " .. words_of or "")
  failure.raise("COMMAND_NOT_FOUND", {
    message = ('There is no command "%s".'):format(shown), phase = "validation", context = { command = shown },
    fix = best and ("Did you mean `%s %s`?"):format(base, best) or ("See `%s --help` for the commands"):format(base),
    hint = best and ("Did you mean `%s %s`?"):format(base, best) or nil,
    more = { errors = { { param = "command", field = "command", code = "COMMAND_NOT_FOUND", value = shown,
      message = ('There is no command "%s".'):format(shown) } } },
  })
end

function inquiry.rejected(entry, problems)
  local items = {}
  for i, p in ipairs(problems) do items[i] = require("kit.checks").item(p, entry.path) end
  failure.raise("COMMAND_REJECTED", {
    message = ("The contract of `%s` was refused: %s"):format(table.concat(entry.words, " "),
      problems[1] and problems[1].message or "?"),
    phase = "validation", fix = "Correct " .. (items[1] and items[1].file or entry.path), more = { errors = items },
  })
end

-- Schema exits -----------------------------------------------------------------------------------------------------------

function inquiry.schema_exit(inv, C)
  local g = inv.globals
  local forms = g.schema_version and C.raw.compat_schemas
  local form = forms and forms[g.schema_version]
  local data = g.output_schema and not C.group
    and require("schema").output(form and setmetatable({ returns = form }, { __index = C }) or C)
    or (g.schema or g.print_schema) and require("manifest").entry(C, { full = true })
  if data then answer.send { exit = 0, data = data, flags = "j" } end -- JSON, whatever format was asked for
  return data
end

-- tool --schema: the whole contract of every command (REQ-O-013).
function inquiry.schema_of_all(inv)
  local manifest = require "manifest"
  local contracts = require("framework").contracts(inv.prefix)
  local data, extra = manifest.build(contracts)
  for _, C in ipairs(contracts) do data.commands[C.path] = manifest.entry(C, { full = true }) end
  extra.contracts = {} -- the entries say all of it themselves
  require "manifest_page"(data, extra, { program = inv.program })
  extra.contracts = nil
  for key, value in pairs(extra) do inv.meta(key, value) end
  answer.send { exit = 0, data = data, flags = "j" }
end

-- tool --show-config: every setting, whichever command reads it (REQ-O-015).
function inquiry.show_settings(inv)
  inv.cwd = inv.globals.cwd or inv.globals.root or host.cwd
  local conf = config.open(nil, inv.globals, inv.cwd)
  local contracts = require("framework").contracts(inv.prefix)
  local data = require("settings").of(contracts, conf, inv)
  inv.meta("config_sources", conf.sources())
  if conf.context() then inv.meta("context", conf.context()) end
  answer.send { exit = 0, data = data, flags = "j" }
end

--- The help of one command.
function inquiry.command_help(inv, C, words)
  local opts = help_options(inv)
  opts.exits = require("dialect").rules(inv, C).exits
  send_help(inv, require("help").command(C, opts), words)
end

return inquiry
