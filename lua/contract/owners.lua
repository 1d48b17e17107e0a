--- What commands belong to: suites, groups and plugins.
-- Promise: turns the author's table into the normalised object, or into the complete list of what is wrong with it; pure,
-- as the check of commands. Sources: authoring §1, §2; REQ-F-073, REQ-C-012, REQ-C-016.

local contract = require "contract"
local host = require "host"
local outcomes = require "contract.outcomes"
local params = require "contract.params"
local shapes = require "contract.shapes"

local owners = {}

local NONE = {}
local new_checker, check_keys, well_typed = contract.checker.new, contract.checker.keys, contract.checker.well_typed

local SUITE_KEYS = {
  about = "string", aliases = "table", persona = "string", dialect = "any", args = "table", config = "table",
  service = "table", exits = "any", errors = "any", version = "string",
}

local SERVICE_KEYS = {
  url = "any", token = "any", errors = "any", probe = "table", headers = "any", timeout = "string",
}
local PROBE_KEYS = { path = "string", timeout = "string", error = "string" }

-- Headers: a function of the credential, or header -> name of the parameter whose value it has.
local function check_headers(ck, headers, by_name)
  if type(headers) == "function" then return end
  if type(headers) ~= "table" then
    return ck:bad("service", "REQ-C-016", "service.headers must be a function or a table of header = parameter")
  end
  for name, parameter in pairs(headers) do
    if not by_name[parameter] then
      ck:bad("service", "REQ-C-016", 'service.headers: %s names unknown parameter "%s"%s', tostring(name), tostring(parameter),
        ck:nearest(parameter, by_name))
    end
  end
end

local function check_service(ck, service, by_name)
  if service.headers ~= nil then check_headers(ck, service.headers, by_name) end
  check_keys(ck, service, SERVICE_KEYS, "service")
  if service.probe then check_keys(ck, service.probe, PROBE_KEYS, "service.probe") end
  if type(service.url) ~= "string" and type(service.url) ~= "function" then
    ck:bad("service", "REQ-C-012", "service.url must name the parameter that holds the base address, or be a function")
  elseif type(service.url) == "string" and not by_name[service.url] then
    ck:bad("service", "REQ-C-012", 'service.url names unknown parameter "%s"%s', service.url,
      ck:nearest(service.url, by_name))
  end
  local token = service.token
  if type(token) == "string" then
    local p = by_name[token]
    if not p or p.type ~= "secret" then
      ck:bad("service", "REQ-C-016", 'service.token names no secret parameter "%s"', token)
    end
  elseif token ~= nil and type(token) ~= "function" then
    ck:bad("service", "REQ-C-016", "service.token must be a function or name a secret parameter")
  end
  if type(service.errors) == "table" then
    for status, code in pairs(service.errors) do
      if math.type(status) ~= "integer" or status < 300 or status > 599 then
        ck:bad("service", "REQ-C-013", "service.errors: %s is no HTTP status", tostring(status))
      elseif type(code) ~= "string" or not code:find("^[A-Z][A-Z0-9_]+$") then
        ck:bad("service", "REQ-C-013", 'error code "%s" must match [A-Z][A-Z0-9_]+', tostring(code))
      end
    end
  elseif service.errors ~= nil and type(service.errors) ~= "function" then
    ck:bad("service", "REQ-C-013", "service.errors must be a table of status = CODE or a function")
  end
end

-- Codes that service.errors names and nothing declares.
local function check_service_codes(ck, service, errors)
  local known = require("exits").codes
  for _, code in pairs(type(service.errors) == "table" and service.errors or {}) do
    if type(code) == "string" and not known[code] and not (type(errors) == "table" and errors[code]) then
      ck:bad("service", "REQ-C-013", "service.errors uses %s, which errors does not declare", code)
    end
  end
end

local DIALECT_KEYS = {
  flags = "table", spoken = "function", exits = "table", codes = "table", commands = "table", confirm = "any",
  answer = "function", row = "function", failure = "any", failure_text = "any", unmask = "boolean",
  one_dash = "boolean",
}

local COMMAND_KEYS = { exits = "table", confirm = "any", plain = "table", piped = "boolean", defaults = "table" }

