--- The manifest: every command as data.
-- Promise: `data` fits the closed schema of manifest-response.json; what that schema has no room for stands in `meta`
-- (contracts, global_flags, environment, dependencies); everything comes from contracts, and equal contracts give an
-- equal etag. Sources: REQ-O-041, REQ-O-013, REQ-C-015, REQ-F-073, REQ-F-075, REQ-O-031.

local exits = require "exits"
local host = require "host"
local schema = require "schema"

local manifest = {}

local array, object = host.json.array, host.json.object

--- Version of the manifest's own shape.
manifest.SCHEMA_VERSION = "1.0"

local function strings(list)
  local copy = {}
  for i, s in ipairs(list or {}) do copy[i] = s end
  return array(copy)
end

-- Flags ----------------------------------------------------------------------------------------------------------

-- "--mode duplex" or "--queue", the condition of a rule as text.
local function condition(rule)
  local name, is = rule.when or rule.unless, rule.is
  if is == nil then return "--" .. name end
  return "--" .. name .. " " .. (type(is) == "table" and table.concat(is, "|") or tostring(is))
end

-- Sentences about dependencies: parameter name -> array of texts (REQ-C-026).
local function rule_sentences(C)
  local by_name = {}
  local function say(name, text)
    by_name[name] = by_name[name] or {}
    table.insert(by_name[name], text)
  end
  for _, rule in ipairs(C.rules or {}) do
    local with = rule.when and "with " or "without "
    for _, name in ipairs(rule.need or {}) do say(name, "required " .. with .. condition(rule)) end
    for _, name in ipairs(rule.bar or {}) do
      say(name, (rule.when and "not together with " or "only with ") .. condition(rule))
      if rule.when then say(rule.when, "not together with --" .. name) end
    end
    local names = {}
    for name in pairs(rule.set or {}) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
      say(name, tostring(rule.set[name]) .. " " .. with .. condition(rule))
    end
  end
  return by_name
end

