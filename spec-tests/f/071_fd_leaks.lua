-- REQ-F-071: a child inherits 0, 1 and 2 and nothing else.
local S = require "lib.spec"

S.req("REQ-F-071", "File descriptor leak prevention", function()
  it("2 a child sees three descriptors, also when the caller left others open", function()
    local path = S.spit(S.dir() .. "/open", "x")
    local r = S.status(S.tool({ "fx", "child", "fds" }, { fds = { [9] = path, [17] = "/etc/passwd" } }), 0)
    S.equal(r, "0\n1\n2\n3\n", r.envelope.data.stdout, "descriptors of ls, the last of them its own")
  end)

  it("1 the tool itself uses none of the caller's descriptors", function()
    for _, fds in ipairs { { [3] = "/etc/passwd" }, { [9] = "/etc/passwd", [10] = "/etc/hostname",
      [11] = "/dev/null" } } do
      S.status(S.tool({ "fx", "ok" }, { fds = fds }), 0)
    end
  end)
end)
