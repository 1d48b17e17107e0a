-- REQ-F-053: rows arrive when they are made.
local S = require "lib.spec"

S.req("REQ-F-053", "Stdout unbuffering in non-TTY mode", function()
  it("1 and 3 rows come through a pipe one by one", function()
    local r = S.status(S.tool { "fx", "ticks", "--n", "4", "--every", "200ms", "--output", "jsonl" }, 0)
    S.truth(r, #r.rows >= 4, "rows")
    local times = {}
    for _, chunk in ipairs(r.chunks) do if chunk.stream == "out" then times[#times + 1] = chunk.ms end end
    S.truth(r, #times >= 4, "only " .. #times .. " chunks")
    for i = 2, 4 do
      local gap = times[i] - times[i - 1]
      S.truth(r, gap > 120 and gap < 400, "gap " .. gap .. " ms")
    end
  end)

  it("4 to 6 heartbeats when they are asked for, each a JSON line, then one envelope", function()
    local r = S.tool({ "fx", "sleep", "--time", "700ms", "--heartbeat-ms", "200" }, { heartbeats = true })
    S.status(r, 0)
    local lines = S.lines(r.stdout)
    S.truth(r, #lines >= 3 and #lines <= 5, #lines .. " lines")
    for i = 1, #lines - 1 do
      local beat = S.json.decode(lines[i])
      S.equal(r, "running", beat.status, "status")
      S.equal(r, true, beat.heartbeat, "heartbeat")
      S.truth(r, math.abs(beat.elapsed_ms - 200 * i) < 120, "elapsed_ms " .. beat.elapsed_ms)
    end
  end)

  it("4 heartbeats go on while the command is stuck inside C", function()
    local r = S.tool({ "fx", "native-hang", "--call", "spin_in_c", "--timeout", "700ms", "--heartbeat-ms", "200" },
      { heartbeats = true })
    S.failed(r, 10, "TIMEOUT")
    S.truth(r, #S.lines(r.stdout) >= 3, "no heartbeats")
  end)

  it("2 children and the process itself have PYTHONUNBUFFERED=1", function()
    local r = S.status(S.tool { "fx", "child", "env" }, 0)
    S.truth(r, r.envelope.data.stdout:find("\nPYTHONUNBUFFERED=1\n", 1, true), "the child's environment")
    r = S.status(S.tool { "fx", "native-env", "PYTHONUNBUFFERED" }, 0)
    S.equal(r, "1", r.envelope.data.value, "the process's environment")
  end)

  it("6 a heartbeat says which step runs", function()
    local r = S.tool({ "fx", "sleep", "--time", "500ms", "--heartbeat-ms", "200", "--step", "copy 3/8" }, { heartbeats = true })
    S.status(r, 0)
    S.equal(r, "copy 3/8", S.json.decode(S.lines(r.stdout)[1]).step, "step")
  end)

  it("4 among the rows of a stream they stand on lines of their own", function()
    local r = S.tool({ "fx", "ticks", "--n", "3", "--every", "150ms", "--output", "jsonl", "--heartbeat-ms", "100" }, {})
    S.status(r, 0)
    local beats = 0
    for _, row in ipairs(r.rows) do if row.heartbeat then beats = beats + 1 end end
    S.truth(r, beats >= 3, beats .. " heartbeats")
  end)

  it("other formats, a stable output and 0 have none; a negative interval is refused", function()
    for _, more in ipairs { { "--output", "tsv" }, { "--output", "plain" }, { "--stable-output" } } do
      local r = S.tool { "fx", "sleep", "--time", "300ms", "--heartbeat-ms", "100", table.unpack(more) }
      S.status(r, 0)
      S.truth(r, not r.stdout:find("heartbeat", 1, true), "a heartbeat")
    end
    local r = S.status(S.tool { "fx", "sleep", "--time", "300ms", "--heartbeat-ms", "0" }, 0)
    S.equal(r, 1, #S.lines(r.stdout), "lines")
    S.status(S.tool { "fx", "sleep", "--heartbeat-ms", "-5" }, 2)
  end)

  it("without being asked there are none", function()
    local r = S.status(S.tool { "fx", "sleep", "--time", "300ms" }, 0)
    S.equal(r, 1, #S.lines(r.stdout), "lines")
  end)

  it("a stream that fails ends in an envelope with the error, after its rows", function()
    local r = S.tool { "fx", "ticks", "--n", "5", "--every", "1ms", "--fail-after", "2", "--output", "jsonl" }
    S.failed(r, 12, "FX_STREAM")
    S.equal(r, 2, #r.rows, "rows")
  end)

  it("without --stream the rows are data", function()
    local r = S.status(S.tool { "fx", "ticks", "--n", "3", "--every", "1ms" }, 0)
    S.equal(r, 3, #r.envelope.data, "data")
    S.equal(r, 2, r.envelope.data[2].tick, "second row")
  end)
end)
