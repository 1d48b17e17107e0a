local api = require "lib.api"
local json = require "tool.json"
local profile = require "lib.profile"
local runs = require "lib.runs"
local watching = require "lib.watching"

-- What the service is asked for; what is nil is left to it.
local function fields_of(args)
  return { input = args.input, version_no = args.version_no, priority = args.priority, max_retries = args.max_retries }
end

return {
  about    = "Start a run of an app",
  danger   = "mutating", scopes = {}, network = true, id = "run_id",
  args     = {
    { "app", "string", "The app; default: the profile's", match = "id" },
    { "input", "json", "Input of the run, a JSON object" },
    { "version-no", "integer", "Number of the version; default: the latest", min = 1 },
    { "priority", "integer", "Runs of higher priority go first" },
    { "max-retries", "integer", "How often the run is given to another runner when one is lost", min = 0 },
  },
  validate = function(args, bad)
    local input = args.input
    if input ~= nil and (type(input) ~= "table" or json.is_array(input)) then bad("input", "--input must be a JSON object") end
  end,
  returns  = api.run,
  exits    = { SUCCESS = "The run is queued" },
  errors   = profile.app_errors,
  examples = { { "A run with input", "minitower-cli runs create --app hello --input '{\"NAME\":\"Ada\"}'" } },
  render   = function(run, ui) ui.line(watching.created_text(run)) end,
  preview  = function(args, ctx)
    local fields = fields_of(args)
    fields.app_slug = profile.app(ctx, args)
    return ctx.would("create", { run = fields })
  end,
  run      = function(args, ctx) return ctx.created(runs.create(ctx, profile.app(ctx, args), fields_of(args))) end,
}
