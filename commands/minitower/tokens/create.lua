local api = require "lib.api"

local FORM = { token_id = "integer", token = "string", name = "string?", role = "string" }

return {
  about     = "Create an API token",
  danger    = "mutating", scopes = {}, network = true, id = "token_id",
  args      = {
    { "name", "string", "What the token is called", match = "^[^[:cntrl:]]+$", loose = true, max_length = 100 },
    { "role", "enum", "What it may do", one_of = { "admin", "member" } },
  },
  returns   = FORM,
  sensitive = { "token" },
  exits     = { SUCCESS = "The token is there; --unmask or --output-file shows it whole" },
  examples  = { { "A token for a machine", "minitower-cli tokens create --name ci --role member" } },
  render    = function(token, ui)
    ui.line(("Token created: id=%d role=%s"):format(token.token_id, token.role))
    ui.line("Token: " .. token.token)
  end,
  preview   = function(args, ctx) return ctx.would("create", { token = { name = args.name, role = args.role } }) end,
  run       = function(args, ctx)
    local response = ctx.api.post("/api/v1/tokens", { json = { name = args.name, role = args.role } })
    local token = api.one(ctx, response, FORM, "a token")
    if args.role and token.role ~= args.role then
      ctx.warn("ROLE_LOWERED", ("The service gave the role %s, not %s: an admin's token can ask for more.")
        :format(token.role, args.role))
    end
    return ctx.created(token)
  end,
}
