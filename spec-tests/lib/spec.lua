-- What test files use: the tool in a hermetic environment, with every envelope checked and recorded as it appears.
local uv = require "luv"
local driver = require "lib.driver"
local json = require "lib.json"
local paths = require "lib.paths"
local schema = require "lib.schema"
local taint = require "lib.taint"
local variant = require "lib.variant"

local spec = { run = driver.run, json = json, paths = paths, driver = driver, schema = schema }

local function slurp(path)
  local f = io.open(path, "rb")
  if not f then return nil end
  local text = f:read("a")
  f:close()
  return text
end
spec.slurp = slurp

-- Writes a file, for input of tests.
function spec.spit(path, text)
  local f = assert(io.open(path, "wb"))
  assert(f:write(text))
  assert(f:close())
  return path
end

-- A schema of the spec by its file name.
local schemas = {}
function spec.named_schema(name)
  if not schemas[name] then
    schemas[name] = assert(json.decode(assert(slurp(paths.root .. "/schemas/" .. name .. ".json"), name)))
    schema.register(name .. ".json", schemas[name])
    schema.register(schemas[name]["$id"], schemas[name])
  end
  return schemas[name]
end
for _, name in ipairs { "response-envelope", "exit-code", "exit-code-entry", "manifest-response" } do
  spec.named_schema(name) end

-- ---- places ----

local scratch, serial

-- A fresh, empty, absolute directory of this test run.
function spec.dir(name)
  if not scratch then
    local base = os.getenv("SPEC_TMP") or "/tmp"
    scratch, serial = assert(uv.fs_mkdtemp(base .. "/spec-XXXXXX")), 0
  end
  serial = serial + 1
  local path = ("%s/%03d-%s"):format(scratch, serial, name or "d")
  assert(uv.fs_mkdir(path, 448))
  return path
end

function spec.exists(path) return uv.fs_lstat(path) ~= nil end

-- The names in a directory, sorted; an absent directory is empty.
function spec.list(path)
  local names, walk = {}, uv.fs_scandir(path)
  while walk do
    local name = uv.fs_scandir_next(walk)
    if not name then break end
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

