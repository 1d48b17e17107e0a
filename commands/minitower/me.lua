local api = require "lib.api"

local FORM = { team_id = "integer", team_slug = "string", token_id = "integer", role = "string" }

return {
  about    = "Show whose token this is",
  danger   = "safe", scopes = {}, network = true,
  returns  = FORM,
  exits    = { SUCCESS = "The token is good" },
  examples = { { "Whose token is this?", "minitower-cli me" } },
  render   = function(me, ui)
    ui.line(("Team: %s (id=%d)"):format(me.team_slug, me.team_id))
    ui.line("Token ID: " .. me.token_id)
    ui.line("Role: " .. me.role)
  end,
  run      = function(_, ctx) return api.one(ctx, ctx.api.get "/api/v1/me", FORM, "a caller") end,
}
