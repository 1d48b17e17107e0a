-- REQ-F-044: outside data reaches a program as one argument, or not at all.
local S = require "lib.spec"

local CHARACTERS = { ";", "|", "&", "$", "(", ")", "<", ">", "`", "\n", "\r", "\\" }

S.req("REQ-F-044", "Shell argument escaping enforcement", function()
  it("1 no shell is ever started for a program", function()
    local r, trace = S.strace({ "fx", "child", "fds" }, "execve", {})
    S.status(r, 0)
    for _, line in ipairs(trace) do
      assert.is_nil(line:match('execve%("[^"]*/bin/sh", %["[^"]*", "%-c"') or line:match('"%-c"'), line)
    end
  end)

  it("2 a contract that asks for shell mode is refused", function()
    local r, said = S.check("shell-mode")
    S.status(r, 2)
    S.truth(r, said:find("-c", 1, true) and said:find("prohibited", 1, true), said)
  end)

  it("3 and 6 shell metacharacters and line breaks exit 2 in the validation, naming parameter and character", function()
    local dir = S.dir()
    for _, c in ipairs(CHARACTERS) do
      local r = S.tool { "fx", "child", "a" .. c .. " touch " .. dir .. "/pwned" }
      local e = S.failed(r, 2, "ARG_ERROR")
      S.equal(r, "validation", e.phase, "phase")
      S.equal(r, "--what", e.errors[1].param, "param")
      S.truth(r, e.message:find("metacharacter", 1, true), "message")
    end
    assert.same({}, S.list(dir))
  end)

  it("4 values from the environment are refused too, and what a program said before", function()
    S.failed(S.tool({ "fx", "from-env" }, { env = { TOOL_FX_WORD = "a;b" } }), 2, "ARG_ERROR")
    S.failed(S.tool { "fx", "relay", "--said" }, 2, "ARG_ERROR")
    local r = S.failed(S.tool { "fx", "relay", "--text", "a;b" }, 2, "ARG_ERROR")
    assert.equal("validation", r.phase)
  end)

  it("4 met after an effect the same is exit 3 in the execution", function()
    local file = S.dir() .. "/changed"
    local r = S.tool { "fx", "relay", "--text", "a;b", "--change", file }
    S.failed(r, 3, "ARG_ERROR")
    S.equal(r, "execution", r.envelope.error.phase, "phase")
    assert.equal("changed\n", S.slurp(file))
  end)

  it("5 what the command itself writes arrives as it is, in one argument", function()
    local r = S.status(S.tool { "fx", "relay", "--own" }, 0)
    S.equal(r, "[a $ of my own]\n", r.envelope.data.stdout, "arguments")
  end)

  it("7 the author's guide tells of the refusal", function()
    local found = false
    for _, name in ipairs(S.list(S.paths.root .. "/../docs")) do
      local text = S.slurp(S.paths.root .. "/../docs/" .. name) or ""
      found = found or (text:find("metacharacter", 1, true) and text:find("ctx.exec", 1, true)) ~= nil
    end
    assert.is_true(found)
  end)
end)
