-- REQ-C-001: a command declares how it can end.
local S = require "lib.spec"

-- Each broken contract is refused, and the message says why.
local function refused(name, text)
  local r, messages = S.check(name)
  S.failed(r, 2, "REGISTRATION_ERROR")
  S.truth(r, messages:find(text, 1, true), ("%s: %q expected in %q"):format(name, text, messages))
end

S.req("REQ-C-001", "Command declares exit codes", function()
  it("1 a command without exits is refused", function() refused("no-exits", "exit_codes declaration is required") end)

  it("2 exits without SUCCESS are refused", function() refused("no-success",
    'exit_codes must include SUCCESS (key "0")') end)

  it("3 retryable with side effects is refused", function()
    refused("retry-partial", 'retryable: true requires side_effects: "none"')
  end)

  it("4 --schema shows exit_codes, each entry fits its schema", function()
    for path in pairs(S.manifest().commands) do
      local data, r = S.contract((path:gsub("%.", " ")))
      local count = 0
      for code, entry in pairs(data.exit_codes) do
        count = count + 1
        S.truth(r, code:find("^%d+$") and (code == "0" or not code:find("^0")), "key " .. code)
        local problems = S.schema.validate(S.named_schema "exit-code-entry", entry)
        S.truth(r, #problems == 0, path .. " exit " .. code .. ": " .. table.concat(problems, "; "))
        S.truth(r, type(entry.name) == "string", path .. " exit " .. code .. " has no name")
      end
      S.truth(r, count >= 1 and data.exit_codes["0"], path .. " has no exit 0")
    end
  end)

  it("5 failing with what is not declared warns in development and is a failure of the command", function()
    local r = S.tool({ "fx", "throw", "--how", "undeclared" }, { env = { TOOL_DEV = "1" } })
    S.status(r, 1)
    local text = table.concat(r.envelope.warnings, "\n") .. r.envelope.error.message
    S.truth(r, text:find("FX_NOT_DECLARED", 1, true), "nothing names the code")
  end)

  it("6 names only, never numbers", function()
    refused("literal-five", "use NOT_FOUND, not literal 5")
    refused("nameless-code", "code 79 needs a name")
    refused("reserved-code", "code 14 is reserved")
    refused("shell-code", "code 126 is reserved")
    refused("long-text", "description must be 1 to 120 characters")
  end)

  it("7 only 0 may be complete; 2 is none; 3 is never retryable", function()
    refused("complete-failure", 'only SUCCESS may be side_effects: "complete"')
    for path, entry in pairs(S.manifest().commands) do
      for code, exit in pairs(entry.exit_codes) do
        if code ~= "0" then assert.not_equal("complete", exit.side_effects, path .. " " .. code) end
        if code == "2" then assert.equal("none", exit.side_effects, path) end
        if code == "3" then assert.is_false(exit.retryable, path) end
        if exit.retryable then assert.equal("none", exit.side_effects, path .. " " .. code) end
      end
    end
  end)

  it("8 every entry has its name; 130 and 143 are in every map", function()
    for path, entry in pairs(S.manifest().commands) do
      for _, code in ipairs { "1", "2", "4", "10", "130", "143" } do
        assert.truthy(entry.exit_codes[code], path .. " lacks exit " .. code)
      end
      assert.truthy(entry.exit_codes["130"].name:find("^CANCELLED"), path)
    end
    assert.equal("LEGAL_HOLD", S.contract("fx exit").exit_codes["79"].name)
  end)

  it("a refused command is absent from the manifest and exits 4 when called", function()
    local env = { TOOL_COMMANDS_PATH = S.paths.commands .. ":" .. S.paths.root .. "/fixtures/rejected" }
    local r = S.tool({ "bad", "no-exits" }, { env = env })
    local e = S.failed(r, 4, "COMMAND_REJECTED")
    S.truth(r, #(e.errors or {}) > 0, "error.errors is empty")
    r = S.status(S.tool({ "manifest" }, { env = env }), 0)
    S.equal(r, nil, r.envelope.data.commands["bad.no-exits"], "entry of a refused command")
    S.truth(r, r.envelope.data.commands["fx.ok"], "the others are gone too")
  end)
end)
