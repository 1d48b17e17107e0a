--- Exit codes and errors of a contract.
-- Promise: merges what the author, the suite and the host declare into C.exits, C.exit_of and C.errors, and refuses
-- every combination that an agent could misread. Sources: REQ-C-001, REQ-C-013, REQ-C-014, REQ-C-030, REQ-F-001,
-- authoring §5.

local exits = require "exits"
local units = require "units"

local outcomes = {}

local NUMBERS, NAMES = exits.numbers, exits.names
local SIDE_EFFECTS = { none = true, partial = true, complete = true }

local function literal(ck, key, number)
  if NAMES[number] then
    return ck:bad(key, "REQ-C-001", "use %s, not literal %s", NAMES[number], tostring(number))
  elseif number >= 79 and number <= 125 then
    return ck:bad(key, "REQ-C-001", "code %s needs a name", tostring(number))
  end
  ck:bad(key, "REQ-C-001", "code %s is reserved", tostring(number))
end

-- The number for a declared name, or nil after a complaint.
local function number_of(ck, name, code)
  local standard = NUMBERS[name] or (name == "ALREADY_EXISTS" and 6 or nil)
  if standard then
    if code ~= nil and code ~= standard then
      ck:bad("exits", "REQ-C-001", "%s is code %d, not %s", name, standard, tostring(code))
    elseif name == "ALREADY_EXISTS" and not ck.creates then
      return ck:bad("exits", "REQ-C-028", "exit ALREADY_EXISTS needs creates")
    end
    return standard
  end
  if math.type(code) ~= "integer" then
    return ck:bad("exits", "REQ-C-001", "exit %s needs a code from 79 to 125%s", name, ck:nearest(name, NUMBERS))
  elseif NAMES[code] then
    return ck:bad("exits", "REQ-C-001", "use %s, not literal %d", NAMES[code], code)
  elseif code < 64 or code > 125 then
    return ck:bad("exits", "REQ-C-001", "code %d is reserved", code)
  end
  return code
end

local function check_entry(ck, name, number, entry)
  local text = entry.description
  if type(text) ~= "string" or text == "" or utf8.len(text) == nil or utf8.len(text) > 120 then
    ck:bad("exits", "REQ-C-001", "exit %s: description must be 1 to 120 characters", name)
  end
  if type(entry.retryable) ~= "boolean" then
    ck:bad("exits", "REQ-C-001", "exit %s: retryable must be true or false", name)
  end
  if not SIDE_EFFECTS[entry.side_effects] then
    ck:bad("exits", "REQ-C-001", 'exit %s: side_effects must be "none", "partial" or "complete"', name)
  elseif entry.side_effects == "complete" and number ~= 0 then
    ck:bad("exits", "REQ-C-001", 'exit %s: only SUCCESS may be side_effects: "complete"', name)
  end
  if entry.retryable == true and entry.side_effects ~= "none" then
    ck:bad("exits", "REQ-C-001", 'exit %s: retryable: true requires side_effects: "none"', name)
  end
  if number == 2 and entry.side_effects ~= "none" then
    ck:bad("exits", "REQ-C-001", 'exit ARG_ERROR is always side_effects: "none"')
  elseif number == 3 and entry.retryable then
    ck:bad("exits", "REQ-C-001", "exit PARTIAL_FAILURE is never retryable")
  end
end

local ENTRY_KEYS = { code = true, retryable = true, side_effects = true }

local function entry_of(ck, name, value)
  local t = type(value) == "table" and value or { value }
  if t == value then
    for k in pairs(t) do
      if k ~= 1 and not ENTRY_KEYS[k] then
        ck:bad("exits", "REQ-C-001", "exit %s: unknown key %s%s", name, tostring(k), ck:nearest(k, ENTRY_KEYS))
      end
    end
  end
  local number = number_of(ck, name, t.code)
  if not number then return end
  local default = exits.entry(number, ck.danger)
  local entry = {
    name = name, description = t[1], retryable = t.retryable, side_effects = t.side_effects,
  }
  if entry.retryable == nil then entry.retryable = default and default.retryable or false end
  if entry.side_effects == nil then
    entry.side_effects = default and default.side_effects or "partial"
    if entry.retryable and t.retryable and default and entry.side_effects ~= "none" then entry.side_effects = "none" end
  end
  check_entry(ck, name, number, entry)
  return number, entry
