--- Contracts: what a command, a group, a suite or a plugin declares.
-- Promise: turns the author's table into the normalised object that the rest of the framework reads, or into the
-- complete list of what is wrong with it. Pure: no file, no clock; cheap enough to run at every start.
-- What only `check`, the manifest or the whole tree needs lives in contract.lint, contract.cross, schema and manifest.
-- Sources: the command contract (REQ-C-001 … C-030), authoring §2 to §5.

local host = require "host"
local flags = require "contract.flags"
local lazy = require "lazy"
local outcomes = require "contract.outcomes"
local params = require "contract.params"
local results = require "contract.results"
local touch = lazy "contract.touch"
local units = require "units"
local shapes = require "contract.shapes"

local contract = {}

--- Time limit of a command that declares none, in ms (REQ-F-011).
contract.DEFAULT_TIMEOUT_MS = 30000

-- Every key of a command's contract and the Lua type it must have.
local KEYS = {
  about = "string", aliases = "table", version = "string", danger = "string", reversible = "boolean",
  creates = "string", deletes = "string", scopes = "table", asks = "boolean", idempotent = "boolean",
  args = "table", rules = "table", placement = "string", editor = "table", returns = "any", id = "string",
  page = "any", stream = "any", formats = "table", stdin = "any", timeout = "any", network = "any", runs = "any",
  reads = "any", writes = "table", config = "any", gui = "table", background = "table", stops = "string",
  job = "table", auth = "table", platform = "table", needs = "table", shell = "string", steps = "table",
  resumable = "boolean", undo = "function", batch = "string", exits = "any", errors = "any", safe_default = "boolean",
  validate = "function", preview = "function", run = "function", cleanup = "function", render = "function",
  examples = "table", table = "table", walk = "boolean", payload = "boolean", store = "boolean", serves = "boolean",
  terminal = "boolean", long_running = "boolean", retry = "table", since = "string", deprecated = "table",
  preserve_locale = "boolean", archive = "boolean", unavailable = "boolean", suppress_update_notifier = "function",
  volatile = "table", sensitive = "table", max_output = "any", external = "any", native = "string",
  -- for the host's own commands: ctx.framework; the field of data that is stdout unless --output is given; the field
  -- whose items are the rows of the text formats; function(run, framework) -> further paths that may be written;
  -- ctx.framework.exec; confinement.policy says what confines is; reads lines that are calls, and has --dry-run for them
  framework = "boolean", verbatim = "string", rows = "string", places = "function", probes = "boolean",
  confines = "function", dispatches = "boolean",
  min_schema_version = "number", compat = "table", compat_schemas = "table", limits = "table",
}
contract.KEYS = KEYS

-- Keys handled by contract.touch, in an order that does not matter.
local TOUCHES = {
  "network", "runs", "reads", "writes", "config", "gui", "background", "stops", "job", "auth", "editor", "batch",
  "steps", "platform", "needs", "shell", "stdin", "retry", "external", "limits",
}

-- The collector -------------------------------------------------------------------------------------------------

local Checker = {}
Checker.__index = Checker

--- Adds a problem; returns nil, so that a caller can `return ck:bad(…)`. Checks of a key with parts set `within` to the
--- part that they look at: the number of a row, a name, or a path of the result.
function Checker:bad(key, rule, format, ...)
  local text = select("#", ...) > 0 and format:format(...) or format
  self.problems[#self.problems + 1] = {
    command = self.command, rule = rule, key = key, file = self.file, within = self.within,
    message = "framework error: " .. self.command .. ": " .. text,
  }
end

