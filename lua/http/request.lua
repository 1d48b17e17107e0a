-- Promise: turns what an author passes to ctx.http into the exact request: address, header fields, body, limits.
-- Here, and nowhere else, are the bytes of a secret taken out: for json, form, headers, bearer and basic.

local host = require "host"
local address = require "http.address"
local rules = require "http.rules"
local units = require "units"

local M = {}

local KNOWN = {
  query = true, json = true, form = true, body = true, multipart = true, headers = true, bearer = true, basic = true,
  timeout = true, retries = true, follow = true, max = true, method = true, url = true, path = true, idle = true,
  effect = true, progress = true,
}

local function check_options(opts)
  for key in pairs(opts) do
    if not KNOWN[key] then error("unknown request option '" .. tostring(key) .. "'", 0) end
  end
end

--- Milliseconds of a duration as authors write it ("1s", or a number of seconds); nil stays nil.
function M.milliseconds(value)
  if value == nil then return nil end
  local seconds, ms = units.duration(value)
  if not seconds then error("a duration " .. ms, 0) end
  return math.tointeger(ms) or math.floor(tonumber(ms))
end

-- The bytes of a text, a number, a boolean or a secret.
local function reveal(value, what)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "number" or kind == "boolean" then return tostring(value) end
  if host.is_secret(value) then return host.reveal(value) end
  error(what .. " must be text, a number or a secret", 0)
end

-- An address ends up in logs on both sides: no secret goes into it.
local function plain(value, name)
  if value == host.json.null then return value end
  if host.is_secret(value) then error("a secret cannot go into the query (" .. tostring(name) .. ")", 0) end
  return reveal(value, "a query value")
end

local function form_text(value)
  return value == host.json.null and value or reveal(value, "a form value")
end

local function set(headers, name, value, secret)
  headers[name:lower()] = { name, value, secret = secret }
end

local function credentials(opts, headers)
  if opts.bearer then            -- false: no credential, not even the service's
    set(headers, "Authorization", "Bearer " .. reveal(opts.bearer, "bearer"), true)
  end
  local basic = opts.basic
  if basic == nil then return end
  if type(basic) == "table" then
    basic = reveal(basic[1] or basic.user or "", "basic") .. ":" .. reveal(basic[2] or basic.password or "", "basic")
  else
    basic = reveal(basic, "basic")
  end
  set(headers, "Authorization", "Basic " .. host.hash.base64(basic), true)
end

local function take_headers(opts, headers)
  for name, value in pairs(opts.headers or {}) do
    if value == false then headers[name:lower()] = nil
    else set(headers, name, reveal(value, "a header value"), host.is_secret(value)) end
  end
end

local function has_secret(value)
  if type(value) ~= "table" then return host.is_secret(value) end
  for _, each in pairs(value) do
    if has_secret(each) then return true end
  end
  return false
end

local function parts(list)
  local out = {}
  for name, value in pairs(list) do
    if type(value) ~= "table" then value = { name = name, data = value }
    elseif type(name) == "string" then value = { name = name, data = value.data, path = value.path,
      filename = value.filename, type = value.type } end
    out[#out + 1] = { name = value.name, data = not value.path and reveal(value.data or "", "a part") or nil,
      file = value.path, filename = value.filename, type = value.type }
  end
  table.sort(out, function(a, b) return a.name < b.name end)
  return out
end

-- Sets body (or multipart) and its content type.
local function body(opts, req)
  local given = 0
  for _, key in ipairs { "json", "form", "body", "multipart" } do
    if opts[key] ~= nil then
      given = given + 1
      req.body_secret = has_secret(opts[key])
    end
  end
  if given > 1 then error("json, form, body and multipart exclude each other", 0) end
  if opts.json ~= nil then
    req.body = host.json.encode(opts.json, { raw = true })
    set(req.headers, "Content-Type", "application/json")
  elseif opts.form ~= nil then
    req.body = address.pairs(opts.form, form_text)
    set(req.headers, "Content-Type", "application/x-www-form-urlencoded")
  elseif opts.multipart ~= nil then
    req.multipart = parts(opts.multipart)
  elseif opts.body ~= nil then
    req.body = reveal(opts.body, "body")
  end
end

-- Credentials in an address become a header, so that they are seen by nobody else.
local function take_userinfo(req)
  local at = address.parse(req.url)
  if not at or not at.userinfo then return end
  local user, password = at.userinfo:match("^([^:]*):?(.*)$")
  local function decode(text) return (text:gsub("%%(%x%x)", function(x) return string.char(tonumber(x, 16)) end)) end
  set(req.headers, "Authorization", "Basic " .. host.hash.base64(decode(user) .. ":" .. decode(password)), true)
  req.url = address.build(at)
end

--- A request from an author's call. defaults: { agent, accept, idempotency_key }.
-- @return { method, url, headers = lower name -> { name, value, secret }, body, body_secret, multipart, timeout_ms,
--   idle_ms, retries, follow, max, harmless, progress }; harmless: it changes nothing that anyone keeps (`effect = false`)
function M.new(method, url, opts, defaults)
  opts = opts or {}
  check_options(opts)
  if type(url) ~= "string" then error("the address must be text", 0) end
  if opts.progress ~= nil and type(opts.progress) ~= "string" then error("progress must be text", 0) end
  local req = { method = (method or "GET"):upper(), url = url, headers = {}, follow = opts.follow,
    retries = opts.retries, max = opts.max and units.size(opts.max), timeout_ms = M.milliseconds(opts.timeout),
    idle_ms = M.milliseconds(opts.idle), harmless = opts.effect == false,
    progress = opts.progress }
  set(req.headers, "User-Agent", defaults.agent)
  set(req.headers, "Accept", defaults.accept or "*/*")
  if opts.query then req.url = address.add_query(req.url, address.pairs(opts.query, plain)) end
  body(opts, req)
  if defaults.idempotency_key and not rules.reads(req.method) then
    set(req.headers, "Idempotency-Key", defaults.idempotency_key)
  end
  take_userinfo(req)
  take_headers(opts, req.headers)
  credentials(opts, req.headers)
  return req
end

--- The header fields as the transport takes them, sorted by name.
function M.fields(req)
  local names, out = {}, {}
  for name in pairs(req.headers) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do out[i] = { req.headers[name][1], req.headers[name][2] } end
  return out
end

--- The request that a redirect asks for, or nil and why it is refused: the host changes, or a secret would leave it.
function M.redirect(req, status, location)
  local to = address.resolve(req.url, location)
  if not to or not address.parse(to) then return nil, "it leads to no web address" end
  local same = address.same_host(req.url, to)
  if not same and req.follow ~= "any" then return nil, "it leads to another host" end
  local method, keeps_body = rules.redirected(req.method, status)
  if not same and keeps_body and req.body_secret then return nil, "it would take a secret to another host" end
  local next_req = {}
  for key, value in pairs(req) do next_req[key] = value end
  next_req.method, next_req.url, next_req.headers = method, to, {}
  if not keeps_body then next_req.body, next_req.multipart, next_req.body_secret = nil, nil, nil end
  for name, field in pairs(req.headers) do
    local leaves = same or not (field.secret or rules.sensitive(name))
    if leaves and (keeps_body or not name:find("^content%-")) then next_req.headers[name] = field end
  end
  return next_req
end

return M
