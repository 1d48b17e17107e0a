-- ctx.edit: text from a person's editor, or from the parameter that replaces it (REQ-F-055, C-023).
-- Promise: without a terminal no editor is started; the caller is told which parameters do instead.

local failure = require "failure"
local host = require "host"
local programs = require "programs"

local M = {}

-- The text that an alternative parameter gives, or nil.
local function given_text(run)
  for _, name in ipairs(run.contract.editor) do
    local p, value = run.contract.by_name[name], run.args[name]
    if value ~= nil and value ~= false then
      if p.type ~= "path" then return host.reveal(value) end
      local text, err = host.file.read(value)
      if not text then failure.raise(err.code, { message = err.message, context = { path = value } }) end
      return text
    end
  end
end

local function refuse(run, phase)
  local list, flags = {}, {}
  for i, name in ipairs(run.contract.editor) do
    list[i] = { flag = "--" .. name, description = run.contract.by_name[name].about }
    flags[i] = "--" .. name
  end
  failure.raise("EDITOR_REQUIRED", { phase = phase, hint = "use " .. flags[1] .. " <text> instead",
    fix = "Pass " .. table.concat(flags, " or "), more = { alternatives = host.json.array(list) } })
end

--- Before the command starts: is there a text, or somebody to write one?
function M.gate(run)
  if programs.no_editor() and given_text(run) == nil then refuse(run, "validation") end
end

-- The words of $VISUAL or $EDITOR, as a list; never through a shell.
local function editor_words()
  local words = {}
  for word in (programs.set "VISUAL" and host.env "VISUAL" or programs.set "EDITOR" and host.env "EDITOR" or "vi")
    :gmatch("%S+") do words[#words + 1] = word end
  return words
end

local function edit_file(run, path)
  local argv = editor_words()
  argv[#argv + 1] = path
  run.suspend_limit() -- a person may take their time
  local result = programs.start(run, argv, { terminal = true, trusted = true })
  run.resume_limit()
  if result.status ~= 0 then
    failure.raise("EDITOR_FAILED", { message = ("The editor %s ended with status %d."):format(argv[1], result.status),
      exit = "GENERAL_ERROR", context = { program = argv[1], status = result.status } })
  end
end

function M.open(run)
  --- The text of the alternative parameter if one is given, else what the editor leaves of `text`.
  local function edit(text)
    local given = given_text(run)
    if given ~= nil then return given end
    if programs.no_editor() then refuse(run, "execution") end
    local path = run.tmp_dir() .. "/edit.txt"
    local ok, err = host.file.write(path, text and host.reveal(text) or "", { mode = 384 })
    if not ok then failure.raise(err.code, err) end
    edit_file(run, path)
    local edited, problem = host.file.read(path)
    if not edited then failure.raise(problem.code, problem) end
    return edited
  end

  return { edit = edit }
end

return M
