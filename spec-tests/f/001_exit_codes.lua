-- REQ-F-001: the standard table of exit codes.
local S = require "lib.spec"

local NAMES = { [0] = "SUCCESS", "GENERAL_ERROR", "ARG_ERROR", "PARTIAL_FAILURE", "PRECONDITION", "NOT_FOUND",
  "CONFLICT",
  "PERMISSION_DENIED", "AUTH_REQUIRED", "PAYMENT_REQUIRED", "TIMEOUT", "RATE_LIMITED", "UNAVAILABLE", "REDIRECTED" }

S.req("REQ-F-001", "Standard exit code table", function()
  it("1 every standard condition exits with its number", function()
    for number = 0, 13 do
      local name = NAMES[number]
      local r = S.tool { "fx", "exit", "--name", name }
      if number == 0 then S.status(r, 0) else S.failed(r, number, "FX_" .. name) end
    end
  end)

  it("2 a literal number at a call site is refused, and the constant is named", function()
    local r, text = S.check "literal-fail"
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("NOT_FOUND", 1, true), "the message names no constant: " .. text)
    r, text = S.check "literal-five"
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("use NOT_FOUND, not literal 5", 1, true), "message: " .. text)
  end)

  it("3 failing with an undeclared code is refused at registration and at the call", function()
    local r, text = S.check "undeclared-code"
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("FX_NOWHERE", 1, true), "the message does not name the code: " .. text)
    r = S.tool { "fx", "throw", "--how", "undeclared" }
    S.status(r, 1)
  end)

  it("4 exit 0 if and only if the operation completed", function()
    S.status(S.tool { "fx", "ok" }, 0)
    for _, how in ipairs { "error", "nil-index", "table", "nil", "stack", "wrong-result" } do
      local r = S.tool { "fx", "throw", "--how", how }
      S.truth(r, r.status ~= 0, "claims success after " .. how)
    end
  end)

  it("5 exit 1 never stands where a more specific code fits", function()
    local expected = {
      { 2, { "fx", "no-such-command" } }, { 2, { "no-such-group" } }, { 2, { "fx", "ok", "--no-such-flag" } },
      { 2, { "fx", "types", "--count", "x" } }, { 5, { "fx", "cat", S.dir() .. "/absent" } },
      { 10, { "fx", "spin" } }, { 4, { "fx", "prompt" } },
    }
    for _, case in ipairs(expected) do S.status(S.tool(case[2]), case[1], table.concat(case[2], " ")) end
  end)

  it("6 ranges: 79 to 125 for commands, 14 to 63 and 126 to 255 refused, 130 and 143 by the host alone", function()
    S.failed(S.tool { "fx", "exit", "--name", "LEGAL_HOLD" }, 79, "FX_LEGAL_HOLD")
    S.failed(S.check "reserved-code", 2, "REGISTRATION_ERROR")
    S.failed(S.check "shell-code", 2, "REGISTRATION_ERROR")
    S.failed(S.check "nameless-code", 2, "REGISTRATION_ERROR")
    for path, entry in pairs(S.manifest().commands) do
      for code in pairs(entry.exit_codes) do
        local n = math.tointeger(tonumber(code))
        assert(n and (n <= 13 or n >= 64 and n <= 125 or n == 130 or n == 143), path .. " declares exit " .. code)
      end
    end
  end)

  it("7 defaults of retryable and side_effects", function()
    local codes = S.contract("fx exit").exit_codes
    local none, partial = { [2] = 1, [4] = 1, [5] = 1, [6] = 1, [7] = 1, [8] = 1, [9] = 1, [11] = 1, [12] = 1,
      [13] = 1 },
      { [1] = 1, [3] = 1 }
    for number = 0, 13 do
      local entry = assert(codes[tostring(number)], "exit " .. number .. " is missing")
      assert.equal(NAMES[number], entry.name)
      assert.same({}, S.schema.validate(S.named_schema "exit-code-entry", entry))
      if number ~= 10 then assert.equal(number == 11 or number == 12, entry.retryable, NAMES[number]) end
      if none[number] then assert.equal("none", entry.side_effects, NAMES[number]) end
      if partial[number] then assert.equal("partial", entry.side_effects, NAMES[number]) end
    end
    assert.same({ "LEGAL_HOLD", false, "none" }, { codes["79"].name, codes["79"].retryable, codes["79"].side_effects })
    local mutating = S.contract("fx write").exit_codes
    assert.same({ "complete", false, "partial" },
      { mutating["0"].side_effects, mutating["10"].retryable, mutating["10"].side_effects })
  end)
end)
