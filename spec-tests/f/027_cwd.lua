-- REQ-F-027: a response says where it was made.
local S = require "lib.spec"

S.req("REQ-F-027", "CWD in response meta", function()
  it("1 meta.cwd is an absolute path in every response", function()
    for args, status in pairs { ["fx ok"] = 0, ["fx throw"] = 1, ["fx ok --nonsense"] = 2, nothing = 2,
      ["fx spin"] = 10 } do
      local dir = S.dir()
      local r = S.status(S.tool(args, { cwd = dir }), status)
      S.equal(r, dir, r.envelope.meta.cwd, "meta.cwd")
    end
  end)

  it("2 it is what pwd prints: the logical path through a link", function()
    local dir = S.dir()
    assert(S.run({ "mkdir", dir .. "/real" }).status == 0)
    assert(S.run({ "ln", "-s", dir .. "/real", dir .. "/link" }).status == 0)
    local r = S.status(S.tool({ "fx", "ok" }, { cwd = dir .. "/link" }), 0)
    S.equal(r, dir .. "/link", r.envelope.meta.cwd, "meta.cwd")
    r = S.status(S.tool({ "fx", "ok" }, { cwd = dir .. "/link", env = { PWD = "/nonsense" } }), 0)
    S.equal(r, dir .. "/real", r.envelope.meta.cwd, "meta.cwd with a wrong PWD")
  end)

  it("4 --cwd names another directory without going there; a removed directory is no crash", function()
    local dir = S.dir()
    local r = S.status(S.tool { "fx", "ok", "--cwd", dir }, 0)
    S.equal(r, dir, r.envelope.meta.cwd, "meta.cwd")
    local gone = S.dir()
    local script = 'cd "$1" && rmdir "$1" && shift && exec "$@"'
    local run = S.run({ "sh", "-c", script, "sh", gone, S.paths.tool, "fx", "ok" },
      { clear_env = true, env = S.environment {} })
    local problems = S.envelope_problems((run.stdout:gsub("\n$", "")), run.status)
    assert.same({}, problems, run.stdout)
  end)
end)
