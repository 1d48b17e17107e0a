--- LuaLS annotations, and the page about the contract, from kit.reference.
-- Promise: both name everything that authors use and nothing else.

local exits = require "exits"
local reference = require "kit.reference"

local types = {}

-- A table's fields as a class.
local function class(out, part)
  out[#out + 1] = "---@class " .. part.class
  for _, row in ipairs(part) do
    if not row.internal then
      out[#out + 1] = ("---@field %s? %s %s"):format(row[1], row[2], row[3])
    end
  end
  out[#out + 1] = ""
end

-- ctx: its own fields, and a class for each door with several calls.
local function ctx_classes(out)
  local doors, order, own = {}, {}, {}
  for _, row in ipairs(reference.ctx) do
    local door, name = row[1]:match("^(%w+)%.(%w+)$")
    if door then
      if not doors[door] then doors[door], order[#order + 1] = {}, door end
      table.insert(doors[door], { name, row[2], row[4] })
    elseif not row.internal then
      own[#own + 1] = { row[1], row[2], row[4] .. (row[3] ~= "" and " (unlocked by " .. row[3] .. ")" or "") }
    end
  end
  for _, door in ipairs(order) do
    local name, whole = "tool." .. door:sub(1, 1):upper() .. door:sub(2), nil
    for _, row in ipairs(own) do whole = row[1] == door and row or whole end
    doors[door].class = name .. (whole and ": " .. whole[2] or "") -- all that the other has, and this
    class(out, doors[door])
    if whole then whole[2] = name else own[#own + 1] = { door, name, "" } end
  end
  own.class = "tool.Ctx"
  class(out, own)
end

--- The annotations, for a language server.
function types.lua()
  local out = {
    "---@meta", "-- What commands, suites and plugins of the tool are made of. Write ---@type tool.Command above `return {`.", "",
    '---@alias tool.Form string|table "string", "integer?", { field = … }, { list = … }, { map = … }, { one_of = {…} }, '
      .. "{ schema = … }", "",
  }
  local param = reference.param
  out[#out + 1] = "---@class tool.Param"
  out[#out + 1] = "---@field [1] string Its name: lower case words joined by -"
  local words = {}
  for name in pairs(require("contract.params").TYPES) do words[#words + 1] = '"' .. name .. '"' end
  table.sort(words)
  out[#out + 1] = "---@field [2] " .. table.concat(words, "|") .. " Its type"
  out[#out + 1] = "---@field [3] string What it is, in one line"
  local rows = { class = param.class }
  for _, row in ipairs(param) do rows[#rows + 1] = row end
  local text = {}
  class(text, rows)
  table.move(text, 2, #text, #out + 1, out)
  for _, name in ipairs { "request", "response", "service", "dialect" } do class(out, reference[name]) end
  ctx_classes(out)
  for _, name in ipairs { "command", "suite", "group", "plugin" } do class(out, reference[name]) end
  return (table.concat(out, "\n"):gsub(" +\n", "\n"))
end

local function cell(text) return (text:gsub("|", "\\|")) end

local function rows_of(out, part)
  out[#out + 1] = "| key | Lua type | |"
  out[#out + 1] = "|---|---|---|"
  for _, row in ipairs(part) do
    if not row.internal then out[#out + 1] = ("| `%s` | `%s` | %s |"):format(row[1], cell(row[2]), cell(row[3])) end
  end
  out[#out + 1] = ""
end

local FORMS = [[
## Shapes of results

| form | stands for |
|---|---|
| `"string"`, `"integer"`, `"number"`, `"boolean"`, `"datetime"`, `"path"`, `"any"` | one value; `?`: may be absent; `!`: null |
| `{ field = X, ["other?"] = Y }` | an object; `["…"] = X` for all other fields |
| `{ list = X }`, with `ordered = true` | an array, whose order means something |
| `{ map = X }` | an object of any keys |
| `{ one_of = { X, Y } }` | one of several |
| `{ schema = { … } }` | a JSON Schema, for the rest |
]]

local function exit_rows(out)
  out[#out + 1] = "## Exit codes\n"
  out[#out + 1] = "Declared by name in `exits`; the host adds those that follow from the other keys.\n"
  out[#out + 1] = "| code | name | means |\n|---|---|---|"
  for number = 0, 13 do
    local e = exits.defaults[number]
    out[#out + 1] = ("| %d | `%s` | %s |"):format(number, e.name, e.description)
  end
  out[#out + 1] = "| 79–125 | a name of your own | `{ text, code = 79 }` |\n"
end

local function call_of(row)
  return (row[2]:gsub("^fun", "")):gsub("tool%.", "")
end

local function ctx_rows(out)
  out[#out + 1] = "## ctx\n"
  out[#out + 1] = "What is not unlocked is not there. Calls wait like ordinary functions; a failure of a call ends the command "
    .. "with the fitting error.\n"
  out[#out + 1] = "| call | unlocked by | |\n|---|---|---|"
  for _, row in ipairs(reference.ctx) do
    if not row.internal then
      local call = row[2]:find("^fun") and row[1] .. call_of(row) or row[1]
      out[#out + 1] = ("| `ctx.%s` | %s | %s |"):format(cell(call), row[3], cell(row[4]))
    end
  end
  out[#out + 1] = ""
end

--- The page: docs/contract.md.
function types.markdown()
  local out = { "# The contract, key by key", "",
    "Made by `tool types --as markdown` from what the check of contracts knows. `tool types > tool.lua` gives the same to a "
      .. "language server, which then completes keys and calls.", "" }
  for _, name in ipairs(reference.parts) do
    local part = reference[name]
    out[#out + 1] = "## " .. part.title .. "\n"
    out[#out + 1] = part.intro .. "\n"
    rows_of(out, part)
    if name == "param" then
      out[#out + 1] = FORMS
      exit_rows(out)
    end
  end
  ctx_rows(out)
  for _, name in ipairs { "request", "response" } do
    out[#out + 1] = "### " .. reference[name].title .. "\n"
    rows_of(out, reference[name])
  end
  return (table.concat(out, "\n"):gsub(" +\n", "\n"):gsub("\n+$", "\n"))
end

return types
