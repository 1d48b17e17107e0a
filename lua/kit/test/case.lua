--- A declarative case: a table that says what is called and what must come of it.
-- Promise: a key that means nothing here is refused, so that no expectation is lost by a misspelling.
--
--   { "name", args = "fx list --limit 2", env = {…}, stdin = "…", files = { ["in.txt"] = "…" }, timeout = "10s",
--     server = { ["GET /items"] = { json = {…} } } or "closed",
--     expect = { exit = 0, data = {…}, error = "NOT_FOUND" or {…}, warnings = { "part", … }, meta = {…}, rows = {…},
--                stdout = "part" or { … }, stderr = …, files = { ["out.txt"] = "…" or false },
--                requests = { { "GET", "/items", query = {…}, headers = {…}, json = …, body = … }, … } } }
-- {server} and {dir} in args and env stand for the server's address and the test's directory.

local api = require "kit.test.api"
local match = require "kit.test.match"
local suggest = require "suggest"

local case = {}

local KEYS = { "args", "env", "stdin", "files", "timeout", "server", "expect" }
local EXPECT = { "exit", "data", "error", "warnings", "meta", "rows", "stdout", "stderr", "files", "requests" }

local function refuse_unknown(t, known, what)
  local set = {}
  for _, name in ipairs(known) do set[name] = true end
  for key in pairs(t) do
    if key ~= 1 and not set[key] then
      local near = type(key) == "string" and suggest.nearest(key, known)
      error(("%s has no key %s%s"):format(what, tostring(key), near and "; did you mean " .. near .. "?" or ""), 0)
    end
  end
end

local function fail(r, text) error(text .. api.about(r), 0) end

local function each_part(parts, fn)
  for _, part in ipairs(type(parts) == "table" and parts or { parts }) do fn(part) end
end

local function expect_text(r, what, parts)
  each_part(parts, function(part)
    if not r[what]:find(part, 1, true) then fail(r, ("%s does not hold %q"):format(what, part)) end
  end)
end

local function expect_exit(r, expect)
  if expect.exit == nil and expect.error ~= nil then
    if r.exit == 0 then fail(r, "an error is expected, the command succeeded") end
  elseif r.exit ~= (expect.exit or 0) then
    fail(r, ("exit %d expected, got %d"):format(expect.exit or 0, r.exit))
  end
end

local function expect_error(r, want)
  if type(want) == "string" then want = { code = want } end
  local why = match.difference("error", want, r.error)
  if why then fail(r, why) end
end

local function expect_warnings(r, parts)
  local all = table.concat(r.warnings or {}, "\n")
  if #parts == 0 and all ~= "" then fail(r, "no warnings expected, got: " .. all) end
  each_part(parts, function(part)
    if not all:find(part, 1, true) then fail(r, ("no warning holds %q"):format(part)) end
  end)
end

-- What a request is expected to be, from "GET /path?a=b" or { "GET", "/path", … }.
local function wanted_request(want)
  if type(want) == "string" then
    local method, path, query = want:match("^(%u+) ([^?]+)%??(.*)$")
    if not method then error('a request is "GET /path" or { "GET", "/path", … }: ' .. want, 0) end
    return { method = method, path = path, query = query ~= "" and require("serve.router").fields(query) or nil }
  end
  local out = {}
  for key, value in pairs(want) do out[key] = value end
  out.method, out.path, out[1], out[2] = want[1] or want.method, want[2] or want.path, nil, nil
  return out
end

local function expect_requests(t, r, list)
  local server = t.servers[1]
  local seen = server and server.requests or {}
  if type(list) == "function" then
    local why = match.difference("requests", list, seen)
    return why and fail(r, why) or nil
  end
  if #seen ~= #list then
    local lines = {}
    for i, request in ipairs(seen) do lines[i] = request.method .. " " .. request.path end
    fail(r, ("%d requests expected, got %d: %s"):format(#list, #seen, table.concat(lines, ", ")))
  end
  for i, want in ipairs(list) do
    local why = match.difference(("requests[%d]"):format(i), wanted_request(want), seen[i])
    if why then fail(r, why) end
  end
end

local function expect_files(t, r, files)
  for path, want in pairs(files) do
    local text = t.read(path)
    if want == false and text then fail(r, path .. " is there and should not be") end
    if want and not text then fail(r, path .. " is not there") end
    if want and text ~= want then fail(r, ("%s holds %q, not %q"):format(path, text, want)) end
  end
end

local function check(t, r, expect)
  expect_exit(r, expect)
  if expect.error ~= nil then expect_error(r, expect.error) end
  for _, key in ipairs { "data", "rows" } do
    local why = expect[key] ~= nil and match.difference(key, expect[key], r[key])
    if why then fail(r, why) end
  end
  local why = expect.meta and match.difference("meta", expect.meta, r.envelope and r.envelope.meta)
  if why then fail(r, why) end
  if expect.warnings then expect_warnings(r, expect.warnings) end
  if expect.stdout then expect_text(r, "stdout", expect.stdout) end
  if expect.stderr then expect_text(r, "stderr", expect.stderr) end
  if expect.requests then expect_requests(t, r, expect.requests) end
  if expect.files then expect_files(t, r, expect.files) end
end

--- Runs a case with its `t`; raises what is wrong.
function case.run(t, spec)
  refuse_unknown(spec, KEYS, "a case")
  local expect = spec.expect or {}
  refuse_unknown(expect, EXPECT, "expect")
  if spec.args == nil then error("a case needs args: the command line, or a list of its words", 0) end
  for path, text in pairs(spec.files or {}) do t.file(path, text) end
  if spec.server == "closed" then t.closed() elseif spec.server then t.server(spec.server) end
  check(t, t.run(spec.args, { env = spec.env, stdin = spec.stdin, timeout = spec.timeout }), expect)
end

return case
