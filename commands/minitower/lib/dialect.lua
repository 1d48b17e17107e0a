-- What `minitower-cli` as a program of its own does differently: its tables and sentences, --json, its exit codes.
-- Promise: with --json there is JSON alone on stdout; errors are one line on stderr; a watched run's outcome is the exit
-- code: 0 completed, 1 failed, 2 cancelled.

local plain = require "lib.plain"

-- Exit codes of errors that the service's status does not decide.
local OWN = { RUN_CANCELLED = 2, RUN_FAILED = 1, RUN_NOT_FOUND = 11, VERSION_NOT_FOUND = 11 }
local BY_STATUS = { [401] = 10, [403] = 10, [404] = 11, [409] = 12, [410] = 13 }
local SILENT = { RUN_CANCELLED = true, RUN_FAILED = true }

local function exit_of(e)
  local status = type(e.context) == "table" and e.context.status
  return OWN[e.code] or math.type(status) == "integer" and BY_STATUS[status] or 1
end

-- Numbers of things: what the program calls them where one is no number, by command and parameter.
local NUMBERS = { ["runs get"] = "run ID", ["runs cancel"] = "run ID", ["runs retry"] = "run ID", ["runs watch"] = "run ID",
  ["runs logs"] = "run ID", ["versions get"] = "version number" }

local function bad_number(a)
  local first = a.error.phase == "validation" and a.error.errors and a.error.errors[1]
  local field = first and first.code == "INPUT_PARAM_INVALID" and first.field
  return (field == "run" or field == "number") and NUMBERS[a.command]
end

-- What the service said, or what the program says itself, without the full stop.
local function sentence(a)
  local e, number = a.error, bad_number(a)
  if number then return number .. " must be a positive integer" end
  local status = type(e.context) == "table" and e.context.status
  if math.type(status) == "integer" and e.cause then return e.cause end
  local text = e.message:gsub("%.$", "")
  return e.cause and text .. ": " .. e.cause or text
end

-- What was meant, where a word is nearly a known one.
local function guess(e)
  local first = type(e.errors) == "table" and e.errors[1] or {}
  local text = ("; " .. (first.fix or e.suggestion or "")):match "^; Did you mean .*"
  return text and text:gsub("D", "d", 1) or ""
end

local function failed(a)
  local e = a.error
  if a.usage then return { stderr = a.usage, exit = 1 } end
  return { stderr = not SILENT[e.code] and "error: " .. sentence(a) .. guess(e) .. "\n" or nil,
    exit = a.exit > 128 and a.exit or exit_of(e) }
end

return {
  flags    = {
    { "json", "boolean", "JSON on stdout, as the service answers", short = "j", everywhere = true },
    { "token", "secret", "API token; default: the profile's", env = "MINITOWER_API_TOKEN", plain = true },
    { "version-no", "integer", "Number of the version", also = "version" },
  },
  one_dash = true,
  spoken   = function(flags) return flags.json == true end,
  exits    = { [2] = 1, [3] = 1, [4] = 1, [5] = 11, [6] = 12, [7] = 10, [8] = 10, [9] = 1, [10] = 1, [11] = 1, [12] = 1, [13] = 1 },
  commands = {
    ["login"] = { plain = { password = true }, piped = true },
    ["config set"] = { plain = { token = true } },
  },
  unmask   = true,
  answer   = function(a)
    if a.error then return failed(a) end
    local notes = plain.notes(a)
    if a.preview then return { stdout = a.flags.json and plain.json(a.data) or a.draw(), stderr = notes } end
    return { stdout = a.flags.json and plain.as_json(a) or plain.as_text(a), stderr = notes }
  end,
  row      = function(a, row)
    if a.flags.json then return plain.json_row(a, row) end
    return plain.text_row(row)
  end,
}
