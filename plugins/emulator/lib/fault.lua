-- Faults on request: what a service does wrong so that its clients can be tested.
-- Promise: a fault is one line of text; a text with a mistake is refused with the place of the mistake; which requests
-- it strikes is counted, so that a test sees the same every time (only `chance` is left to chance).
--
--   METHOD PATH=WORD…       the method or *, the path as a glob (* within a segment, ** across segments), then one
--                           kind, or none for the real answer, and options
--   429                     answers this status, in the service's own form of errors unless there is a body (bytes=HEX:
--                           one that is no text)
--   hang, reset, close      never goes on, or ends the connection, by a reset or in order: instead of the answer, with
--                           at=headers or at=body behind the head or in the middle of it, on a stream with events=N
--                           behind so many events
--   half                    announces the whole body, sends half of it and closes; on a stream half an event behind
--                           events=N (1)
--   slow                    sends rate=N bytes a second (1024)
--   split                   cuts the answer inside every character of more than one byte and waits pause=TIME (20ms)
--   every kind              delay=TIME before anything, ping=TIME between the pings of a stream
--   which requests          after=N lets N pass first, every=N strikes each N-th, times=N at most so often, chance=0.5
-- Of several faults the first one that strikes is taken; those behind it do not count the request.

local glob = require "tool.glob"
local json = require "tool.json"
local times = require "tool.time"

local fault = {}

-- Text to fault ------------------------------------------------------------------------------------------------------

local function count(low)
  return function(text)
    local n = text:find("^%d+$") and math.tointeger(tonumber(text))
    if not n or n < low then return nil, ("must be a whole number from %d"):format(low) end
    return n
  end
end

local function duration(text)
  local seconds = times.duration(text)
  if not seconds then return nil, "must be a duration such as 200ms or 2s" end
  return seconds
end

local function chance(text)
  local p = tonumber(text)
  if not p or p <= 0 or p > 1 then return nil, "must be a number above 0, at most 1" end
  return p
end

local function header(text, fault_headers)
  local name, value = text:match("^([%w!#$%%&'*+.^_`|~-]+): *(%C*)$")
  if not name then return nil, 'must be a header in quotes, as in "Location: /elsewhere"' end
  fault_headers[name:lower()] = value
  return fault_headers
end

local function text_value(text) return text end

local function hex_bytes(text)
  if #text % 2 == 1 or text:find("%X") then return nil, "must be pairs of hexadecimal digits, as in FFFE" end
  return (text:gsub("%x%x", function(pair) return string.char(tonumber(pair, 16)) end))
end

local function place(text)
  if text ~= "headers" and text ~= "body" then return nil, "must be headers or body" end
  return text
end

-- Each option: how its text is read, and the kinds that know it (all, if none is named).
local OPTIONS = {
  delay = { duration }, ping = { duration }, times = { count(1) }, after = { count(0) }, every = { count(1) },
  chance = { chance }, ["retry-after"] = { text_value, "status" }, body = { text_value, "status" },
  bytes = { hex_bytes, "status" }, header = { header, "status" }, at = { place, "hang reset close" },
  events = { count(0), "hang reset close half" }, rate = { count(1), "slow" }, pause = { duration, "split" },
}
local KINDS = { hang = true, reset = true, close = true, half = true, slow = true, split = true }
local KIND_LIST = "a status, hang, reset, close, half, slow or split"

local function knows(option, kind)
  return not option[2] or (" " .. option[2] .. " "):find(" " .. kind .. " ", 1, true) ~= nil
end

