-- REQ-F-054: standard input has a size limit, and a file is the way around it.
local S = require "lib.spec"

local LIMIT = 65536

local function count(bytes, args, env)
  local all = { "fx", "count-input" }
  table.move(args or {}, 1, #(args or {}), 3, all)
  return S.tool(all, { stdin = ("x"):rep(bytes), env = env })
end

local function too_large(r, limit)
  local e = S.failed(r, 2, "STDIN_TOO_LARGE")
  S.equal(r, { received_bytes = limit + 1, limit_bytes = limit }, e.context, "context")
  S.truth(r, e.hint and e.hint:find("--input-file", 1, true), "the hint does not name --input-file")
  S.equal(r, "validation", e.phase, "phase")
  return e
end

S.req("REQ-F-054", "Stdin payload size cap with --input-file fallback", function()
  it("1 and 3 65535 and 65536 bytes are taken, 65537 are not", function()
    for _, n in ipairs { 0, 1, LIMIT - 1, LIMIT } do
      local r = S.status(count(n), 0)
      S.equal(r, n, r.envelope.data.bytes, "bytes")
    end
    too_large(count(LIMIT + 1), LIMIT)
  end)

  it("2 and 5 the refusal comes before the command begins, with hint and numbers", function()
    local mark = S.dir() .. "/mark"
    too_large(count(LIMIT + 1, { "--mark", mark }), LIMIT)
    assert.is_false(S.exists(mark))
    S.status(count(10, { "--mark", mark }), 0)
    assert.is_true(S.exists(mark))
  end)

  it("1 TOOL_MAX_STDIN_BYTES sets the limit", function()
    local env = { TOOL_MAX_STDIN_BYTES = "10" }
    S.status(count(10, nil, env), 0)
    too_large(count(11, nil, env), 10)
    S.status(count(LIMIT * 2, nil, { TOOL_MAX_STDIN_BYTES = "200000" }), 0)
  end)

  it("4 --input-file belongs to every command that declares stdin, and has no limit", function()
    local contract = S.contract("fx count-input")
    assert.is_table(contract.flags["input-file"])
    assert.is_nil(S.contract("fx ok").flags["input-file"])
    local file = S.spit(S.dir() .. "/big", ("0123456789\n"):rep(1000000))
    local r = S.status(S.tool { "fx", "count-input", "--input-file", file }, 0)
    S.equal(r, 11000000, r.envelope.data.bytes, "bytes")
    S.equal(r, 1000000, r.envelope.data.lines, "lines")
  end)

  it("4 --input-file - is standard input with its limit", function()
    local r = S.status(count(LIMIT, { "--input-file", "-" }), 0)
    S.equal(r, LIMIT, r.envelope.data.bytes, "bytes")
    too_large(count(LIMIT + 1, { "--input-file", "-" }), LIMIT)
  end)

  it("a file that is not there is told before the command begins", function()
    local mark = S.dir() .. "/mark"
    local r = S.tool { "fx", "count-input", "--input-file", "/nowhere/at/all", "--mark", mark }
    local e = S.failed(r, 5, "NOT_FOUND")
    S.equal(r, "/nowhere/at/all", e.context.path, "path")
    assert.is_false(S.exists(mark))
  end)

  it("2 who writes 10 MB is not kept waiting", function()
    local r = count(10 * 1024 * 1024)
    too_large(r, LIMIT)
    S.truth(r, r.elapsed_ms < 3000, "took " .. r.elapsed_ms .. " ms")
    r = S.run({ "sh", "-c", 'head -c 10000000 /dev/zero | tr "\\0" x | "$0" fx count-input', S.paths.tool },
      { env = S.environment {}, clear_env = true })
    assert.equal(2, r.status, r.stdout)
    assert.is_false(r.timed_out)
  end)

  it("1 the limit holds for parameters that read - too, and only one of them may", function()
    local r = S.status(S.tool({ "fx", "each-id", "-" }, { stdin = "a1\nb2\n" }), 0)
    S.equal(r, S.json.array { "a1", "b2" }, r.envelope.data.ids, "ids")
    r = S.status(S.tool({ "fx", "each-id", "a1", "-", "c3" }, { stdin = "b2\n" }), 0)
    S.equal(r, S.json.array { "a1", "b2", "c3" }, r.envelope.data.ids, "ids")
    r = S.tool({ "fx", "each-id", "-" }, { stdin = ("a1\n"):rep(30000) })
    local e = S.failed(r, 2, "STDIN_TOO_LARGE")
    S.equal(r, LIMIT, e.context.limit_bytes, "limit")
    S.failed(S.tool({ "fx", "each-id", "-" }, { stdin = "" }), 2, "EMPTY_STDIN")
    S.failed(S.tool({ "fx", "each-id", "-", "--parent", "-" }, { stdin = "a1\n" }), 2, "ARG_ERROR")
    S.failed(S.tool({ "fx", "each-id", "-" }, { stdin = "../up\n" }), 2, "INVALID_AGENT_INPUT")
  end)
end)
