--- One operation of a document as a command file.
-- Promise: the file passes the check of contracts, sends what the operation describes, and gives what its success describes.

local document = require "kit.openapi.document"
local host = require "host"
local params = require "kit.openapi.params"
local shape = require "kit.openapi.shape"
local write = require "kit.write"

local operation = {}

local null = host.json.null

local function is_table(value) return type(value) == "table" and value ~= null end

local DANGER = { get = "safe", head = "safe", options = "safe", trace = "safe", delete = "destructive" }
local VERB = { post = "create", put = "update", patch = "update", delete = "delete" }
local STATUS_EXIT = { ["400"] = "GENERAL_ERROR", ["402"] = "PAYMENT_REQUIRED", ["403"] = "PERMISSION_DENIED", ["404"] = "NOT_FOUND",
  ["409"] = "CONFLICT", ["429"] = "RATE_LIMITED", ["503"] = "UNAVAILABLE" }

-- What comes in -----------------------------------------------------------------------------------------------------------

-- The parameters of the path and of the operation; those of the operation win.
local function parameters_of(doc, item, op, item_pointer, pointer)
  local by_key, list = {}, {}
  for _, source in ipairs { { item, item_pointer }, { op, pointer } } do
    for i, raw in ipairs(is_table(source[1].parameters) and source[1].parameters or {}) do
      local p, at = doc:resolve(raw, ("%s/parameters/%d"):format(source[2], i - 1))
      doc:object(p, at, "a parameter")
      if type(p.name) ~= "string" or type(p["in"]) ~= "string" then doc:fail(at, "a parameter needs name and in") end
      local key = p["in"] .. "\0" .. p.name
      if by_key[key] then list[by_key[key]] = { p, at } else
        list[#list + 1] = { p, at }
        by_key[key] = #list
      end
    end
  end
  return list
end

local SET_ELSEWHERE = { accept = true, authorization = true, ["content-type"] = true }

local function add_parameters(self, list)
  local position = 0
  for _, pair in ipairs(list) do
    local p, at = pair[1], pair[2]
    local where = p["in"]
    local content = is_table(p.content) and next(p.content)
    local ignored = where == "header" and SET_ELSEWHERE[p.name:lower()]
    if where == "cookie" and not p.required then ignored = true end
    if not ignored then
      if where == "path" then position = position + 1 end
      local in_path = where == "path"
      local one = self.rows:add { name = p.name, where = where, schema = not content and p.schema or {},
        pointer = at .. "/schema", about = p.description, example = p.example, required = in_path or p.required == true,
        at = in_path and position or nil, explode = p.explode, type = content and "json" or nil }
      self.inputs[where] = self.inputs[where] or {}
      table.insert(self.inputs[where], one)
    end
  end
end

-- The media type of a body that is understood, the preferred first.
local function media_of(content)
  local names = {}
  for name in pairs(content) do names[#names + 1] = name end
  table.sort(names)
  local function first(pattern)
    for _, name in ipairs(names) do
      if name:lower():find(pattern) then return name end
    end
  end
  local json = first "^application/json" or first "%+json"
  if json then return json, "json" end
  local form = first "^application/x%-www%-form%-urlencoded"
  if form then return form, "form" end
  local multipart = first "^multipart/form%-data"
  if multipart then return multipart, "multipart" end
  return names[1], names[1] and "raw" or nil
end

local function properties_of(s)
  local required, names = {}, {}
  for _, name in ipairs(is_table(s.required) and s.required or {}) do required[name] = true end
  for name, property in pairs(is_table(s.properties) and s.properties or {}) do
    if not (is_table(property) and property.readOnly) then names[#names + 1] = name end
  end
  table.sort(names, function(a, b)
    if required[a] ~= required[b] then return required[a] == true end
    return a < b
  end)
  return names, required
end

local function add_body(self, op, pointer)
  local doc = self.doc
  local body, at = doc:resolve(op.requestBody, pointer .. "/requestBody")
  if body == nil then return end
  doc:object(body, at, "requestBody")
  local content = doc:object(body.content, at .. "/content", "content")
  if not content or next(content) == nil then return end
  local media, kind = media_of(content)
  local media_at = at .. "/content/" .. document.escape(media)
  local s, s_at = shape.merged(doc, content[media].schema or {}, media_at .. "/schema")
  self.body = { kind = kind, media = media, inputs = {}, schema = s, pointer = s_at }
  local is_object = shape.type_of(s) == "object" and is_table(s.properties) and not s.oneOf and not s.anyOf
  local function add(p) table.insert(self.body.inputs, self.rows:add(p)) end
  if kind == "raw" then
    return add { name = "body-file", where = "body", pointer = s_at, type = "path", required = body.required == true,
      about = params.line(body.description, "File with the body, " .. media) }
  elseif not is_object then
    self.body.whole = true
    return add { name = "body", where = kind == "json" and "body" or "form", schema = s, pointer = s_at, type = "json",
      about = params.line(body.description, "The body, as JSON"), required = body.required == true }
  end
  local names, required = properties_of(s)
  for _, name in ipairs(names) do
    local property_at = ("%s/properties/%s"):format(s_at, document.escape(name))
    local property = shape.merged(doc, s.properties[name], property_at)
    local is_file = kind == "multipart" and (property.format == "binary" or property.contentMediaType ~= nil)
    add { name = name, where = kind == "json" and "body" or "form", schema = s.properties[name], pointer = property_at,
      about = property.description or property.title, required = body.required == true and required[name] or nil,
      type = is_file and "path" or nil }
  end
end

-- What comes out ----------------------------------------------------------------------------------------------------------

local function success_of(responses)
  local codes = {}
  for code in pairs(responses) do
    if tostring(code):find("^2") then codes[#codes + 1] = tostring(code) end
  end
  table.sort(codes)
  return codes[1] or (responses.default and "default") or nil
end

-- The pages of a list: how the next one is asked for. Gives { style, items = field or nil, next = field or nil, size, start }.
local CURSORS = { "cursor", "page_token", "pageToken", "after", "starting_after", "next_token", "marker" }
local NEXTS = { "next_cursor", "nextCursor", "next_page_token", "nextPageToken", "next", "cursor", "next_token", "nextToken" }
local SIZES = { "limit", "per_page", "perPage", "page_size", "pageSize", "size", "max_results", "maxResults", "count" }

local function find_input(self, names)
  for _, name in ipairs(names) do
    for _, one in ipairs(self.inputs.query or {}) do
      if one.name == name then return one end
    end
  end
end

local function list_field(self, s)
  local found
  for name, property in pairs(is_table(s.properties) and s.properties or {}) do
    local merged = shape.merged(self.doc, property, self.out.pointer .. "/properties/" .. document.escape(name))
    local kind, nullable = shape.type_of(merged)
    if kind == "array" and not nullable then
      if found then return nil end
      found = { name, property, ("%s/properties/%s"):format(self.out.pointer, document.escape(name)) }
    end
  end
  return found
end

local function find_pages(self)
  local s = self.out.schema
  if self.danger ~= "safe" or not s or self.out.kind ~= "json" then return nil end
  local kind = shape.type_of(s)
  local field = kind == "object" and list_field(self, s)
  if kind ~= "array" and not field then return nil end
  local size, cursor = find_input(self, SIZES), find_input(self, CURSORS)
  local page, offset = find_input(self, { "page", "page_number" }), find_input(self, { "offset", "skip" })
  local pages = { field = field and field[1], size = size }
  if cursor and field then
    for _, name in ipairs(NEXTS) do
      if is_table(s.properties[name]) then
        pages.style, pages.input, pages.next = "cursor", cursor, name
        return pages
      end
    end
  end
  if not size then return nil end
  if page then pages.style, pages.input = "page", page return pages end
  if offset then pages.style, pages.input = "offset", offset return pages end
end

-- An object as an item must have a field of that name, as a word.
local function id_field(form)
  for _, pair in ipairs(getmetatable(form) and form[1] and type(form[1]) == "table" and form or {}) do
    if pair[1] == "id" and type(pair[2]) == "string" then return "id" end
  end
end

local function read_success(self, pointer)
  local doc, code = self.doc, success_of(self.responses)
  self.out = { pointer = pointer .. "/responses" }
  if not code then return end
  local response, at = doc:resolve(self.responses[code], pointer .. "/responses/" .. code)
  doc:object(response, at, "a response")
  self.out.code, self.out.about = code, params.line(response.description, nil)
  local content = doc:object(response.content, at .. "/content", "content")
  if not content or next(content) == nil then return end
  local media, kind = media_of(content)
  self.out.media = media
  if kind ~= "json" then
    self.out.kind = media:find("^text/") and "text" or "bytes"
    return
  end
  self.out.kind = "json"
  self.out.raw, self.out.raw_pointer = content[media].schema, at .. "/content/" .. document.escape(media) .. "/schema"
  self.out.schema, self.out.pointer = shape.merged(doc, self.out.raw or {}, self.out.raw_pointer)
end

-- Drops a parameter that the host's paging gives.
local function drop(self, one)
  if not one then return end
  for _, list in ipairs { self.rows.list, self.inputs.query } do
    for i = #list, 1, -1 do
      if list[i] == one then table.remove(list, i) end
    end
  end
end

local function has_effect(schema)
  return is_table(schema.properties) and schema.properties.effect ~= nil
end

-- returns, and the expression that makes the result of `response`.
local function set_result(self)
  local out, shapes = self.out, self.shapes
  if not out.kind then
    self.returns, self.value = write.fields { { "status", "integer" } }, "{ status = response.status }"
  elseif out.kind ~= "json" then
    local bytes = "ctx.bytes(response.body, " .. write.string(out.media) .. ")"
    self.returns = write.fields { { "body", out.kind == "text" and "string" or "any" } }
    self.value = ("{ body = %s }"):format(out.kind == "text" and "response.body" or bytes)
  else
    local kind = shape.type_of(out.schema)
    local form, nullable, inner = shapes:of(out.raw or {}, out.raw_pointer)
    if kind == "array" and self.danger == "safe" and not nullable then
      self.returns, self.value, self.is_list = form, "response.json", true
    elseif kind == "object" and not nullable and not has_effect(out.schema) and form ~= "any"
      and not is_table(out.schema.oneOf) and not is_table(out.schema.anyOf) then
      self.returns, self.value = form, "response.json"
    else
      local key = "result" .. (nullable and "!" or "")
      self.returns, self.value = write.fields { { key, form } }, "{ result = response.json }"
    end
    self.inner = inner or form
  end
end

local function set_pages(self)
  local pages = find_pages(self)
  if not pages then return end
  self.pages = pages
  drop(self, pages.input)
  drop(self, pages.size)
  local out = self.out
  local items = pages.field and out.schema.properties[pages.field]
  local items_at = pages.field and out.pointer .. "/properties/" .. document.escape(pages.field) or out.pointer
  local array, array_at = shape.merged(self.doc, items or out.schema, items_at)
  local form, nullable, inner = "any", false, nil
  if array.items then form, nullable, inner = self.shapes:of(array.items, array_at .. "/items") end
  if nullable then form = "any" end
  self.returns, self.inner, self.is_list = write.fields { { "list", form } }, inner or form, true
  local s = pages.size and pages.size.schema
  local size = s and math.tointeger(s.default) or 20
  if s and math.tointeger(s.maximum) then size = math.min(size, math.tointeger(s.maximum)) end
  pages.count = math.max(1, size)
end

-- The text -----------------------------------------------------------------------------------------------------------------

local function table_text(list, indent)
  local out = {}
  for _, pair in ipairs(list) do out[#out + 1] = { pair[1], write.raw(pair[2]) } end
  return write.value(write.fields(out), indent)
end

local function value_text(one)
  if one.type == "list" and one.explode == false then
    return ("%s and table.concat(%s, \",\")"):format(one.text, one.text)
  end
  return one.text
end

local function path_text(self)
  local parts, at = {}, 1
  local by_name = {}
  for _, one in ipairs(self.inputs.path or {}) do by_name[one.name] = one end
  for from, name, stop in self.sent:gmatch("(){([^{}]*)}()") do
    if from > at then parts[#parts + 1] = write.string(self.sent:sub(at, from - 1)) end
    local one = by_name[name]
    if not one then self.doc:fail(self.pointer, ("the path has {%s}, and there is no such parameter"):format(name)) end
    parts[#parts + 1] = ("url.encode(tostring(%s))"):format(one.text)
    self.uses_url = true
    at = stop
  end
  if at <= #self.sent then parts[#parts + 1] = write.string(self.sent:sub(at)) end
  return table.concat(parts, " .. ")
end

local function query_pairs(self)
  local list = {}
  for _, one in ipairs(self.inputs.query or {}) do list[#list + 1] = { one.name, value_text(one) } end
  local pages = self.pages
  if pages then
    local first = pages.style == "page" and "ctx.cursor or 1" or pages.style == "offset" and "ctx.cursor or 0" or "ctx.cursor"
    list[#list + 1] = { pages.input.name, first }
    if pages.size then list[#list + 1] = { pages.size.name, "ctx.page_size" } end
  end
  return list
end

local function body_option(self)
  local body = self.body
  if not body then return nil end
  if body.kind == "raw" then
    local one = body.inputs[1]
    return "body", ("%s and ctx.files.read(%s)"):format(one.text, one.text), body.media
  elseif body.whole then
    return body.kind == "json" and "json" or "form", body.inputs[1].text
  end
  local list = {}
  for _, one in ipairs(body.inputs) do
    local text = one.text
    if body.kind == "multipart" and one.type == "path" then
      text = ("%s and { data = ctx.files.read(%s), filename = %s:match(\"[^/]*$\") }"):format(text, text, text)
    elseif body.kind ~= "json" and one.type ~= "string" and one.type ~= "secret" and one.type ~= "enum" then
      text = ("%s ~= nil and tostring(%s) or nil"):format(text, text)
    end
    list[#list + 1] = { one.name, text }
  end
  return body.kind, table_text(list, "")
end

local function options_text(self)
  local list, query, headers = {}, query_pairs(self), {}
  if #query > 0 then list[#list + 1] = { "query", table_text(query, "") } end
  for _, one in ipairs(self.inputs.header or {}) do
    headers[#headers + 1] = { one.name, one.type == "secret" and one.text
      or one.type == "string" and one.text or ("%s ~= nil and tostring(%s) or nil"):format(one.text, one.text) }
  end
  local cookies = {}
  for _, one in ipairs(self.inputs.cookie or {}) do cookies[#cookies + 1] = ("\"%s=\" .. %s"):format(one.name, one.text) end
  if #cookies > 0 then headers[#headers + 1] = { "Cookie", table.concat(cookies, " .. \"; \" .. ") } end
  local key, text, media = body_option(self)
  if key then list[#list + 1] = { key, text } end
  if media then headers[#headers + 1] = { "Content-Type", write.string(media) } end
  if #headers > 0 then list[#list + 1] = { "headers", table_text(headers, "") } end
  if self.suite.basic then list[#list + 1] = { "basic", "{ args.user, args.password }" } end
  return #list > 0 and ", " .. table_text(list, "  ") or ""
end

-- The lines that make a page of `response`: a service may leave out a list that has no items.
local function page_lines(pages)
  local items = pages.field and "response.json" .. write.index("", pages.field) .. " or {}" or "response.json"
  local lines = { "  local items = " .. items }
  if pages.style == "cursor" then
    lines[2] = "  local next = response.json" .. write.index("", pages.next)
    lines[3] = '  if next == "" then next = nil end'
  else
    local step = pages.style == "page" and "(ctx.cursor or 1) + 1" or "(ctx.cursor or 0) + #items"
    lines[2] = ("  local next = #items >= ctx.page_size and %s or nil"):format(step)
  end
  lines[#lines + 1] = "  return ctx.list(items, { next = next })"
  return lines
end

local CALLS = { get = "get", head = "head", post = "post", put = "put", patch = "patch", delete = "delete" }

local function run_text(self)
  local method = CALLS[self.method]
  local call = method and ("ctx.api.%s(%s%s)"):format(method, path_text(self), options_text(self))
    or ("ctx.api.request { method = %s, path = %s }"):format(write.string(self.method:upper()), path_text(self))
  local lines = { "function(args, ctx)", "  local response = " .. call }
  if self.deletes then
    lines[#lines + 1] = ("  if response.status == 404 then return ctx.missing(%s) end"):format(self.missing)
  end
  if self.pages then
    for _, line in ipairs(page_lines(self.pages)) do lines[#lines + 1] = line end
  elseif self.danger == "safe" then
    lines[#lines + 1] = "  return " .. self.value
  elseif self.danger == "destructive" then
    lines[#lines + 1] = ("  return ctx.deleted(%s)"):format(self.value)
  elseif self.out.code == "201" then
    lines[#lines + 1] = ("  return ctx.created(%s)"):format(self.value)
  else
    lines[#lines + 1] = ("  return ctx.updated(%s)"):format(self.value)
  end
  lines[#lines + 1] = "end"
  local text = table.concat(lines, "\n")
  if not text:find("args[.%[]") then text = text:gsub("^function%(args, ctx%)", "function(_, ctx)") end
  return text
end

local function exits_of(self)
  local list = { { "SUCCESS", params.line(self.out.about, "It is done") } }
  local seen = { SUCCESS = true, CONFLICT = self.creates }
  local codes = {}
  for code in pairs(self.responses) do codes[#codes + 1] = tostring(code) end
  table.sort(codes)
  for _, code in ipairs(codes) do
    local name = STATUS_EXIT[code]
    local response = self.doc:resolve(self.responses[code], self.pointer .. "/responses/" .. code)
    local text = is_table(response) and params.line(response.description, nil)
    if name and text and not seen[name] then
      seen[name] = true
      list[#list + 1] = { name, text }
    end
  end
  return write.fields(list)
end

local function preview_text(self)
  local list = {}
  for _, one in ipairs(self.rows.list) do
    if one.type ~= "secret" and one.type ~= "json" then list[#list + 1] = { (one.flag:gsub("%-", "_")), one.text } end
  end
  return ("function(%s, ctx)\n  return ctx.would(%s, %s)\nend"):format(#list > 0 and "args" or "_",
    write.string(VERB[self.method] or "change"), table_text(list, "  "))
end

local function json_example(self, one)
  local text = host.json.encode(shape.sample(self.doc, one.schema, one.pointer))
  return not text:find("'", 1, true) and text or nil
end

-- The words that give a parameter; nil where no value is known.
local function given(self, one)
  if one.type == "boolean" then return "--" .. one.flag end
  if one.type == "secret" then return ("--%s-from-env %s_TOKEN"):format(one.flag, self.suite.prefix) end
  local text = one.type == "path" and "in.txt"
  if not text then text = one.type == "json" and json_example(self, one) or one.type ~= "json" and params.example(one) end
  return text and ("--%s %s"):format(one.flag, text:find("[^%w/._:,-]") and "'" .. text .. "'" or text) or nil
end

-- A command line that gives what must be given; nil where a value is needed that no example can know.
local function call_of(self, name)
  local words = { "tool", self.suite.name, name }
  for _, one in ipairs(self.rows.list) do
    if one.required then
      local text = given(self, one)
      if not text then return nil end
      words[#words + 1] = text
    end
  end
  return table.concat(words, " ")
end

local function about_of(self, op)
  local about = params.line(op.summary, nil) or params.line(op.description, nil)
  return about or ("%s %s"):format(self.method:upper(), self.path)
end

--- Reads an operation: what the command takes, gives and does. options: doc, shapes, suite { name, prefix, taken, basic },
--- path, method, item, item_pointer.
function operation.read(options)
  local self = options
  local doc = self.doc
  self.sent = self.path:gsub("#.*", "") -- a fragment only tells operations of one path apart
  self.pointer = ("%s/%s"):format(self.item_pointer, self.method)
  local op = doc:object(self.item[self.method], self.pointer, "an operation")
  doc:object(op.responses, self.pointer .. "/responses", "responses")
  if not op.responses and doc.root.openapi:find("^3%.0") then doc:fail(self.pointer, "an operation needs responses") end
  self.responses = op.responses or {}
  self.op, self.danger, self.inputs = op, DANGER[self.method] or "mutating", {}
  self.rows = params.new(doc, self.suite.taken)
  add_parameters(self, parameters_of(doc, self.item, op, self.item_pointer, self.pointer))
  add_body(self, op, self.pointer)
  read_success(self, self.pointer)
  set_result(self)
  set_pages(self)
  local last = self.inputs.path and self.inputs.path[#self.inputs.path]
  self.missing = last and last.text or write.string(self.path)
  return self
end

--- The text of the command's file.
function operation.text(self, name)
  self.creates = self.danger == "mutating" and name:find("create", 1, true) ~= nil
  self.deletes = self.danger == "destructive" or self.danger == "mutating" and name:find("delete", 1, true) ~= nil
  local op, rows = self.op, {}
  for i, one in ipairs(self.rows.list) do rows[i] = one.row end
  local run, changes = run_text(self), self.danger ~= "safe"
  local preamble = {}
  if self.uses_url then preamble[#preamble + 1] = 'local url = require "tool.url"' end
  local call = call_of(self, name)
  local list = {
    { "about", about_of(self, op) }, { "danger", self.danger }, { "scopes", {} }, { "network", true },
    { "deprecated", op.deprecated == true and { since = tostring(self.suite.version) } or nil },
    { "creates", self.creates and "resource" or nil }, { "deletes", self.deletes and "resource" or nil },
    { "page", self.pages and self.pages.count },
    { "id", self.is_list and type(self.inner) == "table" and id_field(self.inner) or nil },
    { "payload", changes and self.body and self.body.kind == "json" and not self.body.whole or nil },
    { "args", #rows > 0 and rows or nil }, { "returns", self.returns }, { "exits", exits_of(self) },
    { "examples", call and { { "As the document describes it", changes and call .. " --dry-run" or call } } or nil },
    { "preview", changes and write.raw(preview_text(self)) or nil }, { "run", write.raw(run) },
  }
  if write.value(self.returns):find("types[.%[]") then table.insert(preamble, 1, 'local types = require "lib.types"') end
  local comment = ("`tool %s %s`: %s %s"):format(self.suite.name, name, self.method:upper(), self.path)
  return write.file(comment, #preamble > 0 and table.concat(preamble, "\n") or nil, list, "tool.Command")
end

operation.call = call_of

return operation