function Checker:warn(format, ...)
  self.warnings[#self.warnings + 1] = self.command .. ": " .. (select("#", ...) > 0 and format:format(...) or format)
end

--- `; did you mean "x"?` for the key of `known` nearest to word, else "".
function Checker:nearest(word, known)
  if type(word) ~= "string" or not self.problems then return "" end
  local names = {}
  for name in pairs(known) do names[#names + 1] = tostring(name) end
  table.sort(names)
  local best = require("suggest").nearest(word, names)
  return best and ('; did you mean "%s"?'):format(best) or ""
end

local function env_word(name)
  return (name:upper():gsub("[^A-Z0-9]", "_")) .. "_"
end

-- The prefixes that the command's own environment variables may have.
local function prefixes_of(ck)
  if not ck.prefixes then
    local list = { (host.env_prefix or "TOOL") .. "_" }
    if ck.words[1] and #ck.words > 1 then list[#list + 1] = env_word(ck.words[1]) end
    local suite = ck.suite
    if suite and suite.persona then list[#list + 1] = env_word((suite.persona:gsub("%-cli$", ""))) end
    if suite and suite.name then list[#list + 1] = env_word(suite.name) end
    ck.prefixes = list
  end
  return ck.prefixes
end

function Checker:own_env(name)
  for _, prefix in ipairs(prefixes_of(self)) do
    if name:sub(1, #prefix) == prefix and #name > #prefix then return true end
  end
  return false
end

function Checker:env_prefixes()
  local seen, list = {}, {}
  for _, prefix in ipairs(prefixes_of(self)) do
    if not seen[prefix] then list[#list + 1] = prefix end
    seen[prefix] = true
  end
  return table.concat(list, " or ")
end

local SILENT = setmetatable({
  bad = function() end, warn = function() end, nearest = function() return "" end,
}, { __index = Checker })

--- The same checker without a voice, for what is reported elsewhere.
function Checker:quiet()
  return setmetatable({ danger = self.danger, creates = self.creates, command = self.command, words = self.words,
                        suite = self.suite }, { __index = SILENT })
end

local reserved

-- Names that no parameter may have: name -> requirement or true.
local function reserved_names()
  if not reserved then
    reserved = {}
    for _, g in ipairs(host.globals or {}) do reserved[g.name] = true end
    for name, rule in pairs(flags.reserved) do reserved[name] = rule end
  end
  return reserved
end

local function new_checker(what, origin)
  return setmetatable({
    command = what, words = origin.words or {}, file = origin.file, suite = origin.suite, full = origin.full,
    problems = {}, warnings = {}, reserved = reserved_names(), volatile = {},
  }, Checker)
end

local RENAMED = {
  description = "about", command = "about", execute = "run", handler = "run", dry_run = "preview",
  danger_level = "danger", exit_codes = "exits", output_schema = "returns", parameters = "args", flags = "args",
  required_scopes = "scopes", columns = "table", subcommands = "the folder", requires = "rules",
  interactive = "asks", primary_id_field = "id", supports_streaming = "stream", input = "stdin",
}

local function check_keys(ck, raw, known, what)
  for key, value in pairs(raw) do
    local kind = known[key]
    if not kind then
      if key == "name" and what == "contract" then
        ck:bad("name", "REQ-O-041", "the path is the name; drop the key name")
      elseif RENAMED[key] then
        ck:bad(key, "REQ-F-015", "unknown key %s; did you mean %q?", key, RENAMED[key])
      else
        ck:bad(tostring(key), "REQ-F-015", "unknown key %s%s", tostring(key), ck:nearest(key, known))
      end
    elseif kind ~= "any" and type(value) ~= kind then
      ck:bad(key, "REQ-F-015", "%s must be a %s, not a %s", key, kind, type(value))
    end
  end
end

-- raw without the values of the wrong type, so that later checks need not look again.
local function well_typed(raw, known)
  for key, value in pairs(raw) do
    local kind = known[key]
    if kind and kind ~= "any" and type(value) ~= kind then
      local copy = {}
      for k, v in pairs(raw) do
        local wanted = known[k]
        if wanted and (wanted == "any" or type(v) == wanted) then copy[k] = v end
      end
      return copy
    end
  end
  return raw
end

-- Single keys ------------------------------------------------------------------------------------------------------

local DANGER = { safe = true, mutating = true, destructive = true }
local BLANKET = { "admin", "owner", "root" }

local function check_scopes(ck, raw)
  if raw.scopes == nil then
    return ck:bad("scopes", "REQ-C-029", "required_scopes declaration is required ([] if none)")
  elseif not shapes.strings(raw.scopes) then
    return ck:bad("scopes", "REQ-C-029", "scopes must be a list of scope names")
  end
  for _, scope in ipairs(raw.scopes) do
    local lower, about = scope:lower(), (raw.about or ""):lower()
    for _, word in ipairs(BLANKET) do
      if lower:find(word, 1, true) and not about:find(word, 1, true) then
        ck:warn("scope %q is broad and about does not say why", scope)
      end
    end
    if lower:find("*", 1, true) then ck:warn("scope %q is broad and about does not say why", scope) end
  end
end

local function check_identity(ck, raw, C)
  if raw.about == nil or raw.about == "" then
    ck:bad("about", "REQ-O-041", "about declaration is required")
  elseif raw.about:find("\n", 1, true) then
    ck:bad("about", "REQ-O-041", "about must be one line")
  end
  for _, alias in ipairs(raw.aliases or {}) do
    if not shapes.command_words(alias) then
      ck:bad("aliases", "REQ-O-041", "alias %q must be words such as \"project ls\"", tostring(alias))
    elseif alias == table.concat(C.words, " ") then
      ck:bad("aliases", "REQ-O-041", "alias %q is the command's own name", alias)
    end
  end
  if raw.version and not raw.version:find("^%d+%.%d+$") and not raw.version:find("^%d+%.%d+%.%d+$") then
    ck:bad("version", "REQ-F-022", 'version must be "MAJOR.MINOR"')
  end
  if raw.since and not raw.since:find("^%d+%.%d+") then
    ck:bad("since", "REQ-F-075", "since must be a version")
  end
  for key in pairs(raw.deprecated or {}) do
    if key ~= "since" and key ~= "use" and key ~= "remove" then
      ck:bad("deprecated", "REQ-F-075", "deprecated has unknown key %s (since, use, remove)", tostring(key))
    end
  end
  if raw.deprecated and type(raw.deprecated.since) ~= "string" then
    ck:bad("deprecated", "REQ-F-075", "deprecated needs since")
  end
end

-- Older shapes of the answer: a function from today's data for each major version that is still served (REQ-O-014).
local function check_compat(ck, raw, C)
  local current, lowest = math.tointeger(tonumber((C.version:match("^%d+")))), raw.min_schema_version
  if math.type(lowest) ~= "integer" or lowest < 0 or lowest > current then
    return ck:bad("min_schema_version", "REQ-O-014", "min_schema_version must be an integer from 0 to %d", current)
  end
  for major = lowest, current - 1 do
    if type(raw.compat) ~= "table" or type(raw.compat[major]) ~= "function" then
      ck:bad("compat", "REQ-O-014", "compat[%d] must be a function of data", major)
    end
  end
  for major, form in pairs(raw.compat_schemas or {}) do
    if math.type(major) ~= "integer" or not results.kind(form) then
      ck:bad("compat_schemas", "REQ-O-014", "compat_schemas[%s] is no form of returns", tostring(major))
    end
  end
end

local function check_danger(ck, raw, C)
  if raw.danger == nil then
    ck:bad("danger", "REQ-C-002", "danger_level declaration is required")
  elseif not DANGER[raw.danger] then
    ck:bad("danger", "REQ-C-002", "danger must be safe, mutating or destructive")
  end
  if C.danger == "destructive" and not raw.preview then
    ck:bad("preview", "REQ-C-004", "destructive command must implement preview (--dry-run)")
  elseif C.danger == "mutating" and not raw.preview then
    ck:warn("mutating command without preview: --dry-run of exec cannot show what it does")
  end
  if raw.safe_default and C.danger ~= "destructive" then
    ck:bad("safe_default", "REQ-O-048", 'safe_default needs danger = "destructive"')
  end
  if raw.reversible ~= nil and C.danger == "safe" then
    ck:warn("reversible says nothing about a safe command")
  end
  if C.danger == "safe" then
    for _, key in ipairs { "creates", "deletes", "payload", "undo" } do
      if raw[key] then ck:bad(key, "REQ-C-002", "%s needs danger = \"mutating\" or \"destructive\"", key) end
    end
  else
    local last = C.words[#C.words] or ""
    if last:find("create", 1, true) and not raw.creates then ck:warn("a create command declares creates") end
    if last:find("delete", 1, true) and not raw.deletes then ck:warn("a delete command declares deletes") end
  end
end

local function check_functions(ck, raw)
  if raw.run == nil then ck:bad("run", "REQ-F-015", "run must be a function") end
  if raw.resumable and not raw.steps then ck:bad("resumable", "REQ-O-010", "resumable needs steps") end
  if raw.undo and not raw.steps then ck:bad("undo", "REQ-O-011", "undo needs steps") end
  if raw.placement and raw.placement ~= "any" and raw.placement ~= "strict" then
    ck:bad("placement", "REQ-C-027", "placement must be any or strict")
  end
end

local function check_examples(ck, raw)
  for index, example in ipairs(raw.examples or {}) do
    if type(example) ~= "table" or type(example[1]) ~= "string" or type(example[2]) ~= "string" then
      ck.within = index
      ck:bad("examples", "REQ-O-041", "an example is { description, command line }")
    end
  end
  ck.within = nil
end

local function set_timeout(ck, raw, C)
  local attached = raw.terminal or raw.serves
  if raw.timeout == nil then
    C.timeout_ms = C.network and C.network.timeout_ms or attached and 0 or contract.DEFAULT_TIMEOUT_MS
    return
  end
  local _, ms = units.duration(raw.timeout)
  if math.type(ms) ~= "integer" then
    ck:bad("timeout", "REQ-F-011", "timeout must be a duration")
  elseif ms == 0 and not attached and raw.stream ~= "default" then
    ck:bad("timeout", "REQ-F-011", "timeout must be above 0; only the caller may disable it")
  end
  C.timeout_ms = ms
end

local function set_output(ck, raw, C)
  if raw.page == true then
    C.page = 20
  elseif raw.page then
    if math.type(raw.page) ~= "integer" or raw.page < 1 then
      ck:bad("page", "REQ-F-019", "page must be the number of items of a page, from 1")
    end
    C.page = raw.page
  end
  if raw.stream then
    if raw.stream ~= true and raw.stream ~= "default" then
      ck:bad("stream", "REQ-O-004", 'stream must be true or "default"')
    end
    C.stream = raw.stream
  end
  if raw.formats and not shapes.strings(raw.formats) then
    ck:bad("formats", "REQ-O-049", "formats must be a list of names")
  end
  for _, key in ipairs { "volatile", "sensitive" } do
    if raw[key] and not shapes.strings(raw[key]) then
      ck:bad(key, "REQ-O-007", "%s must be a list of field names", key)
    end
  end
  for _, name in ipairs(raw.volatile or {}) do ck.volatile[name] = true end
  if raw.max_output ~= nil then
    C.max_output = units.size(raw.max_output)
    if not C.max_output or C.max_output < 1024 then
      ck:bad("max_output", "REQ-F-052", "max_output must be a size of at least 1KiB")
    end
  end
end

-- Parameters ---------------------------------------------------------------------------------------------------------

local NONE = {}

-- The flags of the suite's own program (design §6): where it is that program, and those that `tool SUITE` has as well.
local function set_program_flags(C, suite)
  local program = host.program == suite.persona
  local own = program and suite.dialect.commands and suite.dialect.commands[table.concat(C.words, " ", 2)]
  for i, p in ipairs(own and own.plain and C.params or {}) do
    if own.plain[p.name] then
      C.params[i] = setmetatable({ plain = own.plain[p.name] }, { __index = p })
      C.by_name[p.name] = C.params[i]
    end
  end
  for _, p in ipairs(suite.flags) do
    if not p.host and not p.also and (program or p.everywhere) and not C.by_name[p.name] then
      C.params[#C.params + 1], C.by_name[p.name] = p, p
      if p.type == "secret" then
        for _, more in ipairs { "-from-env", "-from-file" } do
          C.by_name[p.name .. more] = suite.flag_by_name[p.name .. more]
        end
      end
    end
  end
end

-- C.params and C.by_name: the command's own, then those of the suite that it does not override.
local function set_params(ck, raw, C, suite)
  C.params, C.by_name = params.normalise(ck, raw.args or NONE, "args")
  if suite then
    if suite.dialect then set_program_flags(C, suite) end
    for _, p in ipairs(suite.params) do
      if not C.by_name[p.name] then C.params[#C.params + 1] = p end
    end
    for name, p in pairs(suite.by_name) do
      if not C.by_name[name] then C.by_name[name] = p end
    end
  end
  for _, p in ipairs(C.params) do
    if p.deprecated then C.ages = true end
    if p.access then C.path_access = true end
    if p.access == "read" then C.path_read = true end
  end
end

local function set_flags(ck, C)
  C.flags = flags.of(C)
  for _, p in ipairs(C.flags) do
    local own = C.by_name[p.name]
    if own and not p.alias_of then
      ck:bad("args", flags.reserved[p.name] or "REQ-C-015", "--%s is registered by the framework", p.name)
    elseif not own and not p.global then
      C.by_name[p.name] = p
    end
  end
end

-- What came from outside is tagged unless the author says otherwise (authoring §5, "Outside data").
local function set_external(C)
  if C.external == nil then
    C.external = (C.network or C.reads or C.runs or C.path_read) and true or false
  end
end

-- Is this a file of the shipped commands? Only these may use framework = true.
local function is_shipped(origin)
  if origin.shipped ~= nil then return origin.shipped end
  local root = host.paths and host.paths.commands
  local file = origin.file
  return root ~= nil and file ~= nil and file:sub(1, #root + 1) == root .. "/" and not file:find("/../", 1, true)
end

local COPIED = {
  "aliases", "creates", "deletes", "asks", "idempotent", "rules", "id", "formats", "stops", "resumable",
  "safe_default", "preserve_locale", "walk", "payload", "store", "archive", "unavailable",
  "serves", "terminal", "long_running", "since",
  "deprecated", "volatile",
  "sensitive", "min_schema_version", "framework", "verbatim", "rows", "dispatches", "native", "returns", "examples",
  "validate", "cleanup",
}

local function new_object(raw, origin)
  local words = origin.words
  local version = type(raw.version) == "string" and raw.version or "1.0"
  local C = {
    words = words, path = table.concat(words, "."), file = origin.file, raw = raw, suite = origin.suite,
    plugin = origin.plugin, about = raw.about, danger = DANGER[raw.danger] and raw.danger or "mutating",
    scopes = raw.scopes or {}, version = version:match("^%d+%.%d+") or "1.0", contract_version = version,
    placement = raw.placement or "any", columns = raw.table, has_preview = raw.preview ~= nil,
    has_undo = raw.undo ~= nil,
  }
  for _, key in ipairs(COPIED) do C[key] = raw[key] end
  C.ages = raw.deprecated ~= nil or nil        -- something of it is deprecated
  C.aliases, C.examples = C.aliases or {}, C.examples or {}
  if C.danger == "destructive" then C.reversible = raw.reversible or false else C.reversible = raw.reversible end
  return C
end

local function check_body(ck, raw, C, suite)
  ck.framework = raw.framework
  ck.danger, ck.creates, ck.placement = C.danger, raw.creates, raw.placement
  check_identity(ck, raw, C)
  check_danger(ck, raw, C)
  if raw.min_schema_version then
    check_compat(ck, raw, C)
  elseif raw.compat or raw.compat_schemas then
    ck:bad("min_schema_version", "REQ-O-014", "compat needs min_schema_version")
  end
  check_scopes(ck, raw)
  check_functions(ck, raw)
  check_examples(ck, raw)
  set_output(ck, raw, C)
  set_params(ck, raw, C, suite)
  for _, key in ipairs(TOUCHES) do
    local value = raw[key]
    if value ~= nil and value ~= false or key == "external" and value == false then touch[key](ck, C, value) end
  end
  set_timeout(ck, raw, C)
  set_external(C)
  set_flags(ck, C)
  if raw.rules then params.check_rules(ck, raw.rules, C.by_name) end
  results.check(ck, raw, C)
  outcomes.normalise(ck, raw, C, suite)
end

-- Steps that a check may take: tables of authors may be deep, endless or made up as they are read.
local CHECK_STEPS <const> = 10000000

-- Runs a check of an author's table; what it raises is a problem of that table.
local function guarded(fn, raw, origin)
  if not host.limited then return fn(raw, origin) end
  local ok, result, problems, warnings = host.limited(CHECK_STEPS, fn, raw, origin)
  if ok then return result, problems, warnings end
  local what = table.concat(origin.words or {}, " ")
  local why = type(result) == "string" and result:match("^[^\n]*"):sub(1, 200) or "it raises an error"
  return nil, { { command = what, rule = "REQ-F-015", key = "return", file = origin.file,
    message = ("framework error: %s: the contract cannot be checked: %s"):format(what, why) } }, {}
end

--- Checks and normalises the table that a command file returned.
-- @param raw the author's table
-- @param origin { words = {…}, file = path, suite = Suite|nil, plugin = Plugin|nil, full = true to compile patterns and
--   look for everything that costs time, shipped = overrides the test of the file's place }
-- @return C (see the normalised contract), {} , warnings; or nil, problems, warnings.
--   A problem is { command, rule, key, message, file }; a warning is a string.
local function check_command(raw, origin)
  local ck = new_checker(table.concat(origin.words, " "), origin)
  if type(raw) ~= "table" then
    ck:bad("return", "REQ-F-015", "the file must return a table, not a %s", type(raw))
    return nil, ck.problems, ck.warnings
  end
  check_keys(ck, raw, KEYS, "contract")
  for _, key in ipairs { "framework", "verbatim", "rows", "places", "probes", "confines", "dispatches" } do
    if raw[key] and not is_shipped(origin) then
      ck:bad(key, "REQ-C-002", "%s is reserved for shipped commands", key)
    end
  end
  raw = well_typed(raw, KEYS)
  local C = new_object(raw, origin)
  check_body(ck, raw, C, origin.suite)
  C.warnings = ck.warnings
  if #ck.problems > 0 then return nil, ck.problems, ck.warnings end
  return C, ck.problems, ck.warnings
end

function contract.check(raw, origin)
  return guarded(check_command, raw, origin)
end

-- Suites, groups, plugins --------------------------------------------------------------------------------------------


--- Checks and normalises what a suite.lua, a group.lua or a plugin.lua returned; see contract.owners.
function contract.suite(raw, origin)
  return guarded(require("contract.owners").suite, raw, origin)
end

function contract.group(raw, origin)
  return guarded(require("contract.owners").group, raw, origin)
end

function contract.plugin(raw, origin)
  return guarded(require("contract.owners").plugin, raw, origin)
end

--- What the checks of owners share with that of commands.
contract.checker = { new = new_checker, keys = check_keys, well_typed = well_typed }

--- Looks through a command's source for what its contract does not declare; see contract.lint.
function contract.lint(source, C, origin)
  return require("contract.lint").scan(source, C, origin)
end

--- Checks all contracts against each other; see contract.cross.
function contract.cross(all, options)
  return require("contract.cross").check(all, options)
end

return contract
