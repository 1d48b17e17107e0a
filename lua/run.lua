-- One run of one command, from checked input to the finished result.
-- Promise: gates before effects, confinement before command code, one result at the end; what the run holds is released on
-- every way out (design §5, REQ-C-003, C-004, C-008, C-017, O-021).

local answer = require "answer"
local config = require "config"
local confinement = require "confinement"
local context = require "ctx"
local dialect = require "dialect"
local failure = require "failure"
local host = require "host"
local output = require "output"

local ipairs, pairs, tostring, type = ipairs, pairs, tostring, type

local M = {}

local result_of = context.result_of
local MAX_STREAM_WARNINGS = 100  -- in the last line of a stream, which may run for days

-- Gates ------------------------------------------------------------------------------------------------------------

-- "preview" or "run", or a failure when the caller must confirm first (O-021, O-048).
local function mode_of(run)
  local C, v = run.contract, run.values
  if v.dry_run and not C.dispatches then return "preview" end
  if C.safe_default then return v.live and "run" or "preview" end
  if C.danger ~= "destructive" or v.confirm_destructive then return "run" end
  return run.dialect.confirmed and "run" or "gate"
end

-- The run object -------------------------------------------------------------------------------------------------------

local function add_session(run)
  local dir

  local function usable(path, err)
    if path then return path end
    failure.raise("PERMISSION_DENIED", { context = { path = err.path },
      message = err.path .. " is not a private directory of this user." })
  end

  --- <tmp>/tool-<uid>, ours alone and mode 0700; made when missing (REQ-F-032). nil when another has put something there.
  function run.session_base()
    return (host.session_base())
  end

  --- The run's own directory; the supervisor removes it when all programs have ended.
  function run.tmp_dir()
    if not dir then
      host.send("T", tostring(require("confinement").limits(run.contract).tmp_size))
      dir = usable(host.session())
      run.session_dir = dir
      run.private[#run.private + 1] = dir
      run.meta("session_tmp_dir", dir)
    end
    return dir
  end

  function run.lock_dir()
    local path = usable(host.session_base()) .. "/locks"
    host.file.mkdir(path, 448)
    return path
  end
end

-- Input is there, and not too much of it, before the command begins (REQ-F-054); a terminal is asked only by a command
-- that really reads.
local function take_input(run)
  local stdin = run.contract.stdin
  run.stdin = require("stdin").of(run)
  if stdin.required == false or host.tty.stdin and not run.values.input_file and not stdin.required then return end
  run.stdin()
end

-- The configuration file that the command may write: chosen before the confinement, guarded in a preview (REQ-C-025).
local function aim_config(run)
  local conf, C = run.config, run.contract
  conf.aim(run.values.global)
  function conf.before_write(path)
    if run.preview then
      failure.raise("DRY_RUN_MUTATION", { message = "A dry run must not change " .. path .. "." })
    end
    run.effect_begins()
  end
  function conf.after_write(path, scope)
    if scope == "global" then host.send("W", "GLOBAL_CONFIG_MODIFIED: wrote to " .. path) end
  end
  local own = C.suite and C.suite.config and C.suite.config.file
  if own and C.config and C.danger ~= "safe" and conf.path and conf.scope ~= "suite" and conf.scope ~= "file" then
    failure.raise("CONFIG_INVALID", { message = own .. " has no place: HOME is not set.", phase = "validation", fix = "Set HOME" })
  end
  if C.config == "global" and C.danger ~= "safe" and conf.scope == "local" then
    failure.raise("ARG_ERROR", { message = "This command writes the user's configuration only.", phase = "validation",
      fix = "Pass --global" })
  end
end

-- What the command's functions get: theirs to change, without a change of what the host goes by.
local function input_of(given)
  local copy = {}
  for name, value in pairs(given) do
    copy[name] = type(value) == "table" and getmetatable(value) == nil and input_of(value) or value
  end
  return copy
end

-- A run that knows nothing of its call yet. opts: config, inv, meta, globals, timeout_ms.
local function new_run(C, opts)
  local run = {
    contract = C, args = false, values = false, input = false, given = false, flags = false, globals = opts.globals,
    suite = C.suite, config = opts.config, inv = opts.inv, cwd = opts.inv.cwd, meta = opts.meta, held = {}, warnings = {},
    private = {}, started = false, rows = {}, page = {}, preview = false, dialect = false, voice = false,
    timeout_ms = opts.timeout_ms,
  }

  run.shows_life = (opts.globals.heartbeat_ms or 0) > 0 or opts.globals.heartbeat_interval ~= nil

  function run.fail(err) error(failure.from(err), 0) end

  function run.warn(code, text)
    run.warnings[#run.warnings + 1] = code .. ": " .. text
    if run.streaming and #run.stream_warnings < MAX_STREAM_WARNINGS then
      run.stream_warnings[#run.stream_warnings + 1] = code .. ": " .. text
    end
    host.send("W", code .. ": " .. text)
    host.send("L", "warn", text)
  end

  function run.progress(done, total, label)
    local text = type(done) == "string" and done or (label or "")
      .. (total and (" %d/%d"):format(done, total) or done and " " .. tostring(done) or "")
    if run.shows_life then host.send("P", text) end
    if host.tty.stderr and host.tty.stdout or run.globals.verbose then host.send("L", "info", text) end
  end

  --- Something outside may change from now on: failures are no longer free of effects.
  function run.effect_begins()
    if not run.started then
      run.started = true
      host.send("X")
    end
  end

  local left

  --- While a person works in a program of this run, its time does not count.
  function run.suspend_limit()
    left = run.remaining_ms()
    host.limit(0, false)
  end

  function run.resume_limit()
    if left then
      run.deadline = host.mono() + left
      host.limit(left, false)
    end
  end

  function run.remaining_ms()
    if run.timeout_ms == 0 then return nil end
    return math.max(0, run.deadline - host.mono())
  end

  function run.cut(data)
    host.send("K", (assert(host.json.encode(data))))
  end

  --- Releases what is held, newest first; the command's own cleanup first of all (REQ-C-017).
  function run.release()
    if run.released then return end
    run.released = true
    if C.raw.cleanup or C.plugin or #run.held > 0 then host.flush() end -- the answer counts, however long this takes
    if C.raw.cleanup and run.entered then
      local ok, err = pcall(C.raw.cleanup, run.ctx)
      if not ok then host.send("W", "CLEANUP_FAILED: " .. tostring(failure.is(err) and err.message or err)) end
    end
    if C.plugin and run.entered then require("hooks").run(run, "stop") end
    for i = #run.held, 1, -1 do pcall(run.held[i].release, run.held[i]) end
  end

  add_session(run)
  return run
end

-- What this call gave it. opts: values, given, flags.
local function take_call(run, opts)
  local C = run.contract
  run.args, run.values, run.input = opts.values, opts.values, input_of(opts.values)
  run.given, run.flags = opts.given, opts.flags
  run.dialect, run.voice = dialect.rules(run.inv, C), run.inv.voice
  if C.config or C.suite and C.suite.config then aim_config(run) end
  if C.steps then require("steps").add(run) end
end

-- Results --------------------------------------------------------------------------------------------------------------

local function fit(C, data, kind)
  local ok, err = require("schema").check(C, data, kind)
  if ok then return end
  failure.raise("OUTPUT_INVALID", {
    message = ("The command's result does not fit its contract at %s: %s."):format(err.path, err.message),
    exit = "GENERAL_ERROR", context = { path = err.path },
  })
end

-- Texts that the command calls cut get their visible end, and are told of (REQ-F-064).
local function mark_cuts(run, value)
  if not run.truncations then return end
  local result = result_of(value)
  local data = result and result.data or value
  run.cuts = run.cuts or {}
  for _, one in ipairs(run.truncations) do
    local note = require("output.cap").mark(data, one.path, one.original)
    if not note then error("ctx.truncated: there is no text at " .. one.path, 0) end
    table.insert(run.cuts, note)
  end
  run.truncations = nil
end

-- Runs the handler to its very end: what it started beside itself included (REQ-F-049).
local function call(run, handler)
  local value = handler(run.input, run.ctx)
  if run.launching then run.preview = false end
  if run.tasks then require("tasks").settle(run, true) end
  mark_cuts(run, value)
  return value
end

local function with_effect(data, effect)
  local out = {}
  for k, v in pairs(data) do out[k] = v end
  out.effect = effect
  return out
end

local function effect_form(C)
  local form = not C.job and C.returns
  if type(form) ~= "table" or form.schema or form.list or form.map or form.one_of then return "any" end
  return with_effect(form, "string")
end

-- The form of one row of a stream.
local function row_form(C)
  local form = C.returns
  return type(form) == "table" and form.list or form
end

-- The form of a batch's answer: what the command says of one item holds for each.
local function batch_form(C)
  return { results = { list = { data = C.returns, ["…"] = "any" }, ordered = true }, ["…"] = "any" }
end

local function batch_data(run, result)
  local failed = 0
  for _, row in ipairs(result.results) do
    if not row.ok then failed = failed + 1 end
  end
  local total = #result.results
  local data = {
    summary = { total = total, succeeded = total - failed, failed = failed },
    results = host.json.array(result.results), partial = failed > 0 or result.cut or false,
  }
  if run.contract.danger ~= "safe" then data.effect = result.changed and "updated" or "noop" end
  return data, failed
end

-- What the handler returned: data, the form that it has, the number of failed batch items, the name of the form.
local function unwrapped(run, value)
  local C, plain = run.contract, value
  value = result_of(value)
  if not value then
    value = plain
    if C.danger ~= "safe" and not C.framework then
      failure.raise("EFFECT_MISSING", { exit = "GENERAL_ERROR",
        message = "The command changed something and did not say what: it must return ctx.created, updated, deleted or noop." })
    end
    if C.stream and value == nil then value = {} end
    fit(C, value)
    return value, C.job and "any" or C.returns
  end
  local data, form, failed, kind = nil, "any", nil, "any"
  if value.kind == "would" then
    if not run.preview then
      failure.raise("EFFECT_MISSING", { exit = "GENERAL_ERROR",
        message = "The command ran and says what it would do; it must say what it has done." })
    end
    data, run.effect_only = with_effect(value.data, value.effect), true
  elseif value.kind == "batch" then
    data, failed = batch_data(run, value)
    form, kind = batch_form(C), "batch"
  elseif value.kind == "effect" then
    data = with_effect(value.data, value.effect)
    if value.missing then run.effect_only = true else form, kind = effect_form(C), "effect" end
  end
  if C.steps and value.kind ~= "would" then
    for key, v in pairs(run.step_state()) do data[key] = v end
  end
  fit(C, data)
  return data, form, failed, kind
end

-- The same with what doors have to add: the target of ctx.open.
local function unwrap(run, value)
  local data, form, failed, kind = unwrapped(run, value)
  if run.extra and type(data) == "table" then
    local more = {}
    for key, v in pairs(data) do more[key] = v end
    for key, v in pairs(run.extra) do more[key] = v end
    data = more
  end
  return data, form, failed, kind
end

-- An answer in the shape of the older major version that was asked for, and its form (REQ-O-014).
local function older(run, data, form)
  local C, wanted = run.contract, run.globals.schema_version
  if not wanted or not C.min_schema_version or wanted >= tonumber(C.version:match("^%d+")) or run.preview then
    return data, form
  end
  local shape = C.raw.compat_schemas and C.raw.compat_schemas[wanted] or "any"
  local out = C.raw.compat[wanted](data)
  fit(setmetatable({ returns = shape }, { __index = C }), out, "result")
  return out, shape
end

-- Lists: asks for pages until --limit is met (authoring §4 `page`).
local function collect_pages(run, handler)
  local C, ctx = run.contract, run.ctx
  local limit = run.values.limit
  local items, pages, info = {}, {}, {}
  local wanted = limit > 0 and limit + run.start.skip or math.huge
  local token = run.start.token
  while true do
    ctx.cursor = token
    local result = call(run, handler)
    result = result_of(result) or { data = result, kind = "list" }
    fit(C, result.data)
    for _, item in ipairs(result.data) do items[#items + 1] = item end
    pages[#pages + 1] = { token = token, count = #result.data }
    if result.total ~= nil then info.total = result.total end
    if result.external ~= nil then info.external = result.external end
    token = result.next
    if token == host.json.null then token = nil end
    if token == nil or #items >= wanted then break end
    if token == ctx.cursor then
      failure.raise("OUTPUT_INVALID", { exit = "GENERAL_ERROR", context = { cursor = token },
        message = "The command's pages do not end: each names itself as the next one." })
    end
  end
  info.next, info.pages, info.size = token, pages, run.page.size
  if token == nil and #pages == 1 and pages[1].token == nil then info.pages = nil end
  return host.json.array(items), info
end

local function program_line(run)
  local line = { run.inv.program }
  for _, word in ipairs(host.line and require("lines").arguments() or host.argv) do line[#line + 1] = word end
  return line
end

-- The envelope without data, as the supervisor will write it; what only that knows is given its usual length.
local function around(run, out)
  local meta, warnings = {}, {}
  for key, text in pairs(run.inv.said) do meta[key] = text end
  for key, value in pairs(out.meta) do meta[key] = host.json.encode(value) end
  local data = config.directory "data" or ""
  meta.audit_log_path, meta.cwd = meta.audit_log_path or '"' .. data .. '/audit.jsonl"', meta.cwd or '"' .. host.cwd .. '"'
  meta.request_id, meta.timestamp = '"' .. host.request_id .. '"', '"2026-01-15T10:30:00.000Z"'
  meta.tool_version, meta.duration_ms, meta.headless = '"' .. host.version .. '"', "12345", "true"
  meta.trace_id = host.env "TOOL_TRACE_ID"
  local parts = {}
  for key, text in pairs(meta) do parts[#parts + 1] = '"' .. key .. '":' .. text .. "," end
  table.sort(parts)
  for i, text in ipairs(run.warnings) do warnings[i] = text end
  table.move(out.warnings, 1, #out.warnings, #warnings + 1, warnings)
  return '{"ok":true,"data":,"error":null,"warnings":' .. host.json.encode(host.json.array(warnings)) .. ',"meta":{'
    .. table.concat(parts) .. "}}"
end

local function finish_options(run, form, page)
  local g, inv = run.globals, run.inv
  local opts = {
    format = inv.format, tty_width = inv.width, color = inv.color, fields = g.fields, limit = run.values.limit,
    start = run.start, args = run.values, page = page, unmask = g.unmask, stable = g.stable_output,
    max_bytes = tonumber(host.env "TOOL_MAX_OUTPUT_BYTES"), run = run, cwd = run.cwd,
    returns = form, injection_protection = not g.no_injection_protection,
    tainted = (run.contract.framework or run.contract.job) and false or nil, cuts = run.cuts,
    token_limit = g.token_limit, token_offset = g.token_offset, token_count = g.token_count, done = run.started,
    program_line = function() return program_line(run) end,
    effect_only = run.effect_only and not g.fields,
  }
  if g.token_limit or g.token_count then
    opts.around = function(out) return around(run, out) end
    opts.shed = function()     -- an answer that is refused for its size is told in short
      for key, text in pairs(inv.said) do
        if #text > 512 then run.meta(key, host.json.null) end
      end
    end
  end
  return opts
end

-- --output-file makes a new file. What stands in its way is told before anything is done, so that no result is lost.
local function check_file(path)
  local stat, dir = host.file.stat(path, true), host.file.stat(confinement.parent(path))
  if stat then
    failure.raise("ALREADY_EXISTS", { message = ("%s exists already."):format(path), context = { path = path },
      hint = "Name a file that does not exist yet" })
  elseif not dir or dir.type ~= "directory" then
    failure.raise("NOT_FOUND", { message = ("There is no directory %s."):format(confinement.parent(path)),
      context = { path = confinement.parent(path) } })
  end
end

local function write_file(run, text)
  local path = run.globals.output_file
  local ok, err = host.file.write(path, text, { mode = 384, exclusive = true })
  if not ok then failure.raise(err.code, { message = err.message, context = { path = path } }) end
  run.meta("output_file", path)
end

local function send(run, data, form, page, exit, fail)
  if run.globals.schema_version and not fail then data, form = older(run, data, form) end
  local opts = finish_options(run, form, page)
  if run.globals.output_file and not fail then
    opts.unmask, opts.max_bytes, opts.token_limit, opts.token_offset, opts.token_count = true, 1 << 30, nil, nil, nil
    local whole = output.finish(run.contract, data, opts)
    if whole then write_file(run, whole.text or whole.data_json .. "\n") end
    opts = finish_options(run, form, page)
  end
  if run.voice then
    local e
    if fail then e, exit = answer.error(fail, run.contract, false) end
    return run.voice:result(run, data, opts, e, exit)
  end
  local out, problem = output.finish(run.contract, data, opts)
  if not out then error(problem, 0) end
  for key, value in pairs(out.meta) do run.meta(key, value) end
  for _, text in ipairs(out.warnings) do host.send("W", text) end
  for _, detail in ipairs(out.warning_details) do host.send("w", (host.json.encode(detail))) end
  local e
  if fail then e, exit = answer.error(fail, run.contract, false) end
  if opts.token_count then
    return answer.send { exit = exit or 0, error = e, flags = (run.flags or "") .. "j" }
  end
  local text = opts.format ~= "json" and out.text or nil
  -- A script that a shell reads is stdout as it is, unless a format was asked for.
  local verbatim = run.contract.verbatim
  if verbatim and not run.globals.output and not e then text = data[verbatim] end
  answer.send {
    exit = exit or 0, data_json = out.data_json, data = not out.data_json and not text and out.data or nil, error = e,
    text = text, flags = (run.flags or "") .. (text and (exit or 0) == 0 and "t" or ""),
  }
end

-- Failures of the command -----------------------------------------------------------------------------------------------

local function refuse(run, f)
  local C, inv = run.contract, run.inv
  local data = f.data
  if C.steps and run.entered and not run.preview then
    local last = run.steps.timeline[#run.steps.timeline]
    if last and last.status == "interrupted" then last.status = "failed" end
    run.meta("steps", run.steps.timeline)
    run.roll_back()
    data = data or run.unfinished()
    if #run.steps.completed > 0 and f.exit ~= 3 then
      f = failure.new("PARTIAL_FAILURE", { message = f.message, exit = "PARTIAL_FAILURE", cause = f.code,
        context = { code = f.code, message = f.message } })
    end
  end
  local rows = run.rows
  if C.stream and not run.streaming and not run.voice and #rows > 0 and inv.format == "json" then
    -- what was emitted before is told beside the failure, as the rows of a stream would have been
    if pcall(send, run, host.json.array(rows), { list = row_form(C), ordered = true }, nil, nil, f) then return end
  end
  local e, exit = answer.error(f, C, run.started and f.phase ~= "validation")
  if run.voice then return run.voice:result(run, data, finish_options(run, "any"), e, exit) end
  local note, text
  if inv.format == "rich" then
    local out = data and C.raw.render and output.finish(C, data, finish_options(run))
    text = out and out.text
    note = require("errors_text")(e, { color = inv.color, program = inv.program })
  end
  answer.send { exit = exit, error = e, data = data, note = note, text = text, flags = text and "t" or "" }
end

-- An error that is no failure is a fault of the command: the trace goes to stderr, never to stdout (REQ-F-006, C-013).
local function fault(err, trace)
  if err == nil or tostring(err):find("not enough memory", 1, true) then
    return failure.new("OUT_OF_MEMORY", { message = "The command used more memory than it may.", exit = "GENERAL_ERROR",
      retryable = false })
  end
  host.send("L", "error", trace or tostring(err))
  return failure.new("COMMAND_FAILED", { message = "The command raised an error; stderr says where.",
    exit = "GENERAL_ERROR", retryable = false })
end

-- The run ---------------------------------------------------------------------------------------------------------------

local function start_page(run)
  local C = run.contract
  run.start = { skip = 0 }
  if not C.page then return end
  if run.values.cursor then
    local start, problem = output.read_cursor(C, run.values, run.values.cursor)
    if not start then error(problem, 0) end
    run.start = start
  end
  run.page = { limit = run.values.limit, size = run.start.size or C.page }
end

local function gate(run)
  local C = run.contract
  local result = C.raw.preview(run.input, run.ctx)
  result = result_of(result)
  local data = result and result.data or {}
  failure.raise("CONFIRMATION_REQUIRED", { phase = "validation",
    context = { would_affect = data.would_affect }, hint = "Add --confirm-destructive to do it" })
end

-- A command for other systems says so, and runs all the same (REQ-C-018).
local function check_platform(run)
  for _, name in ipairs(run.contract.platform) do
    if name == host.platform then return end
  end
  local text = ("Command not supported on %s; expected %s"):format(host.platform, table.concat(run.contract.platform, ", "))
  run.warn("PLATFORM_UNSUPPORTED", text)
  run.meta("warnings", host.json.array { text })
end

local function prepare_native(run)
  local name, dir = run.contract.native, host.env "TOOL_NATIVE_PATH"
  if not name then return end
  local native, message
  if dir then native, message = host.native(dir, name) end
  if not native then
    failure.raise("DEPENDENCY_MISSING", { message = ("The native module %s is not available: %s."):format(name,
      message or "TOOL_NATIVE_PATH is not set") })
  end
  require("programs").set_own_environment()
  run.native = native
end



-- A key that the command has succeeded with before: that answer once more, and nothing else (REQ-C-007).
local function repeated(run)
  if run.preview or run.job or not run.values.idempotency_key then return false end
  local guard, record = require("idempotency").begin(run)
  run.once = guard
  if not record then return false end
  run.meta("idempotency_hit", true)
  local C, data = run.contract, record.data
  if not host.json.is_array(data) then data.effect = "noop" end
  send(run, data, record.kind == "batch" and batch_form(C) or record.kind == "effect" and effect_form(C) or "any")
  return true
end

-- A success under a key is kept before it is told.
local function keep(run, data, kind)
  if run.once then require("idempotency").keep(run, run.once, data, kind) end
end

local function body(run)
  local C = run.contract
  start_page(run)
  if run.globals.output_file then check_file(run.globals.output_file) end
  local mode = mode_of(run)
  run.preview = mode ~= "run"
  if C.job then run.job = require("jobs").current(C) end
  if C.safe_default then run.meta("dry_run", run.preview) end
  if run.values.confirm_destructive or run.values.live and mode == "run" then run.meta("confirmed", true) end
  if C.stream then
    require("streams").add(run,
      { fit = fit, mark_cuts = mark_cuts, older = older, row_form = row_form, options = finish_options })
  end
  if C.editor and mode == "run" then require("doors.edit").gate(run) end
  if C.auth and mode == "run" then require("credentials").gate(run) end

  for tool, need in pairs(C.needs or {}) do require("programs").find(need.check and need.check[1] or tool) end
  prepare_native(run)
  local entry = C.exits[10]
  host.limit(run.timeout_ms, entry and entry.retryable)
  run.deadline = host.mono() + run.timeout_ms
  if C.stdin then take_input(run) end
  if repeated(run) then return end
  if not run.readable then run.writable, run.readable = confinement.writable(run), confinement.readable(run) end
  if not confinement.apply(run) then return host.hand_back() end
  if C.platform then check_platform(run) end
  if #C.scopes > 0 then require("credentials").watch(run) end
  if C.batch then run.batch_data = function(result) return (batch_data(run, result)) end end
  context.complete(run)
  if C.steps and mode == "run" then run.cut(run.unfinished()) end
  if C.job and mode == "run" and not run.job then run.preview, run.launching = true, true end -- until ctx.job
  host.gc "restart"
  if C.plugin then require("hooks").run(run, "start") end
  run.entered = true
  if mode == "gate" then gate(run) end
  local handler = mode == "preview" and C.raw.preview or C.raw.run
  if C.page and mode == "run" then
    local items, info = collect_pages(run, handler)
    return send(run, items, nil, info)
  end
  local value = call(run, handler)
  if run.streaming then return require("streams").finish(run) end
  if C.stream and value == nil then
    local items = host.json.array(run.rows)
    keep(run, items, "any")
    return send(run, items, { list = row_form(C), ordered = true })
  end
  if mode == "preview" and not result_of(value) then
    failure.raise("PREVIEW_INVALID", { message = "preview must return ctx.would(…).", exit = "GENERAL_ERROR" })
  end
  local data, form, failed, kind = unwrap(run, value)
  if failed and failed > 0 then
    local f = failure.new("PARTIAL_FAILURE", { exit = "PARTIAL_FAILURE",
      message = ("%d of %d items failed."):format(failed, data.summary.total) })
    return send(run, data, form, nil, 3, f)
  end
  keep(run, data, kind)
  return send(run, data, form)
end

-- Runs in the error handler, where memory may have run out: makes as little as it can.
local function with_trace(err)
  if failure.is(err) or err == "not enough memory" then return err end
  return { trace = host.traceback(tostring(err), 2), err = err }
end

--- A run of the command ahead of the call that it will be for, which M.execute is then given in opts.run.
function M.prepare(C, opts)
  local run = new_run(C, opts)
  if not confinement.names_places(C) then run.writable, run.readable = {}, {} end
  context.begin(run)
  return run
end

--- Runs the command; on_run(run) is called before anything happens. Sends the result, also for failures.
--- opts: values, given, flags, on_run; run, or what M.prepare takes.
function M.execute(C, opts)
  local run = opts.run or new_run(C, opts)
  take_call(run, opts)
  opts.on_run(run)
  local ok, err = xpcall(body, with_trace, run)
  if ok then return end
  if not failure.is(err) then
    local plain = type(err) ~= "table"
    err = fault(plain and err or err.err, not plain and err.trace or nil)
  end
  if run.launching and err.code == "DRY_RUN_MUTATION" then
    err = failure.new("JOB_EFFECT", { cause = err.message })
  end
  if run.tasks then require("tasks").settle(run, false) end
  refuse(run, err)
end


return M
