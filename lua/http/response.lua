-- Promise: what an author gets of an answer: { status, headers, body, url, json, retry_after }, where `json` is decoded
-- when first asked for and an answer that is not JSON is an INVALID_RESPONSE that names the place.

local host = require "host"
local failure = require "failure"
local rules = require "http.rules"
local address = require "http.address"

local M = {}

local NO_CONTENT = { [204] = true, [205] = true, [304] = true }

local function join(list)
  local out = {}
  for _, field in ipairs(list) do
    local name, value = field[1], field[2]
    local separator = name == "set-cookie" and "\n" or ", "
    out[name] = out[name] and out[name] .. separator .. value or value
  end
  return out
end

local function decode(response)
  local body = rawget(response, "body")
  if body == "" and (NO_CONTENT[response.status] or response.method == "HEAD") then return nil end
  local value, problem = host.json.decode(body)
  if value == nil then
    local shown = address.shown(response.url)
    failure.raise("INVALID_RESPONSE", {
      exit = "GENERAL_ERROR",
      message = ("The answer of %s is not JSON: %s at line %d, column %d."):format(shown,
        (problem.message:gsub("%.$", "")), problem.line or 1, problem.column or 1),
      context = { url = shown, status = response.status, content_type = response.headers["content-type"],
        line = problem.line, column = problem.column, offset = problem.offset },
    })
  end
  return value
end

local LAZY = {}

function LAZY.__index(response, key)
  if key ~= "json" then return nil end
  local value = decode(response)
  rawset(response, "json", value)
  return value
end

--- A response from the transport's answer to `req`. `date`: epoch seconds of the service's clock, if it says so.
function M.new(raw, req)
  local headers = join(raw.headers)
  return setmetatable({
    status = raw.status, headers = headers, body = raw.body or "", url = req.url, method = req.method,
    retry_after = rules.retry_after(headers["retry-after"], host.time()), time_ms = raw.time_ms, http = raw.http,
    bytes = raw.bytes_received, date = headers.date and rules.http_date(headers.date) or nil,
  }, LAZY)
end

--- The body as JSON, or nil when it is none: for reading error bodies.
function M.peek(response)
  local body = response.body
  if type(body) ~= "string" or not body:find("^%s*[{%[]") then return nil end
  local value = host.json.decode(body)
  return type(value) == "table" and value or nil
end

return M
