-- REQ-F-070: a file is old or new, never half.
local S = require "lib.spec"

local SIZE = 400000
local OLD, NEW = ("old\n"):rep(SIZE // 4), ("new\n"):rep(SIZE // 4)

local function write(path, text, opts)
  return S.tool({ "fx", "write", "--path", path, "--text", text, "--count", tostring(SIZE // 4) }, opts)
end

S.req("REQ-F-070", "Atomic write via rename", function()
  it("1 the file is written beside its target, synced and renamed; the target is never truncated", function()
    local path = S.dir() .. "/file"
    local r, trace = S.strace({ "fx", "write", "--path", path },
      "openat,open,rename,renameat,renameat2,fsync,fdatasync")
    S.status(r, 0)
    local text = table.concat(trace, "\n")
    S.truth(r, text:find("rename") and text:find("sync%("), "no rename or no fsync")
    for _, line in ipairs(trace) do
      assert.is_nil(line:find('"' .. path .. '"', 1, true) and line:find("O_TRUNC", 1, true), line)
    end
  end)

  it("2 killed at any moment, the file is old or new", function()
    local path = S.dir() .. "/file"
    for ms = 0, 14 do
      S.spit(path, OLD)
      write(path, "new\n", { signals = { { "KILL", after_ms = ms } }, shape = "none", settle_ms = 1000 })
      local got = S.slurp(path)
      assert.is_true(got == OLD or got == NEW, "half a file after a kill at " .. ms .. " ms: " .. #got)
    end
  end)

  it("3 of two writers one wins whole", function()
    local path = S.dir() .. "/file"
    local jobs = {}
    for i = 1, 20 do
      local text = i % 2 == 0 and "new\n" or "old\n"
      jobs[i] = { { "fx", "write", "--path", path, "--text", text, "--count", tostring(SIZE // 4) } }
    end
    for _, r in ipairs(S.tool_all(jobs, 8)) do S.status(r, 0) end
    local got = S.slurp(path)
    assert.is_true(got == OLD or got == NEW)
  end)

  it("4 nothing is left beside the target, on success and on failure", function()
    local dir = S.dir()
    S.status(write(dir .. "/file", "new\n"), 0)
    assert.same({ "file" }, S.list(dir))
    local r = S.tool({ "fx", "write", "--path", dir .. "/file", "--count", "100000" }, { limits = { fsize = 100000 } })
    S.truth(r, r.status ~= 0, "success although the file could not be written")
    assert.same({ "file" }, S.list(dir))
    assert.is_true(S.slurp(dir .. "/file") == NEW)
  end)

  it("1 and 6 configuration and --output-file are written the same way", function()
    local dir = S.dir()
    S.spit(dir .. "/.tool-config", "{}")
    for file, args in pairs {
      [".tool-config"] = { "config", "set", "a", "1", "--cwd", dir },
      ["out.json"] = { "fx", "ok", "--output-file", dir .. "/out.json", "--cwd", dir },
    } do
      local r, trace = S.strace(args, "openat,open,creat,truncate,ftruncate,rename,renameat,renameat2,linkat,fsync,fdatasync")
      S.status(r, 0)
      local renamed, temporary
      for _, line in ipairs(trace) do
        if line:find("O_CREAT", 1, true) and line:find(dir .. "/" .. file .. ".tmp-", 1, true) then temporary = true end
        if line:find("O_TMPFILE", 1, true) and line:find('"' .. dir .. '"', 1, true) then temporary = true end
        local put = line:find("rename", 1, true) or line:find("linkat", 1, true)
        if put and line:find('"' .. dir .. "/" .. file .. '"', 1, true) then renamed = true end
        assert.is_nil(line:find('"' .. dir .. "/" .. file .. '"', 1, true) and line:find("O_TRUNC", 1, true), line)
        assert.is_nil(line:find("O_CREAT", 1, true) and line:find('"/tmp/[^"]*%.tmp%-') and not line:find(dir, 1, true), line)
      end
      S.truth(r, temporary, file .. ": no temporary file beside the target")
      S.truth(r, renamed, file .. ": no rename to the target")
      S.truth(r, table.concat(trace, "\n"):find("fsync(", 1, true), file .. ": no fsync")
    end
    assert.same({ ".tool-config", "out.json" }, S.list(dir))
  end)

  it("2 and 4 a configuration write that is killed leaves the old file; the next one clears up", function()
    local dir = S.dir()
    local pad = ("p"):rep(200000)
    local path = S.spit(dir .. "/.tool-config", ('{"pad":"%s","n":"0"}'):format(pad))
    for ms = 0, 12 do
      S.tool({ "config", "set", "n", tostring(ms), "--cwd", dir },
        { signals = { { "KILL", after_ms = ms } }, shape = "none", settle_ms = 1000 })
      local value = S.json.decode(S.slurp(path)) or error("half a file after a kill at " .. ms .. " ms")
      assert.equal(pad, value.pad)
    end
    S.status(S.tool { "config", "set", "n", "end", "--cwd", dir }, 0)
    assert.same({ ".tool-config" }, S.list(dir))
  end)

  it("3 fifty writers of the configuration at once: no key is lost", function()
    local dir, jobs = S.dir(), {}
    for i = 1, 50 do jobs[i] = { { "config", "set", "key" .. i, tostring(i), "--cwd", dir } } end
    for _, r in ipairs(S.tool_all(jobs, 50)) do S.status(r, 0) end
    local value = assert(S.json.decode(S.slurp(dir .. "/.tool-config")))
    for i = 1, 50 do assert.equal(tostring(i), value["key" .. i]) end
    assert.same({ ".tool-config" }, S.list(dir))
  end)

  it("a write through a link replaces what the link names", function()
    local dir = S.dir()
    S.spit(dir .. "/real", "old")
    assert(require "luv".fs_symlink("real", dir .. "/link"))
    S.status(S.tool { "fx", "write", "--path", dir .. "/link" }, 0)
    assert.equal("link", require "luv".fs_lstat(dir .. "/link").type)
    assert.equal("text\n", S.slurp(dir .. "/real"))
  end)

  it("the mode of an existing target is kept", function()
    local path = S.spit(S.dir() .. "/file", "x")
    assert(S.run({ "chmod", "640", path }).status == 0)
    S.status(S.tool { "fx", "write", "--path", path }, 0)
    assert.equal("640\n", S.run({ "stat", "-c", "%a", path }).stdout)
  end)
end)
