-- Promise: writes shaped data as jsonl, tsv, plain lines, an ASCII table or bare ids (REQ-O-001, O-005): each row of a
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
  return lines, 1
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
  return lines
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
