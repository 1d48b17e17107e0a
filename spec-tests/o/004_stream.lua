-- REQ-O-004: rows as they come.
local S = require "lib.spec"

local function summary(r) return r.rows[#r.rows] end

S.req("REQ-O-004", "--output jsonl / --stream flag", function()
  it("1 --stream is --output jsonl, with rows while the command runs", function()
    local r = S.status(S.tool { "fx", "ticks", "--n", "4", "--every", "300ms", "--stream" }, 0)
    S.equal(r, 5, #r.rows, "lines")
    S.truth(r, r.chunks[1].ms < r.elapsed_ms - 800, "the first line came at " .. r.chunks[1].ms .. " ms of "
      .. r.elapsed_ms)
    local other = S.status(S.tool { "fx", "ticks", "--n", "4", "--every", "1ms", "--output", "jsonl" }, 0)
    for i = 1, 4 do assert.same(r.rows[i], other.rows[i]) end
  end)

  it("2 each line is an object of its own", function()
    local r = S.status(S.tool { "fx", "ticks", "--n", "3", "--every", "1ms", "--stream" }, 0)
    for i, line in ipairs(S.lines(r.stdout)) do S.truth(r, line:find("^{.*}$"), "line " .. i) end
    for i = 1, 3 do S.equal(r, i, r.rows[i].tick, "row " .. i) end
  end)

  it("3 the last line is a summary with pagination", function()
    local r = S.status(S.tool { "fx", "ticks", "--n", "3", "--every", "1ms", "--stream" }, 0)
    S.equal(r, { true, 3 }, { summary(r)._summary, summary(r).total }, "summary")
    S.equal(r, { total = 3, returned = 3, truncated = false, has_more = false, next_cursor = S.json.null },
      summary(r).pagination, "pagination")
    S.truth(r, math.type(summary(r).duration_ms) == "integer", "no duration_ms")
  end)

  it("4 streamable commands say so", function()
    S.equal(S.tool { "fx", "ok" }, true, S.contract("fx ticks").supports_streaming, "supports_streaming")
    S.equal(S.tool { "fx", "ok" }, nil, S.contract("fx ok").supports_streaming, "of another")
  end)

  it("5 on another command --stream warns and changes nothing else", function()
    for _, args in ipairs { { "fx", "ok" }, { "fx", "list", "--n", "2" } } do
      local plain = S.status(S.tool(args), 0)
      args[#args + 1] = "--stream"
      local r = S.status(S.tool(args, { shape = "json" }), 0)
      S.equal(r, plain.envelope.data, r.envelope.data, "data")
      S.truth(r, r.envelope.warnings[1]:find("^STREAMING_NOT_SUPPORTED: "), "no warning")
      S.equal(r, "STREAMING_NOT_SUPPORTED", r.envelope.meta.warning_details[1].code, "detail")
    end
    local r = S.tool({ "fx", "exit", "--name", "NOT_FOUND", "--stream" }, { shape = "json" })
    S.failed(r, 5, "FX_NOT_FOUND")
  end)

  it("6 a command may stream without being asked", function()
    local r = S.status(S.tool({ "fx", "feed" }, { shape = "jsonl" }), 0)
    S.equal(r, { "row-1", "row-2", "row-3" }, { r.rows[1].id, r.rows[2].id, r.rows[3].id }, "rows")
    S.equal(r, true, summary(r)._summary, "summary")
    assert.truthy(S.contract("fx feed").supports_streaming)
  end)

  it("7 with --no-stream a failure has the rows beside it that were emitted before", function()
    local r = S.tool { "fx", "pieces", "--fail", "--no-stream" }
    S.failed(r, 12, "FX_STREAM")
    S.equal(r, { { piece = "one, " }, { piece = "two, " }, { piece = "three" } }, r.envelope.data, "data")
  end)

  it("on a terminal rows may continue each other; the last line is ended, also ahead of a failure", function()
    local r = S.status(S.tool({ "fx", "pieces" }, S.terminal { shape = "none" }), 0)
    S.equal(r, "one, two, three\n", (r.stdout:gsub("\r", "")), "stdout")
    r = S.status(S.tool({ "fx", "pieces", "--fail" }, S.terminal { shape = "none" }), 12)
    S.equal(r, "one, two, three\n", (r.stdout:gsub("\r", "")), "stdout")
    S.truth(r, r.stderr:find "The stream broke%." and not r.stderr:find "then call again", "what is said of the failure")
  end)

  it("7 it takes --no-stream and then gives one envelope", function()
    local r = S.status(S.tool { "fx", "feed", "--no-stream" }, 0)
    S.equal(r, 3, #r.envelope.data, "items")
    r = S.status(S.tool { "fx", "feed", "--output", "json" }, 0)
    S.equal(r, 3, #r.envelope.data, "items with --output json")
    S.failed(S.tool { "fx", "ticks", "--no-stream" }, 2, "ARG_ERROR")
  end)

  it("8 manifest and help say streaming_default", function()
    local facts = S.status(S.tool { "manifest" }, 0).envelope.meta.contracts
    assert.equal(true, facts["fx.feed"].streaming_default)
    assert.equal(false, facts["fx.ticks"].streaming_default)
    local help = S.tool({ "fx", "feed", "--help" }, { shape = "json" })
    S.truth(help, help.stderr:find("streaming_default: true", 1, true), "help does not say it")
  end)

  it("contradictions exit 2", function()
    for _, args in ipairs { { "fx", "ticks", "--stream", "--output", "json" }, { "fx", "ticks", "--stream", "--output=tsv" },
                            { "fx", "feed", "--stream", "--no-stream" }, { "fx", "feed", "--no-stream", "--output", "jsonl" } } do
      local r = S.tool(args, { shape = "text" })
      S.failed(r, 2, "ARG_ERROR")
    end
    S.status(S.tool { "fx", "ticks", "--n", "1", "--stream", "--output", "jsonl" }, 0)
  end)

  it("a failure after some rows is the last line, without a summary", function()
    local r = S.tool { "fx", "ticks", "--n", "3", "--fail-after", "2", "--stream" }
    S.failed(r, 12, "FX_STREAM")
    S.equal(r, 2, #r.rows, "rows")
  end)

  it("a preview of a streaming command is one envelope", function()
    for _, extra in ipairs { "--no-config", "--stream" } do
      local r = S.status(S.tool({ "fx", "feed", "--dry-run", extra }, { shape = "json" }), 0)
      S.equal(r, { "would_update", 3 }, { r.envelope.data.effect, r.envelope.data.would_affect.rows }, "data")
    end
  end)

  it("streamed text formats have their header once and the same columns in every row", function()
    local r = S.status(S.tool { "fx", "feed", "--output", "tsv" }, 0)
    assert.equal("id\tstage\nrow-1\t\nrow-2\tsecond\nrow-3\t\n", r.stdout)
    r = S.status(S.tool { "fx", "feed", "--output", "plain" }, 0)
    S.equal(r, 3, #S.lines(r.stdout), "plain lines")
    r = S.status(S.tool { "fx", "feed", "--output", "id" }, 0)
    assert.equal("row-1\nrow-2\nrow-3\n", r.stdout)
    r = S.status(S.tool { "fx", "feed", "--output", "table" }, 0)
    S.equal(r, 7, #S.lines(r.stdout), "one table: borders, header and three rows")
  end)
end)
