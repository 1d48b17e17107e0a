-- `tool types` and `tool docs`: what authors and readers get is made from what is really there.
local S = require "lib.spec"
local uv = require "luv"

local WALK = [[
  local function names(ctx)
    local list = {}
    for name, value in pairs(ctx) do
      list[#list + 1] = name
      if type(value) == "table" and value ~= ctx.null and name ~= "tty" and name ~= "try" and name ~= "credential" then
        for inner, fn in pairs(value) do
          if type(fn) == "function" or inner == "try" then list[#list + 1] = name .. "." .. inner end
        end
      end
    end
    table.sort(list)
    return list
  end
]]

local function command(fields)
  return WALK .. [[ return { about = "A", danger = "mutating", scopes = {}, returns = { a = "string" }, exits = { SUCCESS = "D" },
    run = function() end, preview = function(_, ctx) return ctx.would("show", { names = names(ctx) }) end, ]] .. fields .. " }"
end

-- Commands that together declare everything that unlocks something.
local COMMANDS = {
  ["suite.lua"] = [[return { about = "A", service = { url = "base" },
    args = { { "base", "url", "B", default = "http://127.0.0.1:1" } } }]],
  ["one.lua"] = command [[ network = true, creates = "thing", deletes = "thing", asks = true, stdin = true, walk = true,
    reads = "/tmp/x", writes = { { "cache", "~/.cache/tool/kit/" } }, store = true, serves = true, runs = "true",
    config = "local", steps = { "s" }, archive = true,
    background = { stop = "x two", lifetime = "1m" },
    gui = { "browser_open", headless = "skip" }, editor = { "text" },
    auth = { headless = true }, args = { { "text", "string", "T" } } ]],
  ["two.lua"] = command [[ batch = "many", args = { { "many", "list", "M" } }, stops = "x one" ]],
  ["three.lua"] = command [[ job = { poll = "1s", timeout = "1m" } ]],
  ["four.lua"] = WALK .. [[ return { about = "A", danger = "safe", scopes = {}, page = 5, stream = true, exits = { SUCCESS = "D" },
    returns = { list = { n = "string" } }, run = function(_, ctx)
      local rows = {}
      for i, name in ipairs(names(ctx)) do rows[i] = { n = name } end
      return ctx.list(rows, {})
    end } ]],
}

-- Every name that some ctx really has.
local function real_names()
  local base = S.dir "commands"
  uv.fs_mkdir(base .. "/x", 448)
  for name, text in pairs(COMMANDS) do S.spit(base .. "/x/" .. name, text) end
  local opts = { env = { TOOL_COMMANDS_PATH = base }, stdin = "text" }
  local seen = {}
  for _, name in ipairs { "one", "two", "three" } do
    local r = S.status(S.tool({ "x", name, "--dry-run" }, opts), 0)
    for _, one in ipairs(r.envelope.data.would_affect.names) do seen[one] = true end
  end
  local r = S.status(S.tool({ "x", "four", "--limit", "0" }, opts), 0)
  for _, row in ipairs(r.envelope.data) do seen[row.n] = true end
  return seen
end

-- Classes of the annotations: class -> field -> true.
local function classes(text)
  local all, current = {}, nil
  for line in text:gmatch("[^\n]+") do
    local class, field = line:match("^%-%-%-@class tool%.(%w+)"), line:match("^%-%-%-@field ([%w_]+)%??")
    if class then current = {}; all[class] = current elseif field and current then current[field] = true end
  end
  return all
end

-- What the host itself calls on a door.
local HOST = { ["api.ready"] = true,
  ["config.aim"] = true, ["config.after_write"] = true, ["config.before_write"] = true, ["config.context"] = true,
  ["config.hash"] = true, ["config.sources"] = true }

-- Not functions of a door, or not there before something happens.
local LATER = { cursor = true, credential = true, native = true }

S.req("KIT-TYPES", "tool types", function()
  local text = S.status(S.tool({ "types" }, { shape = "none" }), 0).stdout
  local all = classes(text)

  it("is Lua text and names every call that a ctx has, and no other", function()
    assert.truthy(load(text))
    local real, missing, strange = real_names(), {}, {}
    for name in pairs(real) do
      local door, inner = name:match("^(%w+)%.(%w+)$")
      local known
      if door == "api" then known = all.Http[inner] or all.Api[inner]
      elseif door then known = (all[door:sub(1, 1):upper() .. door:sub(2)] or {})[inner]
      else known = all.Ctx[name] end
      if not known and not HOST[name] then missing[#missing + 1] = name end
    end
    for name in pairs(all.Ctx) do if not real[name] and not LATER[name] then strange[#strange + 1] = name end end
    for _, door in ipairs { "Http", "Files", "Input", "Store", "Config", "Cache" } do
      for name in pairs(all[door]) do
        if not real[door:lower() .. "." .. name] then strange[#strange + 1] = door .. "." .. name end
      end
    end
    table.sort(missing)
    assert.same({}, missing)
    assert.same({}, strange)
  end)

  it("knows every key that the check knows: an unknown one is refused, a known one is not", function()
    local rows = { "stranger = 1" }
    for key in pairs(all.Command) do rows[#rows + 1] = key .. " = {}" end
    local r = S.tool { "check", S.spit(S.dir "keys" .. "/x.lua", "return { " .. table.concat(rows, ",\n") .. " }") }
    local unknown = {}
    for _, item in ipairs(S.failed(r, 2, "REGISTRATION_ERROR").errors) do
      unknown[#unknown + 1] = item.message:match("unknown key (%S+)")
    end
    S.equal(r, { "stranger" }, unknown)
  end)

  it("docs/contract.md is what it prints for people", function()
    local page = S.status(S.tool({ "types", "--as", "markdown" }, { shape = "none" }), 0).stdout
    assert.equal(page, S.slurp(S.paths.root .. "/../docs/contract.md"))
  end)

  it("a format that is asked for has the text as a field", function()
    local r = S.status(S.tool { "types", "--output", "json" }, 0)
    S.equal(r, text, r.envelope.data.text)
  end)
end)

S.req("KIT-DOCS", "tool docs", function()
  local function docs(dir, ...) return S.tool({ "docs", "--dir", dir, ... }, { timeout = 60 }) end

  it("writes a page for each command of a suite, and an index", function()
    local dir = S.dir "out" .. "/a/b"
    local r = S.status(docs(dir, "sentryagent"), 0)
    S.equal(r, "created", r.envelope.data.effect)
    local index = S.slurp(dir .. "/README.md")
    for path, entry in pairs(S.commands()) do
      if path:find "^sentryagent%." then
        local page = S.slurp(dir .. "/" .. path:gsub("%.", "-") .. ".md")
        S.truth(r, index:find(path:gsub("%.", "-") .. ".md", 1, true), path .. " is not in the index")
        S.truth(r, page:find(entry.description, 1, true), "no description")
        for flag in pairs(entry.flags) do S.truth(r, page:find("`--" .. flag .. " ", 1, true), path .. ": no flag " .. flag) end
        for code, e in pairs(entry.exit_codes) do
          S.truth(r, page:find(("`%s %s`"):format(code, e.name), 1, true), path .. ": no exit " .. code)
        end
        for _, e in ipairs(entry.examples or {}) do S.truth(r, page:find(e.command, 1, true), "no example") end
      end
    end
    S.equal(r, "noop", S.status(docs(dir, "sentryagent"), 0).envelope.data.effect)
    S.spit(dir .. "/README.md", "old")
    S.equal(r, "updated", S.status(docs(dir, "sentryagent"), 0).envelope.data.effect)
  end)

  it("man pages of everything are well formed", function()
    local dir = S.dir "man"
    local r = S.status(docs(dir, "--as", "man"), 0)
    local shown = S.run({ "groff", "-man", "-ww", "-z", "-Tutf8", "-K", "utf8", table.unpack(r.envelope.data.pages) }, {})
    S.equal(r, { 0, "" }, { shown.status, shown.stderr }, "groff")
    assert.truthy(S.slurp(dir .. "/tool-manifest-diff.1"):find("tool\\-manifest\\-diff \\- show what changed", 1, true))
  end)

  it("takes the folder of a plugin that is not installed", function()
    local base = S.dir "p"
    S.status(S.tool({ "new", "plugin", "fxp" }, { cwd = base }), 0)
    S.status(S.tool({ "docs", "./fxp", "--dir", "out" }, { cwd = base }), 0)
    assert.same({ "README.md", "fxp-hello.md" }, S.tree(base .. "/out"))
  end)

  it("a dry run writes nothing; what is not there is NOT_FOUND", function()
    local dir = S.dir "dry" .. "/x"
    local r = S.status(docs(dir, "sentryagent", "--dry-run"), 0)
    S.truth(r, #r.envelope.data.would_affect.pages > 3, "no pages")
    assert.is_false(S.exists(dir))
    S.failed(docs(dir, "nothing"), 5, "NOT_FOUND")
    S.failed(docs(dir, "./nothing"), 5, "NOT_FOUND")
  end)
end)
