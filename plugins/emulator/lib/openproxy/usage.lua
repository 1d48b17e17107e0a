-- What the emulated proxy remembers of requests, and every view of it under /api/usage.
-- Promise: a request that ended is in every view at once; views are computed from the rows, so that they agree.

local json = require "tool.json"
local time = require "lib.time"

local usage = {}

usage.SCHEMA = [[
  CREATE TABLE usage(seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at_ms INTEGER NOT NULL, provider TEXT NOT NULL,
                     model TEXT NOT NULL, connection_id TEXT, account TEXT, api_key TEXT, endpoint TEXT NOT NULL,
                     status TEXT NOT NULL, prompt INTEGER NOT NULL, completion INTEGER NOT NULL,
                     reasoning INTEGER NOT NULL DEFAULT 0, cached INTEGER NOT NULL DEFAULT 0,
                     cache_read INTEGER NOT NULL DEFAULT 0, cache_creation INTEGER NOT NULL DEFAULT 0,
                     cost REAL NOT NULL, ttft_ms INTEGER NOT NULL, total_ms INTEGER NOT NULL,
                     request TEXT, response TEXT);
  CREATE INDEX usage_by_time ON usage(at_ms);
]]

local HOUR, DAY = 3600000, 86400000
local ERROR_SHOWN_MS = 10000 -- how long the provider of a failed request is named in the statistics

-- Sums, under the names of the columns.
local SUMS = [[count(*) AS requests, coalesce(sum(prompt), 0) AS prompt, coalesce(sum(completion), 0) AS completion,
  coalesce(sum(reasoning), 0) AS reasoning, coalesce(sum(cached), 0) AS cached,
  coalesce(sum(cache_read), 0) AS cache_read, coalesce(sum(cache_creation), 0) AS cache_creation,
  coalesce(sum(cost), 0.0) AS cost, max(at_ms) AS last_ms]]

-- Long decimals of added prices say nothing.
local function money(x) return math.floor(x * 1e10 + 0.5) / 1e10 end

local function iso(ms) return time.format(ms) end

local function aggregate(r)
  return {
    requests = r.requests, promptTokens = r.prompt, completionTokens = r.completion, reasoningTokens = r.reasoning,
    cachedTokens = r.cached, cacheReadInputTokens = r.cache_read, cacheCreationInputTokens = r.cache_creation,
    cost = money(r.cost),
  }
end

local function snake(r)
  return {
    requests = r.requests, prompt_tokens = r.prompt, completion_tokens = r.completion, reasoning_tokens = r.reasoning,
    cached_tokens = r.cached, cache_read_input_tokens = r.cache_read,
    cache_creation_input_tokens = r.cache_creation, cost = money(r.cost),
  }
end

local function with(t, more)
  for name, value in pairs(more) do t[name] = value end
  return t
end

--- The beginning of the UTC day of a time.
local function day_of(ms) return ms - ms % DAY end

--- The key as the history shows it.
function usage.mask(key)
  if not key or key == "" then return json.null end
  return (#key <= 8 and key:sub(1, 1) or key:sub(1, 8)) .. "***"
end

--- Adds a request that ended: { at_ms, provider, model, connection_id, account, api_key, endpoint, status, prompt,
-- completion, cost, ttft_ms, total_ms, request, response }.
function usage.add(state, r)
  local n = state.db:one("SELECT count(*) AS n FROM usage WHERE at_ms = ?", r.at_ms).n
  state.db:exec([[INSERT INTO usage(id, at_ms, provider, model, connection_id, account, api_key, endpoint, status, prompt,
    completion, cost, ttft_ms, total_ms, request, response) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)]],
    ("%s-%d-%s"):format(iso(r.at_ms), n, r.model), r.at_ms, r.provider, r.model, r.connection_id, r.account, r.api_key,
    r.endpoint, r.status, r.prompt, r.completion, r.cost, r.ttft_ms, r.total_ms, r.request, r.response)
end

