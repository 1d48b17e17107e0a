-- `tool new suite NAME --openapi DOCUMENT`: the commands of an API, in order as they are written, and talking as the document
-- says. SPEC_OPENAPI names further documents, of other products: JSON or YAML files, separated by colons.
local S = require "lib.spec"
local stub = require "lib.stub_server"

local WORKSHOP = S.paths.root .. "/fixtures/openapi/workshop.json"
local HANDED = {}
for path in (os.getenv "SPEC_OPENAPI" or ""):gmatch("[^:]+") do HANDED[#HANDED + 1] = path end

local METHODS = { "get", "head", "post", "put", "patch", "delete", "options", "trace" }

-- The document, by the test's own reading of it --------------------------------------------------------------------------

local function resolve(doc, value)
  while type(value) == "table" and value["$ref"] do
    local ref, at = value["$ref"], doc
    for part in ref:gmatch("/([^/]+)") do
      part = part:gsub("~1", "/"):gsub("~0", "~")
      at = at[part] or at[tonumber(part) + 1]
    end
    value = at
  end
  return value
end

local sample

-- The names that an object must have, whichever part of an allOf says so.
local function needed_of(doc, s, names)
  for _, name in ipairs(s.required or {}) do names[name] = true end
  for _, part in ipairs(s.allOf or {}) do needed_of(doc, resolve(doc, part), names) end
  return names
end

local function sample_object(doc, s, depth, out, needed)
  for _, part in ipairs(s.allOf or {}) do sample_object(doc, resolve(doc, part), depth, out, needed) end
  for name, property in pairs(s.properties or {}) do
    if needed[name] or depth < 3 then out[name] = sample(doc, property, depth + 1) end
  end
  if type(s.additionalProperties) == "table" and depth < 3 then
    out.further = sample(doc, s.additionalProperties, depth + 1)
  elseif not s.allOf and s.additionalProperties == nil and s.properties and depth == 0 then
    out.undocumented = "a service may say more"
  end
  return out
end

local FORMATS = { ["date-time"] = "2026-01-02T03:04:05Z", date = "2026-01-02", uuid = "123e4567-e89b-12d3-a456-426614174000" }

-- A value with every documented field, so far as it does not go on for ever.
function sample(doc, s, depth)
  s = resolve(doc, s)
  if type(s) ~= "table" or s == S.json.null then return "x" end
  if s.enum then return s.enum[#s.enum] end
  if s.const ~= nil then return s.const end
  local choice = s.oneOf or s.anyOf
  if choice and not s.properties then return sample(doc, choice[#choice], depth) end
  local kind = s.type
  if type(kind) == "table" then kind = kind[1] end
  for _, part in ipairs(not kind and s.allOf or {}) do
    part = resolve(doc, part)
    if part.type and part.type ~= "object" then return sample(doc, part, depth) end
  end
  if kind == "integer" then return 9007199254740993 end
  if kind == "number" then return 1.5 end
  if kind == "boolean" then return false end
  if kind == "null" then return S.json.null end
  if kind == "array" or s.items then
    if depth > 5 then return S.json.array {} end
    return S.json.array { sample(doc, s.items or {}, depth + 1) }
  end
  if kind == "object" or s.properties or s.allOf then
    return S.json.object(sample_object(doc, s, depth, {}, needed_of(doc, s, {})))
  end
  return FORMATS[s.format] or "text"
end

-- Every operation: { method, path, status, json = a sample or nil, body }.
local function operations(doc)
  local list = {}
  for path, item in pairs(doc.paths) do
    item = resolve(doc, item)
    for _, method in ipairs(METHODS) do
      local op = item[method]
      if op then
        local code
        for status in pairs(op.responses or {}) do
          if status:find "^2" and (not code or status < code) then code = status end
        end
        local response = resolve(doc, (op.responses or {})[code or "default"] or {})
        local one = { method = method:upper(), path = path, status = tonumber(code or "200") }
        for media, content in pairs(response.content or {}) do
          if media:find "json" then one.json = content.schema and sample(doc, content.schema, 0) or "x" end
          one.body = "text"
        end
        list[#list + 1] = one
      end
    end
  end
  return list
end

-- A service that answers the operation that is `wanted`, and no other request, with its sample.
local function service()
  local self = {}
  self.server = stub.start(function(request)
    local one = self.wanted
    local pattern = "^" .. one.path:gsub("[#?].*", ""):gsub("[%-%.%+%*%?%[%]%^%$%(%)%%]", "%%%0"):gsub("{[^{}]*}", "[^/]+") .. "$"
    if one.method ~= request.method or not request.path:find(pattern) then return { status = 404 } end
    if one.status == 204 or not one.body then return { status = one.status } end
    if one.json ~= nil then return { status = one.status, json = one.json } end
    return { status = one.status, body = one.body }
  end)
  return self
end

-- The commands of a suite -------------------------------------------------------------------------------------------------

local function import(document, name, ...)
  local dir = S.dir "import"
  local r = S.tool({ "new", "suite", name, "--openapi", document, ... }, { cwd = dir, timeout = 60 })
  return dir, r
end

-- The words of an example; quotes are those of a shell.
local function words_of(line)
  local r = S.run({ "sh", "-c", "for word in " .. line .. "; do printf '%s\\0' \"$word\"; done" }, {})
  local list = {}
  for word in r.stdout:gmatch("([^%z]*)%z") do list[#list + 1] = word end
  table.remove(list, 1)
  return list
end

-- The operation that a command is for: its file says so in the first line.
local function operation_of(dir, words, list)
  local method, path = S.slurp(("%s/%s/%s.lua"):format(dir, words[1], words[2])):match("^%-%-%- `[^`]*`: (%u+) (%S+)")
  for _, one in ipairs(list) do
    if one.method == method and one.path == path then return one end
  end
  error(("%s is for no operation"):format(words[2]))
end

-- Calls each command by its example, for real, and gives how many asked and answered as the document says.
local function call_all(dir, name, list)
  local asked = service()
  local prefix = name:upper()
  local env = { TOOL_COMMANDS_PATH = dir, [prefix .. "_API_URL"] = asked.server.url, TOOL_MAX_OUTPUT_BYTES = "100000000" }
  local manifest = S.status(S.tool({ "manifest", "--prefix", name }, { env = env, timeout = 60 }), 0).envelope.data.commands
  for _, v in ipairs { "_TOKEN", "_USER", "_PASSWORD" } do env[prefix .. v] = "t0k3n" end
  local called = 0
  for _, entry in pairs(manifest) do
    local example = entry.output_schema and entry.examples and entry.examples[1].command
    if example then
      local words = words_of((example:gsub(" %-%-dry%-run", "")))
      if entry.danger_level == "destructive" then words[#words + 1] = "--confirm-destructive" end
      asked.wanted = operation_of(dir, words, list)
      local work = S.dir "work"
      S.spit(work .. "/in.txt", "text")
      if entry.flags.limit and entry.flags.cursor then
        words[#words + 1] = "--limit"
        words[#words + 1] = "1"
      end
      S.status(S.tool(words, { env = env, cwd = work, timeout = 60 }), 0)
      called = called + 1
    end
  end
  asked.server.close()
  return called
end

-- Imports, checks and tests; gives the folder, the answer of the import and the number of tests.
local function sound(document)
  local dir, made = import(document, "imported")
  S.status(made, 0)
  S.status(S.tool({ "check", "imported" }, { cwd = dir, timeout = 60 }), 0)
  local r = S.status(S.tool({ "test", "imported", "--timeout", "20m" }, { cwd = dir, timeout = 1200 }), 0)
  S.truth(r, r.envelope.data.passed > 0, "no test")
  return dir, made, r.envelope.data.passed
end

S.req("KIT-OPENAPI", "tool new suite --openapi", function()
  it("the commands of a document are in order and talk as it says", function()
    local dir, made, tests = sound(WORKSHOP)
    local list = operations(assert(S.json.decode(S.slurp(WORKSHOP))))
    S.equal(made, { #list + 3, #list }, { #made.envelope.data.files, tests }, "files and tests")
    S.equal(made, #list, call_all(dir, "imported", list), "commands that were called")
  end)

  it("so are those of the documents that SPEC_OPENAPI names, and their manifest is valid", function()
    if #HANDED == 0 then return pending "SPEC_OPENAPI names no documents of other products" end
    for _, document in ipairs(HANDED) do
      local dir = sound(document)
      local m = S.status(S.tool({ "manifest", "--prefix", "imported" }, { env = { TOOL_COMMANDS_PATH = dir,
        TOOL_MAX_OUTPUT_BYTES = "100000000" }, timeout = 60 }), 0)
      S.equal(m, {}, S.schema.validate(S.named_schema "manifest-response", m.envelope.data), "complaints")
      local doc = document:find "%.json$" and assert(S.json.decode(S.slurp(document)))
      S.truth(m, not doc or call_all(dir, "imported", operations(doc)) > 0, "nothing was called")
    end
  end)

  local dir, made = import(WORKSHOP, "shed")
  local function contract(name)
    return S.status(S.tool({ "shed", name, "--schema" }, { env = { TOOL_COMMANDS_PATH = dir } }), 0).envelope.data
  end

  it("danger follows the method, names follow the operation, paging is the host's", function()
    S.status(made, 0)
    assert.equal("safe", contract("list-tools").danger_level)
    assert.equal("mutating", contract("add-tool").danger_level)
    local delete = contract "delete-tools-by-tool-id"
    assert.equal("destructive", delete.danger_level)
    assert.truthy(delete.flags["dry-run"] and delete.output_variants.missing)
    local list = contract "list-tools"
    assert.equal(25, list.default_limit)
    assert.equal("id", list.primary_id_field)
    assert.is_nil(list.flags.limit.enum_values)
    assert.same({ "hand", "power", "garden" }, list.flags.kind.enum_values)
    assert.equal("1.4.0", contract("replace-tool").deprecated_in)
    assert.truthy(contract("lend-tool").flags["limit-query"])
    assert.truthy(contract("lend-tool").flags["pin-token-from-env"])
    assert.equal("^t[0-9]+$", contract("get-tool").parameters["tool-id"].pattern)
    assert.equal(1, contract("get-tool").parameters["tool-id"].position)
    assert.truthy(contract("add-tool").supports_raw_payload)
  end)

  it("credentials are secrets of the suite; what cannot be sent is said", function()
    local c = contract "get-tool"
    assert.same({ "SHED_TOKEN", "SHED_TOKEN_FILE", "SHED_X_API_KEY", "SHED_X_API_KEY_FILE" }, c.secret_env_vars)
    S.truth(made, S.json.encode(made.envelope.warnings):find("old (apiKey in query)", 1, true), "nothing is said")
    local server = stub.start { { json = { id = "t1", created = "x", name = "n", kind = "hand" } } }
    S.status(S.tool("shed get-tool t1", { env = { TOOL_COMMANDS_PATH = dir, SHED_API_URL = server.url, SHED_TOKEN = "abc",
      SHED_X_API_KEY = "key" } }), 0)
    local request = server.requests[1]
    assert.same({ "Bearer abc", "key", "/tools/t1" }, { request.headers.authorization, request.headers["x-api-key"], request.path })
    server.close()
  end)

  it("pages are fetched until the limit is met, by cursor and by number", function()
    local tool = { id = "t1", created = "x", name = "n", kind = "hand" }
    local server = stub.start { { json = { items = { tool, tool }, next_cursor = "c2" } },
      { json = { items = { tool }, next_cursor = S.json.null } } }
    local env = { TOOL_COMMANDS_PATH = dir, SHED_API_URL = server.url, SHED_TOKEN = "abc" }
    local r = S.status(S.tool("shed list-tools --limit 0", { env = env }), 0)
    S.equal(r, 3, #r.envelope.data.items)
    S.truth(r, server.requests[2].query:find("cursor=c2", 1, true), "no cursor")
    server.close()
    server = stub.start { { json = { tool, tool } }, { json = { tool } } }
    env.SHED_API_URL = server.url
    r = S.status(S.tool("shed get-events --limit 0", { env = env }), 0)
    S.equal(r, 3, #r.envelope.data.items)
    S.truth(r, server.requests[2].query:find("page=2&per_page=2", 1, true), "no page: " .. server.requests[2].query)
    server.close()
  end)

  it("a service whose pages name themselves as the next is told of at once", function()
    local server = stub.start(function() return { json = { items = S.json.array {}, next_cursor = "c2" } } end)
    local env = { TOOL_COMMANDS_PATH = dir, SHED_API_URL = server.url, SHED_TOKEN = "abc" }
    local r = S.tool("shed list-tools --limit 0", { env = env })
    S.equal(r, "c2", S.failed(r, 1, "OUTPUT_INVALID").context.cursor)
    S.equal(r, 2, #server.requests, "requests")
    server.close()
  end)

  it("a fragment is not sent, a query and a part of a segment are; a list that a service leaves out is empty", function()
    local server = stub.start { { json = "drill" }, { body = "t1" }, { json = S.json.object {} } }
    local env = { TOOL_COMMANDS_PATH = dir, SHED_API_URL = server.url, SHED_TOKEN = "abc" }
    S.status(S.tool("shed rename-tool t1 --name drill --quiet-query --kinds hand --weight 3", { env = env }), 0)
    S.status(S.tool("shed label t1 svg", { env = env }), 0)
    local r = S.status(S.tool("shed list-parts", { env = env }), 0)
    S.equal(r, S.json.array {}, r.envelope.data.items)
    local paths = {}
    for i, request in ipairs(server.requests) do paths[i] = request.path end
    assert.same({ "/tools/t1", "/tools/t1/label.svg", "/parts" }, paths)
    assert.equal("spare=true&limit=20&offset=0", server.requests[3].query)
    server.close()
  end)

  it("a dry run writes nothing; a document can come from an address", function()
    local server = stub.start { { body = S.slurp(WORKSHOP) } }
    local where = S.dir "x"
    local r = S.status(S.tool({ "new", "suite", "shed", "--openapi", server.url .. "/d.json", "--dry-run" }, { cwd = where }), 0)
    S.equal(r, #made.envelope.data.files, #r.envelope.data.would_affect.files)
    assert.same({}, S.tree(where))
    server.close()
  end)

  it("an address that does not give one says why, and nothing is written", function()
    for status, want in pairs { [401] = { 8, "UNAUTHENTICATED" }, [403] = { 7, "PERMISSION_DENIED" }, [404] = { 5, "NOT_FOUND" },
      [503] = { 12, "UNAVAILABLE" } } do
      local server = stub.start { { status = status, body = "no" } }
      local where, r = import(server.url .. "/api.json", "shed", "--retries", "0")
      S.failed(r, want[1], want[2])
      assert.same({}, S.tree(where))
      server.close()
    end
  end)

  it("a YAML document is read as the JSON one", function()
    local where, r = import((WORKSHOP:gsub("json$", "yaml")), "shed")
    S.status(r, 0)
    for _, name in ipairs(S.tree(dir .. "/shed")) do
      if not name:find "/$" then
        local text = S.slurp(where .. "/shed/" .. name):gsub("workshop%.yaml", "workshop.json")
        assert.equal(S.slurp(dir .. "/shed/" .. name), text, name)
      end
    end
    local function refused(text, line, pointer, part)
      local file = S.spit(S.dir "bad" .. "/d.yaml", text)
      local _, bad = import(file, "bad")
      local e = S.failed(bad, 2, "OPENAPI_INVALID")
      S.equal(bad, { line, pointer }, { e.context.line, e.context.pointer }, part)
      S.truth(bad, e.message:find(part, 1, true), "the message does not say: " .. part)
    end
    refused("openapi: 3.0.0\npaths: [", 2, "", "not YAML")
    refused("openapi: 3.0.0\npaths: &a\n  /x: *b\n", 3, "", "not YAML")
    refused("openapi: 3.0.0\n? [a]\n: b\n", 2, "", "a key is no text")
    refused("openapi: 3.0.0\na: &a\n  b: *a\n", 2, "", "too deep")
    refused("openapi: 3.0.0\npaths:\n  /a:\n    get:\n      summary: x\n", 4, "/paths/~1a/get", "needs responses")
    refused("just text", 1, "", "the document must be an object")
  end)

  it("says with pointer and line what is wrong with a document", function()
    local function refused(text, line, pointer, part)
      local file = S.spit(S.dir "bad" .. "/d.json", text)
      local where, r = import(file, "bad")
      local e = S.failed(r, 2, "OPENAPI_INVALID")
      S.equal(r, { line, pointer }, { e.context.line, e.context.pointer }, part)
      S.truth(r, e.message:find(part, 1, true), "the message does not say: " .. part)
      assert.same({}, S.tree(where))
    end
    refused('{\n"openapi": ', 2, "", "not JSON")
    refused("[]", 1, "", "the document must be an object")
    refused("{}", 1, "", "no openapi")
    refused('{ "swagger": "2.0" }', 1, "", "Swagger 2.0")
    refused('{\n "openapi": "3.2.0" }', 2, "/openapi", "3.2.0 is not read")
    refused('{ "openapi": "3.0.0" }', 1, "", "no paths")
    refused('{ "openapi": "3.0.0",\n "paths": {} }', 2, "/paths", "no operation")
    refused('{ "openapi": "3.0.0", "paths": {\n "a": {} } }', 2, "/paths/a", "begins with /")
    refused('{ "openapi": "3.0.0", "paths": { "/a": {\n "get": {} } } }', 2, "/paths/~1a/get", "needs responses")
    refused('{ "openapi": "3.0.0", "paths": { "/a/{b}": {\n "get": { "responses": {} } } } }', 2, "/paths/~1a~1{b}/get",
      "no such parameter")
    refused('{ "openapi": "3.0.0", "paths": { "/a": { "get": { "parameters": [ {\n "$ref": "#/components/x" } ],\n'
      .. ' "responses": {} } } } }', 2, "/paths/~1a/get/parameters/0/$ref", "names nothing")
    refused('{ "openapi": "3.0.0", "paths": { "/a": { "get": { "parameters": [\n { "name": "x" } ], "responses": {} } } } }', 2,
      "/paths/~1a/get/parameters/0", "needs name and in")
    refused('{ "openapi": "3.0.0", "paths": { "/a": { "get": { "responses": { "200": { "description": "x", "content": {'
      .. ' "application/json": { "schema": {\n "$ref": "other.json#/x" } } } } } } } } }', 2,
      "/paths/~1a/get/responses/200/content/application~1json/schema/$ref", "another document")
    S.failed(S.tool { "new", "suite", "shed", "--openapi", "/nowhere.json" }, 5, "NOT_FOUND")
    S.failed(S.tool { "new", "plugin", "shed", "--openapi", "/nowhere.json" }, 2, "ARG_ERROR")
  end)
end)
