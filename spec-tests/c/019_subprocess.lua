-- REQ-C-019: a program gets its arguments as a list, and says which of them the caller controls.
local S = require "lib.spec"

S.req("REQ-C-019", "Subprocess commands declare argument schema", function()
  it("1 and 4 a shell metacharacter in the caller's argument is refused before anything runs", function()
    for _, c in ipairs { ";", "|", "&", "$", "(", ")", "<", ">", "`", "\\", "\n", "\r" } do
      local dir = S.dir()
      local r = S.tool({ "fx", "forward", "a" .. c .. "touch " .. dir .. "/pwned" }, { cwd = dir })
      local e = S.failed(r, 2, "ARG_ERROR")
      S.equal(r, "--target", e.errors[1].param, "param")
      assert.same({}, S.list(dir))
    end
  end)

  it("1 what stands behind the target is checked too, and other parameters are not", function()
    S.failed(S.tool { "fx", "forward", "x", "a;b" }, 2, "ARG_ERROR")
    local file = S.dir() .. "/f"
    S.status(S.tool { "fx", "write", "--path", file, "--text", "a;b $(c) `d`\n" }, 0)
    assert.equal("a;b $(c) `d`\n", S.slurp(file))
  end)

  it("1 blanks and quotes arrive in one argument each", function()
    local r = S.status(S.tool { "fx", "forward", "a b", "c 'd' \"e\"", "*" }, 0)
    S.equal(r, "[a b]\n[c 'd' \"e\"]\n[*]\n", r.envelope.data.said, "arguments")
  end)

  it("2 a shell and the calls that reach one are refused", function()
    local r, text = S.check("os-execute", "shell-fixed", "exec-undeclared", "runs-unknown", "runs-two", "exec-string")
    S.failed(r, 2, "REGISTRATION_ERROR")
    for _, part in ipairs {
      "os.execute/io.popen is not available; declare runs and use ctx.exec", '"sh -c" in fixed is prohibited',
      "ctx.exec used but runs is not declared", 'runs.from names unknown parameter "nothing"',
      "runs names more than one program; split the command", "SHELL_STRING_PROHIBITED",
    } do S.truth(r, text:find(part, 1, true), part .. " is missing in " .. text) end
  end)

  it("3 --schema shows the program, its own arguments and the caller's", function()
    local r = S.tool { "fx", "forward", "--schema" }
    S.equal(r, { binary = "fx-child", hardcoded_args = S.json.array {},
      user_controlled_args = { "target", "child-args" } }, r.envelope.data.subprocess, "subprocess")
    assert.is_nil(S.contract("fx ok").subprocess)
  end)
end)