--- GET /api/usage/summary
function usage.summary(state)
  local r = state.db:one("SELECT " .. SUMS .. " FROM usage")
  return { total_requests = r.requests, total_prompt_tokens = r.prompt, total_completion_tokens = r.completion,
    total_cost = money(r.cost) }
end

--- GET /api/usage/daily
function usage.daily(state)
  local out, days = json.array {}, {}
  local by_day = "SELECT at_ms / 86400000 AS day, " .. SUMS .. " FROM usage GROUP BY day ORDER BY day"
  for i, r in ipairs(state.db:rows(by_day)) do
    out[i] = with(snake(r), { date = os.date("!%Y-%m-%d", r.day * 86400), by_provider = json.array {} })
    days[r.day] = out[i].by_provider
  end
  local by_provider = "SELECT at_ms / 86400000 AS day, provider, " .. SUMS
    .. " FROM usage GROUP BY day, provider ORDER BY day, provider"
  for _, r in ipairs(state.db:rows(by_provider)) do
    table.insert(days[r.day], with(snake(r), { provider = r.provider }))
  end
  return out
end

-- The sums of buckets of `width` ms from `from` on: index from 0 -> { tokens, cost }.
local function buckets(state, from, width)
  local out = {}
  local rows = state.db:rows("SELECT (at_ms - ?) / ? AS bucket, sum(prompt + completion) AS tokens, sum(cost) AS cost"
    .. " FROM usage WHERE at_ms >= ? GROUP BY bucket", from, width, from)
  for _, r in ipairs(rows) do out[r.bucket] = r end
  return out
end

