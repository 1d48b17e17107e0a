--- The files that `tool new` writes.
-- Promise: what is written passes `tool check` and its own tests as it is, and shows in each place what an author changes.

local write = require "kit.write"

local scaffold = {}

local raw, fields = write.raw, write.fields

-- Parameters -----------------------------------------------------------------------------------------------------------

--- Reads "count:integer", "title:string!" (required), "size:enum=small,large". Returns { name, type, choices, required }, or nil
--- and what is wrong.
function scaffold.argument(text)
  local name, kind, choices, mark = text:match("^([a-z][a-z0-9-]*):(%l+)=?([^!]*)(!?)$")
  if not name then return nil, ("%s is not of the form NAME:TYPE, NAME:TYPE! or NAME:enum=A,B"):format(text) end
  local list = {}
  for choice in choices:gmatch("[^,]+") do list[#list + 1] = choice end
  if kind == "enum" and #list == 0 then
    return nil, ("%s: an enum needs its choices, as in %s:enum=small,large"):format(text, name)
  end
  return { name = name, type = kind, choices = #list > 0 and list or nil, required = mark == "!" }
end

local function is_id(name)
  local last = name:match("[a-z0-9]+$")
  return last == "id" or last == "slug" or last == "name" or last == "key" or last == "ref"
end

local function row_of(a)
  return fields {
    { nil, a.name }, { nil, a.type }, { nil, ("The %s"):format((a.name:gsub("%-", " "))) },
    { "required", a.required or nil }, { "one_of", a.choices }, { "match", a.type == "string" and is_id(a.name) and "id" or nil },
    { "access", a.type == "path" and "read" or nil },
  }
end

-- What a parameter looks like in a result; nil for what is not shown.
local RESULT = { string = "string?", enum = "string?", url = "string?", datetime = "datetime?", path = "path?",
  integer = "integer?", size = "integer?", number = "number?", duration = "number?", boolean = "boolean?" }

local function echo(arguments)
  local returns, values = {}, {}
  for _, a in ipairs(arguments) do
    local form = RESULT[a.type]
    if form then
      returns[#returns + 1] = { (a.name:gsub("%-", "_")), form }
      values[#values + 1] = { (a.name:gsub("%-", "_")), raw(write.index("args", (a.name:gsub("%-", "_")))) }
    end
  end
  return returns, values
end

local SAMPLE = { string = "text", integer = "3", number = "1.5", boolean = "true", path = "in.txt", url = "http://127.0.0.1/",
  duration = "5s", size = "1MB", datetime = "2026-01-01T00:00:00Z", json = "{}", map = "a=b", list = "a" }

-- The flags of a call that gives every parameter that must be given.
local function given(arguments)
  local out = {}
  for _, a in ipairs(arguments) do
    if a.required then
      local value = a.choices and a.choices[1] or SAMPLE[a.type] or "text"
      out[#out + 1] = a.type == "secret" and ("--%s-from-env HOME"):format(a.name) or ("--%s %s"):format(a.name, value)
    end
  end
  return #out > 0 and " " .. table.concat(out, " ") or ""
end

-- Kinds of commands: what they take, give and do, and what their tests call ----------------------------------------------
-- Each: about, args (rows), returns (pairs), body(echoed values) -> text of run, and more fields; tests(line) -> cases.

local KINDS = {}

-- The table that a command returns: { field, expression } pairs of the sample, then of the parameters.
local function result(own, values)
  local all = {}
  for i = 1, #own, 2 do all[#all + 1] = { own[i], raw(own[i + 1]) } end
  table.move(values, 1, #values, #all + 1, all)
  return write.value(fields(all), "  ")
end

local function row(...)
  local list, options = {}, select(select("#", ...), ...)
  for i = 1, 3 do list[i] = { nil, (select(i, ...)) } end
  for _, pair in ipairs(options) do list[#list + 1] = pair end
  return fields(list)
end

KINDS.safe = {
  about = "Greet someone",
  args = function(extra)
    return #extra == 0 and { row("who", "string", "Who is greeted", { { "at", 1 }, { "default", "world" } }) } or {}
  end,
  returns = function(extra) return #extra == 0 and { { "greeting", "string" } } or { { "done", "boolean" } } end,
  run = function(extra, values)
    local own = #extra == 0 and { "greeting", '"Hello, " .. args.who .. "!"' } or { "done", "true" }
    return ("function(args)\n  return %s\nend"):format(result(own, values))
  end,
  success = "The greeting is given", call = "", call_about = "Greet the world",
  tests = function(line, extra)
    local want = #extra == 0 and fields { { "greeting", "Hello, world!" } } or fields { { "done", true } }
    local cases = { { "answers", line, { { "expect", fields { { "data", want } } } } } }
    if #extra == 0 then
      cases[2] = { "greets who is named", line .. " Ada",
        { { "expect", fields { { "data", fields { { "greeting", "Hello, Ada!" } } } } } } }
    end
    return cases
  end,
}

KINDS.mutating = {
  about = "Put a line at the end of a file",
  args = function()
    return { row("file", "path", "The file that grows", { { "at", 1 }, { "required", true }, { "access", "write" } }),
      row("text", "string", "The line", { { "at", 2 }, { "required", true }, { "max_length", 200 } }) }
  end,
  returns = function() return { { "file", "path" } } end,
  preview = 'function(args, ctx)\n  return ctx.would("update", { file = args.file, text = args.text })\nend',
  run = function(_, values)
    return ('function(args, ctx)\n  ctx.files.append(args.file, args.text .. "\\n")\n  return ctx.updated %s\nend')
      :format(result({ "file", "args.file" }, values))
  end,
  success = "The line is at the end of the file", call = " notes.txt 'call Ada'", call_about = "Take a note",
  tests = function(line)
    return {
      { "shows first what it would do", line .. " --dry-run",
        { { "expect", fields { { "data", fields { { "effect", "would_update" } } }, { "files", { ["notes.txt"] = false } } } } } },
      { "adds the line", line, { { "expect", fields { { "data", fields { { "effect", "updated" } } },
        { "files", { ["notes.txt"] = "call Ada\n" } } } } } },
    }
  end,
}

KINDS.destructive = {
  about = "Remove a file",
  args = function()
    return { row("file", "path", "The file to remove", { { "at", 1 }, { "required", true }, { "access", "write" } }) }
  end,
  returns = function() return { { "file", "path" } } end,
  more = { { "deletes", "file" } },
  preview = 'function(args, ctx)\n  return ctx.would("delete", { file = args.file })\nend',
  run = function(_, values)
    return ([[function(args, ctx)
  if not ctx.files.exists(args.file) then return ctx.missing(args.file) end
  ctx.files.remove(args.file)
  return ctx.deleted %s
end]]):format(result({ "file", "args.file" }, values))
  end,
  success = "The file is gone, or was not there", call = " old.txt --confirm-destructive", call_about = "Remove a file for good",
  tests = function(line)
    local bare = line:gsub(" %-%-confirm%-destructive", "")
    local files = { "files", { ["old.txt"] = "x" } }
    return {
      { "asks for a confirmation", bare, { files, { "expect", fields { { "exit", 2 }, { "error", "CONFIRMATION_REQUIRED" },
        { "files", { ["old.txt"] = "x" } } } } } },
      { "shows first what it would do", bare .. " --dry-run", { files, { "expect", fields {
        { "data", fields { { "effect", "would_delete" } } }, { "files", { ["old.txt"] = "x" } } } } } },
      { "removes the file", line, { files, { "expect", fields { { "data", fields { { "effect", "deleted" } } },
        { "files", { ["old.txt"] = false } } } } } },
      { "is content when there is none", line, { { "expect", fields { { "data", fields { { "effect", "noop" } } } } } } },
    }
  end,
}

local URL = row("url", "url", "The address that is asked", { { "at", 1 }, { "required", true } })

KINDS.safe_network = {
  about = "Ask a service and say what it answers",
  args = function() return { URL } end,
  returns = function() return { { "status", "integer" }, { "body", "string" } } end,
  run = function(_, values)
    return ("function(args, ctx)\n  local response = ctx.http.get(args.url)\n  return %s\nend")
      :format(result({ "status", "response.status", "body", "response.body" }, values))
  end,
  success = "The service has answered", call = " http://127.0.0.1:8080/health", call_about = "Is the service there?",
  tests = function(line)
    return {
      { "shows the answer", line, { { "server", { ["GET /health"] = fields { { "body", "fine" } } } },
        { "expect", fields { { "data", fields { { "status", 200 }, { "body", "fine" } } },
          { "requests", { "GET /health" } } } } } },
      { "says when nobody answers", line, { { "server", "closed" }, { "expect", fields { { "exit", 12 } } } } },
    }
  end,
}

KINDS.mutating_network = {
  about = "Send a text to a service",
  args = function()
    return { URL, row("text", "string", "The text", { { "at", 2 }, { "required", true }, { "max_length", 2000 } }) }
  end,
  returns = function() return { { "status", "integer" } } end,
  preview = 'function(args, ctx)\n  return ctx.would("create", { url = args.url, text = args.text })\nend',
  run = function(_, values)
    return ("function(args, ctx)\n  local response = ctx.http.post(args.url, { json = { text = args.text } })\n"
      .. "  return ctx.created %s\nend"):format(result({ "status", "response.status" }, values))
  end,
  success = "The service has taken the text", call = " http://127.0.0.1:8080/notes 'call Ada'", call_about = "Send a note",
  tests = function(line)
    local server = { "server", { ["POST /notes"] = fields { { "status", 201 }, { "json", fields { { "id", "n1" } } } } } }
    return {
      { "shows first what it would do", line .. " --dry-run", { server, { "expect", fields {
        { "data", fields { { "effect", "would_create" } } }, { "requests", {} } } } } },
      { "sends the text", line, { server, { "expect", fields { { "data", fields { { "effect", "created" }, { "status", 201 } } },
        { "requests", { fields { { nil, "POST" }, { nil, "/notes" }, { "json", fields { { "text", "call Ada" } } } } } } } } } },
    }
  end,
}

KINDS.destructive_network = {
  about = "Delete what stands at an address",
  args = function() return { URL } end,
  returns = function() return { { "url", "string" } } end,
  more = { { "deletes", "resource" } },
  preview = 'function(args, ctx)\n  return ctx.would("delete", { url = args.url })\nend',
  run = function(_, values)
    return ([[function(args, ctx)
  local response = ctx.http.try.delete(args.url)
  if response and response.status == 404 then return ctx.missing(args.url) end
  if not response or response.status >= 300 then ctx.fail("NOT_DELETED") end
  return ctx.deleted %s
end]]):format(result({ "url", "args.url" }, values))
  end,
  errors = { { "NOT_DELETED", fields { { nil, "The service did not delete it." }, { "exit", "GENERAL_ERROR" } } } },
  success = "It is gone, or was not there", call = " http://127.0.0.1:8080/notes/n1 --confirm-destructive",
  call_about = "Delete a note for good",
  tests = function(line)
    local function server(status) return { "server", { ["DELETE /notes/n1"] = fields { { "status", status } } } } end
    local bare = line:gsub(" %-%-confirm%-destructive", "")
    return {
      { "asks for a confirmation", bare, { server(204), { "expect", fields { { "exit", 2 },
        { "error", "CONFIRMATION_REQUIRED" }, { "requests", {} } } } } },
      { "deletes", line, { server(204), { "expect", fields { { "data", fields { { "effect", "deleted" } } },
        { "requests", { "DELETE /notes/n1" } } } } } },
      { "is content when there is none", line, { server(404),
        { "expect", fields { { "data", fields { { "effect", "noop" } } } } } } },
      { "says when the service refuses", line, { server(500), { "expect", fields { { "error", "NOT_DELETED" } } } } },
    }
  end,
}

-- Files ----------------------------------------------------------------------------------------------------------------

local function kind_of(options)
  return KINDS[options.danger .. (options.network and "_network" or "")]
end

local function call_of(options, kind)
  return "tool " .. table.concat(options.words, " ") .. kind.call .. given(options.arguments)
end

local function command_text(options)
  local kind, extra = kind_of(options), options.arguments
  local more, values = echo(extra)
  local rows, returns = kind.args(extra), kind.returns(extra)
  for _, a in ipairs(extra) do rows[#rows + 1] = row_of(a) end
  table.move(more, 1, #more, #returns + 1, returns)
  local list = {
    { "about", kind.about }, { "danger", options.danger }, { "scopes", {} }, { "network", options.network or nil },
  }
  for _, pair in ipairs(kind.more or {}) do list[#list + 1] = pair end
  for _, pair in ipairs {
    { "args", #rows > 0 and rows or nil }, { "returns", fields(returns) },
    { "exits", fields { { "SUCCESS", kind.success } } }, { "errors", kind.errors and fields(kind.errors) or nil },
    { "examples", { { kind.call_about, call_of(options, kind) } } },
    { "preview", kind.preview and raw(kind.preview) }, { "run", raw(kind.run(extra, values)) },
  } do list[#list + 1] = pair end
  return write.file(("`tool %s`: say here what it promises."):format(table.concat(options.words, " ")), nil, list,
    "tool.Command")
end

local function needs_file(arguments)
  for _, a in ipairs(arguments) do
    if a.required and a.type == "path" then return true end
  end
end

local function test_text(options)
  local kind = kind_of(options)
  local line = call_of(options, kind):gsub("^tool ", ""):gsub("http://127%.0%.0%.1:8080", "{server}")
  local cases = {}
  for i, one in ipairs(kind.tests(line, options.arguments)) do
    local list = { { nil, one[1] }, { "args", one[2] } }
    for _, pair in ipairs(one[3]) do
      if pair[1] == "files" and needs_file(options.arguments) then pair[2]["in.txt"] = "text" end
      list[#list + 1] = pair
    end
    cases[i] = "  " .. write.value(fields(list), "  ")
  end
  return ("-- Run by `tool test`; each case calls the tool as a process of its own.\n\nreturn {\n%s,\n\n%s}\n"):format(
    table.concat(cases, ",\n"), ([[
  -- A test that a table cannot say is a function.
  ["help explains the command"] = function(t)
    local r = t.run("%s --help --output plain")
    t.equal(0, r.exit)
  end,
]]):format(table.concat(options.words, " ")))
end

-- The folders that a command of several words stands in say so, so that its words are known before it is installed.
local function add_groups(list, words)
  for i = 1, #words - 1 do
    local path = table.concat(words, "/", 1, i)
    list[#list + 1] = { path = path .. "/group.lua", shared = true,
      text = ("return { about = \"Commands of %s\" }\n"):format(path:gsub("/", " ")) }
  end
end

--- The files of one command: { { path, text, shared = true where it may be there already } … }, relative to the folder that it
--- is written to. options: words, danger, network, arguments, file (its path without .lua), test (the path of its tests).
function scaffold.command(options)
  local list = { { path = options.file .. ".lua", text = command_text(options) },
    { path = options.test, text = test_text(options) } }
  if options.file == table.concat(options.words, "/") then add_groups(list, options.words) end
  return list
end

--- The files of a plugin with one command. options: name, command, danger, network, arguments.
function scaffold.plugin(options)
  local name, command = options.name, options.command
  local list = scaffold.command { words = { name, command }, danger = options.danger, network = options.network,
    arguments = options.arguments, file = name .. "/commands/" .. command, test = ("%s/tests/%s.test.lua"):format(name, command) }
  table.insert(list, 1, { path = name .. "/plugin.lua", text = write.file("What the plugin is.", nil, {
    { "name", name }, { "version", "0.1.0" }, { "about", "Say here what the plugin is for" }, { "api", 1 },
  }, "tool.Plugin") })
  list[#list + 1] = { path = name .. "/README.md", text = ([[
# %s

Say here what the plugin is for.

    tool %s %s --help

`tool check %s` checks its contracts, `tool test %s` runs its tests.
]]):format(name, name, command, name, name) }
  return list
end

return scaffold
