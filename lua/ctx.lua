-- ctx: what a command's functions can do.
-- Promise: it holds exactly what the contract declared; reaching for anything else fails with a code that says which key
-- is missing (design §4, authoring §4).

local failure = require "failure"
local host = require "host"
local units = require "units"

local ipairs, pairs, tostring, type = ipairs, pairs, tostring, type

local ctx_module = {}

-- What the result functions return is an empty handle; what it stands for is here, where no command can make or change it.
local made = setmetatable({}, { __mode = "k" })
local HANDLE = {
  __metatable = false,
  __newindex = function() error("a result cannot be changed; give its function the right data", 2) end,
}

local function result(kind, fields)
  fields.kind = kind
  local handle = setmetatable({}, HANDLE)
  made[handle] = fields
  return handle
end

--- What a result function was given, as { kind, data, … }; nil for any other value.
function ctx_module.result_of(value)
  return made[value]
end

-- What a name of ctx is unlocked by; used for the error when it is not.
local UNLOCKED_BY = {
  http = "network", api = "network", files = "reads or writes", exec = "runs", start = "runs", pipe = "runs",
  spawn = "background", stop = "stops",
  job = "job", config = "config", store = "store",
  archive = "archive", credential = "auth or scopes", confirm = "asks", ask = "asks", edit = "editor",
  open = "gui", notify = "gui", serve = "serves", emit = "stream", list = "page", each = "batch",
  step = "steps", walk = "walk", cache = "writes of type cache",
  input = "stdin", created = "danger", updated = "danger", deleted = "danger", noop = "danger", exists = "creates",
  missing = "deletes", would = "preview",
}

local function undeclared(_, name)
  local key = UNLOCKED_BY[name]
  if not key then return nil end
  failure.raise("ACCESS_UNDECLARED", {
    message = ("ctx.%s needs %s in the contract."):format(name, key), context = { name = "ctx." .. name, declare = key },
  })
end

local function seconds(value)
  local s, ms = units.duration(value)
  if not s then error("not a duration: " .. tostring(value), 3) end
  return s, ms
end

local LEVELS = { debug = true, info = true, warn = true, error = true }

local function shallow(t)
  local copy = {}
  for key, value in pairs(t) do copy[key] = value end
  return copy
end

-- Always there -----------------------------------------------------------------------------------------------------

local function add_failures(ctx, run)
  --- Ends the command with a declared error. opts: cause, context, after (duration). Accepts an err or a response of a
  --- `.try` call: the error that the call without `.try` would have ended with.
  function ctx.fail(code, opts)
    local judge = run.judges and run.judges[code]
    if judge then code = judge() or "SERVICE_REJECTED" end
    if type(code) == "table" then
      local f = failure.from(code)
      if failure.is(code) or run.contract.errors[f.code] or require("exits").codes[f.code] then error(f, 0) end
      code, opts = f.code, nil
    end
    opts = opts or {}
    local declared = run.contract.errors[code]
    local more = { cause = opts.cause and tostring(opts.cause), context = opts.context, data = opts.data,
      message = opts.message, more = opts.more }
    if opts.after then more.retry_after_ms = select(2, seconds(opts.after)) end
    if not declared then
      if require("exits").codes[code] then failure.raise(code, more) end
      failure.raise("ERROR_UNDECLARED", {
        message = ("The command failed with %s, which its contract does not declare."):format(tostring(code)),
        context = { code = tostring(code) }, cause = more.cause,
      })
    end
    more.message = more.message or declared.message
    more.exit, more.fix, more.hint, more.run, more.docs =
      declared.exit, declared.fix, declared.hint, declared.run, declared.docs
    more.retry_after_ms = more.retry_after_ms or declared.after_ms
    more.more = more.more or {}
    more.more.retry_strategy = declared.backoff
    failure.raise(code, more)
  end

  function ctx.warn(code, text)
    run.warn(code, text)
  end

  --- A line on stderr; an optional first word says the level: debug, info, warn, error.
  function ctx.log(level, text)
    if text == nil then level, text = "info", level end
    if not LEVELS[level] then level, text = "info", tostring(level) .. " " .. tostring(text) end
    host.send("L", level, tostring(text))
  end

  function ctx.progress(done, total, label)
    run.progress(done, total, label)
  end
