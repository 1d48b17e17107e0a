--- ctx.cache: answers that are kept for a while, unlocked by a `writes` entry of type "cache" (REQ-O-018).
-- Promise: with --no-cache, or --cache-ttl 0, nothing of the cache is read or written; an entry older than its time is
-- as good as none; meta.cache_used says whether the answer rests on kept data. A cache that cannot be written is no
-- failure.
--
--   ctx.cache.get(key) -> value | nil          ctx.cache.put(key, value)
-- Values are what JSON can hold; each is a file of mode 0600 in the declared directory.

local config = require "config"
local host = require "host"
local values = require "values"

local MAX = 64 << 20

local function entry_of(C)
  for _, entry in ipairs(C.writes) do
    if entry.type == "cache" then return entry end
  end
end

local function open(run)
  local entry, given = entry_of(run.contract), run.values.cache_ttl
  local path = config.expand(entry.path)
  local dir = path and values.absolute(path, run.cwd):gsub("/+$", "")
  local ttl = given or entry.ttl_seconds
  local off = not dir or run.values.no_cache or ttl == 0
  local cache = {}
  run.meta("cache_used", false)

  local function file_of(key) return dir .. "/" .. host.hash.sha256(tostring(key)) .. ".json" end

  function cache.get(key)
    if off then return nil end
    local stat = host.file.stat(file_of(key))
    if not stat or ttl and host.time() - stat.mtime > ttl * 1000 then return nil end
    local text = host.file.read(file_of(key), MAX)
    local value = text and host.json.decode(text)
    if value ~= nil then run.meta("cache_used", true) end
    return value
  end

  function cache.put(key, value)
    if off or run.preview then return end
    local ok, err = host.file.mkdir(dir, 448, true)
    if ok then ok, err = host.file.write(file_of(key), host.json.encode(value), { mode = 384 }) end
    if not ok then run.warn("CACHE_UNAVAILABLE", "The answer could not be kept: " .. err.message) end
  end

  return { cache = cache }
end

return { open = open }