-- A global flag as a Param.
local function global_param(g)
  local one_of = g.one_of
  if g.choices then
    one_of = {}
    for word in g.choices:gmatch("%S+") do one_of[#one_of + 1] = word end
  end
  return { name = g.name, type = g.type, about = g.about, short = g.short, one_of = one_of, required = false,
           default = g.type == "boolean" and false or nil }
end

local function global_named(name)
  for _, g in ipairs(host.globals or {}) do
    if g.name == name then return g end
  end
end

local function milliseconds_text(ms)
  if ms % 1000 == 0 then return ("%ds"):format(ms // 1000) end
  return ("%dms"):format(ms)
end

--- The flags of a command: name -> FlagEntry.
function manifest.flags(C, full)
  local out, sentences = {}, rule_sentences(C)
  local function add(p)
    local rules = sentences[p.name] or sentences[p.secret_for]
    if rules then
      p = setmetatable({ rules = rules }, { __index = p })
    end
    out[p.name] = schema.param(p, full)
  end
  for _, p in ipairs(C.params) do
    if p.type == "secret" then
      add(C.by_name[p.name .. "-from-env"])
      add(C.by_name[p.name .. "-from-file"])
    else
      add(p)
    end
  end
  for _, p in ipairs(C.flags) do add(p) end
  local timeout = (C.network or C.raw.timeout) and global_named("timeout")
  if timeout then
    local p = global_param(timeout)
    p.default = C.timeout_ms == 0 and "0" or milliseconds_text(C.timeout_ms)
    add(p)
  end
  return object(out)
end

-- Entries --------------------------------------------------------------------------------------------------------

local function exit_codes(map)
  local out = {}
  for number, e in pairs(map) do
    out[tostring(number)] = {
      name = e.name, description = e.description, retryable = e.retryable, side_effects = e.side_effects,
    }
  end
  return object(out)
end

local function output_formats(C)
  local list, seen = {}, {}
  local function add(name)
    if not seen[name] then list[#list + 1] = name end
    seen[name] = true
  end
  add("table")
  if C.id then add("id") end
  for _, name in ipairs(C.formats or {}) do add(name) end
  table.sort(list)
  return array(list)
end

local function examples(C)
  local list = {}
  for i, e in ipairs(C.examples) do list[i] = { description = e[1], command = e[2] } end
  return array(list)
end

local function command_entry(C, full)
  return {
    description = C.about, danger_level = C.danger, flags = manifest.flags(C, full), exit_codes = exit_codes(C.exits),
    aliases = #C.aliases > 0 and strings(C.aliases) or nil, output_schema = schema.output(C),
    output_formats = output_formats(C), examples = #C.examples > 0 and examples(C) or nil,
  }
end

local GROUP_EXITS = {}
for _, number in ipairs(exits.implied) do GROUP_EXITS[number] = exits.entry(number, "safe") end
GROUP_EXITS[0] = { name = "SUCCESS", description = "The help is shown", retryable = false, side_effects = "none" }

local function group_entry(path, group)
  local about = group and group.about or ("Commands of %s"):format((path:gsub("%.", " ")))
  return {
    description = about, danger_level = "safe", flags = object {}, exit_codes = exit_codes(GROUP_EXITS),
    aliases = group and #group.aliases > 0 and strings(group.aliases) or nil,
  }
end

-- A group answers with its help (REQ-F-068).
local GROUP_OUTPUT = {
  ["$schema"] = "http://json-schema.org/draft-07/schema#", type = "object", required = { "usage", "commands" },
  properties = {
    usage = { type = "string" },
    commands = { type = "array", items = { type = "object", required = { "name" },
      properties = { name = { type = "string" }, description = { type = "string" } } } },
  },
}

local function full_group_entry(group)
  local entry = group_entry(group.path, group)
  entry.command, entry.parameters, entry.output_schema = table.concat(group.words, " "), entry.flags, GROUP_OUTPUT
  entry.required_scopes, entry.option_placement = array {}, "any"
  return entry
end

-- Extensions -----------------------------------------------------------------------------------------------------

-- The graph of REQ-C-026. unless_flag: the row holds where that flag is not given. A default by a rule holds where its
-- if_flag is absent, and with if_present where it is given.
local function requires_of(C)
  local list = {}
  for _, rule in ipairs(C.rules or {}) do
    local function row(effect, names)
      if names then
        list[#list + 1] = { if_flag = rule.when, unless_flag = rule.unless, if_value = rule.is, [effect] = strings(names) }
      end
    end
    row("then_required", rule.need)
    row("prohibited", rule.bar)
    local names = {}
    for name in pairs(rule.set or {}) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do
      list[#list + 1] = {
        if_flag = rule.unless or rule.when, if_present = rule.when and true or nil, if_value = rule.is,
        target_flag = name, default = rule.set[name],
      }
    end
  end
  return #list > 0 and array(list) or nil
end

local function secret_env_vars(C)
  local list, seen = {}, {}
  local function add(name)
    if name and not seen[name] then list[#list + 1] = name end
    seen[name or 0] = true
  end
  for _, p in ipairs(C.params) do
    if p.type == "secret" then add(p.env) add(p.env_file) end
  end
  for _, name in ipairs(C.auth and C.auth.env or {}) do add(name) end
  return #list > 0 and array(list) or nil
end

local function declared_errors(C)
  local out = {}
  for code, e in pairs(C.errors) do
    out[code] = {
      message = e.message, exit_code = e.exit, exit_name = e.exit_name, retry_after_ms = e.after_ms,
      retry_strategy = e.backoff, fix_required = e.fix, fix_command = e.run, suggestion = e.hint, docs_url = e.docs,
    }
  end
  return next(out) and object(out) or nil
end

local function dependency(tool, need)
  local check = need.check or { tool, "--version" }
  return {
    name = tool, check_command = table.concat(check, " "), version_regex = need.version or "([0-9]+(\\.[0-9]+)*)",
    min_version = need.min or host.json.null, max_version = need.max or host.json.null,
    fix_command = need.fix or host.json.null,
  }
end

local function tool_versions(C)
  local out = {}
  for tool, need in pairs(C.needs or {}) do out[tool] = need.min or "0" end
  return object(out)
end

local function side_effects(C)
  if not C.writes then return nil end
  local list = {}
  for i, w in ipairs(C.writes) do
    list[i] = { path = w.path, type = w.type, ttl_seconds = w.ttl_seconds, clearable_with = w.clear }
  end
  return array(list)
end

-- What the declared touches look like from outside; called with an empty table to fill.
local function add_touches(ext, C, program)
  if C.network then ext.has_network_io = true end
  if C.runs then
    ext.subprocess = {
      binary = C.runs.binary, hardcoded_args = strings(C.runs.fixed), user_controlled_args = strings(C.runs.from),
    }
  end
  ext.filesystem_side_effects = side_effects(C)
  ext.filesystem_reads = C.reads and strings(C.reads) or nil
  ext.config_write_scope = C.danger ~= "safe" and C.config or nil
  if C.gui then ext.gui_operations, ext.headless_behavior = strings(C.gui.operations), C.gui.headless end
  if C.background then
    ext.spawns_background_process = true
    ext.cleanup_command = program .. " " .. C.background.stop
    ext.max_lifetime_seconds = C.background.lifetime_seconds
  end
  if C.job then
    ext["async"] = true
    ext.job_descriptor_schema = C.job.schema or require("schema.publish").descriptor()
    ext.poll_interval_ms = C.job.poll_ms
  end
  if C.auth then
    ext.headless_supported, ext.token_env_vars = C.auth.headless, strings(C.auth.env)
  end
  if C.editor then ext.requires_editor, ext.non_interactive_alternatives = true, strings(C.editor) end
  if C.stdin then
    ext.stdin_input, ext.stdin_format = true, C.stdin.format
    ext.stdin_fallback, ext.non_tty_behavior, ext.overflow_flag = true, "fail_with_exit_4", "--input-file"
    ext.overflow_hint = "Save the input to disk and pass --input-file <path>"
  end
  ext.recursive_traversal, ext.store, ext.serves, ext.terminal = C.walk, C.store, C.serves, C.terminal
  ext.archive, ext.unavailable = C.archive, C.unavailable
end

local function add_behaviour(ext, C)
  if C.danger ~= "safe" then
    ext.reversible = C.reversible
    ext.requires_confirmation = C.danger == "destructive" and not C.safe_default
    ext.idempotency_key, ext.dry_run = true, C.has_preview
  end
  ext.interactive, ext.idempotent, ext.creates, ext.deletes = C.asks, C.idempotent, C.creates, C.deletes
  ext.safe_default = C.safe_default
  ext.primary_id_field, ext.default_limit = C.id, C.page
  if C.stream then ext.supports_streaming, ext.streaming_default = true, C.stream == "default" end
  if C.steps then ext.steps = strings(C.steps) end
  ext.resumable = C.resumable
  if C.has_undo then ext.rollback_available = true end
  ext.batch, ext.long_running = C.batch, C.long_running
  ext.retry = C.retry and { max = C.retry.max, delay_ms = C.retry.delay_ms } or nil
  ext.supports_raw_payload = C.payload
  ext.introduced_in = C.since
  if C.deprecated then
    ext.deprecated_in, ext.replacement, ext.removed_in = C.deprecated.since, C.deprecated.use, C.deprecated.remove
  end
  if C.min_schema_version then ext.schema_version, ext.min_schema_version = C.version, C.min_schema_version end
  ext.nondeterministic_fields = C.volatile and strings(C.volatile) or nil
  ext.sensitive_fields = C.sensitive and strings(C.sensitive) or nil
  ext.max_output_bytes = C.max_output
  if type(C.external) == "table" then ext.external = strings(C.external) else ext.external = C.external or nil end
end

local ALL_PLATFORMS = { "linux", "darwin" }

--- The facts about a command that the closed manifest has no room for.
-- @param full also those that are only published on request (`tool <command> --schema`)
function manifest.extension(C, full)
  local program = host.program or "tool"
  local ext = {
    command = (C.path:gsub("%.", " ")), required_scopes = strings(C.scopes), option_placement = C.placement,
    version = C.contract_version, timeout_ms = C.timeout_ms, requires = requires_of(C),
    secret_env_vars = secret_env_vars(C),
  }
  if full or C.platform then ext.platform = strings(C.platform or ALL_PLATFORMS) end
  if full or C.needs then ext.required_tools = tool_versions(C) end
  ext.shell_requirements = C.shell
  ext.columns = C.columns and strings(C.columns) or nil
  ext.errors = declared_errors(C)
  add_behaviour(ext, C)
  add_touches(ext, C, program)
  local variants = schema.variants(C)
  if next(variants) then ext.output_variants = variants end
  return ext
end

-- The schema of --raw-payload: one property per parameter (REQ-O-032).
local function payload_schema(C)
  local properties, required = {}, {}
  for _, p in ipairs(C.params) do
    if p.type ~= "secret" then
      local e = schema.param(p)
      local kind = e.type == "enum" and "string" or e.type
      if p.type == "map" then kind = "object" elseif p.type == "json" then kind = nil end
      properties[p.name] = { type = kind, description = p.about, enum = e.enum_values }
      if p.required then required[#required + 1] = p.name end
    end
  end
  table.sort(required)
  return {
    type = "object", properties = object(properties), required = array(required), additionalProperties = false,
  }
end

--- One command's entry. With { full = true }, the answer of `tool <command> --schema`: CommandEntry, `parameters`,
--- and every extension key.
function manifest.entry(C, options)
  local full = options and options.full
  if C.group then return full and full_group_entry(C) or group_entry(C.path, C) end
  local entry = command_entry(C, full)
  if not full then return entry end
  entry.parameters = entry.flags
  for key, value in pairs(manifest.extension(C, true)) do entry[key] = value end
  if C.payload then entry.raw_payload_schema = payload_schema(C) end
  if C.needs then
    local list = {}
    for tool, need in pairs(C.needs) do list[#list + 1] = dependency(tool, need) end
    table.sort(list, function(a, b) return a.name < b.name end)
    entry.dependencies = array(list)
  end
  return entry
end

-- The whole tree -------------------------------------------------------------------------------------------------

local function parent_of(path)
  return path:match("^(.*)%.[^.]*$")
end

-- Entries for all parents that have none, and `subcommands` everywhere.
local function add_groups(commands, groups)
  local paths = {}
  for path in pairs(commands) do paths[#paths + 1] = path end
  for _, path in ipairs(paths) do
    local parent = parent_of(path)
    while parent do
      if not commands[parent] then commands[parent] = group_entry(parent, groups[parent]) end
      parent = parent_of(parent)
    end
  end
  local children = {}
  for path in pairs(commands) do
    local parent = parent_of(path)
    if parent then
      children[parent] = children[parent] or {}
      table.insert(children[parent], path)
    end
  end
  for path, list in pairs(children) do
    table.sort(list)
    commands[path].subcommands = array(list)
  end
end

local HOST_ENVIRONMENT = {
  { "TOOL_OUTPUT", "Default of --output" }, { "TOOL_DEBUG", "1 as --debug" },
  { "TOOL_CONFIG", "Configuration file instead of the project's" }, { "TOOL_INSTANCE_ID", "Separate state, as --instance-id" },
  { "TOOL_TRACE_ID", "Trace that this run belongs to" },
  { "TOOL_MAX_OUTPUT_BYTES", "Largest answer in bytes" }, { "TOOL_MAX_STDIN_BYTES", "Largest standard input in bytes" },
  { "TOOL_NO_UPDATE", "1 switches update checks off" }, { "TOOL_NO_TELEMETRY", "No data is ever sent; accepted" },
  { "TOOL_DEV", "1 shows warnings about contracts" }, { "NO_COLOR", "No colour, JSON by default" },
  { "CI", "No colour, no questions, JSON by default" }, { "HTTP_PROXY", "Proxy for http" },
  { "HTTPS_PROXY", "Proxy for https" }, { "NO_PROXY", "Hosts that are reached without a proxy" },
  { "SSL_CERT_FILE", "Certificates that are trusted" }, { "REQUESTS_CA_BUNDLE", "Certificates that are trusted" },
  { "XDG_CONFIG_HOME", "Base of configuration files" }, { "XDG_DATA_HOME", "Base of data files" },
  { "XDG_CACHE_HOME", "Base of cache files" }, { "EDITOR", "Editor on a terminal" },
  { "VISUAL", "Editor on a terminal, before EDITOR" },
  { "TOOL_AUDIT_LOG", "Path of the audit log; off writes none" },
  { "TOOL_JOB_ID", "Set by the tool itself: the job that this run is" },
  { "TOOL_SCOPES", "Scopes of the credential, where nothing else says them" },
  { "TOOL_COMMANDS_PATH", "Further folders of commands, separated by colons" },
  { "TOOL_PLUGIN_PATH", "Further folders of plugins, separated by colons" },
  { "TOOL_NATIVE_PATH", "Folder of native modules that commands declare" },
  { "HOME", "Base of everything that belongs to the user" }, { "PATH", "Where programs are found" },
  { "PWD", "Name of the current directory, where it is true" }, { "TMPDIR", "Where the runs' own directories are" },
  { "XDG_STATE_HOME", "Base of state files" }, { "TERM", "dumb: no colour" },
  { "GITHUB_ACTIONS", "No colour" }, { "JENKINS_URL", "No colour" }, { "NO_TELEMETRY", "No data is ever sent; accepted" },
  { "DISPLAY", "A desktop is there" }, { "WAYLAND_DISPLAY", "A desktop is there" },
  { "SHELLOPTS", "Whether the shell uses pipefail, where it says so" },
  { "LANG", "Which lines a terminal can draw" }, { "LC_ALL", "Which lines a terminal can draw" },
  { "LC_CTYPE", "Which lines a terminal can draw" },
}

local function environment(contracts)
  local by_name = {}
  local function add(name, description, required)
    if name and not by_name[name] then
      by_name[name] = { name = name, description = description, required = required or false }
    end
  end
  for _, row in ipairs(HOST_ENVIRONMENT) do add(row[1], row[2]) end
  for _, C in ipairs(contracts) do
    for _, p in ipairs(C.params or {}) do
      add(p.env, p.about)
      if p.env_file then add(p.env_file, "File that holds: " .. p.about) end
    end
    local file = C.suite and C.suite.config
    if file and file.env then add(file.env, "Configuration file instead of " .. file.file) end
    for _, name in ipairs(C.auth and C.auth.env or {}) do add(name, "Credential of " .. C.path:gsub("%.", " ")) end
  end
  local list = {}
  for _, row in pairs(by_name) do list[#list + 1] = row end
  table.sort(list, function(a, b) return a.name < b.name end)
  return array(list)
end

manifest.environment = environment

--- Every program that some contract needs, strictest minimum first named: array of rows of REQ-O-031.
function manifest.dependencies(contracts)
  local at_least = require("contract").at_least
  local needs = {}
  for _, C in ipairs(contracts) do
    for tool, need in pairs(C.needs or {}) do
      local known = needs[tool]
      if not known then
        needs[tool] = { min = need.min, max = need.max, check = need.check, version = need.version, fix = need.fix }
      else
        if need.min and (not known.min or at_least(need.min, known.min)) then known.min = need.min end
        if need.max and (not known.max or at_least(known.max, need.max)) then known.max = need.max end
        known.check, known.version = known.check or need.check, known.version or need.version
        known.fix = known.fix or need.fix
      end
    end
  end
  local list = {}
  for tool, need in pairs(needs) do list[#list + 1] = dependency(tool, need) end
  table.sort(list, function(a, b) return a.name < b.name end)
  return array(list), needs
end

--- The global flags: name -> FlagEntry.
function manifest.global_flags()
  local out = {}
  for _, g in ipairs(host.globals or {}) do out[g.name] = schema.param(global_param(g)) end
  return object(out)
end

local function within(path, prefix)
  return not prefix or path == prefix or path:sub(1, #prefix + 1) == prefix .. "."
end

-- Does a path or a description hold the word, in any case of letters?
local function names_it(path, entry, word)
  word = word:lower()
  return path:gsub("%.", " "):lower():find(word, 1, true) or (entry.description or ""):lower():find(word, 1, true)
end

-- Drops what is outside the prefix, deeper than depth levels below it, of another danger level, or without the word.
-- entries: the CommandEntry of each path of the map.
local function select_commands(map, options, entries)
  local prefix, depth, word, danger = options.prefix, options.depth, options.match, options.danger
  if not prefix and not depth and not word and not danger then return map end
  local levels = prefix and select(2, prefix:gsub("%.", "")) + 1 or 0
  local out = {}
  for path, entry in pairs(map) do
    local below = select(2, path:gsub("%.", "")) + 1 - levels
    local known = entries[path]
    if within(path, prefix) and (not depth or below <= depth) and (not danger or known.danger_level == danger
        and known.output_schema) and (not word or names_it(path, known, word)) then
      out[path] = entry
    end
  end
  return object(out)
end

-- The contract as the suite's own program shows it: the suite is the root of its tree (design §6).
local function at_root(C, root)
  if C.words[1] ~= root then return C end
  local copy = {}
  for key, value in pairs(C) do copy[key] = value end
  copy.words = table.move(C.words, 2, #C.words, 1, {})
  copy.path = table.concat(copy.words, ".")
  copy.suite = nil
  return #copy.words > 0 and copy or nil
end

--- The manifest of contracts (array of C and of groups and suites, in any order).
-- @param options { prefix = dot path, depth = levels below it, match = word of the path or
--   description, danger = level }; they select what is shown, the etag is of the whole;
--   root = name of the suite whose own program asks
-- @return data (ManifestResponse), meta { contracts, global_flags, environment, dependencies }
function manifest.build(contracts, options)
  local commands, extensions, groups, leaves = {}, {}, {}, {}
  local function note_group(group)
    local known = groups[group.path]
    if not known or not known.about then groups[group.path] = group end
  end
  for _, contract in ipairs(contracts) do
    local C = options and options.root and at_root(contract, options.root) or not (options and options.root) and contract
    if not C then
      goto continue
    elseif C.group then
      note_group(C)
    else
      leaves[#leaves + 1] = C
      commands[C.path] = command_entry(C)
      extensions[C.path] = manifest.extension(C)
      if C.suite then note_group(C.suite) end
    end
    ::continue::
  end
  add_groups(commands, groups)
  local whole = host.json.encode { commands = object(commands), contracts = object(extensions) }
  local shown = select_commands(object(commands), options or {}, commands)
  local data = {
    schema_version = manifest.SCHEMA_VERSION, framework_version = host.version,
    etag = "sha256:" .. host.hash.sha256(whole), commands = shown,
  }
  local meta = {
    contracts = select_commands(object(extensions), options or {}, commands), global_flags = manifest.global_flags(),
    environment = environment(leaves), dependencies = (manifest.dependencies(leaves)),
  }
  return data, meta
end

return manifest
