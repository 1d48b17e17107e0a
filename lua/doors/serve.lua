--- ctx.serve: an HTTP server whose routes are Lua tables, unlocked by `serves`.
-- Promise: a route sees only requests that fit its declaration; every request is answered, in the API's own error form;
-- the server ends with the run.
--
--   ctx.serve{ routes = {…}, host = "127.0.0.1", port = 0, max_body = bytes, limits = { header_timeout_ms, … },
--              before = function(req, ctx), after = function(req, status), on_error = function(problem, req),
--              around = function(req, ctx, respond), on_listen = function(url, server) }
--   routes["POST /agents/{id}"] = { run = function(req, ctx) … return status, body, headers end,
--                                   input = form of the JSON body, query = form of the query (serve/input.lua), … }
--   before runs ahead of the route; what it returns, if anything, is the answer (status, body, headers).
--   around runs ahead of everything else, for every request, also one that fits no route; respond() gives the answer
--     { status, headers, body }, or nil when it was a stream. What around returns is sent.
--   after sees every request with the status of its answer (nil for a stream).
--   on_error{ status, code, message, details, headers } -> body, headers: the API's form of the errors that the
--     door finds (NOT_FOUND, METHOD_NOT_ALLOWED, VALIDATION_ERROR, UNSUPPORTED_MEDIA_TYPE, INTERNAL_ERROR) and of
--     req.refuse; a body that is a string is sent as it is.
--   A body that is a table is sent as JSON, a string as it is; no body and no status is 204.
--   req: method, path, params, query (name -> value), headers, body, json (with `input`), form (urlencoded bodies;
--        form_repeated names a field that came twice), multipart (multipart/form-data: an array of { name, filename,
--        type, bytes } and the first part of each name under its name; false for a body that is none, and then
--        multipart_problem says why), authorization { bearer | user, password }, remote, time_ms,
--        route, refuse(status, code, message, details, headers), which never returns,
--        and for streams start(status, headers[, length]), write(bytes), finish(), gone(), and
--        wait(ms): nothing to do until another task calls wake() (true), the time is over (false) or the client
--        leaves (nil, err). cut(reset) ends the connection in the middle.
-- ctx.serve blocks until the run is interrupted: then answers that are complete still reach their readers, others are
-- cut. ctx.random(n) gives n random bytes.

local failure = require "failure"
local host = require "host"
local input = require "serve.input"
local router = require "serve.router"

local serve = {}

local EXITS = { ADDRESS_INVALID = "ARG_ERROR", ADDRESS_IN_USE = "CONFLICT", PERMISSION_DENIED = "PERMISSION_DENIED" }

local GRACE_MS = 500 -- for answers that are still being read when the run ends

-- What req.refuse raises; its address marks it.
local REFUSED = {}

local function default_error(problem)
  return { code = problem.code, message = problem.message, details = problem.details }
end

local function send_json(status, body, headers)
  local out = { ["Content-Type"] = "application/json" }
  for name, value in pairs(headers or {}) do out[name] = value end
  local text, message = host.json.encode(body, { raw = true })
  if not text then error(message, 0) end
  return { status = status, headers = out, body = text }
end

-- The module's answer for what a route returned.
local function answer_of(status, body, headers)
  if type(status) == "table" then status, body, headers = 200, status, body end
  if body == nil then return { status = status or 204, headers = headers } end
  if type(body) == "table" then return send_json(status, body, headers) end
  return { status = status, headers = headers, body = body }
end

-- An error in the API's own form.
local function error_answer(spec, problem, req)
  local body, headers = (spec.on_error or default_error)(problem, req)
  local out = {}
  for name, value in pairs(headers or {}) do out[name] = value end
  for name, value in pairs(problem.headers or {}) do out[name] = value end
  if type(body) == "string" then return { status = problem.status, headers = out, body = body } end
  return send_json(problem.status, body, out)
end

local function refuse(status, code, message, details, headers)
  error({ [REFUSED] = true, status = status, code = code, message = message, details = details, headers = headers }, 0)
end

-- Media type without parameters, lower case.
local function media_type(request)
  return (request.headers["content-type"] or ""):match("^[^;%s]*"):lower()
end

-- The credentials of the Authorization header (RFC 7617, RFC 6750), or an empty table.
local function authorization(request)
  local scheme, text = (request.headers.authorization or ""):match("^(%a+) +(%S+)$")
  scheme = scheme and scheme:lower()
  if scheme == "bearer" then return { bearer = text } end
  local user, password = (scheme == "basic" and host.hash.unbase64(text) or ""):match("^([^:]*):(.*)$")
  return { user = user, password = password }
end

-- A form with files may be large: it is taken apart when a handler looks at it.
local LAZY = { __index = function(req, name)
  if name ~= "multipart" or media_type(req) ~= "multipart/form-data" then return nil end
  local parts, problem = require("serve.multipart").parse(req.body, req.headers["content-type"])
  rawset(req, "multipart_problem", problem)
  rawset(req, "multipart", parts or false)
  return req.multipart
end }

