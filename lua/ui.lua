-- Promise: draws tables, pairs, bars, sparklines and text for people, never wider than the terminal, in colour only
-- when allowed, and with nothing in it that a terminal would take for a command.

local host = require "host"

local M = {}

local null = host.json.null
local STYLES = { bold = "1", dim = "2", red = "31", green = "32", yellow = "33", blue = "34", cyan = "36" }
local SPARKS = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }
local ELLIPSIS = { unicode = "…", ascii = "~" }

local function width_of(text)
  if not text:find("[\x80-\xff]") then return #text end
  return host.text.width(text)
end

--- The beginning of text that fits into `width` columns, with an ellipsis where it was cut.
function M.cut(text, width, ellipsis)
  if width_of(text) <= width then return text end
  ellipsis = ellipsis or ELLIPSIS.unicode
  local room, used, stop = width - width_of(ellipsis), 0, 0
  if room < 0 then return "" end
  for start, code in utf8.codes(text, true) do
    local w = width_of(utf8.char(code))
    if used + w > room then break end
    used, stop = used + w, start + #utf8.char(code) - 1
  end
  return text:sub(1, stop) .. ellipsis
end

--- Text broken at spaces into lines of at most `width` columns (0 or nil: not broken), each after `indent`.
function M.wrap(text, width, indent)
  indent = indent or ""
  if not width or width <= 0 then return indent .. text end
  local lines, room = {}, math.max(20, width - #indent)
  for paragraph in (text .. "\n"):gmatch("(.-)\n") do
    local line
    for word in paragraph:gmatch("%S+") do
      if not line then
        line = word
      elseif width_of(line) + 1 + width_of(word) <= room then
        line = line .. " " .. word
      else
        lines[#lines + 1], line = indent .. line, word
      end
    end
    lines[#lines + 1] = line and indent .. line or ""
  end
  return table.concat(lines, "\n")
end

--- One value as one line of text: null as "-", lists joined by commas, objects as JSON.
function M.cell(value)
  local kind = type(value)
  if value == nil or value == null then return "-" end
  if kind == "string" then
    local clean = host.text.clean(value)
    return (clean:gsub("[%c]+", " "))
  end
  if math.type(value) == "float" then return host.json.encode(value) end
  if kind ~= "table" then return tostring(value) end
  local parts = {}
  if host.json.is_array(value) then
    for i, item in ipairs(value) do
      if type(item) == "table" then return (host.text.clean(host.json.encode(value))) end
      parts[i] = M.cell(item)
    end
    return table.concat(parts, ", ")
  end
  return (host.text.clean(host.json.encode(value)))
end

-- Columns as { key, title, right }, from names or { key, title =, align = }; without any, all keys of all rows.
local function columns_of(rows, columns)
  local list = {}
  if not columns then
    local seen = {}
    columns = {}
    for _, row in ipairs(rows) do
      for key in pairs(type(row) == "table" and row or {}) do
        if not seen[key] and not tostring(key):find("^_") then
          seen[key] = true
          columns[#columns + 1] = key
        end
      end
    end
    table.sort(columns, function(a, b) return tostring(a) < tostring(b) end)
  end
  for i, column in ipairs(columns) do
    local key = type(column) == "table" and column[1] or column
    local title = type(column) == "table" and (column.title or column[2]) or tostring(key)
    list[i] = { key = key, title = title, right = type(column) == "table" and column.align == "right" or nil }
  end
  return list
end

-- Narrows the widest columns until the line fits; no column below 4.
local function fit(widths, room)
  local total = 0
  for _, w in ipairs(widths) do total = total + w end
  while total > room do
    local widest = 1
    for i = 2, #widths do
      if widths[i] > widths[widest] then widest = i end
    end
    if widths[widest] <= 4 then return end
    widths[widest], total = widths[widest] - 1, total - 1
  end
end

local function pad(text, width, right)
  local space = (" "):rep(width - width_of(text))
  return right and space .. text or text .. space
end

local function cells_of(rows, columns)
  local grid, widths = {}, {}
  for i, column in ipairs(columns) do widths[i] = width_of(column.title) end
  for r, row in ipairs(rows) do
    grid[r] = {}
    for i, column in ipairs(columns) do
      local value = nil
      if type(row) == "table" then value = row[column.key] end
      if column.right == nil and type(value) == "number" then column.numeric = column.numeric ~= false end
      if value ~= nil and value ~= null and type(value) ~= "number" then column.numeric = false end
      grid[r][i] = M.cell(value)
      widths[i] = math.max(widths[i], width_of(grid[r][i]))
    end
  end
  for _, column in ipairs(columns) do column.right = column.right or column.numeric end
  return grid, widths
end

--- Rows (objects) as text lines. `opts`: columns, width (0: unlimited), ascii (borders of + - |), color.
--- @return string[] lines
function M.table_lines(rows, opts)
  local columns = columns_of(rows, opts.columns)
  local grid, widths = cells_of(rows, columns)
  local gap = opts.ascii and 3 or 2
  if opts.width and opts.width > 0 then
    fit(widths, opts.width - gap * (#widths - 1) - (opts.ascii and 4 or 0))
  end
  local ellipsis = opts.ascii and ELLIPSIS.ascii or ELLIPSIS.unicode
  local lines = {}
  local function add(cells, style)
    local out = {}
    for i, cell in ipairs(cells) do
      local text, open = M.cut(cell, widths[i], ellipsis), i == #cells and not opts.ascii and not columns[i].right
      text = open and text or pad(text, widths[i], columns[i].right)
      out[i] = style and M.paint(text, style, opts.color) or text
    end
    local line = opts.ascii and "| " .. table.concat(out, " | ") .. " |" or table.concat(out, "  "):gsub(" +$", "")
    lines[#lines + 1] = line
  end
  local titles = {}
  for i, column in ipairs(columns) do titles[i] = opts.ascii and column.title or column.title:upper() end
  local rule
  if opts.ascii then
    local parts = {}
    for i, w in ipairs(widths) do parts[i] = ("-"):rep(w + 2) end
    rule = "+" .. table.concat(parts, "+") .. "+"
  end
  lines[1] = rule
  add(titles, not opts.ascii and "bold" or nil)
  lines[#lines + 1] = rule
  for _, cells in ipairs(grid) do add(cells) end
  lines[#lines + 1] = rule
  return lines
end

--- text in a style ("bold", "dim", "red", …) when color is true.
function M.paint(text, style, color)
  if not color or not STYLES[style] then return text end
  return "\27[" .. STYLES[style] .. "m" .. text .. "\27[0m"
end

local function pairs_of(object, keys)
  local list = {}
  if type(object[1]) == "table" then
    for i, pair in ipairs(object) do list[i] = { tostring(pair[1]), pair[2] } end
    return list
  end
  if keys == nil then
    keys = {}
    for key in pairs(object) do
      if not tostring(key):find("^_") then keys[#keys + 1] = key end
    end
    table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  end
  for i, key in ipairs(keys) do list[i] = { tostring(key), object[key] } end
  return list
end

--- A canvas: `ui.text`, `ui.line`, `ui.kv`, `ui.table`, `ui.bar`, `ui.spark` add lines, `ui.write` a part of one;
--- `ui.result()` gives them.
--- `opts`: width in columns (0: unlimited), color.
function M.new(opts)
  local ui, parts = { width = opts.width or 0, color = opts.color or false }, {}
  local function add(line) parts[#parts + 1] = line .. "\n" end

  --- A line of text, optionally in a style; wrapped at the width.
  function ui.text(text, style)
    for line in (M.wrap(host.text.clean(tostring(text)), ui.width) .. "\n"):gmatch("(.-)\n") do
      add(ui.style(line, style))
    end
  end

  --- A line that is never wrapped, so that it can be copied whole.
  function ui.line(text, style) add(ui.style(host.text.clean(tostring(text)), style)) end

  --- Text that goes on where the last ended, also in the row before, and does not end its line.
  function ui.write(text, style) parts[#parts + 1] = ui.style(host.text.clean(tostring(text)), style) end

  --- Text in a style. Not for what ui.text, ui.line and ui.write are given: these take a style of their own, and no sequences.
  function ui.style(text, style) return M.paint(text, style, ui.color) end

  --- The fields of an object, or a list of { label, value }, one a line; `keys` chooses and orders fields. Text is
  --- shown whole, since a cut token or path is of no use; nested values are cut to the width.
  function ui.kv(object, keys)
    local list, widest = pairs_of(object, keys), 0
    for _, pair in ipairs(list) do widest = math.max(widest, width_of(pair[1])) end
    for _, pair in ipairs(list) do
      local text = M.cell(pair[2])
      if ui.width > 0 and type(pair[2]) == "table" then text = M.cut(text, math.max(8, ui.width - widest - 2)) end
      add(ui.style(pad(pair[1], widest), "bold") .. "  " .. text)
    end
  end

  --- Rows (objects) under the titles of the columns: names, or { key, title =, align = "right" }.
  function ui.table(rows, columns)
    local drawn = M.table_lines(rows, { columns = columns, width = ui.width, color = ui.color })
    for _, line in ipairs(drawn) do add(line) end
  end

  --- A bar of value / max, with its label before and its share behind.
  function ui.bar(label, value, max, note)
    local share = max and max > 0 and math.max(0, math.min(1, value / max)) or 0
    note = note and "  " .. M.cell(note) or ""
    local room = math.max(10, math.min(40, (ui.width > 0 and ui.width or 80) - width_of(label .. note) - 8))
    local full = math.floor(share * room + 0.5)
    local style = share >= 0.9 and "red" or share >= 0.7 and "yellow" or "green"
    add(string.format("%s  %s%s  %3d%%%s", label, ui.style(("█"):rep(full), style), ("░"):rep(room - full),
      math.floor(share * 100 + 0.5), note))
  end

  --- Numbers as one line of small bars, after an optional label.
  function ui.spark(numbers, label)
    local high, low, out = -math.huge, math.huge, {}
    for _, n in ipairs(numbers) do high, low = math.max(high, n), math.min(low, n) end
    for i, n in ipairs(numbers) do
      out[i] = SPARKS[high > low and 1 + math.floor((n - low) / (high - low) * 7 + 0.5) or 1]
    end
    add((label and label .. "  " or "") .. table.concat(out))
  end

  function ui.result()
    return table.concat(parts)
  end

  return ui
end

return M
