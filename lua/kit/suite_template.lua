--- The files of a new suite: a service with things that can be listed, shown, made and deleted.
-- Promise: what `tool new suite` writes passes `tool check` and its own tests as it is. NAME and PREFIX stand for the suite's
-- name and the beginning of its environment variables.

local FILES = {}

FILES["suite.lua"] = [[
--- What all commands of NAME share: flags, the service that they talk to, its errors.

---@type tool.Suite
return {
  about = "Say here what NAME is",
  -- persona = "NAME",     -- makes a link of that name to the tool a program of its own
  args = {
    { "api-url", "url", "Base address of the service", env = "PREFIX_API_URL", config = "apiUrl" },
    { "token", "secret", "Token of the service", env = "PREFIX_TOKEN" },
  },
  config = { file = "~/.NAME/config.json" },
  service = {
    url = "api-url",
    token = "token",
    errors = { [401] = "UNAUTHENTICATED", [403] = "PERMISSION_DENIED", [404] = "NOT_FOUND", [409] = "CONFLICT",
               [429] = "RATE_LIMITED" },
  },
}
]]

FILES["list.lua"] = [[
--- `tool NAME list`: all items, page by page.

---@type tool.Command
return {
  about = "List the items",
  danger = "safe",
  scopes = {},
  network = true,
  page = 20,
  id = "id",
  returns = { list = require("lib.item").form },
  table = { "id", "title" },
  exits = { SUCCESS = "The items are listed, possibly none" },
  examples = { { "All items", "tool NAME list" } },
  run = function(_, ctx)
    local page = ctx.api.get("/items", { query = { cursor = ctx.cursor, limit = ctx.page_size } }).json
    return ctx.list(page.items, { next = page.next, total = page.total })
  end,
}
]]

FILES["get.lua"] = [[
--- `tool NAME get`: one item.

local item = require "lib.item"

---@type tool.Command
return {
  about = "Show an item",
  danger = "safe",
  scopes = {},
  network = true,
  args = { item.id },
  returns = item.form,
  exits = { SUCCESS = "The item is shown", NOT_FOUND = "There is no such item" },
  examples = { { "One item", "tool NAME get i1" } },
  run = function(args, ctx) return ctx.api.get("/items/" .. args.id).json end,
}
]]

FILES["create.lua"] = [[
--- `tool NAME create`: makes an item.

---@type tool.Command
return {
  about = "Create an item",
  danger = "mutating",
  scopes = {},
  network = true,
  creates = "item",
  args = { { "title", "string", "Its title", at = 1, required = true, max_length = 200 } },
  returns = require("lib.item").form,
  exits = { SUCCESS = "The item is created" },
  examples = { { "An item", "tool NAME create 'call Ada'" } },
  preview = function(args, ctx) return ctx.would("create", { title = args.title }) end,
  run = function(args, ctx) return ctx.created(ctx.api.post("/items", { json = { title = args.title } }).json) end,
}
]]

FILES["delete.lua"] = [[
--- `tool NAME delete`: deletes an item for good.

local item = require "lib.item"

---@type tool.Command
return {
  about = "Delete an item",
  danger = "destructive",
  scopes = {},
  network = true,
  deletes = "item",
  args = { item.id },
  returns = { id = "string" },
  exits = { SUCCESS = "The item is gone, or was not there" },
  examples = { { "What would go", "tool NAME delete i1 --dry-run" } },
  preview = function(args, ctx)
    local response = ctx.api.try.get("/items/" .. args.id)
    if response and response.status == 404 then return ctx.missing(args.id) end
    return ctx.would("delete", { id = args.id })
  end,
  run = function(args, ctx)
    local response, err = ctx.api.try.delete("/items/" .. args.id)
    if response and response.status == 404 then return ctx.missing(args.id) end
    if not response or response.status >= 300 then ctx.fail(err or response) end
    return ctx.deleted { id = args.id }
  end,
}
]]

FILES["lib/item.lua"] = [[
--- What an item is: its shape in results, and the parameter that names one.

return {
  form = { id = "string", title = "string" },
  id = { "id", "string", "The item's id", at = 1, required = true, match = "id" },
}
]]

FILES["NAME.test.lua"] = [[
-- Run by `tool test`; each case calls the tool as a process of its own, the service is played by `server`.

local ENV = { PREFIX_API_URL = "{server}", PREFIX_TOKEN = "t0k3n" }
local ONE, TWO = { id = "i1", title = "call Ada" }, { id = "i2", title = "rest" }

return {
  { "lists page by page", args = "NAME list", env = ENV,
    server = { ["GET /items"] = { { json = { items = { ONE }, next = "2" } }, { json = { items = { TWO } } } } },
    expect = { data = { items = { ONE, TWO } },
      requests = { { "GET", "/items", headers = { authorization = "Bearer t0k3n" } },
        { "GET", "/items", query = { cursor = "2" } } } } },
  { "shows one", args = "NAME get i1", env = ENV, server = { ["GET /items/{id}"] = { json = ONE } },
    expect = { data = ONE, requests = { "GET /items/i1" } } },
  { "says when there is no such item", args = "NAME get i9", env = ENV, server = { ["GET /items/{id}"] = { status = 404 } },
    expect = { exit = 5, error = "NOT_FOUND" } },
  { "creates", args = "NAME create 'call Ada'", env = ENV, server = { ["POST /items"] = { status = 201, json = ONE } },
    expect = { data = { effect = "created", id = "i1" }, requests = { { "POST", "/items", json = { title = "call Ada" } } } } },
  { "shows first what it would create", args = "NAME create x --dry-run", env = ENV, server = {},
    expect = { data = { effect = "would_create" }, requests = {} } },
  { "asks before it deletes", args = "NAME delete i1", env = ENV, server = { ["GET /items/{id}"] = { json = ONE } },
    expect = { exit = 2, error = "CONFIRMATION_REQUIRED" } },
  { "deletes", args = "NAME delete i1 --confirm-destructive", env = ENV, server = { ["DELETE /items/{id}"] = { status = 204 } },
    expect = { data = { effect = "deleted", id = "i1" } } },
  { "is content when there is nothing to delete", args = "NAME delete i1 --confirm-destructive", env = ENV,
    server = { ["DELETE /items/{id}"] = { status = 404 } }, expect = { data = { effect = "noop" } } },
}
]]

local ORDER = { "suite.lua", "list.lua", "get.lua", "create.lua", "delete.lua", "lib/item.lua", "NAME.test.lua" }

--- The files of a suite: { { path, text } … }.
return function(name)
  local prefix = name:upper():gsub("[^A-Z0-9]", "_")
  local list = {}
  for i, path in ipairs(ORDER) do
    local text = FILES[path]:gsub("%f[%u]%u+%f[%U]", { NAME = name, PREFIX = prefix })
    list[i] = { path = name .. "/" .. path:gsub("NAME", name), text = text }
  end
  return list
end
