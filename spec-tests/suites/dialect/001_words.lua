-- Dialects: a suite's own program answers in its own words, whatever becomes of the command; `tool SUITE` does not.
local S = require "lib.spec"

local ENV = { SPEAK_PASS = "pa55-of-the-environment" }

-- Runs `speaker <args>`; what it writes is no envelope.
local function speaker(args, opts)
  local all = { argv0 = "speaker", shape = "none" }
  for name, value in pairs(opts or {}) do all[name] = value end
  return S.tool(args, all)
end

-- Runs it and compares all that a caller sees.
local function says(args, want, opts)
  local r = speaker(args, opts)
  local text = r.stdout:gsub("\r\n", "\n")
  S.equal(r, { want.status or 0, want.stdout or "", want.stderr or "" },
    { r.status or ("signal " .. tostring(r.signal)), text, r.stderr }, "status, stdout, stderr")
  return r
end

S.req("DIALECT", "a suite's own program speaks its own dialect", function()
  it("writes what the dialect makes of a result, in a pipe and on a terminal", function()
    says("say hello", { stdout = "say plain pipe\n" })
    says("say hello --mood mild", { stdout = "say mild pipe\n" })
    local r = says("say hello -m mild", { stdout = "say mild tty\n" }, S.terminal { shape = "none" })
    assert.equal("", r.stderr)
  end)

  it("takes the program's flags anywhere on the line, also from the environment", function()
    local want = { stdout = '{"command":"say","data":{"place":"here","text":"hi"},"preview":false}\n' }
    says("--robot say hi", want)
    says("say --robot hi", want)
    says("say hi --robot", want)
    says("-q --mood say --robot say hi", want)
    says("say hi --robot=true", want)
    says("say hi --robot --no-robot", { status = 64, stderr = "speaker: --robot is given twice with different values.\n" })
    says("--robot say hi --place there", { stdout = want.stdout:gsub("here", "there") })
    says("--robot say hi", { stdout = want.stdout:gsub("here", "there") }, { env = { SPEAK_PLACE = "there" } })
  end)

  it("gives the command none of the program's flags, except those that the suite has too", function()
    says("--robot --mood sad say", { stdout = '{"command":"say","data":{"place":"here"},"preview":false}\n' })
    says({ "--robot", "say", "--pass", "pa55-on-the-line" }, {
      stdout = '{"command":"say","data":{"pass":"the pass is [REDACTED]","place":"here"},"preview":false}\n' })
    says("--robot say", {
      stdout = '{"command":"say","data":{"pass":"the pass is [REDACTED]","place":"here"},"preview":false}\n' }, { env = ENV })
  end)

  it("keeps a secret of the line out of every byte, the audit log included", function()
    local home = S.dir "home"
    local r = speaker({ "say", "pa55-on-the-line", "--robot", "--pass", "pa55-on-the-line" }, { env = { HOME = home } })
    S.truth(S.status(r, 0), not (r.stdout .. r.stderr):find("pa55", 1, true), "the secret is shown")
    local log = S.slurp(home .. "/.local/share/tool/audit.jsonl")
    assert.truthy(log:find("REDACTED", 1, true))
    assert.falsy(log:find("pa55", 1, true))
  end)

  it("takes a secret of one command in the way of its program", function()
    local file = S.spit(S.dir() .. "/secret", "5ecret-of-a-file\n")
    for _, given in ipairs { "5ecret-on-the-line", "@" .. file, file } do
      says({ "--robot", "destroy", "--why", given }, {
        stdout = '{"command":"destroy","data":{"id":"one","why":"[REDACTED]"},"effect":"deleted","preview":false}\n' })
    end
    says({ "--robot", "destroy", "--why", "-" }, {
      stdout = '{"command":"destroy","data":{"id":"one"},"effect":"deleted","preview":false}\n' })
    local r = S.status(speaker { "destroy", "--why", "@" .. file .. ".no" }, 64)
    S.truth(r, r.stderr:find("--why names a file that cannot be read: NOT_FOUND", 1, true), "no reason")
    S.failed(S.tool { "speak", "destroy", "--confirm-destructive", "--why", "x" }, 2, "SECRET_ON_COMMAND_LINE")
  end)

  it("draws a result for a terminal where the dialect wants it", function()
    local r = S.status(speaker("say hello --mood draw", S.terminal { shape = "none" }), 0)
    S.truth(r, r.stdout:find "place.-here", "no drawing")
  end)

  it("maps codes of errors and of exits", function()
    says("say --fail", { status = 3, stderr = "gone: It is gone.\n" })
    says("say --fail -q", { status = 3 })
    says("--robot say --fail", { status = 3, stdout = '{"command":"say","error":"gone","message":"It is gone."}\n' })
    says("say --exit 7", { status = 7, stdout = "say plain pipe\n" })
  end)

  it("tells mistakes in the line its own way", function()
    says("say --count x", { status = 64, stderr = "speaker: --count must be a whole number.\n" })
    says("--robot say --nope", { status = 64, stderr = "speaker: There is no option --nope.\n" })
    says("sy", { status = 64, stderr = 'speaker: There is no command "sy".\n' })
    says("--mood", { status = 64, stderr = speaker("").stderr })
    local r = S.status(speaker "", 64)
    S.truth(r, r.stdout == "" and r.stderr:find("A command is missing.\nUsage: speaker <command>", 1, true), "no usage")
  end)

  it("--help is text on stdout, with the program's flags", function()
    local r = S.status(speaker "say --help", 0)
    for _, text in ipairs { "Usage: speaker say", "-m, --mood <text>", "--robot", "--pass-from-env", "--pass <secret>" } do
      S.truth(r, r.stdout:find(text, 1, true), text .. " is missing")
    end
    r = S.status(speaker "--robot --help", 0)
    S.truth(r, r.stdout:find("Usage: speaker <command>", 1, true), "no help")
    local script = S.status(speaker "completion bash", 0).stdout
    for _, flag in ipairs { "--mood", "--robot", "--quiet" } do S.truth(r, script:find(flag, 1, true), flag) end
  end)

  it("a form that is asked for by name is the host's own", function()
    local r = S.status(S.tool("say hello --output json", { argv0 = "speaker" }), 0)
    S.equal(r, "hello", r.envelope.data.text)
    r = S.tool("say --fail --output json", { argv0 = "speaker" })
    S.failed(r, 3, "GONE")
  end)

  it("rows are what the dialect makes of each, its end as well", function()
    says("rows", { stdout = "row 1;row 3;end 3\n" })
    local two = '{"command":"rows","row":{"n":1,"note":"note"}}\n{"command":"rows","row":{"n":3,"note":"note"}}\n'
    says("--robot rows", { stdout = two .. '{"command":"rows","preview":false,"streamed":3}\n' })
    says("rows --then fail", { status = 3, stdout = "row 1;row 3;", stderr = "gone: It is gone.\n" })
    says("--robot rows --then fail", { status = 3,
      stdout = two .. '{"at":3,"command":"rows","error":"gone","message":"It is gone."}\n' })
    says("--robot rows --no-stream", { stdout = '{"command":"rows","data":[{"n":1,"note":"note"},{"n":2,"note":"note"},'
      .. '{"n":3,"note":"note"}],"preview":false}\n' })
  end)

  it("says what changed or would change", function()
    says("--robot change", { stdout = '{"command":"change","data":{"id":"one"},"effect":"updated","preview":false}\n' })
    says("--robot destroy", { stdout = '{"command":"destroy","data":{"id":"one"},"effect":"deleted","preview":false}\n' })
    says("destroy", { status = 64, stderr = "speaker: Add --confirm-destructive.\n" })
    S.failed(S.tool "speak destroy", 2, "CONFIRMATION_REQUIRED")
    says("--robot change --dry-run", { stdout =
      '{"command":"change","data":{"would_affect":{"id":"one"}},"effect":"would_update","preview":true}\n' })
  end)

  it("a command that dies is told in the dialect's form, with its codes", function()
    local late = '{"error":"late","message":"Stopped after the 200 ms limit."}\n'
    says("--robot die --how loop --timeout 200ms", { status = 75, stdout = late })
    says("die --how loop --timeout 200ms", { status = 75, stderr = "late: Stopped after the 200 ms limit.\n" })
    says("die --how loop --timeout 200ms -q", { status = 75 })
    local crash = "The command's process was ended by signal 6 (SIGABRT)."
    says("--robot die --how crash", { status = 1, stdout = ('{"error":"other","message":"%s"}\n'):format(crash) })
    local memory = "The command used more memory than it may."
    says("--robot die --how memory", { status = 1,
      stdout = ('{"command":"die","error":"other","message":"%s"}\n'):format(memory) })
    local r = S.status(speaker "--robot die --how error", 1)
    S.equal(r, '{"command":"die","error":"other","message":"The command raised an error; stderr says where."}\n', r.stdout)
  end)

  it("a signal is told once, in the dialect's form", function()
    local function stopped(args, name)
      return speaker(args, { signals = { { name, when_stdout = '"n":3' } } })
    end
    local r = S.status(stopped("--robot rows --then wait", "TERM"), 143)
    S.truth(r, r.stdout:find('}\n{"error":"other","message":"Cancelled by SIGTERM."}\n$'), "no ending")
    r = S.status(stopped("--robot rows --then wait", "INT"), 0)    -- the way to end these rows
    S.truth(r, r.stdout:find('"streamed":3}\n$'), "no ending")
    r = speaker("rows --then wait", { signals = { { "TERM", when_stdout = "row 3" } } })
    S.equal(r, { 143, "row 1;row 3;", "other: Cancelled by SIGTERM.\n" }, { r.status, r.stdout, r.stderr }, "ending")
  end)

  it("warnings as errors are told in the dialect's form", function()
    says("--robot say hi --warnings-as-errors", { stdout =
      '{"command":"say","data":{"place":"here","text":"hi"},"preview":false}\n' })
  end)

  it("a full disk or a closed stdout is never a success", function()
    local r = S.status(speaker("say hi", { stdout = "/dev/full" }), 1)
    S.truth(r, r.stderr:find("could not be written to stdout", 1, true), "no word")
    S.status(speaker("--robot say hi", { stdout = "closed" }), 1)
  end)
end)

