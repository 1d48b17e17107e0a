-- Commands as tools of the Model Context Protocol, and what an MCP server says differently (REQ-O-035, REQ-O-045).
-- Promise: the tools that `tools` gives have no drift; a field is compared by name and JSON type; "-", "_", "." and blanks
-- in names are the same, and a leading "tool_" is dropped.

local host = require "host"
local schema = require "schema"

local M = {}

local array, object = host.json.array, host.json.object

local JSON_TYPE = { integer = "integer", number = "number", boolean = "boolean", list = "array", map = "object" }

-- The JSON type of a parameter's value; nil when it may be anything.
local function type_of(p)
  if p.type == "json" then return nil end
  return JSON_TYPE[p.type] or "string"
end

-- The parameters of a command as an MCP tool takes them: those of its own, secrets by the name of their variable.
local function inputs(C)
  local list = {}
  for _, p in ipairs(C.params) do list[#list + 1] = p.type == "secret" and C.by_name[p.name .. "-from-env"] or p end
  return list
end

local function scalar(value)
  return type(value) == "table" and value[1] or value
end

--- One contract as a tool of `tools/list`.
function M.tool(C)
  local properties, required = object {}, array {}
  for _, p in ipairs(inputs(C)) do
    properties[p.name] = { type = type_of(p), description = p.about, enum = p.one_of and array(table.move(p.one_of, 1,
      #p.one_of, 1, {})) or nil }
    if p.required then required[#required + 1] = p.name end
  end
  table.sort(required)
  local output = schema.output(C)
  if output.type ~= "object" then
    output = { type = "object", properties = { data = output }, required = array { "data" } }
  end
  return {
    name = (C.path:gsub("[.-]", "_")), description = C.about, outputSchema = output,
    inputSchema = { type = "object", properties = properties, required = required },
    annotations = { readOnlyHint = C.danger == "safe", destructiveHint = C.danger == "destructive" },
  }
end

--- All contracts as the result of `tools/list`, with the version of the tool.
function M.file(contracts)
  local tools = array {}
  for _, C in ipairs(contracts) do
    if not C.group then tools[#tools + 1] = M.tool(C) end
  end
  return host.json.encode({ cli_version = host.version, tools = tools }, { pretty = 2 }) .. "\n"
end

--- The tools in a decoded document: a `tools/list` result, the JSON-RPC answer around one, or the list itself; nil when it
--- is none of them.
function M.tools_in(value)
  if type(value) ~= "table" or value == host.json.null then return nil end
  local list = host.json.is_array(value) and value or value.tools or type(value.result) == "table" and value.result.tools
  if type(list) ~= "table" or host.json.is_array(list) == false then return nil end
  for _, tool in ipairs(list) do
    if type(tool) ~= "table" or type(tool.name) ~= "string" then return nil end
  end
  return list
end

local function normal(name)
  return (name:lower():gsub("[%s./-]", "_"):gsub("^tool_", ""))
end

-- Properties by normal name: { name, type }.
local function by_normal(properties)
  local out = {}
  for name, one in pairs(type(properties) == "table" and properties or {}) do
    out[normal(name)] = { name = name, type = type(one) == "table" and scalar(one.type) or nil }
  end
  return out
end

local function is_global(name)
  for _, g in ipairs(host.globals) do
    if normal(g.name) == name then return true end
  end
end

local function compare_inputs(C, tool, words, drift)
  local theirs, known = by_normal(type(tool.inputSchema) == "table" and tool.inputSchema.properties), {}
  for _, p in ipairs(inputs(C)) do
    local name, kind = normal(p.name), type_of(p)
    local other = theirs[name]
    known[name] = true
    if not other then
      drift.added[#drift.added + 1] = { command = words, field = p.name }
    elseif kind and other.type and other.type ~= kind then
      drift.changed[#drift.changed + 1] = { command = words, field = p.name, cli_type = kind, mcp_type = other.type }
    end
  end
  for _, p in ipairs(C.flags) do known[normal(p.name)] = true end
  for name, other in pairs(theirs) do
    if not known[name] and not is_global(name) then
      drift.removed[#drift.removed + 1] = { command = words, field = other.name }
    end
  end
end

-- What an object or the items of an array hold: properties, and what stands between the path and a field's name.
local function inside(one)
  if type(one) ~= "table" then return nil end
  if type(one.items) == "table" then return one.items.properties, "[]." end
  return one.properties, "."
end

-- The outputs are compared as deep as both sides name fields.
local function compare_outputs(ours, theirs, words, path, drift)
  local mine, sign = inside(ours)
  local other = inside(theirs)
  if type(mine) ~= "table" or type(other) ~= "table" then return end
  local left, right = by_normal(mine), by_normal(other)
  for name, field in pairs(left) do
    local there, at = right[name], path .. sign .. field.name
    if not there then
      drift.added[#drift.added + 1] = { command = words, field = at }
    elseif field.type and there.type and field.type ~= there.type then
      drift.changed[#drift.changed + 1] = { command = words, field = at, cli_type = field.type, mcp_type = there.type }
    else
      compare_outputs(mine[field.name], other[there.name], words, at, drift)
    end
  end
  for name, field in pairs(right) do
    if not left[name] then drift.removed[#drift.removed + 1] = { command = words, field = path .. sign .. field.name } end
  end
end

local function sort_rows(rows)
  table.sort(rows, function(a, b)
    if a.command ~= b.command then return a.command < b.command end
    return tostring(a.field) < tostring(b.field)
  end)
end

--- What tools and contracts say differently: { added (only here), removed (only there), changed, missing_from_mcp }, and how
--- many differences that is. wanted(C): whether the server has to list a command.
function M.drift(contracts, tools, wanted)
  local drift = { added = array {}, removed = array {}, changed = array {}, missing_from_mcp = array {} }
  local by_name, used = {}, {}
  for _, tool in ipairs(tools) do by_name[normal(tool.name)] = tool end
  for _, C in ipairs(contracts) do
    if not C.group then
      local words, name = C.path:gsub("%.", " "), normal(C.path)
      local tool = by_name[name]
      used[name] = true
      if tool then
        compare_inputs(C, tool, words, drift)
        compare_outputs(M.tool(C).outputSchema, tool.outputSchema, words, "data", drift)
      elseif wanted(C) then
        drift.missing_from_mcp[#drift.missing_from_mcp + 1] = words
      end
    end
  end
  for name, tool in pairs(by_name) do
    if not used[name] then drift.removed[#drift.removed + 1] = { command = tool.name, field = host.json.null } end
  end
  for _, key in ipairs { "added", "removed", "changed" } do sort_rows(drift[key]) end
  table.sort(drift.missing_from_mcp)
  return drift, #drift.added + #drift.removed + #drift.changed + #drift.missing_from_mcp
end

return M
