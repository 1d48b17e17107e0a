-- Promise: carries out requests under the run's rules: one deadline, one retry policy, redirects that keep credentials
-- at home, proxies and certificates from the environment, no change in a preview, no secret in a log.
-- Every function returns a result, or nil and a failure; raising is the caller's choice.

local host = require "host"
local failure = require "failure"
local address = require "http.address"
local faults = require "http.faults"
local request = require "http.request"
local response = require "http.response"
local rules = require "http.rules"
local sse = require "http.sse"

local M = {}
M.__index = M

local MAX_REDIRECTS = 10
local MAX_BODY = 64 << 20
local ERROR_BODY = 1 << 20
local UNLIMITED_RUN = 60000     -- ms for a request, or for a stream's head, of a command without time limit

-- A setting in ms, from the global flags (ms) or the command's own flags (seconds).
local function milliseconds(run, name)
  return run.globals[name] or run.args[name] and math.floor(run.args[name] * 1000)
end

local function setting(run, name)
  if run.globals[name] ~= nil then return run.globals[name] end
  return run.args[name]
end

--- The client of a run: { contract, args, globals, ctx, suite, preview, fail, meta, remaining_ms, effect_begins }.
function M.new(run)
  local globals, contract = run.globals, run.contract
  local retry = contract.raw and contract.raw.retry or {}
  local direct = setting(run, "no_proxy") == true
  return setmetatable({
    run = run, contract = contract, retried = 0,
    max_retries = globals.retries or retry.max or 0,
    retry_delay_ms = globals.retry_delay or request.milliseconds(retry.delay) or 500,
    retries_fixed = globals.retries ~= nil,
    connect_ms = milliseconds(run, "connect_timeout") or contract.network and contract.network.connect_ms or 10000,
    proxy = { proxy = setting(run, "proxy"), no_proxy = direct, env = host.env },
    ca_file = rules.ca_file(host.env),
    logs = globals.debug or globals.trace,
    defaults = { agent = "toolhost/" .. host.version, idempotency_key = setting(run, "idempotency_key") },
  }, M)
end

-- The C module is loaded for the first request, not for a command that makes none.
function M:transport()
  if not self.http then
    local module, why = host.module("http")
    if not module then failure.raise("INTERNAL_ERROR", { message = "The HTTP module cannot be loaded: " .. why }) end
    self.http = module
  end
  return self.http
end

local function log(text) host.send("L", "debug", text) end

local function log_request(req)
  log("> " .. req.method .. " " .. address.shown(req.url))
  for _, field in ipairs(request.fields(req)) do
    local name = field[1]:lower()
    local hidden = rules.sensitive(name) or req.headers[name].secret
    log("> " .. field[1] .. ": " .. (hidden and "[REDACTED]" or field[2]))
  end
end

local function log_answer(raw, err)
  if not raw then return log("< " .. err.code .. ": " .. err.message) end
  log(("< %d (%d ms, HTTP/%s)"):format(raw.status, raw.time_ms or 0, raw.http or "1.1"))
  for _, field in ipairs(raw.headers) do
    log("< " .. field[1] .. ": " .. (rules.sensitive(field[1]) and "[REDACTED]" or field[2]))
  end
end

-- What a request leaves of the run's time, so that its failure is told with its network context before the run is cut
-- short (REQ-F-037).
local MARGIN = 50