end

-- Adds the entries of one `exits` map; a later map overrides an earlier one.
local function add(ck, map, C)
  local seen = {}
  for name, value in pairs(map) do
    ck.within = name
    if type(name) == "number" then
      literal(ck, "exits", name)
    elseif type(name) ~= "string" or not name:find("^[A-Z][A-Z0-9_]+$") then
      ck:bad("exits", "REQ-C-001", "exit name %q must match [A-Z][A-Z0-9_]+", tostring(name))
    else
      local number, entry = entry_of(ck, name, value)
      if number and seen[number] then
        ck:bad("exits", "REQ-C-001", "exits %s and %s are the same code %d", name, seen[number], number)
      elseif number then
        seen[number] = name
        C.exits[number], C.exit_of[name] = entry, number
      end
    end
  end
  ck.within = nil
end

--- Makes sure that a code is in C.exits; `name` overrides the standard name.
local function merge(C, number, name)
  local entry = C.exits[number]
  local standard = NAMES[number] or exits.defaults[number].name
  if not entry then
    entry = exits.entry(number, C.danger)
    if name then
      entry = { name = name, description = entry.description, retryable = entry.retryable,
                side_effects = entry.side_effects }
    end
    C.exits[number] = entry
  elseif name and entry.name ~= name then
    C.exits[number] = { name = name, description = entry.description, retryable = entry.retryable,
                        side_effects = entry.side_effects }
  end
  C.exit_of[standard] = number
  if name then C.exit_of[name] = number end
end

-- The codes that follow from what the command declares.
local function merge_implied(C)
  for _, number in ipairs(exits.implied) do merge(C, number) end
  if C.danger ~= "safe" then merge(C, 3) merge(C, 6, C.creates and "ALREADY_EXISTS" or nil) end
  if C.steps or C.batch then merge(C, 3) end
  if C.creates then merge(C, 6, "ALREADY_EXISTS") end
  if C.deletes then merge(C, 5) end
  if C.auth then merge(C, 8) end
  if #C.scopes > 0 then merge(C, 7) merge(C, 8) end
  if C.network then merge(C, 7) merge(C, 8) merge(C, 12) end
  if C.reads or C.writes or C.path_access then merge(C, 5) merge(C, 7) end
end

-- C.exits and C.exit_of from the suite's map, the command's map and what the host implies.
local function make_exits(ck, raw, C, suite)
  C.exits, C.exit_of = {}, {}
  if suite and suite.exits then add(ck:quiet(), suite.exits, C) end
  if type(raw) ~= "table" then
    ck:bad("exits", "REQ-C-001", "exit_codes declaration is required")
  else
    if raw.SUCCESS == nil then ck:bad("exits", "REQ-C-001", 'exit_codes must include SUCCESS (key "0")') end
    if ck.creates and raw.CONFLICT ~= nil then
      ck:bad("exits", "REQ-C-028", "creates: CONFLICT must not be redeclared under another meaning")
    end
    add(ck, raw, C)
  end
  merge_implied(C)
  if C.job and C.exits[0] and C.exits[0].side_effects == "complete" then C.exits[0].side_effects = "partial" end
end

local ERROR_KEYS = {
  exit = true, fix = true, hint = true, docs = true, run = true, after = true, backoff = true, message = true,
}
local BACKOFF = { immediate = "immediate", linear = "linear_backoff", exponential = "exponential_backoff" }

