local oauth = require "lib.oauth"
local place = require "lib.place"
local wire = require "lib.wire"

return {
  about    = "The address where a login at a provider begins",
  danger   = "safe", scopes = {}, network = place.network, reads = place.reads,
  args     = { oauth.provider, { "redirect-uri", "string", "Where the provider sends the browser back", loose = true } },
  returns  = oauth.shape { auth_url = "Address to open", state = "Ties the answer to this login", expires_in = "Seconds" },
  exits    = { SUCCESS = "The address is there" },
  examples = { { "Log in at a provider", "openproxy provider oauth start claude" } },
  render   = function(data, ui)
    ui.text("Open this URL to authorize:")
    ui.line("  " .. (wire.member(data, "auth_url", "string") or wire.member(data, "url", "string") or "?"))
  end,
  run      = function(args, ctx)
    return wire.get(ctx, oauth.path(args, "start"), { redirect_uri = args.redirect_uri })
  end,
}
