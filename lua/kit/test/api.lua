--- `t`: what a test function has, and what declarative cases are made of.
-- Promise: every run is a process of its own in an empty home and an empty directory, which go with the test; what a run
-- answers is judged before the test sees it.
--
--   t.run(arguments, { env, stdin, timeout }) -> { exit, stdout, stderr, envelope, data, error, warnings, rows, ms }
--   t.server(routes) -> { url, requests }            see kit.test.stub; t.closed() an address where nobody listens
--   t.file(path, text)   t.read(path) -> text|nil    t.dir
--   t.equal(want, got, text)   t.like(want, got, text): fields that want does not name may be there
--   t.truth(value, text)   t.find(text, part)   t.fail(text)

local again = require "kit.again"
local failure = require "failure"
local host = require "host"
local judge = require "kit.test.judge"
local match = require "kit.test.match"
local stub = require "kit.test.stub"
local units = require "units"

local api = {}

local RUN_MS = 60000
local SHOWN = 1500

--- Words of a command line: blanks part, quotes hold together, a backslash takes the next byte as it is.
function api.words(line)
  local words, word, quote, at = {}, nil, nil, 1
  while at <= #line do
    local c = line:sub(at, at)
    if quote then
      if c == quote then quote = nil else word = word .. c end
    elseif c == "'" or c == '"' then
      quote, word = c, word or ""
    elseif c == "\\" then
      at = at + 1
      word = (word or "") .. line:sub(at, at)
    elseif c:find("%s") then
      words[#words + 1], word = word, nil
    else
      word = (word or "") .. c
    end
    at = at + 1
  end
  if quote then error("the command line ends inside quotes: " .. line, 0) end
  words[#words + 1] = word
  return words
end

-- {server} and {dir} in a text.
local function filled(t, text)
  return (tostring(text):gsub("{(%l+)}", { server = t.url, dir = t.dir }))
end

local KEPT = { "PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS" } -- of the caller's environment

local function environment(t, more)
  local env = { HOME = t.base .. "/home", TMPDIR = t.base .. "/tmp", LANG = "C.UTF-8", PWD = t.dir }
  for _, name in ipairs(KEPT) do env[name] = host.env(name) end
  for name, value in pairs(t.place.env) do env[name] = value end
  for name, value in pairs(more or {}) do
    if value == false then env[name] = nil else env[name] = filled(t, value) end
  end
  return env
end

local function about(r)
  local function cut(text) return #text <= SHOWN and text or text:sub(1, SHOWN) .. "…" end
  return ("\n  command: tool %s\n  exit:    %s\n  stdout:  %s\n  stderr:  %s"):format(table.concat(r.argv, " "),
    r.exit, cut(r.stdout), cut(r.stderr))
end
api.about = about

local function wants_text(argv, opts)
  if opts.env and opts.env.TOOL_OUTPUT then return true end
  for _, word in ipairs(argv) do
    if word == "--" then break end
    if word:find("^%-%-output") and word ~= "--output=json" or word == "--stream" or word:find("^%-%-version$")
      or word == "-V" then return true end
  end
  return false
end

-- Rows and the envelope of what was written, line by line.
local function read_lines(r)
  for line in r.stdout:gmatch("[^\n]+") do
    local value = line:find('^[{%[]') and host.json.decode(line)
    if type(value) == "table" and value.ok ~= nil and value.meta ~= nil then
      r.envelope = value
    elseif value ~= nil and value ~= false then
      r.rows[#r.rows + 1] = value
    end
  end
end

local function take(t, r, opts)
  r.rows = {}
  read_lines(r)
  local e = r.envelope
  t.runs = t.runs + 1
  if e then
    local problem = judge.envelope(e, r.exit, r.argv, t.contracts)
    if problem then error(problem .. about(r), 3) end
    r.data, r.warnings = e.data, e.warnings
    r.error = e.error ~= host.json.null and e.error or nil
    t.seen(e)
  elseif not wants_text(r.argv, opts) and not (r.stdout == "" and r.exit == 0) then
    error("stdout is not one envelope" .. about(r), 3)
  end
  return r
end

local function add_run(t, run)
  function t.run(arguments, opts)
    opts = opts or {}
    local argv = type(arguments) == "string" and api.words(arguments) or { table.unpack(arguments) }
    if argv[1] == "tool" then table.remove(argv, 1) end
    for i, word in ipairs(argv) do argv[i] = filled(t, word) end
    local _, limit = units.duration(opts.timeout or "60s")
    local began = host.mono()
    local ok, result = pcall(again, run, argv, environment(t, opts.env),
      { cwd = t.dir, stdin = opts.stdin, timeout_ms = limit or RUN_MS })
    if not ok then
      error(("tool %s: %s"):format(table.concat(argv, " "), failure.is(result) and result.message or tostring(result)), 2)
    end
    return take(t, { argv = argv, exit = result.signal and 128 + result.signal or result.status, stdout = result.stdout,
      stderr = result.stderr, ms = host.mono() - began }, opts)
  end
end

local function inside(t, path)
  if type(path) ~= "string" or path:sub(1, 1) == "/" or ("/" .. path .. "/"):find("/../", 1, true) then
    error("a test's file is named relative to t.dir: " .. tostring(path), 3)
  end
  return t.dir .. "/" .. path
end

local function add_files(t)
  function t.file(path, text)
    local full = inside(t, path)
    local done, err = host.file.mkdir(full:match("^(.*)/"), 448, true)
    if done then done, err = host.file.write(full, text) end
    if not done then error(err.message, 2) end
    return full
  end

  function t.read(path) return (host.file.read(inside(t, path))) end
end

local function add_server(t)
  function t.server(routes)
    local server = stub.start(routes)
    t.servers[#t.servers + 1] = server
    t.url = server.url
    return server
  end

  function t.closed()
    t.url = stub.nobody().url
    return t.url
  end
end

local function add_assertions(t)
  function t.fail(text) error(tostring(text), 2) end

  function t.truth(value, text)
    if not value then error(text or "not true", 2) end
    return value
  end

  function t.equal(want, got, text)
    local why = match.difference(text or "value", want, got) or match.difference(text or "value", got, want)
    if why then error(why, 2) end
  end

  function t.like(want, got, text)
    local why = match.difference(text or "value", want, got)
    if why then error(why, 2) end
  end

  function t.find(text, part)
    if not tostring(text):find(part, 1, true) then error(("%q is not in %q"):format(part, tostring(text)), 2) end
  end
end

--- A `t` for one test: context { run, place, contracts, seen(envelope) }, base = its own empty directory. t.close() ends
--- its servers.
function api.new(context, base)
  local t = { base = base, dir = base .. "/work", place = context.place, contracts = context.contracts, seen = context.seen,
    servers = {}, runs = 0 }
  for _, name in ipairs { "", "/home", "/tmp", "/work" } do
    local ok, err = host.file.mkdir(base .. name, 448)
    if not ok then failure.raise(err.code, err) end
  end
  add_run(t, context.run)
  add_files(t)
  add_server(t)
  add_assertions(t)
  function t.close()
    for _, server in ipairs(t.servers) do server.close() end
  end
  return t
end

return api
