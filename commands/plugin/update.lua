--- `tool plugin update NAME`: fetches a plugin again and makes that version the one that counts.
-- Promise: the version before is kept for `rollback`; a version that may touch more, or is older, counts only after
-- somebody agreed to just that.

local candidate = require "plugins.candidate"
local contract = require "contract"
local store = require "plugins.store"
local touches = require "plugins.touches"

local errors = {
  PLUGIN_NOT_INSTALLED = { "No plugin of that name is installed.", exit = "NOT_FOUND", fix = "Use tool plugin install" },
  CONSENT_REQUIRED = { "The new version asks for more.", exit = "PRECONDITION",
    fix = "Read error.context.asks_for_more, then pass --accept if you agree" },
}
for code, e in pairs(candidate.ERRORS) do errors[code] = e end

-- What somebody must agree to: what the version may touch beyond the present one, and a step back.
local function more_of(installed, c)
  local before = installed.version.lock
  local list = touches.more(before.may, c.may)
  if not contract.at_least(c.plugin.version, before.version) then
    list[#list + 1] = ("go back from version %s to %s"):format(before.version, c.plugin.version)
  end
  return list
end

local function prepare(args, ctx)
  local installed = store.get(args.name)
  if not installed then ctx.fail("PLUGIN_NOT_INSTALLED", { context = { plugin = args.name } }) end
  local known = installed.version.lock.source
  local text = args.source or known.kind == "git" and "git+" .. known.location or known.location
  local how = { ref = args.ref or not args.source and known.ref or nil, signature = args.signature,
    public_key = args.public_key }
  local c = candidate.get(ctx, text, how, installed)
  if c.plugin.name ~= args.name then
    ctx.fail("PLUGIN_INVALID", { message = ("There is the plugin %s, not %s."):format(c.plugin.name, args.name) })
  end
  return installed, c, more_of(installed, c), c.content.digest == installed.version.lock.digest
end

local function agree(args, ctx, c, more)
  if #more == 0 or args.accept then return end
  local host, g = ctx.framework.host, ctx.framework.run.globals
  if host.tty.stdin and host.tty.stdout and not g.non_interactive then
    if ctx.confirm(("%s %s asks to %s. Agree?"):format(c.plugin.name, c.plugin.version, table.concat(more, "; "))) then return end
  end
  ctx.fail("CONSENT_REQUIRED", {
    message = ("%s %s asks to %s."):format(c.plugin.name, c.plugin.version, table.concat(more, "; ")),
    context = { asks_for_more = ctx.array(more), version = c.plugin.version },
  })
end

return {
  about = "Fetch an installed plugin again; the version before is kept",
  danger = "mutating", scopes = {}, framework = true, since = "0.1", external = false, id = "name", idempotent = true,
  reversible = true, network = { timeout = "180s" }, runs = "git", probes = true, archive = true, asks = true,
  args = {
    { "name", "string", "Name of the plugin", required = true, at = 1, match = "^[a-z][a-z0-9-]{1,31}$" },
    { "source", "string", "Another place to fetch it from than the one before", loose = true, max_length = 4096 },
    candidate.ARGS.ref, candidate.ARGS.signature, candidate.ARGS.key,
    { "accept", "boolean", "Agree to what the new version asks for beyond the present one" },
  },
  returns = candidate.FORM,
  timeout = "180s",
  exits = {
    SUCCESS = "The new version counts, or there is none", NOT_FOUND = "No such plugin is installed, or its source is gone",
    PRECONDITION = "It is refused, its signature does not hold, or it asks for more",
  },
  errors = errors,
  examples = {
    { "From where it came", "tool plugin update parcel" },
    { "See what is new", "tool plugin update parcel --dry-run" },
  },
  render = candidate.render,
  validate = candidate.validate,
  places = store.places,
  preview = function(args, ctx)
    local _, c, more, same = prepare(args, ctx)
    local data = candidate.show(candidate.lock(c))
    data.asks_for_more, data.unchanged = ctx.array(more), same
    return ctx.would(same and "noop" or "update", data)
  end,
  run = function(args, ctx)
    local installed, c, more, same = prepare(args, ctx)
    if same then return ctx.noop(candidate.show(installed.version.lock, installed)) end
    candidate.announce(ctx, c)
    agree(args, ctx, c, more)
    store.open(ctx)
    local after = store.put(args.name, c.content, candidate.lock(c))
    return ctx.updated(candidate.show(after.version.lock, after))
  end,
}
