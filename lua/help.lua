-- Promise: writes the help of a command, a group and the whole program from contracts alone: what it is, where to
-- start, where next. Nothing is looked up, so help works without network, configuration or home (REQ-F-068).

local host = require "host"
local topics = require "topics"
local ui = require "ui"

local M = {}

local rows = topics.rows

local function heading(text, opts)
  return ui.paint(text, "bold", opts.color) .. "\n"
end

-- How a command is called: the program and its words, without the suite's word where the program is the suite.
local function call_of(words, opts)
  local first = opts.persona and words[1] == opts.persona and 2 or 1
  local out = { opts.program or "tool" }
  table.move(words, first, #words, 2, out)
  return table.concat(out, " ")
end

-- An example as it is typed under this program's name.
local function example_of(command, opts)
  local program = opts.program or "tool"
  if opts.persona then return (command:gsub("^tool " .. opts.persona:gsub("%-", "%%-") .. " ?", program .. " ", 1)) end
  return (command:gsub("^tool ", program .. " ", 1))
end

local function sentence(text)
  text = text or ""
  return text:find("[.!?]$") and text or text .. "."
end

local PLACE = {
  string = "text", integer = "n", number = "n", path = "path", url = "url", duration = "time", size = "size",
  datetime = "time", json = "json", list = "text", map = "key=value",
}

local function place_of(p)
  if p.type == "boolean" then return nil end
  if p.one_of and #p.one_of <= 4 then
    local words = {}
    for i, word in ipairs(p.one_of) do words[i] = tostring(word) end
    local text = table.concat(words, "|")
    if #text <= 28 then return text end
  end
  return "<" .. (PLACE[p.type] or p.type) .. ">"
end

local function default_text(value)
  if type(value) == "table" then return host.json.encode(value) end
  return tostring(value)
end

-- What stands behind a parameter's description: required, values, default, variable, repetition.
local function notes_of(p)
  local notes = {}
  local place = place_of(p)
  if p.required then notes[#notes + 1] = "required" end
  if p.one_of and not (place and place:find("^[^<]")) then
    local words = {}
    for i, word in ipairs(p.one_of) do words[i] = tostring(word) end
    notes[#notes + 1] = "one of " .. table.concat(words, ", ")
  end
  if p.default ~= nil and p.default ~= false then notes[#notes + 1] = "default " .. default_text(p.default) end
  if p.env then notes[#notes + 1] = "env " .. p.env end
  if (p.type == "list" or p.type == "map") and not p.rest then notes[#notes + 1] = "repeatable" end
  if p.pipe then notes[#notes + 1] = "- reads stdin" end
  if p.max_length then notes[#notes + 1] = "at most " .. p.max_length .. " bytes" end
  return #notes > 0 and " (" .. table.concat(notes, "; ") .. ")" or ""
end

local function flag_row(p)
  if p.type == "secret" then
    local plain = p.plain and "--" .. p.name .. " <secret>, " or ""
    return { plain .. "--" .. p.name .. "-from-env <variable>, --" .. p.name .. "-from-file <path>",
      sentence(p.about):gsub("%.$", "") .. notes_of(p) }
  end
  local name = (p.short and "-" .. p.short .. ", " or "") .. "--" .. p.name
  local place = place_of(p)
  return { name .. (place and " " .. place or ""), (p.about or ""):gsub("%.$", "") .. notes_of(p) }
end

local function usage_of(C, opts)
  local slots, needed, has_flags = {}, {}, #C.flags > 0
  for _, p in ipairs(C.params) do
    if p.at or p.rest then
      slots[#slots + 1] = p
    else
      has_flags = true
      if p.required and p.type ~= "secret" then needed[#needed + 1] = "--" .. p.name .. " " .. (place_of(p) or "") end
    end
  end
  table.sort(slots, function(a, b) return (a.at or 1000) < (b.at or 1000) end)
  for i, p in ipairs(slots) do
    local name = "<" .. p.name .. ">" .. (p.type == "list" and "…" or "")
    slots[i] = p.required and name or "[" .. name .. "]"
  end
  local strict, parts = C.placement == "strict", { call_of(C.words, opts) }
  local function add(list) table.move(list, 1, #list, #parts + 1, parts) end
  if not strict then add(slots) end
  add(needed)
  if has_flags or not strict then parts[#parts + 1] = "[flags]" end
  if strict then add(slots) end
  return table.concat(parts, " ")
end

M.usage = usage_of

local function examples_of(C, opts)
  if not C.examples or #C.examples == 0 then return "" end
  local out = { "\n" .. heading("EXAMPLES", opts) }
  for _, example in ipairs(C.examples) do
    local about, command = example[1] or example.about, example[2] or example.command
    out[#out + 1] = "  # " .. (about or "") .. "\n  $ " .. example_of(command or "", opts) .. "\n"
  end
  return table.concat(out)
end

local function section(title, list, opts)
  return #list > 0 and "\n" .. heading(title, opts) .. rows(list, opts) or ""
end

local function global_flags(opts)
  local globals = {}
  for _, g in ipairs(host.globals or {}) do globals[#globals + 1] = "--" .. g.name end
  local prefix = topics.output_variable()
  return "\n" .. heading("GLOBAL FLAGS", opts) .. ui.wrap(table.concat(globals, " "), opts.width, "  ") .. "\n"
    .. ui.wrap("--no-injection-protection weakens security. " .. prefix .. " sets the default of --output. `"
      .. (opts.program or "tool") .. " help flags` explains all of them.", opts.width, "  ") .. "\n"
end

local function flags_of(C, opts)
  local arguments, own, added = {}, {}, {}
  for _, p in ipairs(C.params) do
    local row = flag_row(p)
    if p.at or p.rest then
      local choices = p.type == "enum" and "; one of " .. table.concat(p.one_of, ", ") or ""
      arguments[#arguments + 1] = { "<" .. p.name .. ">",
        row[2] .. choices .. (p.rest and "" or ", also as --" .. p.name) }
    else
      own[#own + 1] = row
    end
  end
  for _, p in ipairs(C.flags) do
    if not p.global then added[#added + 1] = flag_row(p) end
  end
  return section("ARGUMENTS", arguments, opts) .. section("FLAGS", own, opts)
    .. section("ADDED BY THE HOST", added, opts) .. global_flags(opts)
end

-- Codes as this program gives them: a dialect has its own.
local function exits_of(C, opts)
  local own, numbers, list = opts.exits or {}, {}, {}
  for number in pairs(C.exits or {}) do
    if type(number) == "number" then numbers[#numbers + 1] = number end
  end
  table.sort(numbers, function(a, b)
    local x, y = own[a] or a, own[b] or b
    return x < y or x == y and a < b
  end)
  for _, number in ipairs(numbers) do
    local entry = C.exits[number]
    list[#list + 1] = { string.format("%-3d  %s", own[number] or number, entry.name or ""),
      (entry.description or "") .. (entry.retryable and " (try again)" or "") }
  end
  return section("EXIT CODES", list, opts)
end

local function facts_of(C)
  local list = {}
  if C.danger == "mutating" then list[#list + 1] = "Changes state." end
  if C.danger == "destructive" then
    list[#list + 1] = "Destroys data: needs --confirm-destructive, try --dry-run first."
  end
  if C.page then list[#list + 1] = "A list: " .. C.page .. " items a page, --limit and --cursor for more." end
  if C.stream == "default" then
    list[#list + 1] = "Streams by default (streaming_default: true): one JSON line a row"
      .. (C.dispatches and "." or "; --no-stream for one envelope.")
  elseif C.stream then
    list[#list + 1] = "Can stream: --stream."
  end
  if C.scopes and #C.scopes > 0 then list[#list + 1] = "Needs the scopes " .. table.concat(C.scopes, ", ") .. "." end
  if C.aliases and #C.aliases > 0 then list[#list + 1] = "Also called " .. table.concat(C.aliases, ", ") .. "." end
  local deprecated = C.deprecated
  if type(deprecated) == "table" then
    list[#list + 1] = "DEPRECATED since " .. tostring(deprecated.since or "?")
      .. (deprecated.use and "; use `" .. deprecated.use .. "`" or "") .. "."
  end
  return table.concat(list, " ")
end

--- The help of one command. `opts`: program (the name in front of the words), persona (the suite whose own program this
--- is, whose word is then left out), exits (that program's own codes), suite (whose
--- flags a group's help shows), width (0: not wrapped), color.
function M.command(C, opts)
  local facts = facts_of(C)
  return heading("Usage: " .. usage_of(C, opts), opts) .. "\n" .. ui.wrap(sentence(C.about), opts.width) .. "\n"
    .. (facts ~= "" and ui.wrap(facts, opts.width) .. "\n" or "") .. examples_of(C, opts) .. flags_of(C, opts)
    .. exits_of(C, opts) .. "\n" .. heading("WHERE NEXT", opts) .. rows({
      { "$ " .. call_of(C.words, opts) .. " --schema", "The whole contract as JSON" },
      { "$ " .. (opts.program or "tool") .. " help exit-codes", "What the exit codes mean" },
    }, opts)
end

local function child_rows(children)
  local list = {}
  for i, child in ipairs(children) do
    list[i] = { child.name, (child.about or ""):gsub("%.$", "") .. (child.group and " …" or "") }
  end
  return list
end

-- Flags that every command of a suite's own program has: of its dialect, then of the suite.
local function program_flags(suite)
  local list, seen = {}, {}
  for _, flags in ipairs(suite and { suite.flags, suite.params } or {}) do
    for _, p in ipairs(flags) do
      if not seen[p.name] then list[#list + 1] = flag_row(p) end
      seen[p.name] = true
    end
  end
  return list
end

--- The help of a group: `group` { words, about, suite }, `children` { { name, about, group } … } in order.
function M.group(group, children, opts)
  local call = call_of(group.words, opts)
  local text = heading("Usage: " .. call .. " <command> [flags]", opts) .. "\n"
    .. (group.about and ui.wrap(sentence(group.about), opts.width) .. "\n" or "")
  local plain, groups = {}, {}
  for _, child in ipairs(children) do
    local list = child.group and groups or plain
    list[#list + 1] = child
  end
  text = text .. section("COMMANDS", child_rows(plain), opts) .. section("GROUPS", child_rows(groups), opts)
  text = text .. section("FLAGS OF THE PROGRAM", program_flags(opts.suite), opts)
  local persona = group.suite and group.suite.persona
  if persona and persona ~= (opts.program or "tool") then
    text = text .. "\n" .. ui.wrap("Also a program of its own: " .. persona .. ".", opts.width) .. "\n"
  elseif persona and #group.words <= 1 then
    text = text .. global_flags(opts)
  end
  return text .. "\n" .. heading("WHERE NEXT", opts) .. rows({
    { "$ " .. call .. " <command> --help", "Flags, examples and exit codes of a command" },
    { "$ " .. (opts.program or "tool") .. " manifest", "All commands as JSON" },
  }, opts)
end

-- The first examples that are worth showing, of as many domains as possible.
local function root_examples(groups, program)
  local list, seen = {}, {}
  local candidates = { "sentryagent list-agents", "openproxy usage summary", "minitower apps list", "emulator start" }
  for _, wanted in ipairs(candidates) do
    local first = wanted:match("^%S+")
    for _, group in ipairs(groups) do
      if group.name == first and not seen[first] then
        seen[first] = true
        list[#list + 1] = program .. " " .. wanted .. " --help"
      end
    end
  end
  list[#list + 1] = program .. " manifest"
  return list
end

-- Names that a person may look for, close together.
local function names(title, list, separator, opts)
  return "\n" .. heading(title, opts) .. ui.wrap(table.concat(list, separator), (opts.width or 0) > 0 and opts.width or 100,
    "  ") .. "\n"
end

--- The help of the program. `groups`: { { name, about, group, shipped, suite, plugin } … } by first word: suites are
--- the core commands, all else is additional. `all`: { commands, flags, variables }, names of all that is shipped; nil
--- leaves them out.
function M.root(groups, opts, all)
  local program = opts.program or "tool"
  local every = ""
  if all then
    every = names("EVERY COMMAND", all.commands, ", ", opts) .. global_flags(opts)
      .. names("FLAGS OF SINGLE COMMANDS", all.flags, " ", opts) .. names("ENVIRONMENT", all.variables, " ", opts)
  end
  local core, more = {}, {}
  for _, group in ipairs(groups) do
    local list = group.suite and core or more
    list[#list + 1] = group
  end
  if #core == 0 then core, more = more, core end
  local topic_rows = {}
  for i, topic in ipairs(topics.list) do topic_rows[i] = { topic[1], topic[2] } end
  local examples = {}
  for i, line in ipairs(root_examples(groups, program)) do examples[i] = "  $ " .. line .. "\n" end
  return heading("Usage: " .. program .. " <command> [flags]", opts) .. "\n"
    .. ui.wrap("Runs commands that people, scripts and agents can rely on: one well-formed answer, an exit code that "
      .. "means something, no surprises.", opts.width) .. "\n"
    .. section("CORE COMMANDS", child_rows(core), opts) .. section("ADDITIONAL COMMANDS", child_rows(more), opts)
    .. section("HELP TOPICS", topic_rows, opts) .. "\n" .. heading("EXAMPLES", opts) .. table.concat(examples)
    .. every .. "\n" .. heading("WHERE NEXT", opts) .. rows({
      { "$ " .. program .. " <command> --help", "Help of a command or group" },
      { "$ " .. program .. " help <topic>", "A topic of the list above" },
      { "$ " .. program .. " manifest", "All commands, flags and exit codes as JSON, in one call" },
    }, opts)
end

return M
