local profile = require "lib.profile"

return {
  about    = "Show a profile: the one named, else the one that is used",
  danger   = "safe", scopes = {}, id = "name",
  returns  = require("tool.table").merge(profile.returns, { current_profile = "string?" }),
  sensitive = profile.sensitive,
  exits    = { SUCCESS = "The profile is there" },
  errors   = {
    TOKEN_MISSING = false, GONE = false,
    NOT_CONFIGURED = { "no profile configured", exit = "PRECONDITION", fix = "Run `minitower-cli login`" },
  },
  examples = { { "The profile in use", "minitower-cli config get" } },
  render   = function(p, ui)
    ui.line("Profile: " .. p.name)
    if p.current then ui.line "Current: true" end
    ui.line("Server: " .. (p.server or ""))
    ui.line("Team: " .. (p.team or ""))
    ui.line("Default App: " .. (p.app or ""))
    ui.line("Token: " .. (p.token and "set" or "not set"))
  end,
  run      = function(args, ctx)
    local name, fields = profile.used(ctx, args)
    if not name then ctx.fail "NOT_CONFIGURED" end
    local shown = profile.shown(name, fields, profile.current_name(ctx))
    shown.current_profile = profile.current_name(ctx)
    return shown
  end,
}
