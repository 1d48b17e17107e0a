local api = require "lib.api"

local SLUG = "^[a-z][a-z0-9-]{2,31}$"

return {
  about    = "Create an app",
  danger   = "mutating", scopes = {}, network = true, id = "slug",
  args     = {
    { "slug", "string", "Name of the app: 3 to 32 small letters, digits and -", at = 1, match = SLUG },
    { "name", "string", "The same, as a flag", short = "n", match = SLUG },
    { "description", "string", "What the app is for", max_length = 1000 },
  },
  rules    = { { unless = "name", need = { "slug" } } },
  validate = function(args, bad)
    if args.slug and args.name and args.slug ~= args.name then bad("name", "--name must be the same as --slug, or be left out") end
  end,
  returns  = api.app,
  exits    = { SUCCESS = "The app is there now" },
  examples = { { "A new app", "minitower-cli apps create report --description 'Sends the report'" } },
  render   = function(app, ui) ui.line(('App "%s" created (id=%d)'):format(app.slug, app.app_id)) end,
  preview  = function(args, ctx)
    return ctx.would("create", { app = { slug = args.slug or args.name, description = args.description } })
  end,
  run      = function(args, ctx)
    local body = { slug = args.slug or args.name, description = args.description or ctx.null }
    return ctx.created(api.one(ctx, ctx.api.post("/api/v1/apps", { json = body }), api.app, "an app"))
  end,
}
