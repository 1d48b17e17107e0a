-- Promise: writes an error for a person at a terminal: what went wrong, what to correct, what to do next; no trace.

local answer = require "answer"
local host = require "host"
local ui = require "ui"

local function clean(text)
  return (host.text.clean(tostring(text)))
end

-- A place in a file as somebody in the current directory calls it.
local function near(position)
  local base = (host.cwd or "") .. "/"
  return position:sub(1, #base) == base and position:sub(#base + 1) or position
end

-- The single problems of a refused input, one a line.
local function problems_of(e, opts)
  local lines = {}
  for _, item in ipairs(type(e.errors) == "table" and e.errors or {}) do
    local message = clean(item.message or item.code or "")
    local line = "  - " .. (item.position and near(clean(item.position)) .. ": " or "") .. message
    if item.fix and clean(item.fix) ~= message then line = line .. (message:find("%.$") and " " or ". ") .. clean(item.fix) end
    lines[#lines + 1] = ui.wrap(line:sub(5), opts.width, "    "):gsub("^    ", "  - ", 1)
  end
  return lines
end

--- The text of an error object (code, message, cause, errors, suggestion, hint, fix_required, fix_command,
--- retry_after_ms). `opts`: color, program, width.
--- @return string lines, each ended
return function(e, opts)
  opts = opts or {}
  local lines = { ui.paint("error:", "red", opts.color) .. " " .. clean(e.message) }
  local problems = problems_of(e, opts)
  local single = #problems == 1 and type(e.errors[1]) == "table" and e.errors[1].message == e.message
  if not single then table.move(problems, 1, #problems, #lines + 1, lines) end
  if e.cause then lines[#lines + 1] = ui.wrap("cause: " .. clean(e.cause), opts.width, "  ") end
  local function hint(text)
    lines[#lines + 1] = ui.paint("hint:", "cyan", opts.color) .. " " .. clean(text)
  end
  if e.fix_command then
    hint("run `" .. e.fix_command .. "`, then call again.")
  elseif #problems < 2 or single then
    local text = e.suggestion or e.hint or e.fix_required
    local same = text == e.message or e.retryable and e.retry_after_ms and text == answer.wait_text(e.retry_after_ms)
    if text and not same then hint(text) end
  end
  if e.corrected_input then hint("did you mean " .. clean(e.corrected_input)) end
  if e.retryable and type(e.retry_after_ms) == "number" then
    hint(string.format("the same call may succeed in %g s.", e.retry_after_ms / 1000))
  end
  return table.concat(lines, "\n") .. "\n"
end