local function hour_label(at) return os.date("!%H:%M", at // 1000) end
local function day_label(at) return os.date("!%b ", at // 1000) .. (os.date("!%d", at // 1000):gsub("^0", "")) end

--- GET /api/usage/chart: nil when the period is none.
function usage.chart(state, period, now)
  local days = ({ ["7d"] = 7, ["30d"] = 30, ["60d"] = 60 })[period]
  if not days and period ~= "today" and period ~= "24h" then return nil end
  local width, count = days and DAY or HOUR, days or 24
  local from = period == "today" and day_of(now) or now - now % width - (count - 1) * width
  local label = days and day_label or hour_label
  local sums, data = buckets(state, from, width), json.array {}
  for i = 0, count - 1 do
    local r = sums[i] or { tokens = 0, cost = 0.0 }
    data[i + 1] = { date = label(from + i * width), tokens = r.tokens, cost = money(r.cost) }
  end
  return { data = data }
end

local function tokens(r)
  return {
    prompt_tokens = r.prompt, input_tokens = json.null, completion_tokens = r.completion, output_tokens = json.null,
    total_tokens = r.prompt + r.completion, reasoning_tokens = json.null, cached_tokens = json.null,
    cache_read_input_tokens = json.null, cache_creation_input_tokens = json.null,
  }
end

--- GET /api/usage/history: rows that were there at the start newest first, later ones behind them as they came.
function usage.history(state)
  local rows = state.db:rows("SELECT * FROM usage ORDER BY seq > ?, CASE WHEN seq > ? THEN seq ELSE -seq END",
    state.loaded, state.loaded)
  local out = json.array {}
  for i, r in ipairs(rows) do
    out[i] = {
      timestamp = iso(r.at_ms), provider = r.provider, model = r.model, connectionId = r.connection_id or json.null,
      apiKeyMasked = usage.mask(r.api_key), endpoint = r.endpoint, status = json.null, tokens = tokens(r),
      promptTokens = r.prompt, completionTokens = r.completion, cost = r.cost,
    }
  end
  return { total_requests = #out, history = out }
end

-- Sums by some columns since a time: each row goes to put(out, row).
local function grouped(state, columns, since, put)
  local out = json.decode "{}"
  local sql = ("SELECT %s, %s FROM usage WHERE at_ms >= ? GROUP BY %s"):format(columns, SUMS, columns)
  for _, r in ipairs(state.db:rows(sql, since)) do put(out, r) end
  return out
end

local function used(r, more)
  return with(aggregate(r), with({ rawModel = r.model, provider = r.provider, lastUsed = iso(r.last_ms) }, more or {}))
end

local function last_minutes(state, now)
  local from = now - now % 60000 - 9 * 60000
  local sums, out = {}, json.array {}
  for _, r in ipairs(state.db:rows("SELECT (at_ms - ?) / 60000 AS bucket, " .. SUMS .. " FROM usage WHERE at_ms >= ?"
    .. " GROUP BY bucket", from, from)) do sums[r.bucket] = r end
  local none = state.db:one("SELECT " .. SUMS .. " FROM usage WHERE 0")
  for i = 0, 9 do out[i + 1] = aggregate(sums[i] or none) end
  return out
end

local function recent(state)
  local out = json.array {}
  for i, r in ipairs(state.db:rows "SELECT * FROM usage ORDER BY seq DESC LIMIT 20") do
    out[i] = {
      timestamp = iso(r.at_ms), model = r.model, provider = r.provider, promptTokens = r.prompt,
      completionTokens = r.completion, reasoningTokens = r.reasoning, cachedTokens = r.cached,
      cacheReadInputTokens = r.cache_read, cacheCreationInputTokens = r.cache_creation,
      status = r.status == "success" and "ok" or "error",
    }
  end
  return out
end

-- The provider of the last request, when that failed a moment ago.
local function error_provider(state, now)
  local r = state.db:one "SELECT provider, status, at_ms FROM usage ORDER BY seq DESC LIMIT 1"
  return r and r.status ~= "success" and r.at_ms >= now - ERROR_SHOWN_MS and r.provider or ""
end

-- What runs now, of the requests in state.running.
local function pending(state)
  local by_model, by_account, active, list = json.decode "{}", json.decode "{}", {}, json.array {}
  for run in pairs(state.running) do
    local name = ("%s (%s)"):format(run.model, run.provider)
    by_model[name] = (by_model[name] or 0) + 1
    local account = by_account[run.connection.id] or {}
    by_account[run.connection.id], account[name] = account, (account[name] or 0) + 1
    local key = name .. run.connection.name
    active[key] = active[key] or { model = run.model, provider = run.provider, account = run.connection.name, count = 0 }
    active[key].count = active[key].count + 1
  end
  for _, entry in pairs(active) do list[#list + 1] = entry end
  table.sort(list, function(a, b) return a.provider .. a.model .. a.account < b.provider .. b.model .. b.account end)
  return { byModel = by_model, byAccount = by_account }, list
end

local PERIODS = { ["24h"] = DAY, ["7d"] = 7 * DAY, ["30d"] = 30 * DAY, ["60d"] = 60 * DAY }

--- Sets what changes while requests run.
function usage.refresh(state, stats, now)
  stats.pending, stats.activeRequests = pending(state)
  stats.recentRequests, stats.errorProvider = recent(state), error_provider(state, now)
  return stats
end

--- GET /api/usage/stats: nil when the period is none.
function usage.stats(state, period, now)
  local since = period == "all" and 0 or period == "today" and day_of(now) or PERIODS[period] and now - PERIODS[period]
  if not since then return nil end
  local total = state.db:one("SELECT " .. SUMS .. " FROM usage WHERE at_ms >= ?", since)
  return usage.refresh(state, {
    totalRequests = state.db:one("SELECT count(*) AS n FROM usage").n, -- of all times, whatever the period
    totalPromptTokens = total.prompt, totalCompletionTokens = total.completion, totalReasoningTokens = total.reasoning,
    totalCachedTokens = total.cached, totalCacheReadInputTokens = total.cache_read,
    totalCacheCreationInputTokens = total.cache_creation, totalCost = money(total.cost),
    byProvider = grouped(state, "provider", since, function(out, r) out[r.provider] = aggregate(r) end),
    byModel = grouped(state, "model, provider", since, function(out, r)
      out[("%s (%s)"):format(r.model, r.provider)] = used(r)
    end),
    byAccount = grouped(state, "model, provider, connection_id, account", since, function(out, r)
      out[("%s (%s - %s)"):format(r.model, r.provider, r.account)] =
        used(r, { connectionId = r.connection_id, accountName = r.account })
    end),
    byApiKey = grouped(state, "api_key, model, provider", since, function(out, r)
      if not r.api_key then return end
      out[("%s|%s|%s"):format(r.api_key, r.model, r.provider)] = used(r, {
        apiKey = r.api_key, apiKeyKey = r.api_key, keyName = state.key_names[r.api_key] or json.null })
    end),
    byEndpoint = grouped(state, "endpoint, model, provider", since, function(out, r)
      out[("%s|%s|%s"):format(r.endpoint, r.model, r.provider)] = used(r, { endpoint = r.endpoint })
    end),
    last10Minutes = last_minutes(state, now),
  }, now)
end

--- The counters of each provider: { provider, requests, tokens, cost }, sorted.
function usage.by_provider(state, since)
  local out = json.array {}
  local rows = state.db:rows("SELECT provider, " .. SUMS .. " FROM usage WHERE at_ms >= ? GROUP BY provider"
    .. " ORDER BY provider", since or 0)
  for i, r in ipairs(rows) do
    out[i] = { provider = r.provider, requests = r.requests, tokens = r.prompt + r.completion, cost = money(r.cost) }
  end
  return out
end

--- GET /api/usage/providers
function usage.providers(state)
  local out = json.array {}
  local rows = state.db:rows [[SELECT provider FROM usage UNION SELECT provider FROM connection WHERE active
    ORDER BY provider]]
  for i, r in ipairs(rows) do
    out[i] = { id = r.provider, name = state.node_names[r.provider] or r.provider }
  end
  return { providers = out }
end

--- GET /api/usage/logs: the last 200 requests as lines, newest first.
function usage.logs(state)
  local out = json.array {}
  for i, r in ipairs(state.db:rows "SELECT * FROM usage ORDER BY seq DESC LIMIT 200") do
    out[i] = table.concat({
      os.date("%d-%m-%Y %H:%M:%S", r.at_ms // 1000), r.model, r.provider:upper(), r.account or "-",
      tostring(r.prompt), tostring(r.completion), r.status == "success" and "-" or r.status,
    }, " | ")
  end
  return out
end

local function detail(r)
  return {
    id = r.id, provider = r.provider, model = r.model, connectionId = r.connection_id or json.null,
    timestamp = iso(r.at_ms), status = r.status, latency = { ttft = r.ttft_ms, total = r.total_ms }, tokens = tokens(r),
    request = r.request and json.decode(r.request) or json.null, providerRequest = json.null,
    providerResponse = json.null, response = r.response and json.decode(r.response) or json.null,
    endpoint = r.endpoint,
  }
end

-- The condition that a query of details means, and its values.
local function condition(query)
  local parts, values = {}, {}
  local function add(text, value)
    if value then parts[#parts + 1], values[#values + 1] = text, value end
  end
  add("provider = ?", query.provider)
  add("model = ?", query.model)
  add("connection_id = ?", query.connectionId)
  add("status = ?", query.status)
  add("at_ms >= ?", query.startDate and time.parse(query.startDate))
  add("at_ms <= ?", query.endDate and time.parse(query.endDate))
  add("id = ?", query.id)
  return #parts > 0 and " WHERE " .. table.concat(parts, " AND ") or "", values
end

--- GET /api/usage/request-details: rows newest first, and their pagination.
function usage.details(state, query, page, size)
  local where, values = condition(query)
  local rows, total = state.db:page("*", "FROM usage" .. where, "seq DESC", page, size, table.unpack(values))
  local out, pages = json.array {}, (total + size - 1) // size
  for i, r in ipairs(rows) do out[i] = detail(r) end
  return out, { page = page, pageSize = size, totalItems = total, totalPages = pages, hasNext = page < pages,
    hasPrev = page > 1 }
end

return usage