-- The dialect of the suite's own program, and the flags that this program has.
local function check_dialect(ck, suite)
  suite.flags, suite.flag_by_name = {}, {}
  local declared = suite.dialect
  if type(declared) ~= "table" then
    if declared ~= nil then ck:bad("dialect", "REQ-F-001", "dialect must be a table, not a %s", type(declared)) end
    return
  end
  check_keys(ck, declared, DIALECT_KEYS, "dialect")
  if declared.row and not declared.answer then ck:bad("dialect", "REQ-F-001", "dialect.row needs dialect.answer") end
  for from, to in pairs(type(declared.exits) == "table" and declared.exits or NONE) do
    if math.type(from) ~= "integer" or math.type(to) ~= "integer" or from < 0 or from > 255 or to < 0 or to > 255 then
      ck:bad("dialect", "REQ-F-001", "dialect.exits maps exit codes from 0 to 255, not %s", tostring(from))
    end
  end
  for name, rules in pairs(type(declared.commands) == "table" and declared.commands or NONE) do
    if type(rules) ~= "table" then
      ck:bad("dialect", "REQ-F-001", "dialect.commands: the rules of %s must be a table", tostring(name))
    else
      check_keys(ck, rules, COMMAND_KEYS, "dialect.commands")
    end
  end
  local flags = setmetatable({ program = true }, { __index = ck })
  suite.flags, suite.flag_by_name = params.normalise(flags, well_typed(declared, DIALECT_KEYS).flags or NONE, "flags")
  suite.one_dash = declared.one_dash == true
  if not declared.spoken then return end
  for _, p in ipairs(suite.flags) do suite.everywhere = suite.everywhere or p.everywhere end
  if not suite.everywhere then
    ck:bad("dialect", "REQ-F-001", "dialect.spoken needs a flag with everywhere = true, which `tool %s` has too", suite.name)
  end
end

