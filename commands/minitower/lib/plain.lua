-- Results in the words of `minitower-cli`: plain tables and sentences, or the service's JSON.

local json = require "tool.json"
local text = require "tool.text"
local watching = require "lib.watching"

local M = {}

--- Value as JSON, indented, fit for a page of HTML.
function M.json(value)
  local out = json.encode(value, { pretty = 2 }):gsub("[<>&]", { ["<"] = "\\u003c", [">"] = "\\u003e", ["&"] = "\\u0026" })
  return out:gsub("\u{2028}", "\\u2028"):gsub("\u{2029}", "\\u2029") .. "\n"
end

-- Cells as they are shown: nothing for what is not there.
local function cell(value)
  if value == nil or value == json.null then return "" end
  return (tostring(value):gsub("[\t\n]", " "))
end

-- Rows under upper-case headings, columns two spaces apart; the last one is not padded.
local function columns(headings, rows)
  local widths, lines = {}, {}
  table.insert(rows, 1, headings)
  for _, row in ipairs(rows) do
    for i = 1, #headings do widths[i] = math.max(widths[i] or 0, text.width(cell(row[i]))) end
  end
  for n, row in ipairs(rows) do
    local parts = {}
    for i = 1, #headings do
      local shown = cell(row[i])
      parts[i] = i < #headings and shown .. (" "):rep(widths[i] - text.width(shown) + 2) or shown
    end
    lines[n] = table.concat(parts)
  end
  return table.concat(lines, "\n") .. "\n"
end

local function short(sha) return sha:sub(1, 12) end

-- A table of things: headings, and a function of one thing that gives its cells.
local function things(headings, cells)
  return function(a)
    local list, rows = json.is_array(a.data) and a.data or { a.data }, {}
    for i, thing in ipairs(list) do rows[i] = cells(thing) end
    return columns(headings, rows)
  end
end

local apps = things({ "APP_ID", "SLUG", "DISABLED", "DESCRIPTION", "UPDATED_AT" }, function(app)
  return { app.app_id, app.slug, app.disabled, app.description, app.updated_at }
end)
local versions = things({ "VERSION_NO", "VERSION_ID", "ENTRYPOINT", "SHA256", "CREATED_AT" }, function(v)
  return { v.version_no, v.version_id, v.entrypoint, short(v.artifact_sha256), v.created_at }
end)
local runs = things({ "RUN_ID", "RUN_NO", "APP", "STATUS", "VERSION", "QUEUED_AT" }, function(run)
  return { run.run_id, run.run_no, run.app_slug, run.status, run.version_no, run.queued_at }
end)
local runners = things({ "RUNNER_ID", "NAME", "ENVIRONMENT", "STATUS", "LAST_SEEN_AT" }, function(r)
  return { r.runner_id, r.name, r.environment, r.status, r.last_seen_at }
end)
local profiles = things({ "CURRENT", "PROFILE", "SERVER", "TEAM", "APP", "TOKEN" }, function(p)
  return { p.current and "*" or "", p.name, p.server, p.team, p.app, p.token and "set" or "" }
end)

local function list_profiles(a)
  return #a.data == 0 and "No profiles configured.\n" or profiles(a)
end

local function drawn(a) return a.draw() end

local TEXT = {
  ["apps list"] = apps, ["apps get"] = apps, ["versions list"] = versions, ["versions get"] = versions,
  ["runs list"] = runs, ["runs get"] = runs, ["runners list"] = runners, ["config list"] = list_profiles,
  ["teams list"] = list_profiles,
}

local lines = {}            -- of a log that is told as one value at the end

--- The text of a finished result.
function M.as_text(a)
  if a.streamed then return nil end
  return (TEXT[a.command] or drawn)(a)
end

local function fields_of(p)
  return { server = p.server, token = p.token, team = p.team, app = p.app }
end

local function listed(key)
  return function(a) return { [key] = a.data } end
end

local function all_profiles(a)
  local list, current = json.array {}, nil
  for i, p in ipairs(a.data) do
    list[i] = { name = p.name, config = fields_of(p), is_current = p.current }
    current = p.current and p.name or current
  end
  return { current_profile = current, profiles = list }
end

local JSON = {
  ["apps list"] = listed "apps", ["versions list"] = listed "versions", ["runs list"] = listed "runs",
  ["runners list"] = listed "runners", ["config list"] = all_profiles, ["teams list"] = all_profiles,
  ["versions upload"] = function(a) return a.data.version end,
  ["login"] = function(a)
    local d = a.data
    return { login = { team_id = d.team_id, token = d.token, token_id = d.token_id, role = d.role }, profile = d.profile }
  end,
  ["config set"] = function(a) return { config = fields_of(a.data), profile = a.data.name } end,
  ["config get"] = function(a)
    local d = a.data
    return { config = fields_of(d), current_profile = d.current_profile, is_current = d.current, profile = d.name }
  end,
  ["deploy"] = function(a)
    local d = a.data
    return { app_slug = d.app_slug, artifact_bytes = d.artifact_bytes, packaged_sha256 = d.packaged_sha256,
      version = d.version }
  end,
}

-- Commands whose rows are one value when they do not follow.
local LOGS = { ["runs logs"] = true, ["apps logs"] = true }

--- The JSON of a finished result.
function M.as_json(a)
  if a.streamed then
    if not LOGS[a.command] or a.args.follow then return nil end
    return M.json { logs = json.array(lines) }
  end
  local make = JSON[a.command]
  return M.json(make and make(a) or a.data)
end

--- A row as text.
function M.text_row(row)
  if row.type == "log" then return watching.log_text(row) .. "\n" end
  if row.type == "created" then return watching.created_text(row.run) .. "\n" end
  if row.type == "status" then return ("run %d status: %s\n"):format(row.run_id, row.status) end
end

--- A row as JSON: a log's line at once when it is followed; of a watched run what it is at the end.
function M.json_row(a, row)
  if row.type == "log" and LOGS[a.command] then
    local line = { seq = row.seq, stream = row.stream, line = row.line, logged_at = row.logged_at }
    if a.args.follow then return json.encode(line) .. "\n" end
    lines[#lines + 1] = line
  elseif row.type == "run" or row.type == "created" and a.args.detached then
    return M.json(row.run)
  end
end

--- What stderr says beside a result: warnings, and that a list goes on.
function M.notes(a)
  local page = type(a.meta) == "table" and a.meta.pagination
  if type(page) == "table" and page.truncated and a.command ~= "runs list" then
    return ("note: %d shown; pass --limit 0 for all\n"):format(page.returned)
  end
end

return M
