--- How `tool new` writes what the scaffolds give.
-- Promise: nothing that is there is written over: either all files are new, or none is written.

local failure = require "failure"
local host = require "host"
local tree = require "tree"

local new = {}

--- The parsed `--arg`s, reporting what is wrong with them to `bad`.
function new.arguments(args, bad)
  local list, seen = {}, {}
  for _, text in ipairs(args.arg or {}) do
    local one, why = require("kit.scaffold").argument(text)
    if not one then
      bad("arg", why)
    elseif seen[one.name] then
      bad("arg", one.name .. " is given twice")
    else
      seen[one.name], list[#list + 1] = true, one
    end
  end
  return list
end

--- A first word that the tool has itself would never be found behind it.
function new.check_free(word)
  local entry = tree.find { word }
  if not entry or entry.root.origin ~= "shipped" then return end
  failure.raise("NAME_TAKEN", { exit = "CONFLICT", context = { name = word }, hint = "Choose another name",
    message = ("The tool has a command named %s, which would hide yours."):format(word) })
end

-- The files that are to be written, with their whole paths; what others share and is there already is left out.
local function missing(files, dir)
  local list = {}
  for _, file in ipairs(files) do
    local path = dir .. "/" .. file.path
    local is_there = host.file.stat(path, true)
    if is_there and not file.shared then
      failure.raise("ALREADY_EXISTS", { message = ("%s exists already; nothing was written."):format(path),
        context = { path = path }, hint = "Choose another name, or another --dir" })
    end
    if not is_there then list[#list + 1] = { path = path, text = file.text } end
  end
  return list
end

local function paths_of(ctx, list)
  local paths = ctx.array {}
  for i, file in ipairs(list) do paths[i] = file.path end
  return paths
end

--- The nearest folder on the way to a path that exists: what must be writable for the rest to be made.
function new.nearest(dir)
  while dir ~= "" and not host.file.stat(dir) do dir = dir:match("^(.*)/[^/]*$") end
  return dir == "" and "/" or dir
end

--- What would be written, for a preview.
function new.would(ctx, dir, files)
  return ctx.would("create", { files = paths_of(ctx, missing(files, dir)) })
end

--- Writes the files into a folder; gives their paths.
function new.write(ctx, dir, files)
  local list = missing(files, dir)
  for _, file in ipairs(list) do
    ctx.files.mkdir((file.path:match("^(.*)/")))
    ctx.files.write(file.path, file.text, { exclusive = true })
  end
  return paths_of(ctx, list)
end

return new
