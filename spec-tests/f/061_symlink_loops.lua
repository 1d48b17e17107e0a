-- REQ-F-061: a walk through directories ends, whatever links lie in its way.
local S = require "lib.spec"
local uv = require "luv"

local function mkdirs(base, path)
  for part in path:gmatch("[^/]+") do
    base = base .. "/" .. part
    if not S.exists(base) then assert(uv.fs_mkdir(base, 448)) end
  end
  return base
end

local function link(target, path) assert(uv.fs_symlink(target, path)) end

-- t/a/b/link -> t/a, with a file before and after it.
local function looped()
  local t = S.dir("t")
  mkdirs(t, "a/b")
  S.spit(t .. "/a/b/file", "x")
  link("../../a", t .. "/a/b/link")
  S.spit(t .. "/z", "x")
  return t
end

local function rmtree(t, ...) return S.tool { "fx", "rmtree", t, "--confirm-destructive", ... } end

S.req("REQ-F-061", "Symlink loop detection in traversal utilities", function()
  it("1, 2 and 5 a loop stops at once, before anything is deleted", function()
    local t = looped()
    local before = S.tree(t)
    local r = rmtree(t)
    local e = S.failed(r, 4, "SYMLINK_LOOP")
    S.equal(r, t .. "/a/b/link", e.path, "path")
    S.equal(r, t .. "/a", e.loop_target, "loop_target")
    S.equal(r, 5, e.completed_count, "completed_count: t, a, b, file and the link")
    S.equal(r, false, e.retryable, "retryable")
    S.equal(r, "execution", e.phase, "phase")
    assert.same(before, S.tree(t))
  end)

  it("1 the preview finds it too", function()
    local r = S.tool { "fx", "rmtree", looped(), "--dry-run" }
    S.failed(r, 4, "SYMLINK_LOOP")
  end)

  it("1 a link to its own directory, to itself, and to the root of the walk", function()
    for _, case in ipairs { { ".", "a/here" }, { "self", "self" }, { "..", "a/up" } } do
      local t = S.dir("t")
      mkdirs(t, "a")
      link(case[1], t .. "/" .. case[2])
      local r = S.tool { "fx", "tree", t }
      local e = S.failed(r, 4, "SYMLINK_LOOP")
      S.equal(r, t .. "/" .. case[2], e.path, "path")
    end
  end)

  it("3 the default depth is 50, --max-depth sets it", function()
    local t = S.dir("deep")
    mkdirs(t, ("d/"):rep(60))
    local e = S.failed(S.tool { "fx", "tree", t }, 4, "DEPTH_EXCEEDED")
    assert.equal(50, e.max_depth)
    assert.equal(t .. ("/d"):rep(51), e.path)
    assert.truthy(e.hint:find("--max-depth", 1, true))
    local r = S.tool { "fx", "tree", t, "--max-depth", "10" }
    S.failed(r, 4, "DEPTH_EXCEEDED")
    S.equal(r, 10, r.envelope.error.max_depth, "max_depth")
    r = S.status(S.tool { "fx", "tree", t, "--max-depth", "60" }, 0)
    S.equal(r, 60, #r.envelope.data, "entries")
  end)

  it("3 five levels: 3 are too few and delete nothing, 5 are enough", function()
    local t = S.dir("five")
    S.spit(mkdirs(t, "1/2/3/4/5") .. "/file", "x")
    local before = S.tree(t)
    S.failed(rmtree(t, "--max-depth", "3"), 4, "DEPTH_EXCEEDED")
    assert.same(before, S.tree(t))
    local r = S.status(rmtree(t, "--max-depth", "5"), 0)
    S.equal(r, 6, r.envelope.data.deleted_count, "deleted")
    assert.same({}, S.tree(t))
  end)

  it("4 two links to one directory are no loop, and all is found", function()
    local t = S.dir("t")
    S.spit(mkdirs(t, "real") .. "/file", "x")
    link("real", t .. "/l1")
    link("real", t .. "/l2")
    link("nowhere", t .. "/broken")
    local r, names = S.status(S.tool { "fx", "tree", t }, 0), {}
    for i, row in ipairs(r.envelope.data) do names[i] = row.path:sub(#t + 2) .. (row.link and "@" or "") end
    assert.same({ "broken@", "l1@", "l1/file@", "l2@", "l2/file@", "real", "real/file" }, names)
  end)

  it("--no-follow-symlinks skips every link, and what they name survives", function()
    local t, outside = looped(), S.spit(S.dir("outside") .. "/keep", "x")
    link(outside, t .. "/out")
    local r = S.status(S.tool { "fx", "tree", t, "--no-follow-symlinks" }, 0)
    S.equal(r, 4, #r.envelope.data, "entries")
    r = S.tool { "fx", "rmtree", t, "--no-follow-symlinks", "--dry-run" }
    S.equal(S.status(r, 0), 4, r.envelope.data.would_affect.count, "count")
    assert.equal("x", S.slurp(outside))
  end)

  it("5 both flags belong to every command that walks, and to no other", function()
    local walks, other = S.contract("fx tree").flags, S.contract("fx ok").flags
    for _, name in ipairs { "max-depth", "no-follow-symlinks" } do
      assert.is_table(walks[name])
      assert.is_nil(other[name])
    end
    assert.equal(50, walks["max-depth"].default)
  end)

  it("a root that is missing or no directory", function()
    S.failed(S.tool { "fx", "tree", "/nowhere/at/all" }, 5, "NOT_FOUND")
    S.failed(S.tool { "fx", "tree", "/etc/hostname" }, 4, "NOT_A_DIRECTORY")
  end)
end)
