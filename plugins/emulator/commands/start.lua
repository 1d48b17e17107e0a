-- Starts one emulated service and serves it until the run is stopped.

local limit = require "lib.limit"

-- A service is a module { name, open(ctx, options) -> state, routes(state), before(state)?, on_error?, seed(state),
-- describe(state) -> fields of the first row }.
local SERVICES = { sentryagent = "lib.sentryagent" }

local function names()
  local list = {}
  for name in pairs(SERVICES) do list[#list + 1] = name end
  table.sort(list)
  return list
end

-- Where the state is kept.
local function database(args)
  if args.ephemeral then return ":memory:" end
  local file = args.service .. ".db"
  return args.data_dir and args.data_dir .. "/" .. file or file
end

local function log_request(ctx)
  return function(req, status)
    ctx.log("debug", ("%s %s %s"):format(req.method, req.path, status or "stream"))
  end
end

return {
  about = "Run a local emulator of a service until it is stopped",
  danger = "mutating",
  scopes = {},
  stream = "default",
  serves = true,
  store = true,
  timeout = "0s",
  args = {
    { "service", "enum", "The service to emulate", at = 1, one_of = names(), default = "sentryagent" },
    { "port", "integer", "The port to listen on; 0 takes a free one", min = 0, max = 65535, default = 0 },
    { "host", "string", "The address to listen on", default = "127.0.0.1", loose = true },
    { "ephemeral", "boolean", "Keep the state in memory only", default = false },
    { "data-dir", "path", "The directory of the state, instead of the tool's own data", access = "write" },
    { "seed", "boolean", "Begin with some example data", default = false },
    { "rate-limit", "string", "Answer 429 above this many calls of a client, as in 100/10s", loose = true,
      match = "^[1-9][0-9]*/[1-9][0-9]*(ms|s|m)$" },
    { "token-ttl", "duration", "How long an issued token is good", default = "3600s", public = true },
  },
  validate = function(args, bad)
    if args.rate_limit and not limit.parse(args.rate_limit) then
      bad("rate-limit", "must be a number of calls and a time, as in 100/10s")
    end
  end,
  rules = { { when = "ephemeral", is = true, bar = { "data-dir" } } },
  returns = {
    event = "string", service = "string", url = "string", ["client_id?"] = "string", ["client_secret?"] = "string",
  },
  exits = {
    SUCCESS = "The emulator was stopped from inside",
    CONFLICT = "The port is taken",
    PERMISSION_DENIED = "The port may not be listened on",
  },
  examples = {
    { "On a free port, forgotten at the end", "tool emulator start sentryagent --ephemeral" },
    { "On a fixed port, with example data", "tool emulator start sentryagent --port 8080 --seed" },
  },
  preview = function(args, ctx)
    return ctx.would("start", { service = args.service, host = args.host, port = args.port })
  end,
  run = function(args, ctx)
    local service = require(SERVICES[args.service])
    local state = service.open(ctx, {
      path = database(args), token_ttl_ms = math.tointeger(args.token_ttl * 1000 // 1),
      rate = args.rate_limit and limit.parse(args.rate_limit),
    })
    if args.seed and service.seed then service.seed(state) end
    ctx.serve {
      host = args.host, port = args.port, routes = service.routes(state),
      before = service.before and service.before(state), on_error = service.on_error, after = log_request(ctx),
      on_listen = function(url)
        local row = service.describe(state)
        row.event, row.service, row.url = "listening", service.name, url
        ctx.emit(row)
      end,
    }
  end,
  render = function(row, ui)
    ui.text(("%s is listening on %s"):format(row.service, row.url))
    if row.client_id then ui.text(("client id %s, client secret %s"):format(row.client_id, row.client_secret)) end
    ui.text("Ctrl+C stops it")
  end,
}
