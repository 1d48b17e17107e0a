-- Chat of the emulated proxy: from a model's name to an account, from a message to an answer, by rules or by a real
-- service behind it.
-- Promise: whatever becomes of a chat, it is in the usage rows, in the log and in the streams when its answer leaves.

local catalogue = require "lib.openproxy.catalogue"
local json = require "tool.json"
local logs = require "lib.openproxy.logs"
local script = require "lib.openproxy.script"
local sse = require "lib.sse"
local time = require "lib.time"
local times = require "tool.time"
local usage = require "lib.openproxy.usage"

local chat = {}

-- Status -> the type and code of its error.
local ERRORS = {
  [400] = { "invalid_request_error", "bad_request" }, [401] = { "authentication_error", "invalid_api_key" },
  [402] = { "billing_error", "payment_required" }, [403] = { "permission_error", "insufficient_quota" },
  [404] = { "invalid_request_error", "model_not_found" }, [406] = { "invalid_request_error", "model_not_supported" },
  [429] = { "rate_limit_error", "rate_limit_exceeded" },
}

--- An error in the form of the OpenAI API: status, body, headers.
function chat.error(status, message, headers)
  local e = ERRORS[status] or { status >= 500 and "server_error" or "invalid_request_error",
    status >= 500 and "server_error" or "bad_request" }
  return status, { error = { message = message, type = e[1], code = e[2] } }, headers
end

--- The address of a path of the service behind.
function chat.address(forward, path) return (forward.url:gsub("/+$", "")) .. path end

-- Models -------------------------------------------------------------------------------------------------------------

local function has_model(provider, id)
  for _, model in ipairs(catalogue.models[provider] or {}) do
    if model[1] == id then return true end
  end
  return false
end

local function entry(provider, model)
  return {
    id = provider .. "/" .. model[1], object = "model", created = 1, owned_by = provider, permission = json.array {},
    root = model[1], parent = json.null, kind = model[4], context_length = model[2], max_completion_tokens = model[3],
  }
end

-- The models of the service behind; nil when it does not say.
local function models_behind(state, ctx)
  local forward = state.options.forward
  local res = ctx.http.try.get(chat.address(forward, "/models"), { bearer = forward.key, timeout = "30s", retries = 0 })
  local value = res and res.status == 200 and json.decode(res.body)
  return type(value) == "table" and value or nil
end

