-- Starts one emulated service and serves it until the run is stopped.

local fault = require "lib.fault"
local front = require "lib.front"
local limit = require "lib.limit"
local services = require "lib.services"

-- Where the state is kept.
local function database(args)
  if args.ephemeral then return ":memory:" end
  local file = args.service .. ".db"
  return args.data_dir and args.data_dir .. "/" .. file or file
end

-- Parameters that not every service knows.
local ONLY = {
  { "openproxy", "flavour", "script", "forward", "forward-key", "ping", "open" },
  { "minitower sentryagent", "rate-limit" },
  { "sentryagent", "token-ttl" },
  { "minitower", "no-runner", "no-signup", "lease-ttl", "bootstrap-token", "max-artifact" },
}

local function rules()
  local list = {
    { when = "ephemeral", is = true, bar = { "data-dir" } },
    { when = "forward", bar = { "script" } },
    { when = "forward-key", need = { "forward" } },
  }
  for _, row in ipairs(ONLY) do
    local those = {}
    for name in row[1]:gmatch("%S+") do those[#those + 1] = name end
    list[#list + 1] = { unless = "service", is = those, bar = { table.unpack(row, 2) } }
  end
  return list
end

-- What a service opens its state with.
local function options_of(args)
  return {
    path = database(args), token_ttl_ms = math.tointeger((args.token_ttl or 3600) * 1000 // 1),
    rate = args.rate_limit and limit.parse(args.rate_limit), flavour = args.flavour, script = args.script, ping = args.ping,
    open = args.open, forward = args.forward and { url = args.forward, key = args.forward_key },
    args = args,
  }
end

return {
  about = "Run a local emulator of a service until it is stopped",
  danger = "mutating",
  scopes = {},
  stream = "default",
  serves = true,
  store = true,
  archive = true,
  runs = { "env", any = true },     -- which starts what a deployed program needs: a shell or Python
  network = true,
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
    { "token-ttl", "duration", "How long an issued token is good, 3600s unless given", public = true },
    { "flavour", "enum", "openproxy: the shapes of the server's head, or those that the milestone's tests expect",
      one_of = { "head", "m4" } },
    { "script", "path", "openproxy: a JSON file of rules that say what the models answer", access = "read" },
    { "forward", "url", "openproxy: a real OpenAI-compatible service that answers the chats, as in https://host/v1",
      match = "^https?://[^[:space:]/?#]+[^[:space:]?#]*$" },
    { "forward-key", "secret", "openproxy: the key for that service" },
    { "ping", "duration", "openproxy: the time between the pings of a stream, 25s unless given" },
    { "open", "boolean", "openproxy: ask for no key where the setting requireLogin may be off" },
    { "fault", "list", "Something that goes wrong on purpose, as in 'GET /agents=503 times=2': a method or *, a path with "
      .. "globs, =, then a status, hang, reset, close, half, slow, split or nothing, and any of delay, times, after, every, "
      .. "chance; retry-after, body, bytes, header for a status; at headers or body; events, ping on streams; rate, pause. "
      .. "Several are tried in order",
      loose = true },
    { "no-runner", "boolean", "Do not run programs: leave that to runners that register (minitower)" },
    { "no-signup", "boolean", "Refuse that teams sign up (minitower)" },
    { "lease-ttl", "duration", "How long a runner that is silent keeps its run, 60s unless given (minitower)", min = 0.1 },
    { "bootstrap-token", "string", "The token that may make the first team (minitower)", public = true, loose = true },
    { "max-artifact", "size", "The largest archive that is taken, 100MB unless given (minitower)" },
  },
  validate = function(args, bad)
    if args.rate_limit and not limit.parse(args.rate_limit) then
      bad("rate-limit", "--rate-limit must be a number of calls and a time, as in 100/10s")
    end
    for _, text in ipairs(args.fault or {}) do
      local ok, problem = fault.parse(text)
      if not ok then bad("fault", problem) end
    end
  end,
  rules = rules(),
  returns = {
    event = "string", service = "string", url = "string", ["client_id?"] = "string", ["client_secret?"] = "string",
    ["team?"] = "string", ["password?"] = "string", ["token?"] = "string", ["registration_token?"] = "string",
    ["api_key?"] = "string", ["auth_token?"] = "string",
  },
  exits = {
    SUCCESS = "The emulator was stopped from inside",
    CONFLICT = "The port is taken",
    PERMISSION_DENIED = "The port may not be listened on",
  },
  errors = {
    UNAVAILABLE = false, UNAUTHENTICATED = false, PERMISSION_DENIED = false,
    SCRIPT_INVALID = { "The script of answers has a mistake.", exit = "ARG_ERROR", fix = "Correct the rule that is named" },
  },
  examples = {
    { "On a free port, forgotten at the end", "tool emulator start sentryagent --ephemeral" },
    { "On a fixed port, with example data", "tool emulator start sentryagent --port 8080 --seed" },
    { "A job orchestrator with a team, an app and runs to look at", "tool emulator start minitower --ephemeral --seed" },
    { "A proxy whose models answer by rules, with example data",
      "tool emulator start openproxy --seed --script answers.json" },
    { "A proxy in front of a real service",
      "tool emulator start openproxy --forward https://api.example.com/v1 --forward-key-from-env MY_KEY" },
    { "The first two calls fail, and every third one is slow",
      "tool emulator start sentryagent --fault 'GET /agents=503 times=2 retry-after=1' --fault '* **=delay=2s every=3'" },
    { "The connection is reset instead of every other answer",
      "tool emulator start sentryagent --fault 'GET /audit/*=reset every=2'" },
    { "A stream that is cut in the middle of its fourth event, and characters that come in two pieces",
      "tool emulator start openproxy --fault 'GET /api/usage/stream=half events=3' --fault 'POST **=split'" },
  },
  preview = function(args, ctx)
    return ctx.would("start", { service = args.service, host = args.host, port = args.port })
  end,
  run = function(args, ctx)
    local service = services.load(args.service)
    local state = service.open(ctx, options_of(args))
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
    if row.api_key then ui.text("API key " .. row.api_key) end
    if row.client_id then ui.text(("client id %s, client secret %s"):format(row.client_id, row.client_secret)) end
    if row.team then ui.text(("team %s, password %s"):format(row.team, row.password)) end
    if row.token then ui.text("token " .. row.token) end
    ui.text("Ctrl+C stops it")
  end,
}
