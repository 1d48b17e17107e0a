-- REQ-O-039: input that is too large for standard input comes from a file.
local S = require "lib.spec"

local LIMIT = 65536

S.req("REQ-O-039", "--input-file flag for stdin commands", function()
  it("1 the flag is there where stdin is read, and nowhere else", function()
    for path, entry in pairs(S.commands()) do
      local ext = S.contract((path:gsub("%.", " ")))
      assert.equal(ext.stdin_input == true, entry.flags["input-file"] ~= nil, path)
    end
  end)

  it("2 the file is read instead of stdin, however large, in memory that does not grow with copies", function()
    local file = S.spit(S.dir() .. "/big", ("0123456789\n"):rep(1000000))
    local small = S.status(S.tool({ "fx", "count-input" }, { stdin = "x" }), 0)
    local r = S.status(S.tool({ "fx", "count-input", "--input-file", file }, { stdin = "not this" }), 0)
    S.equal(r, 11000000, r.envelope.data.bytes, "bytes")
    S.truth(r, r.maxrss - small.maxrss < 40000, ("%d KB more than for one byte"):format(r.maxrss - small.maxrss))
  end)

  it("3 - is standard input, with its limit", function()
    local r = S.status(S.tool({ "fx", "count-input", "--input-file", "-" }, { stdin = "abc" }), 0)
    S.equal(r, 3, r.envelope.data.bytes, "bytes")
    S.failed(S.tool({ "fx", "count-input", "--input-file", "-" }, { stdin = ("x"):rep(LIMIT + 1) }), 2, "STDIN_TOO_LARGE")
  end)

  it("4 stdin above the limit is refused with a hint; the producer does not hang", function()
    for n, ok in pairs { [LIMIT - 1] = true, [LIMIT] = true, [LIMIT + 1] = false, [LIMIT * 20] = false } do
      local r = S.tool({ "fx", "count-input" }, { stdin = ("x"):rep(n) })
      if ok then
        S.status(r, 0)
      else
        local e = S.failed(r, 2, "STDIN_TOO_LARGE")
        S.truth(r, e.hint:find("--input-file", 1, true), "hint")
        S.equal(r, LIMIT, e.context.limit_bytes, "limit_bytes")
        S.truth(r, r.elapsed_ms < 3000, "took " .. r.elapsed_ms .. " ms")
      end
    end
  end)

  it("5 --schema and help say what to do with more", function()
    local data = S.contract "fx count-input"
    assert.is_true(data.stdin_input)
    assert.is_true(data.stdin_fallback)
    assert.equal("fail_with_exit_4", data.non_tty_behavior)
    assert.equal("--input-file", data.overflow_flag)
    assert.truthy(data.overflow_hint:find("--input-file", 1, true))
    local r = S.tool({ "fx", "count-input", "--help" }, S.terminal())
    S.truth(r, r.stdout:find("--input-file", 1, true), "help does not name the flag")
  end)

  it("no input at all, or a file that is not there", function()
    for _, args in ipairs { { "--input-file", "-" }, {} } do
      local all = { "fx", "count-input", "--output", "json", table.unpack(args) }
      local r = S.tool(all, S.terminal { shape = "json" })
      local e = S.failed(r, 4, "INPUT_REQUIRED")
      S.truth(r, e.hint:find("--input-file", 1, true), "hint")
      S.truth(r, r.elapsed_ms < 1000, "took " .. r.elapsed_ms .. " ms")
    end
    local r = S.tool { "fx", "count-input", "--input-file", S.dir() .. "/absent" }
    S.failed(r, 5, "NOT_FOUND")
    local dir = S.dir()
    S.spit(dir .. "/in", "abc")
    r = S.status(S.tool { "fx", "count-input", "--input-file", "in", "--cwd", dir }, 0)
    S.equal(r, 3, r.envelope.data.bytes, "a relative path")
  end)
end)