-- The shorter of the request's own limit and what is left of the run. A command without limit has one for each request
-- all the same; nil, for none, only when the caller said `--timeout 0` (REQ-C-012).
local function limit(self, own)
  local left = self.run.remaining_ms()
  if left then
    left = left - math.min(MARGIN, left // 4)
    return math.max(1, own and math.min(own, left) or left)
  end
  return own or self.run.globals.timeout ~= 0 and UNLIMITED_RUN or nil
end

local LOOK, STEP, SILENCE = 500, 10, 10000      -- ms between looks, percents between lines, ms after which one comes anyway

-- Sends it and says how much of its body is out.
local function watched(self, out, label)
  local transfer <close>, fault = self:transport().start(out)
  if not transfer then return nil, fault end
  self.run.progress(label)
  local told, at = 0, host.mono()
  while true do
    local sent, all = transfer:wait(LOOK)
    if math.type(sent) ~= "integer" then return sent, all end
    local percent, now = all > 0 and sent * 100 // all or 0, host.mono()
    if percent >= told + STEP or percent > told and now - at >= SILENCE then
      self.run.progress(("%s: %d%%"):format(label, percent))
      told, at = percent, now
    end
  end
end

-- Tells the supervisor what the run waits for, should the deadline come before the transport's own (REQ-F-037).
local function announced(self, context, send)
  local run = self.run
  run.requests_out = (run.requests_out or 0) + 1
  host.send("I", (assert(host.json.encode(context))))
  local answer, fault = send()
  run.requests_out = run.requests_out - 1
  if run.requests_out == 0 then host.send("I", "") end
  return answer, fault
end

-- Hands a request to the transport: kind "request" or "stream", more: further options of the transport.
-- @return the transport's answer, nil, how it travelled; or nil, a fault, how
local function carry(self, kind, req, more)
  local proxy, total = rules.proxy(self.proxy, req.url), limit(self, req.timeout_ms)
  local out = {
    method = req.method, url = req.url, headers = request.fields(req), body = req.body, multipart = req.multipart,
    timeout_ms = total, max_bytes = req.max or MAX_BODY, proxy = proxy.url, ca_file = self.ca_file,
    fresh = req.again or not rules.idempotent(req.method),
  }
  if not total or self.connect_ms < total then out.connect_timeout_ms = self.connect_ms end
  for key, value in pairs(more or {}) do out[key] = value end
  local context = rules.network_context(req.url, nil, proxy, self.proxy.no_proxy, host.json.null)
  local answer, fault = announced(self, context, function()
    if req.progress and kind == "request" then return watched(self, out, req.progress) end
    return self:transport()[kind](out)
  end)
  if fault and fault.code == "CONNECT_TIMEOUT" and not out.connect_timeout_ms then fault.code = "TIMEOUT" end
  return answer, fault, { proxy = proxy, direct = self.proxy.no_proxy }
end

-- A preview reads only. While a credential is fetched, its own POST is allowed: it changes nothing that anyone keeps.
local function refuse_in_preview(self, req)
  if not self.run.preview or rules.reads(req.method) or self.authenticating then return nil end
  return failure.new("DRY_RUN_MUTATION", {
    message = "The preview tried to send " .. req.method .. " " .. address.shown(req.url) .. "; it was stopped.",
  })
end

-- A contract that names hosts is held to them; the kernel knows only their ports.
local function refuse_host(self, url)
  local hosts = self.contract.network and self.contract.network.hosts
  if not hosts then return nil end
  local at = address.parse(url)
  for _, text in ipairs(at and hosts or {}) do
    local host_name, port = require("confinement").host_of(self.run, text)
    local tail = host_name and host_name:match("^%*(%..*)$")
    local fits = host_name == at.host or tail and at.host:sub(-#tail) == tail
    if fits and (port == at.port or not port and (at.port == 443 or at.port == 80)) then return nil end
  end
  return failure.new("ACCESS_UNDECLARED", { context = { url = address.shown(url) },
    message = "The command did not declare that it talks to " .. address.shown(url) .. "." })
end

-- Tells the supervisor before a request, and the run after it, that the service may have changed something: a refusal
-- (4xx) changes nothing, nor does a request that was never sent.
local function tracked(self, send)
  return function(req)
    if rules.reads(req.method) or self.authenticating or req.harmless then return send(req) end
    host.send("X")
    local raw, err, how = send(req)
    if raw and (raw.status < 400 or raw.status >= 500) or err and err.sent then self.run.effect_begins() end
    return raw, err, how
  end
end

-- One request and the redirects it leads to. send(req) -> raw answer | nil, fault.
local function follow(self, req, send)
  for _ = 0, MAX_REDIRECTS do
    if self.logs then log_request(req) end
    local raw, err, net = send(req)
    if self.logs then log_answer(raw, err) end
    if not raw then return nil, err, net, req end
    local res = response.new(raw, req)
    local location = res.headers.location
    if not location or req.follow == false or not rules.redirects(res.status) then return res, nil, net, req end
    local next_req, why = request.redirect(req, res.status, location)
    if next_req and refuse_host(self, next_req.url) then
      next_req, why = nil, "it leads to a host that the command did not declare"
    end
    if not next_req then
      res.refused = why
      return res, nil, net, req
    end
    req = next_req
  end
  return nil, { code = "TOO_MANY_REDIRECTS" }, nil, req
end

-- How long to wait before repeating, or nil to leave it.
local function wait_before(self, req, n, max, res, err)
  if n >= max or not rules.may_retry(req.method, res and res.status, err) then return nil end
  local asked = res and res.retry_after
  local left = self.run.remaining_ms()
  if asked and left and asked >= left then return nil end
  return rules.backoff(n + 1, self.retry_delay_ms, asked)
end

local function max_retries(self, req)
  if self.retries_fixed then return self.max_retries end
  return req.retries or self.max_retries
end

-- Sends with redirects and repetitions. @return response, or nil and a failure; then how it travelled, and repetitions.
local function exchange(self, req, send)
  local refused = refuse_in_preview(self, req) or refuse_host(self, req.url)
  if refused then return nil, refused end
  local max, n = max_retries(self, req), 0
  send = tracked(self, send)
  while true do
    local res, err, net, last = follow(self, req, send)
    local wait = wait_before(self, last, n, max, res, err)
    if not wait then
      if res then return res, nil, net, n end
      if err.code == "TOO_MANY_REDIRECTS" then
        return nil, failure.new(err.code, { exit = "GENERAL_ERROR",
          message = ("%s redirects more than %d times."):format(address.shown(req.url), MAX_REDIRECTS) })
      end
      return nil, faults.transport(err, last, net, n, self.contract)
    end
    n, req.again = n + 1, true         -- on a connection of its own: the transport may not repeat it once more
    self.retried = self.retried + 1
    self.run.meta("retries", self.retried)
    if self.logs then log(("repeating in %d ms (%d of %d)"):format(wait, n, max)) end
    host.sleep(wait)
  end
end

--- The failure for an answer that is no success, or nil.
function M:judge(res, req, net, retries, errors)
  if res.refused then return faults.redirect(res, req, res.refused, net) end
  if res.status >= 200 and res.status < 300 or res.status == 304 then return nil end
  if res.status >= 300 and res.status < 400 then return nil end
  return faults.status(res, req, net, retries, errors, self.run)
end

local function whole(self, req, more)
  local res, err, net, n = exchange(self, req, function(each) return carry(self, "request", each, more) end)
  if not res then return nil, err end
  return res, nil, { req = req, net = net, retries = n }
end

--- Sends a request. @return response, nil, judge's arguments { req, net, retries }; or nil, failure.
function M:send(req)
  return whole(self, req)
end

--- Downloads to a file: whole or not at all. @return response without body, as send.
function M:download(req, path)
  if self.run.preview then
    return nil, failure.new("DRY_RUN_MUTATION", { message = "The preview tried to write " .. path .. "." })
  end
  return whole(self, req, { file = path, max_bytes = req.max or 0 })
end

-- Reads what a stream still has, for the text of an error.
local function drain(stream)
  local out, size = {}, 0
  repeat
    local bytes = stream:read()
    if bytes then
      out[#out + 1] = bytes
      size = size + #bytes
    end
  until not bytes or size > ERROR_BODY
  return table.concat(out)
end

--- Opens a stream. @return stream of the transport, nil, how, response (its body is read when it is no success);
-- or nil, failure
function M:stream(req)
  local stream
  local res, err, net, n = exchange(self, req, function(each)
    local opened, fault, how = carry(self, "stream", each, { idle_timeout_ms = req.idle_ms, max_bytes = 0 })
    if not opened then return nil, fault, how end
    local raw = opened:head()
    if raw.status >= 200 and raw.status < 300 then
      stream = opened
    else
      raw.body = drain(opened)
      opened:close()
    end
    return raw, nil, how
  end)
  if not res then return nil, err end
  return stream, nil, { req = req, net = net, retries = n }, res
end

-- The iterator of events: callable, with the last id, the server's retry time and, after the end, an error.
local Events = {}
Events.__index = Events

local LAZY_JSON = { __name = "event" }      -- ctx.emit knows events by it

function LAZY_JSON.__index(event, key)
  if key ~= "json" then return nil end
  local value, problem = host.json.decode(event.data)
  if value == nil then
    failure.raise("INVALID_RESPONSE", { exit = "GENERAL_ERROR",
      message = ("An event's data is not JSON: %s"):format(problem.message), context = { event = event.event } })
  end
  rawset(event, "json", value)
  return value
end

-- A stream that breaks is not one that ended.
local function broken(self, err)
  self.error = faults.transport(err, self.how.req, self.how.net, 0, self.contract)
  self:close()
  if self.raise then self.raise(self.error) end
end

-- Fills the queue; false at the end.
local function next_events(self)
  local bytes, err = self.stream:read()
  if err then return broken(self, err) end
  local events, why
  if bytes then events, why = self.parser:feed(bytes) else events = self.parser:finish() end
  if not events then return broken(self, { code = "RESPONSE_TOO_LARGE", message = why }) end
  self.queue, self.at = events, 1
  self.retry = self.parser.retry_ms
  if not bytes then self:close() end
end

-- run.more: further events are there already, so that what is shown of this one may wait for them.
function Events:__call()
  local at = self.at
  local event = self.queue[at]
  while not event do
    if self.closed then return nil end
    next_events(self)
    at = self.at
    event = self.queue[at]
  end
  self.at, self.last_id, self.run.more = at + 1, event.id, self.queue[at + 1] ~= nil
  return setmetatable(event, LAZY_JSON)
end

--- Ends the stream. Safe to repeat.
function Events:close()
  if self.closed then return end
  self.closed = true
  self.stream:close()
end
Events.__close = Events.close

--- Opens an event stream. raise(failure): what a break does, nil to end the loop and set .error.
-- @return iterator, nil, how, response; or nil, failure; no iterator when the status is no success
function M:events(req, raise)
  req.headers.accept = { "Accept", "text/event-stream" }
  req.headers["cache-control"] = req.headers["cache-control"] or { "Cache-Control", "no-store" }
  local stream, err, how, res = self:stream(req)
  if err then return nil, err end
  if not stream then return nil, nil, how, res end
  local kind = res.headers["content-type"] or ""
  if res.status ~= 204 and not kind:lower():find("^%s*text/event%-stream") then
    stream:close()
    return nil, failure.new("INVALID_RESPONSE", { exit = "GENERAL_ERROR",
      message = address.shown(res.url) .. " is not an event stream.", context = { content_type = kind } })
  end
  local events = { stream = stream, parser = sse.new(req.max), queue = {}, at = 1, how = how, raise = raise,
    contract = self.contract, run = self.run }
  return setmetatable(events, Events), nil, how, res
end

return M
