-- What every emulated service has in front of it: faults on request, and routes under /__emulator/ to look at the
-- emulator and to change the faults while it runs.
-- Promise: those routes answer callers on this machine only, need no login, and no fault strikes them; the service's
-- own routes never see that they exist.

local fault = require "lib.fault"

local front = {}

local PREFIX = "/__emulator/"

local function is_own(path) return path:sub(1, #PREFIX) == PREFIX end

local function is_local(address)
  return address:find("^127%.") or address == "::1" or address:find("^::ffff:127%.")
end

local function own_routes(self)
  local form = { faults = { "array", items = "string" } }

  local function listed() return 200, { faults = self.faults:report() } end

  -- Adds the faults of a request to a set, all or none.
  local function add(req, set)
    local ok, problems = set:add(req.json.faults)
    if not ok then req.refuse(400, "VALIDATION_ERROR", "A fault has a mistake; nothing was changed.", problems) end
    self.faults = set
    return listed()
  end

  return {
    ["GET " .. PREFIX .. "state"] = { run = function()
      return 200, { service = self.service.name, requests = self.requests, running = self.running,
        connections = self.server.connections, faults = self.faults:report() }
    end },
    ["GET " .. PREFIX .. "faults"] = { run = listed },
    ["POST " .. PREFIX .. "faults"] = { input = form, run = function(req) return add(req, self.faults) end },
    ["PUT " .. PREFIX .. "faults"] = { input = form, run = function(req) return add(req, fault.set()) end },
    ["DELETE " .. PREFIX .. "faults"] = { run = function()
      self.faults = fault.set()
      return listed()
    end },
  }
end

-- Ahead of every route: the service's own check, or that of the routes here.
local function before(self)
  local check = self.service.before and self.service.before(self.state)
  return function(req, ctx)
    if not is_own(req.path) then
      if check then return check(req, ctx) end
    elseif not is_local(req.remote) then
      req.refuse(403, "PERMISSION_DENIED", "Only callers on this machine may do that.")
    end
  end
end

local function around(self)
  return function(req, ctx, respond)
    if is_own(req.path) then return respond() end
    self.requests, self.running = self.requests + 1, self.running + 1
    local _ <close> = setmetatable({}, { __close = function() self.running = self.running - 1 end })
    return self.faults:around(req, ctx, respond)
  end
end

local function on_error(service)
  return service.on_error and function(problem, req)
    if not is_own(req.path) then return service.on_error(problem, req) end
    return { code = problem.code, message = problem.message, details = problem.details }
  end
end

--- What ctx.serve needs for a service and its state, but the address; `listening` is to be told the server.
-- faults: array of texts, which parse.
function front.spec(service, state, faults)
  local self = { service = service, state = state, faults = fault.set(), requests = 0, running = 0 }
  assert(self.faults:add(faults))
  local routes = service.routes(state)
  for key, route in pairs(own_routes(self)) do routes[key] = route end
  return {
    routes = routes, before = before(self), around = around(self), on_error = on_error(service),
    max_body = service.max_body and service.max_body(state),
    after = function(req, status)
      state.ctx.log("debug", ("%s %s %s"):format(req.method, req.path, status or "stream"))
    end,
    listening = function(server) self.server = server end,
  }
end

return front
