-- ctx.archive: packing gives whole and equal archives; unpacking never leaves its directory, whatever the archive holds.
local S = require "lib.spec"
local tar = require "lib.tar"
local uv = require "luv"

local COMMANDS = S.paths.root .. "/modules/commands"

local function run(at, ops, opts)
  opts = opts or {}
  opts.env = { TOOL_COMMANDS_PATH = COMMANDS }
  local args = { "srv", "arc", "--at", at, "--do", S.json.encode(S.json.array(ops)) }
  for _, arg in ipairs(opts.args or {}) do args[#args + 1] = arg end
  return S.tool(args, opts)
end

local function results(at, ops)
  return S.status(run(at, ops), 0).envelope.data.results
end

local function hex(bytes) return (bytes:gsub(".", function(c) return ("%02x "):format(c:byte()) end)) end
local function unhex(text) return (text:gsub("(%x%x) ?", function(x) return string.char(tonumber(x, 16)) end)) end

local function write(path, bytes, mode)
  local fd = assert(uv.fs_open(path, "wx", mode or 420))
  assert(uv.fs_write(fd, bytes))
  uv.fs_close(fd)
  return path
end

-- Unpacks the bytes into DIR/out; gives the run and DIR.
local function unpack(bytes, limits)
  local dir = S.dir "unpack"
  return run(dir, { { "unpack", { path = write(dir .. "/a.tar", bytes) }, dir .. "/out", limits } }), dir
end

-- The bytes are refused with the code, the message has the text, and nothing is left.
local function refused(bytes, code, text, limits)
  local r, dir = unpack(bytes, limits)
  local e = S.failed(r, 4, code)
  S.truth(r, e.message:find(text, 1, true), "the message lacks " .. text)
  S.equal(r, { "a.tar" }, S.tree(dir), "what is left")
  return e, r
end

S.req("REQ-MODULE-ARCHIVE", "Archives", function()
  it("packs files, bytes and links so that the system's tar reads the same", function()
    local dir = S.dir "pack"
    write(dir .. "/script", "#!/bin/sh\n", 493)
    local long = ("d/"):rep(80) .. "end"
    local r = results(dir, { { "pack", { { name = "bin/run", path = dir .. "/script" }, { name = "ä€.txt", data = "€" },
      { name = long, data = "" }, { name = "l", link = "bin/run" }, { name = "secret", data = "x", mode = 384 },
      { name = "to-long", link = long } }, { path = dir .. "/x.tar.gz" } } })[1]
    local bytes = S.slurp(dir .. "/x.tar.gz")
    assert.equal(#bytes, r.bytes)
    assert.equal(6, r.entries)
    local all = tar.entries(tar.gunzip(bytes))
    local function brief(e) return ("%s %s %o %d %s"):format(e.name, e.type, e.mode, e.size, e.link) end
    local lines = {}
    for i, e in ipairs(all) do
      lines[i] = brief(e)
      assert.same({ 0, 0, 0, "", "" }, { e.mtime, e.uid, e.gid, e.uname, e.gname })
    end
    assert.same({ "bin/run 0 755 10 ", "ä€.txt 0 644 3 ", long .. " 0 644 0 ", "l 2 777 0 bin/run",
      "secret 0 600 1 ", "to-long 2 777 0 " .. long }, lines)
    assert.equal("#!/bin/sh\n", all[1].data)
    local listing = io.popen("tar -tzf " .. dir .. "/x.tar.gz 2>&1 | wc -l"):read("a")
    assert.equal("6", listing:match("%d+"))
  end)

  it("gives the same bytes for the same entries, and their digest", function()
    local dir = S.dir "same"
    local a, b = write(dir .. "/a", "same", 420), write(dir .. "/b", "same", 432)
    assert(uv.fs_utime(b, 1, 1) and uv.fs_chmod(b, 432))
    local function pack(path, opts) return { "pack", { { name = "f", path = path } }, opts or S.json.null } end
    local r = results(dir, { pack(a, {}), pack(b, {}), pack(b, { format = "tar" }), pack(b, { reproducible = false }),
      pack(a, { path = dir .. "/x" }) })
    assert.equal(r[1].hex, r[2].hex)
    assert.equal(r[1].hex, hex(S.slurp(dir .. "/x")))
    assert.equal(r[1].sha256, r[5].sha256)
    assert.equal(io.popen("sha256sum < " .. dir .. "/x"):read("a"):match("%x+"), r[1].sha256)
    assert.equal(tar.gunzip(unhex(r[1].hex)), unhex(r[3].hex))
    local plain = tar.entries(tar.gunzip(unhex(r[4].hex)))[1]
    assert.same({ 1, 432 }, { plain.mtime, plain.mode })
  end)

  it("refuses names that would not unpack, names that occur twice, and a file that cannot be read", function()
    local dir = S.dir "names"
    for name, why in pairs { ["/abs"] = "absolute", ["a/../b"] = "leave", ["a//b"] = "plain form", ["./a"] = "plain form",
        ["a/"] = "plain form", [""] = "no name" } do
      local e = S.failed(run(dir, { { "pack", { { name = name, data = "" } }, { path = dir .. "/x" } } }), 4,
        "ARCHIVE_UNSAFE")
      assert.truthy(e.message:find(why, 1, true), e.message)
    end
    S.failed(run(dir, { { "pack", { { name = "a", data = "" }, { name = "a", data = "" } } } }), 4, "ARCHIVE_UNSAFE")
    S.failed(run(dir, { { "pack", { { name = "a", path = dir .. "/missing" } } } }), 5, "NOT_FOUND")
    S.failed(run(dir, { { "pack", { { name = "a", path = dir } } } }), 4, "IS_A_DIRECTORY")
    S.failed(run(dir, { { "pack", { { name = "a", path = "/etc/hostname" } } } }), 4, "ACCESS_UNDECLARED")
    S.failed(run(dir, { { "pack", { { name = "a", data = "" } }, { path = "/tmp/x.tar" } } }), 4, "ACCESS_UNDECLARED")
    assert.same({}, S.tree(dir))
  end)

  it("replaces an archive whole or leaves it as it is", function()
    local dir = S.dir "whole"
    write(dir .. "/x", "old")
    write(dir .. "/large", ("z"):rep(2000000))
    S.failed(run(dir, { { "pack", { { name = "a", path = dir .. "/large" }, { name = "b", path = dir .. "/missing" } },
      { path = dir .. "/x" } } }), 5, "NOT_FOUND")
    assert.equal("old", S.slurp(dir .. "/x"))
    assert.same({ "large", "x" }, S.tree(dir))
  end)

  it("lists, reads and unpacks what it packed, and what others packed", function()
    local dir = S.dir "read"
    local bytes = tar.gzip(tar.archive({ name = "./", type = "5", mode = 493 }, { name = "./sub/", type = "5", mode = 448 },
      { name = "./sub/f", data = "content", mode = 493 }, { name = "h", type = "1", link = "./sub/f" },
      { name = "sub/up", type = "2", link = "../h" }, tar.pax { path = "pax-ü" }, { name = "x", data = "p" },
      { name = "v7", data = "7", magic = ("\0"):rep(8) }))
    write(dir .. "/a.tgz", bytes)
    local source = { path = dir .. "/a.tgz" }
    local r = results(dir, { { "list", source }, { "read", source, "sub/f" }, { "unpack", { hex = hex(bytes) }, dir .. "/out" },
      { "read", source, "pax-ü" } })
    local names = {}
    for i, e in ipairs(r[1]) do names[i] = ("%s %s %d %o %s"):format(e.name, e.type, e.size, e.mode, e.link or "") end
    assert.same({ "./ directory 0 755 ", "sub directory 0 700 ", "sub/f file 7 755 ", "h hardlink 0 644 ./sub/f",
      "sub/up link 0 644 ../h", "pax-ü file 1 644 ", "v7 file 1 644 " }, names)
    assert.equal("content", unhex(r[2].hex))
    assert.equal("p", unhex(r[4].hex))
    assert.equal(6, #r[3])
    assert.same({ "h", "pax-ü", "sub/", "sub/f", "sub/up", "v7" }, S.tree(dir .. "/out"))
    assert.equal("content", S.slurp(dir .. "/out/sub/up"))
    assert.equal(448, uv.fs_stat(dir .. "/out/sub").mode & 511)
    S.failed(run(dir, { { "read", source, "nope" } }), 5, "NOT_FOUND")
    S.failed(run(dir, { { "read", source, "sub" } }), 4, "ARCHIVE_UNSAFE")
    S.failed(run(dir, { { "list", { path = dir .. "/nope" } } }), 5, "NOT_FOUND")
    S.failed(run(dir, { { "list", { path = "/etc/hostname" } } }), 4, "ACCESS_UNDECLARED")
  end)

  it("unpacks into an absent or an empty directory only, and where the command may write", function()
    local dir = S.dir "where"
    local source = { hex = hex(tar.archive { name = "f", data = "x" }) }
    assert(uv.fs_mkdir(dir .. "/empty", 448))
    results(dir, { { "unpack", source, dir .. "/empty" } })
    S.failed(run(dir, { { "unpack", source, dir .. "/empty" } }), 6, "ALREADY_EXISTS")
    assert.same({ "empty/", "empty/f" }, S.tree(dir))
    S.failed(run(dir, { { "unpack", source, dir .. "/empty/f" } }), 4, "NOT_A_DIRECTORY")
    S.failed(run(dir, { { "unpack", source, dir .. "/no/such" } }), 5, "NOT_FOUND")
    S.failed(run(dir, { { "unpack", source, "/tmp/elsewhere" } }), 4, "ACCESS_UNDECLARED")
  end)

  it("refuses every way out of the directory, names the entry and leaves nothing", function()
    local first = { name = "before", data = "x" }
    for text, entries in pairs {
      ["/etc/evil"] = { { name = "/etc/evil", data = "x" } },
      ["../evil"] = { { name = "../evil", data = "x" } },
      ["a/../../evil"] = { { name = "a/../../evil", data = "x" } },
      ['"abs" is a link'] = { { name = "abs", type = "2", link = "/etc" } },
      ['"up" is a link'] = { { name = "up", type = "2", link = ".." } },
      ['"d/up" is a link'] = { { name = "d/up", type = "2", link = "../../x" } },
      ['"d/n" is a link'] = { { name = "d/m", type = "2", link = ".." }, { name = "d/n", type = "2", link = "m/../.." } },
      ['"void" is a link'] = { { name = "void", type = "2", link = "" } },
      ['"l/f" lies below'] = { { name = "d/", type = "5" }, { name = "l", type = "2", link = "d" }, { name = "l/f", data = "x" } },
      ['"l" occurs twice'] = { { name = "l", type = "2", link = "t" }, { name = "l", data = "x" } },
      ['"hard" is a hard link'] = { { name = "hard", type = "1", link = "/etc/passwd" } },
      ['"hard2" is a hard link'] = { { name = "hard2", type = "1", link = "../a.tar" } },
      ['"hl" is a hard link'] = { { name = "a/b/s", type = "2", link = "../../t" }, { name = "hl", type = "1", link = "a/b/s" } },
      ['"null" is no file'] = { { name = "null", type = "3" } },
      ['"blk" is no file'] = { { name = "blk", type = "4" } },
      ['"pipe" is no file'] = { { name = "pipe", type = "6" } },
      ['"./twice" occurs twice'] = { { name = "twice", data = "1" }, { name = "./twice", data = "2" } },
      ['"f/x" lies below'] = { { name = "f", data = "1" }, { name = "f/x", data = "2" } },
      ['"d" occurs twice'] = { { name = "d/", type = "5" }, { name = "d", data = "2" } },
      ['"suid" has a set-id bit'] = { { name = "suid", data = "x", mode = 2541 } },
      ['"sgid/" has a set-id bit'] = { { name = "sgid/", type = "5", mode = 1517 } },
      ["lies too deep"] = { tar.pax { path = ("d/"):rep(101) .. "f" }, { name = "x", data = "x" } },
      ["too long"] = { tar.pax { path = ("n"):rep(5000) }, { name = "x", data = "x" } },
      ["/pax/evil"] = { tar.pax { path = "/pax/evil" }, { name = "x", data = "x" } },
      ['"pl" is a link'] = { tar.pax { linkpath = "../../x" }, { name = "pl", type = "2", link = "ok" } },
    } do
      refused(tar.archive(first, table.unpack(entries)), "ARCHIVE_UNSAFE", text)
    end
  end)

  it("refuses what is no archive, damaged or cut short", function()
    local good = tar.archive({ name = "a", data = ("a"):rep(3000) }, { name = "b", data = "b" })
    local zipped = tar.gzip(good)
    refused("", "ARCHIVE_INVALID", "no tar archive")
    refused("hello, I am text\n", "ARCHIVE_INVALID", "no tar archive")
    refused(("x"):rep(4096), "ARCHIVE_INVALID", "no tar archive")
    refused(good:sub(1, 2000), "ARCHIVE_INVALID", "damaged")
    refused(good:sub(1, 3584 + 100), "ARCHIVE_INVALID", "damaged")
    refused(tar.archive({ name = "a", data = "x" }, { name = "b", data = "y", sum = 1 }), "ARCHIVE_INVALID", "damaged")
    refused(zipped:sub(1, -2), "ARCHIVE_INVALID", "ends too early")
    refused(zipped:sub(1, 200), "ARCHIVE_INVALID", "ends too early")
    refused(zipped .. "tail", "ARCHIVE_INVALID", "other bytes follow")
    local flipped = zipped:sub(1, 1000) .. string.char(zipped:byte(1001) ~ 1) .. zipped:sub(1002)
    refused(flipped, "ARCHIVE_INVALID", "incorrect data check")
    refused("\31\139\8\0nonsense that is no deflate", "ARCHIVE_INVALID", "damaged")
    S.status(unpack(zipped .. ("\0"):rep(512)), 0)
  end)

  it("stops at its limits: bytes, entries, and a bomb of compressed zeros", function()
    local two = tar.archive({ name = "a", data = ("a"):rep(600) }, { name = "b", data = ("b"):rep(600) })
    refused(two, "ARCHIVE_TOO_LARGE", "1199 bytes", { max_bytes = 1199 })
    refused(two, "ARCHIVE_TOO_LARGE", "1 entries", { max_files = 1 })
    S.status(unpack(two, { max_bytes = 1200, max_files = 2 }), 0)
    local dir = S.dir "bomb"
    local made = io.popen(("cd %s && truncate -s 200M zero && tar -cf - zero | gzip -9 > bomb.tgz && rm zero && echo ok")
      :format(dir)):read("a")
    assert.equal("ok\n", made)
    local r = run(dir, { { "unpack", { path = dir .. "/bomb.tgz" }, dir .. "/out", { max_bytes = "1MiB" } } })
    S.failed(r, 4, "ARCHIVE_TOO_LARGE")
    assert.same({ "bomb.tgz" }, S.tree(dir))
    S.failed(run(dir, { { "read", { path = dir .. "/bomb.tgz" }, "zero", { max_bytes = "1MiB" } } }), 4, "ARCHIVE_TOO_LARGE")
    S.failed(run(dir, { { "list", { path = dir .. "/bomb.tgz" }, { max_bytes = "1MiB" } } }), 4, "ARCHIVE_TOO_LARGE")
  end)

  it("an entry that occurs twice cannot be read", function()
    local dir = S.dir "twice"
    local source = { hex = hex(tar.archive({ name = "a", data = "1" }, { name = "./a", data = "2" })) }
    S.failed(run(dir, { { "read", source, "a" } }), 4, "ARCHIVE_UNSAFE")
  end)

  it("writes nothing in a preview, and only where archive is declared", function()
    local r = S.tool({ "srv", "keep", "--do", "[]" }, { env = { TOOL_COMMANDS_PATH = COMMANDS } })
    S.status(r, 0)
    local dir = S.dir "dry"
    S.status(run(dir, { { "pack", {}, { path = dir .. "/x" } } }, { args = { "--dry-run" } }), 0)
    assert.same({}, S.tree(dir))
  end)
end)
