local api = require "lib.api"
local runs = require "lib.runs"

-- What the new run has in common with the old one.
local function same(run)
  return { input = run.input, version_no = run.version_no, priority = run.priority, max_retries = run.max_retries }
end

return {
  about    = "Run once more what a run did: the same version, with the same input",
  danger   = "mutating", scopes = {}, network = true, id = "run_id",
  args     = { runs.arg },
  returns  = api.run,
  exits    = { SUCCESS = "The new run is queued" },
  examples = { { "Once more", "minitower-cli runs retry 1" } },
  render   = function(run, ui) ui.line(("Retry created: run #%d (id=%d)"):format(run.run_no, run.run_id)) end,
  preview  = function(args, ctx)
    local run = runs.get(ctx, args.run)
    local fields = same(run)
    fields.app_slug = run.app_slug
    return ctx.would("create", { run = fields })
  end,
  run      = function(args, ctx)
    local run = runs.get(ctx, args.run)
    if not run.app_slug then ctx.fail("INVALID_RESPONSE", { cause = "The run does not say its app" }) end
    return ctx.created(runs.create(ctx, run.app_slug, same(run)))
  end,
}
