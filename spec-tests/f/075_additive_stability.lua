-- REQ-F-075: commands, flags and exit codes are only added; what is to go says so first.
local S = require "lib.spec"
local uv = require "luv"

local COMMAND = [[
return {
  about = "Do it", danger = "safe", scopes = {}, since = "0.1",
  args = { { "word", "string", "A word" }, %s },
  returns = { done = "boolean" },
  exits = { SUCCESS = "Done", %s },
  %s
  run = function() return { done = true } end,
}
]]

-- A directory of commands: files by name, and a baseline of them.
local function place(files, commands)
  local dir = S.dir("commands")
  assert(uv.fs_mkdir(dir .. "/shop", 448))
  for name, parts in pairs(files) do
    S.spit(("%s/shop/%s.lua"):format(dir, name), COMMAND:format(parts.args or "", parts.exits or "", parts.more or ""))
  end
  if commands then S.spit(dir .. "/baseline.json", S.json.encode { version = "0.1", commands = commands }) end
  return function(args, opts)
    opts = opts or {}
    opts.env = { TOOL_COMMANDS_PATH = dir }
    return S.tool(args, opts)
  end
end

local LIFE = { introduced_in = "0.0" }
local ENTRY = { introduced_in = "0.0", flags = { word = LIFE }, exit_codes = { ["0"] = LIFE } }

local function with(more)
  local entry = {}
  for k, v in pairs(ENTRY) do entry[k] = v end
  for k, v in pairs(more) do entry[k] = v end
  return entry
end

