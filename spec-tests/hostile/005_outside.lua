-- Hosts that are not declared, programs that multiply or stay, and places that links lead out of.
local uv = require "luv"
local S = require "lib.spec"
local hostile = require "hostile.common"

S.req("HOSTILE-OUTSIDE", "Attacks by hosts, processes and links", function()
  local at

  setup(function()
    at = hostile.place()
    hostile.remember(at)
  end)
  teardown(function() hostile.close(at) end)

  for _, how in ipairs { "get", "try", "events", "other", "userinfo", "tail" } do
    it("a host that is not declared: " .. how, function()
      local r = S.tool({ "hostile", "talks", how, tostring(at.port) }, hostile.options(at))
      S.failed(r, 4, "ACCESS_UNDECLARED")
      hostile.unharmed(at, r)
    end)
  end

  it("a download to a place that is not declared", function()
    local r = S.tool({ "hostile", "talks", "download", tostring(at.port) }, hostile.options(at))
    S.failed(r, 4, "ACCESS_UNDECLARED")
    hostile.unharmed(at, r)
  end)

  for _, attack in ipairs { "tcp", "bind", "raw", "packet", "netlink", "local" } do
    it("a program that may talk to one port: " .. attack, function()
      local argument = attack == "tcp" and tostring(at.port) or attack == "local" and "/run/x" or nil
      local r = S.status(S.tool({ "hostile", "online", attack, argument }, hostile.options(at)), 0)
      local told = r.envelope.data.told
      local ports = r.envelope.meta.confinement == "full" -- an old kernel says that it cannot tell ports apart
      S.truth(r, told == "EACCES" or told == "EPERM" or not ports and (attack == "tcp" or attack == "bind"),
        "told " .. tostring(told))
      hostile.unharmed(at, r)
    end)
  end

  it("programs that multiply are stopped, all of them", function()
    local r = S.tool({ "hostile", "program", "bomb", "400" }, hostile.options(at, { timeout = 30 }))
    S.failed(r, 3, "PROCESS_LIMIT")
    S.truth(r, r.elapsed_ms < 10000, "it took too long")
    hostile.unharmed(at, r)
  end)

  for _, way in ipairs { "program", "lua" } do
    it("a run that fills its own directory is stopped, and the directory is gone: " .. way, function()
      local words = way == "program" and { "hostile", "program", "fill-directory" } or { "hostile", "fills" }
      local r = S.tool(words, hostile.options(at, { timeout = 30 }))
      local e = S.failed(r, way == "program" and 3 or 1, "DISK_LIMIT")
      S.equal(r, 20000000, e.max_bytes)
      assert.same({}, S.tree(at.home .. "/tmp/tool-" .. uv.getuid()))
      hostile.unharmed(at, r)
    end)
  end

  it("a program that leaves its session ends with the run", function()
    local r = S.status(S.tool({ "hostile", "program", "daemon" }, hostile.options(at)), 0)
    S.equal(r, "done", r.envelope.data.told, "told")
    S.equal(r, S.json.array {}, S.json.array(r.left), "processes that are left")
  end)

  it("a program is found on PATH at absolute directories only", function()
    local dir = S.dir "path"
    S.spit(dir .. "/attack", "#!/bin/sh\necho planted\n")
    assert(S.run({ "chmod", "755", dir .. "/attack" }).status == 0)
    local opts = hostile.options(at, { cwd = dir })
    opts.env.PATH = ".::" .. opts.env.PATH
    local r = S.status(S.tool({ "hostile", "program", "fork" }, opts), 0)
    S.equal(r, "done", r.envelope.data.told, "the installed program ran")
  end)

  it("a link in a declared directory that is turned while it is read leads nowhere", function()
    local link = at.see .. "/turning"
    for i = 1, 20 do
      uv.fs_unlink(link)
      assert(uv.fs_symlink(i % 2 == 0 and at.files.secret or at.see .. "/visible", link))
      local r = S.status(S.tool({ "hostile", "program", "--see", at.see, "read", link }, hostile.options(at)), 0)
      local told = r.envelope.data.told
      S.truth(r, told == (i % 2 == 0 and "EACCES" or "done"), "told " .. tostring(told))
    end
    uv.fs_unlink(link)
  end)
end)
