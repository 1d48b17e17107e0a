local auth = require "lib.auth"

return {
  about     = "Issue an access token for an agent",
  danger    = "mutating", scopes = { "tokens:write" }, network = true,
  args      = { { "agent-id", "string", "Agent that the token is for", required = true, match = "id" } },
  returns   = {
    agent_id = "string", access_token = "string", token_type = "string", expires_at = "datetime", scope = "string?",
  },
  sensitive = { "access_token" },
  exits     = {
    SUCCESS   = "The token is issued; --unmask or --output-file shows it whole",
    NOT_FOUND = "There is no such agent",
  },
  examples  = {
    { "Issue a token into a file", "sentryagent issue-token --agent-id agent-1 --output-file token.json" },
  },
  render    = function(token, ui)
    ui.text("Access token: " .. token.access_token)
    ui.text("Expires at: " .. token.expires_at)
  end,
  preview   = function(args, ctx)
    auth.require_configured(ctx, args)
    return ctx.would("create", { token = { agent_id = args.agent_id } })
  end,
  run       = function(args, ctx)
    auth.require_configured(ctx, args)
    local response, token = auth.request(ctx, args, { agent_id = args.agent_id })
    local ends = (response.date or os.time()) + auth.lifetime(token)
    return ctx.created {
      agent_id = args.agent_id, access_token = token.access_token, token_type = token.token_type or "Bearer",
      expires_at = os.date("!%Y-%m-%dT%H:%M:%SZ", ends), scope = token.scope ~= ctx.null and token.scope or nil,
    }
  end,
}
