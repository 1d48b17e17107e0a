-- The sentryagent suite: agents, tokens and the audit log of an identity provider for AI agents.
-- Promise: says once what its commands share: where the service is, who calls, what its errors mean.

return {
  about   = "Identity provider for AI agents: agents, tokens, audit log",
  persona = "sentryagent",
  dialect = require "lib.dialect",
  args    = {
    { "api-url", "url", "Base address of the service", env = "SENTRYAGENT_API_URL", config = "apiUrl" },
    { "client-id", "string", "Client id that the commands log in with", env = "SENTRYAGENT_CLIENT_ID",
      config = "clientId", match = "^[!-~]+$", loose = true, max_length = 256 },
    { "client-secret", "secret", "Secret of that client", env = "SENTRYAGENT_CLIENT_SECRET",
      config = "clientSecret" },
  },
  config  = { file = "~/.sentryagent/config.json" },
  service = {
    url    = "api-url",
    token  = function(ctx, args, refused) return require("lib.auth").token(ctx, args, refused) end,
    errors = function(response) return require("lib.auth").error_code(response) end,
  },
  errors  = {
    NOT_CONFIGURED = { "Not configured. Run `sentryagent configure` first.", exit = "PRECONDITION",
      fix = "Run `sentryagent configure`",
      hint = "SENTRYAGENT_API_URL, SENTRYAGENT_CLIENT_ID and SENTRYAGENT_CLIENT_SECRET work as well" },
    AGENT_NOT_FOUND = { "There is no agent with this id.", exit = "NOT_FOUND",
      hint = "`sentryagent list-agents` shows the ids" },
    AGENT_ALREADY_EXISTS = { "An agent of this name exists already.", exit = "CONFLICT" },
    UNAUTHENTICATED = { "The service does not accept the client id and secret.", exit = "AUTH_REQUIRED",
      fix = "Run `sentryagent configure` with valid credentials" },
    CREDENTIALS_EXPIRED = { "The access token has expired.", exit = "AUTH_REQUIRED",
      fix = "Call again; if that fails, run `sentryagent configure`" },
  },
}
