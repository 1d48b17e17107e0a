-- What `openproxy` as a program of its own does differently, also `tool openproxy` with --robot. Promise: with --robot
-- one line of JSON per answer and per event, else lines for people; exit codes and error codes are those of that program.

local SIGNALS = { SIGINT = true }

local row_text                  -- found once: there may be many rows

return {
  flags    = {
    { "robot", "boolean", "One JSON envelope, or one JSON line per event", everywhere = true },
    { "api-key", "secret", "Key for the service", env = "OPENPROXY_API_KEY", plain = true },
    { "color", "enum", "Colour of drawings", one_of = { "auto", "always", "never" }, default = "auto" },
    { "quiet", "boolean", "Only what was asked for, no line for errors", short = "q" },
    { "verbose", "boolean", "More on stderr", short = "v" },
    { "host", "string", "Taken for the server's sake; no effect on these commands", loose = true },
    { "port", "string", "Taken for the server's sake; no effect on these commands", loose = true },
    { "log-filter", "string", "Taken for the server's sake; no effect on these commands", loose = true },
    { "dashboard-sidecar-url", "string", "Taken for the server's sake; no effect on these commands", loose = true },
    { "web-dir", "string", "Taken for the server's sake; no effect on these commands", loose = true },
    { "no-open", "boolean", "Taken for the server's sake; no effect on these commands" },
  },
  spoken   = function(flags) return flags.robot == true end,
  exits    = {
    [3] = 1, [4] = 1, [5] = 3, [6] = 1, [7] = 5, [8] = 5, [9] = 1, [10] = 6, [11] = 1, [12] = 6, [13] = 1,
  },
  codes    = { TIMEOUT = "server_unreachable", ["…"] = "other" },
  commands = {
    ["usage stream"] = { defaults = { reconnects = 0 } },
    ["logs tail"] = { defaults = { reconnects = 0 } },
    ["logs clear"] = { confirm = true },
    ["quota reset"] = { confirm = function(flags) return flags.robot or flags.yes end },
    ["provider oauth refresh"] = { plain = { ["refresh-token"] = true } },
    ["provider oauth iflow-cookie"] = { plain = { cookie = "file" } },
    ["provider oauth gitlab-pat"] = { plain = { token = "file" } },
  },
  answer   = function(a) return require("lib.answers").answer(a) end,
  row      = function(a, row, raw)
    if not row_text then row_text = require("lib.answers").row end
    return row_text(a, row, raw)
  end,
  failure  = function(flags, code)
    if not flags.robot or SIGNALS[code] then return "" end
    return '{"schema":"openproxy.v1.error","ok":false,"error":{"code":"%code%","message":"%message%"},"meta":{}}\n'
  end,
  failure_text = function(flags, code)
    return (flags.robot or flags.quiet or SIGNALS[code]) and "" or "error: %message%\n"
  end,
}
