-- REQ-F-041: no command moves the process.
local S = require "lib.spec"

S.req("REQ-F-041", "Process CWD immutability", function()
  it("1 and 2 a library that calls chdir is refused by the kernel; the directory stays", function()
    local r = S.tool({ "fx", "native", "--call", "chdir_root" }, { cwd = S.dir() })
    S.status(r, 0)
    S.truth(r, r.envelope.meta.confinement == "full", "this kernel cannot confine")
    r = S.status(S.tool({ "fx", "moved" }, { cwd = "/usr" }), 0)
    S.equal(r, "/usr", r.envelope.data.before, "before")
    S.equal(r, "/usr", r.envelope.data.after, "after")
  end)

  it("3 source that calls chdir is refused with the reason and the alternative", function()
    local r, said = S.check("changes-directory")
    S.status(r, 2)
    S.truth(r, said:find("chdir is not permitted", 1, true) and said:find("absolute paths", 1, true), said)
    S.truth(r, said:find("changes-directory", 1, true), "the file's name")
  end)

  it("4 a program's directory is its own", function()
    local dir = S.dir()
    local r = S.status(S.tool({ "fx", "workdir", "--where", dir }, { cwd = "/usr" }), 0)
    S.equal(r, dir, r.envelope.data.child, "child")
    S.equal(r, "/usr", r.envelope.data.cwd, "cwd")
    S.equal(r, "/usr", r.envelope.meta.cwd, "meta.cwd")
  end)

  it("5 --cwd calls no chdir in the tool's own processes", function()
    local r, trace = S.strace({ "fx", "ok", "--cwd", "/tmp" }, "chdir,fchdir", { cwd = "/usr" })
    S.status(r, 0)
    S.equal(r, "/tmp", r.envelope.meta.cwd, "meta.cwd")
    for _, line in ipairs(trace) do assert.is_nil(line:match("f?chdir%(.*= 0")) end
  end)
end)
