-- Promise: writes shaped data as jsonl, tsv, plain lines, an ASCII table, toon or bare ids (REQ-O-001, O-005): each row of a
-- list is one line, nothing is quoted or coloured that the format does not call for.

local host = require "host"
local ui = require "ui"

local M = {}

local json = host.json
local null = json.null

local function is_object(value)
  return type(value) == "table" and value ~= null and not json.is_array(value)
end

-- Names of the columns: asked for, else the contract's, else all fields of all rows in byte order.
local function columns_of(rows, opts)
  if opts.fields then return opts.fields end
  if opts.columns then
    local names = {}
    for i, column in ipairs(opts.columns) do names[i] = type(column) == "table" and column[1] or column end
    return names
  end
  local names, seen = {}, {}
  for _, row in ipairs(rows) do
    for key in pairs(is_object(row) and row or {}) do
      if not seen[key] then
        seen[key] = true
        names[#names + 1] = key
      end
    end
  end
  table.sort(names)
  return names
end

local function scalar(value)
  if value == nil or value == null then return "" end
  if type(value) == "string" then return value end
  return json.encode(value)
end

local TSV = { ["\t"] = "\\t", ["\n"] = "\\n", ["\r"] = "\\r", ["\\"] = "\\\\" }

local function tsv_cell(value)
  return (host.text.clean(scalar(value)):gsub("[\t\n\r\\]", TSV))
end

local function all_objects(rows)
  for _, row in ipairs(rows) do
    if not is_object(row) then return false end
  end
  return #rows > 0
end

function M.jsonl(rows, opts)
  local lines = {}
  for i, row in ipairs(rows) do
    if not is_object(row) then row = json.object { value = row } end
    if opts.tags then
      local tagged = json.object {}
      for key, value in pairs(row) do tagged[key] = value end
      for key, value in pairs(opts.tags) do tagged[key] = value end
      row = tagged
    end
    lines[i] = json.encode(row)
  end
  return lines
end

function M.tsv(rows, opts)
  local names = columns_of(rows, opts)
  if #names == 0 and #rows > 0 then names = { "value" } end
  local lines, cells = {}, {}
  for i, name in ipairs(names) do cells[i] = tsv_cell(name) end
  if #names > 0 then lines[1] = table.concat(cells, "\t") end
  for _, row in ipairs(rows) do
    for i, name in ipairs(names) do
      if is_object(row) then cells[i] = tsv_cell(row[name]) else cells[i] = i == 1 and tsv_cell(row) or "" end
    end
    lines[#lines + 1] = table.concat(cells, "\t")
  end
  return lines, 1, names
end

function M.plain(rows, opts)
  local lines = {}
  if opts.single then
    for _, name in ipairs(columns_of(rows, opts)) do
      if rows[1][name] ~= nil then lines[#lines + 1] = name .. ": " .. ui.cell(rows[1][name]) end
    end
    return lines
  end
  local names = columns_of(rows, opts)
  for i, row in ipairs(rows) do
    local cells = {}
    if is_object(row) then
      for k, name in ipairs(names) do cells[k] = ui.cell(row[name]) end
    else
      cells[1] = ui.cell(row)
    end
    lines[i] = table.concat(cells, "  ")
  end
  return lines, 0, names
end

function M.table(rows, opts)
  local names = columns_of(rows, opts)
  if #rows > 0 and not all_objects(rows) then
    names = { "value" }
    local wrapped = {}
    for i, row in ipairs(rows) do wrapped[i] = { value = row } end
    rows = wrapped
  end
  if #names == 0 then return {} end
  return ui.table_lines(rows, { columns = names, ascii = true, width = opts.width })
end

-- Outside data is marked, so that it cannot pass for what the tool says; the marks themselves cannot be forged.
local OPEN, CLOSE = "⟦external⟧", "⟦/external⟧"

local function toon_text(value, marked)
  local text = host.text.clean(value)
  local plain = text ~= "" and not text:find("[,:\"\\%c]") and not text:find("^[%s%-%[{]") and not text:find("%s$")
    and not text:find("⟦", 1, true) and not text:find("⟧", 1, true)
    and not tonumber(text) and text ~= "true" and text ~= "false" and text ~= "null"
  if not plain then text = json.encode(text):gsub("⟦", "\\u27e6"):gsub("⟧", "\\u27e7") end
  return marked and OPEN .. text .. CLOSE or text
end

local function toon_cell(value, marked)
  if type(value) == "string" then return toon_text(value, marked) end
  if type(value) ~= "table" or value == null then return value == nil and "null" or json.encode(value) end
  return toon_text(json.encode(value), marked)
end

-- Whether a field's value came from outside: tags without a list of fields mean all of them.
local function marker(tags)
  if not tags then return function() return false end end
  if not tags._external_fields then return function() return true end end
  local set = {}
  for _, name in ipairs(tags._external_fields) do set[name] = true end
  return function(name) return set[name] == true end
end

local function toon_object(object, opts)
  local lines, marked, names = {}, marker(opts.tags), {}
  for name in pairs(object) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(opts.fields or names) do
    local value = object[name]
    if type(value) == "table" and value ~= null and json.is_array(value) then
      local cells = {}
      for i, item in ipairs(value) do cells[i] = toon_cell(item, marked(name)) end
      lines[#lines + 1] = ("%s[%d]: %s"):format(name, #cells, table.concat(cells, ","))
    elseif value ~= nil then
      lines[#lines + 1] = name .. ": " .. toon_cell(value, marked(name))
    end
  end
  return lines
end

--- Compact text for models: an object as `name: value` lines, a list as its length and columns, then one line a row.
function M.toon(rows, opts)
  if opts.single then return toon_object(rows[1], opts) end
  local names, lines, marked = columns_of(rows, opts), {}, marker(opts.tags)
  local objects = all_objects(rows)
  lines[1] = ("[%d]%s:"):format(#rows, objects and "{" .. table.concat(names, ",") .. "}" or "")
  for i, row in ipairs(rows) do
    local cells = {}
    if objects then
      for k, name in ipairs(names) do cells[k] = toon_cell(row[name], marked(name)) end
    else
      cells[1] = toon_cell(row, opts.tags ~= nil)
    end
    lines[i + 1] = "  " .. table.concat(cells, ",")
  end
  return lines, 1, names
end

--- Ids only. @return string[] lines, or nil and why a row has none that can be written
function M.id(rows, opts)
  local lines = {}
  for i, row in ipairs(rows) do
    local id = is_object(row) and row[opts.id]
    if type(id) == "number" then id = json.encode(id) end
    if type(id) ~= "string" or id == "" then return nil, 'a row has no "' .. opts.id .. '"' end
    if id:find("[\r\n]") then return nil, "an id holds a line break" end
    lines[i] = host.text.clean(id)
  end
  return lines
end

return M
