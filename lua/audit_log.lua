-- The audit log as its readers see it.
-- Promise: entries oldest first, of the rotated files too; a line that is no entry is counted, never fatal; what an
-- entry's own words call secret is [REDACTED], whoever wrote it (REQ-O-030, REQ-F-026).

local config = require "config"
local host = require "host"
local redact = require "redact_args"

local M = {}

local MAX_FILE = 64 * 1024 * 1024
local MAX_ROTATED = 9

local function text_or_null(value)
  return type(value) == "string" and value or host.json.null
end

--- Where the log is, or nil: switched off, or no place is known. As the supervisor decides it.
function M.path(run)
  local named = host.env "TOOL_AUDIT_LOG"
  if not named or named == "" then
    local place, source = run.config.get "audit.path"
    if type(place) == "string" and not source:find("/%.tool[%w-]*$") then named = config.expand(place) end
  end
  if named == "off" then return nil end
  if not named or named == "" then
    local dir = config.directory "data"
    return dir and dir .. "/audit.jsonl"
  end
  return named:sub(1, 1) == "/" and named or host.cwd .. "/" .. named
end

-- The parameters of an entry, without what their names call secret.
local function parameters(args)
  local out = host.json.object {}
  for name, value in pairs(type(args) == "table" and args or {}) do
    out[name] = redact.is_secret_name(name) and "[REDACTED]" or type(value) == "string" and redact.text(value) or value
  end
  return out
end

local function entry_of(raw)
  if type(raw) ~= "table" or type(raw.timestamp) ~= "string" or math.type(raw.exit_code) ~= "integer" then return nil end
  return {
    timestamp = raw.timestamp, command = text_or_null(raw.command), parameters = parameters(raw.args or raw.parameters),
    exit_code = raw.exit_code, duration_ms = math.tointeger(raw.duration_ms) or 0, trace_id = text_or_null(raw.trace_id),
    request_id = text_or_null(raw.request_id), operator = text_or_null(raw.operator),
  }
end

-- The log and the files that it was moved to, oldest first; path.1 is the newest of those.
local function files_of(path)
  local list = {}
  for n = MAX_ROTATED, 1, -1 do
    if host.file.access(path .. "." .. n, "f") then list[#list + 1] = path .. "." .. n end
  end
  list[#list + 1] = path
  return list
end

--- Calls each(entry) for every entry of the log at path. Returns how many lines were none; nil, err when a file cannot be
--- read. A missing log has no entries.
function M.read(path, each)
  local broken = 0
  for _, file in ipairs(files_of(path)) do
    local text, err = host.file.read(file, MAX_FILE)
    if not text and err.code ~= "NOT_FOUND" then return nil, err end
    for line in (text or ""):gmatch("[^\n]+") do
      local entry = entry_of((host.json.decode(line)))
      if entry then each(entry) else broken = broken + 1 end
    end
  end
  return broken
end

return M
