local oauth = require "lib.oauth"
local place = require "lib.place"

return {
  about     = "Ask once whether a login with a device code is decided",
  danger    = "mutating", scopes = {}, network = place.network, reads = place.reads,
  args      = { oauth.provider, { "device-code", "string", "Code that the login was begun with", loose = true } },
  returns   = oauth.shape { success = "Whether it is done", pending = "Whether to ask again", message = "In words" },
  sensitive = oauth.sensitive,
  exits     = { SUCCESS = "The service has answered; pending says whether it is decided" },
  examples  = { { "Ask once", "openproxy provider oauth poll github --device-code DEVICE-CODE" } },
  preview   = function(args, ctx)
    ctx.api.ready()
    return ctx.would("update", { login = args.provider })
  end,
  run       = function(args, ctx)
    local body = { device_code = args.device_code or ctx.null }
    return oauth.changed(ctx, ctx.api.post(oauth.path(args, "poll"), { json = body }))
  end,
}
