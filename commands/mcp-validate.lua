--- `tool mcp-validate`: does an MCP server list the commands as they are?
-- Promise: exit 0 without a difference, 1 with data.drift naming each; asks nothing, so that CI can run it (REQ-O-035).

local failure = require "failure"
local mcp = require "mcp"

local host -- ctx.framework.host, known when the command runs

local PROTOCOL = "2025-06-18"
local MAX_PAGES = 1000

local function invalid(ctx, why)
  ctx.fail("MCP_SCHEMA_INVALID", { cause = why })
end

local function from_file(ctx, path)
  local value, why = host.json.decode(ctx.files.read(path))
  local tools = mcp.tools_in(value)
  if not tools then invalid(ctx, value == nil and failure.place(why) or "it is no result of tools/list") end
  return tools
end

-- The JSON-RPC answer in a body: JSON, or the first event of a stream that is one.
local function answer_of(ctx, response)
  if response.status == 202 then return {} end
  if response.status < 200 or response.status > 299 then invalid(ctx, "the server answered " .. response.status) end
  local value = host.json.decode(response.body)
  for line in (value == nil and response.body or ""):gmatch("data: ?([^\r\n]+)") do value = value or host.json.decode(line) end
  if type(value) ~= "table" then invalid(ctx, "the server's answer is no JSON-RPC message") end
  if type(value.error) == "table" then invalid(ctx, tostring(value.error.message)) end
  return value.result or {}
end

-- Asks a server by the streamable HTTP transport of MCP.
local function from_server(ctx, url)
  local headers, id = { accept = "application/json, text/event-stream" }, 0
  local function call(method, params, notification)
    id = id + 1
    local response, err = ctx.http.try.post(url, { headers = headers,
      json = { jsonrpc = "2.0", id = not notification and id or nil, method = method, params = params } })
    if not response then ctx.fail(err) end
    headers["mcp-session-id"] = response.headers["mcp-session-id"] or headers["mcp-session-id"]
    return answer_of(ctx, response)
  end
  call("initialize", { protocolVersion = PROTOCOL, capabilities = host.json.object {},
    clientInfo = { name = "tool", version = host.version } })
  headers["mcp-protocol-version"] = PROTOCOL
  call("notifications/initialized", nil, true)
  local tools, cursor = {}, nil
  for _ = 1, MAX_PAGES do
    local result = call("tools/list", host.json.object { cursor = cursor })
    local page = mcp.tools_in(result)
    if not page then invalid(ctx, "it is no result of tools/list") end
    table.move(page, 1, #page, #tools + 1, tools)
    cursor = type(result.nextCursor) == "string" and result.nextCursor or nil
    if not cursor then break end
  end
  return tools
end

return {
  about = "Compare what an MCP server lists with the commands",
  danger = "safe", scopes = {}, framework = true, since = "0.1", network = { timeout = "30s" }, external = false,
  args = {
    { "mcp-schema-file", "path", "File with a tools/list result", access = "read" },
    { "mcp-server-url", "url", "Address of a server that speaks MCP over HTTP" },
    { "built-ins", "boolean", "The server has to list the tool's own commands too" },
  },
  returns = {
    drift = {
      added = { list = { command = "string", field = "string" } },
      removed = { list = { command = "string", field = "string!" } },
      changed = { list = { command = "string", field = "string", cli_type = "string", mcp_type = "string" } },
      missing_from_mcp = { list = "string" },
    },
  },
  render = function(data, ui)
    local drift, any = data.drift, false
    for _, key in ipairs { "added", "removed", "changed" } do
      for _, row in ipairs(drift[key]) do
        any = true
        local field = type(row.field) == "string" and " " .. row.field or ""
        local types = row.cli_type and (" %s here, %s there"):format(row.cli_type, row.mcp_type) or ""
        ui.text(("%-8s %s%s%s"):format(key, row.command, field, types))
      end
    end
    for _, words in ipairs(drift.missing_from_mcp) do
      any = true
      ui.text("missing  " .. words)
    end
    if not any then ui.text("The server lists the commands as they are.") end
  end,
  exits = {
    SUCCESS = "The server lists the commands as they are",
    GENERAL_ERROR = "There are differences; data.drift names them",
    PRECONDITION = "What the file or server says is no list of tools",
  },
  errors = {
    MCP_SCHEMA_DRIFT = { "The MCP side differs from the commands.", exit = "GENERAL_ERROR",
      fix = "Regenerate the MCP schema: generate-skills writes mcp-tools.json" },
    MCP_SCHEMA_INVALID = { "The MCP side is no list of tools.", exit = "PRECONDITION",
      fix = "Give a tools/list result or the address of an MCP server" },
    UNAVAILABLE = false, UNAUTHENTICATED = false, PERMISSION_DENIED = false,
  },
  examples = {
    { "Against the schema of a release",
      "tool generate-skills --output-dir ./skills && tool mcp-validate --mcp-schema-file ./skills/mcp-tools.json" },
  },
  rules = {
    { when = "mcp-server-url", bar = { "mcp-schema-file" } },
    { unless = "mcp-server-url", need = { "mcp-schema-file" } },
  },
  run = function(args, ctx)
    host = ctx.framework.host
    local tools = args.mcp_schema_file and from_file(ctx, args.mcp_schema_file) or from_server(ctx, args.mcp_server_url)
    local drift, count = mcp.drift((ctx.framework.contracts()), tools, function(C)
      return args.built_ins or not C.framework
    end)
    if count > 0 then
      ctx.fail("MCP_SCHEMA_DRIFT", {
        message = count == 1 and "1 difference." or count .. " differences.", data = { drift = drift },
      })
    end
    return { drift = drift }
  end,
}
