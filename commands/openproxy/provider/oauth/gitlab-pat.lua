local input = require "lib.input"
local oauth = require "lib.oauth"
local place = require "lib.place"

return {
  about     = "Hand a GitLab access token to the proxy",
  danger    = "mutating", scopes = {}, network = place.network, reads = place.reads, stdin = { required = false },
  args      = { { "token", "secret", "The token; without it, stdin" } },
  returns   = oauth.shape { success = "Whether it is done" },
  sensitive = oauth.sensitive,
  errors    = { INPUT_MISSING = { "The token is empty.", exit = "ARG_ERROR", fix = "Pipe the token in" } },
  exits     = { SUCCESS = "The token is taken" },
  examples  = { { "From a pipe", "printf 'glpat-example' | openproxy provider oauth gitlab-pat" } },
  preview   = function(_, ctx)
    ctx.api.ready()
    return ctx.would("create", { connection = "gitlab" })
  end,
  run       = function(args, ctx)
    ctx.api.ready()
    return oauth.changed(ctx, ctx.api.post("/api/oauth/gitlab/pat", { json = { token = input.secret(ctx, args.token) } }))
  end,
}
