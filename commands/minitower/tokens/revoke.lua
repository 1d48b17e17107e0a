return require("lib.absent")("tokens revoke", "Make an API token invalid", {
  { "id", "integer", "Number of the token", at = 1, min = 1 },
}, "Ask who runs the service to remove the token")
