local oauth = require "lib.oauth"
local place = require "lib.place"

return {
  about     = "Get a new access token from a provider",
  danger    = "mutating", scopes = {}, network = place.network, reads = place.reads,
  args      = { oauth.provider, { "refresh-token", "secret", "Refresh token; without it the stored one" } },
  returns   = oauth.shape { success = "Whether it is done", expires_in = "Seconds", access_token = "The new token" },
  sensitive = oauth.sensitive,
  exits     = { SUCCESS = "The token is new; --unmask or --output-file shows it whole" },
  examples  = { { "Renew", "openproxy provider oauth refresh claude" } },
  preview   = function(args, ctx)
    ctx.api.ready()
    return ctx.would("update", { token = args.provider })
  end,
  run       = function(args, ctx)
    local body = { refresh_token = args.refresh_token or ctx.null }
    return oauth.changed(ctx, ctx.api.post(oauth.path(args, "refresh"), { json = body }))
  end,
}