local function check_fix(ck, code, e, exit, retryable)
  if e.fix ~= nil and retryable then
    ck:bad("errors", "REQ-C-014", "error %s: fix needs a non-retryable exit", code)
  elseif exits.correctable[exit] and e.fix == nil then
    ck:bad("errors", "REQ-C-013", "recoverable error %s needs a hint: exit %s needs fix", code,
      NAMES[exit])
  elseif exit == 7 and e.fix ~= nil then
    ck:bad("errors", "REQ-C-030", "error %s: exit PERMISSION_DENIED is terminal and takes no fix", code)
  end
  if e.run == nil then return end
  if type(e.run) ~= "string" or e.run == "" then
    return ck:bad("errors", "REQ-C-030", "error %s: run must be a command line", code)
  end
  if e.fix == nil then ck:bad("errors", "REQ-C-030", "error %s: fix_command needs fix_required", code) end
  if e.run:find("[<>$]") then
    ck:bad("errors", "REQ-C-030", "error %s: fix_command contains a placeholder; use fix_required prose instead", code)
  end
  if e.run:find("[|;&`\n]") then
    ck:bad("errors", "REQ-C-030", "error %s: fix_command contains a shell operator", code)
  end
end

local function check_retry(ck, code, e, retryable)
  local after_ms, backoff
  if e.after ~= nil then
    after_ms = select(2, units.duration(e.after))
    if math.type(after_ms) ~= "integer" then
      after_ms = ck:bad("errors", "REQ-C-014", "error %s: after must be a duration", code)
    end
  end
  if e.backoff ~= nil then
    backoff = BACKOFF[e.backoff]
    if not backoff then
      ck:bad("errors", "REQ-C-014", 'error %s: backoff must be "immediate", "linear" or "exponential"', code)
    end
  end
  if (e.after ~= nil or e.backoff ~= nil) and not retryable then
    ck:bad("errors", "REQ-C-014", "error %s: after/backoff need a retryable exit", code)
  end
  return after_ms, backoff
end

-- The number of the exit that an error names, merging standard ones into C.exits; nil after a complaint.
local function exit_of_error(ck, code, name, C)
  if name == nil then return ck:bad("errors", "REQ-C-013", "error %s has no exit", code) end
  if type(name) == "number" then
    return ck:bad("errors", "REQ-C-001", "error %s: use %s, not literal %s", code, NAMES[name] or "a name", name)
  end
  local number = C.exit_of[name] or NUMBERS[name]
  if not number then
    return ck:bad("errors", "REQ-C-013", "error %s uses exit %s, which exits does not declare%s", code, tostring(name),
      ck:nearest(name, C.exit_of))
  end
  if not C.exits[number] then merge(C, number) end
  return number
end

local function text_or_nil(ck, code, e, field)
  local value = e[field]
  if value ~= nil and (type(value) ~= "string" or value == "") then
    return ck:bad("errors", "REQ-C-013", "error %s: %s must be a sentence", code, field)
  end
  return value
end

-- One declared error in the form of C.errors, or nil.
local function error_of(ck, code, raw, C)
  if type(code) ~= "string" or not code:find("^[A-Z][A-Z0-9_]+$") then
    return ck:bad("errors", "REQ-C-013", "error code %q must match [A-Z][A-Z0-9_]+", tostring(code))
  end
  local known = exits.codes[code]
  local e = type(raw) == "table" and raw or { raw }
  for k in pairs(e) do
    if k ~= 1 and not ERROR_KEYS[k] then
      ck:bad("errors", "REQ-C-013", "error %s: unknown key %s%s", code, tostring(k), ck:nearest(k, ERROR_KEYS))
    end
  end
  local message = e[1] or e.message or known and known.message
  if type(message) ~= "string" or message == "" then
    ck:bad("errors", "REQ-C-013", "error %s has no message", code)
  end
  local number = exit_of_error(ck, code, e.exit or known and known.exit, C)
  if not number then return end
  local retryable = C.exits[number].retryable
  if known and e.fix == nil and known.exit == NAMES[number] and not retryable then
    e = setmetatable({ fix = known.fix }, { __index = e })
  end
  check_fix(ck, code, e, number, retryable)
  local after_ms, backoff = check_retry(ck, code, e, retryable)
  return {
    message = message, exit = number, exit_name = C.exits[number].name, backoff = backoff,
    after_ms = after_ms or retryable and (exits.retry_after_ms[number] or 1000) or nil,
    fix = text_or_nil(ck, code, e, "fix"), hint = text_or_nil(ck, code, e, "hint"),
    docs = text_or_nil(ck, code, e, "docs"), run = e.run,
  }
