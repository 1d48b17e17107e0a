local agents = require "lib.agents"
local auth = require "lib.auth"

return {
  about    = "Register an agent",
  danger   = "mutating", scopes = { "agents:write" }, network = true, writes = auth.writes,
  args     = {
    { "name", "string", "Name of the agent", required = true, match = "^[^[:cntrl:]]+$", loose = true,
      max_length = 256 },
    { "description", "string", "What the agent is for", max_length = 1024 },
  },
  returns  = agents.returns,
  id       = "id",
  exits    = {
    SUCCESS  = "The agent is registered",
    CONFLICT = "An agent of this name exists already",
  },
  examples = {
    { "Register an agent", "sentryagent register-agent --name billing-bot --description 'Sends invoices'" },
  },
  render   = function(agent, ui)
    ui.text(("Agent %s is registered with id %s."):format(agent.name, agent.id))
  end,
  preview  = function(args, ctx)
    auth.require_configured(ctx, args)
    return ctx.would("create", { agent = { name = args.name, description = args.description } })
  end,
  run      = function(args, ctx)
    local response = ctx.api.post("/agents", { json = { name = args.name, description = args.description } })
    return ctx.created(agents.shape(ctx, auth.object(ctx, response)))
  end,
}
