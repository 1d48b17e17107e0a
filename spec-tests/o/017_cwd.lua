-- REQ-O-017: --cwd is where relative paths begin.
local S = require "lib.spec"
local uv = require "luv"

S.req("REQ-O-017", "--cwd / --root flag", function()
  it("1 and 2 relative paths of input and output resolve against it", function()
    local dir = S.dir "project"
    S.spit(dir .. "/a", "content\n")
    local r = S.status(S.tool { "fx", "cat", "a", "--cwd", dir }, 0)
    S.equal(r, { dir .. "/a", "content\n" }, { r.envelope.data.path, r.envelope.data.content }, "data")
    S.status(S.tool { "fx", "write", "--path", "out", "--cwd", dir }, 0)
    assert.equal("text\n", S.slurp(dir .. "/out"))
    r = S.status(S.tool { "fx", "cat", dir .. "/a", "--cwd", "/" }, 0)
    S.equal(r, dir .. "/a", r.envelope.data.path, "an absolute path")
  end)

  it("2 --root means the same", function()
    local dir = S.dir "project"
    S.spit(dir .. "/a", "x")
    local r = S.status(S.tool { "fx", "cat", "a", "--root", dir }, 0)
    S.equal(r, { dir .. "/a", dir }, { r.envelope.data.path, r.envelope.meta.cwd }, "path and cwd")
  end)

  it("3 meta.cwd is that directory, absolute; else the real one", function()
    local dir = S.dir "project"
    assert(uv.fs_mkdir(dir .. "/sub", 448))
    local r = S.status(S.tool({ "fx", "ok", "--cwd", "sub" }, { cwd = dir, env = { PWD = dir } }), 0)
    S.equal(r, dir .. "/sub", r.envelope.meta.cwd, "relative")
    r = S.status(S.tool({ "fx", "ok" }, { cwd = dir, env = { PWD = dir } }), 0)
    S.equal(r, dir, r.envelope.meta.cwd, "without")
  end)

  it("4 what is no directory exits 2 before anything happens", function()
    local dir = S.dir "project"
    local file = S.spit(dir .. "/file", "x")
    for _, bad in ipairs { "/nope", file, file .. "/x", "" } do
      S.failed(S.tool { "fx", "write", "--path", dir .. "/made", "--cwd", bad }, 2, "ARG_ERROR")
    end
    assert.falsy(S.exists(dir .. "/made"))
  end)

  it("5 the process never changes its own directory", function()
    local dir = S.dir "project"
    S.spit(dir .. "/a", "x")
    local r, trace = S.strace({ "fx", "cat", "a", "--cwd", dir }, "chdir,fchdir")
    S.status(r, 0)
    for _, line in ipairs(trace) do S.truth(r, not line:find("chdir", 1, true), line) end
  end)

  it("configuration is looked for there too", function()
    local dir = S.dir "project"
    S.spit(dir .. "/.toolrc", '{"region":"there"}')
    local r = S.status(S.tool { "fx", "region", "--cwd", dir }, 0)
    S.equal(r, "there", r.envelope.data.region, "region")
  end)
end)
