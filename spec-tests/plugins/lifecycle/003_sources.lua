-- Plugins from archives, addresses and git repositories.
local S = require "lib.spec"
local P = require "lib.plugins"
local stub = require "lib.stub_server"

local function install(opts, source, ...) return S.tool({ "plugin", "install", source, ... }, opts) end

local function run(...) local r = S.run { ... } assert.equal(0, r.status, r.stderr) return r.stdout end

-- A tar file of the plugin fx3; inside: what stands before plugin.lua in the names.
local function archive(name, from, inside)
  local path = S.dir "archive" .. "/" .. name
  if inside then run("tar", "-C", from:match("^(.*)/"), "-caf", path, inside) else run("tar", "-C", from, "-caf", path, ".") end
  return path
end

local function repository(from)
  local dir = S.dir "repo"
  run("cp", "-r", from .. "/.", dir)
  local function git(...)
    return run("git", "-C", dir, "-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "init.defaultBranch=main",
      "-c", "safe.directory=*", ...)
  end
  git("init", "-q")
  git("add", "-A")
  git("commit", "-q", "-m", "one")
  git("tag", "v1")
  return dir, git
end

S.req("PLUGINS-SOURCES", "Sources of plugins", function()
  it("a tar archive, plain or compressed, with or without a folder inside", function()
    local from = P.plugin(S.dir "src", "fx3")
    for _, case in ipairs { { "a.tar", "fx3" }, { "a.tar.gz", "fx3" }, { "a.tgz" }, { "a.tar" } } do
      local opts = P.user()
      local path = archive(case[1], from, case[2])
      local r = S.status(install(opts, path), 0)
      S.equal(r, "archive", r.envelope.data.source.kind)
      S.equal(r, run("sha256sum", path):match("^%x+"), r.envelope.data.source.sha256)
      assert.equal("fx3", P.said("fx3 say", opts))
    end
  end)

  it("what is no archive, or is one that reaches outside, is refused and leaves nothing", function()
    local opts, data = P.user()
    local text = S.spit(S.dir "x" .. "/a.tar", "no archive at all")
    S.failed(install(opts, text), 4, "ARCHIVE_INVALID")
    local from = P.plugin(S.dir "src", "fx3")
    local evil = S.dir "archive" .. "/evil.tar"
    run("tar", "-C", from, "--transform", "s|plugin.lua|../../../evil.lua|", "-Pcf", evil, "plugin.lua", "commands")
    S.failed(install(opts, evil), 4, "ARCHIVE_UNSAFE")
    run("ln", "-s", "/etc/passwd", from .. "/link")
    local r = install(opts, archive("link.tar", from, "fx3"))
    S.truth(r, r.status == 4, "a link is taken")
    assert.same({}, P.state(data))
  end)

  it("an address: fetched, checked like any archive, and fetched again by an update", function()
    local src, opts = S.dir "src", P.user()
    local body = S.slurp(archive("a.tar.gz", P.plugin(src, "fx3"), "fx3"))
    local server = stub.start(function(request)
      if request.path:find("minisig", 1, true) then return { status = 404, body = "" } end
      return { body = body }
    end)
    local r = S.status(install(opts, server.url .. "/a.tar.gz"), 0)
    S.equal(r, "url", r.envelope.data.source.kind)
    assert.equal("fx3", P.said("fx3 say", opts))
    body = S.slurp(archive("b.tar.gz", P.plugin(src, "fx3", { ["commands/say.lua"] = P.command "new" }, "1.1.0"), "fx3"))
    S.status(S.tool("plugin update fx3", opts), 0)
    assert.equal("new", P.said("fx3 say", opts))
    body = body:sub(1, -20)
    S.truth(r, S.tool("plugin update fx3", opts).status ~= 0, "half an archive is taken")
    assert.equal("new", P.said("fx3 say", opts))
    server.close()
    S.failed(S.tool("plugin update fx3", opts), 12, "CONNECTION_FAILED")
  end)

  it("a server that refuses or is not well is told as such", function()
    local opts, code = P.user(), 200
    local body = S.slurp(archive("a.tar.gz", P.plugin(S.dir "src", "fx3"), "fx3"))
    local server = stub.start(function(request)
      if request.path:find("minisig", 1, true) then return { status = 404, body = "" } end
      return { status = code, body = body }
    end)
    S.status(install(opts, server.url .. "/a.tar.gz"), 0)
    local other = P.user()
    for status, want in pairs { [401] = { 8, "UNAUTHENTICATED" }, [403] = { 7, "PERMISSION_DENIED" },
      [503] = { 12, "UNAVAILABLE" } } do
      code = status
      S.failed(install(other, server.url .. "/a.tar.gz"), want[1], want[2])
      S.failed(S.tool("plugin update fx3", opts), want[1], want[2])
    end
    server.close()
  end)

  it("a git repository, by branch, tag and commit; the commit is written down", function()
    local src = S.dir "src"
    local dir, git = repository(P.plugin(src, "fx3"))
    local opts = P.user()
    local r = S.status(install(opts, "git+file://" .. dir), 0)
    S.equal(r, git("rev-parse", "HEAD"):match("%x+"), r.envelope.data.source.commit)
    assert.equal("fx3", P.said("fx3 say", opts))
    P.write(dir, { ["plugin.lua"] = P.metadata("fx3", "1.1.0"), ["commands/say.lua"] = P.command "new" })
    git("commit", "-q", "-a", "-m", "two")
    S.status(S.tool("plugin update fx3", opts), 0)
    assert.equal("new", P.said("fx3 say", opts))
    local other = P.user()
    r = S.status(install(other, "git+file://" .. dir, "--ref", "v1"), 0)
    S.equal(r, "1.0.0", r.envelope.data.version)
    r = S.tool("plugin update fx3", other)
    S.equal(r, "noop", r.envelope.data.effect)        -- the tag stays where it is
    S.failed(install(P.user(), "git+file://" .. dir, "--ref", "nothing"), 1, "PROGRAM_FAILED")
  end)

  it("git runs no hooks, filters or helpers, and does not see the caller's configuration", function()
    local dir, git = repository(P.plugin(S.dir "src", "fx3", { [".gitattributes"] = "* filter=evil\n" }))
    local mark = S.dir "mark" .. "/ran"
    local opts = P.user()
    P.write(opts.env.HOME, { [".gitconfig"] = ('[filter "evil"]\nsmudge = touch %s; cat\n[core]\nhooksPath = %s/hooks\n'
      .. '[url "file:///nowhere"]\ninsteadOf = file://%s\n[core]\nfsmonitor = touch %s\n'):format(mark, dir, dir, mark) })
    P.write(dir, { ["hooks/post-checkout"] = "#!/bin/sh\ntouch " .. mark .. "\n" })
    run("chmod", "755", dir .. "/hooks/post-checkout")
    git("add", "-A")
    git("commit", "-q", "-m", "hooks")
    opts.env.GIT_DIR, opts.env.GIT_CONFIG_COUNT, opts.env.GIT_CONFIG_KEY_0, opts.env.GIT_CONFIG_VALUE_0 =
      "/nowhere", "1", "core.hooksPath", dir .. "/hooks"
    S.status(install(opts, "git+file://" .. dir), 0)
    assert.is_false(S.exists(mark))
  end)

  it("only the protocol of the address is spoken, and addresses that cannot be are refused at once", function()
    local opts = P.user()
    for _, source in ipairs { "ext::sh -c id", "git+ext::sh", "ftp://example.com/a.tar", "git+--upload-pack=touch",
      "https://user:secret@example.com/a.tar", "git+https://user:secret@example.com/x.git", "git+/tmp/x" } do
      local r = install(opts, source)
      S.truth(r, r.status == 2 or r.status == 5, source)
    end
    local dir = repository(P.plugin(S.dir "src", "fx3"))
    P.write(dir, { [".gitmodules"] = '[submodule "x"]\npath = x\nurl = ext::sh -c id\n' })
    S.status(install(opts, "git+file://" .. dir), 0)
  end)

  it("a git that fails is told with what it said; without git it says that it is missing", function()
    local e = S.failed(install(P.user(), "git+file:///nowhere/at/all"), 1, "PROGRAM_FAILED")
    assert.truthy(e.cause:find("nowhere", 1, true))
    local opts = P.user()
    opts.env.PATH = S.dir "empty"
    S.failed(install(opts, "git+file:///x"), 4, "DEPENDENCY_MISSING")
  end)
end)
