-- REQ-O-040: how deep a command goes, and whether it follows links, is the caller's choice.
local S = require "lib.spec"
local uv = require "luv"

local function mkdirs(base, path)
  for part in path:gmatch("[^/]+") do
    base = base .. "/" .. part
    if not S.exists(base) then assert(uv.fs_mkdir(base, 448)) end
  end
  return base
end

local function rmtree(t, ...) return S.tool { "fx", "rmtree", t, "--confirm-destructive", ... } end

S.req("REQ-O-040", "--no-follow-symlinks flag for traversal commands", function()
  it("1 and 5 both flags are there for commands that walk, with their defaults, and for no others", function()
    for path, entry in pairs(S.commands()) do
      local walks = S.contract((path:gsub("%.", " "))).recursive_traversal == true
      assert.equal(walks, entry.flags["max-depth"] ~= nil, path)
      assert.equal(walks, entry.flags["no-follow-symlinks"] ~= nil, path)
    end
    local flags = S.contract("fx rmtree").flags
    assert.same({ "integer", 50 }, { flags["max-depth"].type, flags["max-depth"].default })
    assert.same({ "boolean", false }, { flags["no-follow-symlinks"].type, flags["no-follow-symlinks"].default })
  end)

  it("2 with --no-follow-symlinks every link is skipped and a loop cannot be", function()
    local t, outside = S.dir "t", S.dir "outside"
    S.spit(outside .. "/file", "x")
    mkdirs(t, "a/b")
    assert(uv.fs_symlink("../../a", t .. "/a/b/loop"))
    assert(uv.fs_symlink(outside, t .. "/a/away"))
    S.spit(t .. "/a/b/file", "x")
    local r = S.status(S.tool { "fx", "rmtree", t, "--dry-run", "--no-follow-symlinks" }, 0)
    S.equal(r, 3, r.envelope.data.would_affect.count, "count")
    r = S.status(S.tool { "fx", "tree", t, "--no-follow-symlinks" }, 0)
    S.truth(r, not r.stdout:find("away", 1, true) and not r.stdout:find("loop", 1, true), "a link was followed")
    assert.same({ "file" }, S.list(outside))
  end)

  it("3 a tree that is deeper than --max-depth: exit 4 with depth, path and hint, and nothing is deleted", function()
    local t = S.dir "t"
    mkdirs(t, "a/b/c/d/e")
    local before = S.tree(t)
    local r = rmtree(t, "--max-depth", "3")
    local e = S.failed(r, 4, "DEPTH_EXCEEDED")
    S.equal(r, 3, e.max_depth, "max_depth")
    S.equal(r, t .. "/a/b/c/d", e.path, "path")
    S.truth(r, e.hint:find("--max-depth", 1, true), "hint")
    assert.same(before, S.tree(t))
    r = S.status(rmtree(t, "--max-depth", "5"), 0)
    S.equal(r, 5, r.envelope.data.deleted_count, "deleted_count")
    assert.same({}, S.tree(t))
    S.status(rmtree(t, "--max-depth", "-1"), 2)
  end)

  it("4 without the flag a loop is found", function()
    local t = S.dir "t"
    mkdirs(t, "a/b")
    assert(uv.fs_symlink("../../a", t .. "/a/b/loop"))
    local r = rmtree(t)
    local e = S.failed(r, 4, "SYMLINK_LOOP")
    S.equal(r, { t .. "/a/b/loop", t .. "/a" }, { e.path, e.loop_target }, "path and loop_target")
    assert.same({ "a/", "a/b/", "a/b/loop" }, S.tree(t))
  end)
end)
