--- JSON Schema and FlagEntry tables made from a contract.
-- Promise: what is published here is what schema.fit accepts and what the pipeline emits: host-added keys, trust tags
-- and wrappers included. Fresh tables on every call. Sources: REQ-C-003, C-008, C-009, C-010, C-015, C-022, C-024,
-- REQ-F-035, manifest-response.json, authoring §3 and §5.

local host = require "host"
local results = require "contract.results"

local publish = {}

local array, object = host.json.array, host.json.object

local EFFECTS = { "created", "updated", "deleted", "noop" }

local function strings(list)
  local copy = {}
  for i, s in ipairs(list) do copy[i] = s end
  return array(copy)
end

local function word_schema(text)
  local base, _, nullable = results.word(text)
  if base == "any" then return object {} end
  local kind = (base == "datetime" or base == "path") and "string" or base
  return {
    type = nullable and array { kind, "null" } or kind, format = base == "datetime" and "date-time" or nil,
    ["x-type"] = base == "path" and "path" or nil,
  }
end

local schema_of

-- Adds null to a schema.
local function nullable(s)
  if type(s.type) == "string" then
    s.type = array { s.type, "null" }
    return s
  end
  return { anyOf = array { s, { type = "null" } } }
end

local function object_schema(form)
  local properties, required, rest = {}, {}, nil
  for key, value in pairs(form) do
    if results.is_rest(key) then
      rest = schema_of(value)
    else
      local name, absent, null = results.field(key)
      local s = schema_of(value)
      properties[name] = null and nullable(s) or s
      if type(value) == "string" then absent = absent or select(2, results.word(value)) end
      if not absent then required[#required + 1] = name end
    end
  end
  table.sort(required)
  return {
    type = "object", properties = object(properties), required = array(required),
    additionalProperties = rest or false,
  }
end

-- A deep copy, so that a caller may add to it.
local function copy(value)
  if type(value) ~= "table" then return value end
  local t, is_list = {}, host.json.is_array(value)
  for k, v in pairs(value) do t[k] = copy(v) end
  if is_list then return array(t) end
  return is_list == false and object(t) or t
end

function schema_of(form)
  local kind = results.kind(form)
  if kind == "word" then return word_schema(form) end
  if kind == "list" then
    return { type = "array", items = schema_of(form.list), ["x-ordered"] = form.ordered or nil }
  elseif kind == "map" then
    return { type = "object", additionalProperties = schema_of(form.map) }
  elseif kind == "one_of" then
    local any = {}
    for i, one in ipairs(form.one_of) do any[i] = schema_of(one) end
    return { anyOf = array(any) }
  elseif kind == "schema" then
    return copy(form.schema)
  end
  return object_schema(form)
end
publish.of = schema_of

-- Host-added keys ------------------------------------------------------------------------------------------------

local function add(s, name, property, needed)
  s.properties = s.properties or {}
  s.properties[name] = property
  if needed then
    local required = s.required and strings(s.required) or array {}
    required[#required + 1] = name
    table.sort(required)
    s.required = required
  end
end

local function add_effect(s, needed)
  add(s, "effect", { type = "string", enum = strings(EFFECTS) }, needed)
end

local function names() return { type = "array", items = { type = "string" }, ["x-ordered"] = true } end

local function add_steps(s)
  add(s, "completed_steps", names(), true)
  add(s, "skipped_steps", names(), true)
  add(s, "failed_step", { type = array { "string", "null" } }, true)
  add(s, "resume_from", { type = "string" })
  add(s, "resumed_from", { type = "string" })
  add(s, "partial", { type = "boolean" })
end

local function add_background(s)
  add(s, "background_pid", { type = "integer" })
  add(s, "cleanup_command", { type = "string" })
  add(s, "pid_file", { type = "string" })
end

local function add_gui(s)
  add(s, "open_url", { type = "string" })
  add(s, "open_path", { type = "string" })
  add(s, "opened", { type = "boolean" })
end

local function tag_properties(fields)
  return {
    _source = { type = "string", const = "external" }, _trusted = { type = "boolean", const = false },
    _external_fields = fields and { type = "array", items = { type = "string" } } or nil,
  }
end

-- Trust tags (REQ-F-035): an object gains them, a list may come as { _source, _trusted, items }.
local function add_tags(s, external)
  local fields = type(external) == "table"
  local tags = tag_properties(fields)
  if s.type == "array" then
    tags.items = copy(s)
    return {
      type = array { "array", "object" }, items = s.items, ["x-ordered"] = s["x-ordered"], properties = tags,
      required = array { "_source", "_trusted", "items" }, additionalProperties = false,
    }
  end
  for name, property in pairs(tags) do add(s, name, property) end
  return s
end

local function is_object(s)
  return s.type == "object"
end

-- Applies fn to every object that the schema can be.
local function each_object(s, fn)
  if is_object(s) then return fn(s) end
  for _, word in ipairs { "anyOf", "oneOf" } do
    for _, one in ipairs(s[word] or {}) do each_object(one, fn) end
  end
end

local function add_host_keys(s, C)
  each_object(s, function(o)
    if C.danger ~= "safe" then add_effect(o, true) end
    if C.steps then add_steps(o) end
    if C.background then add_background(o) end
    if C.gui then add_gui(o) end
  end)
  if C.external and C.external ~= false then
    if s.type == "array" then return add_tags(s, C.external) end
    each_object(s, function(o) add_tags(o, C.external) end)
  end
  return s
end

-- Wrappers -------------------------------------------------------------------------------------------------------

local function error_schema()
  return {
    type = "object", required = array { "code", "message", "retryable" }, additionalProperties = true,
    properties = { code = { type = "string" }, message = { type = "string" }, retryable = { type = "boolean" } },
  }
end

-- One item of a batch; what the command returned for it stands under `data`.
local function batch_item(form)
  return {
    type = "object", required = array { "id", "ok" }, additionalProperties = false,
    properties = {
      id = object {}, ok = { type = "boolean" }, error = error_schema(), effect = { type = "string" },
      data = schema_of(form),
    },
  }
end

local function batch_schema(form)
  local integer = { type = "integer", minimum = 0 }
  return {
    type = "object", required = array { "partial", "results", "summary" }, additionalProperties = false,
    properties = {
      summary = {
        type = "object", required = array { "failed", "succeeded", "total" }, additionalProperties = false,
        properties = { total = integer, succeeded = copy(integer), failed = copy(integer) },
      },
      results = { type = "array", items = batch_item(form), ["x-ordered"] = true },
      partial = { type = "boolean" },
    },
  }
end

--- The schema of a job's descriptor (REQ-C-022).
function publish.descriptor()
  local text, integer = { type = "string" }, { type = "integer", minimum = 0 }
  return {
    type = "object", additionalProperties = true,
    required = array {
      "cancel_command", "job_id", "poll_interval_ms", "status", "status_command", "terminal", "timeout_ms",
    },
    properties = {
      job_id = text, status_command = copy(text), cancel_command = copy(text), terminal = { type = "boolean" },
      status = { type = "string", enum = array { "running", "complete", "failed", "cancelled" } },
      poll_interval_ms = integer, timeout_ms = copy(integer),
    },
  }
end

-- What `data` is before the host adds its keys.
local function base(C)
  if C.job then return C.job.schema and copy(C.job.schema) or publish.descriptor() end
  if C.batch then return batch_schema(C.returns) end
  local s = schema_of(C.returns)
  if C.stream and s.type ~= "array" and results.kind(C.returns) ~= "schema" then
    return { type = "array", items = s, ["x-ordered"] = true }
  end
  return s
end

-- --stable-output leaves volatile fields out (REQ-O-007), so that no row can promise them.
local may_be_absent
function may_be_absent(s, name)
  for _, key in ipairs { "anyOf", "oneOf" } do
    for _, branch in ipairs(s[key] or {}) do may_be_absent(branch, name) end
  end
  if type(s.items) == "table" then may_be_absent(s.items, name) end
  local items = s.properties and s.properties.items
  if s.properties and s.properties._trusted and type(items) == "table" then may_be_absent(items, name) end
  for i = #(s.required or {}), 1, -1 do
    if s.required[i] == name then table.remove(s.required, i) end
  end
end

--- The JSON Schema of `data` on success.
function publish.output(C)
  local s = add_host_keys(base(C), C)
  for _, name in ipairs(C.volatile or {}) do may_be_absent(s, name) end
  s["$schema"] = "http://json-schema.org/draft-07/schema#"
  return s
end

local function would_schema(C)
  local s = {
    type = "object", required = array { "effect", "would_affect" }, additionalProperties = true,
    properties = {
      effect = { type = "string", pattern = "^would_" }, would_affect = { type = array { "object", "array" } },
    },
  }
  if C.external then add_tags(s, C.external) end
  return s
end

local function missing_schema()
  return {
    type = "object", required = array { "effect", "id", "status" }, additionalProperties = true,
    properties = {
      effect = { type = "string", enum = array { "noop", "would_noop" } }, id = object {},
      status = { type = "string", const = "not_found" },
    },
  }
end

--- The schemas of the other answers: name -> schema; empty when there are none.
function publish.variants(C)
  local variants = {}
  if C.has_preview then variants.would = would_schema(C) end
  if C.deletes then variants.missing = missing_schema() end
  if C.creates then variants.exists = schema_of(C.returns) end
  if C.job then variants.job_result = schema_of(C.returns) end
  if C.stream then
    variants.row = results.kind(C.returns) == "list" and schema_of(C.returns.list) or schema_of(C.returns)
    if C.external then variants.row = add_tags(variants.row, C.external) end
  end
  return object(variants)
end

-- Parameters -----------------------------------------------------------------------------------------------------

local FLAG_TYPES = {
  string = "string", integer = "integer", number = "number", boolean = "boolean", enum = "enum", list = "array",
  map = "array", path = "string", url = "string", duration = "string", size = "string", datetime = "string",
  json = "string", secret = "string",
}
local FORMS = {
  path = "a path", url = "an absolute URL", duration = "a duration such as 30s", size = "a size such as 10MB",
  datetime = "an RFC 3339 time", json = "JSON", map = "key=value, repeatable",
}

local function range_text(p)
  local min, max = p.min_text or p.min, p.max_text or p.max
  if min and max then return ("from %s to %s"):format(min, max) end
  if min then return ("at least %s"):format(min) end
  if max then return ("at most %s"):format(max) end
end

-- The description with what the closed FlagEntry has no key for.
local function describe(p)
  local parts = { (tostring(p.about):gsub("%.$", "")) }
  parts[#parts + 1] = FORMS[p.type]
  parts[#parts + 1] = p.type == "list" and "repeatable" or nil
  parts[#parts + 1] = p.type == "list" and p.one_of and "each of " .. table.concat(p.one_of, ", ") or nil
  parts[#parts + 1] = type(p.match) == "string" and "pattern " .. p.match or nil
  parts[#parts + 1] = range_text(p)
  parts[#parts + 1] = p.max_length and ("at most %d bytes"):format(p.max_length) or nil
  parts[#parts + 1] = p.at and ("also as argument %d"):format(p.at) or nil
  parts[#parts + 1] = p.env and ("from %s"):format(p.env) or nil
  for _, sentence in ipairs(p.rules or {}) do parts[#parts + 1] = sentence end
  return table.concat(parts, "; ")
end

local function add_extras(entry, p)
  entry.name, entry.value_type = p.name, p.type
  entry.position, entry.rest = p.at, p.rest
  if type(p.match) == "string" then
    if p.match:sub(1, 1) == "^" then entry.pattern = p.match
    elseif p.match == "id" then entry.pattern_type = "alphanumeric_id"
    else entry.pattern_type = p.match end
  end
  entry.minimum, entry.maximum, entry.max_bytes = p.min, p.max, p.max_length
  entry.env, entry.config_key = p.env, p.config
  entry.path_access, entry.pipe_compatible, entry.secret_for = p.access, p.pipe, p.secret_for
  entry.injected, entry.alias_of = p.injected, p.alias_of
  if p.type == "list" and p.one_of then entry.item_values = strings(p.one_of) end
  entry.introduced_in = p.since
  if p.deprecated then
    entry.deprecated_in, entry.replacement, entry.removed_in = p.deprecated.since, p.deprecated.use, p.deprecated.remove
  end
end

--- The FlagEntry of a Param (manifest-response.json). p.rules may hold sentences about dependencies.
function publish.param(p, full)
  local choices = p.one_of and (p.type == "enum" or p.type == "string")
  local entry = {
    type = choices and "enum" or FLAG_TYPES[p.type], required = p.required or false, description = describe(p),
    enum_values = choices and strings(p.one_of) or nil, short = p.short,
  }
  if p.default ~= nil then
    local default = p.default
    if type(default) == "table" then
      default = p.type == "map" and object(copy(default)) or p.type == "list" and array(copy(default)) or copy(default)
    end
    entry.default = default
  end
  if full then add_extras(entry, p) end
  return entry
end

return publish
