-- Usage in the shapes that services of this kind answer with. Promise: rows with counters, totals and buckets, whether
-- the service names them as its own tool expects or as it does.

local json = require "tool.json"
local text = require "tool.text"
local wire = require "lib.wire"

local M = {}

local member = wire.member

local function number(value, name) return member(value, name, "number") or 0 end

local function whole(value) return math.tointeger(value) or math.floor(value) end

-- The service counts all requests there ever were, whatever the period; those by provider are the period's.
local function requests_of(payload)
  local by_provider, sum = member(payload, "byProvider", "table"), 0
  if not by_provider or next(by_provider) == nil then return number(payload, "totalRequests") end
  for _, row in pairs(by_provider) do sum = sum + number(row, "requests") end
  return sum
end

--- { requests, tokens, cost } of usage statistics.
function M.totals(payload)
  local totals = member(payload, "totals", "table")
  if totals then
    return { requests = whole(number(totals, "requests")), tokens = whole(number(totals, "tokens")),
      cost = number(totals, "cost") }
  end
  return { requests = whole(requests_of(payload)), cost = number(payload, "totalCost"),
    tokens = whole(number(payload, "totalPromptTokens") + number(payload, "totalCompletionTokens")) }
end

--- The same as lines.
function M.totals_text(payload)
  local totals = M.totals(payload)
  return ("Requests: %d\nTokens:   %d\nCost:     $%.4f"):format(totals.requests, totals.tokens, totals.cost)
end

