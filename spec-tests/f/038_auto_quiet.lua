-- REQ-F-038: nobody is told what only a person at a terminal wants to know.
local S = require "lib.spec"

local LINES = { debug = "a debug line", info = "an info line", warn = "a warn line", error = "an error line",
  progress = "progress" }

-- Which of the lines reached stderr, as one sorted text.
local function said(r)
  local out = {}
  for name, text in pairs(LINES) do
    if r.stderr:find(text, 1, true) then out[#out + 1] = name end
  end
  table.sort(out)
  return table.concat(out, " ")
end

local function levels(flag, opts)
  return S.status(S.tool({ "fx", "levels", flag }, opts), 0)
end

S.req("REQ-F-038", "Verbosity auto-quiet in non-TTY context", function()
  it("1, 2 and 3 in a pipe only errors remain", function()
    local r = levels(nil)
    S.equal(r, "error", said(r), "lines on stderr")
  end)

  it("1 CI does the same on a terminal", function()
    for _, value in ipairs { "1", "true", "yes" } do
      local r = levels(nil, S.terminal { env = { CI = value } })
      S.equal(r, "error", said(r), "lines with CI=" .. value)
    end
  end)

  it("on a terminal information, warnings and progress appear", function()
    local r = levels(nil, S.terminal())
    S.equal(r, "error info progress warn", said(r), "lines on stderr")
  end)

  it("1 a dropped warning of the author is still in warnings[]", function()
    local r = levels(nil, { env = { HOME = S.home() } }) -- the lack of a place for the audit log would be another
    assert.is_nil(r.stderr:find("a warning of the author", 1, true))
    assert.same({ "FX_WARNING: a warning of the author" }, { table.unpack(r.envelope.warnings) })
  end)

  it("4 --verbose restores information in a pipe, without any drawn bar", function()
    local r = levels("--verbose")
    S.truth(r, said(r):find("info", 1, true), "no information")
    S.truth(r, not said(r):find("debug", 1, true), "debug with --verbose")
    S.truth(r, not r.stderr:find("[\r\27]"), "a bar is drawn into a pipe")
  end)

  it("--debug shows everything, --quiet nothing at all", function()
    local r = levels("--debug")
    for name in pairs(LINES) do
      if name ~= "progress" then S.truth(r, said(r):find(name, 1, true), name .. " is missing") end
    end
    r = levels("--quiet")
    S.equal(r, "", r.stderr, "stderr with --quiet")
    r = levels("--quiet", S.terminal())
    S.equal(r, "", r.stderr, "stderr with --quiet on a terminal")
  end)

  it("5 the command looks at no terminal: its answer is the same everywhere", function()
    local a, b = levels(nil), levels("--verbose")
    S.equal(a, a.envelope.data, b.envelope.data, "data")
  end)
end)
