-- REQ-F-060: what a library or a child prints never becomes output.
local S = require "lib.spec"

local function native(call, ...) return S.tool { "fx", "native", "--call", call, ... } end

local function warned(r, text)
  for _, w in ipairs(r.envelope.warnings) do
    if w:find("^THIRD_PARTY_STDOUT: ") and (not text or w:find(text, 1, true)) then return true end
  end
  return false
end

S.req("REQ-F-060", "Third-party stdout interception", function()
  it("1 writes to descriptor 1 are intercepted at the descriptor", function()
    for _, call in ipairs { "write_fd1", "printf_noise" } do
      local r = S.status(native(call), 0)
      S.equal(r, call, r.envelope.data.done, "data.done")
    end
  end)

  it("2 prose becomes a warning with code THIRD_PARTY_STDOUT and the text", function()
    local r = native "write_fd1"
    S.truth(r, warned(r, "prose from a library"), "no warning")
    r = native "printf_noise"
    S.truth(r, warned(r, "initialized by printf"), "no warning for buffered output")
    local detail = (r.envelope.meta.warning_details or {})[1] or {}
    S.equal(r, "THIRD_PARTY_STDOUT", detail.code, "meta.warning_details[1].code")
  end)

  it("3 JSON-shaped writes are dropped without a warning", function()
    local r = S.status(native "write_fd1_json", 0)
    S.truth(r, not warned(r), "a warning for JSON")
    S.truth(r, not r.stdout:find('{"a":1}', 1, true), "the JSON came through")
  end)

  it("4 stdout is one JSON value, also after 4 MB of noise", function()
    for _, size in ipairs { "200000", "4000000" } do
      local r = S.status(native("flood_fd1", "--size", size), 0)
      S.truth(r, warned(r), "no warning")
      S.truth(r, #r.stdout < 200000, "the capture is not bounded")
    end
  end)

  it("5 --debug shows the captured text on stderr", function()
    local r = native("write_fd1", "--debug")
    S.truth(r, r.stderr:find("prose from a library", 1, true), "not on stderr")
  end)

  it("6 a secret in captured text is redacted, also when it was written byte by byte", function()
    local planted = "zq7Xplantedv4lue9"
    for _, level in ipairs { "--quiet", "--verbose", "--debug" } do
      local r = S.tool({ "fx", "native", "--call", "leak_env", "--token-from-env", "FX_PLANTED", level },
        { env = { FX_PLANTED = planted } })
      S.status(r, 0)
      S.truth(r, warned(r), "no warning")
      S.truth(r, not r.stdout:find(planted, 1, true) and not r.stderr:find(planted, 1, true), "the secret came out")
    end
  end)

  it("the captured output of a declared child is data, not noise", function()
    local r = S.status(S.tool({ "fx", "child", "noise" }), 0)
    S.equal(r, "from the child\n", r.envelope.data.stdout, "stdout of the child")
    S.truth(r, not warned(r), "a warning")
  end)
end)