--- An event of the stream as one line.
function M.event_text(row)
  if not member(row, "totals", "table") and not member(row, "totalRequests", "number") then return json.encode(row) end
  local totals, active = M.totals(row), {}
  for _, one in ipairs(member(row, "activeRequests", "table") or {}) do
    active[#active + 1] = ("%s/%s"):format(member(one, "provider", "string") or "?", member(one, "model", "string") or "?")
  end
  return ("%d requests  %d tokens  $%.4f%s"):format(totals.requests, totals.tokens, totals.cost,
    #active > 0 and "  running: " .. table.concat(active, ", ") or "")
end

--- The buckets of a chart: the payload itself, or its first member that is a list.
function M.buckets(payload)
  if type(payload) ~= "table" then return {} end
  if json.is_array(payload) then return payload end
  local names = {}
  for name, value in pairs(payload) do
    if type(value) == "table" and json.is_array(value) then names[#names + 1] = name end
  end
  table.sort(names)
  return payload[names[1]] or {}
end

--- The entries of a log of requests.
function M.entries(payload)
  if type(payload) ~= "table" then return {} end
  if json.is_array(payload) then return payload end
  return member(payload, "logs", "table") or member(payload, "entries", "table") or {}
end

-- Counters of a provider from the statistics, under the names that quota rows have.
local function counters(row, totals)
  row.provider = row.provider or row.id
  row.requests = number(totals, "requests")
  row.tokens = number(totals, "promptTokens") + number(totals, "completionTokens")
  row.cost = number(totals, "cost")
end

local function has_counters(rows)
  for _, row in ipairs(rows) do
    if type(row) == "table" and (row.requests or row.tokens or row.cost) then return true end
  end
  return #rows == 0
end

--- The payload of the providers. A service that lists them without counters has those elsewhere.
function M.providers(ctx)
  local payload = wire.get(ctx, "/api/usage/providers")
  local rows = member(payload, "providers", "table")
  if not rows or has_counters(rows) then return payload end
  local response = ctx.api.try.get("/api/usage/stats", { query = { period = "all" } })
  local ok, stats = pcall(function() return response.status == 200 and response.json end)
  local by_provider = ok and member(stats, "byProvider", "table")
  if not by_provider then
    ctx.warn("COUNTERS_MISSING", "The service lists providers without counters and has no statistics of them.")
    return payload
  end
  for _, row in ipairs(rows) do
    if type(row) == "table" then counters(row, by_provider[row.id] or by_provider[row.provider]) end
  end
  return payload
end

--- The rows of all providers.
function M.quotas(ctx)
  return member(M.providers(ctx), "providers", "table") or ctx.array {}
end

--- Rows for a table, their cost in dollars.
function M.priced(rows, form)
  local out = {}
  for i, row in ipairs(rows) do
    local cost = member(row, "cost", "number")
    out[i] = setmetatable({ cost = cost and form:format(cost) }, { __index = row })
  end
  return out
end

-- The fields of one line of a log: time, model, provider, account, sent, received, status.
local function fields_of(line)
  local out = {}
  for i, part in ipairs(text.split(line, "|")) do out[i] = text.trim(part):lower() end
  return { model = out[2], provider = out[3] }
end

local function wanted(entry, args)
  local own = type(entry) == "string" and fields_of(entry) or type(entry) == "table" and entry or {}
  for _, name in ipairs { "model", "provider" } do
    local value = own[name]
    if args[name] and (type(value) ~= "string" or value:lower() ~= args[name]:lower()) then return false end
  end
  return true
end

--- A log of requests as it was asked for: services may ignore what they are asked.
function M.filtered(ctx, payload, args)
  local entries = M.entries(payload)
  local kept = ctx.array {}
  for _, entry in ipairs(entries) do
    if wanted(entry, args) and #kept < (args.limit or math.huge) then kept[#kept + 1] = entry end
  end
  if #kept == #entries then return payload end
  if entries == payload then return kept end
  payload[entries == payload.logs and "logs" or "entries"] = kept
  return payload
end

--- A history with the `limit` newest of its rows, in their order.
function M.newest(ctx, payload, limit)
  local rows = member(payload, "history", "table")
  if not rows or not limit or #rows <= limit then return payload end
  local order = {}
  for i, row in ipairs(rows) do order[i] = { at = member(row, "timestamp", "string") or "", index = i } end
  table.sort(order, function(x, y) return x.at > y.at or x.at == y.at and x.index < y.index end)
  local chosen, kept = {}, ctx.array {}
  for i = 1, limit do chosen[order[i].index] = true end
  for i, row in ipairs(rows) do
    if chosen[i] then kept[#kept + 1] = row end
  end
  payload.history = kept
  return payload
end

local WIDEST = 40               -- columns of a bar

local function counted(n, word) return ("%d %s%s"):format(n, word, n == 1 and "" or "s") end

-- The texts of one column, as wide as the widest.
local function aligned(rows, of, left)
  local widest = 0
  for _, row in ipairs(rows) do widest = math.max(widest, text.width(of(row))) end
  return function(row)
    local blanks = (" "):rep(widest - text.width(of(row)))
    return left and of(row) .. blanks or blanks .. of(row)
  end, widest
end

-- Draws rows { label, value, notes }, a bar each for its share of the largest; notes stand below each other.
local function bars(ui, rows)
  local label, used = aligned(rows, function(row) return row.label end, true)
  local columns, most = {}, 0
  for i in ipairs(rows[1].notes) do
    local column, width = aligned(rows, function(row) return row.notes[i] end)
    columns[i], used = column, used + 2 + width
  end
  for _, row in ipairs(rows) do most = math.max(most, row.value) end
  local room = ui.width > 0 and math.max(4, math.min(WIDEST, ui.width - used - 2)) or WIDEST
  for _, row in ipairs(rows) do
    local full = most > 0 and math.ceil(row.value / most * room) or 0
    local parts = { label(row), ("█"):rep(full) .. (" "):rep(room - full) }
    for i, column in ipairs(columns) do parts[i + 2] = column(row) end
    ui.line(table.concat(parts, "  "))
  end
end

local LONG = 31                 -- buckets that get a bar each

--- Draws buckets { date, tokens, cost }.
function M.draw_buckets(ui, buckets, tokens_of)
  local rows, numbers = {}, {}
  for i, bucket in ipairs(buckets) do
    local tokens = tokens_of and tokens_of(bucket) or number(bucket, "tokens")
    numbers[i] = tokens
    rows[i] = { label = member(bucket, "date", "string") or tostring(i), value = tokens,
      notes = { counted(whole(tokens), "token"), ("$%.4f"):format(number(bucket, "cost")) } }
  end
  if #rows == 0 then return ui.text("Nothing was used.", "dim") end
  ui.spark(numbers, "tokens")
  if #rows <= LONG then bars(ui, rows) end
end

--- Draws rows { provider, requests, tokens, cost } by their share of the tokens.
function M.draw_quotas(ui, quotas)
  local rows = {}
  for i, row in ipairs(quotas) do
    rows[i] = { label = member(row, "provider", "string") or member(row, "id", "string") or "?",
      value = number(row, "tokens"), notes = { counted(whole(number(row, "requests")), "request"),
        counted(whole(number(row, "tokens")), "token"), ("$%.4f"):format(number(row, "cost")) } }
  end
  if #rows == 0 then return ui.text("There are no providers.", "dim") end
  bars(ui, rows)
end

return M
