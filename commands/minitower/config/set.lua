local profile = require "lib.profile"

-- What of the profile the line names.
local function changes(args)
  local server = args.server and args.server:gsub("/+$", "")
  return { server = server, token = args.token, team = args.team, app = args.app }
end

return {
  about    = "Set fields of a profile",
  danger   = "mutating", scopes = {}, config = "global",
  args     = {
    { "server", "url", "Base address of the service", match = "^[[:space:]]*https?://[^[:space:]/?#]+[^[:space:]?#]*$" },
    { "token", "secret", "API token", env = "MINITOWER_NEW_TOKEN" },
    { "team", "string", "Slug of the team", match = "id" },
    { "app", "string", "The app that commands are about by default; required when no other field is given", match = "id" },
  },
  validate = function(args, bad)
    if next(changes(args)) == nil then
      bad("server", "no changes provided (set one of: --server --token --team --app)")
    end
  end,
  returns  = profile.returns, id = "name",
  sensitive = profile.sensitive,
  exits    = { SUCCESS = "The profile is written" },
  errors   = { NOT_CONFIGURED = false, TOKEN_MISSING = false, PROFILE_NOT_FOUND = false, GONE = false },
  examples = { { "A default app", "minitower-cli config set --app hello" } },
  render   = function(result, ui) ui.line(('Profile "%s" updated'):format(result.name)) end,
  preview  = function(args, ctx)
    local would = changes(args)
    would.token = would.token and true or nil
    return ctx.would("update", { name = profile.normal(args.profile or profile.current_name(ctx)), fields = would })
  end,
  run      = function(args, ctx)
    local name = profile.normal(args.profile or profile.current_name(ctx))
    local fields = profile.store(ctx, name, changes(args), "if none")
    return ctx.updated(profile.shown(name, fields, profile.current_name(ctx)))
  end,
}
