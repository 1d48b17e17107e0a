local input = require "lib.input"
local oauth = require "lib.oauth"
local place = require "lib.place"
local wire = require "lib.wire"

return {
  about     = "Hand a Kiro identity to the proxy: JSON on stdin, or what the proxy finds itself",
  danger    = "mutating", scopes = {}, network = place.network, reads = place.reads, stdin = { required = false },
  args      = { { "auto", "boolean", "Only look what the proxy finds on its own machine" } },
  returns   = oauth.shape { success = "Whether it is done", connection = "What was made", found = "Whether there is one" },
  sensitive = oauth.sensitive,
  exits     = { SUCCESS = "The service has answered" },
  examples  = { { "Look what there is", "openproxy provider oauth import-kiro --auto" } },
  preview   = function(_, ctx)
    ctx.api.ready()
    return ctx.would("create", { connection = "kiro" })
  end,
  run       = function(args, ctx)
    if args.auto then
      local payload = wire.get(ctx, "/api/oauth/kiro/auto-import")
      return ctx.noop(type(payload) == "table" and payload or {})
    end
    ctx.api.ready()
    return oauth.changed(ctx, ctx.api.post("/api/oauth/kiro/import",
      { body = input.json(ctx, { "refreshToken", "accessToken" }), headers = { ["Content-Type"] = "application/json" } }))
  end,
}
