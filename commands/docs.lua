--- `tool docs [NAME|PATH]`: reference pages of commands, from their contracts.
-- Promise: running it twice changes nothing the second time; a page that a command no longer has is not touched.

local new = require "kit.new"
local pages = require "kit.pages"
local place = require "kit.place"
local values = require "values"

-- The contracts of a path, of an installed suite, plugin or command by its words, or all.
local function contracts_of(ctx, what)
  local good
  if what and what:find("[/.]") then
    local found, message = place.of(values.absolute(what, ctx.cwd))
    if not found then ctx.fail("NOT_FOUND", { message = message, context = { path = what } }) end
    good = place.contracts(found)
  else
    good = ctx.framework.contracts(what)
  end
  local list = {}
  for _, C in ipairs(good) do
    if not C.group then list[#list + 1] = C end
  end
  if #list == 0 then
    ctx.fail("NOT_FOUND", { message = ("There is no command %s."):format(what or ""), context = { name = what } })
  end
  return list
end

local function files_of(args, ctx)
  local dir = values.absolute(args.dir, ctx.cwd)
  local files = pages.files(contracts_of(ctx, args.what), args.as)
  for _, file in ipairs(files) do file.path = dir .. "/" .. file.path end
  return files, dir
end

local function paths(ctx, files)
  local list = ctx.array {}
  for i, file in ipairs(files) do list[i] = file.path end
  return list
end

return {
  about = "Write reference pages or man pages of commands, from their contracts",
  danger = "mutating", scopes = {}, framework = true, since = "0.2", idempotent = true, external = false, timeout = "60s",
  args = {
    { "what", "string", "Name of a suite or plugin, or the path of one; all that is installed without it", at = 1, loose = true },
    { "dir", "path", "Folder that the pages go to", required = true, access = "write" },
    { "as", "enum", "Markdown, or man pages", one_of = { "markdown", "man" }, default = "markdown" },
  },
  places = function(run) return { new.nearest(values.absolute(run.values.dir, run.cwd)) } end,
  returns = { dir = "path", pages = { list = "path" } },
  render = function(data, ui) ui.text(("%d pages are in %s."):format(#data.pages, data.dir)) end,
  exits = { SUCCESS = "The pages are written, or were there already", NOT_FOUND = "There is no such command or path" },
  examples = {
    { "Pages of a suite", "tool docs sentryagent --dir reference" },
    { "Man pages of everything", "tool docs --dir man --as man" },
  },
  preview = function(args, ctx) return ctx.would("create", { pages = paths(ctx, (files_of(args, ctx))) }) end,
  run = function(args, ctx)
    local host = ctx.framework.host
    local files, dir = files_of(args, ctx)
    local created, updated = 0, 0
    ctx.files.mkdir(dir)
    for _, file in ipairs(files) do
      local old = host.file.read(file.path)
      if old ~= file.text then
        ctx.files.write(file.path, file.text)
        if old then updated = updated + 1 else created = created + 1 end
      end
    end
    local data = { dir = dir, pages = paths(ctx, files) }
    return created > 0 and ctx.created(data) or updated > 0 and ctx.updated(data) or ctx.noop(data)
  end,
}
