-- REQ-F-046: no program of a run pages.
local S = require "lib.spec"

local WANT = { PAGER = "cat", GIT_PAGER = "cat", LESS = "-F -X -R", MORE = "", MANPAGER = "cat" }
local INHERITED = { PAGER = "less", GIT_PAGER = "less", LESS = "-R", MORE = "x", MANPAGER = "most" }

-- The environment that `fx child WHAT` prints, as a map; escaped line ends where the answer is JSON on a terminal.
local function seen_by(r, text)
  local seen = {}
  for name, value in text:gsub("\\n", "\n"):gmatch("([%w_]+)=([^\n]*)\n") do seen[name] = value end
  return seen, r
end

local function check(r, text)
  S.status(r, 0)
  local seen = seen_by(r, text)
  for name, value in pairs(WANT) do S.equal(r, value, seen[name], name) end
end

S.req("REQ-F-046", "Pager environment variable suppression", function()
  it("1 and 2 pagers are switched off, whatever was inherited", function()
    for _, env in ipairs { {}, INHERITED } do
      local r = S.tool({ "fx", "child", "env" }, { env = env })
      check(r, r.envelope.data.stdout)
    end
  end)

  it("2 also on a terminal", function()
    local r = S.tool({ "fx", "child", "env", "--output", "json" }, S.terminal { env = INHERITED })
    check(r, r.stdout)
  end)

  it("3 programs of programs find the same", function()
    local r = S.tool({ "fx", "child", "twice-env" }, { env = INHERITED })
    check(r, r.envelope.data.stdout)
  end)

  it("4 the tool's own help starts nothing", function()
    local r, trace = S.strace({ "--help" }, "execve", S.terminal { env = INHERITED })
    S.status(r, 0)
    assert.equal(1, #trace)
  end)

  it("6 the command needs to say nothing: no fixture of these tests sets one of the variables", function()
    for _, name in ipairs(S.list(S.paths.commands .. "/fx")) do
      local text = S.slurp(S.paths.commands .. "/fx/" .. name)
      assert.is_nil(text and text:match("PAGER%s*="))
    end
  end)
end)
