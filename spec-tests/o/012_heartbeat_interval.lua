-- REQ-O-012: lines of progress on stderr.
local S = require "lib.spec"

local function slow(...) return S.status(S.tool { "fx", "slow-steps", "--for", "2500ms", ... }, 0) end

S.req("REQ-O-012", "--heartbeat-interval flag", function()
  it("1 without it stderr has no such lines", function()
    local r = S.status(S.tool { "fx", "slow-steps", "--for", "1500ms" }, 0)
    S.equal(r, "", r.stderr, "stderr")
    assert.truthy(S.contract("fx slow-steps").flags["heartbeat-interval"])
  end)

  it("2 and 3 one line per interval: the time and the latest progress", function()
    local r = slow("--heartbeat-interval", "1")
    local lines = S.lines(r.stderr)
    S.equal(r, 2, #lines, "lines")
    S.truth(r, lines[1]:find("^%[1s%] copy %d+/10$"), "first line")
    S.truth(r, lines[2]:find("^%[2s%] copy %d+/10$"), "second line")
    local first
    for _, chunk in ipairs(r.chunks) do first = first or chunk.stream == "err" and chunk.ms end
    S.truth(r, first and first < r.elapsed_ms - 1000, "the first line did not come early")
  end)

  it("4 plain text, never JSON, never on stdout", function()
    local r = slow("--heartbeat-interval", "1", "--text", '{"a":1}\nb\27[31mc')
    for _, line in ipairs(S.lines(r.stderr)) do
      S.truth(r, S.json.decode(line) == nil and line:find("^%[%ds%] "), "line " .. line)
    end
    S.equal(r, 2, #S.lines(r.stderr), "lines")
    S.truth(r, not r.stderr:find("\27", 1, true), "an escape sequence")
    S.equal(r, 1, #S.lines(r.stdout), "lines of stdout")
  end)

  it("5 --quiet suppresses them, automatic quiet does not", function()
    local r = slow("--heartbeat-interval", "1", "--quiet")
    S.equal(r, "", r.stderr, "stderr")
    r = S.status(S.tool({ "fx", "slow-steps", "--for", "1500ms", "--heartbeat-interval", "1" }, { env = { CI = "1" } }), 0)
    S.equal(r, 1, #S.lines(r.stderr), "lines under CI")
  end)

  it("6 a command that is stuck in C, or says nothing, gets them all the same", function()
    local r = S.status(S.tool { "fx", "sleep", "--time", "1500ms", "--heartbeat-interval", "1" }, 0)
    S.equal(r, "[1s] running\n", r.stderr, "stderr")
  end)

  it("a value that is no number of seconds exits 2", function()
    for _, bad in ipairs { "0", "-1", "x", "1.5" } do
      S.failed(S.tool { "fx", "slow-steps", "--heartbeat-interval", bad }, 2, "ARG_ERROR")
    end
  end)
end)