S.req("DIALECT", "a suite as part of the tool", function()
  it("speaks the spec, and the dialect where a flag asks for it", function()
    local r = S.status(S.tool "speak say hi", 0)
    S.equal(r, S.json.decode '{"nothing":null,"place":"here","text":"hi"}', r.envelope.data, "data")
    S.failed(S.tool "speak say --fail", 5, "GONE")
    says("speak say hi --robot", { stdout = '{"command":"say","data":{"place":"here","text":"hi"},"preview":false}\n' },
      { argv0 = "tool" })
    says("speak --robot say --fail", { status = 3, stdout = '{"command":"say","error":"gone","message":"It is gone."}\n' },
      { argv0 = "tool" })
    says("speak say --robot --nope", { status = 64, stderr = "tool: There is no option --nope.\n" }, { argv0 = "tool" })
  end)

  it("has only the flags that are meant for it", function()
    S.failed(S.tool "speak say hi --mood sad", 2, "ARG_ERROR")
    local e = S.failed(S.tool { "speak", "say", "--pass", "pa55-on-the-line" }, 2, "SECRET_ON_COMMAND_LINE")
    assert.truthy(e.message:find("from-env", 1, true))
    local flags = S.contract("speak say").flags
    assert.truthy(flags.robot and not flags.mood and flags["pass-from-env"])
  end)
end)
