-- Writes a program's man page and completion scripts from what the program says about itself:
--   lua5.4 pages.lua PROGRAM_PATH OUTPUT_DIRECTORY
-- PROGRAM_PATH is the built tool or a persona's link to it. Writes NAME.1, NAME.bash, NAME.zsh and NAME.fish; the text
-- depends on the contracts and the version alone. Fails when the program does not answer as it should.
local cjson = require "cjson"

local program, out = arg[1], arg[2]
local name = program:match("[^/]+$")

-- Runs the program in an empty environment and gives its standard output.
local function ask(arguments)
  local command = ("env -i HOME=/nonexistent TOOL_MAX_OUTPUT_BYTES=100000000 '%s' %s </dev/null"):format(program, arguments)
  local pipe = assert(io.popen(command))
  local text = pipe:read "a"
  assert(pipe:close(), command .. " failed: " .. text:sub(1, 2000))
  return text
end

local function write(suffix, text)
  local f = assert(io.open(("%s/%s.%s"):format(out, name, suffix), "w"))
  assert(f:write(text))
  assert(f:close())
end

-- Text as troff shows it: no escapes, no accidental requests, real hyphens.
local function roff(text)
  return (text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("^([.'])", "\\&%1"):gsub("\n([.'])", "\n\\&%1"))
end

local page = {}
local function add(line) page[#page + 1] = line end

local function item(term, text)
  add ".TP"
  add(".B " .. roff(term))
  add(roff(text))
end

-- A help topic: lines `  term  text` become items, a line indented deeper goes on, the rest are paragraphs.
local function topic(title, word)
  add(".SH " .. title)
  local text = ask("help " .. word .. " --output plain"):gsub("^[^\n]*\n", "")
  for line in text:gmatch "[^\n]+" do
    local term, rest = line:match "^  (%S.-)%s%s+(%S.*)$"
    if term then
      item(term, rest)
    elseif line:find "^   " then
      add(roff(line:match "^%s*(.*)$"))
    elseif line:find "^  " then
      add ".TP"
      add(".B " .. roff(line:match "^%s*(.*)$"))
    else
      add ".PP"
      add(roff(line))
    end
  end
end

local function sorted(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- The words after the program's name: a persona has its suite's tree at the root.
local function words(path)
  local inner = path:gsub("%.", " ")
  return (inner:gsub("^" .. name:gsub("%p", "%%%0") .. " ", ""))
end

local DANGER = { mutating = " Changes something.", destructive = " Destroys data: asks first." }

local function commands(list)
  add ".SH COMMANDS"
  for _, path in ipairs(sorted(list)) do
    local c = list[path]
    if not c.subcommands then item(words(path), c.description .. "." .. (DANGER[c.danger_level] or "")) end
  end
  add ".PP"
  add(roff(("`%s <command> --help` explains one command, its flags and exit codes."):format(name)))
end

local function examples(list)
  add ".SH EXAMPLES"
  for _, path in ipairs(sorted(list)) do
    for _, e in ipairs(list[path].examples or {}) do
      add ".TP"
      add(roff(e.description) .. ":")
      add(".B " .. roff(e.command))
    end
  end
end

local function man(version)
  local manifest = cjson.decode(ask "manifest").data
  local about = name == "tool" and "a command host that keeps its promises to people, scripts and agents"
    or ask("--help --output plain"):match("\n\n([^\n]-)%.?\n")
  about = assert(about, "the help says nothing about " .. name)
  add((".TH %s 1 \"\" \"toolhost %s\""):format(name:upper(), version))
  add ".SH NAME"
  add(roff(("%s - %s"):format(name, about:gsub("^%u", string.lower))))
  add ".SH SYNOPSIS"
  add(".B " .. name)
  add(".I command")
  add("[\\fIarguments\\fR] [\\fIflags\\fR]")
  add ".SH DESCRIPTION"
  add(roff("Every run gives one well-formed answer on standard output, an exit code that means something, and ends in "
    .. "time. On a terminal the answer is a text; in a pipe it is one JSON object {ok, data, error, warnings, meta} on one "
    .. ("line. `%s manifest` describes all commands in one call."):format(name)))
  commands(manifest.commands)
  topic("FLAGS OF EVERY COMMAND", "flags")
  topic("EXIT STATUS", "exit-codes")
  topic("ENVIRONMENT", "environment")
  examples(manifest.commands)
  write("1", table.concat(page, "\n") .. "\n")
end

man(ask("--version"):match "^%S+ (%S+)")
for _, shell in ipairs { "bash", "zsh", "fish" } do
  write(shell, cjson.decode(ask("completion " .. shell .. " --output json")).data.script)
end
