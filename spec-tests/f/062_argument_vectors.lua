-- REQ-F-062 and REQ-F-044: a child gets its arguments as they are, or not at all.
local S = require "lib.spec"

S.req("REQ-F-062", "Glob expansion and word-splitting prevention", function()
  it("1 and 2 blanks and glob characters arrive literally", function()
    local r = S.status(S.tool { "fx", "child", "hello world", "*.json", "?", "[a]", "~" }, 0)
    S.equal(r, "[hello world]\n[*.json]\n[?]\n[[a]]\n[~]\n", r.envelope.data.stdout, "arguments")
  end)
end)

S.req("REQ-F-044", "Shell argument escaping enforcement", function()
  it("3 and 6 shell metacharacters and line breaks are refused before anything runs", function()
    local dir = S.dir()
    for _, c in ipairs { ";", "|", "&", "$", "(", ")", "<", ">", "`", "\n", "\r" } do
      local r = S.tool { "fx", "child", "a" .. c .. " touch " .. dir .. "/pwned" }
      S.failed(r, 2, "ARG_ERROR")
      S.equal(r, "validation", r.envelope.error.phase, "phase")
    end
    assert.same({}, S.list(dir))
  end)
end)
