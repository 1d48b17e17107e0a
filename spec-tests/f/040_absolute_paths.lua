-- REQ-F-040: a path in an answer means the same wherever it is read.
local S = require "lib.spec"

local function paths(args, opts)
  table.insert(args, 1, "paths")
  table.insert(args, 1, "fx")
  local r = S.status(S.tool(args, opts), 0)
  return r.envelope.data, r
end

-- What the fixture's fields must be below a directory.
local function expect(data, base, r)
  S.equal(r, base .. "/src/index.ts", data.config_path, "config_path")
  S.equal(r, S.json.array { "/already/there", base .. "/a/c.txt", base .. "/b.txt" }, data.files, "files")
  S.equal(r, base .. "/deep", data.tree.inner.deep, "a nested field")
  S.equal(r, base .. "/x/y", data.by_name.one, "a field of a map")
  S.equal(r, base .. "/s", data.schema, "a field of a JSON Schema")
end

S.req("REQ-F-040", "Absolute path output enforcement", function()
  it("1 path is a word of returns, and the published schema says so", function()
    local s = S.contract("fx paths").output_schema.properties
    assert.same({ "string", "path" }, { s.config_path.type, s.config_path["x-type"] })
    assert.equal("path", s.files.items["x-type"])
    assert.equal("path", s.nothing["x-type"])
    assert.same({ "string", "null" }, { s.nothing.type[1], s.nothing.type[2] })
    assert.is_nil(s.text["x-type"])
  end)

  it("2 and 3 declared fields are absolute below the caller's directory, dots resolved", function()
    local dir = S.dir("project")
    local data, r = paths({}, { cwd = dir, env = { PWD = dir } })
    expect(data, dir, r)
    S.equal(r, dir, r.envelope.meta.cwd, "meta.cwd")
    local other = S.dir("other")
    data, r = paths({}, { cwd = other, env = { PWD = other } })
    expect(data, other, r)
  end)

  it("4 --cwd is the base when it is given, and meta.cwd", function()
    local dir = S.dir("target")
    local data, r = paths({ "--cwd", dir })
    expect(data, dir, r)
    S.equal(r, dir, r.envelope.meta.cwd, "meta.cwd")
  end)

  it("5 absolute paths, null and other texts stay as they are; there are no further keys", function()
    local data, r = paths({ "--path", "/a/b" })
    S.equal(r, "/a/b", data.more, "an absolute path")
    S.equal(r, S.json.null, data.nothing, "null")
    S.equal(r, "./x", data.text, "a plain string")
    data, r = paths({ "--path", "/a/./b/../c/" })
    S.equal(r, "/a/c", data.more, "an absolute path with dots")
    S.equal(r, 8, #S.json.key_order(data), "keys")
  end)

  it("the path need not exist, and a link is not followed", function()
    local dir = S.dir("links")
    assert(require "luv".fs_symlink("/", dir .. "/link"))
    local data, r = paths({ "--path", "link/etc", "--cwd", dir })
    S.equal(r, dir .. "/link/etc", data.more, "a path through a link")
  end)

  it("2 other formats and streams show the same", function()
    local dir = S.dir("rows")
    local r = S.status(S.tool({ "fx", "paths", "--output", "jsonl", "--cwd", dir }), 0)
    assert.truthy(r.stdout:find('"config_path":"' .. dir .. "/src/index.ts", 1, true), r.stdout)
    for _, args in ipairs { { "--stream" }, { "--no-stream" } } do
      r = S.status(S.tool { "fx", "path-rows", args[1], "--cwd", dir }, 0)
      assert.truthy(r.stdout:find('"file":"' .. dir .. "/one", 1, true), r.stdout)
    end
  end)
end)