local function new_request(request)
  local query = router.fields(request.query)
  local req
  req = {
    method = request.method, path = request.path, headers = request.headers, body = request.body,
    remote = request.remote, time_ms = host.time(), refuse = refuse, authorization = authorization(request),
    start = function(...)
      req.streaming = true
      return request:start(...)
    end,
    query = query or {}, bad_query = query == nil,
  }
  for _, name in ipairs { "write", "finish", "gone", "wait", "wake", "cut" } do
    req[name] = function(...) return request[name](request, ...) end
  end
  if media_type(request) == "application/x-www-form-urlencoded" then
    req.form, req.form_repeated = router.fields(request.body)
  end
  return setmetatable(req, LAZY)
end

local function read_json(req)
  local kind = media_type(req)
  if req.body ~= "" and kind ~= "application/json" and not kind:find("^application/.*%+json$") then
    refuse(415, "UNSUPPORTED_MEDIA_TYPE", "The body must be application/json.")
  end
  local value, err = host.json.decode(req.body, { max_depth = 64 })
  if value == nil then
    refuse(400, "VALIDATION_ERROR", "The body is not valid JSON.", { { field = "", message = failure.place(err) } })
  end
  return value
end

local function check(form, values, text)
  local result, problems = input.check(form, values, text)
  if not result then refuse(400, "VALIDATION_ERROR", "The request does not fit this route.", problems) end
  return result
end

local function find_route(match, req)
  local route, params = match(req.method, req.path)
  if route then
    req.route, req.params = route, params
  elseif params then
    refuse(405, "METHOD_NOT_ALLOWED", ("%s is not allowed here."):format(req.method), nil, { Allow = params })
  else
    refuse(404, "NOT_FOUND", ("There is no %s."):format(req.path))
  end
end

-- Finds and runs the route; returns its answer, nil for a stream.
local function run_route(spec, match, req, ctx)
  find_route(match, req)
  local status, body, headers
  if spec.before then status, body, headers = spec.before(req, ctx) end
  if status == nil then
    if req.bad_query then refuse(400, "VALIDATION_ERROR", "The query has a broken percent-encoding.") end
    local route = req.route
    if route.query then req.query = check(route.query, req.query, true) end
    if route.input then req.json = check(route.input, read_json(req)) end
    status, body, headers = route.run(req, ctx)
  end
  if not req.streaming then return answer_of(status, body, headers) end
end

local function on_failure(err)
  if type(err) == "table" and err[REFUSED] then return err end
  local text = type(err) == "table" and (err.message or err.code) or tostring(err)
  return { [REFUSED] = false, text = host.traceback(text, 2) }
end

-- The answer that fn(…) returns, or the API's form of its failure.
local function protected(spec, req, fn, ...)
  local ok, answer = xpcall(fn, on_failure, ...)
  if ok then return answer end
  local err = answer
  if req.streaming then error(err.text or err.message, 0) end -- the module cuts the stream
  if err[REFUSED] then return error_answer(spec, err, req) end
  host.send("L", "error", ("%s %s: %s"):format(req.method, req.path, err.text))
  return error_answer(spec, { status = 500, code = "INTERNAL_ERROR", message = "The server failed to answer." }, req)
end

local function handle(spec, match, ctx, req)
  local function respond() return protected(spec, req, run_route, spec, match, req, ctx) end
  if not spec.around then return respond() end
  return protected(spec, req, spec.around, req, ctx, respond)
end

local function listen(run, spec)
  local module, message = host.module "server"
  if not module then
    local text = "The server module is not installed: " .. tostring(message)
    run.fail(failure.new("MODULE_MISSING", { exit = "PRECONDITION", message = text }))
  end
  local options = { host = spec.host, port = spec.port, max_body = spec.max_body }
  for name, value in pairs(spec.limits or {}) do options[name] = value end
  local match = router.compile(spec.routes)
  options.handler = function(request)
    local req = new_request(request)
    local answer = handle(spec, match, run.ctx, req)
    if spec.after then spec.after(req, answer and answer.status) end
    return answer
  end
  local server, err = module.listen(options)
  if not server then
    run.fail(failure.new(err.code, { message = err.message, exit = EXITS[err.code] or "GENERAL_ERROR" }))
  end
  return server
end

function serve.open(run)
  return {
    serve = function(spec)
      if type(spec) ~= "table" or type(spec.routes) ~= "table" then
        error("ctx.serve needs { routes = { … } }", 2)
      end
      local server <close> = listen(run, spec)
      run.ctx.hold(server, function(s) s:close(GRACE_MS) end)
      if spec.on_listen then spec.on_listen(server.url, server) end
      server:wait()
    end,
    random = host.hash.random,
  }
end

return serve
