-- Packages: the files of an app in one archive.
-- Promise: exactly the files that the Towerfile names, in a fixed order, the Towerfile first; the same files give the same
-- bytes; a link that leads out of the directory is refused.

local glob = require "tool.glob"
local towerfile = require "lib.towerfile"

local M = {}

--- The errors of M.pack.
M.errors = {
  PACKAGE_REFUSED = { "The package cannot be made.", exit = "PRECONDITION", fix = "Correct app.source in the Towerfile" },
}

local function refuse(ctx, text, context)
  ctx.fail("PACKAGE_REFUSED", { message = "packaging artifact: " .. text, context = context })
end

-- A pattern as it is matched, and whether it asks for names that begin with a dot.
local function pattern_of(source)
  local plain, hidden = towerfile.clean(source), false
  for part in plain:gmatch("[^/]+") do hidden = hidden or part:sub(1, 1) == "." end
  return { glob = plain == "" and "." or plain, hidden = hidden }
end

local function is_hidden(name) return ("/" .. name):find("/.", 1, true) ~= nil end

-- Everything below the directory that is no directory: { name, path, link }. Hidden directories are looked into only when
-- a pattern asks for hidden names.
local function files_below(ctx, dir, hidden)
  local out = {}
  local function look(prefix)
    for _, name in ipairs(ctx.files.list(dir .. "/" .. prefix)) do
      local relative = prefix .. name
      local path = dir .. "/" .. relative
      if hidden or name:sub(1, 1) ~= "." then
        local link = ctx.files.link(path)
        if not link and ctx.files.stat(path).type == "directory" then look(relative .. "/")
        else out[#out + 1] = { name = relative, path = path, link = link } end
      end
    end
  end
  look ""
  table.sort(out, function(a, b) return a.name < b.name end)
  return out
end

local function matches(patterns, name)
  local dotted = is_hidden(name)
  for _, pattern in ipairs(patterns) do
    if (pattern.hidden or not dotted) and glob.match(pattern.glob, name) then return true end
  end
  return false
end

-- A symbolic link is packed as such; what it leads to must lie in the directory.
local function check_link(ctx, root, file)
  local _, target = ctx.files.link(file.path)
  if target and target ~= root and target:sub(1, #root + 1) ~= root .. "/" then
    refuse(ctx, ('the link "%s" leads out of the directory'):format(file.name), { path = file.path, target = target })
  end
  local up = 0
  for part in (file.name:match("^(.*)/[^/]*$") or ""):gmatch("[^/]+") do up = up + (part ~= "" and 1 or 0) end
  for part in file.link:gmatch("[^/]+") do
    if part == ".." then up = up - 1 elseif part ~= "." then up = up + 1 end
    if up < 0 then break end
  end
  if not target and (up < 0 or file.link:sub(1, 1) == "/") then
    refuse(ctx, ('the link "%s" leads out of the directory'):format(file.name), { path = file.path, target = file.link })
  end
end

--- The entries of an app's archive.
function M.entries(ctx, dir, tower)
  local patterns, hidden = {}, false
  for i, source in ipairs(tower.source) do
    patterns[i] = pattern_of(source)
    hidden = hidden or patterns[i].hidden
  end
  local root = ctx.files.real(dir)
  local entries, found = { { name = towerfile.NAME, data = tower.bytes } }, false
  for _, file in ipairs(files_below(ctx, dir, hidden)) do
    if file.name ~= towerfile.NAME and matches(patterns, file.name) then
      if file.link then check_link(ctx, root, file) end
      entries[#entries + 1] = { name = file.name, path = not file.link and file.path or nil, link = file.link }
      found = found or file.name == tower.script
    end
  end
  if not found then
    refuse(ctx, ('script "%s" is not matched by any source pattern'):format(tower.script), { script = tower.script })
  end
  return entries
end

return M
