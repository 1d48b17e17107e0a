-- The start image (host/worker/image.h): every run begins with it, wherever the system puts the program; a file that is
-- missing, damaged or of another build is not used, and the answers are the same.
local S = require "lib.spec"
local uv = require "luv"

local ADDRESS = "mmap(0x2000000000"
local IMAGE = S.paths.tool:match("^(.*)/") .. "/start.image"
local sanitized = os.getenv "ASAN_OPTIONS" ~= nil

-- An installation with this file as its image; nil for none.
local function installed(image)
  local root = S.dir "installed"
  local made, source = S.paths.tool:match("^(.*)/"), S.paths.root .. "/.."
  for _, dir in ipairs { "/bin", "/lib", "/lib/tool" } do assert(uv.fs_mkdir(root .. dir, 493)) end
  assert(uv.fs_copyfile(S.paths.tool, root .. "/bin/tool"))
  assert(uv.fs_symlink(made .. "/modules", root .. "/lib/tool/modules"))
  for _, name in ipairs { "commands", "plugins" } do
    assert(uv.fs_symlink(source .. "/" .. name, root .. "/lib/tool/" .. name))
  end
  if image then S.spit(root .. "/lib/tool/start.image", image) end
  return root .. "/bin/tool"
end

local function answers(tool)
  local out = {}
  for _, args in ipairs { { "fx", "ok" }, { "fx", "list", "--limit", "3" }, { "fx", "nothing" }, { "check-permissions" } } do
    local r = S.tool(args, { tool = tool, env = { HOME = S.dir "home" } })
    out[#out + 1] = { r.status, r.envelope.data, r.envelope.error }
  end
  return S.json.encode(out)
end

-- Does a run map the image?
local function maps(tool)
  local log = S.dir "strace" .. "/log"
  local r = S.run({ "strace", "-f", "-qq", "-e", "trace=mmap", "-e", "signal=none", "-o", log, tool, "fx", "ok" },
    { clear_env = true, env = S.environment {} })
  assert.equal(0, r.status)
  return S.slurp(log):find(ADDRESS, 1, true) ~= nil
end

S.req("START-IMAGE", "the state that every run begins with", function()
  if sanitized then
    it("a sanitized build has none", function() assert.is_false(S.exists(IMAGE)) end)
    return
  end

  local good = S.slurp(IMAGE)

  it("is used, and the answers are those of a run without it", function()
    local with, without = installed(good), installed(nil)
    assert.is_true(maps(with))
    assert.is_false(maps(without))
    local want = answers(without)
    for _ = 1, 10 do assert.equal(want, answers(with)) end -- each time the program is somewhere else
  end)

  it("random numbers are not those of the run before", function()
    local seen = {}
    for _ = 1, 3 do seen[S.json.encode(S.tool({ "fx", "random" }).envelope.data)] = true end
    local count = 0
    for _ in pairs(seen) do count = count + 1 end
    assert.equal(3, count)
  end)

  it("of another build, cut short, longer, with a wrong list or no image at all, it is not used", function()
    local want = answers(installed(nil))
    local function byte(at) return good:sub(1, at) .. string.char(good:byte(at + 1) ~ 1) .. good:sub(at + 2) end
    local pointers = ("<I8"):unpack(good, 81)
    for name, image in pairs {
      empty = "", short = good:sub(1, 4096), cut = good:sub(1, -4097), longer = good .. ("\0"):rep(4096),
      text = ("no image\n"):rep(1000), magic = byte(3), build = byte(30), count = good:sub(1, 80) .. ("<I8"):pack(pointers * 1000)
        .. good:sub(89), place = good:sub(1, 96) .. ("<I4"):pack(0xfffffff0) .. good:sub(101),
    } do
      assert.equal(want, answers(installed(image)), name)
    end
  end)
end)
