-- REQ-O-038: signs of life on stdout, when they are asked for (design: one envelope is one line otherwise).
local S = require "lib.spec"

local function beats(r)
  local list = {}
  for _, line in ipairs(S.lines(r.stdout)) do
    local value = S.json.decode(line)
    if type(value) == "table" and value.heartbeat then list[#list + 1] = value end
  end
  return list
end

local function slow(ms, ...)
  return S.tool({ "fx", "slow-steps", "--for", "1s", "--heartbeat-ms", ms, ... }, { heartbeats = true })
end

S.req("REQ-O-038", "--heartbeat-ms flag for long-running commands", function()
  it("1 long-running commands have it; without it a run is one line", function()
    assert.equal("integer", S.contract("fx slow-steps").flags["heartbeat-ms"].type)
    local r = S.status(S.tool { "fx", "slow-steps", "--for", "300ms" }, 0)
    S.equal(r, 1, #S.lines(r.stdout), "lines")
  end)

  it("2 every interval a line says that it runs, since when, and at what", function()
    local r = S.status(slow "200", 0)
    for i, beat in ipairs(beats(r)) do
      S.equal(r, { "running", true }, { beat.status, beat.heartbeat }, "beat")
      S.truth(r, beat.elapsed_ms >= 200 * i and beat.elapsed_ms < 200 * i + 150, "elapsed_ms " .. beat.elapsed_ms)
      S.truth(r, beat.step:find("^copy %d+/10$"), "step")
    end
  end)

  it("3 two and a half intervals give at least two lines before the result, as they happen", function()
    local r = S.status(slow "400", 0)
    S.equal(r, 2, #beats(r), "lines")
    S.truth(r, r.chunks[1].ms < r.elapsed_ms - 300, "the first came at the end")
  end)

  it("4 each line is JSON of its own, the last is the envelope and no heartbeat", function()
    local r = S.status(slow "100", 0)
    local lines = S.lines(r.stdout)
    for _, line in ipairs(lines) do S.truth(r, S.json.decode(line), line) end
    S.equal(r, nil, S.json.decode(lines[#lines]).heartbeat, "heartbeat of the envelope")
    S.equal(r, true, r.envelope.data.done, "data")
    r = S.status(S.tool { "fx", "ticks", "--n", "3", "--every", "150ms", "--stream", "--heartbeat-ms", "100" }, 0)
    S.truth(r, #beats(r) >= 2, "beats among the rows of a stream")
  end)

  it("5 0 gives none", function()
    local r = S.status(slow "0", 0)
    S.equal(r, 1, #S.lines(r.stdout), "lines")
  end)

  it("a handler that hangs in C beats, and a signal ends with the envelope", function()
    local r = S.tool({ "fx", "native-hang", "--call", "spin_in_c", "--heartbeat-ms", "100" }, { heartbeats = true })
    S.failed(r, 10, "TIMEOUT")
    S.truth(r, #beats(r) >= 2, "beats")
    r = S.tool({ "fx", "slow-steps", "--for", "20s", "--heartbeat-ms", "100" },
      { heartbeats = true, signals = { { "TERM", when_stdout = "heartbeat" } } })
    S.failed(r, 143, "CANCELLED")
  end)

  it("never beside another format, and a negative interval exits 2", function()
    for _, format in ipairs { "tsv", "plain", "table" } do
      local r = S.status(S.tool { "fx", "slow-steps", "--for", "300ms", "--heartbeat-ms", "50", "--output", format }, 0)
      S.equal(r, 0, #beats(r), format)
    end
    for _, bad in ipairs { "-1", "x" } do S.failed(slow(bad), 2, "ARG_ERROR") end
  end)
end)
