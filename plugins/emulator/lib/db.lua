-- The database of one emulated service: what all of them need of it.
-- Promise: an error of the database ends the request or the run with its message, it is never overlooked; the tables
-- are made once per version of the schema.

local hash = require "tool.hash"

local db = {}
db.__index = db

local function check(value, err)
  if value == nil then error(("database: %s (%d)"):format(err.message, err.sqlite_code), 0) end
  return value
end

--- Opens the database and brings its tables to the last version of `schema`, an array of SQL texts, one per version.
-- @param ctx of the command; path a file, or ":memory:"
function db.open(ctx, path, schema)
  local self = setmetatable({ raw = ctx.store.open(path), ctx = ctx }, db)
  local version = self:one("PRAGMA user_version").user_version
  if version > #schema then error("database: " .. path .. " was written by a later version", 0) end
  for v = version + 1, #schema do
    self:atomic(function()
      self:exec(schema[v])
      self:exec(("PRAGMA user_version = %d"):format(v))
    end)
  end
  return self
end

--- Runs a statement; returns how many rows it changed.
function db:exec(sql, ...)
  return check(self.raw:exec(sql, ...))
end

--- Runs a statement that adds a row; returns the row's id.
function db:insert(sql, ...)
  local changes, id = self.raw:exec(sql, ...)
  check(changes, id)
  return id
end

--- All rows of a query.
function db:rows(sql, ...)
  return check(self.raw:rows(sql, ...))
end

--- The first row of a query, or nil.
function db:one(sql, ...)
  return self:rows(sql, ...)[1]
end

--- Runs fn so that all its changes are kept or, when it raises, none.
function db:atomic(fn)
  return check(self.raw:transaction(function()
    local result = fn()
    return result == nil and true or result
  end))
end

--- One page of a query: `what` the columns, `from` the rest of the statement without order, `order` its order.
-- @return rows, total
function db:page(what, from, order, page, limit, ...)
  local total = self:one("SELECT count(*) AS n " .. from, ...).n
  local args = table.pack(...)
  args[args.n + 1], args[args.n + 2] = limit, (page - 1) * limit
  local sql = ("SELECT %s %s ORDER BY %s LIMIT ? OFFSET ?"):format(what, from, order)
  return self:rows(sql, table.unpack(args, 1, args.n + 2)), total
end

--- n random bytes as hexadecimal digits.
function db:hex(n)
  return hash.hex(self.ctx.random(n))
end

return db
