-- What an author's command can call, where no other test has a command that calls it: each in a plugin of its own.
local S = require "lib.spec"
local P = require "lib.plugins"
local stub = require "lib.stub_server"

-- A plugin `own` with one command; gives a function that runs it. more: the contract's keys beyond the usual, as Lua text.
local function command(more, body, suite)
  local dir = S.dir "plugins"
  P.plugin(dir, "own", { ["suite.lua"] = suite, ["commands/do.lua"] = ([[
return { about = "Do it", scopes = {}, exits = { SUCCESS = "Done" }, %s
  run = function(args, ctx) %s end }
]]):format(more, body) })
  return function(words, opts)
    opts = opts or {}
    local env = { TOOL_PLUGIN_PATH = dir, HOME = opts.home or S.dir "home" }
    for name, value in pairs(opts.env or {}) do env[name] = value end
    local args = { "own", "do" }
    for _, word in ipairs(words or {}) do args[#args + 1] = word end
    return S.tool(args, { env = env, stdin = opts.stdin, cwd = opts.cwd })
  end
end

local SAFE = [[danger = "safe", returns = "any", external = false, ]]
local MUTATING = [[danger = "mutating", external = false,
  preview = function(_, ctx) return ctx.would("update", {}) end, ]]

S.req("KIT-CALLS", "Calls of ctx", function()
  it("http: head, put, patch, delete and request send what they say; .try gives every status and why there is none", function()
    local server = stub.start(function(request)
      if request.path == "/gone" then return { status = 410, json = { left = 0 } } end
      return { json = { method = request.method }, headers = { ["X-Seen"] = "yes", ["Retry-After"] = "3" } }
    end)
    local run = command(MUTATING .. [[network = true, returns = "any",
      args = { { "url", "url", "Where", at = 1, required = true } },]], [[
      local h, url = ctx.http, args.url
      local head = h.head(url .. "/a")
      local gone = h.try.get(url .. "/gone")
      local none, err = h.try.get("http://127.0.0.1:1/", { retries = 0 })
      return ctx.updated { seen = head.headers["x-seen"], after = head.retry_after,
        methods = { h.put(url .. "/b", { json = { n = 1 } }).json.method,
          h.patch(url .. "/c", { form = { n = "1 2" } }).json.method, h.delete(url .. "/d").json.method,
          h.request { method = "PUT", url = url .. "/e", query = { q = "a b" } }.json.method },
        gone = { gone.status, gone.json.left }, none = none == nil, code = err.code }]])
    local r = S.status(run { server.url }, 0)
    S.equal(r, { "yes", 3000 }, { r.envelope.data.seen, r.envelope.data.after })
    S.equal(r, S.json.array { "PUT", "PATCH", "DELETE", "PUT" }, r.envelope.data.methods)
    S.equal(r, { S.json.array { 410, 0 }, true, "CONNECTION_FAILED" },
      { r.envelope.data.gone, r.envelope.data.none, r.envelope.data.code })
    local seen = {}
    for _, request in ipairs(server.requests) do
      seen[#seen + 1] = ("%s %s?%s %s"):format(request.method, request.path, request.query or "", request.body or "")
    end
    assert.same({ "HEAD /a? ", "GET /gone? ", 'PUT /b? {"n":1}', "PATCH /c? n=1%202", "DELETE /d? ", "PUT /e?q=a%20b " }, seen)
    server.close()
  end)

  it("api: paths on the suite's service, its credential, its errors; .try gives the response", function()
    local server = stub.start(function(request)
      if request.path == "/none" then return { status = 404, json = {} } end
      if request.path == "/odd" then return { status = 422, json = {} } end
      return { json = { auth = request.headers.authorization, sent = request.body } }
    end)
    local run = command(SAFE .. [[network = true,
      args = { { "path", "string", "Path", at = 1, required = true, loose = true } },]], [[
      local r = ctx.api.try.get(args.path)
      return { status = r.status, answer = ctx.api.post(args.path, { json = { 1 }, effect = false }).json }]], [[
      return { about = "A service", args = { { "api-url", "url", "Where", env = "OWN_URL" },
          { "token", "secret", "Token", env = "OWN_TOKEN" } },
        service = { url = "api-url", token = "token", errors = { [404] = "NOT_FOUND" } } }]])
    local opts = { env = { OWN_URL = server.url, OWN_TOKEN = "tok-4711" } }
    local r = S.status(run({ "/a" }, opts), 0)
    S.equal(r, { 200, "Bearer [REDACTED]", "[1]" },
      { r.envelope.data.status, r.envelope.data.answer.auth, r.envelope.data.answer.sent })
    assert.equal("Bearer tok-4711", server.requests[1].headers.authorization)
    S.failed(run({ "/none" }, opts), 5, "NOT_FOUND")
    S.failed(run({ "/odd" }, opts), 1, "SERVICE_REJECTED")
    server.close()
  end)

  it("page: the cursor, the size and the limit of a list that the host fetches page by page", function()
    local run = command([[danger = "safe", page = 3, external = false,
      returns = { list = { n = "integer", size = "integer" } },]], [[
      local at, items = ctx.cursor or 0, {}
      for n = at + 1, math.min(at + ctx.page_size, 8) do items[#items + 1] = { n = n, size = ctx.page_size } end
      return ctx.list(items, { next = at + 3 < 8 and at + 3 or nil, total = 8 })]])
    local function numbers(r)
      local out = {}
      for _, item in ipairs(S.status(r, 0).envelope.data) do out[#out + 1] = item.n end
      return out
    end
    assert.same({ 1, 2, 3, 4, 5 }, numbers(run { "--limit", "5" }))
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8 }, numbers(run { "--limit", "0" }))
    local first = run { "--limit", "5" }
    S.equal(first, 8, first.envelope.meta.pagination.total)
    assert.same({ 6, 7 }, numbers(run { "--limit", "2", "--cursor", first.envelope.meta.pagination.next_cursor }))
  end)

  it("files: list, rename, append and mkdir", function()
    local dir = S.dir "work"
    S.spit(dir .. "/b", "1")
    local run = command(MUTATING .. [[returns = "any",
      args = { { "in", "path", "Where", required = true, access = "write" } },]], [[
      local f, at = ctx.files, args["in"]
      f.mkdir(at .. "/new")
      f.rename(at .. "/b", at .. "/new/c")
      f.append(at .. "/new/c", "2")
      return ctx.updated { top = f.list(at), below = f.list(at .. "/new"), gone = not f.exists(at .. "/b") }]])
    local r = S.status(run { "--in", dir }, 0)
    S.equal(r, { S.json.array { "new" }, S.json.array { "c" }, true },
      { r.envelope.data.top, r.envelope.data.below, r.envelope.data.gone })
    assert.equal("12", S.slurp(dir .. "/new/c"))
  end)

  it("files: a missing file is 5 and one that is too large is 4, each with its path", function()
    local dir = S.dir "work"
    S.spit(dir .. "/big", ("x"):rep(100))
    local run = command(SAFE .. [[args = { { "file", "path", "File", at = 1, required = true, access = "read" } },]],
      [[return { size = #ctx.files.read(args.file, { max = 99 }) }]])
    assert.equal(dir .. "/none", S.failed(run { dir .. "/none" }, 5, "NOT_FOUND").context.path)
    assert.equal(dir .. "/big", S.failed(run { dir .. "/big" }, 4, "FILE_TOO_LARGE").context.path)
    S.spit(dir .. "/big", ("x"):rep(99))
    local r = S.status(run { dir .. "/big" }, 0)
    S.equal(r, 99, r.envelope.data.size)
  end)

  it("input: text, bytes, lines and json of standard input", function()
    local run = command(SAFE .. [[stdin = { required = true }, args = { { "as", "enum", "How", at = 1, required = true,
      one_of = { "text", "bytes", "lines", "json" } } },]], [[
      if args.as ~= "lines" then
        local value = ctx.input[args.as]()
        return { value = args.as == "bytes" and ctx.bytes(value) or value }
      end
      local list = ctx.array {}
      for line in ctx.input.lines() do list[#list + 1] = line end
      return { value = list }]])
    local function value(as, text) return S.status(run({ as }, { stdin = text }), 0).envelope.data.value end
    assert.equal("a\nb", value("text", "a\nb"))
    assert.same({ "a", "", "b" }, value("lines", "a\n\nb"))
    assert.equal("AP8=", value("bytes", "\0\255").value)
    assert.same({ a = { 1, S.json.null } }, value("json", '{"a":[1,null]}'))
    S.truth(run({ "json" }, { stdin = "{" }), run({ "json" }, { stdin = "{" }).status ~= 0, "broken JSON passed")
  end)

  it("config: set gives place and old value, get value and source, unset takes it out", function()
    local home, cwd = S.dir "home", S.dir "cwd"
    local run = command(MUTATING .. [[config = "local", returns = "any",
      args = { { "verb", "enum", "What", at = 1, required = true, one_of = { "set", "get", "unset" } } },]], [[
      local c = ctx.config
      if args.verb == "set" then return ctx.updated(c.set("own.color", "red")) end
      if args.verb == "unset" then return ctx.updated(c.unset("own.color")) end
      local value, source = c.get("own.color")
      return ctx.noop { value = value or ctx.null, source = source or ctx.null }]])
    local function data(verb) return S.status(run({ verb }, { home = home, cwd = cwd }), 0).envelope.data end
    local set = data "set"
    assert.same({ "local", nil }, { set.scope, set.old })
    local got = data "get"
    assert.same({ "red", set.path }, { got.value, got.source })
    assert.equal("red", data("set").old)
    assert.equal(set.path, data("unset").path)
    assert.equal(S.json.null, data("get").value)
  end)

  it("store: records are kept between runs, listed by the beginning of their key; a batch is all or nothing", function()
    local home = S.dir "home"
    local run = command(MUTATING .. [[store = true, returns = "any",
      args = { { "verb", "string", "What", at = 1, required = true } },]], [[
      local s = ctx.store
      if args.verb == "put" then
        s.put("a/1", { n = 9007199254740993, list = ctx.array {}, none = ctx.null })
        s.put("b", 2.5)
        return ctx.updated {}
      elseif args.verb == "batch" then
        s.batch { { "put", "a/2", "x" }, { "delete", "b" } }
        return ctx.updated {}
      elseif args.verb == "broken" then
        s.batch { { "put", "a/3", "x" }, { "nonsense", "b" } }
        return ctx.updated {}
      end
      return ctx.noop { all = s.list(), below = s.list "a/", none = s.get "none" or ctx.null, deleted = s.delete "none" }]])
    local function data(verb) return S.status(run({ verb }, { home = home }), 0).envelope.data end
    data "put"
    local first = data "list"
    assert.same({ { key = "a/1", value = { n = 9007199254740993, list = S.json.array {}, none = S.json.null } },
      { key = "b", value = 2.5 } }, first.all)
    assert.same({ 1, S.json.null, false }, { #first.below, first.none, first.deleted })
    data "batch"
    S.failed(run({ "broken" }, { home = home }), 1, "COMMAND_FAILED")
    local keys = {}
    for _, row in ipairs(data("list").all) do keys[#keys + 1] = row.key end
    assert.same({ "a/1", "a/2" }, keys)
  end)

  it("all: functions run at the same time, and give a list of their first results in order", function()
    local run = command(SAFE, [[
      local go -- set by the second function, while the first one waits for it
      return ctx.array(ctx.all { function() while not go do ctx.sleep("5ms") end return "first", "more" end,
        function() go = true return 2 end })]])
    local r = S.status(run(), 0)
    S.equal(r, S.json.array { "first", 2 }, r.envelope.data)
  end)

  it("ask: a question without a terminal ends the command, which says what is missing", function()
    local run = command(SAFE .. "asks = true,", [[return { name = ctx.ask("Your name?") }]])
    local e = S.failed(run(), 4, "INPUT_REQUIRED")
    assert.truthy(e.message:find("Your name?", 1, true))
  end)

  it("each with missing: an item that is not there is a success without a result", function()
    local run = command([[danger = "destructive", batch = "ids", deletes = "thing", external = false,
      returns = { size = "integer" },
      args = { { "ids", "list", "Which", match = "id", at = 1, required = true } },
      preview = function(args, ctx) return ctx.would("delete", { ids = args.ids }) end,]], [[
      return ctx.each(args.ids, function(id)
        if id == "gone" then return ctx.missing(id) end
        return ctx.deleted { size = 1 }
      end)]])
    local r = S.status(run { "a", "gone", "--confirm-destructive" }, 0)
    S.equal(r, { { id = "a", ok = true, effect = "deleted", data = { size = 1 } }, { id = "gone", ok = true, effect = "noop" } },
      r.envelope.data.results)
    r = S.status(run { "gone", "--confirm-destructive" }, 0)
    S.equal(r, "noop", r.envelope.data.effect)
  end)

  it("data is never a bare value, whatever returns allows", function()
    for _, text in ipairs { "5", '"text"', "true" } do
      S.failed(command(SAFE, "return " .. text)(), 1, "OUTPUT_INVALID")
    end
    S.failed(command([[danger = "safe", returns = { schema = { type = "integer" } }, external = false,]], "return 5")(), 1,
      "OUTPUT_INVALID")
    for _, text in ipairs { "{}", "ctx.array {}", "ctx.bytes 'x'" } do
      S.status(command(SAFE, "return " .. text)(), 0)
    end
  end)

  it("a call that the contract does not unlock says what does", function()
    for call, key in pairs { ["http.get('x')"] = "network", ["files.read('x')"] = "reads or writes", ["exec {}"] = "runs",
      ["store.get('x')"] = "store", ["credential.token"] = "auth or scopes", ["config.get('x')"] = "config" } do
      local e = S.failed(command(SAFE, "return ctx." .. call)(), 4, "ACCESS_UNDECLARED")
      assert.same({ "ctx." .. call:match("^%a+"), key }, { e.context.name, e.context.declare })
    end
  end)
end)
