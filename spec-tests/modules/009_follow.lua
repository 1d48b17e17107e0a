-- ctx.start, and ctx.exec with on_line: programs that are followed while they run.
local S = require "lib.spec"

-- Runs `tool fx follow …` for the words of the program and flags.
local function follow(words, opts) return S.tool("fx follow " .. words, opts) end

-- The lines as "stream:text" with + for a piece that goes on.
local function said(r)
  local out = {}
  for i, row in ipairs(r.envelope.data.lines) do
    out[i] = row.stream .. ":" .. row.line .. (row.more and "+" or "")
  end
  return out
end

local function alive(file) return S.exists("/proc/" .. S.slurp(file):match("%d+")) end

S.req("REQ-FOLLOW", "Programs that are followed while they run", function()
  it("lines arrive as they come: the program waits for what the first one causes", function()
    for _, flag in ipairs { "", " --exec" } do
      local mark = S.dir() .. "/mark"
      local r = S.status(follow("talk " .. mark .. " --mark " .. mark .. flag), 0)
      local lines = said(r)
      table.sort(lines)
      assert.same({ "stderr:three", "stdout:no end", "stdout:one", "stdout:two" }, lines)
      assert.equal("stdout:one", said(r)[1])
      S.equal(r, 0, r.envelope.data.status, "status")
    end
  end)

  it("a line that is too long comes in pieces, a character stays whole, CR LF is a line end", function()
    local r = S.status(follow "wide --max-line 5", 0)
    assert.same({ "stdout:aéa+", "stdout:éaé", "stdout:" }, said(r))
  end)

  it("much output takes no memory: it comes bit by bit, all of it", function()
    local r = S.status(follow "flood 300000", 0)
    S.equal(r, 300000, r.envelope.data.count, "lines")
  end)

  it("two programs run at the same time", function()
    local mark = S.dir() .. "/mark"
    local r = S.status(follow("talk " .. mark .. " --twice --mark " .. mark), 0)
    S.equal(r, 8, r.envelope.data.count, "lines")
  end)

  it("a failing program fails the command, with the end of what it said; check = false leaves that to the command", function()
    local e = S.failed(follow "fail", 3, "PROGRAM_FAILED")
    assert.equal(3, e.context.status)
    local r = S.status(follow "fail --ignore", 0)
    S.equal(r, 3, r.envelope.data.status, "status")
  end)

  it("its time limit ends it", function()
    local r = follow "hang --limit 200ms"
    S.failed(r, 10, "TIMEOUT")
    S.truth(r, r.elapsed_ms < 5000, "took " .. r.elapsed_ms .. " ms")
  end)

  it("stop asks it to end: with SIGTERM, which it may use, then with SIGKILL", function()
    local file = S.dir() .. "/log"
    local r = S.status(follow("talk " .. file .. " --stop-at one"), 0)
    S.equal(r, { 143, 15, true, true }, { r.envelope.data.status, r.envelope.data.signal, r.envelope.data.stopped,
      r.envelope.data.ran }, "the end")
    r = S.status(follow("stubborn " .. file .. " --file " .. file .. " --stop-at ready --grace 200ms"), 0)
    S.equal(r, { 137, true }, { r.envelope.data.status, r.envelope.data.stopped }, "the end")
    assert.equal("term\n", S.slurp(file))
    S.truth(r, r.elapsed_ms < 3000, "took " .. r.elapsed_ms .. " ms")
  end)

  it("what it leaves in its process group ends with it, and does not keep its follower", function()
    for status = 0, 1 do
      local file = S.dir() .. "/pid"
      local r = S.status(follow("leave " .. file .. " " .. status .. " --ignore --file " .. file), 0)
      assert.same({ "stdout:left" }, said(r))
      S.equal(r, status, r.envelope.data.status, "status")
      S.truth(r, r.elapsed_ms < 5000, "took " .. r.elapsed_ms .. " ms")
      assert.is_false(alive(file))
    end
  end)

  it("a follower that fails, or that lets go, ends it", function()
    local r = follow "hang --let-go"
    S.status(r, 0)
    S.truth(r, r.elapsed_ms < 5000, "took " .. r.elapsed_ms .. " ms")
    local file = S.dir() .. "/pid"
    S.failed(follow("leave " .. file .. " --fail-at left --file " .. file), 6, "CONFLICT")
    assert.is_false(alive(file))
  end)

  it("a clean environment has PATH and what is added", function()
    local r = S.status(follow("env --clean", { env = { FX_OF_THE_CALLER = "x" } }), 0)
    local names = {}
    for _, line in ipairs(said(r)) do names[#names + 1] = line:match("^stdout:([^=]*)=") end
    table.sort(names)
    assert.same({ "FX_ADDED", "PATH", "PWD" }, names) -- PWD is the shell's own
    assert.truthy(table.concat(said(r), "\n"):find("FX_ADDED=a b", 1, true))
  end)

  it("SIGTERM of the tool reaches it first", function()
    local file = S.dir() .. "/log"
    local r = follow("polite " .. file .. " --file " .. file,
      { signals = { { "TERM", when_file = file .. ".pid", delay_ms = 50 } } })
    S.failed(r, 143, "CANCELLED")
    assert.equal("term\n", S.slurp(file))
  end)
end)
