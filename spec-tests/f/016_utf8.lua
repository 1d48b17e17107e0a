-- REQ-F-016: whatever bytes a command returns, the answer is valid UTF-8.
local S = require "lib.spec"

local REPLACED = "\u{FFFD}"

local function bytes(hex) return S.status(S.tool { "fx", "bytes", "--hex", hex }, 0) end

S.req("REQ-F-016", "UTF-8 sanitization before serialization", function()
  it("1 every string and every key goes through the sanitizer", function()
    local r = bytes "636166e92e747874"
    S.equal(r, "caf" .. REPLACED .. ".txt", r.envelope.data.value, "value")
    S.equal(r, true, r.envelope.data["caf" .. REPLACED .. ".txtkey"], "key")
  end)

  it("2 invalid sequences, NUL and lone surrogates become U+FFFD, per maximal part", function()
    for hex, want in pairs {
      ["6100" .. "62"] = "a" .. REPLACED .. "b", eda080 = REPLACED:rep(3), c0af = REPLACED:rep(2), ["e28261"] = REPLACED
        .. "a",
      f4908080 = REPLACED:rep(4), ["ff"] = REPLACED, ["f09f98"] = REPLACED, ["c3a9"] = "é", ["f09f9880"] = "😀",
    } do
      local r = bytes(hex)
      S.equal(r, want, r.envelope.data.value, hex)
    end
  end)

  it("3 random bytes never break the answer", function()
    math.randomseed(20240311)
    local jobs = {}
    for i = 1, 300 do
      local parts = {}
      for k = 1, math.random(1, 40) do parts[k] = ("%02x"):format(math.random(0, 255)) end
      jobs[i] = { { "fx", "bytes", "--hex", table.concat(parts) } }
    end
    for _, r in ipairs(S.tool_all(jobs, 2)) do
      S.status(r, 0)
      S.equal(r, "", r.stderr, "stderr")
      S.truth(r, utf8.len(r.stdout), "stdout is not UTF-8")
    end
  end)

  it("4 bytes of the command line and of the environment that are echoed are repaired", function()
    local r = S.tool { "fx", "no\xffsuch" }
    S.failed(r, 2, "COMMAND_NOT_FOUND")
    r = S.tool { "fx", "types", "--count", "\xe9\x80" }
    S.failed(r, 2, "ARG_ERROR")
    S.status(S.tool({ "fx", "ok" }, { env = { TOOL_TRACE_ID = "t\xff1" } }), 0)
  end)

  it("5 no NUL byte in the output", function()
    local r = bytes "00410042"
    S.truth(r, not r.stdout:find("\0", 1, true) and not r.stdout:find("\\u0000", 1, true), "NUL")
  end)
end)
