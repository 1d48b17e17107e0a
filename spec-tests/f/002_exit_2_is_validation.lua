-- REQ-F-002: exit 2 is reserved for input that was refused before anything happened.
local S = require "lib.spec"

local BAD = {
  { "fx", "write" }, { "fx", "types", "--count", "many" }, { "fx", "types", "--count", "1000" },
  { "fx", "types", "--colour", "mauve" }, { "fx", "types", "--wait", "soon" }, { "fx", "types", "--item", "UPPER" },
  { "fx", "types", "--data", "{nope" }, { "fx", "ok", "--nonsense" }, { "fx", "ok", "one", "two" },
  { "fx", "deploy", "--env", "unknown" }, { "fx", "list", "--limit", "-1" }, { "nothing" },
}

-- Lines of a trace in which a file was opened for writing, created, renamed or removed, or a socket made.
local function mutations(trace)
  local found = {}
  for _, line in ipairs(trace) do
    local opened = line:find("open[at2]*%(") and (line:find("O_CREAT") or line:find("O_WRONLY") or line:find("O_RDWR"))
    local changed = line:find("%f[%w]mkdir") or line:find("%f[%w]rename") or line:find("%f[%w]unlink")
      or line:find("%f[%w]socket%(") or line:find("%f[%w]connect%(")
    local exempt = line:find("/dev/null", 1, true) or line:find("/dev/tty", 1, true) or line:find("audit", 1, true)
      or line:find("/proc/self/fd/", 1, true)
      or line:find("= -1 E", 1, true)
    if (opened or changed) and not exempt then found[#found + 1] = line end
  end
  return found
end

S.req("REQ-F-002", "Exit code 2 reserved for validation failures", function()
  it("1 invalid input of every kind exits 2", function()
    for _, args in ipairs(BAD) do S.status(S.tool(args), 2, table.concat(args, " ")) end
  end)

  it("2 such a run changes no file and opens no socket", function()
    local dir = S.dir()
    local r, trace = S.strace({ "fx", "write", "--count", "foo", "--path", dir .. "/x" }, "file,network")
    S.status(r, 2)
    assert.truthy(#trace > 5, "strace saw nothing")
    assert.same({}, mutations(trace))
    assert.same({}, S.tree(dir))
    assert.same({}, S.list(S.home() .. "/tmp"))
  end)

  it("3 after an effect an argument error is exit 3 in the phase execution", function()
    local path = S.dir() .. "/late"
    local r = S.tool { "fx", "late-throw", "--how", "arg-error", "--path", path }
    local e = S.failed(r, 3, "FX_LATE_ARGUMENT")
    S.equal(r, "execution", e.phase, "error.phase")
    assert.equal("written\n", S.slurp(path))
  end)

  it("4 error.phase is validation", function()
    for _, args in ipairs(BAD) do
      local r = S.tool(args)
      S.equal(r, "validation", r.envelope.error.phase, "error.phase")
    end
  end)

  it("5 retryable is false and fix_required says what to correct", function()
    for _, args in ipairs(BAD) do
      local r = S.tool(args)
      S.equal(r, false, r.envelope.error.retryable, "retryable")
      S.truth(r, #(r.envelope.error.fix_required or "") > 3, "fix_required is empty")
    end
  end)

  it("6 the phase comes from the host: execution failures never claim validation", function()
    for _, name in ipairs { "NOT_FOUND", "PRECONDITION", "CONFLICT", "GENERAL_ERROR" } do
      local r = S.tool { "fx", "exit", "--name", name }
      S.equal(r, "FX_" .. name, r.envelope.error.code, "error.code")
      S.equal(r, "execution", r.envelope.error.phase, "error.phase of " .. name)
    end
  end)
end)
