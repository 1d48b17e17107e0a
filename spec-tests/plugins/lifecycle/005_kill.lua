-- kill -9 at a system call of install, update and remove: afterwards the old or the new version is there, whole, and the
-- next change clears away what was left. By default at some calls of each; SPEC_SOAK=1 takes all of them.
local S = require "lib.spec"
local P = require "lib.plugins"

-- The calls by which the worker changes something, or makes a change last.
local CALLS = { "mkdir", "openat", "write", "fchmod", "fsync", "linkat", "rename", "symlink", "unlink", "unlinkat", "rmdir",
  "ftruncate", "pwrite64" }
local DEFAULT_POINTS = 6       -- of one scenario, beside those around the making and removing of links
local LINKS, AROUND = { symlink = true, unlink = true }, 2

local all = os.getenv "SPEC_SOAK" ~= nil
local old, new

local function copy_of(home)
  local to = S.dir "home"
  assert.equal(0, S.run({ "cp", "-a", home .. "/.", to }).status)
  return { env = { HOME = to, TOOL_COMMANDS_PATH = false }, cwd = to }, to .. "/.local/share/tool"
end

local SCENARIOS = {
  install = { words = function() return { "plugin", "install", old } end, before = function() return S.dir "home" end,
    outcomes = { COMMAND_NOT_FOUND = true, old = true },
    again = function(opts, said) S.status(S.tool({ "plugin", "install", old }, opts), said == "old" and 6 or 0) end },
  update = { words = function() return { "plugin", "update", "fx3", "--source", new } end,
    before = function()
      local opts = P.user()
      S.status(S.tool({ "plugin", "install", old }, opts), 0)
      return opts.env.HOME
    end,
    outcomes = { old = true, new = true },
    again = function(opts) S.status(S.tool({ "plugin", "update", "fx3", "--source", new }, opts), 0) end },
  remove = { words = function() return { "plugin", "remove", "fx3" } end,
    before = function()
      local opts = P.user()
      S.status(S.tool({ "plugin", "install", old }, opts), 0)
      S.status(S.tool({ "plugin", "update", "fx3", "--source", new }, opts), 0)
      return opts.env.HOME
    end,
    outcomes = { new = true, COMMAND_NOT_FOUND = true },
    again = function(opts) S.status(S.tool({ "plugin", "remove", "fx3" }, opts), 0) end },
}

-- The points of a scenario: { call, number } for every call that the process makes which makes the link.
local function points(words, home)
  local opts = copy_of(home)
  local _, trace = S.strace(words, table.concat(CALLS, ","), opts)
  local worker
  for _, line in ipairs(trace) do
    if line:find("plugins.lock", 1, true) then worker = worker or line:match("^%d+") end
  end
  assert.truthy(worker, "nobody took the lock")
  local count, list = {}, {}
  for _, line in ipairs(trace) do
    local pid, call = line:match("^(%d+)%s+(%w+)%(")
    if pid == worker then
      count[call] = (count[call] or 0) + 1
      list[#list + 1] = { call, count[call] }
    end
  end
  return list
end

-- Those that are tried: all, or evenly spread ones and those around a link.
local function chosen(list)
  if all then return list end
  local out, every = {}, math.max(1, #list // DEFAULT_POINTS)
  for i, point in ipairs(list) do
    local near = false
    for j = math.max(1, i - AROUND), math.min(#list, i + AROUND) do near = near or LINKS[list[j][1]] end
    if i % every == 0 or near then out[#out + 1] = point end
  end
  return out
end

local function kill_at(words, point, opts)
  local trace = S.dir "strace" .. "/log"
  local argv = { "strace", "-f", "-qq", "-o", trace, "-e", "trace=" .. point[1],
    "-e", ("inject=%s:signal=KILL:when=%d"):format(point[1], point[2]), S.paths.tool }
  for _, word in ipairs(words) do argv[#argv + 1] = word end
  local env = S.environment(opts)
  if env.ASAN_OPTIONS then env.ASAN_OPTIONS = env.ASAN_OPTIONS .. ":detect_leaks=0" end
  S.run(argv, { exe = "/usr/bin/strace", clear_env = true, env = env, cwd = opts.cwd, settle_ms = 1000 })
  return (S.slurp(trace) or ""):find("killed by SIGKILL", 1, true) ~= nil
end

local cleans = {}

-- The state on disk of a user to whom none of this happened, by what that one sees.
local function clean(scenario, said)
  local key = (scenario == "install" and "install " or "") .. said
  if cleans[key] then return cleans[key] end
  local opts, data = P.user()
  if said == "COMMAND_NOT_FOUND" then
    S.status(S.tool({ "plugin", "install", old }, opts), 0)
    S.status(S.tool("plugin remove fx3", opts), 0)
  else
    S.status(S.tool({ "plugin", "install", old }, opts), 0)
    if scenario ~= "install" then S.status(S.tool({ "plugin", "update", "fx3", "--source", new }, opts), 0) end
  end
  cleans[key] = P.state(data)
  return cleans[key]
end

S.req("PLUGINS-KILL", "A killed change", function()
  setup(function()
    old = P.plugin(S.dir "old", "fx3", { ["commands/say.lua"] = P.command "old" }, "1.0.0")
    new = P.plugin(S.dir "new", "fx3", { ["commands/say.lua"] = P.command "new" }, "1.1.0")
  end)

  for name, scenario in pairs(SCENARIOS) do
    it(name .. " leaves the old or the new version, whole", function()
      local home, words = scenario.before(), scenario.words()
      local list = chosen(points(words, home))
      if all then print(("%s: %d calls"):format(name, #list)) end
      local killed, seen = 0, {}
      for _, point in ipairs(list) do
        local opts, data = copy_of(home)
        local where = ("%s, killed at %s %d"):format(name, point[1], point[2])
        if kill_at(words, point, opts) then killed = killed + 1 end
        local said = P.said("fx3 say", opts)
        assert.is_true(scenario.outcomes[said] or false, where .. ": " .. tostring(said))
        seen[said] = true
        local r = S.tool("plugin verify", opts)
        S.truth(r, r.status == 0, where)
        scenario.again(opts, said)
        assert.same(clean(name, P.said("fx3 say", opts)), P.state(data), where)
        S.run { "rm", "-rf", "--", opts.env.HOME }
      end
      assert.is_true(killed >= #list * 0.8, ("%d of %d were killed"):format(killed, #list))
      for outcome in pairs(scenario.outcomes) do assert.is_true(seen[outcome] or false, outcome .. " never occurred") end
    end)
  end
end)
