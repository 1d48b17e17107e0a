--- The test files of a plugin, a suite or a command, and how they are run.
-- Promise: every test runs alone, in an order that does not change; one that fails stops no other; what the contracts
-- declare and no test has shown is known at the end.

local api = require "kit.test.api"
local case = require "kit.test.case"
local failure = require "failure"
local host = require "host"
local outline = require "kit.outline"
local place = require "kit.place"
local sandbox = require "sandbox"
local lint = require "contract.lint"

local suite = {}

-- Finding the files --------------------------------------------------------------------------------------------------

local function each_file(dir, fn)
  local names = host.file.list(dir) or {}
  table.sort(names)
  for _, name in ipairs(names) do
    local path = dir .. "/" .. name
    local stat = host.file.stat(path)
    if stat and stat.type == "directory" then
      if name ~= "lib" and name:sub(1, 1) ~= "." then each_file(path, fn) end
    elseif stat then
      fn(path, name)
    end
  end
end

-- In the folder `tests` of a plugin every file is a test file; elsewhere those named *.test.lua.
local function is_test(found, path)
  local tests = found.kind == "plugin" and found.dir .. "/tests/"
  if tests and path:sub(1, #tests) == tests then return path:find("%.lua$") ~= nil end
  return path:find("%.test%.lua$") ~= nil
end

local function files_of(found)
  local list = {}
  local function add(path)
    if is_test(found, path) then list[#list + 1] = path end
  end
  if found.is_dir then
    each_file(found.path, add)
  elseif is_test(found, found.path) then
    add(found.path)
  else
    local beside = found.path:gsub("%.lua$", ".test.lua")
    if host.file.stat(beside) then add(beside) end
    local below = found.kind == "plugin" and found.path:match("^" .. found.dir:gsub("%p", "%%%0") .. "/commands/(.*)%.lua$")
    local apart = below and found.dir .. "/tests/" .. below .. ".test.lua"
    if apart and host.file.stat(apart) then add(apart) end
  end
  return list
end

-- The tests of one file: { file, line, name, run(t) }, the cases first, then the functions by name.
local function tests_of(found, file)
  local raw, message, source = sandbox.load(file, { lib = found.dir .. "/lib" })
  if raw ~= nil and type(raw) ~= "table" then raw, message = nil, "a test file returns a table of cases and functions" end
  if raw == nil then return { { file = file, line = 1, name = "loads", run = function() error(message, 0) end } } end
  local known, list = outline.of(source or ""), {}
  local function add(key, name, run)
    local field = known.root and (math.type(key) == "integer" and known.root.items[key] or known.root.fields[key])
    list[#list + 1] = { file = file, name = name, run = run, line = field and (lint.place(source, field.at)) or 1 }
  end
  for i, spec in ipairs(raw) do
    if type(spec) == "table" then
      add(i, tostring(spec[1] or "case " .. i), function(t) case.run(t, spec) end)
    else
      add(i, "case " .. i, function() error("a case is a table", 0) end)
    end
  end
  local names = {}
  for key in pairs(raw) do
    if type(key) == "string" then names[#names + 1] = key end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local fn = raw[name]
    add(name, name, type(fn) == "function" and fn or function() error("a test with a name is a function of t", 0) end)
  end
  return list
end

-- Running them -------------------------------------------------------------------------------------------------------

local function message_of(err)
  if failure.is(err) then return err.message end
  return type(err) == "string" and err or "the test raised " .. tostring(err)
end

local function run_one(context, test, base)
  local began = host.mono()
  local t = api.new(context, base)
  local ok, err = pcall(test.run, t)
  if ok then
    for _, server in ipairs(t.servers) do
      if server.unexpected then ok, err = false, server.unexpected end
    end
  end
  t.close()
  return { file = test.file, line = test.line, name = test.name, ok = ok, ms = host.mono() - began, runs = t.runs,
    message = not ok and message_of(err) or nil }
end

-- The error codes of an answer: its own, that of the step that failed, those of a batch's items.
local function codes_of(e)
  local codes = {}
  local function part(value, key) return type(value) == "table" and value[key] or nil end
  local function add(err)
    local code = part(err, "code")
    if type(code) == "string" then codes[code] = true end
  end
  add(e.error)
  add(part(e.error, "context"))
  local results = part(e.data, "results")
  for _, item in ipairs(type(results) == "table" and results or {}) do add(part(item, "error")) end
  return codes
end

-- What contracts declare and no run has shown: { command, file, code }.
local function unproven(contracts, codes)
  local list = {}
  for path, C in pairs(contracts) do
    for code, e in pairs(type(C.raw.errors) == "table" and C.raw.errors or {}) do
      if e and not (codes[path] and codes[path][code]) then
        list[#list + 1] = { command = path:gsub("%.", " "), file = C.file, code = code }
      end
    end
  end
  table.sort(list, function(a, b)
    if a.command ~= b.command then return a.command < b.command end
    return a.code < b.code
  end)
  return list
end

local function contracts_of(found)
  local whole = found
  if found.kind ~= "folder" and found.path ~= found.dir then whole = place.of(found.dir) or found end
  local by_path = {}
  for _, C in ipairs((place.contracts(whole))) do by_path[C.path] = C end
  return by_path
end

-- The contracts that the path is about; all that its owner has when it is a test file.
local function asked(found, contracts)
  if found.is_dir or not found.entry then return contracts end
  local path = table.concat(found.entry.words, ".")
  return { [path] = contracts[path] }
end

--- Finds the tests of a path: { place, tests, contracts, files } or nil and a message.
function suite.find(path)
  local found, message = place.of(path)
  if not found then return nil, message end
  local tests, files = {}, files_of(found)
  for _, file in ipairs(files) do
    local more = tests_of(found, file)
    table.move(more, 1, #more, #tests + 1, tests)
  end
  return { place = found, tests = tests, files = files, contracts = contracts_of(found) }
end

--- Runs what suite.find gave. options: run (the run of this process), dir (an empty directory), only (part of a name or a
--- file), each(result, number, total). Gives the results in order and what is unproven.
function suite.run(set, options)
  local codes, results, chosen = {}, {}, {}
  local context = { run = options.run, place = set.place, contracts = set.contracts, seen = function(e)
    local path = e.meta.command
    if not path then return end
    codes[path] = codes[path] or {}
    for code in pairs(codes_of(e)) do codes[path][code] = true end
  end }
  local part, below = options.only, #set.place.dir + 2 -- how the folders above are called chooses nothing
  for _, test in ipairs(set.tests) do
    if not part or test.name:find(part, 1, true) or test.file:find(part, below, true) then chosen[#chosen + 1] = test end
  end
  for i, test in ipairs(chosen) do
    results[i] = run_one(context, test, options.dir .. "/" .. i)
    if options.each then options.each(results[i], i, #chosen) end
  end
  return results, unproven(asked(set.place, set.contracts), codes)
end

return suite
