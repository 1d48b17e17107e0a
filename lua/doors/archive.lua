--- ctx.archive: tar archives, plain or gzip-compressed, unlocked by `archive = true`.
-- Promise: a packed archive is whole, and the same entries give the same bytes; unpacking writes inside the directory
-- or not at all, whatever the archive holds; what is read and written obeys the rules of ctx.files.
--
--   ctx.archive.pack(entries, opts) -> bytes, sha256          with opts.path: { path, bytes, sha256, entries }
--     entries: { { name = "a/b", path = file | data = bytes | link = target, mode = 420 }, … }, in this order
--     opts: format = "tar.gz" | "tar", reproducible = true, path
--   ctx.archive.list(source, opts) -> { { name, type, size, mode, link }, … }     source: { path = … } or { data = … }
--   ctx.archive.read(source, name, opts) -> bytes
--   ctx.archive.unpack(source, dir, opts) -> entries          dir: absent, or an empty directory
--     opts: max_bytes = "512MiB" of all contents, max_files = 20000
-- Failures: ARCHIVE_INVALID (no archive, or a damaged one), ARCHIVE_UNSAFE (error.context.entry is refused),
-- ARCHIVE_TOO_LARGE (the limits), NOT_FOUND (no such entry, or no such file), ALREADY_EXISTS (dir is not empty).

local failure = require "failure"
local files = require "doors.files"
local host = require "host"
local units = require "units"

local FORMATS = { ["tar.gz"] = true, tar = false }         -- is it compressed?
local MAX_BYTES, MAX_FILES = "512MiB", 20000

local function module()
  local m, message = host.module "archive"
  if not m then
    failure.raise("MODULE_MISSING", { exit = "PRECONDITION", message = "No archive module: " .. tostring(message) })
  end
  return m
end

local function check(value, more)
  if value ~= nil then return value, more end
  local err = more
  failure.raise(err.code, { message = err.message, context = { path = err.path, entry = err.entry } })
end

local function limits(opts)
  opts = opts or {}
  return { max_bytes = units.size(opts.max_bytes or MAX_BYTES), max_files = opts.max_files or MAX_FILES }
end

-- The entries as the module takes them: readable paths, each name once.
local function checked(entries, readable)
  local out, seen = {}, {}
  for i, entry in ipairs(entries) do
    if seen[entry.name] then
      failure.raise("ARCHIVE_UNSAFE", { message = ("The entry %q occurs twice."):format(entry.name),
        context = { entry = entry.name } })
    end
    seen[entry.name or ""] = true
    out[i] = { name = entry.name, data = entry.data, link = entry.link, mode = entry.mode,
      path = entry.path and readable(entry.path) }
  end
  return out
end

return {
  open = function(run)
    local paths = files.rules(run)
    local archive = {}

    local function source_of(source)
      if source.path then return { path = paths.readable(source.path) } end
      return { data = source.data }
    end

    function archive.pack(entries, opts)
      opts = opts or {}
      local gzip = FORMATS[opts.format or "tar.gz"]
      if gzip == nil then error("an archive's format is tar.gz or tar", 2) end
      local list, path = checked(entries, paths.readable), opts.path and paths.writable(opts.path)
      local result, sha256 = check(module().pack(list,
        { gzip = gzip, reproducible = opts.reproducible ~= false, path = path }))
      if not path then return result, sha256 end
      return { path = path, bytes = result, sha256 = sha256, entries = #list }
    end

    function archive.list(source, opts)
      return check(module().list(source_of(source), limits(opts)))
    end

    function archive.read(source, name, opts)
      return check(module().read(source_of(source), name, limits(opts)))
    end

    function archive.unpack(source, dir, opts)
      return check(module().unpack(source_of(source), paths.writable(dir), limits(opts)))
    end

    return { archive = archive }
  end,
}
