local agents = require "lib.agents"
local auth = require "lib.auth"

return {
  about     = "Replace the client secret of an agent",
  danger    = "destructive", reversible = false, asks = true, scopes = { "credentials:write" }, network = true,
  writes    = auth.writes,
  args      = { { "agent-id", "string", "Agent whose secret is replaced", required = true, match = "id" } },
  returns   = {
    agent_id = "string", credential_id = "string", client_id = "string", client_secret = "string",
    rotated_at = "datetime",
  },
  sensitive = { "client_secret" },
  exits     = {
    SUCCESS   = "The old secret is invalid; --unmask or --output-file shows the new one whole",
    NOT_FOUND = "There is no such agent",
  },
  errors    = {
    NOT_CONFIRMED = { "Nothing was rotated: the question was answered with no.", exit = "PRECONDITION",
      fix = "Answer y, or pass --yes" },
  },
  examples  = {
    { "See what would be invalidated", "sentryagent rotate-credentials --agent-id agent-1 --dry-run" },
    { "Rotate into a file", "sentryagent rotate-credentials --agent-id agent-1 --yes --output-file secret.json" },
  },
  render    = function(credential, ui)
    ui.text("Client id: " .. credential.client_id)
    ui.text("Client secret: " .. credential.client_secret)
    ui.text("Rotated at: " .. credential.rotated_at)
  end,
  preview   = function(args, ctx)
    local agent = agents.find(ctx, args.agent_id)
    if not agent then ctx.fail "AGENT_NOT_FOUND" end
    return ctx.would("update", { agent = agent, invalidates = "the current client secret" })
  end,
  run       = function(args, ctx)
    auth.require_configured(ctx, args)
    if not ctx.confirm "This will invalidate the current secret. Continue?" then ctx.fail "NOT_CONFIRMED" end
    local credential = auth.object(ctx, ctx.api.post(("/agents/%s/credentials/rotate"):format(args.agent_id)))
    if credential.clientId == args.client_id then
      ctx.warn("CONFIGURED_SECRET_REPLACED",
        "This is the client that the commands log in with; run `sentryagent configure` with the new secret.")
    end
    return ctx.updated {
      agent_id = args.agent_id, credential_id = credential.credentialId, client_id = credential.clientId,
      client_secret = credential.clientSecret, rotated_at = credential.rotatedAt,
    }
  end,
}
