-- ctx.files: reading and writing what the contract or a path parameter unlocked (authoring §4, §5).
-- Promise: every path is absolute, every error names it, a write is whole or does not happen, a preview writes nothing;
-- what the run makes in its own directory or hands out is its owner's alone (REQ-F-043).

local config = require "config"
local failure = require "failure"
local host = require "host"
local values = require "values"

local DEFAULT_MAX = 16 * 1024 * 1024

local function fail(err)
  failure.raise(err.code, { message = err.message, context = { path = err.path } })
end

local function check(result, err)
  if result == nil then fail(err) end
  return result
end

-- True when path is one of the allowed ones or below an allowed directory.
local function covered(path, allowed)
  for _, base in ipairs(allowed) do
    if path == base or path:sub(1, #base + 1) == base .. "/" or base == "/" then return true end
  end
  return false
end

--- What the run may touch, for every door that takes paths: readable(path) -> absolute path, and
--- writable(path) -> absolute path, whether only this run's owner may see what is there. Both end the command otherwise.
local function rules(run)
  local out = {}

  -- A declared place of the home directory is elsewhere for an instance (REQ-O-036).
  local function absolute(path)
    path = values.absolute(config.expand(path) or path, run.cwd)
    local moved = host.instance and config.aside(path) or path
    return moved ~= path and covered(moved, run.writable) and moved or path
  end

  function out.readable(path)
    path = absolute(path)
    if run.readable ~= true and not covered(path, run.readable) and not covered(path, run.writable)
      and not covered(path, run.private) then
      failure.raise("ACCESS_UNDECLARED", { message = "The command did not declare that it reads " .. path .. ".",
        context = { path = path } })
    end
    return path
  end

  function out.writable(path)
    path = absolute(path)
    if covered(path, run.private) then return path, true end
    if run.preview then
      failure.raise("DRY_RUN_MUTATION", { message = "A dry run must not change " .. path .. "." })
    end
    if not covered(path, run.writable) then
      failure.raise("ACCESS_UNDECLARED", { message = "The command did not declare that it writes " .. path .. ".",
        context = { path = path } })
    end
    run.effect_begins()
    return path, false
  end

  return out
end

local function reader(files, readable)
  --- Whole content; opts.max in bytes (default 16 MB).
  function files.read(path, opts)
    return check(host.file.read(readable(path), opts and opts.max or DEFAULT_MAX))
  end

  --- Iterator over the lines, without line ends.
  function files.lines(path)
    local text = check(host.file.read(readable(path), math.maxinteger))
    local at = 1
    return function()
      if at > #text then return nil end
      local stop = text:find("\n", at, true) or #text + 1
      local line = text:sub(at, stop - 1)
      at = stop + 1
      return line
    end
  end

  --- { type, size, mtime, mode }; mtime as RFC 3339.
  function files.stat(path)
    local stat = check(host.file.stat(readable(path)))
    return { type = stat.type, size = stat.size, mode = stat.mode,
      mtime = os.date("!%Y-%m-%dT%H:%M:%SZ", stat.mtime // 1000) }
  end

  --- The path without symbolic links.
  function files.real(path)
    return check(host.file.real(readable(path)))
  end

  --- What a symbolic link says, and the path that it leads to, nil when that does not exist; nil for what is no link.
  function files.link(path)
    path = readable(path)
    local text = host.file.readlink(path)
    return text, text and host.file.real(path) or nil
  end

  --- Names in a directory, sorted bytewise.
  function files.list(path)
    local names = check(host.file.list(readable(path)))
    table.sort(names)
    return names
  end

  --- Rows of a SQLite database of another program: { { column = value } … } of one SELECT, its ? filled in order. The
  --- file is opened for reading only, also while its owner writes.
  function files.rows(path, sql, ...)
    path = readable(path)
    check(host.file.stat(path))
    local store, message = host.module "store"
    if not store then failure.raise("MODULE_MISSING", { message = "No store module: " .. tostring(message) }) end
    local log = host.file.stat(path .. "-wal")    -- whoever has the file open keeps its changes there
    local quiet = not log or log.size == 0
    local db, err = store.open(path, { readonly = true, immutable = quiet, busy_timeout_ms = 1000 })
    local rows
    if db then
      local _ <close> = db
      rows, err = db:rows(sql, ...)
    end
    if rows then return rows end
    failure.raise(err.code, { message = ("%s cannot be read: %s"):format(path, err.message), exit = "GENERAL_ERROR",
      context = { path = path, sqlite_code = err.sqlite_code } })
  end

  function files.exists(path)
    return host.file.stat(readable(path)) ~= nil
  end
end

local function writer(files, writable)
  --- Writes the file whole or not at all; opts.mode, opts.exclusive.
  function files.write(path, bytes, opts)
    local target, private = writable(path)
    return check(host.file.write(target, bytes, private and { mode = 384, exclusive = opts and opts.exclusive } or opts))
  end

  function files.append(path, bytes)
    local target, private = writable(path)
    return check(host.file.append(target, bytes, private and 384 or nil))
  end

  function files.mkdir(path)
    local target, private = writable(path)
    return check(host.file.mkdir(target, private and 448 or 493, true))
  end

  function files.remove(path)
    return check(host.file.remove((writable(path))))
  end

  function files.rename(from, to)
    return check(host.file.rename((writable(from)), (writable(to))))
  end
end

return {
  rules = rules,
  open = function(run)
    local files, paths = {}, rules(run)
    reader(files, paths.readable)
    writer(files, paths.writable)
    return { files = files }
  end,
}
