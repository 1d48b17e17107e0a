-- Answers of the service. Promise: what comes in has the declared shape or ends the command; errors say what the
-- service says, in whatever form it says it.

local text = require "tool.text"

local M = {}

local KINDS = {
  string = function(v) return type(v) == "string" end,
  datetime = function(v) return type(v) == "string" end,
  integer = function(v) return math.type(v) == "integer" end,
  number = function(v) return type(v) == "number" end,
  boolean = function(v) return type(v) == "boolean" end,
  any = function() return true end,
}

local function misfit(ctx, what)
  ctx.fail("INVALID_RESPONSE", { cause = "The answer has " .. what })
end

--- The fields of `value` that `form` names, as in `returns`; others are left out. `what` names the thing.
function M.take(ctx, value, form, what)
  if type(value) ~= "table" then misfit(ctx, "something else than " .. what) end
  local out = {}
  for name, word in pairs(form) do
    local field = value[name]
    if field == ctx.null then field = nil end
    local base, mark = word:match("^(%a+)(%??)$")
    if field == nil and mark == "" then misfit(ctx, ("%s without %s"):format(what, name)) end
    if field ~= nil and not KINDS[base](field) then
      misfit(ctx, ("%s whose %s is a %s"):format(what, name, type(field)))
    end
    out[name] = field
  end
  return out
end

--- The list in the field `key` of an answer, each item taken as above.
function M.list(ctx, response, key, form, what)
  local answer = response.json
  local items = type(answer) == "table" and answer[key]
  if type(items) ~= "table" then misfit(ctx, ("no list %s"):format(key)) end
  local out = ctx.array {}
  for i, item in ipairs(items) do out[i] = M.take(ctx, item, form, what) end
  return out
end

--- One thing, as the whole answer.
function M.one(ctx, response, form, what)
  return M.take(ctx, response.json, form, what)
end

local REASONS = { [400] = "Bad Request", [401] = "Unauthorized", [403] = "Forbidden", [404] = "Not Found",
  [405] = "Method Not Allowed", [409] = "Conflict", [410] = "Gone", [413] = "Payload Too Large",
  [422] = "Unprocessable Entity", [429] = "Too Many Requests", [500] = "Internal Server Error", [502] = "Bad Gateway",
  [503] = "Service Unavailable", [504] = "Gateway Timeout" }

-- What an error says: its envelope's sentence, its text, or what its status means.
local function sentence(response)
  local body = type(response.json) == "table" and response.json or {}
  local inner = type(body.error) == "table" and body.error or body
  if type(inner.message) == "string" and inner.message ~= "" then return inner.message end
  local plain = text.trim(response.body or "")
  if plain ~= "" and utf8.len(plain) and not plain:find("[\0-\8\14-\31]") then return text.truncate(plain, 300) end
  return REASONS[response.status] or "HTTP status " .. response.status
end

--- The error code for a response outside 2xx, nil for what the status itself says; and what the service says.
function M.error_code(response)
  return response.status == 410 and "GONE" or nil, { cause = sentence(response) }
end

M.app = {
  app_id = "integer", slug = "string", description = "string?", disabled = "boolean", created_at = "datetime",
  updated_at = "datetime",
}

M.version = {
  version_id = "integer", version_no = "integer", entrypoint = "string", timeout_seconds = "integer?",
  params_schema = "any?", artifact_sha256 = "string", towerfile_toml = "string?", import_paths = "any?",
  created_at = "datetime",
}

M.run = {
  run_id = "integer", app_id = "integer", app_slug = "string?", run_no = "integer", version_no = "integer",
  status = "string", input = "any?", priority = "integer", max_retries = "integer", retry_count = "integer",
  cancel_requested = "boolean", queued_at = "datetime", started_at = "datetime?", finished_at = "datetime?",
}

M.runner = {
  runner_id = "integer", name = "string", environment = "string", status = "string", last_seen_at = "datetime?",
}

M.log = { seq = "integer", stream = "string", line = "string", logged_at = "datetime?" }

return M
