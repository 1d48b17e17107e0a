-- REQ-C-030: where one safe command cures a failure, the failure names it.
local S = require "lib.spec"
local stub = require "lib.stub_server"

local function words(line) return (assert(line:match("^tool (.*)$"), line)) end

S.req("REQ-C-030", "Errors include an executable fix_command", function()
  it("1 the failure carries fix_command beside fix_required, and is not retryable", function()
    local r = S.tool "fx suggest --kind login"
    local e = S.failed(r, 8, "FX_LOGIN")
    S.equal(r, "tool fx ok", e.fix_command, "fix_command")
    S.truth(r, #e.fix_required > 3 and e.retryable == false, "fix_required and retryable")
    assert.equal("tool fx ok", S.contract("fx suggest").errors.FX_LOGIN.fix_command)
  end)

  it("2, 3 and 6 it runs as it is, twice as well as once, and then the call does not fail in that way", function()
    local server, home = stub.start { { body = "thing" } }, S.dir "home"
    local env = { HOME = home, FX_PASS = "tok-4f9c2e71b8" }
    local function call() return S.tool({ "fx", "guarded", server.url .. "/thing" }, { env = env }) end
    local e = S.failed(call(), 8, "UNAUTHENTICATED")
    for _ = 1, 2 do S.status(S.tool(words(e.fix_command), { env = env }), 0) end
    S.status(call(), 0)
    server.close()
  end)

  it("4 a command that destroys data is refused", function()
    local r, text = S.check "fix-destructive"
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("fix_command targets a destructive command (REQ-C-002)", 1, true), text)
  end)

  it("5 a placeholder and a shell operator are refused", function()
    for _, name in ipairs { "fix-angle", "fix-dollar" } do
      local r, text = S.check(name)
      S.failed(r, 2, "REGISTRATION_ERROR")
      S.truth(r, text:find("fix_command contains a placeholder; use fix_required prose instead", 1, true), text)
    end
    local r, text = S.check "fix-operator"
    S.failed(r, 2, "REGISTRATION_ERROR")
    S.truth(r, text:find("fix_command contains a shell operator", 1, true), text)
  end)

  it("also refused: without prose, unknown, not to be parsed, changing more each time", function()
    for name, part in pairs {
      ["fix-proseless"] = "fix_command needs fix_required", ["fix-unknown"] = "is not a registered command or companion",
      ["fix-unparsed"] = "fix_command does not parse: ", ["fix-incomplete"] = "fix_command does not parse: ",
      ["fix-wrong-value"] = "fix_command does not parse: ",
      ["fix-mutating"] = "fix_command targets a mutating command not marked idempotent",
    } do
      local r, text = S.check(name)
      S.failed(r, 2, "REGISTRATION_ERROR")
      S.truth(r, text:find(part, 1, true), name .. ": " .. text)
    end
  end)

  it("7 without a safe single command there is prose only", function()
    local r = S.tool "fx suggest --kind busy"
    local e = S.failed(r, 6, "FX_BUSY")
    S.equal(r, nil, e.fix_command, "fix_command")
    S.truth(r, #(e.fix_required or "") > 3, "fix_required")
    S.equal(r, nil, S.tool("fx suggest --kind limited").envelope.error.fix_command, "fix_command of a retryable failure")
  end)

  it("every fix_command of every command names one that is there and safe to repeat", function()
    local contracts = S.tool({ "manifest" }).envelope.meta.contracts
    for path, ext in pairs(contracts) do
      for code, e in pairs(ext.errors or {}) do
        if e.fix_command then
          local target
          for at = 1, #e.fix_command do
            local name = e.fix_command:sub(1, at):match("^tool (.*)$") or e.fix_command:sub(1, at)
            target = contracts[name:gsub(" ", ".")] or contracts["sentryagent." .. name:gsub("^%S+ ?", ""):gsub(" ", ".")] or target
          end
          assert.truthy(target, path .. " " .. code .. ": " .. e.fix_command)
          assert.is_nil(e.fix_command:find("[<>$|;&`]"), e.fix_command)
        end
      end
    end
  end)
end)
