-- `tool dev`: check and test again after each change, until stopped.
local S = require "lib.spec"

local function plugin()
  local dir = S.dir "dev"
  S.status(S.tool({ "new", "plugin", "fxp" }, { cwd = dir }), 0)
  return dir
end

S.req("KIT-DEV", "tool dev", function()
  it("one round is a row for the check and one for the tests", function()
    local dir = plugin()
    local r = S.status(S.tool({ "dev", "fxp", "--once" }, { cwd = dir, shape = "jsonl", timeout = 60 }), 0)
    S.equal(r, { "check", true, "test", true, 3 },
      { r.rows[1].event, r.rows[1].ok, r.rows[2].event, r.rows[2].ok, r.rows[2].passed })
    r = S.status(S.tool({ "dev", "fxp", "--once", "--no-stream" }, { cwd = dir, timeout = 60 }), 0)
    S.equal(r, 2, #r.envelope.data)
  end)

  it("shows problems with their place and failed tests with their message", function()
    local dir = plugin()
    local file = dir .. "/fxp/commands/hello.lua"
    S.spit(file, (S.slurp(file):gsub('"Hello, "', '"Bye, "')))
    local r = S.status(S.tool({ "dev", "fxp", "--once" }, { cwd = dir, shape = "jsonl", timeout = 60 }), 0)
    S.equal(r, { true, false, 2 }, { r.rows[1].ok, r.rows[2].ok, r.rows[2].count })
    S.truth(r, r.rows[2].lines[1]:find("Hello, world!", 1, true), "no message")
    S.spit(file, (S.slurp(file):gsub("scopes = {},", "")))
    r = S.status(S.tool({ "dev", "fxp", "--once" }, { cwd = dir, shape = "jsonl", timeout = 60 }), 0)
    S.truth(r, r.rows[1].lines[1]:find("hello.lua:4:8: ", 1, true), "no place")
  end)

  it("a change begins another round, which names the file; an interrupt ends it", function()
    local dir = plugin()
    local edit = ("sleep 0.1; while [ ! -s %s/out ]; do sleep 0.1; done; while [ $(wc -l < %s/out) -lt 2 ]; do sleep 0.1; done; "
      .. "sed -i 's/Hello, /Bye, /' %s/fxp/commands/hello.lua"):format(dir, dir, dir)
    local waiter = ("while [ $(wc -l < %s/out 2>/dev/null || echo 0) -lt 4 ]; do sleep 0.1; done; touch %s/done"):format(dir, dir)
    os.execute(("(%s) >/dev/null 2>&1 & (%s) >/dev/null 2>&1 &"):format(edit, waiter))
    local r = S.tool({ "dev", "fxp", "--interval", "100ms" }, { cwd = dir, stdout = dir .. "/out", shape = "none", timeout = 60,
      signals = { { "INT", when_file = dir .. "/done" } } })
    S.equal(r, 130, r.status)
    local rows = {}
    for line in S.slurp(dir .. "/out"):gmatch("[^\n]+") do rows[#rows + 1] = assert(S.json.decode(line)) end
    S.equal(r, { true, dir .. "/fxp/commands/hello.lua", false, 2 }, { rows[2].ok, rows[3].changed, rows[4].ok, rows[4].count })
  end)

  it("a path without tests is fine, one that is not there is NOT_FOUND", function()
    local dir = plugin()
    local r = S.status(S.tool({ "dev", "--once" }, { cwd = S.dir "empty", shape = "jsonl" }), 0)
    S.equal(r, true, r.rows[2].ok)
    S.failed(S.tool({ "dev", "nowhere" }, { cwd = dir, shape = "jsonl" }), 5, "NOT_FOUND")
    r = S.status(S.tool({ "dev", "fxp", "--once" }, S.terminal { cwd = dir, timeout = 60 }), 0)
    S.truth(r, r.stdout:find("3 passed  ok", 1, true), "no line for people")
  end)
end)
