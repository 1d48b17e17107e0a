-- REQ-F-045: input that looks made up is refused.
local S = require "lib.spec"

S.req("REQ-F-045", "Agent hallucination input pattern rejection", function()
  it("1 to 4 identifiers with traversal, encoding or query parts exit 2 with the pattern's name", function()
    for value, pattern in pairs {
      ["../etc/passwd"] = "path_traversal", ["files%2fetc%2fpasswd"] = "percent_encoded_separator",
      ["%2E%2E"] = true, ["a?foo=bar"] = "query_parameter", ["a&b"] = "query_parameter", ["a#b"] = "fragment",
      ["%3Brm"] = true, ["..%5cwindows"] = true, ["%2e%2e/"] = true,
    } do
      local r = S.tool { "fx", "types", "--ident", value }
      local e = S.failed(r, 2, "INVALID_AGENT_INPUT")
      S.equal(r, value, e.input_value, "input_value")
      S.truth(r, type(e.rejected_pattern) == "string", "rejected_pattern")
      if pattern ~= true then S.equal(r, pattern, e.rejected_pattern, "rejected_pattern of " .. value) end
    end
  end)

  it("2 paths with traversal are refused too", function()
    for _, value in ipairs { "../x", "a/../../x", "..%2fx", "%2e%2e/x" } do
      S.failed(S.tool { "fx", "types", "--file", value }, 2, "INVALID_AGENT_INPUT")
    end
  end)

  it("5 an ordinary path and an ordinary identifier pass unchanged", function()
    local r = S.status(S.tool { "fx", "types", "--file", "/home/user/file.txt", "--ident", "usr-a1b2c3" }, 0)
    S.equal(r, "/home/user/file.txt", r.envelope.data.file, "file")
    S.equal(r, "usr-a1b2c3", r.envelope.data.ident, "ident")
  end)
end)
