--- A suite of commands for the operations of an OpenAPI document.
-- Promise: one command file for each operation, readable and made to be changed by hand; the suite passes `tool check` and the
-- tests that are written with it; what could not be carried over is said.

local document = require "kit.openapi.document"
local host = require "host"
local operation = require "kit.openapi.operation"
local params = require "kit.openapi.params"
local shape = require "kit.openapi.shape"
local write = require "kit.write"

local suite = {}

local null = host.json.null
local METHODS = { "get", "head", "post", "put", "patch", "delete", "options", "trace" }
local NO_NAME = { group = true, suite = true, plugin = true, lib = true }

local function is_table(value) return type(value) == "table" and value ~= null end

local function sorted(t)
  local keys = {}
  for key in pairs(t or {}) do keys[#keys + 1] = tostring(key) end
  table.sort(keys)
  return keys
end

-- The credentials that the document asks for: rows of the suite and how each is sent.
local function credentials(doc, out, env)
  local schemes = is_table(doc.root.components) and doc:object(doc.root.components.securitySchemes,
    "/components/securitySchemes", "securitySchemes")
  for _, name in ipairs(sorted(schemes)) do
    local pointer = "/components/securitySchemes/" .. document.escape(name)
    local s = doc:object(doc:resolve(schemes[name], pointer), pointer, "a security scheme")
    local about = params.line(s.description, nil)
    local kind = s.type == "http" and tostring(s.scheme):lower() or s.type
    if kind == "bearer" or kind == "oauth2" or kind == "openIdConnect" then
      if not out.token then
        out.rows[#out.rows + 1] = { "token", "secret", about or "Access token of the service", env = env .. "_TOKEN" }
      end
      out.token = "token"
    elseif kind == "basic" then
      out.basic = true
      out.rows[#out.rows + 1] = { "user", "string", "Name to log in with", env = env .. "_USER", loose = true }
      out.rows[#out.rows + 1] = { "password", "secret", "Password to log in with", env = env .. "_PASSWORD" }
    elseif kind == "apiKey" and s["in"] == "header" then
      local flag = params.word(s.name)
      out.rows[#out.rows + 1] = { flag, "secret", about or "Key of the service", env = env .. "_" .. flag:upper():gsub("%-", "_") }
      out.headers[#out.headers + 1] = { s.name, flag }
    else
      out.notes[#out.notes + 1] = ("the security scheme %s (%s%s) is not sent: a secret does not go into an address")
        :format(name, tostring(kind), s["in"] and " in " .. s["in"] or "")
    end
  end
end

-- The first server's address, its variables filled with their defaults; nil when it is not absolute.
local function address_of(doc)
  local servers = doc.root.servers
  local first = is_table(servers) and servers[1]
  if not is_table(first) or type(first.url) ~= "string" then return nil end
  local url = first.url:gsub("{([^{}]+)}", function(name)
    local variable = is_table(first.variables) and first.variables[name]
    return is_table(variable) and tostring(variable.default) or "{" .. name .. "}"
  end)
  return url:find("^https?://[^{}%s]+$") and url:gsub("/+$", "") or nil
end

-- A command's name: of the operationId, else of the method and the path's words.
local function name_of(op, method, path, taken, suite_name)
  local name = type(op.operationId) == "string" and params.word(op.operationId)
  if not name then
    local words = {}
    for segment in path:gmatch("[^/]+") do
      words[#words + 1] = segment:find("^{") and "by-" .. params.word(segment) or params.word(segment)
    end
    name = method .. (#words > 0 and "-" .. table.concat(words, "-") or "")
  end
  name = name:sub(1, 48):gsub("%-+$", "")
  if NO_NAME[name] or name == suite_name then name = "do-" .. name end
  local free, n = name, 2
  while taken[free] do
    free, n = name .. "-" .. n, n + 1
  end
  taken[free] = true
  return free
end

local function read_operations(doc, info, shapes)
  local list, taken = {}, {}
  for _, path in ipairs(sorted(doc.root.paths)) do
    local pointer = "/paths/" .. document.escape(path)
    if path:sub(1, 1) == "/" then
      local item, at = doc:resolve(doc.root.paths[path], pointer)
      doc:object(item, at, "a path item")
      for _, method in ipairs(METHODS) do
        if item[method] ~= nil then
          local op = operation.read { doc = doc, shapes = shapes, suite = info, path = path, method = method, item = item,
            item_pointer = at }
          list[#list + 1] = { name = name_of(op.op, method, path, taken, info.name), op = op }
        end
      end
    elseif path:sub(1, 2) ~= "x-" then
      doc:fail(pointer, "a path begins with /")
    end
  end
  if #list == 0 then doc:fail("/paths", "it has no operation") end
  return list
end

local function suite_text(doc, info)
  local rows = { write.fields { { nil, "api-url" }, { nil, "url" }, { nil, "Base address of the service" },
    { "default", address_of(doc) }, { "env", info.prefix .. "_API_URL" }, { "config", "apiUrl" } } }
  for _, row in ipairs(info.rows) do
    local list = { { nil, row[1] }, { nil, row[2] }, { nil, row[3] }, { "env", row.env }, { "loose", row.loose } }
    rows[#rows + 1] = write.fields(list)
  end
  local headers = #info.headers > 0 and write.fields(info.headers) or nil
  local about = params.line(doc.root.info and doc.root.info.title, info.name)
  return write.file(("What all commands of %s share: flags, the service that they talk to, its errors.\nBegun from the OpenAPI "
    .. "document %s, version %s."):format(info.name, doc.name:match("[^/]*$"), info.version), nil, {
    { "about", about }, { "args", rows }, { "config", { file = "~/." .. info.name .. "/config.json" } },
    { "service", write.fields { { "url", "api-url" }, { "token", info.token }, { "headers", headers },
      { "errors", write.raw('{\n  [401] = "UNAUTHENTICATED", [403] = "PERMISSION_DENIED", [404] = "NOT_FOUND", '
        .. '[409] = "CONFLICT", [429] = "RATE_LIMITED",\n}') } } },
  }, "tool.Suite")
end

local function types_text(shapes)
  local out = { "--- The things that the service speaks of, as shapes for `returns`.", "", "local types = {}", "" }
  for _, name in ipairs(shapes.order) do
    out[#out + 1] = write.index("types", name) .. " = " .. write.value(shapes.texts[name])
    out[#out + 1] = ""
  end
  out[#out + 1] = "return types\n"
  return table.concat(out, "\n")
end

-- Tests ----------------------------------------------------------------------------------------------------------------

local function reply_of(op)
  local out = op.out
  local status = math.tointeger(tonumber(out.code or "")) or 200
  if not out.kind then return write.fields { { "status", status } } end
  if out.kind ~= "json" then return write.fields { { "status", status }, { "body", "text" } } end
  local value = shape.sample(op.doc, out.raw or {}, out.raw_pointer)
  if op.pages and op.pages.next then value[op.pages.next] = nil end -- the only page is the last
  return write.raw(("{ status = %d, body = %s }"):format(status, write.string(host.json.encode(value))))
end

local function test_case(one, info)
  local op = one.op
  local line = operation.call(op, one.name)
  if not line then return nil end
  line = line:gsub("^tool ", "")
  if op.danger == "destructive" then line = line .. " --confirm-destructive" end
  local route = op.method:upper() .. " " .. op.sent:gsub("%?.*", ""):gsub("[^/]*{[^/]*", function(segment)
    return "{" .. segment:gsub("[^%w_]+", "_"):gsub("^_", ""):gsub("_$", "") .. "}"
  end)
  if op.method == "options" or op.method == "trace" then return nil end
  local files = line:find("in%.txt") and { ["in.txt"] = "text" } or nil
  return write.value(write.fields { { nil, one.name }, { "args", line }, { "env", write.raw "ENV" },
    { "files", files }, { "server", { [route] = reply_of(op) } },
    { "expect", write.fields { { "exit", 0 } } } }, "  "), info
end

local SECRET = "s3cr3t-0f-a-t3st" -- in no answer, so that nothing else is masked

local function tests_text(list, info)
  local env = { { info.prefix .. "_API_URL", "{server}" } }
  local seen = {}
  for _, row in ipairs(info.rows) do
    env[#env + 1] = { row.env, row[2] == "secret" and SECRET or "text" }
    seen[row.env] = true
  end
  if not seen[info.prefix .. "_TOKEN"] then env[#env + 1] = { info.prefix .. "_TOKEN", SECRET } end
  local out = { "-- Run by `tool test`: each command once, against a service that answers with what the document describes.", "",
    "local ENV = " .. write.value(write.fields(env)), "", "return {" }
  for _, one in ipairs(list) do
    local text = test_case(one, info)
    if text then out[#out + 1] = "  " .. text .. "," end
  end
  out[#out + 1] = "}\n"
  return table.concat(out, "\n")
end

--- The files of a suite: { { path, text } … }, and notes on what was left out. text: of the document, name: what it is called.
function suite.files(suite_name, text, name)
  local doc = document.read(text, name)
  local version = doc.root.info and doc.root.info.version
  local info = { name = suite_name, prefix = suite_name:upper():gsub("[^A-Z0-9]", "_"), rows = {}, headers = {}, notes = {},
    taken = { ["api-url"] = true }, version = version or "0" }
  credentials(doc, info, info.prefix)
  for _, row in ipairs(info.rows) do info.taken[row[1]] = true end
  local shapes = shape.new(doc)
  local list = read_operations(doc, info, shapes)
  local files = { { path = suite_name .. "/suite.lua", text = suite_text(doc, info) } }
  for _, one in ipairs(list) do
    files[#files + 1] = { path = ("%s/%s.lua"):format(suite_name, one.name), text = operation.text(one.op, one.name) }
  end
  if #shapes.order > 0 then files[#files + 1] = { path = suite_name .. "/lib/types.lua", text = types_text(shapes) } end
  files[#files + 1] = { path = ("%s/%s.test.lua"):format(suite_name, suite_name), text = tests_text(list, info) }
  return files, info.notes
end

return suite