-- All files below a directory, as sorted relative paths; directories end in "/".
function spec.tree(path, prefix, out)
  prefix, out = prefix or "", out or {}
  for _, name in ipairs(spec.list(path)) do
    local full = path .. "/" .. name
    local is_dir = uv.fs_lstat(full).type == "directory"
    out[#out + 1] = prefix .. name .. (is_dir and "/" or "")
    if is_dir then spec.tree(full, prefix .. name .. "/", out) end
  end
  return out
end

-- ---- the tool ----

local home
-- The home directory that all runs of this file share unless they name their own.
function spec.home()
  home = home or spec.dir("home")
  return home
end

-- The exact environment of a run, before the test's own additions.
function spec.environment(opts)
  local env = {
    HOME = spec.home(), PATH = paths.bin .. ":/usr/local/bin:/usr/bin:/bin", TERM = "xterm-256color", LANG = "C.UTF-8",
    PWD = opts.cwd or uv.cwd(), TMPDIR = spec.home() .. "/tmp",
    TOOL_COMMANDS_PATH = paths.commands, TOOL_NATIVE_PATH = paths.native_dir, X_TOKEN = taint.TOKEN,
  }
  if not spec.exists(env.TMPDIR) then uv.fs_mkdir(env.TMPDIR, 448) end
  for _, name in ipairs { "ASAN_OPTIONS", "UBSAN_OPTIONS", "LD_PRELOAD" } do env[name] = os.getenv(name) end
  variant.change(env, opts)
  for k, v in pairs(opts.env or {}) do env[k] = v or nil end
  return env
end

local TEXT = { tsv = true, plain = true, table = true, id = true, toon = true }

-- What standard output has to be, read off the command line: "json", "jsonl" or "text".
local function shape_of(args, opts)
  if opts.shape then return opts.shape end
  local out = opts.stdout or "pipe"
  if type(out) == "table" then out = (out.leave or out.mode) and "other" or "pipe" end
  if out ~= "pipe" then return "text" end
  local shape = TEXT[(opts.env or {}).TOOL_OUTPUT] and "text" or "json"
  for i, arg in ipairs(args) do
    local format = arg:match("^%-%-output=(.*)") or arg == "--output" and args[i + 1]
    if format then shape = TEXT[format] and "text" or format == "jsonl" and "jsonl" or "json" end
    if arg == "--" then break end
    if arg == "--version" or arg == "-V" then return "text" end
    if arg == "--stream" then shape = "jsonl" end
  end
  return shape
end

local function describe_run(r)
  return ("\n  command: %s\n  status:  %s\n  stdout:  %s\n  stderr:  %s"):format(table.concat(r.args or r.argv, " "),
    r.status or "signal " .. tostring(r.signal), r.stdout:sub(1, 2000), r.stderr:sub(1, 2000))
end

-- A message for assertions: what was expected, then the whole run.
function spec.about(r, text) return (text or "") .. describe_run(r) end

local TOP = { "ok", "data", "error", "warnings", "meta" }

local function problems_of_error(e, status, out)
  if type(e.code) == "string" and not e.code:find("^[A-Z][A-Z0-9_]+$") then
    out[#out + 1] = "error.code is not UPPER_CASE" end
  if type(e.message) == "string" and not e.message:find("[.!?]$") then
    out[#out + 1] = "error.message is not a sentence" end
  if type(e.retryable) ~= "boolean" then out[#out + 1] = "error.retryable is not a boolean" end
  if e.retry_after_ms and not e.retryable then out[#out + 1] = "retry_after_ms without retryable" end
  if status == 2 then
    if e.phase ~= "validation" then out[#out + 1] = "exit 2 without error.phase validation" end
    if e.retryable ~= false then out[#out + 1] = "exit 2 must not be retryable" end
    if type(e.fix_required) ~= "string" or e.fix_required == "" then out[#out + 1] = "exit 2 without fix_required" end
  end
end

-- Everything that is wrong with one envelope line, given the exit status.
function spec.envelope_problems(line, status, elapsed_ms)
  local envelope, why = json.decode(line)
  if envelope == nil then return { "not JSON: " .. why } end
  local out = schema.validate(spec.named_schema "response-envelope", envelope)
  if line:find("[\27\r]") or line:find("\\u001[bB]") then out[#out + 1] = "escape sequence or CR in the line" end
  if #out > 0 then return out, envelope end
  if table.concat(json.key_order(envelope), " ") ~= table.concat(TOP, " ") then
    out[#out + 1] = "top-level keys are not in the order " .. table.concat(TOP, " ")
  end
  if envelope.ok ~= (status == 0) then out[#out + 1] = ("ok is %s at exit %s"):format(envelope.ok, status) end
  if envelope.ok and envelope.error ~= json.null then out[#out + 1] = "error beside ok" end
  if not envelope.ok and envelope.error == json.null then out[#out + 1] = "no error beside ok:false" end
  if envelope.error ~= json.null then problems_of_error(envelope.error, status, out) end
  if elapsed_ms and envelope.meta.duration_ms > elapsed_ms + 1 then out[#out + 1] = "duration_ms exceeds the run" end
  return out, envelope
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch("([^\n]*)\n?") do lines[#lines + 1] = line end
  if lines[#lines] == "" then lines[#lines] = nil end
  return lines
end
spec.lines = lines_of

-- The requirement whose file is running, for the record.
spec.requirement = "none"

local recorder
-- row: the line is a row of a stream, not an answer.
local function record(args, r, line, row)
  local dir = os.getenv("SPEC_RECORD")
  if not dir then return end
  recorder = recorder or assert(io.open(("%s/%d.jsonl"):format(dir, uv.os_getpid()), "ab"))
  recorder:write(json.encode {
    requirement = spec.requirement, argv = json.array(args), status = r.status, shape = r.shape, envelope = line,
    row = row, program = r.opts.argv0,
  }, "\n")
  recorder:flush()
end

-- An envelope that stands where another format's failures are told.
local function find_envelope(text)
  for _, line in ipairs(lines_of(text)) do
    if line:find('^{"ok":') then return line end
  end
end

local function judge(r, line)
  local problems, envelope = spec.envelope_problems(line, r.status, r.elapsed_ms)
  r.envelope, r.line = envelope, line
  record(r.args, r, line)
  if #problems > 0 then error("the envelope is wrong: " .. table.concat(problems, "; ") .. describe_run(r), 0) end
end

local function judge_json(r)
  local lines = lines_of(r.stdout)
  if r.signal then error("ended by signal " .. r.signal .. describe_run(r), 0) end
  if r.stdout:sub(-1) ~= "\n" then error("stdout does not end in a newline" .. describe_run(r), 0) end
  while r.opts.heartbeats and #lines > 1 and lines[1]:find('"heartbeat":true', 1, true) do table.remove(lines, 1) end
  if #lines ~= 1 then error(("one line expected on stdout, got %d"):format(#lines) .. describe_run(r), 0) end
  judge(r, lines[1])
end

local RECORDED_ROWS = 3        -- of one run
local RECORDED_LINES = 50

local function judge_jsonl(r)
  r.rows = {}
  for i, line in ipairs(lines_of(r.stdout)) do
    local row, why = json.decode(line)
    if row == nil then error(("line %d is not JSON: %s"):format(i, why) .. describe_run(r), 0) end
    if line:find('^{"ok":') and type(row) == "table" and row.meta then judge(r, line)
    else
      r.rows[#r.rows + 1] = row
      if #r.rows <= RECORDED_ROWS then record(r.args, r, line, true) end
    end
  end
end

-- The answers of `tool exec`, one envelope a line: each stands for a run of its own, and is a row of exec.
local function judge_lines(r)
  r.answers = {}
  for i, line in ipairs(lines_of(r.stdout)) do
    local ok = line:find('^{"ok":true') ~= nil
    local problems, envelope = spec.envelope_problems(line, ok and 0 or 1, r.elapsed_ms)
    if #problems > 0 then error(("line %d is wrong: %s"):format(i, table.concat(problems, "; ")) .. describe_run(r), 0) end
    r.answers[i] = envelope
    if i <= RECORDED_ROWS then record(r.args, r, line, true) end
    if i <= RECORDED_LINES then record(r.args, { status = ok and 0 or 1, shape = "json", opts = r.opts }, line) end
  end
end

local function judge_text(r)
  local line = find_envelope(r.stdout) or (r.status and r.status ~= 0 and find_envelope(r.stderr))
  local piped = (r.opts.stdout or "pipe") == "pipe"
  if line and (piped or r.status ~= 0) and json.decode(line) then judge(r, line) end
end

-- Judges a finished run of the tool and gives it back with `envelope`, `line` and, for JSONL, `rows`.
local function finish(r, args, opts)
  r.args, r.opts, r.shape = args, opts, shape_of(args, opts)
  if r.exec_error then error("cannot execute " .. paths.tool .. ": " .. r.exec_error, 0) end
  if r.timed_out and not opts.may_time_out then error("killed by the test's own time limit" .. describe_run(r), 0) end
  if r.shape == "json" then judge_json(r) elseif r.shape == "jsonl" then judge_jsonl(r)
  elseif r.shape == "lines" then judge_lines(r) elseif r.shape == "text" then judge_text(r) end
  local shown = taint.hit(r, spec.environment(opts), opts.tainted)
  if shown then error("a planted secret is shown: " .. shown .. describe_run(r), 0) end
  if not opts.may_leave and (#r.left > 0 or r.held) then
    error("processes outlive the tool: " .. table.concat(r.left, ", ") .. describe_run(r), 0)
  end
  return r
end

local function prepare(args, opts)
  opts = opts or {}
  local argv, run = { opts.argv0 or "tool" }, {}
  for i, arg in ipairs(args) do argv[i + 1] = arg end
  for k, v in pairs(opts) do run[k] = v end
  run.exe, run.clear_env, run.env = opts.tool or paths.tool, true, spec.environment(opts)
  return argv, run, opts
end

-- Runs the tool. `args` is a list without the program's name, or one text split at blanks; `opts` as for driver.run,
-- and: shape ("json", "jsonl", "text", "none") where it does not follow from the command line; heartbeats = true;
-- may_leave, may_time_out; tainted (see lib.taint). The environment is exact: spec.environment plus opts.env (false removes).
function spec.tool(args, opts)
  if type(args) == "string" then
    local list = {}
    for word in args:gmatch("%S+") do list[#list + 1] = word end
    args = list
  end
  local argv, run
  argv, run, opts = prepare(args, opts)
  return finish(driver.run(argv, run), args, opts)
end

-- Runs the tool once per { args, opts }, `width` at a time; gives the judged results in order.
function spec.tool_all(jobs, width)
  local prepared = {}
  for i, job in ipairs(jobs) do
    local argv, run = prepare(job[1], job[2])
    prepared[i] = { argv, run }
  end
  local results = driver.run_all(prepared, width)
  for i, job in ipairs(jobs) do finish(results[i], job[1], job[2] or {}) end
  return results
end

-- The lines of a trace, each call whole: strace cuts one in two where another process was heard between its start and its
-- end; it counts where it ended.
local function calls_of(text)
  local begun, list = {}, {}
  for _, line in ipairs(lines_of(text)) do
    local pid, start = line:match("^(%d+) +(.*) <unfinished %.%.%.>$")
    local who, rest = line:match("^(%d+) +<%.%.%. [%w_]+ resumed>(.*)$")
    if pid then
      begun[pid] = start
    elseif who then
      list[#list + 1] = ("%s %s%s"):format(who, begun[who] or "", rest)
      begun[who] = nil
    else
      list[#list + 1] = line
    end
  end
  for pid, start in pairs(begun) do list[#list + 1] = pid .. " " .. start end -- killed in the middle of it
  return list
end

-- Runs the tool under strace; gives the judged run and the trace's lines. `what` as for `strace -e trace=`.
function spec.strace(args, what, opts)
  opts = opts or {}
  local trace = spec.dir("strace") .. "/log"
  local argv = { "strace", "-f", "-qq", "-s", "4096", "-e", "trace=" .. what, "-e", "signal=none", "-o", trace,
    paths.tool }
  for _, arg in ipairs(args) do argv[#argv + 1] = arg end
  local run = {}
  for k, v in pairs(opts) do run[k] = v end
  run.clear_env, run.env, run.exe = true, spec.environment(opts), "/usr/bin/strace"
  -- A leak checker cannot work in a traced process.
  if run.env.ASAN_OPTIONS then run.env.ASAN_OPTIONS = run.env.ASAN_OPTIONS .. ":detect_leaks=0" end
  local r = finish(driver.run(argv, run), args, opts)
  return r, calls_of(slurp(trace) or "")
end

-- ---- assertions that every file needs ----

-- The run's exit status, with the whole run in the message.
function spec.status(r, want, text)
  if r.status ~= want then
    error(("%sexit %s expected, got %s"):format(text and text .. ": " or "", want,
      r.status or "signal " .. tostring(r.signal)) .. describe_run(r), 2)
  end
  return r
end

-- Exit status and error code together.
function spec.failed(r, status, code)
  spec.status(r, status)
  local got = r.envelope and r.envelope.error ~= json.null and r.envelope.error.code
  if got ~= code then error(("error.code %s expected, got %s"):format(code, tostring(got)) .. describe_run(r), 2) end
  return r.envelope.error
end

-- Truth, with the whole run in the message.
function spec.truth(r, value, text)
  if not value then error(text .. describe_run(r), 2) end
  return value
end

-- Equality of decoded values, with the whole run in the message.
function spec.equal(r, want, got, text)
  local a, b = json.encode(want), json.encode(got)
  if a ~= b then error(("%s: %s expected, got %s"):format(text or "value", a, b) .. describe_run(r), 2) end
end

-- The exact text of the value of a top-level envelope key, as it stands in the line.
function spec.raw(r, key)
  local line, at = r.line, 2
  while at <= #line do
    local name, from = line:match('^"([%a_]+)":()', at)
    local depth, i, quoted = 0, from, false
    while i <= #line do
      local c = line:sub(i, i)
      if quoted then
        if c == "\\" then i = i + 1 elseif c == '"' then quoted = false end
      elseif c == '"' then quoted = true
      elseif c == "{" or c == "[" then depth = depth + 1
      elseif (c == "}" or c == "]") and depth > 0 then depth = depth - 1
      elseif depth == 0 and (c == "," or c == "}") then break end
      i = i + 1
    end
    if name == key then return line:sub(from, i - 1) end
    at = i + 1
  end
end

-- Options of a run on a terminal: standard input, output and (apart, so that it can be told from output) error.
function spec.terminal(opts)
  local all = { stdin = "pty", stdout = "pty", stderr = "pty2", shape = "text" }
  for k, v in pairs(opts or {}) do all[k] = v end
  return all
end

-- Checks contract files with `tool check`; gives the run and all messages of the refusal in one text.
function spec.check(...)
  local args, texts = { "check" }, {}
  for _, name in ipairs { ... } do args[#args + 1] = paths.root .. "/fixtures/rejected/bad/" .. name .. ".lua" end
  local r = spec.tool(args)
  local e = r.envelope.error
  for _, item in ipairs(e ~= json.null and e.errors or {}) do texts[#texts + 1] = item.message end
  return r, table.concat(texts, "\n")
end

-- The data of `tool <words> --schema`.
function spec.contract(words)
  local r = spec.status(spec.tool(words .. " --schema"), 0)
  return r.envelope.data, r
end

-- The manifest's data, read once per file.
local manifest
function spec.manifest()
  manifest = manifest or spec.status(spec.tool { "manifest" }, 0).envelope.data
  return manifest
end

-- The manifest's entries of commands that can be run: all but the groups.
function spec.commands()
  local all = {}
  for path, entry in pairs(spec.manifest().commands) do if entry.output_schema then all[path] = entry end end
  return all
end

-- Opens a requirement's file: `spec.req("REQ-F-011", "Default timeout per command", function() it(…) end)`.
function spec.req(id, title, body)
  local busted = require "busted"
  busted.describe(id .. " " .. title, function()
    busted.before_each(function() spec.requirement = id end)
    body()
  end)
end

return spec
