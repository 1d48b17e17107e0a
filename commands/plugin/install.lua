--- `tool plugin install SOURCE`: installs a plugin for this user.
-- Promise: what it may touch is said before it counts; it is there whole or not at all, also when this run is killed.

local candidate = require "plugins.candidate"
local store = require "plugins.store"
local tree = require "tree"

local errors = {
  PLUGIN_NAME_TAKEN = { "The plugin's name is taken.", exit = "PRECONDITION",
    fix = "Remove what has the name, or install another plugin" },
}
for code, e in pairs(candidate.ERRORS) do errors[code] = e end

-- A name that something stronger has could never be called.
local function check_name(ctx, name)
  local installed = store.get(name)
  if installed then ctx.exists(candidate.show(installed.version.lock, installed)) end
  local found = tree.find { name }
  if installed == false or found and found.root.origin ~= "system" and found.root.origin ~= "project" then
    local path = found and (found.root.plugin or found.path) or store.root() .. "/plugins/" .. name
    ctx.fail("PLUGIN_NAME_TAKEN", { message = ("The name %s is taken by %s."):format(name, path), context = { path = path } })
  end
end

local function prepare(args, ctx)
  store.root()
  local c = candidate.get(ctx, args.source, args)
  check_name(ctx, c.plugin.name)
  return c, candidate.lock(c)
end

return {
  about = "Install a plugin from a folder, a tar archive, an address or a git repository",
  danger = "mutating", scopes = {}, framework = true, since = "0.1", external = false, creates = "plugin", id = "name",
  reversible = true, network = { timeout = "180s" }, runs = "git", probes = true, archive = true,
  args = {
    { "source", "string", "Folder, tar archive, https:// address of one, or git+https://…", required = true, at = 1,
      loose = true, max_length = 4096 },
    candidate.ARGS.ref, candidate.ARGS.signature, candidate.ARGS.key,
  },
  returns = candidate.FORM,
  timeout = "180s",
  exits = {
    SUCCESS = "The plugin is installed", NOT_FOUND = "There is no such source",
    PRECONDITION = "The plugin is refused, its name is taken, or its signature does not hold",
  },
  errors = errors,
  examples = {
    { "See what a plugin may touch, without installing it", "tool plugin install ./parcel --dry-run" },
    { "From an archive that this key signed",
      "tool plugin install parcel-1.0.0.tar.gz --public-key parcel.pub" },
  },
  render = candidate.render,
  validate = candidate.validate,
  places = store.places,
  preview = function(args, ctx)
    local _, lock = prepare(args, ctx)
    return ctx.would("create", candidate.show(lock))
  end,
  run = function(args, ctx)
    local c, lock = prepare(args, ctx)
    candidate.announce(ctx, c)
    store.open(ctx)
    check_name(ctx, c.plugin.name)
    return ctx.created(candidate.show(lock, store.put(c.plugin.name, c.content, lock)))
  end,
}
