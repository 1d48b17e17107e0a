local oauth = require "lib.oauth"
local place = require "lib.place"
local wire = require "lib.wire"

return {
  about     = "Whether the proxy is logged in at a provider",
  danger    = "safe", scopes = {}, network = place.network, reads = place.reads,
  args      = { oauth.provider },
  returns   = oauth.shape { connected = "Whether it is", expires_at = "When that ends", needs_refresh = "Whether it has" },
  sensitive = oauth.sensitive,
  exits     = { SUCCESS = "The state is there" },
  examples  = { { "One provider", "openproxy provider oauth status claude" } },
  run       = function(args, ctx) return wire.get(ctx, oauth.path(args, "status")) end,
}
