-- Promise: ctx.http and ctx.api, the only ways of a command to the network, unlocked by `network` (authoring §4).
--
-- ctx.http.get(url, opts) and its like return the response of a request that succeeded; a status from 400 ends the
-- command with the fitting error, as does a redirect to another host. One exception: a command that `deletes` sees a
-- 404, to answer with ctx.missing. Under .try every status is a response, and nil, err means that there was none.

local failure = require "failure"
local client = require "http.client"
local files = require "lazy" "doors.files"
local request = require "http.request"
local values = require "values"

local M = {}

local METHODS = { "get", "head", "post", "put", "patch", "delete" }

-- What a call does with the outcome: raising doors end the command, trying ones hand the failure over.
local function settle(run, try, value, err)
  if value ~= nil then return value end
  if try then return nil, err end
  run.fail(err)
end

-- The absolute path of a download, which the contract must let the command write.
local function writable(run, path)
  path = values.absolute(path, run.cwd)
  for _, base in ipairs(run.writable) do
    if path == base or base == "/" or path:sub(1, #base + 1) == base .. "/" then return path end
  end
  failure.raise("ACCESS_UNDECLARED", { message = "The command did not declare that it writes " .. path .. ".",
    context = { path = path } })
end

-- Parts of a body that are files: they are sent as they are read, and the contract must let the command read them.
local function with_files(run, opts)
  if not (opts and opts.multipart) then return opts end
  local out, parts, readable = {}, {}, files.rules(run).readable
  for key, value in pairs(opts) do out[key] = value end
  for name, part in pairs(opts.multipart) do
    if type(part) == "table" and part.path then
      local copy = {}
      for key, value in pairs(part) do copy[key] = value end
      copy.path, part = readable(part.path), copy
    end
    parts[name] = part
  end
  out.multipart = parts
  return out
end

--- The functions of one door. target(path, opts) -> url, defaults, errors; or nil, failure.
-- send(method, url, opts, act) -> what act(client, request) returns, under the door's own rules.
local function functions(run, try, door)
  local out = {}

  local function call(method, url, opts)
    local res, err, how = door.send(method, url, with_files(run, opts), client.send)
    if res and not try then err = door.judge(res, how) end
    if res and try then run.judges[res] = function() return door.judge(res, how) end end
    return settle(run, try, not err and res or nil, err)
  end

  for _, method in ipairs(METHODS) do
    out[method] = function(url, opts) return call(method, url, opts) end
  end

  function out.request(opts)
    return call(opts.method or "GET", opts.url or opts.path, opts)
  end

  function out.download(url, path, opts)
    path = writable(run, path)
    local res, err, how = door.send("GET", url, opts, client.download, path)
    if res then err = door.judge(res, how) end
    if err then return settle(run, try, nil, err) end
    return { status = res.status, headers = res.headers, path = path, bytes = res.bytes }
  end

  function out.events(url, opts)
    local events, err, how, res = door.send(opts and opts.method or "GET", url, opts, client.events,
      not try and run.fail or nil)
    if not events then
      return settle(run, try, nil, err or door.judge(res, how))
    end
    return events, nil, nil, events
  end

  return out
end

-- ctx.http: whole addresses.
local function http_door(run, core)
  local door = {}

  function door.send(method, url, opts, act, ...)
    return act(core, request.new(method, url, opts, core.defaults), ...)
  end

  function door.judge(res, how)
    if res.status == 404 and run.contract.deletes then return nil end
    return core:judge(res, how.req, how.net, how.retries)
  end

  return door
end

--- The two doors of a run; `api` only in a suite that has a service.
function M.open(run)
  local core = client.new(run)
  run.judges = setmetatable({}, { __mode = "k" })    -- response of a .try call -> the failure that it would have been
  local door = http_door(run, core)
  local http = functions(run, false, door)
  http.try = functions(run, true, door)
  if not (run.suite and run.suite.service) then return { http = http } end
  local service = require("http.service").new(run, core)
  local api = functions(run, false, service)
  api.try = functions(run, true, service)
  --- Ends the command unless the service is there (service.probe): before input is read or a question asked.
  api.ready = service.ready
  return { http = http, api = api }
end

return M
