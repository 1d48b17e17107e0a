-- The resources of openproxy.v1. Promise: every listed name has a JSON Schema (draft-07) and an example that fits it.

local json = require "tool.json"

local M = { namespace = "openproxy.v1", stability = "stable" }

M.policy = "Fields of openproxy.v1 keep their names, types and meanings; new ones may be added, and anything else waits for "
  .. "an openproxy.v2 namespace."

local NAMES = { "provider", "provider-node", "combo", "key", "pool", "settings", "custom-model", "model-alias",
  "usage-event", "log-event", "chat-event", "quota", "oauth-status" }

local TEXT, FLAG, OPTIONAL_TEXT = { type = "string" }, { type = "boolean" }, { type = { "string", "null" } }
local COUNT, AMOUNT = { type = "integer", minimum = 0 }, { type = "number", minimum = 0 }

local function usually(value, kind) return { type = kind or type(value), default = value } end

local function one_of(choices, usual) return { type = "string", enum = choices, default = usual } end

-- An event's line: its schema's name and what its data can be.
local function event(name, kinds)
  return { schema = { const = "openproxy.v1." .. name }, ok = { const = true }, data = { type = kinds } }
end

-- name -> { title, required names, properties, description, example }
local RESOURCES = {
  provider = { "ProviderConnection", { "name", "provider" }, {
      id = TEXT, name = TEXT, provider = TEXT, apiKey = TEXT, baseUrl = OPTIONAL_TEXT, priority = COUNT,
      isActive = usually(true), defaultModel = OPTIONAL_TEXT, providerSpecificData = { type = "object" } },
    example = { name = "main", provider = "glm", apiKey = "the-key-of-glm", priority = 1, isActive = true } },
  ["provider-node"] = { "ProviderNode", { "name", "type", "baseUrl" }, {
      id = TEXT, name = TEXT, baseUrl = { type = "string", format = "uri" },
      type = one_of { "openai-compatible", "anthropic-compatible", "gemini-compatible" } },
    example = { name = "own", type = "openai-compatible", baseUrl = "https://models.example.com/v1" } },
  combo = { "Combo", { "name", "models" }, {
      id = TEXT, name = TEXT, models = { type = "array", items = TEXT }, isActive = usually(true),
      strategy = one_of({ "fallback", "round-robin", "sticky-round-robin", "fusion", "auto-combo", "hedging", "shadow" },
        "fallback") },
    example = { name = "steady", strategy = "fallback", models = { "glm/glm-5", "kimi/kimi-k2" } } },
  key = { "ApiKey", { "name", "key" }, { id = TEXT, name = TEXT, key = TEXT, isActive = usually(true) },
    example = { name = "laptop", key = "the-key-of-the-laptop", isActive = true } },
  pool = { "ProxyPool", { "name", "proxyUrl" }, {
      id = TEXT, name = TEXT, proxyUrl = TEXT, isActive = usually(true), strictProxy = usually(false),
      type = one_of({ "http", "https", "socks5", "vercel", "cloudflare", "deno" }, "http") },
    example = { name = "office", proxyUrl = "http://proxy.example.com:3128", type = "http" } },
  settings = { "Settings", nil, {
      rtkEnabled = FLAG, cavemanEnabled = FLAG, cavemanLevel = { type = "string", enum = { "light", "medium", "heavy" } },
      comboStrategy = TEXT, requireLogin = FLAG, observabilityEnabled = FLAG, outboundProxyEnabled = FLAG,
      outboundProxyUrl = TEXT, tunnelEnabled = FLAG, tunnelProvider = TEXT },
    example = { rtkEnabled = true, cavemanEnabled = false, cavemanLevel = "light", requireLogin = true } },
  ["custom-model"] = { "CustomModel", { "providerAlias", "id" }, {
      providerAlias = TEXT, id = TEXT, type = usually("chat"), name = OPTIONAL_TEXT },
    example = { providerAlias = "own", id = "small-1", type = "chat", name = "Small" } },
  ["model-alias"] = { "ModelAlias", { "alias", "target" }, {
      alias = TEXT, target = { type = "object", required = { "provider", "model" },
        properties = { provider = TEXT, model = TEXT } } },
    example = { alias = "fast", target = { provider = "glm", model = "glm-5" } } },
  ["usage-event"] = { "UsageEvent", nil, event("usage.event", { "object", "array", "string", "number", "null" }),
    "A line of `openproxy usage stream`",
    example = { schema = "openproxy.v1.usage.event", ok = true, meta = {},
      data = { totals = { requests = 3, tokens = 165, cost = 0.0021 } } } },
  ["log-event"] = { "LogEvent", nil, event("log.event", { "object", "string" }), "A line of `openproxy logs tail --robot`",
    example = { schema = "openproxy.v1.log.event", ok = true, meta = {}, data = { line = "INFO listening on 4623" } } },
  ["chat-event"] = { "ChatEvent", nil, event("chat.event", { "object", "string" }),
    "A line of `openproxy chat stream --robot`",
    example = { schema = "openproxy.v1.chat.event", ok = true, meta = {},
      data = { choices = { { delta = { content = "Blue" } } } } } },
  quota = { "Quota", nil, { provider = TEXT, requests = COUNT, tokens = COUNT, cost = AMOUNT },
    "What a provider has used", example = { provider = "glm", requests = 3, tokens = 165, cost = 0.0021 } },
  ["oauth-status"] = { "OAuthStatus", nil, {
      provider = TEXT, status = { type = "string", enum = { "pending", "linked", "expired", "error" } },
      url = { type = { "string", "null" }, format = "uri" }, expires_at = { type = { "integer", "null" } } },
    "Whether the proxy is logged in at a provider",
    example = { provider = "claude", status = "linked", expires_at = 1927620000 } },
}

--- All names, in their order.
function M.names() return { table.unpack(NAMES) } end

local function found(ctx, name)
  local resource = RESOURCES[name]
  if resource then return resource end
  ctx.fail("NOT_FOUND", { message = ("unknown resource '%s'. Try: openproxy schema list"):format(name) })
end

--- The names as lines for people.
function M.listing(data)
  return ("Available resource schemas (%s, %s):\n  %s"):format(data.namespace, data.stability,
    table.concat(data.resources, "\n  "))
end

--- Shows a schema or an example, whole.
function M.draw(data, ui)
  for line in json.encode(data, { pretty = 2 }):gmatch "[^\n]+" do ui.line(line) end
end

--- The schema of a resource.
function M.schema(ctx, name)
  local resource = found(ctx, name)
  return { ["$schema"] = "http://json-schema.org/draft-07/schema#", title = resource[1], type = "object",
    required = resource[2], properties = resource[3], description = resource[4] }
end

--- An example of a resource.
function M.example(ctx, name)
  local example = {}
  for key, value in pairs(found(ctx, name).example) do example[key] = value end
  if name == "oauth-status" then example.url = ctx.null end
  return example
end

return M