--- GET /v1/models: combos, then the models of active connections; without any connection the whole catalogue.
function chat.models(state, ctx)
  local behind = state.options.forward and models_behind(state, ctx)
  if behind then return behind end
  local out, providers = json.array {}, {}
  for _, combo in ipairs(state.db:rows "SELECT name FROM combo ORDER BY name") do
    out[#out + 1] = { id = combo.name, object = "model", created = 1, owned_by = "combo", permission = json.array {},
      root = combo.name, parent = json.null }
  end
  for _, row in ipairs(state.db:rows "SELECT DISTINCT provider FROM connection WHERE active ORDER BY provider") do
    providers[#providers + 1] = row.provider
  end
  if #providers == 0 then
    for provider in pairs(catalogue.models) do providers[#providers + 1] = provider end
    table.sort(providers)
  end
  for _, provider in ipairs(providers) do
    for _, model in ipairs(catalogue.models[provider] or {}) do out[#out + 1] = entry(provider, model) end
  end
  return { object = "list", data = out }
end

-- From a name to an account --------------------------------------------------------------------------------------------

-- The provider of a bare name that exactly one active connection advertises.
local function only_provider(state, name)
  local found
  for _, row in ipairs(state.db:rows "SELECT provider FROM connection WHERE active") do
    if has_model(row.provider, name) then
      if found then return nil end
      found = row.provider
    end
  end
  return found
end

-- The provider/model names that a name stands for, in the order in which they are tried.
local function candidates(state, name)
  local combo = state.db:one("SELECT models FROM combo WHERE name = ?", name)
  if combo then return json.decode(combo.models) end
  if name:find("^[^/]+/.") then return { name } end
  local provider = only_provider(state, name)
  return provider and { provider .. "/" .. name } or {}
end

-- An account of the provider that does not cool down; or nil, status, message, headers.
local function account(state, provider, model)
  local rows = state.db:rows("SELECT * FROM connection WHERE provider = ? AND active ORDER BY id", provider)
  if #rows == 0 then return nil, 400, "No credentials for provider: " .. provider end
  local now, soonest = time.now(), math.huge
  for _, connection in ipairs(rows) do
    local till = state.cooling[connection.id .. "|" .. model] or 0
    if till <= now then return connection end
    soonest = math.min(soonest, till)
  end
  return nil, 503, ("All accounts for %s/%s are cooling down"):format(provider, model),
    { ["Retry-After"] = tostring((soonest - now + 999) // 1000) }
end

-- Where a chat goes: { provider, model, connection }; or nil, status, message, headers. A service behind knows models
-- that nobody here does.
local function route(state, name)
  local list = candidates(state, name)
  local status, message, headers = 400, "Unknown combo model", nil
  for _, full in ipairs(list) do
    local provider, model = full:match "^([^/]+)/(.+)$"
    local connection
    connection, status, message, headers = account(state, provider, model)
    if connection then return { provider = provider, model = model, connection = connection } end
  end
  if state.options.forward and status == 400 then
    return { provider = "forward", model = name, connection = { id = "forward-1", name = "main" } }
  end
  return nil, status, message, headers
end

-- From a message to an answer ---------------------------------------------------------------------------------------

-- The text of a message, whose content is a text or an array of parts.
local function text_of(message)
  local content = type(message) == "table" and message.content
  if type(content) ~= "table" then return type(content) == "string" and content or "" end
  local parts = {}
  for _, part in ipairs(content) do
    if type(part) == "table" and type(part.text) == "string" then parts[#parts + 1] = part.text end
  end
  return table.concat(parts)
end

-- All the text that a model reads, and the last message of the user.
local function prompt_of(body)
  local all, last = {}, ""
  for i, message in ipairs(type(body.messages) == "table" and body.messages or {}) do
    all[i] = text_of(message)
    if type(message) == "table" and message.role == "user" then last = all[i] end
  end
  return table.concat(all, "\n"), last
end

local function count_tokens(text) return (utf8.len(text) or #text) // 4 + (text ~= "" and 1 or 0) end

-- The answer of the rules: status, body, headers.
local function by_rules(state, ctx, run, body)
  local all, last = prompt_of(body)
  local full = run.provider .. "/" .. run.model
  local rule, text = script.answer(state.rules, last, full)
  if not rule then return chat.error(404, ("No rule of the script answers %s"):format(full)) end
  if rule.delay then ctx.sleep(times.duration(rule.delay)) end
  if rule.status then
    local wait = rule.retry_after
    if wait then state.cooling[run.connection.id .. "|" .. run.model] = time.now() + wait * 1000 end
    return chat.error(rule.status, rule.message or ("The model failed with %d, as its rule says"):format(rule.status),
      wait and { ["Retry-After"] = tostring(wait) })
  end
  local prompt, completion = rule.prompt_tokens or count_tokens(all), rule.completion_tokens or count_tokens(text)
  return 200, {
    id = "chatcmpl-" .. state.db:hex(12), object = "chat.completion", created = os.time(), model = run.model,
    choices = json.array { { index = 0, message = { role = "assistant", content = text }, finish_reason = "stop" } },
    usage = { prompt_tokens = prompt, completion_tokens = completion, total_tokens = prompt + completion },
  }
end

-- The answer of the service behind: status, body, headers.
local function by_forwarding(state, ctx, run, body)
  local sent = {}
  for name, value in pairs(body) do sent[name] = value end
  sent.model, sent.stream = run.model, false
  local forward = state.options.forward
  local res, err = ctx.http.try.post(chat.address(forward, "/chat/completions"),
    { json = sent, bearer = forward.key, timeout = "120s", retries = 0 })
  if not res then return chat.error(502, "The service behind did not answer: " .. (err.message or err.code)) end
  local value = json.decode(res.body)
  local wait = res.headers["retry-after"]
  local headers = wait and { ["Retry-After"] = wait }
  if res.status >= 300 then
    local message = type(value) == "table" and type(value.error) == "table" and value.error.message
    return chat.error(res.status < 400 and 502 or res.status,
      type(message) == "string" and message or "The service behind answered " .. res.status, headers)
  end
  if type(value) ~= "table" then return chat.error(502, "The service behind answered something that is not JSON") end
  return res.status, value
end

local function integer(v) return math.type(v) == "integer" and v or 0 end

-- Writes down what became of a chat.
local function record(state, req, run, body, status, answer)
  local counts = type(answer.usage) == "table" and answer.usage or {}
  local prompt, completion = integer(counts.prompt_tokens), integer(counts.completion_tokens)
  local took = time.now() - run.began
  usage.add(state, {
    at_ms = run.began, provider = run.provider, model = run.model, connection_id = run.connection.id,
    account = run.connection.name, api_key = req.key, endpoint = req.path, prompt = prompt, completion = completion,
    status = status < 400 and "success" or "error", cost = catalogue.cost(run.provider, run.model, prompt, completion),
    ttft_ms = took, total_ms = took, request = json.encode(body), response = json.encode(answer),
  })
  logs.add(state.log, status < 400 and "info" or status < 500 and "warn" or "error",
    ("chat %s/%s by %s: %d, %d + %d tokens, %d ms"):format(run.provider, run.model, run.connection.name, status, prompt,
      completion, took))
end

-- The frames of a streamed answer: the proxy waits for the whole answer and then sends the content in one piece.
local function frames(state, answer)
  local choice = type(answer.choices) == "table" and answer.choices[1] or {}
  local text = type(choice.message) == "table" and choice.message.content
  local list = {}
  local function add(delta, finish)
    list[#list + 1] = { choices = json.array { { delta = delta, finish_reason = finish or json.null } } }
  end
  if type(text) == "string" and text ~= "" then
    local pieces = state.options.flavour == "m4" and "%s*%S+%s*" or ".+"
    for piece in text:gmatch(pieces) do add({ content = piece }) end
  end
  add(json.decode "{}", choice.finish_reason or "stop")
  list[#list].usage = answer.usage
  for i, frame in ipairs(list) do list[i] = json.encode(frame) end
  list[#list + 1] = "[DONE]"
  return list
end

local function run_chat(state, ctx, req, run, body)
  run.began = time.now()
  state.running[run] = true
  state.changed(false)
  local answering = state.options.forward and by_forwarding or by_rules
  local ok, status, answer, headers = pcall(answering, state, ctx, run, body)
  state.running[run] = nil
  if not ok then error(status, 0) end
  record(state, req, run, body, status, answer)
  state.changed(true)
  return status, answer, headers
end

--- POST /api/dashboard/chat/completions
function chat.complete(state, ctx, req)
  local body = json.decode(req.body)
  if type(body) ~= "table" or #body > 0 then return chat.error(400, "Invalid JSON body") end
  if type(body.model) ~= "string" or body.model == "" then return chat.error(400, "Missing model") end
  local run, status, message, headers = route(state, body.model)
  if not run then
    logs.add(state.log, "warn", ("chat %s: %d %s"):format(body.model, status, message))
    return chat.error(status, message, headers)
  end
  if catalogue.models[run.provider] and not state.options.forward and not has_model(run.provider, run.model) then
    return chat.error(404, ("The model '%s' does not exist at %s"):format(run.model, run.provider))
  end
  local answer
  status, answer, headers = run_chat(state, ctx, req, run, body)
  if body.stream ~= true or status >= 400 then return status, answer, headers end
  sse.send(req, frames(state, answer))
end

return chat
