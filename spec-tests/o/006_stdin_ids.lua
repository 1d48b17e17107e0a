-- REQ-O-006: "-" stands for what arrives on standard input.
local S = require "lib.spec"

local function parent(value, stdin) return S.tool({ "fx", "each-id", "--parent", value }, { stdin = stdin }) end

S.req("REQ-O-006", "Stdin as ID source (-)", function()
  it("1 and 2 a piped value is the same as the value itself, without its newline", function()
    local direct = S.raw(S.status(parent "42", 0), "data")
    for _, text in ipairs { "42\n", "42", "42\r\n" } do
      assert.equal(direct, S.raw(S.status(parent("-", text), 0), "data"))
    end
  end)

  it("3 a redirected file is read as a pipe is", function()
    local path = S.spit(S.dir() .. "/ids", "42\n")
    local r = S.run({ "/bin/sh", "-c", 'exec "$0" fx each-id --parent - <"$1"', S.paths.tool, path },
      { clear_env = true, env = S.environment {} })
    assert.equal(0, r.status, r.stdout)
    assert.equal("42", S.json.decode(r.stdout).data.parent)
  end)

  it("4 empty input is EMPTY_STDIN", function()
    for _, text in ipairs { "", "\n", "\n\n" } do
      local e = S.failed(parent("-", text), 2, "EMPTY_STDIN")
      assert.equal("validation", e.phase)
      assert.equal(false, e.retryable)
    end
  end)

  it("5 what is piped passes the same checks", function()
    for _, bad in ipairs { "../x", "a?b=c", "%2e%2e", "{id}", "a b" } do
      local direct, piped = parent(bad), parent("-", bad .. "\n")
      S.status(direct, 2, bad)
      S.status(piped, 2, bad)
      S.equal(piped, direct.envelope.error.code, piped.envelope.error.code, "code for " .. bad)
    end
  end)

  it("several lines are for a parameter that takes several values", function()
    local r = S.status(S.tool({ "fx", "each-id", "-" }, { stdin = "a1\nb2\n\nc3\n" }), 0)
    S.equal(r, { "a1", "b2", "c3" }, { table.unpack(r.envelope.data.ids) }, "ids")
    S.failed(parent("-", "a1\nb2\n"), 2, "ARG_ERROR")
  end)

  it("one parameter at a time; a terminal is never read; elsewhere - is a value", function()
    local r = S.tool({ "fx", "each-id", "--parent", "-", "--ids", "-" }, { stdin = "x\n" })
    S.status(r, 2)
    r = S.tool({ "fx", "each-id", "--parent", "-" }, { stdin = "pty" })
    S.status(r, 4)
    S.truth(r, r.elapsed_ms < 3000, "it waited")
    r = S.status(S.tool({ "fx", "ok", "--word", "-" }, { stdin = "no" }), 0)
    S.equal(r, "-", r.envelope.data.word, "word")
  end)
end)
