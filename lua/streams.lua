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
  if run.preview or v.no_stream or v.idempotency_key or g.output == "json" then return false end
  if run.inv.format == "table" or g.token_limit or g.token_offset or g.token_count then return false end -- all rows at once
  return C.stream == "default" or g.stream or run.inv.format == "jsonl"
end

local function row_text(run, row)
  local C = run.contract
  if run.inv.format == "rich" then
    local canvas = require("ui").new { width = run.inv.width, color = run.inv.color }
    if C.raw.render then
      C.raw.render(row, canvas)
    else
      local cells = {}
      for i, name in ipairs(C.columns or {}) do cells[i] = require("ui").cell(row[name]) end
      canvas.text(#cells > 0 and table.concat(cells, "  ") or host.json.encode(row))
    end
    return (canvas.result():gsub("\n$", ""))
  end
  return nil
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

--- Gives a run its emit function. `with` are functions of the run that rows go through: fit, mark_cuts, older, row_form,
--- options.
function streams.add(run, with)
  local C = run.contract
  if not early(run) then
    run.emit = function(row)
      with.mark_cuts(run, row)
      run.rows[#run.rows + 1] = row
    end
    if run.preview and run.globals.stream then run.inv.format = "json" end
    return
  end
  run.streaming, run.stream_warnings = true, {}
  if run.inv.format == "json" then run.inv.format = "jsonl" end
  local count = 0
  run.emit = function(row)
    with.mark_cuts(run, row)
    with.fit(C, row, "row")
    count = count + 1
    local text = not run.voice and row_text(run, row)
    if not text then
      local form = with.row_form(C)
      if run.globals.schema_version then row, form = with.older(run, row, form) end
      local opts = with.options(run, form)
      if run.voice then
        text = run.voice:row(run, row, opts)
        if text then host.send("E", text) end
        return
      end
      opts.row, opts.columns = count, run.stream_columns
      local out, problem = output.finish(C, row, opts)
      if not out then error(problem, 0) end
      run.stream_columns = out.columns
      text = (out.text or out.data_json):gsub("\n$", "")
    end
    host.send("E", text)
  end
  run.stream_count = function() return count end
  if run.dialect.exits and run.dialect.exits[130] == 0 then run.on_interrupt = function() streams.finish(run) end end
end

return streams
