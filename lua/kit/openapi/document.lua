--- An OpenAPI document: read, and known by its places.
-- Promise: whatever is wrong with a document is told with the JSON pointer and the line of it.

local failure = require "failure"
local host = require "host"

local document = {}

local null = host.json.null

-- The position behind the string that begins at `at`.
local function string_stop(text, at)
  at = at + 1
  while true do
    local mark = text:find('["\\]', at)
    if not mark then return #text + 1 end
    if text:sub(mark, mark) == '"' then return mark + 1 end
    at = mark + 2
  end
end

-- The position behind the value that begins at `at` of valid JSON.
local function value_stop(text, at)
  local c = text:sub(at, at)
  if c == '"' then return string_stop(text, at) end
  if c ~= "{" and c ~= "[" then return text:match("^[^%s,%]}]*()", at) end
  local depth = 0
  while true do
    local mark = text:find('["{}%[%]]', at)
    if not mark then return #text + 1 end
    c = text:sub(mark, mark)
    at = mark + 1
    if c == '"' then at = string_stop(text, mark)
    elseif c == "{" or c == "[" then depth = depth + 1
    else
      depth = depth - 1
      if depth == 0 then return at end
    end
  end
end

-- The position of a member's value in the object, or of an item in the array, that begins at `at`.
local function step(text, at, part)
  local is_array = text:sub(at, at) == "["
  local count = 0
  at = text:match("^%s*()", at + 1)
  while not text:find("^[%]}]", at) do
    local key = tostring(count)
    if not is_array then
      local stop = string_stop(text, at)
      key = host.json.decode(text:sub(at, stop - 1))
      at = text:match("^%s*:%s*()", stop)
    end
    if not at then return nil end
    if key == part then return at end
    at = text:match("^%s*,?%s*()", value_stop(text, at))
    count = count + 1
  end
end

--- The line of a JSON pointer in a JSON text; of the nearest place above it when it is not there.
function document.line(text, pointer)
  local at = text:match("^%s*()")
  for part in pointer:gmatch("/([^/]*)") do
    local below = step(text, at, (part:gsub("~1", "/"):gsub("~0", "~")))
    if not below then break end
    at = below
  end
  local _, count = text:sub(1, at - 1):gsub("\n", "")
  return count + 1
end

--- A part of a pointer, escaped (RFC 6901).
function document.escape(part)
  return (tostring(part):gsub("~", "~0"):gsub("/", "~1"))
end

local Document = {}
Document.__index = Document

--- Ends with OPENAPI_INVALID at a pointer.
function Document:fail(pointer, message)
  local line = self.line_of(pointer)
  failure.raise("OPENAPI_INVALID", { exit = "ARG_ERROR", phase = "validation", fix = "Correct the document at " .. pointer,
    message = ("%s:%d: %s: %s."):format(self.name, line, pointer == "" and "/" or pointer, message),
    context = { document = self.name, pointer = pointer, line = line } })
end

--- What a pointer names, and its own pointer when it is a reference to another one; ends the command when there is none.
function Document:at(pointer, from)
  local value = self.root
  for part in pointer:gmatch("/([^/]*)") do
    local key = part:gsub("~1", "/"):gsub("~0", "~"):gsub("%%(%x%x)", function(x) return string.char(tonumber(x, 16)) end)
    local below
    if type(value) == "table" and value ~= null then
      below = host.json.is_array(value) and value[(math.tointeger(tonumber(key)) or -1) + 1] or value[key]
    end
    if below == nil then self:fail(from or pointer, ("the reference #%s names nothing"):format(pointer)) end
    value = below
  end
  return value
end

--- Follows references: value, pointer.
function Document:resolve(value, pointer)
  local seen = {}
  while type(value) == "table" and value ~= null and type(value["$ref"]) == "string" do
    local ref = value["$ref"]
    local inner = ref:match("^#(/.*)$")
    if not inner then self:fail(pointer .. "/$ref", ("%s is in another document, which is not read"):format(ref)) end
    if seen[inner] then self:fail(pointer .. "/$ref", ref .. " refers to itself") end
    seen[inner] = true
    value, pointer = self:at(inner, pointer .. "/$ref"), inner
  end
  return value, pointer
end

--- A member that must be an object when it is there.
function Document:object(value, pointer, what)
  if value == nil then return nil end
  if type(value) ~= "table" or value == null or host.json.is_array(value) then
    self:fail(pointer, (what or "it") .. " must be an object")
  end
  return value
end

local function decode_json(text, name)
  local root, err = host.json.decode(text, { max_depth = 256 })
  if root == nil then
    failure.raise("OPENAPI_INVALID", { exit = "ARG_ERROR", phase = "validation", fix = "Correct the document",
      message = ("%s:%d:%d: not JSON: %s"):format(name, err.line or 1, err.column or 1, err.message),
      context = { document = name, line = err.line, column = err.column, pointer = "" } })
  end
  return root, function(pointer) return document.line(text, pointer) end
end

local function decode_yaml(text, name)
  local module, message = host.module "yaml"
  if not module then
    failure.raise("MODULE_MISSING", { exit = "PRECONDITION", fix = "Install the tool's YAML module, or give the document as JSON",
      message = "The YAML module is not installed: " .. tostring(message) })
  end
  local root, err = module.decode(text, null, host.json.array, host.json.object)
  if root == nil then
    err.line = math.min(err.line, select(2, text:gsub("\n", "")) + 1) -- what is missing is missed behind the end
    failure.raise("OPENAPI_INVALID", { exit = "ARG_ERROR", phase = "validation", fix = "Correct the document",
      message = ("%s:%d:%d: not YAML: %s"):format(name, err.line, err.column, err.message),
      context = { document = name, line = err.line, column = err.column, pointer = "" } })
  end
  return root, function(pointer) return module.line(text, pointer) end
end

--- Reads the text of a document, JSON or YAML; name is what it is called in messages.
function document.read(text, name)
  text = text:gsub("^\xEF\xBB\xBF", "")
  local is_json = text:find("^%s*[{%[]") ~= nil
  local root, line_of = (is_json and decode_json or decode_yaml)(text, name)
  local doc = setmetatable({ root = root, name = name, line_of = line_of }, Document)
  doc:object(root, "", "the document")
  local version = root.openapi
  if type(version) ~= "string" then
    doc:fail("", root.swagger and "this is Swagger " .. tostring(root.swagger) .. "; OpenAPI 3.0 and 3.1 are read"
      or "it has no openapi, the version of OpenAPI")
  elseif not version:find("^3%.[01]%.?%d*") then
    doc:fail("/openapi", ("OpenAPI %s is not read; 3.0 and 3.1 are"):format(version))
  end
  doc:object(root.paths, "/paths", "paths")
  if not root.paths then doc:fail("", "it has no paths") end
  return doc
end

return document