end

-- Framework errors of any command that talks to a service (authoring §5, "HTTP").
local SERVICE = {
  "SERVICE_REJECTED", "SERVICE_ERROR", "UNAVAILABLE", "UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND", "CONFLICT",
  "RATE_LIMITED",
}

local function add_framework_error(C, code)
  if C.errors[code] then return end
  local known = exits.codes[code]
  local number = C.exit_of[known.exit] or NUMBERS[known.exit]
  merge(C, number)
  local entry = C.exits[number]
  C.errors[code] = {
    message = known.message, exit = number, exit_name = entry.name, hint = known.hint,
    fix = not entry.retryable and known.fix or nil,
    after_ms = entry.retryable and (exits.retry_after_ms[number] or 1000) or nil,
  }
end

local function make_errors(ck, raw, C, suite)
  C.errors = {}
  if suite and suite.errors then
    local quiet = ck:quiet()
    for code, value in pairs(suite.errors) do C.errors[code] = error_of(quiet, code, value, C) end
  end
  if raw ~= nil and type(raw) ~= "table" then
    ck:bad("errors", "REQ-C-013", "errors must be a table of CODE = { message, exit = NAME }")
  elseif raw then
    for code, value in pairs(raw) do
      ck.within = code
      local e = value ~= false and error_of(ck, code, value, C)
      if e then C.errors[code] = e end
    end
    ck.within = nil
  end
  if not C.network then return end
  if suite and suite.service then
    for _, code in ipairs(SERVICE) do add_framework_error(C, code) end
    local map = suite.service.errors
    for _, code in pairs(type(map) == "table" and map or {}) do
      if type(code) == "string" and exits.codes[code] then add_framework_error(C, code) end
    end
  else
    for _, code in ipairs { "UNAVAILABLE", "UNAUTHENTICATED", "PERMISSION_DENIED" } do add_framework_error(C, code) end
  end
end

--- Fills C.exits (number -> entry), C.exit_of (NAME -> number) and C.errors (CODE -> error).
-- Needs C.danger, C.scopes, C.network … to be set. raw is the author's table, suite a Suite or nil.
function outcomes.normalise(ck, raw, C, suite)
  make_exits(ck, raw.exits, C, suite)
  make_errors(ck, raw.errors, C, suite)
  for code, value in pairs(type(raw.errors) == "table" and raw.errors or {}) do
    if value == false then C.errors[code] = nil end    -- what others declare and this command never raises
  end
end

--- Checks the `exits` and `errors` of a suite by themselves.
function outcomes.check_suite(ck, raw)
  local C = { exits = {}, exit_of = {}, errors = {}, danger = "mutating", scopes = {} }
  for name, number in pairs(NUMBERS) do C.exit_of[name] = number end
  for number = 0, 13 do C.exits[number] = exits.defaults[number] end
  if raw.exits ~= nil then
    if type(raw.exits) == "table" then add(ck, raw.exits, C)
    else ck:bad("exits", "REQ-C-001", "exits must be a table") end
  end
  if raw.errors ~= nil then
    if type(raw.errors) == "table" then
      for code, value in pairs(raw.errors) do
        ck.within = code
        error_of(ck, code, value, C)
      end
      ck.within = nil
    else
      ck:bad("errors", "REQ-C-013", "errors must be a table of CODE = { message, exit = NAME }")
    end
  end
end

return outcomes
