-- Starts one emulated service and serves it until the run is stopped.

local fault = require "lib.fault"
local front = require "lib.front"
local limit = require "lib.limit"
local services = require "lib.services"

local FOR_MINITOWER = { "no_runner", "no_signup", "lease_ttl", "bootstrap_token", "max_artifact" }

-- Where the state is kept.
local function database(args)
  if args.ephemeral then return ":memory:" end
  local file = args.service .. ".db"
  return args.data_dir and args.data_dir .. "/" .. file or file
end

return {
  about = "Run a local emulator of a service until it is stopped",
  danger = "mutating",
  scopes = {},
  stream = "default",
  serves = true,
  store = true,
  archive = true,
  runs = { "env" },                 -- which starts what a deployed program needs: a shell or Python
  external = false,
  timeout = "0s",
  args = {
    { "service", "enum", "The service to emulate", at = 1, one_of = services.names(), required = true },
    { "port", "integer", "The port to listen on; 0 takes a free one", min = 0, max = 65535, default = 0 },
    { "host", "string", "The address to listen on", default = "127.0.0.1", loose = true },
    { "ephemeral", "boolean", "Keep the state in memory only", default = false },
    { "data-dir", "path", "The directory of the state, instead of the tool's own data", access = "write" },
    { "seed", "boolean", "Begin with some example data", default = false },
    { "rate-limit", "string", "Answer 429 above this many calls of a client, as in 100/10s", loose = true,
      match = "^[1-9][0-9]*/[1-9][0-9]*(ms|s|m)$" },
    { "token-ttl", "duration", "How long an issued token is good", default = "3600s", public = true },
    { "fault", "list", "A fault for tests of clients, as in 'GET /agents=503 times=2'; several are tried in order",
      loose = true },
    { "no-runner", "boolean", "Do not run programs: leave that to runners that register (minitower)" },
    { "no-signup", "boolean", "Refuse that teams sign up (minitower)" },
    { "lease-ttl", "duration", "How long a runner that is silent keeps its run, 60s unless given (minitower)" },
    { "bootstrap-token", "string", "The token that may make the first team (minitower)", public = true, loose = true },
    { "max-artifact", "size", "The largest archive that is taken, 100MB unless given (minitower)" },
  },
  validate = function(args, bad)
    for _, name in ipairs(FOR_MINITOWER) do
      if args[name] and args.service ~= "minitower" then bad(name:gsub("_", "-"), "is for minitower") end
    end
    if args.lease_ttl and args.lease_ttl < 0.1 then bad("lease-ttl", "must be at least 100ms") end
    if args.rate_limit and not limit.parse(args.rate_limit) then
      bad("rate-limit", "must be a number of calls and a time, as in 100/10s")
    end
    for _, text in ipairs(args.fault or {}) do
      local ok, problem = fault.parse(text)
      if not ok then bad("fault", problem) end
    end
  end,
  rules = { { when = "ephemeral", is = true, bar = { "data-dir" } } },
  returns = {
    event = "string", service = "string", url = "string", ["client_id?"] = "string", ["client_secret?"] = "string",
    ["team?"] = "string", ["password?"] = "string", ["token?"] = "string", ["registration_token?"] = "string",
  },
  exits = {
    SUCCESS = "The emulator was stopped from inside",
    CONFLICT = "The port is taken",
    PERMISSION_DENIED = "The port may not be listened on",
  },
  examples = {
    { "On a free port, forgotten at the end", "tool emulator start sentryagent --ephemeral" },
    { "On a fixed port, with example data", "tool emulator start sentryagent --port 8080 --seed" },
    { "A job orchestrator with a team, an app and runs to look at", "tool emulator start minitower --ephemeral --seed" },
    { "The first two calls fail, and every third one is slow",
      "tool emulator start sentryagent --fault 'GET /agents=503 times=2 retry-after=1' --fault '* **=delay=2s every=3'" },
    { "The connection is reset instead of every other answer",
      "tool emulator start sentryagent --fault 'GET /audit/*=reset every=2'" },
  },
  preview = function(args, ctx)
    return ctx.would("start", { service = args.service, host = args.host, port = args.port })
  end,
  run = function(args, ctx)
    local service = services.load(args.service)
    local state = service.open(ctx, {
      path = database(args), token_ttl_ms = math.tointeger(args.token_ttl * 1000 // 1),
      rate = args.rate_limit and limit.parse(args.rate_limit), args = args,
    })
    if args.seed and service.seed then service.seed(state) end
    local spec = front.spec(service, state, args.fault or {})
    spec.host, spec.port = args.host, args.port
    spec.on_listen = function(url, server)
      spec.listening(server)
      if service.start then service.start(state) end
      local row = service.describe(state)
      row.event, row.service, row.url = "listening", service.name, url
      ctx.emit(row)
    end
    ctx.serve(spec)
  end,
  render = function(row, ui)
    ui.text(("%s is listening on %s"):format(row.service, row.url))
    if row.client_id then ui.text(("client id %s, client secret %s"):format(row.client_id, row.client_secret)) end
    if row.team then ui.text(("team %s, password %s"):format(row.team, row.password)) end
    if row.token then ui.text("token " .. row.token) end
    ui.text("Ctrl+C stops it")
  end,
}