--- Checks and normalises what a suite.lua returned.
-- @param origin { words = {"a"}, file =, dir = the suite's folder }
-- @return Suite { name, dir, about, persona, dialect, service, config, args-derived params and by_name, exits, errors,
--   raw, warnings }, {}, warnings; or nil, problems, warnings
function owners.suite(raw, origin)
  local name = table.concat(origin.words, " ")
  local ck = new_checker(name, origin)
  if type(raw) ~= "table" then
    ck:bad("return", "REQ-F-015", "suite.lua must return a table, not a %s", type(raw))
    return nil, ck.problems, ck.warnings
  end
  check_keys(ck, raw, SUITE_KEYS, "suite")
  raw = well_typed(raw, SUITE_KEYS)
  local suite = {
    name = origin.words[1], path = table.concat(origin.words, "."), words = origin.words, dir = origin.dir,
    file = origin.file, raw = raw, about = raw.about,
    persona = raw.persona, dialect = raw.dialect, service = raw.service, config = raw.config, exits = raw.exits,
    errors = raw.errors, aliases = raw.aliases or {}, warnings = ck.warnings, group = true,
  }
  ck.suite = { name = suite.name, persona = suite.persona }
  if raw.about == nil or raw.about == "" then ck:bad("about", "REQ-O-041", "about declaration is required") end
  if raw.persona and not raw.persona:find("^[a-z][a-z0-9-]*$") then
    ck:bad("persona", "REQ-O-041", "persona %q must be a program's name", raw.persona)
  end
  if raw.config and type(raw.config.file) ~= "string" then
    ck:bad("config", "REQ-C-025", "config.file must be a path")
  elseif raw.config then
    check_keys(ck, raw.config, { file = "string", env = "string" }, "config")
  end
  suite.params, suite.by_name = params.normalise(ck, raw.args or NONE, "args")
  check_dialect(ck, suite)
  if raw.service then
    check_service(ck, raw.service, suite.by_name)
    check_service_codes(ck, raw.service, raw.errors)
  end
  ck.danger, ck.creates = "mutating", true
  if raw.exits ~= nil or raw.errors ~= nil then outcomes.check_suite(ck, raw) end
  if #ck.problems > 0 then return nil, ck.problems, ck.warnings end
  return suite, ck.problems, ck.warnings
end

local GROUP_KEYS = { about = "string", aliases = "table" }

--- Checks and normalises what a group.lua returned (raw may be nil: a folder without one).
-- @return Group { group = true, words, path, file, about, aliases }, {}, warnings; or nil, problems, warnings
function owners.group(raw, origin)
  local ck = new_checker(table.concat(origin.words, " "), origin)
  if raw ~= nil and type(raw) ~= "table" then
    ck:bad("return", "REQ-F-015", "group.lua must return a table, not a %s", type(raw))
    return nil, ck.problems, ck.warnings
  end
  raw = raw or {}
  check_keys(ck, raw, GROUP_KEYS, "group")
  raw = well_typed(raw, GROUP_KEYS)
  for _, alias in ipairs(raw.aliases or NONE) do
    if not shapes.command_words(alias) then
      ck:bad("aliases", "REQ-O-041", "alias %q must be words", tostring(alias))
    end
  end
  if #ck.problems > 0 then return nil, ck.problems, ck.warnings end
  return {
    group = true, words = origin.words, path = table.concat(origin.words, "."), file = origin.file, raw = raw,
    about = raw.about, aliases = raw.aliases or {}, warnings = ck.warnings,
  }, ck.problems, ck.warnings
end

local PLUGIN_KEYS = {
  name = "string", version = "string", about = "string", api = "number", needs = "table", hooks = "table",
}

-- Is version a >= version b, compared number by number?
local function at_least(a, b)
  local numbers = {}
  for n in b:gmatch("%d+") do numbers[#numbers + 1] = tonumber(n) end
  local i = 0
  for n in a:gmatch("%d+") do
    i = i + 1
    local wanted = numbers[i] or 0
    if tonumber(n) ~= wanted then return tonumber(n) > wanted end
  end
  for j = i + 1, #numbers do
    if numbers[j] > 0 then return false end
  end
  return true
end
contract.at_least = at_least

local COMPARE = {
  [">="] = function(a, b) return at_least(a, b) end, ["<="] = function(a, b) return at_least(b, a) end,
  [">"] = function(a, b) return not at_least(b, a) end, ["<"] = function(a, b) return not at_least(a, b) end,
  ["="] = function(a, b) return at_least(a, b) and at_least(b, a) end,
}

-- Is the version in a range such as ">=0.3 <2"? nil when the text is no range.
local function in_range(version, range)
  local inside, count, rest = true, 0, range:gsub("^[%s,]+", "")
  while rest ~= "" do
    local sign, wanted, after = rest:match("^([<>=]+)%s*(%d[%d.]*)(.*)$")
    if not COMPARE[sign] or after:find("^[^%s,]") then return nil end
    inside, count = inside and COMPARE[sign](version, wanted), count + 1
    rest = after:gsub("^[%s,]+", "")
  end
  if count > 0 then return inside end
end

local function check_plugin_needs(ck, raw)
  for what, wanted in pairs(raw.needs or NONE) do
    local inside
    if type(wanted) == "string" then inside = in_range(host.version, wanted) end
    if what ~= "tool" then
      ck:bad("needs", "REQ-C-018", "needs has unknown key %s; did you mean \"tool\"?", tostring(what))
    elseif inside == nil then
      ck:bad("needs", "REQ-C-018", 'needs.tool: "%s" is not of the form ">=0.3" or ">=0.3 <2"', tostring(wanted))
    elseif not inside then
      ck:bad("needs", "REQ-C-018", "needs tool %s, this is %s", wanted, host.version)
    end
  end
  for name, hook in pairs(raw.hooks or NONE) do
    if name ~= "start" and name ~= "stop" then
      ck:bad("hooks", "REQ-F-015", "hooks has unknown key %s%s", tostring(name), ck:nearest(name, { start = 1, stop = 1 }))
    elseif type(hook) ~= "function" then
      ck:bad("hooks", "REQ-F-015", "hooks.%s must be a function, not a %s", name, type(hook))
    end
  end
end

--- The level of the author's page that this framework serves.
owners.API = 1

--- Checks and normalises what a plugin.lua returned.
-- @param origin { words = {folder name, or nothing for any}, file = path }
-- @return Plugin { name, version, about, api, needs, hooks, raw }, {}, warnings; or nil, problems, warnings
function owners.plugin(raw, origin)
  local folder = origin.words[1]
  local ck = new_checker(folder or "plugin", origin)
  if type(raw) ~= "table" then
    ck:bad("return", "REQ-F-015", "plugin.lua must return a table, not a %s", type(raw))
    return nil, ck.problems, ck.warnings
  end
  check_keys(ck, raw, PLUGIN_KEYS, "plugin")
  raw = well_typed(raw, PLUGIN_KEYS)
  for _, key in ipairs { "name", "version", "about", "api" } do
    if raw[key] == nil then ck:bad(key, "REQ-F-015", "%s declaration is required", key) end
  end
  if raw.name and not (raw.name:find("^[a-z][a-z0-9-]*$") and #raw.name >= 2 and #raw.name <= 32) then
    ck:bad("name", "REQ-F-015", "name %q must match ^[a-z][a-z0-9-]{1,31}$", raw.name)
  elseif raw.name and folder and raw.name ~= folder then
    ck:bad("name", "REQ-F-015", "name %q is not the folder's name %q", raw.name, folder)
  end
  if raw.version and not raw.version:find("^%d+%.%d+%.%d+[%w.+-]*$") then
    ck:bad("version", "REQ-F-015", "version %q is not of the form 1.2.3", raw.version)
  end
  if raw.api and raw.api ~= owners.API then
    ck:bad("api", "REQ-F-015", "api %s is not served; this is api %d", tostring(raw.api), owners.API)
  end
  check_plugin_needs(ck, raw)
  if #ck.problems > 0 then return nil, ck.problems, ck.warnings end
  return {
    name = raw.name, version = raw.version, about = raw.about, api = raw.api, needs = raw.needs or {},
    hooks = raw.hooks or {}, raw = raw, file = origin.file, dir = origin.dir, warnings = ck.warnings,
  }, ck.problems, ck.warnings
end

--- The keys of what commands belong to, as the check knows them.
owners.KEYS = { suite = SUITE_KEYS, service = SERVICE_KEYS, dialect = DIALECT_KEYS, group = GROUP_KEYS, plugin = PLUGIN_KEYS }

return owners
