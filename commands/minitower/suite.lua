-- The minitower suite: apps, their versions and their runs on a job orchestrator.
-- Promise: says once what its commands share: where the service is, who calls, what its errors mean.

return {
  about   = "Job orchestrator: deploy programs, run them, follow what they write",
  persona = "minitower-cli",
  dialect = require "lib.dialect",
  args    = {
    { "server", "url", "Base address of the service; default: the profile's", env = "MINITOWER_SERVER_URL",
      match = "^[[:space:]]*https?://[^[:space:]/?#]+[^[:space:]?#]*$" },
    { "token", "secret", "API token; default: the profile's", env = "MINITOWER_API_TOKEN" },
    { "profile", "string", "Profile of the configuration; default: the current one", match = "^[^[:cntrl:]]+$",
      loose = true, max_length = 100 },
  },
  config  = { file = "~/.config/minitower-cli/config.json", env = "MINITOWER_CLI_CONFIG" },
  service = {
    url     = function(ctx, args) return require("lib.profile").server(ctx, args) end,
    token   = function(ctx, args) return require("lib.profile").token(ctx, args) end,
    errors  = function(response) return require("lib.api").error_code(response) end,
    timeout = "30s",
  },
  errors  = {
    NOT_CONFIGURED = { "The address of the service is not known.", exit = "PRECONDITION",
      fix = "Pass --server, set MINITOWER_SERVER_URL, or log in" },
    TOKEN_MISSING = { "There is no API token.", exit = "AUTH_REQUIRED",
      fix = "Run `minitower-cli login`, or set MINITOWER_API_TOKEN" },
    PROFILE_NOT_FOUND = { "The configuration has no such profile.", exit = "NOT_FOUND",
      hint = "`minitower-cli config list` shows the profiles" },
    GONE = { "It is not there any more.", exit = "NOT_FOUND" },
  },
}
