--- Does a result fit its contract?
-- Promise: one walk over the data, guided by checkers compiled once per contract; the first misfit is named by its
-- path. Host-added keys and trust tags are accepted where the host may add them. An empty table that nobody marked
-- becomes the array or the object that is declared, so that [] and {} stay apart. Sources: REQ-C-015, REQ-C-003,
-- REQ-F-074, authoring §3 and §5.

local host = require "host"
local results = require "contract.results"

local ipairs, pairs, tostring, type = ipairs, pairs, tostring, type

local fit = {}

local null, is_array = host.json.null, host.json.is_array
local mark_array, mark_object = host.json.array, host.json.object

-- A checker is function(value, path) -> nil when it fits, else path, message. Paths are built only for misfits:
-- a checker returns the path below itself, and its caller puts its own part in front.

local function kind_name(value)
  if value == nil then return "nothing" end
  if value == null then return "null" end
  if math.type(value) == "integer" then return "an integer" end
  local kind = type(value)
  if kind == "table" then return is_array(value) and "an array" or "an object" end
  return "a " .. kind
end

local function misfit(wanted, value)
  return "", ("must be %s, is %s"):format(wanted, kind_name(value))
end

-- Opaque values (secrets, bytes) are written as text by the encoder.
local function is_opaque(value)
  if value == null then return false end
  if type(value) == "userdata" then return true end
  local mt = type(value) == "table" and getmetatable(value)
  return mt and (mt.__name == "bytes" or mt.__name == "secret") or false
end

local WORDS = {
  string = function(v)
    if type(v) ~= "string" and not is_opaque(v) then return misfit("a string", v) end
  end,
  integer = function(v)
    if type(v) ~= "number" or math.tointeger(v) == nil then return misfit("an integer", v) end
  end,
  number = function(v)
    if type(v) ~= "number" or v ~= v or v == math.huge or v == -math.huge then return misfit("a number", v) end
  end,
  boolean = function(v)
    if type(v) ~= "boolean" then return misfit("true or false", v) end
  end,
  datetime = function(v)
    if type(v) ~= "string" or not v:find("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d") or
      not (v:find("Z$") or v:find("[+-]%d%d:%d%d$")) then
      return misfit("an RFC 3339 time", v)
    end
  end,
  path = function(v)
    if type(v) ~= "string" then return misfit("a path", v) end
  end,
  any = function(v)
    local kind = type(v)
    if v == nil or kind == "function" or kind == "thread" then return misfit("a value", v) end
  end,
}

local function or_null(checker)
  return function(v)
    if v == null then return nil end
    return checker(v)
  end
end

local compile

local function compile_word(text)
  local base, _, nullable = results.word(text)
  local checker = WORDS[base]
  return nullable and or_null(checker) or checker
end

local function join(part, below)
  return "." .. part .. below
end

-- Is value an object? An unmarked empty table becomes one.
local function is_object(value)
  if type(value) ~= "table" or is_opaque(value) then return false end
  local kind = is_array(value)
  if kind == nil then mark_object(value) end
  return not kind
end

