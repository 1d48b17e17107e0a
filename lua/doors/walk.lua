-- ctx.walk: everything below a directory (authoring §4).
-- Promise: the whole tree is looked through before the first entry is given, so that a loop of symbolic links or too
-- deep a tree ends the command before it changes anything (REQ-F-061, REQ-O-040). A directory that is reached twice is no
-- loop; one that lies on the way to itself is.

local failure = require "failure"
local host = require "host"
local values = require "values"

-- True when path is one of the allowed ones or below an allowed directory.
local function covered(path, allowed)
  for _, base in ipairs(allowed) do
    if path == base or path:sub(1, #base + 1) == base .. "/" or base == "/" then return true end
  end
  return false
end

local function raise(walk, code, opts)
  if walk.run.started then opts.exit = "PARTIAL_FAILURE" end      -- what came before has changed something
  opts.phase = "execution"
  failure.raise(code, opts)
end

local function loop(walk, path, target)
  raise(walk, "SYMLINK_LOOP", { message = ("The link %s leads back to %s."):format(path, target),
    more = { path = path, loop_target = target, completed_count = walk.seen } })
end

local function check(walk, result, err)
  if result == nil then raise(walk, err.code, { message = err.message, context = { path = err.path } }) end
  return result
end

-- What a link leads to; nil when it leads nowhere.
local function follow(walk, path)
  local stat, err = host.file.stat(path)
  if stat then return stat end
  if err.code == "SYMLINK_LOOP" then loop(walk, path, path) end
  return nil
end

local scan

local function scan_entry(walk, dir, name, depth, through_link)
  local path = (dir == "/" and "" or dir) .. "/" .. name
  local stat = host.file.stat(path, true)
  if not stat then return end                     -- gone since the directory was listed
  local link = stat.type == "link"
  if link then
    if not walk.follow then
      walk.skipped = walk.skipped + 1
      return
    end
    stat = follow(walk, path) or stat
  end
  walk.seen = walk.seen + 1
  walk.entries[#walk.entries + 1] = {
    path = path, name = name, type = stat.type, size = stat.size, depth = depth, link = link or through_link,
    mtime = os.date("!%Y-%m-%dT%H:%M:%SZ", stat.mtime // 1000),
  }
  if stat.type == "directory" then scan(walk, path, stat, depth, link or through_link) end
end

function scan(walk, dir, stat, depth, through_link)
  local key = stat.dev .. ":" .. stat.ino
  if walk.above[key] then loop(walk, dir, walk.above[key]) end
  if depth > walk.max_depth then
    raise(walk, "DEPTH_EXCEEDED", { message = ("%s lies deeper than %d levels."):format(dir, walk.max_depth),
      hint = "Raise --max-depth", more = { max_depth = walk.max_depth, path = dir } })
  end
  walk.above[key] = dir
  local names = check(walk, host.file.list(dir))
  table.sort(names)
  for _, name in ipairs(names) do scan_entry(walk, dir, name, depth + 1, through_link) end
  walk.above[key] = nil
end

return {
  open = function(run)
    local args = run.values

    --- Iterator over what is below root, parents before their children, names sorted: { path, name, type, size, mtime,
    --- depth, link }; `link`: it is a symbolic link or was reached through one. Second: { symlinks_skipped }.
    local function walk_tree(root)
      root = values.absolute(root, run.cwd)
      if not covered(root, run.readable) and not covered(root, run.writable) then
        failure.raise("ACCESS_UNDECLARED", { message = "The command did not declare that it reads " .. root .. ".",
          context = { path = root } })
      end
      local walk = { run = run, follow = not args.no_follow_symlinks, max_depth = args.max_depth, entries = {}, above = {},
        seen = 1, skipped = 0 }
      local stat = check(walk, host.file.stat(root))
      if stat.type ~= "directory" then
        raise(walk, "NOT_A_DIRECTORY", { message = root .. " is not a directory.", context = { path = root } })
      end
      scan(walk, root, stat, 0, false)
      local at = 0
      return function()
        at = at + 1
        return walk.entries[at]
      end, { symlinks_skipped = walk.skipped }
    end

    return { walk = walk_tree }
  end,
}
