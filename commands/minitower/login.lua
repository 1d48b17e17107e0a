local api = require "lib.api"
local profile = require "lib.profile"

local FORM = { team_id = "integer", token = "string", token_id = "integer", role = "string" }

local function password_of(args, ctx)
  if args.password then return args.password end
  return ctx.ask("Password:", { secret = true, flag = "password-from-env" })
end

-- The profile that is written: the one named, else the current one, else "default"; and what it has already.
local function target(args, ctx)
  local name = profile.normal(args.profile or profile.current_name(ctx))
  return name, profile.all(ctx)[name] or {}
end

return {
  about     = "Log in with a team's password and keep the token",
  danger    = "mutating", scopes = {}, network = true, asks = true, config = "global", external = false,
  args      = {
    { "team", "string", "Slug of the team; default: the profile's", match = "id" },
    { "password", "secret", "Password of the team", env = "MINITOWER_PASSWORD" },
  },
  returns   = { profile = "string", server = "string", team = "string", team_id = "integer", token = "string",
    token_id = "integer", role = "string" },
  sensitive = { "token" },
  exits     = { SUCCESS = "The profile has a token and is the current one" },
  errors    = {
    TOKEN_MISSING = false, PROFILE_NOT_FOUND = false, GONE = { "It is not there any more.", exit = "NOT_FOUND" },
    TEAM_MISSING = { "The team is not known.", exit = "PRECONDITION", fix = "Pass --team" },
    UNAUTHENTICATED = { "The service does not accept the team and password.", exit = "AUTH_REQUIRED",
      fix = "Correct the team or the password" },
    INPUT_REQUIRED = { "Nobody can be asked for the password here.", exit = "PRECONDITION",
      fix = "Pass --password-from-env or --password-from-file, or set MINITOWER_PASSWORD" },
  },
  examples  = {
    { "Log in with a password from the environment",
      "minitower-cli login --server http://127.0.0.1:8080 --team acme --password-from-env ACME_PASSWORD" },
  },
  render    = function(login, ui)
    ui.line(('Logged in as team "%s" (role: %s)'):format(login.team, login.role))
    ui.line(('Profile "%s" updated'):format(login.profile))
  end,
  preview   = function(args, ctx)
    local name, known = target(args, ctx)
    return ctx.would("update", { profile = name, server = args.server or known.server, team = args.team or known.team })
  end,
  run       = function(args, ctx)
    local name, known = target(args, ctx)
    local server = profile.known_server(ctx, { server = args.server or known.server })
    if not server then ctx.fail("NOT_CONFIGURED", { message = profile.NO_SERVER }) end
    local team = args.team or known.team
    if not team then ctx.fail("TEAM_MISSING", { message = "team slug is required (--team)" }) end
    args.server = server
    local response = ctx.api.post("/api/v1/teams/login", { json = { slug = team, password = password_of(args, ctx) },
      bearer = false, effect = false })
    local answer = api.one(ctx, response, FORM, "a login")
    profile.store(ctx, name, { server = server, token = answer.token, team = team }, true)
    return ctx.updated { profile = name, server = server, team = team, team_id = answer.team_id, token = answer.token,
      token_id = answer.token_id, role = answer.role }
  end,
}