end

local function add_time(ctx)
  function ctx.sleep(duration)
    host.sleep((select(2, seconds(duration))))
  end

  --- Now as RFC 3339 in UTC.
  function ctx.now()
    local ms = host.time()
    return os.date("!%Y-%m-%dT%H:%M:%S", ms // 1000) .. (".%03dZ"):format(ms % 1000)
  end
end

local function add_values(ctx, run)
  ctx.null = host.json.null
  ctx.array = host.json.array
  ctx.tty = shallow(host.tty)
  ctx.cwd = run.cwd
  ctx.dry_run = false

  function ctx.bytes(bytes, content_type)
    return require("output.shape").bytes(bytes, content_type)
  end

  --- A text that came from a service as a secret; { env = "NAME" } for the variable of that name. opts.trim cuts blanks
  --- off both ends. nil for a variable that is not set, and for nothing but blanks that are cut.
  function ctx.secret(source, opts)
    if type(source) == "table" then source = host.env(source.env) end
    if source == nil or not (opts and opts.trim) then return source ~= nil and host.secret(source) or nil end
    local bytes = host.reveal(source):match("^%s*(.-)%s*$")
    return bytes ~= "" and host.secret(bytes) or nil
  end

  --- Says that the text at a path below data ("body", "[1].body") was cut by whoever gave it; original_bytes when known.
  function ctx.truncated(path, original_bytes)
    run.truncations = run.truncations or {}
    table.insert(run.truncations, { path = path, original = original_bytes })
  end

  --- Runs the functions at the same time; their first results in order. The first failure ends the command.
  function ctx.all(list)
    return require("tasks").all(list)
  end

  --- Starts fn beside the handler; the task has :join(). What is not joined is waited for at the end, with a warning.
  function ctx.task(fn)
    return require("tasks").start(run, fn)
  end
end

-- Things that are released on every way out ---------------------------------------------------------------------------

local HELD = {}
HELD.__index = HELD
HELD.__close = function(held) held:release() end
HELD.__metatable = false

function HELD:release()
  local close = self.close_fn
  self.close_fn = nil
  if close then close(self.value) end
end

local function hold(run, value, close)
  local held = setmetatable({ value = value, close_fn = close }, HELD)
  run.held[#run.held + 1] = held
  return held
end

-- A word for a shell.
local function quoted(text)
  return text:find("[^%w/._-]") and "'" .. text:gsub("'", "'\\''") .. "'" or text
end

local function add_resources(ctx, run)
  --- Keeps value until the run ends, then calls close(value). Returns a to-be-closed handle with .value and :release().
  function ctx.hold(value, close)
    return hold(run, value, close)
  end

  --- A path in the run's own directory, which is removed at the end.
  function ctx.tmp(name)
    if type(name) ~= "string" or not name:find("^[%w._-]+$") or name:find("^%.") then
      error("tmp needs a plain file name", 2)
    end
    return run.tmp_dir() .. "/" .. name
  end

  --- A path for a file that the caller shall have: it stays for `ttl` after the run, then a later run removes it. Second
  --- result: what belongs into data.cleanup. The command writes the file and puts both into its result (REQ-F-043).
  function ctx.handout(name, ttl)
    if type(name) ~= "string" or not name:find("^[%w._-]+$") or name:find("^%.") then
      error("handout needs a plain file name", 2)
    end
    local s = math.max(1, math.ceil((seconds(ttl or "5m"))))
    local dir, err = host.handout(s)
    if not dir then failure.raise(err.code, err) end
    local path = dir .. "/" .. name
    run.private[#run.private + 1] = dir
    return path, { command = "rm -f " .. quoted(path), auto_cleanup_after_seconds = s }
  end

  --- An advisory lock among all runs; released by <close>, :release() or the end of the run.
  function ctx.lock(name, timeout)
    if type(name) ~= "string" or not name:find("^[%w._-]+$") then error("lock needs a plain name", 2) end
    local path = run.lock_dir() .. "/" .. name .. ".lock"
    local began = host.mono()
    host.send("L", "debug", "lock " .. path .. ": waiting")
    local lock, err = host.file.lock(path, timeout and select(2, seconds(timeout)) or 10000)
    if not lock then
      if err.code ~= "LOCK_HELD" then failure.raise(err.code, { message = err.message }) end
      local stat = host.file.stat(path)
      local age = stat and host.time() - stat.mtime or 0
      failure.raise("LOCK_HELD", {
        message = ("Lock %s is held by PID %d since %d s."):format(name, err.holder, age // 1000), retryable = true,
        retry_after_ms = 1000, more = { holder_pid = err.holder, holder_age_ms = age, waited_ms = host.mono() - began,
          detail = ("lock_file=%s holder_pid=%d holder_age_ms=%d"):format(path, err.holder, age) },
      })
    end
    host.send("L", "debug", ("lock %s: taken after %d ms"):format(path, host.mono() - began))
    return hold(run, lock, function(l) l:close() end)
  end
end

-- Results -------------------------------------------------------------------------------------------------------------

local function add_effects(ctx, run)
  for _, effect in ipairs { "created", "updated", "deleted", "noop" } do
    ctx[effect] = function(data) return result("effect", { effect = effect, data = data or {} }) end
  end
  if run.contract.creates then
    --- Ends the command: the thing is there already; `resource` is what `get` would show.
    function ctx.exists(resource)
      local id = resource[run.contract.id or "id"]
      failure.raise("ALREADY_EXISTS", { data = resource, more = { conflict_id = id },
        message = ("The %s exists already."):format(run.contract.creates) })
    end
  end
  if run.contract.deletes then
    --- The thing is not there: nothing to do, a success.
    function ctx.missing(id)
      return result("effect", { effect = run.preview and "would_noop" or "noop", missing = true,
        data = { id = id, status = "not_found" } })
    end
  end
end

local function add_preview(ctx)
  --- What the command would do: ctx.would("delete", { … }).
  function ctx.would(verb, affected)
    return result("would", { effect = "would_" .. verb, data = { would_affect = affected or {} } })
  end
end

local function add_list(ctx, run)
  --- One page of a list. opts: next (the service's token of the following page), total, external.
  function ctx.list(items, opts)
    opts = opts or {}
    return result("list", { data = items, next = opts.next, total = opts.total, external = opts.external })
  end
  ctx.limit, ctx.page_size = run.page.limit, run.page.size
end

local function add_stream(ctx, run)
  --- One row, shown at once.
  function ctx.emit(row)
    run.emit(row)
  end
end

local function add_batch(ctx, run)
  -- A fault of the command in one item is that item's failure; the trace goes to stderr.
  local function guarded(fn, id)
    return xpcall(fn, function(err)
      if failure.is(err) or err == "not enough memory" then return err end
      host.send("L", "error", host.traceback(tostring(err), 2))
      return failure.new("COMMAND_FAILED", { exit = "GENERAL_ERROR", retryable = false })
    end, id)
  end

  --- Runs fn for each item; a failure of one is its answer and the others go on (REQ-C-009).
  function ctx.each(list, fn)
    local results, changed = {}, false
    function run.on_cut()
      run.cut(run.batch_data { results = results, changed = changed, cut = true })
    end
    for i, id in ipairs(list) do
      local ok, value = guarded(fn, id)
      if not ok and not failure.is(value) then error(value, 0) end
      local row = { id = id, ok = ok }
      if not ok then
        local e = require("answer").error(value, run.contract, false)
        row.error = { code = e.code, message = e.message, retryable = e.retryable, retry_after_ms = e.retry_after_ms }
      elseif made[value] then
        row.effect = made[value].effect
        row.data = not made[value].missing and made[value].data or nil -- what is not there has no result
        changed = changed or row.effect ~= "noop"
      elseif value ~= nil then
        row.data = value
        changed = true
      end
      results[i] = row
    end
    return result("batch", { results = results, changed = changed })
  end
end

local function add_steps(ctx, run)
  --- Runs one declared step (REQ-C-008); skipped when --resume-from says so.
  function ctx.step(name, fn)
    return run.step(name, fn)
  end
end

-- Questions ------------------------------------------------------------------------------------------------------------

local PIPED_MS = 10000         -- for a line of a pipe; whoever is silent for longer has no answer

local function refuse_question(question, hint)
  failure.raise("INPUT_REQUIRED", { message = ("The command asks: %s"):format(question), hint = hint })
end

local function add_questions(ctx, run)
  local g = run.globals
  local function can_ask() return host.tty.stdin and not g.non_interactive end

  --- A yes/no question; true with --yes. Off a terminal it fails instead of waiting.
  function ctx.confirm(question)
    if g.yes then return true end
    if not can_ask() then refuse_question(question, "Pass --yes to confirm without a question") end
    local answer = host.prompt(question .. " [y/N] ", false)
    return answer ~= nil and answer:lower():find("^%s*y") ~= nil
  end

  -- The next line of a pipe, where the dialect takes it for the answer (REQ-F-009: it is no question); "" without one.
  local function piped()
    local line = run.dialect.piped and not host.tty.stdin and not g.non_interactive and host.next_line(PIPED_MS)
    return line and line:gsub("\r$", "") or ""
  end

  --- An open question; opts.secret hides the typing and gives a secret, opts.flag names the parameter that answers it.
  function ctx.ask(question, opts)
    opts = opts or {}
    if not can_ask() then
      local line = piped()
      if line ~= "" then return opts.secret and host.secret(line) or line end
      refuse_question(question, opts.flag and "Pass --" .. opts.flag .. " instead" or "Pass the answer as a flag")
    end
    local answer = host.prompt(question .. " ", opts.secret)
    if answer == "" and opts.secret then answer = host.prompt(question .. " ", true) end
    if answer == nil or answer == "" and opts.secret then refuse_question(question, "Type an answer, or pass it as a flag") end
    return opts.secret and host.secret(answer) or answer
  end
end

local function add_input(ctx, run)
  local input = {}
  function input.bytes() return run.stdin() end
  function input.text() return (host.text.clean(run.stdin())) end
  function input.lines() return run.stdin():gmatch("([^\n]*)\n?") end
  function input.json()
    local value, err = host.json.decode(run.stdin())
    if value == nil then
      failure.raise("INVALID_JSON", { message = ("The input is not JSON: %s."):format(failure.place(err)) })
    end
    return value
  end
  ctx.input = input
end

-- Doors ----------------------------------------------------------------------------------------------------------------

local function add_doors(ctx, run)
  local C = run.contract
  local function open(name)
    for key, value in pairs(require("doors." .. name).open(run)) do ctx[key] = value end
  end
  if C.network then open "http" end
  if C.reads or C.writes or C.path_access then open "files" end
  if C.walk then open "walk" end
  if C.by_name["no-cache"] then open "cache" end
  if C.auth or #C.scopes > 0 then open "credential" end
  if C.serves then open "serve" end
  if C.store then open "store" end
  if C.archive then open "archive" end
  if C.runs then open "exec" end
  if C.background or C.stops then open "background" end
  if C.editor then open "edit" end
  if C.gui then open "open" end
  if C.job then open "job" end
  if C.config or C.suite and C.suite.config then
    local conf = run.config
    ctx.config = { get = conf.get, all = conf.all, set = conf.set, update = conf.update, change = conf.change, unset = conf.unset,
      sources = conf.sources, path = conf.path, scope = conf.scope }
  end
  if C.framework then ctx.framework = require("framework").open(run) end
  if run.native then ctx.native = run.native end
end

--- Begins the ctx of a run with what is always there and depends on nothing of the call.
function ctx_module.begin(run)
  local ctx = {}
  run.ctx = ctx
  add_failures(ctx, run)
  add_time(ctx)
  add_values(ctx, run)
  add_resources(ctx, run)
end

--- Completes the ctx of a run: doors are opened for what the contract declares.
function ctx_module.complete(run)
  local C = run.contract
  if not run.ctx then ctx_module.begin(run) end
  local ctx = run.ctx
  ctx.dry_run = run.preview
  if C.danger ~= "safe" then add_effects(ctx, run) end
  if C.raw.preview then add_preview(ctx) end
  if C.page then add_list(ctx, run) end
  if C.stream then add_stream(ctx, run) end
  if C.batch then add_batch(ctx, run) end
  if C.steps then add_steps(ctx, run) end
  if C.asks then add_questions(ctx, run) end
  if C.stdin then add_input(ctx, run) end
  setmetatable(ctx, { __index = undeclared, __metatable = false })
  add_doors(ctx, run)
end

return ctx_module
