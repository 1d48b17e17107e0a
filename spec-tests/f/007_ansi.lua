-- REQ-F-007: no terminal sequence in JSON, wherever the text came from.
local S = require "lib.spec"

S.req("REQ-F-007", "ANSI/colour code suppression", function()
  it("1 every string is stripped before it is written", function()
    local d = S.status(S.tool { "fx", "ansi" }, 0).envelope.data
    assert.equal("Error", d.plain)
    assert.equal("Error", d.nested.deep[1])
  end)

  it("2 colour, cursor movement, OSC and carriage returns are removed; an open OSC swallows nothing", function()
    local r = S.tool { "fx", "ansi" }
    local d = r.envelope.data
    S.equal(r, "a\nb", d.crlf, "CRLF")
    S.equal(r, "ab", d.dcs, "DCS")
    S.equal(r, "ab", d.csi8, "8-bit CSI")
    S.equal(r, "ab", d.lone, "lone ESC")
    S.truth(r, d.osc_open:find("never ended", 1, true), "the rest after an open OSC is gone: " .. d.osc_open)
  end)

  it("3 keys, error texts, warnings and context are stripped too", function()
    local r = S.tool { "fx", "ansi" }
    S.equal(r, "key", r.envelope.data.ErrorKey, "a key")
    S.equal(r, "FX_COLOURED: Error", r.envelope.warnings[1], "a warning")
    r = S.tool { "fx", "ansi", "--fail" }
    S.failed(r, 5, "FX_COLOURED")
    S.equal(r, "Error", r.envelope.error.context.where, "error.context")
    S.equal(r, "Error", r.envelope.error.cause, "error.cause")
  end)

  it("4 no byte 0x1B and no escaped one on stdout, nor on stderr", function()
    local cases = {
      { 0, { "fx", "ansi", "--debug" } }, { 5, { "fx", "ansi", "--fail" } }, { 2, { "fx", "no\27[31msuch" } },
      { 0, { "fx", "ok", "--word", "\27[31mred" } },
    }
    for _, case in ipairs(cases) do
      local r = S.status(S.tool(case[2]), case[1])
      S.truth(r, not r.stdout:find("\27", 1, true) and not r.stdout:lower():find("\\u001b", 1, true), "ESC on stdout")
      S.truth(r, not r.stdout:find("\r", 1, true) and not r.stdout:find("\\r", 1, true), "CR on stdout")
      S.truth(r, not r.stderr:find("\27", 1, true), "ESC on stderr")
    end
  end)

  it("5 --output json on a terminal is as clean", function()
    local r = S.status(S.tool({ "fx", "ansi", "--output", "json" }, S.terminal()), 0)
    local answer = S.json.decode(r.stdout)
    S.truth(r, answer and answer.data.plain == "Error" and not r.stdout:find("\27", 1, true), "not clean JSON")
  end)
end)
