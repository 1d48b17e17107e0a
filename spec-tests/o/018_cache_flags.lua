-- REQ-O-018: --no-cache and --cache-ttl.
local S = require "lib.spec"
local uv = require "luv"

local function place()
  local home = S.dir "home"
  return home, home .. "/.cache/fx", function(...)
    return S.status(S.tool({ "fx", "cached", ... }, { env = { HOME = home } }), 0)
  end
end

local function used(r) return r.envelope.meta.cache_used end

S.req("REQ-O-018", "--no-cache and --cache-ttl flags", function()
  it("1 only commands with a cache have them", function()
    local flags = S.contract("fx cached").flags
    assert.truthy(flags["no-cache"] and flags["cache-ttl"])
    for _, args in ipairs { { "fx", "ok", "--no-cache" }, { "fx", "ok", "--cache-ttl", "1" } } do
      S.failed(S.tool(args), 2, "ARG_ERROR")
    end
  end)

  it("2 --no-cache neither reads nor writes", function()
    local _, dir, run = place()
    run "--no-cache"
    assert.same({}, S.list(dir))
    local kept = run()
    local name = S.list(dir)[1]
    local before = uv.fs_stat(dir .. "/" .. name).mtime
    local r = run "--no-cache"
    S.equal(r, false, used(r), "cache_used")
    S.truth(r, r.envelope.data.value ~= kept.envelope.data.value, "the kept value came")
    assert.same(before, uv.fs_stat(dir .. "/" .. name).mtime)
    local traced, trace = S.strace({ "fx", "cached", "--no-cache" }, "openat,unlink,rename,mkdir",
      { env = { HOME = dir:match("^(.*)/.cache/fx$") } })
    for _, line in ipairs(trace) do S.truth(traced, not line:find(".cache/fx", 1, true), line) end
  end)

  it("3 and 5 --cache-ttl replaces the declared time; what is older is as good as missing", function()
    local _, dir, run = place()
    run()
    local path = dir .. "/" .. S.list(dir)[1]
    local old = os.time() - 60
    assert(uv.fs_utime(path, old, old))
    local r = run()
    S.equal(r, true, used(r), "within the declared hour")
    r = run("--cache-ttl", "30")
    S.equal(r, false, used(r), "after 60 of 30 s")
    r = run("--cache-ttl", "30")
    S.equal(r, true, used(r), "it was fetched again")
    assert(uv.fs_utime(path, old - 7200, old - 7200))
    r = run()
    S.equal(r, false, used(r), "after the declared hour")
  end)

  it("4 --cache-ttl 0 is --no-cache", function()
    local _, dir, run = place()
    local r = run("--cache-ttl", "0")
    S.equal(r, false, used(r), "cache_used")
    assert.same({}, S.list(dir))
    for _, bad in ipairs { "-1", "x", "1.5" } do S.failed(S.tool { "fx", "cached", "--cache-ttl", bad }, 2, "ARG_ERROR") end
    r = run("--no-cache", "--cache-ttl", "100")
    S.equal(r, false, used(r), "both")
    assert.same({}, S.list(dir))
  end)

  it("6 meta.cache_used says whether kept data was read", function()
    local _, dir, run = place()
    local first, second = run(), run()
    S.equal(second, { false, true }, { used(first), used(second) }, "cache_used")
    assert.equal(S.raw(first, "data"), S.raw(second, "data"))
    local r = run("--topic", "other")
    S.equal(r, false, used(r), "another key")
    S.equal(S.tool { "fx", "ok" }, nil, S.tool { "fx", "ok" }.envelope.meta.cache_used, "of a command without a cache")
    S.spit(dir .. "/" .. S.list(dir)[1], "{damaged")
    S.spit(dir .. "/" .. S.list(dir)[2], "{damaged")
    r = run()
    S.equal(r, false, used(r), "a damaged entry")
  end)
end)