-- checkers: name -> checker, absent: name -> true, rest: checker or nil, extra: name -> true (keys the host adds)
local function object_checker(checkers, absent, rest, extra)
  local needed = {}
  for name in pairs(checkers) do
    if not absent[name] then needed[#needed + 1] = name end
  end
  return function(v)
    if not is_object(v) then return misfit("an object", v) end
    for name, value in pairs(v) do
      local checker = checkers[name] or rest
      if checker then
        local below, message = checker(value)
        if below then return join(tostring(name), below), message end
      elseif not (extra and extra[name]) then
        return join(tostring(name), ""), "is not declared in returns"
      end
    end
    for i = 1, #needed do
      if v[needed[i]] == nil then return join(needed[i], ""), "is missing" end
    end
  end
end

local function compile_object(form, extra)
  local checkers, absent, rest = {}, {}, nil
  for key, value in pairs(form) do
    if results.is_rest(key) then
      rest = compile(value)
    else
      local name, may_miss, nullable = results.field(key)
      local checker = compile(value)
      checkers[name] = nullable and or_null(checker) or checker
      if type(value) == "string" then
        may_miss = may_miss or select(2, results.word(value))
        nullable = nullable or value:find("!", 1, true) ~= nil
      end
      absent[name] = may_miss or nullable or nil        -- a field that may be null is shown as null when it is missing
    end
  end
  return object_checker(checkers, absent, rest, extra)
end

local function list_checker(item)
  return function(v)
    if type(v) ~= "table" or is_opaque(v) then return misfit("an array", v) end
    local marked = is_array(v)
    if marked == false then return misfit("an array", v) end
    if marked == nil then mark_array(v) end
    local count = #v
    for i = 1, count do
      local below, message = item(v[i])
      if below then return ("[%d]"):format(i - 1) .. below, message end
    end
  end
end

local function map_checker(item)
  return function(v)
    if not is_object(v) then return misfit("an object", v) end
    for key, value in pairs(v) do
      local below, message = item(value)
      if below then return join(tostring(key), below), message end
    end
  end
end

local function any_of(checkers)
  return function(v)
    local below, message
    for _, checker in ipairs(checkers) do
      below, message = checker(v)
      if not below then return nil end
    end
    if #checkers == 1 then return below, message end
    return "", "fits none of the declared forms"
  end
end

-- JSON Schema: the part that contracts use -----------------------------------------------------------------------

local JSON = {
  string = WORDS.string, integer = WORDS.integer, number = WORDS.number, boolean = WORDS.boolean,
  null = function(v) if v ~= null then return misfit("null", v) end end,
  array = list_checker(function() end),
  object = function(v) if not is_object(v) then return misfit("an object", v) end end,
}

local compile_schema

local function schema_object(s)
  local checkers, required, extra = {}, s.required or {}, s.additionalProperties
  for name, property in pairs(s.properties or {}) do checkers[name] = compile_schema(property) end
  local rest = type(extra) == "table" and compile_schema(extra) or nil
  return function(v)
    if not is_object(v) then return nil end
    for _, name in ipairs(required) do
      if v[name] == nil then return join(name, ""), "is missing" end
    end
    for name, value in pairs(v) do
      local checker = checkers[name] or rest
      if checker then
        local below, message = checker(value)
        if below then return join(tostring(name), below), message end
      elseif extra == false and not checkers[name] then
        return join(tostring(name), ""), "is not declared in returns"
      end
    end
  end
end

local function schema_type(kind)
  local list = {}
  for _, one in ipairs(type(kind) == "table" and kind or { kind }) do list[#list + 1] = JSON[one] end
  return any_of(list)
end

local function schema_items(s)
  local item = compile_schema(s.items)
  local checker = list_checker(item)
  return function(v)
    if type(v) == "table" and is_array(v) then return checker(v) end
  end
end

local function schema_values(values)
  return function(v)
    for _, value in ipairs(values) do
      if v == value then return nil end
    end
    return "", "is none of the declared values"
  end
end

local function schema_any(list)
  local checkers = {}
  for i, one in ipairs(list) do checkers[i] = compile_schema(one) end
  return any_of(checkers)
end

function compile_schema(s)
  if type(s) ~= "table" then return WORDS.any end
  local all = {}
  if s.type then all[#all + 1] = schema_type(s.type) end
  if s.enum then all[#all + 1] = schema_values(s.enum) end
  if s.const ~= nil then all[#all + 1] = schema_values { s.const } end
  if s.properties or s.required or s.additionalProperties ~= nil then all[#all + 1] = schema_object(s) end
  if type(s.items) == "table" then all[#all + 1] = schema_items(s) end
  if s.anyOf then all[#all + 1] = schema_any(s.anyOf) end
  if s.oneOf then all[#all + 1] = schema_any(s.oneOf) end
  for _, one in ipairs(s.allOf or {}) do all[#all + 1] = compile_schema(one) end
  if #all == 1 then return all[1] end
  return function(v)
    for _, checker in ipairs(all) do
      local below, message = checker(v)
      if below then return below, message end
    end
  end
end

function compile(form, extra)
  local kind = results.kind(form)
  if kind == "word" then return compile_word(form) end
  if kind == "list" then return list_checker(compile(form.list)) end
  if kind == "map" then return map_checker(compile(form.map)) end
  if kind == "schema" then return compile_schema(form.schema) end
  if kind == "one_of" then
    local checkers = {}
    for i, one in ipairs(form.one_of) do checkers[i] = compile(one, extra) end
    return any_of(checkers)
  end
  return compile_object(form, extra)
end

-- Whole results --------------------------------------------------------------------------------------------------

local TAGS = { "_source", "_trusted", "_external_fields" }
local STEPS = {
  "completed_steps", "skipped_steps", "failed_step", "pending_steps", "resume_from", "resumed_from", "partial",
  "rollback_status", "rollback_error",
}
local BACKGROUND = { "background_pid", "cleanup_command", "pid_file" }
local GUI = { "open_url", "open_path", "opened" }

local function extra_keys(C)
  local extra = {}
  local function allow(names)
    for _, name in ipairs(names) do extra[name] = true end
  end
  allow(TAGS)
  if C.danger ~= "safe" then extra.effect = true end
  if C.steps then allow(STEPS) end
  if C.background then allow(BACKGROUND) end
  if C.gui then allow(GUI) end
  return extra
end

local EFFECTS = { created = true, updated = true, deleted = true, noop = true }

-- An effect that is there must be one of the four; that it is there is the run's affair (EFFECT_MISSING).
local function with_effect(checker)
  return function(v)
    local below, message = checker(v)
    if not below and type(v) == "table" and v.effect ~= nil and not EFFECTS[v.effect] then
      return ".effect", "must be created, updated, deleted or noop"
    end
    return below, message
  end
end

-- A list that may come with its trust tags.
local function tagged_list(checker)
  return function(v)
    if type(v) == "table" and v._trusted ~= nil and v.items ~= nil then
      local below, message = checker(v.items)
      if below then return ".items" .. below, message end
      return nil
    end
    return checker(v)
  end
end

local function batch_checker(C)
  local own = compile(C.returns)
  local function item(v)
    if type(v) ~= "table" or type(v.ok) ~= "boolean" then return ".ok", "is missing" end
    if v.id == nil then return ".id", "is missing" end
    if not v.ok then
      if type(v.error) ~= "table" then return ".error", "is missing" end
    elseif v.data ~= nil then
      local below, message = own(v.data)
      if below then return ".data" .. below, message end
    end
  end
  local integer = WORDS.integer
  local summary = object_checker({ total = integer, succeeded = integer, failed = integer }, {}, nil, nil)
  return object_checker({ summary = summary, results = list_checker(item), partial = WORDS.boolean }, {}, nil,
    extra_keys(C))
end

local JOB = {
  job_id = WORDS.string, status = WORDS.string, terminal = WORDS.boolean, status_command = WORDS.string,
  cancel_command = WORDS.string, poll_interval_ms = WORDS.integer, timeout_ms = WORDS.integer,
}

local function job_checker(C)
  local more = C.job.schema and compile_schema(C.job.schema)
  local descriptor = object_checker(JOB, {}, WORDS.any, nil)
  return function(v)
    local below, message = descriptor(v)
    if not below and more then below, message = more(v) end
    return below, message
  end
end

local function would_checker(v)
  if not is_object(v) then return misfit("an object", v) end
  if type(v.effect) ~= "string" or v.effect:sub(1, 6) ~= "would_" then return ".effect", "must begin with would_" end
  if v.effect == "would_noop" and v.would_affect == nil then return nil end
  if type(v.would_affect) ~= "table" then return misfit("an object or an array", v.would_affect) end
end

local function missing_checker(v)
  if not is_object(v) then return misfit("an object", v) end
  if v.status ~= "not_found" then return ".status", 'must be "not_found"' end
  if v.id == nil then return ".id", "is missing" end
end

-- What no declaration can rule out before the result is there: "any", and the schemas that allow a bare value.
local function never_bare(checker)
  return function(v)
    local below, message = checker(v)
    local kind = not below and type(v)
    if kind == "string" or kind == "number" or kind == "boolean" then return misfit("an object or a list", v) end
    return below, message
  end
end

local function result_checker(C)
  if C.batch then return C.danger == "safe" and batch_checker(C) or with_effect(batch_checker(C)) end
  local kind = results.kind(C.returns)
  local checker = compile(C.returns, extra_keys(C))
  if C.stream and kind ~= "list" and kind ~= "schema" then checker, kind = list_checker(checker), "list" end
  if kind == "list" then return tagged_list(checker) end
  checker = never_bare(checker)
  if C.danger ~= "safe" then checker = with_effect(checker) end
  return checker
end

local MAKE = {
  result = result_checker,
  would = function() return would_checker end,
  missing = function() return missing_checker end,
  exists = function(C) return compile(C.returns, extra_keys(C)) end,
  job = function(C) return C.danger == "safe" and job_checker(C) or with_effect(job_checker(C)) end,
  job_result = function(C) return compile(C.returns, extra_keys(C)) end,
  row = function(C)
    local form = C.returns
    return compile(results.kind(form) == "list" and form.list or form, extra_keys(C))
  end,
}

-- Which answer the data is.
local function kind_of(C, data)
  if type(data) == "table" and data ~= null then
    local effect = data.effect
    if C.has_preview and type(effect) == "string" and effect:sub(1, 6) == "would_" then return "would" end
    if C.deletes and data.status == "not_found" and effect == "noop" then return "missing" end
  end
  return C.job and "job" or "result"
end

local compiled = setmetatable({}, { __mode = "k" })

--- Checks data against the contract; see schema.check.
function fit.check(C, data, kind)
  if (data == nil or data == null) and (C.stream or C.framework) then return true end
  kind = kind or kind_of(C, data)
  local of_contract = compiled[C]
  if not of_contract then
    of_contract = {}
    compiled[C] = of_contract
  end
  local checker = of_contract[kind]
  if not checker then
    checker = MAKE[kind](C)
    of_contract[kind] = checker
  end
  local below, message = checker(data)
  if below then return nil, { path = "data" .. below, message = message } end
  return true
end

return fit
