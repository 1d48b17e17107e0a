--- ctx.store: values that outlive the run, unlocked by `store`.
-- Promise: one SQLite file per suite or plugin, so that nobody reads another's values; a change is whole or did not
-- happen, also in a crash.
--
--   ctx.store.get(key) -> value | nil          ctx.store.put(key, value)          ctx.store.delete(key) -> existed
--   ctx.store.list(prefix) -> array of { key, value } in the order of keys
--   ctx.store.batch{ { "put", key, value }, { "delete", key }, … }                all of them or none
-- Values are what JSON can hold. First-party commands also have, for tables of their own:
--   ctx.store.open(path) -> database of the `store` module; ":memory:", an absolute path, or a name in the plugin's own
--     folder; closed at the end of the run

local config = require "config"
local failure = require "failure"
local host = require "host"

local store = {}

local function root()
  return config.directory "data" .. "/store"
end

local function fail(err)
  local context = { sqlite_code = err.sqlite_code }
  failure.raise(err.code, { message = err.message, exit = "GENERAL_ERROR", context = context })
end

local function check(value, err)
  if value == nil then fail(err) end
  return value
end

local function module()
  local m, message = host.module "store"
  if not m then
    failure.raise("MODULE_MISSING", { exit = "PRECONDITION", message = "No store module: " .. tostring(message) })
  end
  return m
end

local function make_directory(path)
  local ok, err = host.file.mkdir(path, tonumber("700", 8), true)
  if not ok and err.code ~= "ALREADY_EXISTS" then
    failure.raise(err.code, { message = err.message, context = { path = path } })
  end
end

--- Makes the directory of all stores and returns it: what a command with `store` may write, for its confinement.
function store.prepare()
  make_directory(root())
  return root()
end

local function check_key(key)
  if type(key) ~= "string" or key == "" then error("a key is a string that is not empty", 3) end
  return key
end

local function refuse_secret(value)
  if host.is_secret(value) then error("a secret cannot be kept in the store; ctx.credential.save keeps one", 4) end
  if type(value) ~= "table" then return end
  for _, inner in pairs(value) do refuse_secret(inner) end
end

local function encode(value)
  refuse_secret(value)
  local text, message = host.json.encode(value, { raw = true })
  if not text then error(message, 3) end
  return text
end

local function put(db, key, value)
  local text = encode(value)
  return db:exec("INSERT INTO item(key, value) VALUES(?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
    key, text)
end

local function delete(db, key)
  return db:exec("DELETE FROM item WHERE key = ?", key)
end

-- The functions on the database that `open` gives at first use.
local function values(open)
  local out = {}

  function out.get(key)
    local row = check(open():rows("SELECT value FROM item WHERE key = ?", check_key(key)))[1]
    if row then return host.json.decode(row.value) end
  end

  function out.put(key, value)
    check(put(open(), check_key(key), value))
  end

  function out.delete(key)
    return check(delete(open(), check_key(key))) > 0
  end

  function out.list(prefix)
    prefix = prefix or ""
    local rows = check(open():rows("SELECT key, value FROM item WHERE substr(key, 1, length(?)) = ? ORDER BY key",
      prefix, prefix))
    for i, row in ipairs(rows) do rows[i] = { key = row.key, value = host.json.decode(row.value) } end
    return rows
  end

  function out.batch(list)
    local db = open()
    local ok, err = db:transaction(function()
      for _, change in ipairs(list) do
        local verb = change[1]
        if verb ~= "put" and verb ~= "delete" then error("a change is { 'put' or 'delete', key, value }", 0) end
        local key = check_key(change[2])
        check((verb == "put" and put or delete)(db, key, change[3]))
      end
      return true
    end)
    check(ok, err)
  end

  return out
end

-- Shipped commands and plugins.
local function first_party(C)
  for _, dir in ipairs { host.paths.commands, host.paths.plugins } do
    if C.file:sub(1, #dir + 1) == dir .. "/" then return true end
  end
  return false
end

-- Opens a database and keeps it until the run ends.
local function open_database(run, path)
  local db = check(module().open(path))
  run.ctx.hold(db, function(d) d:close() end)
  return db
end

function store.open(run)
  local C = run.contract
  local namespace = C.words[1]
  local kept

  local function values_database()
    if not kept then
      make_directory(root())
      kept = open_database(run, root() .. "/" .. namespace .. ".db")
      check(kept:exec("CREATE TABLE IF NOT EXISTS item(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID"))
    end
    return kept
  end

  local out = values(values_database)
  if first_party(C) then
    function out.open(path)
      if path ~= ":memory:" and path:sub(1, 1) ~= "/" then
        local folder = root() .. "/" .. namespace
        make_directory(folder)
        path = folder .. "/" .. path
      elseif path ~= ":memory:" then
        make_directory(path:match("^(.*)/[^/]*$"))
      end
      return open_database(run, path)
    end
  end
  return { store = out }
end

return store
