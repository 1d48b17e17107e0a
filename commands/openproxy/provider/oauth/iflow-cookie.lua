local input = require "lib.input"
local oauth = require "lib.oauth"
local place = require "lib.place"

return {
  about     = "Hand an iFlow cookie to the proxy",
  danger    = "mutating", scopes = {}, network = place.network, reads = place.reads, stdin = { required = false },
  args      = { { "cookie", "secret", "The cookie; without it, stdin" } },
  returns   = oauth.shape { success = "Whether it is done", connection = "What was made" },
  sensitive = oauth.sensitive,
  errors    = { INPUT_MISSING = { "The cookie is empty.", exit = "ARG_ERROR", fix = "Pipe the cookie in" } },
  exits     = { SUCCESS = "The cookie is taken" },
  examples  = { { "From a pipe", "printf 'BXAuth=example' | openproxy provider oauth iflow-cookie" } },
  preview   = function(_, ctx)
    ctx.api.ready()
    return ctx.would("create", { connection = "iflow" })
  end,
  run       = function(args, ctx)
    ctx.api.ready()
    return oauth.changed(ctx, ctx.api.post("/api/oauth/iflow/cookie", { json = { cookie = input.secret(ctx, args.cookie) } }))
  end,
}
