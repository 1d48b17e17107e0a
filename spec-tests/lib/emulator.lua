-- Runs `tool emulator start` beside a test: starts it, waits until it listens, stops it and checks that it ended in
-- order: by the signal, with its last line, no process left, the database closed and whole.
local uv = require "luv"
local S = require "lib.spec"
local client = require "modules.client"

local emulator = {}

-- Is this file a whole SQLite database without a journal beside it?
function emulator.whole(path)
  local bytes = S.slurp(path) or ""
  if bytes:sub(1, 16) ~= "SQLite format 3\0" then return false, "no database" end
  local size, pages = bytes:sub(17, 18), bytes:sub(29, 32)
  size, pages = (">I2"):unpack(size), (">I4"):unpack(pages)
  if size == 1 then size = 65536 end
  if size * pages ~= #bytes then return false, ("%d bytes, not %d pages of %d"):format(#bytes, pages, size) end
  for _, suffix in ipairs { "-wal", "-journal", "-shm" } do
    if S.exists(path .. suffix) then return false, suffix .. " is left" end
  end
  return true
end

-- Starts `tool emulator start <opts.service, sentryagent> <flags>` (default: --ephemeral --port 0; a text of words or a
-- list of arguments). opts: service, env, home, signal.
-- Gives { url, port, client_id, client_secret, row, home, request(method, path, opts), login(), call(method, path, json),
-- stop(signal) -> the run's result, checked }.
function emulator.start(flags, opts)
  opts = opts or {}
  local dir, home = S.dir "emulator", opts.home or S.dir "home"
  local out, stop, kill = dir .. "/out", dir .. "/stop", dir .. "/kill"
  S.spit(out, "")
  local argv = { "tool", "emulator", "start", opts.service or "sentryagent" }
  if type(flags) ~= "table" then
    local words = {}
    for word in (flags or "--ephemeral --port 0"):gmatch("%S+") do words[#words + 1] = word end
    flags = words
  end
  table.move(flags, 1, #flags, #argv + 1, argv)
  local env = { HOME = home }
  for name, value in pairs(opts.env or {}) do env[name] = value end
  local handle = S.driver.start(argv, {
    exe = S.paths.tool, clear_env = true, env = S.environment { env = env }, stdout = out, timeout = opts.timeout or 500,
    signals = { { opts.signal or "TERM", when_file = stop }, { "KILL", when_file = kill } },
  })
  local function line() return S.slurp(out):match("^([^\n]*)\n") end
  S.driver.wait_for(function() return handle.result or line() end, 10000)
  local row = line() and S.json.decode(line())
  if type(row) ~= "table" or not row.url then
    S.driver.finish(handle)
    error("the emulator did not start: " .. S.slurp(out) .. handle.result.stderr, 2)
  end
  local e = { row = row, url = row.url, client_id = row.client_id, client_secret = row.client_secret, home = home,
    port = math.tointeger(tonumber(row.url:match(":(%d+)$"))) }

  function e.request(method, path, request_opts) return client.request(e.port, method, path, request_opts) end

  -- A bearer of the demonstration client, or of another.
  function e.login(id, secret)
    local a = e.request("POST", "/oauth2/token", { form = "grant_type=client_credentials",
      headers = { Authorization = "Basic " .. emulator.base64((id or e.client_id) .. ":" .. (secret or
        e.client_secret)) } })
    assert(a.status == 200, a.body)
    e.token = a.json.access_token
    return e.token
  end

  function e.call(method, path, json, token)
    return e.request(method, path, { json = json,
      headers = { Authorization = "Bearer " .. (token or e.token or e.login()) } })
  end

  -- The whole audit log, oldest first.
  function e.audit()
    local all, page = {}, 1
    repeat
      local a = e.call("GET", "/audit/logs?limit=100&page=" .. page).json
      for _, event in ipairs(a.data) do table.insert(all, 1, event) end
      page = page + 1
    until #a.data == 0 or #all >= a.total
    return all
  end

  local function ended(file)
    if not handle.done then
      S.spit(file, "now")
      handle.done = S.driver.finish(handle)
      handle.done.stdout = S.slurp(out)
    end
    return handle.done
  end

  -- Ends it with the signal (SIGTERM) and checks the end.
  function e.stop()
    local r = ended(stop)
    local want = (opts.signal or "TERM") == "TERM" and 143 or 130
    assert(r.status == want, ("the emulator ended with %s, not %d: %s"):format(r.status or r.signal, want, r.stderr))
    assert(r.stderr == "", "the emulator complained: " .. r.stderr)
    assert(#r.left == 0 and not r.held, "processes of the emulator are left: " .. table.concat(r.left, ", "))
    local lines = S.lines(r.stdout)
    local last = S.json.decode(lines[#lines])
    assert(type(last) == "table" and last.error and last.error.code == "CANCELLED", "no last line: " .. r.stdout)
    return r
  end

  e.pid = handle.pid

  -- Ends it the hard way.
  function e.kill() return ended(kill) end

  return e
end

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

-- Base64 (RFC 4648 §4), the tests' own.
function emulator.base64(text)
  local out = {}
  for i = 1, #text, 3 do
    local a, b, c = text:byte(i, i + 2)
    local n = a << 16 | (b or 0) << 8 | (c or 0)
    for k = 0, 3 do
      local digit = n >> (18 - 6 * k) & 63
      out[#out + 1] = (k == 2 and not b or k == 3 and not c) and "=" or DIGITS:sub(digit + 1, digit + 1)
    end
  end
  return table.concat(out)
end

-- What /proc/PID/stat says of the processes of a running emulator: for each { pid, cpu_ms }.
function emulator.processes(e)
  local children, ms, walk = {}, {}, uv.fs_scandir "/proc"
  for name in function() return (uv.fs_scandir_next(walk)) end do
    local fields = {}
    for word in (name:find "^%d+$" and S.slurp("/proc/" .. name .. "/stat") or ""):gmatch "%S+" do
      fields[#fields + 1] = word
    end
    local pid, parent = tonumber(fields[1]), tonumber(fields[4])
    if parent then
      children[parent] = children[parent] or {}
      table.insert(children[parent], pid)
      ms[pid] = (tonumber(fields[14]) + tonumber(fields[15])) * 10
    end
  end
  local list, i = { { pid = e.pid, cpu_ms = ms[e.pid] } }, 1
  while list[i] do
    for _, pid in ipairs(children[list[i].pid] or {}) do list[#list + 1] = { pid = pid, cpu_ms = ms[pid] } end
    i = i + 1
  end
  return list
end

-- The mode bits of a file.
function emulator.mode(path)
  local st = uv.fs_lstat(path)
  return st and ("%04o"):format(st.mode & 511)
end

return emulator
