-- What every attack meets: canaries in places that it has no business in, a listener that must hear nothing, and a neighbour
-- that must still work.
local uv = require "luv"
local S = require "lib.spec"

local M = {}

local SECRET = "canary-6f1d"

--- A place with canaries: { home, outside, own, see, port, heard() } and their files.
function M.place()
  local at = { home = S.dir "hostile-home", outside = S.dir "outside", own = S.dir "own", see = S.dir "see" }
  for _, dir in ipairs { "/.ssh", "/tmp", "/.config", "/.config/tool", "/.local", "/.local/share", "/.local/share/tool",
    "/.local/share/tool/store" } do
    assert(uv.fs_mkdir(at.home .. dir, 448))
  end
  at.files = {
    secret = at.outside .. "/secret", key = at.home .. "/.ssh/id_ed25519", config = at.home .. "/.config/tool/config.json",
    store = at.home .. "/.local/share/tool/store/other.db",
  }
  at.texts = {}
  for name, path in pairs(at.files) do
    at.texts[path] = name == "config" and '{"token":"' .. SECRET .. '"}' or SECRET .. name
    S.spit(path, at.texts[path])
  end
  at.audit = at.home .. "/.local/share/tool/audit.jsonl"
  S.spit(at.see .. "/visible", "visible")
  assert(uv.fs_symlink(at.files.secret, at.see .. "/way-out"))
  assert(uv.fs_symlink(at.outside, at.own .. "/way-out"))
  local count, server = 0, uv.new_tcp()
  assert(server:bind("127.0.0.1", 0))
  server:listen(16, function()
    count = count + 1
    local client = uv.new_tcp()
    server:accept(client)
    client:close()
  end)
  at.server, at.port = server, server:getsockname().port
  local datagrams = uv.new_udp()
  assert(datagrams:bind("127.0.0.1", at.port))
  datagrams:recv_start(function(_, data) if data then count = count + 1 end end)
  at.datagrams = datagrams
  function at.heard() return count end
  at.before = {}
  for _, dir in ipairs { at.outside, at.home .. "/.ssh" } do at.before[dir] = table.concat(S.tree(dir), " ") end
  return at
end

function M.close(at)
  at.server:close()
  at.datagrams:close()
end

--- The options of a run in that place.
function M.options(at, more)
  local opts = { cwd = at.see }
  for key, value in pairs(more or {}) do opts[key] = value end
  opts.env = { HOME = at.home, TMPDIR = at.home .. "/tmp", TOOL_COMMANDS_PATH = S.paths.root .. "/fixtures/hostile",
    PATH = S.paths.native_dir .. ":/usr/local/bin:/usr/bin:/bin" }
  for key, value in pairs(more and more.env or {}) do opts.env[key] = value end
  return opts
end

--- Fails unless every canary is whole, nothing was heard, no answer shows a canary, and the neighbour works.
function M.unharmed(at, r)
  for path, text in pairs(at.texts) do
    S.truth(r, S.slurp(path) == text, "a canary was changed: " .. path)
  end
  for dir, before in pairs(at.before) do
    S.truth(r, table.concat(S.tree(dir), " ") == before, "something was made or removed in " .. dir)
  end
  local st = uv.fs_stat(at.files.secret)
  S.truth(r, st.mode & 511 == at.mode and st.mtime.sec == at.mtime, "a canary's mode or time was changed")
  S.truth(r, at.heard() == 0, "the listener heard something")
  S.truth(r, not (r.stdout .. r.stderr):find(SECRET, 1, true), "a canary is shown")
  local well = S.status(S.tool({ "neighbour" }, M.options(at)), 0, "the neighbour")
  S.equal(well, true, well.envelope.data.well, "the neighbour's answer")
end

--- Remembers what attributes the canaries have.
function M.remember(at)
  local st = assert(uv.fs_stat(at.files.secret))
  at.mode, at.mtime = st.mode & 511, st.mtime.sec
end

return M
