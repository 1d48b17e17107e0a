--- What is in a folder: every file with its size and hash, and one hash of all of it.
-- Promise: equal content gives an equal digest, wherever the folder is; only plain files and directories count as content,
-- and whatever else there is, a link or a device, is a reason to have no digest at all.

local host = require "host"

local fingerprint = {}

local MAX_FILES, MAX_BYTES, MAX_DEPTH = 20000, 64 << 20, 32

fingerprint.MAX_FILES, fingerprint.MAX_BYTES = MAX_FILES, MAX_BYTES

local function problem(path, text)
  return { code = "UNUSABLE_CONTENT", path = path, message = ("%s %s."):format(path, text) }
end

-- Adds what is below dir to files; nil, or what is wrong.
local function collect(dir, prefix, depth, files, skip)
  local names, err = host.file.list(dir)
  if not names then return err end
  if depth > MAX_DEPTH then return problem(dir, "is too deep") end
  table.sort(names)
  for _, name in ipairs(names) do
    local path, relative = dir .. "/" .. name, prefix .. name
    local stat = not (skip and skip[name]) and host.file.stat(path, true)
    if skip and skip[name] then -- not content
      goto continue
    elseif name:find("%c") then
      return problem(path, "has a control character in its name")
    elseif not stat then
      return problem(path, "went away while it was read")
    elseif stat.type == "directory" then
      err = collect(path, relative .. "/", depth + 1, files, skip)
      if err then return err end
    elseif stat.type == "file" then
      files.count, files.bytes = files.count + 1, files.bytes + stat.size
      if files.count > MAX_FILES or files.bytes > MAX_BYTES then
        return problem(path, ("is beyond what may be in one place: %d files, %d bytes"):format(MAX_FILES, MAX_BYTES))
      end
      files.list[#files.list + 1] = { path = relative, mode = stat.mode & 73 ~= 0 and 493 or 420 }
    else
      return problem(path, "is neither a file nor a directory; links are not followed")
    end
    ::continue::
  end
end

--- The digest of a list of { path, sha256 }: SHA-256 over one line for each, in the order of the paths.
function fingerprint.digest(list)
  local lines = {}
  for i, row in ipairs(list) do lines[i] = row.path .. "\0" .. row.sha256 .. "\n" end
  table.sort(lines)
  return host.hash.sha256(table.concat(lines))
end

--- Reads a folder. skip: names that do not count, at any depth.
--- @return table { digest, bytes, files = array of { path, sha256, size, mode }, in the order of the paths } | nil, err
function fingerprint.of(dir, skip)
  local files = { list = {}, count = 0, bytes = 0 }
  local err = collect(dir, "", 0, files, skip)
  if err then return nil, err end
  for _, row in ipairs(files.list) do
    local text
    text, err = host.file.read(dir .. "/" .. row.path, MAX_BYTES)
    if not text then return nil, err end
    row.sha256, row.size = host.hash.sha256(text), #text
  end
  table.sort(files.list, function(a, b) return a.path < b.path end)
  return { digest = fingerprint.digest(files.list), bytes = files.bytes, files = files.list }
end

return fingerprint
