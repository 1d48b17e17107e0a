-- REQ-F-062: a program gets its arguments as they are.
local S = require "lib.spec"

S.req("REQ-F-062", "Glob expansion and word-splitting prevention", function()
  it("1 and 2 blanks and glob characters arrive literally, one argument each", function()
    local words = { "fx", "child", "hello world", "*.json", "?", "[a]", "~", "", "'quoted'", '"' }
    local r = S.status(S.tool(words, { cwd = "/etc" }), 0)
    S.equal(r, "[hello world]\n[*.json]\n[?]\n[[a]]\n[~]\n[]\n['quoted']\n[\"]\n", r.envelope.data.stdout, "arguments")
  end)

  it("3 a command line in place of a list is refused where the source shows it", function()
    for _, name in ipairs { "exec-string", "pipe-string" } do
      local r, said = S.check(name)
      S.status(r, 2)
      S.truth(r, said:find("SHELL_STRING_PROHIBITED", 1, true), said)
    end
  end)

  it("3 and at the call where it is made at run time", function()
    for _, how in ipairs { "exec", "pipe", "stage" } do
      S.failed(S.tool { "fx", "string-command", "--how", how }, 1, "SHELL_STRING_PROHIBITED")
    end
  end)

  it("3 nothing else can start a program", function()
    for _, name in ipairs { "os-execute", "io-popen" } do S.status(S.check(name), 2) end
  end)

  it("4 --debug shows each start as a JSON array", function()
    local r = S.status(S.tool { "fx", "child", "hello world", "--debug" }, 0)
    local line = r.stderr:match("exec (%[[^\n]*)")
    S.equal(r, S.json.array { "fx-child", "hello world" }, S.json.decode(line), "the array")
  end)
end)