-- The messages of a refused `tool check`.
local function complaints(r)
  local texts = {}
  for _, item in ipairs(S.failed(r, 2, "REGISTRATION_ERROR").errors) do
    assert.equal("REQ-F-075", item.rule)
    texts[#texts + 1] = item.message
  end
  return table.concat(texts, "\n")
end

local function deprecated_lines(r)
  local out = {}
  for _, line in ipairs(S.lines(r.stderr)) do
    local value = S.json.decode(line)
    if type(value) == "table" and value.code == "DEPRECATED" then out[#out + 1] = value end
  end
  return out
end

S.req("REQ-F-075", "Subcommand additive stability", function()
  it("the shipped commands have a baseline, and nothing of it is gone", function()
    local text = assert(S.slurp(S.paths.root .. "/../docs/baseline.json"), "docs/baseline.json is missing")
    local baseline = assert(S.json.decode(text))
    local manifest = S.status(S.tool({ "manifest" }, { env = { TOOL_COMMANDS_PATH = false,
      TOOL_MAX_OUTPUT_BYTES = "100000000" } }), 0).envelope
    for path, entry in pairs(baseline.commands) do
      local now = manifest.data.commands[path]
      if not now then
        assert.is_string(entry.deprecated_in, path .. " is gone")
      else
        for flag, life in pairs(entry.flags) do
          assert.is_true(now.flags[flag] ~= nil or life.deprecated_in ~= nil, path .. " --" .. flag .. " is gone")
        end
        for code in pairs(entry.exit_codes) do assert.is_table(now.exit_codes[code], path .. " exit " .. code) end
      end
    end
    for name in pairs(baseline.global_flags) do assert.is_table(manifest.meta.global_flags[name], "--" .. name) end
    S.status(S.tool({ "check" }, { env = { TOOL_COMMANDS_PATH = false } }), 0)
  end)

  it("1 and 2 a command that is gone without notice is refused by check and at its call, by name", function()
    local tool = place({ stay = {} }, { ["shop.stay"] = ENTRY, ["shop.left"] = ENTRY })
    local text = complaints(tool { "check" })
    assert.truthy(text:find("shop left: the command is gone", 1, true), text)
    local e = S.failed(tool { "shop", "left", "--word", "x" }, 4, "COMMAND_REJECTED")
    assert.truthy(e.message:find("shop left", 1, true), e.message)
    S.status(tool { "shop", "stay" }, 0)
  end)

  it("1 and 2 so are a flag and an exit code", function()
    local tool = place({ stay = {} }, { ["shop.stay"] = with { flags = { word = LIFE, colour = LIFE },
      exit_codes = { ["0"] = LIFE, ["6"] = LIFE } } })
    local text = complaints(tool { "check" })
    assert.truthy(text:find("shop stay: --colour is gone", 1, true), text)
    assert.truthy(text:find("shop stay: exit code 6 is gone", 1, true), text)
  end)

  it("1 additions are fine", function()
    local tool = place({ stay = { args = '{ "more", "string", "More" }', exits = 'NOT_FOUND = "Not there"' }, fresh = {} },
      { ["shop.stay"] = ENTRY })
    S.status(tool { "check" }, 0)
  end)

  it("1 what was deprecated a minor version ago may go; in the same version it may not", function()
    local tool = place({ stay = {} }, { ["shop.stay"] = with { flags = { word = LIFE,
      colour = { introduced_in = "0.0", deprecated_in = "0.0" } } },
      ["shop.left"] = with { deprecated_in = "0.0", replacement = "shop stay" } })
    S.status(tool { "check" }, 0)
    tool = place({ stay = {} }, { ["shop.stay"] = ENTRY, ["shop.left"] = with { deprecated_in = "0.1" } })
    assert.truthy(complaints(tool { "check" }):find("shop left", 1, true))
  end)

  it("3 a deprecated command works, and says so on stderr in one JSON line, also in a pipe", function()
    local tool = place({ old = { more = 'deprecated = { since = "0.1", use = "shop new", remove = "3.0.0" },' }, new = {} })
    local r = S.status(tool { "shop", "old" }, 0)
    S.equal(r, true, r.envelope.data.done, "data")
    local lines = deprecated_lines(r)
    S.equal(r, 1, #lines, "lines")
    S.equal(r, { level = "warn", code = "DEPRECATED", message = "shop old leaves in 3.0.0; call tool shop new",
      replacement = "tool shop new", removed_in = "3.0.0" }, lines[1], "line")
    S.equal(r, "DEPRECATED: shop old leaves in 3.0.0; call tool shop new", r.envelope.warnings[1], "warnings[1]")
    S.equal(r, 1, #S.lines(r.stderr), "lines on stderr")
  end)

  it("3 with --quiet the warning is in warnings[] only", function()
    local tool = place({ old = { more = 'deprecated = { since = "0.1" },' } })
    local r = S.status(tool { "shop", "old", "--quiet" }, 0)
    S.equal(r, "", r.stderr, "stderr")
    S.equal(r, "DEPRECATED: shop old is deprecated since 0.1", r.envelope.warnings[1], "warnings[1]")
  end)

  it("3 a deprecated flag is announced when it is used", function()
    local tool = place({ stay = { args = '{ "paint", "string", "Old", deprecated = { since = "0.1", use = "word" } }' } })
    local r = S.status(tool { "shop", "stay", "--paint", "red" }, 0)
    S.equal(r, "--paint is deprecated since 0.1; use --word", deprecated_lines(r)[1].message, "message")
    r = S.status(tool { "shop", "stay", "--word", "red" }, 0)
    S.equal(r, 0, #deprecated_lines(r), "lines without the flag")
    S.truth(r, not table.concat(r.envelope.warnings, "\n"):find("DEPRECATED", 1, true), "a warning without the flag")
  end)

  it("4 the manifest says when a command came, and when and for what it goes", function()
    local tool = place({ old = { more = 'deprecated = { since = "0.1", use = "shop new", remove = "3.0.0" },' }, new = {} })
    local contracts = S.status(tool { "manifest" }, 0).envelope.meta.contracts
    local old = contracts["shop.old"]
    assert.same({ "0.1", "0.1", "shop new", "3.0.0" },
      { old.introduced_in, old.deprecated_in, old.replacement, old.removed_in })
    assert.equal("0.1", contracts["shop.new"].introduced_in)
    assert.is_nil(contracts["shop.new"].deprecated_in)
  end)

  it("5 a command that has moved answers with its new place, exit 13, and the rest of the call", function()
    local tool = place({ stay = {} }, { ["shop.stay"] = ENTRY,
      ["shop.left"] = with { deprecated_in = "0.0", replacement = "shop stay", removed_in = "0.1" } })
    local r = tool { "shop", "left", "--word", "two words" }
    local e = S.failed(r, 13, "REDIRECTED")
    S.equal(r, { command = "tool shop stay --word 'two words'", permanent = true, reason = "deprecated" }, e.redirect,
      "redirect")
    S.equal(r, false, e.retryable, "retryable")
    assert.truthy(e.message:find("`shop left`", 1, true), e.message)
  end)

  it("5 without a replacement it is said that it was removed, and when", function()
    local tool = place({ stay = {} }, { ["shop.left"] = with { deprecated_in = "0.0", removed_in = "0.1" } })
    local e = S.failed(tool { "shop", "left" }, 2, "COMMAND_NOT_FOUND")
    assert.truthy(e.message:find("removed in 0.1", 1, true), e.message)
  end)

  it("5 a word that no version knew is unknown as ever", function()
    local tool = place({ stay = {} }, { ["shop.stay"] = ENTRY })
    S.failed(tool { "shop", "stray" }, 2, "COMMAND_NOT_FOUND")
  end)
end)
