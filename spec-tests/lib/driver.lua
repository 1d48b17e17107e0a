-- Runs programs for the black-box tests through spec-helper: exact environment, every kind of standard stream, typed
-- input, signals at a moment, limits, and a report of what outlives the program. Stub servers of the same process keep
-- answering while a program runs, because all waiting happens on the libuv loop.
local uv = require "luv"
local paths = require "lib.paths"

local driver = {}

local marks = 0

local function record(parts, key, value)
  value = tostring(value)
  parts[#parts + 1] = ("%s %d\n%s\n"):format(key, #value, value)
end

-- The condition of a signal or of typed input: exactly one of these keys.
local CONDITIONS = { after_ms = "after", when_stdout = "stdout", when_stderr = "stderr", when_file = "file" }

local function event(parts, e, action, payload)
  local condition, value = "after", "0"
  for key, name in pairs(CONDITIONS) do if e[key] then condition, value = name, tostring(e[key]) end end
  record(parts, "event", table.concat({ action, condition, value, tostring(e.delay_ms or 0), payload }, "\0"))
end

local function stream(parts, key, spec)
  local label = key == "stdout" and "out" or "err"
  if type(spec) ~= "table" then spec = { mode = spec } end
  local mode = spec.mode or "pipe"
  if mode:sub(1, 1) == "/" then mode = "file:" .. mode end
  record(parts, key, mode)
  if spec.leave then record(parts, "leave", label .. " " .. spec.leave) end
  if spec.stall_ms then record(parts, "stall", label .. " " .. spec.stall_ms) end
  if spec.slow then record(parts, "slow", ("%s %d %d"):format(label, spec.slow.bytes, spec.slow.ms)) end
end

-- The caller's own environment as a map.
function driver.environ() return uv.os_environ() end

local function environment(parts, opts, mark)
  local env = {}
  if not opts.clear_env then for k, v in pairs(uv.os_environ()) do env[k] = v end end
  for k, v in pairs(opts.env or {}) do env[k] = v or nil end
  if not opts.no_mark then env.SPEC_MARK = mark end
  local names = {}
  for k in pairs(env) do names[#names + 1] = k end
  table.sort(names)
  for _, k in ipairs(names) do record(parts, "env", k .. "=" .. env[k]) end
end

local INPUT_MODES = { null = true, open = true, closed = true, pty = true }

local function input(parts, opts)
  local stdin = opts.stdin or "null"
  if INPUT_MODES[stdin] then return record(parts, "stdin", stdin) end
  record(parts, "stdin", "pipe")
  record(parts, "input", stdin)
end

local function request(argv, opts)
  local parts = {}
  marks = marks + 1
  local mark = ("spec-%d-%d-%d"):format(uv.os_getpid(), uv.hrtime(), marks)
  record(parts, "exe", opts.exe or argv[1])
  for _, arg in ipairs(argv) do record(parts, "arg", arg) end
  environment(parts, opts, mark)
  if not opts.no_mark then record(parts, "mark", "SPEC_MARK=" .. mark) end
  input(parts, opts)
  stream(parts, "stdout", opts.stdout or "pipe")
  stream(parts, "stderr", opts.stderr or "pipe")
  for _, key in ipairs { "cwd", "rows", "cols" } do if opts[key] then record(parts, key, opts[key]) end end
  record(parts, "timeout", math.floor((opts.timeout or 20) * 1000))
  record(parts, "settle", opts.settle_ms or 200)
  if opts.spare then record(parts, "spare", "1") end
  for name, value in pairs(opts.limits or {}) do record(parts, "limit", name .. " " .. value) end
  for number, path in pairs(opts.fds or {}) do record(parts, "fd", number .. " " .. path) end
  for _, name in ipairs(opts.ignore or {}) do record(parts, "ignore", name) end
  for _, e in ipairs(opts.signals or {}) do event(parts, e, e.to or "signal", e[1] or e.signal) end
  for _, e in ipairs(opts.type or {}) do event(parts, e, "type", e[1]) end
  for _, e in ipairs(opts.feed or {}) do event(parts, e, e.eof and "eof" or "feed", e[1] or "") end
  return table.concat(parts)
end

local NUMBERS = { status = true, signal = true, elapsed_us = true, maxrss_kb = true, cpu_us = true, started_us = true }

-- Reads the helper's report into the result table.
local function parse(text)
  local result, at = { left = {}, chunks = {} }, 1
  while at <= #text do
    local key, size, body = text:match("^(%S+) (%d+)\n()", at)
    assert(key, "malformed report of spec-helper")
    local value = text:sub(body, body + size - 1)
    at = body + size + 1
    if key == "left" then result.left[#result.left + 1] = value
    elseif key == "chunks" then
      for label, us, n in value:gmatch("(%a+) (%d+) (%d+)\n") do
        result.chunks[#result.chunks + 1] = { stream = label, ms = us / 1000, bytes = math.tointeger(n) }
      end
    elseif NUMBERS[key] then result[key] = math.tointeger(value)
    elseif key == "timed_out" or key == "held" then result[key] = value == "1"
    else result[key] = value end
  end
  result.elapsed_ms = result.elapsed_us and result.elapsed_us / 1000
  result.maxrss = result.maxrss_kb
  return result
end

-- Starts a program and returns at once; `handle.result` appears when it has ended. See run() for the options.
function driver.start(argv, opts)
  opts = opts or {}
  local stdin, stdout, stderr = uv.new_pipe(false), uv.new_pipe(false), uv.new_pipe(false)
  local handle = { argv = argv, opts = opts }
  local got, complaint, open = {}, {}, 3
  local function part_done()
    open = open - 1
    if open > 0 then return end
    if #complaint > 0 and #got == 0 then handle.failure = table.concat(complaint) end
    handle.result = handle.failure and { left = {}, chunks = {}, stdout = "", stderr = "" } or parse(table.concat(got))
    handle.result.argv = argv
  end
  local function reader(into)
    return function(_, data) if data then into[#into + 1] = data else part_done() end end
  end
  local process, why = uv.spawn(paths.helper, { stdio = { stdin, stdout, stderr } }, part_done)
  assert(process, "cannot start " .. paths.helper .. ": " .. tostring(why))
  handle.pid = process:get_pid() -- the helper's; the program is below it
  stdout:read_start(reader(got))
  stderr:read_start(reader(complaint))
  stdin:write(request(argv, opts))
  stdin:shutdown()
  -- Every handle is closed and the closing awaited: luv may crash at the end of the state otherwise.
  handle.close = function()
    local pending = 0
    local function closed() pending = pending - 1 end
    for _, h in ipairs { stdin, stdout, stderr, process } do
      if not h:is_closing() then pending = pending + 1; h:close(closed) end
    end
    driver.wait(function() return pending == 0 end)
  end
  return handle
end

-- Turns the loop until `ready()` holds.
function driver.wait(ready)
  while not ready() do
    if not uv.run("once") and not ready() then error("the event loop has nothing left to wait for") end
  end
end

-- Lets the loop turn for some milliseconds.
function driver.pause(ms)
  local over, timer = false, uv.new_timer()
  timer:start(ms, 0, function() over = true; timer:close() end)
  driver.wait(function() return over end)
end

-- Turns the loop until `ready()` gives a truth, looking every 5 ms; an error after `limit_ms`.
function driver.wait_for(ready, limit_ms)
  local until_ns = uv.hrtime() + limit_ms * 1000000
  while not ready() do
    if uv.hrtime() > until_ns then error("waited " .. limit_ms .. " ms in vain", 2) end
    driver.pause(5)
  end
end

-- Waits for a started program.
function driver.finish(handle)
  driver.wait(function() return handle.result end)
  handle.close()
  if handle.failure then error(handle.failure, 0) end
  return handle.result
end

-- Runs a program to its end.
--   argv            list; argv[1] is the program (opts.exe names another file to execute under that name)
--   opts.env        additions (value false removes); with clear_env the exact environment; opts.cwd
--   opts.stdin      "null" (default) | "open" (a silent pipe) | "closed" | "pty" | other text: those bytes, then end
--   opts.stdout, opts.stderr   "pipe" (default) | "null" | "closed" | "pty" | "pty2" | an absolute path |
--                   { mode =, leave = n, stall_ms =, slow = { bytes =, ms = } }
--   opts.signals    { { "TERM", <condition>, delay_ms =, to = "group"|"child"|"last" }, … }, the condition being one of
--                   after_ms, when_stdout, when_stderr (text seen), when_file (exists)
--   opts.type, opts.feed   { { text, <condition> } } typed on the terminal, written to an open stdin ({ eof = true }
--                   closes it)
--   opts.limits     { as =, nofile =, fsize =, cpu = }; opts.fds { [9] = path }; opts.ignore { "INT" }
--   opts.timeout    seconds until the program is killed (20); settle_ms: grace for descendants to vanish (200);
--                   spare = true leaves alone what outlives the program
-- Result: status or signal (numbers), stdout, stderr, elapsed_ms, maxrss (KB), cpu_us, timed_out, held (somebody still
--   had an output open after the end), left (descendants still alive), chunks { { stream, ms, bytes } }, started_us
--   (epoch), exec_error.
function driver.run(argv, opts) return driver.finish(driver.start(argv, opts)) end

-- When a file was last written, in ms since the epoch; nil when there is none.
function driver.mtime_ms(path)
  local st = uv.fs_stat(path)
  return st and st.mtime.sec * 1000 + st.mtime.nsec / 1e6
end

-- Runs many programs, `width` at a time; `jobs` is a list of { argv, opts }. Gives the results in order.
function driver.run_all(jobs, width)
  local results, running, next_job, done = {}, {}, 1, 0
  while done < #jobs do
    while #running < (width or 8) and next_job <= #jobs do
      local job = jobs[next_job]
      running[#running + 1] = { at = next_job, handle = driver.start(job[1], job[2]) }
      next_job = next_job + 1
    end
    driver.wait(function()
      for _, r in ipairs(running) do if r.handle.result then return true end end
    end)
    for i = #running, 1, -1 do
      local r = running[i]
      if r.handle.result then
        results[r.at], done = driver.finish(r.handle), done + 1
        table.remove(running, i)
      end
    end
  end
  return results
end

return driver
