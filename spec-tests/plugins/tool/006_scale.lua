-- Ten thousand custom commands: starting one looks at no more files than with ten (the benchmark times it), and the
-- manifest of all comes in pages.
local S = require "lib.spec"
local P = require "lib.plugins"

local MANY, FEW = 10000, 10

local function config_of(count)
  local dir = S.dir "config"
  P.write(dir, { ["tool/commands/cmd00001.lua"] = P.command "one" })
  local source = P.command "any"
  for i = 2, count do S.spit(("%s/tool/commands/cmd%05d.lua"):format(dir, i), source) end
  return { XDG_CONFIG_HOME = dir, TOOL_COMMANDS_PATH = false }
end

S.req("PLUGINS-SCALE", "Ten thousand commands", function()
  local many, few
  setup(function()
    many, few = config_of(MANY), config_of(FEW)
    S.status(S.tool("cmd00001", { env = few }), 0)     -- makes what a first run makes
  end)

  it("a call looks at the same files as with ten commands", function()
    local function calls(env)
      local list, dir = {}, env.XDG_CONFIG_HOME
      local _, trace = S.strace({ "cmd00001" }, "%file,getdents64", { env = env })
      for _, line in ipairs(trace) do
        local name, path = line:match("^%d+%s+(%w+)%("), line:match('"([^"]*)"') or ""
        if name == "getdents64" or path:find("/commands", 1, true) or path:find("/plugins", 1, true) then
          list[#list + 1] = name .. " " .. path:gsub(dir:gsub("%p", "%%%0"), "CONFIG")
        end
      end
      table.sort(list)
      return table.concat(list, "\n")
    end
    local a, b = calls(few), calls(many)
    assert.equal(a, b)
  end)

  it("the manifest of all is read in pages, each within the cap, none twice, none left out", function()
    local seen, count, cursor, etag = {}, 0, nil, nil
    repeat
      local args = { "manifest" }
      if cursor then args = { "manifest", "--cursor", cursor } end
      local r = S.status(S.tool(args, { env = many, timeout = 120 }), 0)
      S.truth(r, #r.stdout <= 1048576, "the page is too large")
      for path in pairs(r.envelope.data.commands) do
        S.truth(r, not seen[path], path .. " twice")
        seen[path], count = true, count + 1
      end
      S.truth(r, not etag or etag == r.envelope.data.etag, "another etag")
      etag = r.envelope.data.etag
      local page = r.envelope.meta.pagination
      if cursor == nil then
        S.truth(r, page.has_more and r.envelope.meta.truncation_hint:find("--cursor", 1, true), "no way to go on")
      end
      cursor = page and page.next_cursor ~= S.json.null and page.next_cursor or nil
      S.truth(r, not page or page.total >= MANY, "the total")
    until not cursor or count > 3000       -- the rest is alike
    local last = S.status(S.tool({ "manifest", "--cursor", "cmd09990" }, { env = many, timeout = 120 }), 0)
    S.truth(last, last.envelope.data.commands.cmd10000 and last.envelope.data.commands.status, "the end")
    S.equal(last, false, last.envelope.meta.pagination.has_more)
    S.equal(last, S.json.null, last.envelope.meta.pagination.next_cursor)
  end)

  it("--limit gives pages of a size, also of a selection", function()
    local first = S.status(S.tool("manifest --prefix config --limit 2", { env = few }), 0).envelope
    assert.equal(2, first.meta.pagination.returned)
    local rest = S.status(S.tool({ "manifest", "--prefix", "config", "--cursor", first.meta.pagination.next_cursor },
      { env = few }), 0).envelope
    for path in pairs(first.data.commands) do assert.is_nil(rest.data.commands[path]) end
    assert.equal(first.meta.pagination.total, first.meta.pagination.returned + rest.meta.pagination.returned)
    for path in pairs(rest.data.commands) do assert.truthy(rest.meta.contracts[path] or path == "config") end
  end)

  it("list shows all of them, page by page", function()
    local r = S.status(S.tool("plugin list --kind command --limit 150", { env = many, timeout = 60 }), 0)
    S.equal(r, 150, #r.envelope.data)
    r = S.status(S.tool({ "plugin", "list", "--kind", "command", "--limit", "150", "--cursor",
      r.envelope.meta.pagination.next_cursor }, { env = many, timeout = 60 }), 0)
    S.equal(r, "cmd00151", r.envelope.data[1].name)
  end)
end)
