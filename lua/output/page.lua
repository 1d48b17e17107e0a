-- Promise: cuts lists into pages whose cursors continue exactly where a page ended, from a fresh process, and refuses
-- every cursor that was not made for this command and these arguments (REQ-F-018, F-019, O-003).

local host = require "host"
local failure = require "failure"

local M = {}

local json = host.json

-- What a cursor belongs to: the command and what its caller asked for. Page size and output do not matter.
local function fingerprint(C, args)
  local own = json.object {}
  for _, p in ipairs(C.params) do
    local value = args and args[p.name]
    if value ~= nil and p.type ~= "secret" then own[p.name] = value end
  end
  return host.hash.sha256(C.path .. "\0" .. json.encode(own)):sub(1, 12)
end

local function checksum(position)
  return host.hash.sha256(json.encode(json.object(position))):sub(1, 8)
end

--- A cursor: base64url of { o = items to skip, t = the author's token of the page, s = page size, f, c }.
function M.write(C, args, position)
  local full = { o = position.skip, t = position.token, s = position.size, f = fingerprint(C, args) }
  full.c = checksum(full)
  return host.hash.base64url(json.encode(json.object(full)))
end

--- Reads a cursor made by `write` for the same command and arguments.
--- @return table { skip, token, size }, or nil and a failure INVALID_CURSOR
function M.read(C, args, text)
  local bytes = text:find("^[%w_-]+$")
    and host.hash.unbase64((text:gsub("-", "+"):gsub("_", "/")) .. ("="):rep(-#text % 4))
  local full = bytes and json.decode(bytes)
  local ok = type(full) == "table" and type(full.c) == "string"
  if ok then
    local sum = full.c
    full.c = nil
    ok = sum == checksum(full)
    full.c = sum
  end
  ok = ok and full.f == fingerprint(C, args) and host.hash.base64url(json.encode(json.object(full))) == text
    and math.type(full.o) == "integer" and full.o >= 0
  if ok then return { skip = full.o, token = full.t, size = full.s } end
  return nil, failure.new("INVALID_CURSOR", {
    message = "The cursor does not belong to this command and these arguments.", phase = "validation",
    exit = "ARG_ERROR",
    fix = "Leave out --cursor to begin with the first page, or pass meta.cursor of the page before unchanged.",
  })
end

-- Where item `at` (0 based, among all items that the author gave) is found again.
local function position_of(info, at)
  local base = 0
  for _, page in ipairs(info.pages) do
    if at < base + page.count then return { skip = at - base, token = page.token, size = info.size } end
    base = base + page.count
  end
  if info.next ~= nil then return { skip = 0, token = info.next, size = info.size } end
  return nil
end

--- Brings what `ctx.list` gave into one form: { pages = { { token, count } … }, next, total, size, first }.
--- `first` is how many of the items stand before the page that was asked for.
--- `page` may hold pages (how many items each token gave), next, total, size; `start` is the cursor's position.
function M.plan(count, page, start)
  page, start = page or {}, start or { skip = 0 }
  local next_token = page.next
  if next_token == json.null then next_token = nil end
  local total = page.total
  if total == json.null then total = nil end
  local by_author = next_token ~= nil or start.token ~= nil or page.pages ~= nil
  return {
    pages = page.pages or { { token = start.token, count = count } }, next = next_token,
    first = math.min(start.skip, count),
    total = total or (not by_author and count or nil), size = page.size or start.size,
  }
end

--- What `meta` says of a page of which `returned` items were written; `limit` 0 is none.
--- @return table meta fields, string|nil the next cursor
function M.meta(C, args, plan, returned, limit)
  local position = position_of(plan, plan.first + returned)
  local cursor = position and M.write(C, args, position)
  return {
    pagination = json.object {
      total = plan.total or json.null, returned = returned, truncated = cursor ~= nil, has_more = cursor ~= nil,
      next_cursor = cursor or json.null,
    },
    cursor = cursor, total = plan.total, page_size = limit,
  }, cursor
end

return M
