-- Streams: rows that are shown while the command runs (REQ-O-004, F-053).
-- Promise: each row is checked, masked and written by itself, at once; the last line is a summary; where rows are not
-- wanted early they become data.

local answer = require "answer"
local host = require "host"
local output = require "output"

local streams = {}

-- Are rows written while the command runs?
local function early(run)
  local C, v, g = run.contract, run.values, run.globals
  if run.preview or host.line or v.no_stream or v.idempotency_key or g.output == "json" then return false end
  if run.inv.format == "table" or g.token_limit or g.token_offset or g.token_count then return false end -- all rows at once
  return C.stream == "default" or g.stream or run.inv.format == "jsonl"
end

-- A row for a person; nil for one of which the command draws nothing.
local function drawn_row(run, row)
  local C = run.contract
  local canvas = require("ui").new { width = run.inv.width, color = run.inv.color }
  if C.raw.render then
    C.raw.render(row, canvas)
  else
    local cells = {}
    for i, name in ipairs(C.columns or {}) do cells[i] = require("ui").cell(row[name]) end
    canvas.text(#cells > 0 and table.concat(cells, "  ") or host.json.encode(row))
  end
  local text = canvas.result()
  return text ~= "" and text or nil
end

--- The last line of a stream. Also the end of a stream that is meant to be stopped with Ctrl+C, where the dialect calls
--- that a success.
function streams.finish(run)
  local total = run.stream_count()
  if run.voice then
    return run.voice:tell { streamed = total, warnings = run.warnings, exits = run.dialect.exits }
  end
  local summary = { _summary = true, total = total, duration_ms = run.globals.stable_output and 0 or host.elapsed(),
    pagination = { total = total, returned = total, truncated = false, has_more = false, next_cursor = host.json.null } }
  if #run.stream_warnings > 0 then summary.warnings = host.json.array(run.stream_warnings) end
  local text = run.inv.format == "jsonl" and host.json.encode(summary) .. "\n" or ""
  answer.send { exit = 0, text = text, flags = "ts" }
end

local function is_event(row)
  local meta = getmetatable(row)
  return type(meta) == "table" and meta.__name == "event"
end

-- What makes the text of a row, nil for one that is not shown. What is the same for all rows is made once.
local function row_writer(run, with)
  local C, form, count = run.contract, with.row_form(run.contract), 0
  local usual, voice = not run.globals.schema_version, run.voice
  local opts = with.options(run, form)

  local function finished(row)
    if not usual then
      local older
      row, older = with.older(run, row, form)
      opts = with.options(run, older)
    end
    opts.row, opts.columns, opts.format = count, run.stream_columns, run.inv.format
    local out, problem = output.finish(C, row, opts)
    if not out then error(problem, 0) end
    run.stream_columns = out.columns
    return ((out.text or out.data_json):gsub("\n$", ""))
  end

  local quick = usual and form == "any" and output.quick_row(C, opts)
  local plain, own = quick and quick.plain, voice and voice:rows(run)
  local writer = {}

  function writer.text(row)
    count = count + 1
    if own then return own(row, opts, plain and plain(row)) end
    if run.inv.format == "rich" then return drawn_row(run, row) end
    return quick and run.inv.format == "jsonl" and quick.text(row) or finished(row)
  end

  -- The same for an event whose data is such JSON that it can be shown as it came; false for others.
  function writer.event(event)
    if not quick or not own and run.inv.format ~= "jsonl" then return false end
    local text = quick.tidy(event.data)
    if not text then return false end
    if own then text = own(text, opts, true, true) else text = quick.line(text) end
    if text == nil and not own then return false end
    count = count + 1
    return text
  end

  function writer.count() return count end

  return writer
end

-- An event of ctx.api.events stands for its data: JSON, or else text.
local function data_of(event)
  local value = host.json.decode(event.data)
  if value == nil then return event.data end
  return value
end

--- Gives a run its emit function. `with` are functions of the run that rows go through: fit, mark_cuts, older, row_form,
--- options.
function streams.add(run, with)
  local C = run.contract
  if not early(run) then
    run.emit = function(row)
      if is_event(row) then row = data_of(row) end
      with.mark_cuts(run, row)
      run.rows[#run.rows + 1] = row
    end
    if run.preview and run.globals.stream then run.inv.format = "json" end
    return
  end
  run.streaming, run.stream_warnings = true, {}
  if run.inv.format == "json" then run.inv.format = "jsonl" end
  local writer, fits = nil, with.row_form(C) == "any"
  local send = host.send
  run.emit = function(row)
    if run.truncations then with.mark_cuts(run, row) end
    writer = writer or row_writer(run, with)
    local text = false
    if is_event(row) then
      text = writer.event(row)
      if text == false then row = data_of(row) end
    end
    if text == false then
      if not fits or row == nil then with.fit(C, row, "row") end
      text = writer.text(row)
    end
    if text then send(run.more and "e" or "E", text) end
  end
  run.stream_count = function() return writer and writer.count() or 0 end
  if run.dialect.exits and run.dialect.exits[130] == 0 then run.on_interrupt = function() streams.finish(run) end end
end

return streams
