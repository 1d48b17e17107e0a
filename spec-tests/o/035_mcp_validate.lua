-- REQ-O-035: an MCP server lists the commands as they are.
local S = require "lib.spec"
local stub = require "lib.stub_server"

local ENV = { TOOL_COMMANDS_PATH = false }

local function run(...) return S.tool({ "mcp-validate", ... }, { env = ENV }) end

-- The tools that fit, freshly decoded, so that a test may change them.
local file
local function fitting()
  if not file then
    local dir = S.dir() .. "/skills"
    S.status(S.tool({ "generate-skills", "--output-dir", dir }, { env = ENV }), 0)
    file = dir .. "/mcp-tools.json"
  end
  return S.json.decode(S.slurp(file))
end

local function saved(value) return S.spit(S.dir() .. "/mcp.json", S.json.encode(value)) end

local function tool_named(list, name)
  for i, tool in ipairs(list.tools) do
    if tool.name == name then return tool, i end
  end
end

local function drift(value, ...)
  local r = run("--mcp-schema-file", saved(value), ...)
  S.failed(r, 1, "MCP_SCHEMA_DRIFT")
  return r.envelope.data.drift, r
end

local NONE = { added = S.json.array {}, removed = S.json.array {}, changed = S.json.array {},
  missing_from_mcp = S.json.array {} }

local function only(r, fields, got)
  local want = {}
  for key, value in pairs(NONE) do want[key] = fields[key] and S.json.array(fields[key]) or value end
  S.equal(r, want, got, "drift")
end

-- A server that speaks MCP; pages: tools of each page; event_stream: answers as events.
local function server(pages, event_stream)
  return stub.start(function(request)
    local message = S.json.decode(request.body)
    if message.method == "notifications/initialized" then return { status = 202, body = "" } end
    local result = { protocolVersion = "2025-06-18", capabilities = {}, serverInfo = { name = "s", version = "1" } }
    if message.method == "tools/list" then
      local page = tonumber(message.params.cursor or "1")
      result = { tools = pages[page], nextCursor = pages[page + 1] and tostring(page + 1) or nil }
    end
    local answer = { jsonrpc = "2.0", id = message.id, result = result }
    if event_stream then
      return { headers = { ["Content-Type"] = "text/event-stream" }, body = "event: message\ndata: "
        .. S.json.encode(answer) .. "\n\n" }
    end
    return { json = answer, headers = { ["Mcp-Session-Id"] = "session-1" } }
  end)
end

S.req("REQ-O-035", "tool mcp-validate built-in command", function()
  it("1 the MCP side comes from a file or from a server, one of them", function()
    fitting()
    local r = S.status(run("--mcp-schema-file", file, "--built-ins"), 0)
    S.equal(r, NONE, r.envelope.data.drift, "drift")
    for _, events in ipairs { false, true } do
      local tools = fitting().tools
      local half = #tools // 2
      local s = server({ { table.unpack(tools, 1, half) }, { table.unpack(tools, half + 1) } }, events)
      r = S.status(run("--mcp-server-url", s.url .. "/mcp", "--built-ins"), 0)
      local session = s.requests[4].headers["mcp-session-id"]
      S.truth(r, events and session == nil or session == "session-1", "the session")
      s.close()
    end
    S.status(run(), 2)
    S.status(run("--mcp-schema-file", file, "--mcp-server-url", "http://127.0.0.1:9"), 2)
    S.failed(run("--mcp-schema-file", "/nonexistent/mcp.json"), 5, "NOT_FOUND")
    S.status(run("--mcp-server-url", "http://127.0.0.1:9/mcp", "--retries", "0"), 12)
  end)

  it("1 what is no list of tools ends with exit 4", function()
    for _, text in ipairs { "{", "{}", '{"tools":{"a":1}}', "[1]", "null" } do
      S.failed(run("--mcp-schema-file", S.spit(S.dir() .. "/m", text)), 4, "MCP_SCHEMA_INVALID")
    end
    for _, reply in ipairs { { status = 404, body = "no" }, { body = "no JSON" },
      { json = { jsonrpc = "2.0", id = 1, error = { code = -32601, message = "no such method" } } } } do
      local s = stub.start { reply }
      S.failed(run("--mcp-server-url", s.url), 4, "MCP_SCHEMA_INVALID")
      s.close()
    end
  end)

  it("2 and 4 a field that only the command has is added, one that only the server has is removed", function()
    local list = fitting()
    local tool = tool_named(list, "config_get")
    tool.inputSchema.properties.key = nil
    tool.inputSchema.properties.invented = { type = "string" }
    tool.outputSchema.properties.value = nil
    local got, r = drift(list)
    only(r, { added = { { command = "config get", field = "data.value" }, { command = "config get", field = "key" } },
      removed = { { command = "config get", field = "invented" } } }, got)
  end)

  it("2 and 4 another type is changed, in the input and in the output", function()
    local list = fitting()
    tool_named(list, "cleanup").inputSchema.properties["min-age"].type = "string"
    tool_named(list, "cleanup").outputSchema.properties.total_bytes_freed.type = "string"
    local got, r = drift(list)
    only(r, { changed = {
      { command = "cleanup", field = "data.total_bytes_freed", cli_type = "integer", mcp_type = "string" },
      { command = "cleanup", field = "min-age", cli_type = "integer", mcp_type = "string" },
    } }, got)
  end)

  it("2 and 4 a command without a tool is missing_from_mcp, a tool without a command is removed", function()
    local list = fitting()
    local _, at = tool_named(list, "sentryagent_list_agents")
    table.remove(list.tools, at)
    list.tools[#list.tools + 1] = { name = "unheard_of", inputSchema = { type = "object" } }
    local got, r = drift(list)
    only(r, { missing_from_mcp = { "sentryagent list-agents" },
      removed = { { command = "unheard_of", field = S.json.null } } }, got)
    list = fitting()
    _, at = tool_named(list, "doctor")
    table.remove(list.tools, at)
    S.status(run("--mcp-schema-file", saved(list)), 0)
    got, r = drift(list, "--built-ins")
    only(r, { missing_from_mcp = { "doctor" } }, got)
  end)

  it("3 names may be written with other signs, and the list may stand in a JSON-RPC answer", function()
    local list = fitting()
    for _, tool in ipairs(list.tools) do tool.name = "tool-" .. tool.name:gsub("_", "-") end
    S.status(run("--mcp-schema-file", saved { jsonrpc = "2.0", id = 1, result = list }, "--built-ins"), 0)
    S.status(run("--mcp-schema-file", saved(list.tools), "--built-ins"), 0)
  end)

  it("5 it runs without a terminal and asks nothing", function()
    local r = S.tool({ "mcp-validate", "--mcp-schema-file", file }, { env = { TOOL_COMMANDS_PATH = false, CI = "1" },
      stdin = "" })
    S.status(r, 0)
  end)
end)
