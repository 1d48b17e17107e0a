-- REQ-O-050: `tool exec` runs one command per line of JSON, each as a run of its own.
local S = require "lib.spec"
local json = S.json

-- Runs exec over lines: texts as they are, tables as JSON. opts.args are further arguments; the rest as for S.tool.
local function exec(lines, opts)
  opts = opts or {}
  local texts, args = {}, { "exec", table.unpack(opts.args or {}) }
  for i, line in ipairs(lines) do texts[i] = type(line) == "table" and json.encode(line) or line end
  local all = { stdin = table.concat(texts, "\n") .. "\n", shape = "lines" }
  for k, v in pairs(opts) do all[k] = v end
  all.args = nil
  return S.tool(args, all)
end

local function all_lines(lines, opts)
  opts = opts or {}
  opts.args = { "--ignore-errors", table.unpack(opts.args or {}) }
  return exec(lines, opts)
end

local function codes(r)
  local out = {}
  for i, answer in ipairs(r.answers) do out[i] = answer.error ~= json.null and answer.error.code or "ok" end
  return out
end

local OK = { _cmd = "fx.ok" }

local function repeated(n, line)
  local out = {}
  for i = 1, n do out[i] = line end
  return out
end

-- The audit log of a fresh home, as decoded lines.
local function audit(home)
  local out = {}
  for line in (S.slurp(home .. "/.local/share/tool/audit.jsonl") or ""):gmatch("[^\n]+") do out[#out + 1] = json.decode(line) end
  return out
end

S.req("REQ-O-050", "tool exec built-in command", function()
  it("1 each line is dispatched and its fields arrive as the parameters of their names", function()
    local r = S.status(exec { { _cmd = "fx.ok", word = "one" }, { _cmd = "fx.types", _opts = { count = 7, flag = true,
      ratio = 0.5, text = "a=b --c\nd" }, item = json.array { "x", "y" }, label = { k = "v" }, data = { deep = { 1 } },
      colour = "red" } }, 0)
    S.equal(r, "one", r.answers[1].data.word, "word")
    local data = r.answers[2].data
    S.equal(r, { 7, true, 0.5, "a=b --c\nd", "red" }, { data.count, data.flag, data.ratio, data.text, data.colour }, "values")
    S.equal(r, { "x", "y" }, data.item, "item")
    S.equal(r, { k = "v" }, data.label, "label")
    S.equal(r, { deep = { 1 } }, data.data, "data")
  end)

  it("1 an option that is false is left out, and underscores stand for hyphens", function()
    local r = S.status(exec { { _cmd = "fx.types", _opts = { flag = false } },
      { _cmd = "fx.ok", _opts = { stable_output = true } } }, 0)
    S.equal(r, false, r.answers[1].data.flag, "flag")
    S.equal(r, 0, r.answers[2].meta.duration_ms, "duration_ms")
  end)

  it("1 what a line answers is what the command answers by itself", function()
    local home = S.dir "home"
    local opts = { env = { HOME = home } }
    local r = S.status(exec({ { _cmd = "fx.list", _opts = { limit = 3 } }, { _cmd = "status" } }, opts), 0)
    local alone = S.tool({ "fx", "list", "--limit", "3" }, opts)
    S.equal(r, alone.envelope.data, r.answers[1].data, "data")
    S.equal(r, alone.envelope.meta.pagination, r.answers[1].meta.pagination, "pagination")
    S.equal(r, "status", r.answers[2].meta.command, "command")
  end)

  it("2 one envelope a line, in order, with _cmd and _line; blank lines are counted and not answered", function()
    local r = S.status(exec { OK, "", { _cmd = "fx.list" }, "   \r", '  {"_cmd":"fx.ok"} \r' }, 0)
    S.equal(r, 3, #r.answers, "answers")
    for i, want in ipairs { { "fx.ok", 1 }, { "fx.list", 3 }, { "fx.ok", 5 } } do
      S.equal(r, want, { r.answers[i].meta._cmd, r.answers[i].meta._line }, "answer " .. i)
    end
    S.truth(r, r.answers[1].meta.request_id ~= r.answers[3].meta.request_id, "two lines share a request id")
    S.equal(r, 2, #S.status(S.tool({ "exec" }, { stdin = '{"_cmd":"fx.ok"}\n{"_cmd":"fx.ok"}', shape = "lines" }), 0).answers,
      "a last line without its newline")
  end)

  it("2 lines are JSON whatever the format of the call, also rows of a stream", function()
    local r = S.status(exec({ { _cmd = "fx.ticks", n = 2 } }, { env = { TOOL_OUTPUT = "tsv" }, args = { "--output", "plain" } }), 0)
    S.equal(r, 1, #r.answers, "answers")
    S.equal(r, 2, #r.answers[1].data, "rows")
  end)

  it("3 it stops at the first failure with 1; with --ignore-errors it goes on, and the exit is 1 all the same", function()
    local lines = { OK, { _cmd = "fx.throw" }, OK }
    S.equal(nil, { "ok", "COMMAND_FAILED" }, codes(S.status(exec(lines), 1)), "without")
    S.equal(nil, { "ok", "COMMAND_FAILED", "ok" }, codes(S.status(all_lines(lines), 1)), "with")
    S.equal(nil, { "ok", "ok" }, codes(S.status(all_lines { OK, OK }, 0)), "all well")
    local none = S.status(S.tool({ "exec" }, { stdin = "\n \n" }), 0)
    S.equal(none, { "exec", json.null }, { none.envelope.meta.command, none.envelope.meta._line or json.null }, "without a line")
  end)

  it("4 --dry-run reaches every command that changes something, and no other", function()
    local file = S.spit(S.dir() .. "/file", "as it was")
    local r = all_lines({ { _cmd = "fx.write", path = file }, OK, { _cmd = "fx.purge", _opts = { live = true }, path = file },
      { _cmd = "fx.count-input" }, { _cmd = "fx.destroy", _opts = { confirm_destructive = true }, path = file } },
      { args = { "--dry-run" } })
    S.status(r, 1)
    S.equal(r, { "ok", "ok", "ok", "ARG_ERROR", "ok" }, codes(r), "codes")
    for _, i in ipairs { 1, 3, 5 } do S.truth(r, r.answers[i].data.effect:find "^would_", "line " .. i .. " is no dry run") end
    S.equal(r, "as it was", S.slurp(file), "the file")
    S.equal(r, "updated", S.status(exec { { _cmd = "fx.write", path = file } }, 0).answers[1].data.effect, "without")
  end)

  it("5 a line that is no request is told so and does nothing", function()
    local cases = {
      { "not json", "not JSON" }, { '{"_cmd":"fx.ok"', "not JSON" }, { "[]", "not a JSON object" },
      { '"fx.ok"', "not a JSON object" }, { "{}", "no _cmd" }, { '{"_cmd":7}', "_cmd must be" },
      { '{"_cmd":"fx ok"}', "_cmd must be" }, { '{"_cmd":""}', "_cmd must be" },
      { '{"_cmd":"Fx.ok"}', "_cmd must be" }, { '{"_cmd":"fx..ok"}', "_cmd must be" },
      { '{"_cmd":"fx.--help"}', "_cmd must be" }, { '{"_cmd":"fx.ok","_opts":[]}', "_opts must be an object" },
      { '{"_cmd":"fx.ok","_opts":{"word":null}}', "must be a boolean" },
      { '{"_cmd":"fx.ok","_opts":{"word":{}}}', "must be a boolean" },
      { '{"_cmd":"fx.ok","_opts":{"a=b":"c"}}', "no name of an option" },
      { '{"_cmd":"fx.ok","_opts":{"word":"a\\u0000b"}}', "NUL" }, { '{"_cmd":"fx.ok","_opt":{}}', "no key \"_opt\"" },
      { '{"_cmd":"fx.ok","word":"a","word":"b"}', "given twice" },
      { '{"_cmd":"fx.ok","_cmd":"fx.list"}', "given twice" },
      { '{"_cmd":"fx.ok","_opts":{"word":"a"},"word":"b"}', "given twice" },
      { '{"_cmd":"fx.ok","_opts":{"output":"tsv"}}', "output" }, { '{"_cmd":"fx.ok"} {"_cmd":"fx.ok"}', "not JSON" },
      { '{"_cmd":"fx.ok","x":"\xff"}', "not JSON" },
    }
    local lines = {}
    for i, case in ipairs(cases) do lines[i] = case[1] end
    lines[#lines + 1] = OK
    local r = S.status(all_lines(lines), 1)
    for i, case in ipairs(cases) do
      local answer = r.answers[i]
      S.equal(r, "DISPATCH_PARSE_ERROR", answer.error.code, case[1])
      S.equal(r, "validation", answer.error.phase, case[1])
      S.truth(r, answer.error.message:find(case[2], 1, true), case[1] .. ": " .. answer.error.message)
      S.equal(r, i, answer.meta._line, case[1])
    end
    S.truth(r, r.answers[#cases + 1].ok, "the line behind them")
  end)

  it("5 a line that is too long is told so, and the next one begins where it ends", function()
    local long = json.encode { _cmd = "fx.ok", word = ("x "):rep(35000) }
    local fits = json.encode { _cmd = "fx.ok", word = ("y "):rep(32500) }
    local r = S.status(all_lines { OK, long, OK, fits, ("z"):rep(300000), OK }, 1)
    S.equal(r, { "ok", "STDIN_TOO_LARGE", "ok", "ok", "STDIN_TOO_LARGE", "ok" }, codes(r), "codes")
    S.equal(r, 6, r.answers[6].meta._line, "_line")
    local wide = all_lines({ long }, { env = { TOOL_MAX_STDIN_BYTES = "200000" } })
    S.equal(S.status(wide, 0), 70000, #wide.answers[1].data.word, "with another limit")
  end)

  it("5 unknown commands, groups, exec itself and unknown fields are refused", function()
    local r = S.status(all_lines { { _cmd = "nope" }, { _cmd = "fx" }, { _cmd = "fx.ok.more" }, { _cmd = "exec" },
      { _cmd = "fx.ok", wort = "x" }, { _cmd = "fx.ok", _opts = { wort = "x" } }, { _cmd = "fx.types", pass = "s3cret-value" },
      { _cmd = "fx.types", count = "7" }, { _cmd = "fx.types", count = 700 } }, 1)
    S.equal(r, { "COMMAND_NOT_FOUND", "COMMAND_NOT_FOUND", "COMMAND_NOT_FOUND", "DISPATCH_PARSE_ERROR", "ARG_ERROR", "ARG_ERROR",
      "SECRET_ON_COMMAND_LINE", "ARG_ERROR", "ARG_ERROR" }, codes(r), "codes")
  end)

  it("6 when no line is a request the exit is 2", function()
    local r = S.status(all_lines { "x", "{}", "[1]" }, 2)
    S.equal(r, 3, #r.answers, "answers")
    S.equal(nil, 1, #S.status(exec { "x", OK }, 2).answers, "stopped at the first")
    S.status(all_lines { "x", { _cmd = "nope" } }, 1)
  end)

  it("7 it is safe and says how it is called", function()
    local contract = S.contract "exec"
    assert.equal("safe", contract.danger_level)
    assert.truthy(S.commands().exec.flags["ignore-errors"] and S.commands().exec.flags["dry-run"])
    S.failed(S.tool({ "exec", "--nope" }, { stdin = '{"_cmd":"fx.ok"}\n' }), 2, "ARG_ERROR")
    S.failed(S.tool({ "exec", "--output-file", S.dir() .. "/out" }, { stdin = '{"_cmd":"fx.ok"}\n' }), 2, "ARG_ERROR")
    S.failed(S.tool({ "exec", "--output", "json" }, S.terminal { shape = "json" }), 4, "INPUT_REQUIRED")
  end)

  it("7 lines from a file", function()
    local dir = S.dir()
    local file = S.spit(dir .. "/calls", '{"_cmd":"fx.ok"}\n{"_cmd":"fx.list"}\n')
    local r = S.status(S.tool({ "exec", "--input-file", file }, { shape = "lines" }), 0)
    S.equal(r, 2, #r.answers, "answers")
    S.equal(r, 1, #exec({ OK }, { args = { "--input-file", "-" } }).answers, "- is standard input")
    S.failed(S.tool { "exec", "--input-file", dir .. "/none" }, 5, "NOT_FOUND")
    S.failed(S.tool { "exec", "--input-file", dir }, 4, "IS_A_DIRECTORY")
  end)
end)

S.req("REQ-O-050", "tool exec: every line by itself", function()
  it("a line that crashes, hangs, runs out of memory or is killed costs only its own answer", function()
    local native = function(call) return { _cmd = "fx.native", call = call } end
    local r = S.status(all_lines({
      native "null_deref", OK, native "abort_now", OK, native "exit_now", OK, { _cmd = "fx.spin" }, OK,
      { _cmd = "fx.native-hang", call = "spin_in_c" }, OK, { _cmd = "fx.memory" }, OK, { _cmd = "fx.throw" }, OK,
      { _cmd = "fx.pcall-loop" }, OK, native "write_fd1", OK,
    }, { timeout = 60 }), 1)
    S.equal(r, { "WORKER_CRASHED", "ok", "WORKER_CRASHED", "ok", "WORKER_FAILED", "ok", "TIMEOUT", "ok", "TIMEOUT", "ok",
      "OUT_OF_MEMORY", "ok", "COMMAND_FAILED", "ok", "TIMEOUT", "ok", "ok", "ok" }, codes(r), "codes")
    S.equal(r, "SIGSEGV", r.answers[1].error.signal, "signal")
    local function noise(answer) return S.json.encode(answer.warnings):find("THIRD_PARTY_STDOUT", 1, true) ~= nil end
    S.equal(r, { true, false }, { noise(r.answers[17]), noise(r.answers[18]) }, "the noise is told where it was made only")
  end)

  it("a worker that is killed from outside is one line's failure", function()
    local r = exec({ { _cmd = "fx.sleep", time = "10s" }, OK }, { args = { "--ignore-errors", "--verbose" },
      signals = { { "KILL", when_stderr = "ready", to = "last" } } })
    S.status(r, 1)
    S.equal(r, { "WORKER_KILLED", "ok" }, codes(r), "codes")
  end)

  it("the process that workers are copied from is replaced when it is killed", function()
    local r = exec({ { _cmd = "fx.sleep", time = "300ms" }, { _cmd = "fx.sleep", time = "1ms" }, OK }, { args = { "--verbose" },
      signals = { { "KILL", when_stderr = "ready", to = "child" } } })
    S.equal(S.status(r, 0), { "ok", "ok", "ok" }, codes(r), "codes")
  end)

  it("processes that a line leaves behind end with it", function()
    local r = S.status(all_lines { { _cmd = "fx.native", call = "fork_daemon" }, OK }, 0)
    S.equal(r, { "ok", "ok" }, codes(r), "codes")
  end)

  it("each line has its own deadline", function()
    local r = S.status(all_lines { { _cmd = "fx.sleep", _opts = { timeout = "100ms" } }, OK,
      { _cmd = "fx.sleep", time = "10ms" } }, 1)
    S.equal(r, { "TIMEOUT", "ok", "ok" }, codes(r), "codes")
    -- the limit of the call is that of each line, unless it has its own
    local both = all_lines({ { _cmd = "fx.sleep", time = "5s" },
      { _cmd = "fx.sleep", time = "200ms", _opts = { timeout = "5s" } } }, { args = { "--timeout", "100ms" } })
    S.equal(both, { "TIMEOUT", "ok" }, codes(S.status(both, 1)), "codes")
  end)

  it("no line sees what another left in memory", function()
    local stain, deep = { _cmd = "fx.stain" }, { _cmd = "fx.stain", deep = true }
    local r = S.status(exec { stain, stain, deep, stain, OK, deep, OK, stain, stain, stain, stain, stain }, 0)
    for i, answer in ipairs(r.answers) do
      if answer.meta._cmd == "fx.stain" then S.equal(r, { 0, 1 }, { answer.data.seen, answer.data.loads }, "line " .. i) end
    end
    local numbers = exec(repeated(6, { _cmd = "fx.random" }))
    local seen = {}
    for _, answer in ipairs(numbers.answers) do
      S.truth(numbers, not seen[answer.data.nonce], "two lines draw the same random numbers")
      seen[answer.data.nonce] = true
    end
  end)

  it("a line may do what its own contract says, whatever the lines before it were", function()
    local dir = S.dir()
    local r = S.status(exec { OK, { _cmd = "fx.write", path = dir .. "/a", text = "A" }, OK,
      { _cmd = "fx.child", what = json.array { "echo" } }, OK, { _cmd = "fx.write", path = dir .. "/b", text = "B" } }, 0)
    S.equal(r, { "A", "B" }, { S.slurp(dir .. "/a"), S.slurp(dir .. "/b") }, "files")
    for _, answer in ipairs(r.answers) do S.equal(r, "full", answer.meta.confinement, "confinement") end
  end)

  it("lines of several commands that take turns go on in workers that know them", function()
    local one, mixed = {}, {}
    for i = 1, 400 do
      one[i] = OK
      mixed[i] = ({ OK, { _cmd = "fx.arrays" }, { _cmd = "fx.presence" } })[i % 3 + 1]
    end
    local alone, turns = S.status(exec(one, { timeout = 60 }), 0), S.status(exec(mixed, { timeout = 60 }), 0)
    for i, answer in ipairs(turns.answers) do S.equal(turns, mixed[i]._cmd, answer.meta._cmd, "line " .. i) end
    S.truth(turns, turns.elapsed_ms < 5 * alone.elapsed_ms, ("%.0f ms, %.0f ms alone"):format(turns.elapsed_ms, alone.elapsed_ms))
  end)

  it("what has effects happens in the order of the lines, and those behind it see it", function()
    local file = S.dir() .. "/f"
    local lines, want = {}, {}
    for i = 1, 12 do
      lines[#lines + 1] = { _cmd = "fx.write", path = file, text = "v" .. i }
      for _ = 1, i % 4 + 1 do
        lines[#lines + 1] = { _cmd = "fx.cat", path = file }
        want[#lines] = "v" .. i
      end
    end
    local r = S.status(exec(lines, { timeout = 60 }), 0)
    for i, text in pairs(want) do S.equal(r, text, r.answers[i].data.content, "line " .. i) end
  end)

  it("lines that read different places are each confined to their own", function()
    local dir, lines = S.dir(), {}
    for i = 1, 8 do lines[i] = { _cmd = "fx.cat", path = S.spit(dir .. "/" .. i % 3, "text " .. i % 3) } end
    local r = S.status(exec(lines), 0)
    for i, answer in ipairs(r.answers) do
      S.equal(r, { "text " .. i % 3, "full" }, { answer.data.content, answer.meta.confinement }, "line " .. i)
    end
  end)

  it("a configuration that appears meanwhile is read by the lines behind it", function()
    local home = S.dir "home"
    local r = S.status(exec({ OK, OK, OK,
      { _cmd = "config.set", key = "region", value = "eu", _opts = { global = true } }, OK, OK },
      { env = { HOME = home }, cwd = home }), 0)
    for i, sources in ipairs { 0, 0, 0, false, 1, 1 } do
      if sources then S.equal(r, sources, #r.answers[i].meta.config_sources, "line " .. i) end
    end
  end)

  it("a secret of one line is hidden in it", function()
    local r = S.status(exec({ { _cmd = "fx.secrets", _opts = { token_from_env = "FX_SECRET" } }, OK },
      { env = { FX_SECRET = "a-secret-of-one-line" }, args = { "--verbose" } }), 0)
    S.truth(r, not (r.stdout .. r.stderr):find("a-secret-of-one-line", 1, true), "the secret is shown")
  end)

  it("each line stands in the audit log, without its secrets, and so does the call", function()
    local home = S.dir "home"
    all_lines({ { _cmd = "fx.ok", word = "w" }, "x", { _cmd = "fx.types", pass = "hush-hush-hush" }, { _cmd = "nope" } },
      { env = { HOME = home } })
    local log, got = audit(home), {}
    for i, line in ipairs(log) do got[i] = { line.command, line.exit_code } end
    assert.same({ { "fx.ok", 0 }, { "fx.types", 2 }, { "nope", 2 }, { "exec", 1 } }, got)
    assert.same({ word = "w" }, log[1].args)
    assert.equal("[REDACTED]", log[2].args.pass)
  end)

  it("each answer has its own byte cap", function()
    local r = all_lines({ { _cmd = "fx.huge" }, OK }, { env = { TOOL_MAX_OUTPUT_BYTES = "4096" } })
    for _, line in ipairs(S.lines(r.stdout)) do S.truth(r, #line < 4096, "a line has " .. #line .. " bytes") end
    S.equal(r, 2, #r.answers, "answers")
  end)

  it("one crash in two hundred lines changes one answer", function()
    local lines = repeated(200, OK)
    lines[77] = { _cmd = "fx.native", call = "null_deref" }
    local r = S.status(all_lines(lines, { timeout = 60 }), 1)
    for i, answer in ipairs(r.answers) do S.equal(r, i ~= 77, answer.ok, "line " .. i) end
    S.equal(r, 200, #r.answers, "answers")
  end)
end)

S.req("REQ-O-050", "tool exec: lines as they come", function()
  it("an answer is there as soon as its line is, while stdin stays open", function()
    local r = S.tool({ "exec" }, { shape = "lines", stdin = "open", feed = {
      { '{"_cmd":"fx.ok","word":"first"}\n' }, { '{"_cmd":"fx.ok","word":"second"}\n', when_stdout = "first" },
      { '{"_cmd":"fx.ok","wo', when_stdout = "second" }, { 'rd":"third"}\n', when_stdout = "second", delay_ms = 30 },
      { eof = true, when_stdout = "third" } } })
    S.status(r, 0)
    S.equal(r, 3, #r.answers, "answers")
  end)

  it("SIGTERM is the end, and the line that runs says so", function()
    local r = exec({ { _cmd = "fx.sleep", time = "10s" }, OK },
      { args = { "--verbose" }, signals = { { "TERM", when_stderr = "ready" } } })
    S.status(r, 143)
    S.equal(r, { "CANCELLED" }, codes(r), "codes")
    S.equal(r, 1, r.answers[1].meta._line, "_line")
  end)

  it("a signal between two lines is answered for the whole call", function()
    for name, status in pairs { TERM = 143, INT = 130 } do
      local r = S.tool({ "exec" }, { shape = "lines", stdin = "open", feed = { { '{"_cmd":"fx.ok"}\n' } },
        signals = { { name, when_stdout = "hello" } } })
      S.status(r, status)
      S.equal(r, { "ok", "CANCELLED" }, codes(r), "codes")
      S.equal(r, "exec", r.answers[2].meta.command, "command")
    end
  end)

  it("when nobody reads the answers it ends", function()
    local r = S.tool({ "exec" }, { shape = "none", stdin = "open", stdout = { leave = 1 }, feed = { { '{"_cmd":"fx.ok"}\n' } } })
    S.status(r, 0)
  end)

  it("lines that can leave nothing behind share a process, and no program is started for any", function()
    if os.getenv "ASAN_OPTIONS" then return pending "memory under the sanitizer cannot be set back" end
    local file = S.spit(S.dir() .. "/calls", ('{"_cmd":"fx.ok"}\n'):rep(40))
    local r, trace = S.strace({ "exec", "--input-file", file }, "clone,clone3,fork,vfork,execve", { shape = "lines" })
    S.equal(S.status(r, 0), 40, #r.answers, "answers")
    local clones, programs = 0, 0
    for _, line in ipairs(trace) do
      if line:find "clone3?%(" or line:find "fork%(" then clones = clones + 1 end
      if line:find "execve" then programs = programs + 1 end
    end
    S.truth(r, clones <= 5, clones .. " processes were made")
    S.equal(r, 1, programs, "programs, the tool itself included")
  end)

  it("memory does not grow with the lines", function()
    if os.getenv "ASAN_OPTIONS" then return pending "the sanitizer keeps what is freed" end
    local few = S.status(exec(repeated(100, OK)), 0)
    local many = S.status(exec(repeated(3000, OK), { timeout = 60 }), 0)
    S.truth(many, many.maxrss - few.maxrss < 3000, ("%d KB more for 2900 lines more"):format(many.maxrss - few.maxrss))
  end)
end)