local function names_for(kind)
  local list = {}
  for name, option in pairs(OPTIONS) do
    if knows(option, kind) then list[#list + 1] = name end
  end
  table.sort(list)
  return table.concat(list, ", ")
end

-- The value that begins at `at`, bare or a JSON string, and the place behind it; or nil, place, what is wrong.
local function read_value(text, at)
  if text:sub(at, at) ~= '"' then
    local value, behind = text:match("^(%S+)()", at)
    if not value then return nil, at, "a value is missing" end
    return value, behind
  end
  local close = text:find('["\\]', at + 1)
  while close and text:sub(close, close) == "\\" do close = text:find('["\\]', close + 2) end
  local value = close and json.decode(text:sub(at, close))
  if not value then return nil, at, "the quoted value is not a JSON string" end
  return value, close + 1
end

local function read_kind(f, word, at)
  local status = word:find("^%d+$") and math.tointeger(tonumber(word))
  if f.kind then return at, ("%s: a fault has one kind, this one is %s"):format(word, f.word) end
  if status and (status < 200 or status > 599) then return at, "a status is 200 to 599" end
  if not status and not KINDS[word] then return at, ("%s is no kind of fault: %s"):format(word, KIND_LIST) end
  f.kind, f.word, f.status = status and "status" or word, word, status
end

-- Reads name=value; returns the place behind it, or nil, place, what is wrong.
local function read_option(f, text, name, at, value_at)
  if not OPTIONS[name] then
    return nil, at, ("%s is no option; there are %s"):format(name, names_for(f.kind or "pass"))
  end
  local value, behind, problem = read_value(text, value_at)
  if not value then return nil, behind, problem end
  local key = name:gsub("-", "_")
  if f[key] ~= nil and name ~= "header" then return nil, at, name .. " is given twice" end
  f[key], problem = OPTIONS[name][1](value, f[key] or {})
  if f[key] == nil then return nil, value_at, name .. " " .. problem end
  f.places[name] = at
  return behind
end

-- Reads the words from `at` on into f; nil when all is well, else place, what is wrong.
local function read_words(f, text, at)
  repeat
    local name, value_at = text:match("^([%l-]+)=()", at)
    local problem_at, problem
    if name then
      at, problem_at, problem = read_option(f, text, name, at, value_at)
    else
      local word, behind = text:match("^([^%s=]+)()", at)
      if not word then return at, "a kind or an option is missing" end
      problem_at, problem = read_kind(f, word, at)
      at = behind
    end
    if problem then return problem_at, problem end
    if at <= #text and not text:find("^%s", at) then return at, "a space is missing" end
    at = text:match("^%s*()", at)
  until at > #text
end

-- The first option that the kind does not know: place, what is wrong.
local function stray_option(f)
  local kind, first, what = f.kind or "pass", nil, nil
  for name, at in pairs(f.places) do
    if not knows(OPTIONS[name], kind) and (not first or at < first) then
      first, what = at, ("%s means nothing for %s; there are %s"):format(name, f.word or "the real answer",
        names_for(kind))
    end
  end
  return first, what
end

local function read(text)
  local method, path_at = text:match("^%s*(%u+) +()")
  if not method then method, path_at = text:match("^%s*(%*) +()") end
  if not method then return nil, 1, "a fault begins with a method in capitals or *" end
  local path, at = text:match("^(/[^%s=]*)()", path_at)
  if not path then path, at = text:match("^(%*%*?)()", path_at) end
  if not path then return nil, path_at, "the path begins with /" end
  if text:sub(at, at) ~= "=" then return nil, at, "= is missing behind the path" end
  local f = { text = text, method = method, path = path == "*" and "/**" or path, places = {} }
  at = at + 1
  local problem_at, problem = read_words(f, text, at)
  if not problem then problem_at, problem = stray_option(f) end
  if problem then return nil, problem_at, problem end
  f.seen, f.fired, f.kind = 0, 0, f.kind or "pass"
  return f
end

--- Reads one fault. @return the fault; or nil and a message that names the place of the mistake
function fault.parse(text)
  local f, at, problem = read(text)
  if f then return f end
  return nil, ("%s (at character %d of '%s')"):format(problem, at, text)
end

-- Which requests are struck -------------------------------------------------------------------------------------------

-- Counts a request that f means; is it struck?
local function strikes(f)
  f.seen = f.seen + 1
  local n = f.seen - (f.after or 0)
  if n < 1 or n % (f.every or 1) ~= 0 or f.times and f.fired >= f.times then return false end
  if f.chance and math.random() >= f.chance then return false end
  f.fired = f.fired + 1
  return true
end

local function pick(list, req)
  for _, f in ipairs(list) do
    if (f.method == "*" or f.method == req.method) and glob.match(f.path, req.path) and strikes(f) then return f end
  end
end

-- What a struck request gets ------------------------------------------------------------------------------------------

-- Sends a whole answer through the request's own write, piece by piece if that is what it does.
local function send(req, answer)
  local body = answer.body or ""
  if req.start(answer.status, answer.headers, #body) and req.write(body) then req.finish() end
end

-- Lets the write of a request cut what it sends: cut(bytes) gives the pieces, each followed by a wait of `seconds`.
local function write_pieces(req, ctx, cut, seconds)
  local write = req.write
  req.write = function(bytes)
    for _, piece in ipairs(cut(bytes)) do
      local ok, err = write(piece)
      if not ok then return nil, err end
      ctx.sleep(seconds)
    end
    return true
  end
end

local function has_event(text, delimiter)
  if delimiter == "\n" then return text ~= "" end
  return text:find("^data:") ~= nil or text:find("\ndata:", 1, true) ~= nil
end

-- Behind `limit` events of a stream each write goes to ending(bytes, is_event), first with what follows the last event
-- in the same write. An event is a frame with data, in other streams a line.
local function after_events(req, limit, ending)
  local start, write = req.start, req.write
  local delimiter, seen, pending = "\n", 0, ""

  local function take(bytes)
    pending = pending .. bytes
    local at = 1
    while seen < limit do
      local _, stop = pending:find(delimiter, at, true)
      if not stop then break end
      if has_event(pending:sub(at, stop), delimiter) then seen = seen + 1 end
      at = stop + 1
    end
    pending = pending:sub(at)
    return seen < limit and bytes or bytes:sub(1, #bytes - #pending)
  end

  function req.start(status, headers, length)
    if (headers and headers["Content-Type"] or ""):find("^text/event%-stream") then delimiter = "\n\n" end
    local ok, err = start(status, headers, length)
    if ok and limit == 0 then ending("", false) end
    return ok, err
  end

  function req.write(bytes)
    if seen >= limit then return ending(bytes, has_event(bytes, delimiter), write) end
    local ok, err = write(take(bytes))
    if not ok or seen < limit then return ok, err end
    return ending(pending, has_event(pending, delimiter), write)
  end
end

local CODES = {
  [400] = "BAD_REQUEST", [401] = "UNAUTHENTICATED", [403] = "PERMISSION_DENIED", [404] = "NOT_FOUND",
  [409] = "CONFLICT", [429] = "RATE_LIMITED", [500] = "INTERNAL_ERROR", [502] = "BAD_GATEWAY",
  [503] = "UNAVAILABLE", [504] = "GATEWAY_TIMEOUT",
}

local kinds = {}

function kinds.status(f, req)
  local headers = {}
  for name, value in pairs(f.header or {}) do headers[name] = value end
  headers["retry-after"] = f.retry_after or headers["retry-after"]
  local body = f.body or f.bytes
  if body or f.status < 400 then
    body = body or ""
    headers["content-type"] = headers["content-type"] or json.decode(body) ~= nil and "application/json" or
      "text/plain; charset=utf-8"
    return { status = f.status, headers = headers, body = body }
  end
  req.refuse(f.status, CODES[f.status] or "FAULT", ("This is a fault on request: %d."):format(f.status), nil, headers)
end

-- What a write says when the fault has ended the answer.
local ENDED = { code = "CLIENT_LEFT", message = "the answer ended on request" }

-- Does `ending` instead of the answer, or at the place in it that the fault names.
local function end_at(f, req, respond, ending)
  if not f.events and not f.at then return ending() end
  local start, write = req.start, req.write
  after_events(req, f.events or f.at == "body" and 1 or 0, function()
    ending()
    return nil, ENDED
  end)
  local answer = respond()
  if answer and f.at then
    local body = answer.body or ""
    start(answer.status, answer.headers, math.max(1, #body))
    if f.at == "body" then write(body:sub(1, #body // 2)) end
  end
  ending()
end

function kinds.hang(f, req, _, respond)
  end_at(f, req, respond, function()
    repeat local state = req.wait() until state == nil
  end)
end

function kinds.reset(f, req, _, respond) end_at(f, req, respond, function() req.cut(true) end) end
function kinds.close(f, req, _, respond) end_at(f, req, respond, function() req.cut(false) end) end

function kinds.half(f, req, _, respond)
  local start, write = req.start, req.write
  after_events(req, f.events or 1, function(bytes, is_event)
    if not is_event then return write(bytes) end
    write(bytes:sub(1, #bytes // 2))
    req.cut()
    return nil, ENDED
  end)
  local answer = respond()
  if not answer then return end
  local body = answer.body or ""
  start(answer.status, answer.headers, math.max(1, #body))
  write(body:sub(1, #body // 2))
  req.finish()
end

function kinds.slow(f, req, ctx, respond)
  local rate = f.rate or 1024
  local size = math.max(1, rate // 20)
  write_pieces(req, ctx, function(bytes)
    local out = {}
    for i = 1, #bytes, size do out[#out + 1] = bytes:sub(i, i + size - 1) end
    return out
  end, size / rate)
  local answer = respond()
  if answer then send(req, answer) end
end

function kinds.split(f, req, ctx, respond)
  write_pieces(req, ctx, function(bytes)
    local out, at = {}, 1
    for behind in bytes:gmatch("[\xC2-\xF4]()[\x80-\xBF]") do
      out[#out + 1], at = bytes:sub(at, behind - 1), behind
    end
    out[#out + 1] = bytes:sub(at)
    return out
  end, f.pause or 0.02)
  local answer = respond()
  if answer then send(req, answer) end
end

function kinds.pass(_, _, _, respond) return respond() end

-- The set of a server ------------------------------------------------------------------------------------------------

local Faults = {}
Faults.__index = Faults

--- An empty set of faults.
function fault.set() return setmetatable({ list = {} }, Faults) end

--- Adds the faults of these texts, all or none. @return true; or nil and { { field, message } }
function Faults:add(texts)
  local list, problems = {}, {}
  for i, text in ipairs(texts) do
    local f, problem = fault.parse(text)
    list[i] = f
    if not f then problems[#problems + 1] = { field = ("faults[%d]"):format(i - 1), message = problem } end
  end
  if #problems > 0 then return nil, problems end
  table.move(list, 1, #list, #self.list + 1, self.list)
  return true
end

--- What became of each: { fault, seen, fired }.
function Faults:report()
  local out = json.array {}
  for i, f in ipairs(self.list) do out[i] = { fault = f.text, seen = f.seen, fired = f.fired } end
  return out
end

--- For `around` of ctx.serve.
function Faults:around(req, ctx, respond)
  local f = pick(self.list, req)
  if not f then return respond() end
  req.ping = f.ping
  if f.delay then ctx.sleep(f.delay) end
  return kinds[f.kind](f, req, ctx, respond)
end

return fault
