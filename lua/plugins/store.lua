--- Installed plugins on disk.
-- Promise: a plugin is there whole, in its old or its new version, whenever this process ends: a version is written beside
-- the others, and one rename of a link makes it the one that counts. What a killed run left, the next one removes.
--
--   <data>/plugins/NAME -> ../plugin-versions/NAME/ID/NAME     the version that counts
--   <data>/plugin-versions/NAME/ID/NAME/…                      the files of a version; never changed once it is complete
--   <data>/plugin-versions/NAME/ID/lock.json                   where it came from, and the SHA-256 of every file
--   <data>/plugin-versions/NAME/previous -> ID                 the version before

local config = require "config"
local failure = require "failure"
local fingerprint = require "fingerprint"
local host = require "host"
local schema = require "schema"

local store = {}

local LOCK_WAIT_MS, MAX_LOCK = 10000, 8 << 20
local file = host.file

local function check(value, err)
  if value == nil then failure.raise(err.code, err) end
  return value
end

local function absent(value, err)
  if value == nil and err.code ~= "NOT_FOUND" then failure.raise(err.code, err) end
  return value
end

--- The user's data directory; fails without one.
function store.root()
  return config.directory "data" or failure.raise("NO_DATA_DIRECTORY", { exit = "PRECONDITION",
    message = "There is no home directory to keep plugins in.", fix = "Set HOME" })
end

--- For a contract's `places`: what an operation writes below.
function store.places()
  local root = config.directory "data"
  if not root then return {} end
  file.mkdir(root, 448, true)
  return { root }
end

local function link_of(name) return store.root() .. "/plugins/" .. name end
local function versions_of(name) return store.root() .. "/plugin-versions/" .. name end

-- The id of the version that counts; nil when there is none, false when something else has its place.
local function current_id(name)
  local target = file.readlink(link_of(name))
  if target then return target:match("^%.%./plugin%-versions/" .. name:gsub("%-", "%%-") .. "/([%w.+-]+)/[^/]+$") or false end
  if file.stat(link_of(name), true) then return false end
end

local function previous_id(name)
  local id = file.readlink(versions_of(name) .. "/previous")
  return id and id:find("^[%w.+-]+$") and id or nil
end

-- What others go by of a lock, as candidate.lock makes it.
local LOCK = { danger = "safe", returns = {
  name = "string", version = "string", ["about?"] = "string", digest = "string", may = { list = "string" },
  commands = { list = "string" }, files = { map = { sha256 = "string", size = "integer" } },
  source = { kind = "string", location = "string", ["ref?"] = "string", ["commit?"] = "string", ["sha256?"] = "string" },
  ["signature?"] = { key_id = "string", comment = "string", public_key = "string" }, ["…"] = "any",
} }

-- A version: { id, dir, lock }, or nil when it is not whole.
local function version_of(name, id)
  local base = versions_of(name) .. "/" .. id
  local text = file.read(base .. "/lock.json", MAX_LOCK)
  local lock = text and host.json.decode(text)
  if lock == nil or not schema.check(LOCK, lock, "result") then return nil end
  return { id = id, dir = base .. "/" .. name, lock = lock }
end

--- What is installed under a name: { name, version, previous } with versions { id, dir, lock }; nil when there is nothing,
--- false when a folder is there that was not installed.
function store.get(name)
  local id = current_id(name)
  if not id then return id end
  local version, before = version_of(name, id), previous_id(name)
  if not version then return false end
  return { name = name, version = version, previous = before and before ~= id and version_of(name, before) or nil }
end

--- The names of all installed plugins, sorted.
function store.names()
  local list, root = {}, config.directory "data"
  for _, name in ipairs(root and file.list(root .. "/plugins") or {}) do
    if name:find("^[a-z][a-z0-9-]*$") and current_id(name) then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

local function remove_tree(path)
  absent(file.remove_tree(path))
end

-- Removes what belongs to no version that counts: the remains of runs that were killed.
local function sweep_name(name)
  local id, before, base = current_id(name), previous_id(name), versions_of(name)
  if not id then return remove_tree(base) end
  for _, entry in ipairs(file.list(base) or {}) do
    if entry ~= id and entry ~= before and entry ~= "previous" then remove_tree(base .. "/" .. entry) end
  end
end

