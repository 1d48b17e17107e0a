-- Promise: binds the client to a suite's service (authoring §2): base address, credential, error mapping, JSON by
-- default, and an optional gate before the first request. After a 401 a suite's token hook is asked once for another.

local host = require "host"
local failure = require "failure"
local address = require "http.address"
local client = require "http.client"
local request = require "http.request"

local M = {}
M.__index = M

local JSON = "application/json"

--- run: the door's run; core: the client.
function M.new(run, core)
  local self = { run = run, core = core, service = run.suite.service }
  local defaults = { accept = JSON }
  for key, value in pairs(core.defaults) do defaults[key] = value end
  self.defaults = defaults
  return {
    send = function(...) return M.send(self, ...) end,
    judge = function(res, how) return M.judge(self, res, how) end,
    ready = function() M.pass_gate(self) end,
  }
end

local function not_configured(contract)
  local declared = contract.errors.NOT_CONFIGURED or {}
  return failure.new("NOT_CONFIGURED", {
    exit = declared.exit or "PRECONDITION", fix = declared.fix or "Configure the address", hint = declared.hint,
    run = declared.run, message = declared.message or "The address of the service is not configured.",
  })
end

local function base(self)
  if not self.base then
    local run = self.run
    local url = self.service.url
    if type(url) == "function" then url = url(run.ctx, run.args) else url = run.args[url] end
    if not url or url == "" then run.fail(not_configured(run.contract)) end
    self.base = url
  end
  return self.base
end

-- Runs fn once for all tasks that want its result; the others wait for it.
local function once(self, name, fn)
  while self[name .. "_busy"] do host.sleep(2) end
  if self[name] == nil then
    self[name .. "_busy"] = true
    local ok, value = pcall(fn)
    self[name .. "_busy"] = false
    if not ok then error(value, 0) end
    self[name] = value == nil and false or value
  end
  return self[name]
end

-- The credential from the suite's hook, or from the secret parameter that it names. refused: the one that the service
-- did not accept; the hook then drops what it has kept.
local function fetch_token(self, refused)
  local hook, run = self.service.token, self.run
  if type(hook) ~= "function" then return run.args[hook] end
  local effect_begins = run.effect_begins
  self.core.authenticating = true
  run.effect_begins = function() end         -- a kept token is no effect of the command
  local ok, value = pcall(hook, run.ctx, run.input or run.args, refused)
  run.effect_begins = effect_begins
  self.core.authenticating = false
  if not ok then error(value, 0) end
  return value
end

local function token(self, refused)
  if not self.service.token then return nil end
  if refused and self.token == refused then self.token = nil end    -- else another task has renewed it
  return once(self, "token", function() return fetch_token(self, refused) end) or nil
end

-- The declared error of a probe that failed, with what the transport said or the status that came.
local function unready(self, code, res, err)
  local url = address.shown(base(self))
  local detail = res and "HTTP " .. res.status or err.cause or err.message
  local ok, failed = pcall(self.run.ctx.fail, code, { cause = detail, more = err and err.more,
    context = { url = url, detail = detail, status = res and res.status } })
  return not ok and failed or nil
end

--- The gate before the first request: the service is there, or the command ends.
function M.pass_gate(self)
  local probe = self.service.probe
  if not probe then return end
  once(self, "gate", function()
    local req = request.new("GET", address.join(base(self), probe.path), { timeout = probe.timeout }, self.defaults)
    local res, err, how = self.core:send(req)
    if probe.error and (err or res.status < 200 or res.status > 299) then err = unready(self, probe.error, res, err)
    elseif res and res.status >= 400 then err = M.judge(self, res, how) end
    if err then self.run.fail(err) end
    return true
  end)
end

-- The headers that the suite sends: a function gives those that go with a credential, a table names the parameter whose value
-- each header has.
local function suite_headers(self, credential)
  local declared, out = self.service.headers, {}
  if type(declared) == "function" then return credential ~= nil and declared(credential) or out end
  for name, parameter in pairs(declared) do out[name] = self.run.args[parameter] end
  return out
end

local function prepare(self, method, path, opts, bearer)
  local all = { timeout = self.service.timeout }
  for key, value in pairs(opts or {}) do all[key] = value end
  if all.bearer == nil and all.basic == nil then all.bearer = bearer end
  if self.service.headers then
    all.headers = require("tool.table").merge(suite_headers(self, all.bearer), all.headers or {})
  end
  return request.new(method, address.join(base(self), path), all, self.defaults)
end

-- The credential to try after a 401, or nil: the suite has another one than what was refused.
local function renewed(self, used, res)
  if not res or res.status ~= 401 or used == nil or type(self.service.token) ~= "function" then return nil end
  local other = token(self, used)
  return other ~= nil and host.reveal(other) ~= host.reveal(used) and other or nil
end

--- act(core, request, …) with the service's address and credential; once more with another credential after a 401.
function M.send(self, method, path, opts, act, ...)
  M.pass_gate(self)
  local own = opts and (opts.bearer ~= nil or opts.basic ~= nil)
  local used = not own and token(self) or nil
  local a, err, how, res = act(self.core, prepare(self, method, path, opts, used), ...)
  local other = renewed(self, used, res or act ~= client.events and a or nil)
  if not other then return a, err, how, res end
  return act(self.core, prepare(self, method, path, opts, other), ...)
end

function M.judge(self, res, how)
  return self.core:judge(res, how.req, how.net, how.retries, self.service.errors)
end

return M
