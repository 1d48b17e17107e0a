-- The openproxy suite: usage, logs, quota, chat and logins of an AI proxy.
-- Promise: says once what its commands share: where the service is, which key opens it, what its errors mean.

return {
  about   = "AI proxy: usage, logs, quota, chat, provider logins",
  persona = "openproxy",
  dialect = require "lib.dialect",
  args    = {
    { "url", "url", "Base address of the service", env = "OPENPROXY_URL" },
    { "api-key", "secret", "Key for the service", env = "OPENPROXY_API_KEY" },
    { "profile", "string", "Profile of the configuration file", env = "OPENPROXY_PROFILE", loose = true },
    { "data-dir", "path", "Data directory of a service on this machine", env = "DATA_DIR" },
    { "default-data-dir", "path", "Data directory where --data-dir is not given", env = "OPENPROXY_DATA_DIR" },
    { "config-file", "path", "Configuration file, TOML", env = "OPENPROXY_CONFIG" },
  },
  service = {
    url     = function(ctx, args) return require("lib.place").url(ctx, args) end,
    token   = function(ctx, args) return require("lib.place").key(ctx, args) end,
    headers = function(key) return { ["x-api-key"] = key } end,
    errors  = function(response) return require("lib.wire").refusal(response) end,
    timeout = "60s",
    probe   = { path = "/api/health", timeout = "1.5s", error = "SERVER_UNREACHABLE" },
  },
  errors  = {
    SERVER_UNREACHABLE = { "The service is not running.", exit = "UNAVAILABLE",
      hint = "Start it with `openproxy server start --detach`, or try `tool emulator start openproxy`" },
  },
}