local function sweep()
  local root = store.root()
  for _, entry in ipairs(file.list(root .. "/plugins") or {}) do
    if entry:find("^%.[%w-]+%.new$") then absent(file.remove(root .. "/plugins/" .. entry)) end
  end
  for _, name in ipairs(file.list(root .. "/plugin-versions") or {}) do sweep_name(name) end
end

--- Takes the lock of all changes for the rest of the run and clears away what earlier runs left.
function store.open(ctx)
  local root = store.root()
  check(file.mkdir(root .. "/plugins", 448, true))
  check(file.mkdir(root .. "/plugin-versions", 448, true))
  local lock, err = file.lock(root .. "/plugins.lock", LOCK_WAIT_MS)
  if not lock then
    failure.raise(err.code, { message = err.code == "LOCK_HELD" and "Another run changes plugins." or err.message,
      context = { path = err.path, holder_pid = err.holder }, retryable = err.code == "LOCK_HELD" or nil })
  end
  ctx.hold(lock, function(held) held:close() end)
  sweep()
end

-- Makes the link at path point to target, in one step.
local function point(path, target)
  local dir, name = path:match("^(.*)/([^/]+)$")
  local fresh = ("%s/.%s.new"):format(dir, name)
  absent(file.remove(fresh))
  check(file.symlink(target, fresh))
  check(file.rename(fresh, path))
  check(file.sync(path))
end

local function make_directories(base, list)
  local made = {}
  for _, row in ipairs(list) do
    local dir = row.path:match("^(.*)/")
    if dir and not made[dir] then
      check(file.mkdir(base .. "/" .. dir, 493, true))
      made[dir] = true
    end
  end
end

-- Copies the files that the fingerprint names; what is copied is what was looked at.
local function copy(content, to)
  check(file.mkdir(to, 493))
  make_directories(to, content.files)
  for _, row in ipairs(content.files) do
    local bytes = check(file.read(content.dir .. "/" .. row.path, fingerprint.MAX_BYTES))
    if host.hash.sha256(bytes) ~= row.sha256 then
      failure.raise("CONFLICT", { message = row.path .. " was changed while it was installed." })
    end
    check(file.write(to .. "/" .. row.path, bytes, { mode = row.mode }))
  end
  check(file.sync(to))
end

-- Writes a version beside the others; its id.
local function stage(name, content, lock)
  local base = versions_of(name)
  local id = ("%s-%s"):format(lock.version, host.hash.hex(host.hash.random(6)))
  local fresh = base .. "/.new-" .. id
  check(file.mkdir(fresh, 448, true))
  copy(content, fresh .. "/" .. name)
  check(file.write(fresh .. "/lock.json", host.json.encode(lock, { pretty = 2 }) .. "\n", { mode = 384 }))
  check(file.rename(fresh, base .. "/" .. id))
  check(file.sync(base .. "/" .. id))
  return id
end

local function make_current(name, id)
  point(link_of(name), ("../plugin-versions/%s/%s/%s"):format(name, id, name))
end

--- Makes this content the plugin, and keeps the version before. content: { dir, files }; lock: what is written down.
function store.put(name, content, lock)
  local before = current_id(name)
  local id = stage(name, content, lock)
  if before then point(versions_of(name) .. "/previous", before) end
  make_current(name, id)
  sweep_name(name)
  return store.get(name)
end

--- Makes the version before the one that counts again, and the other way round.
function store.swap(installed)
  local name, before = installed.name, installed.version.id
  make_current(name, installed.previous.id)
  point(versions_of(name) .. "/previous", before)
  return store.get(name)
end

--- Removes a plugin with all its versions.
function store.remove(name)
  check(file.remove(link_of(name)))
  check(file.sync(link_of(name)))
  sweep_name(name)
end

--- How the files of a version differ from its lock: { missing, changed, added }, each a sorted list of paths.
function store.compare(version)
  local content, err = fingerprint.of(version.dir)
  local found, diff = {}, { missing = host.json.array {}, changed = host.json.array {}, added = host.json.array {} }
  for _, row in ipairs(content and content.files or {}) do
    found[row.path] = row.sha256
    if not version.lock.files[row.path] then table.insert(diff.added, row.path) end
  end
  if err and err.path then table.insert(diff.changed, err.path:sub(#version.dir + 2)) end
  for path, known in pairs(content and version.lock.files or {}) do
    if not found[path] then table.insert(diff.missing, path)
    elseif found[path] ~= known.sha256 then table.insert(diff.changed, path) end
  end
  for _, list in pairs(diff) do table.sort(list) end
  return diff
end

return store
