-- What may be known of a contract before it runs, and what can be run under one of one's own.
local S = require "lib.spec"
local hostile = require "hostile.common"

-- Every name that a command's file can reach. Whatever is added here is given to code that nobody trusts.
local ALLOWED = [[
    _G _VERSION assert coroutine coroutine.close coroutine.create coroutine.isyieldable coroutine.resume
    coroutine.running coroutine.status coroutine.wrap coroutine.yield error getmetatable ipairs math math.abs
    math.acos math.asin math.atan math.atan2 math.ceil math.cos math.cosh math.deg math.exp math.floor math.fmod
    math.frexp math.huge math.ldexp math.log math.log10 math.max math.maxinteger math.min math.mininteger
    math.modf math.pi math.pow math.rad math.random math.randomseed math.sin math.sinh math.sqrt math.tan
    math.tanh math.tointeger math.type math.ult next os os.clock os.date os.difftime os.time pairs pcall print
    rawequal rawget rawlen rawset require select setmetatable string string.byte string.char string.find
    string.format string.gmatch string.gsub string.len string.lower string.match string.pack string.packsize
    string.rep string.reverse string.sub string.unpack string.upper table table.concat table.insert table.move
    table.pack table.remove table.sort table.unpack tonumber tostring type utf8 utf8.char utf8.charpattern
    utf8.codepoint utf8.codes utf8.len utf8.offset xpcall
    tool.glob:expand tool.glob:match tool.hash:base64 tool.hash:hex tool.hash:hmac_sha256 tool.hash:sha256
    tool.hash:unbase64 tool.json:array tool.json:decode tool.json:encode tool.json:is_array tool.json:null tool.table:filter
    tool.table:keys tool.table:map tool.table:merge tool.table:sorted tool.text:lines tool.text:split
    tool.text:trim tool.text:truncate tool.text:width tool.time:duration tool.time:format tool.time:now
    tool.time:parse tool.toml:decode tool.url:decode tool.url:encode tool.url:join tool.url:parse tool.url:query
]]

S.req("HOSTILE-EXPLAINED", "The environment, plugin explain, sandbox run", function()
  local at

  setup(function()
    at = hostile.place()
    hostile.remember(at)
  end)
  teardown(function() hostile.close(at) end)

  it("a file reaches the names of the allow list and no other", function()
    local r = S.status(S.tool({ "hostile", "environment", "--unmask" }, hostile.options(at)), 0)
    local allowed, seen = {}, {}
    for name in ALLOWED:gmatch "%S+" do allowed[name] = true end
    for _, name in ipairs(r.envelope.data.names) do
      S.truth(r, allowed[name], name .. " is not on the list")
      seen[name] = true
    end
    for name in pairs(allowed) do S.truth(r, seen[name], name .. " is gone") end
  end)

  local function explained(words, more)
    local args = { "plugin", "explain" }
    for word in words:gmatch "%S+" do args[#args + 1] = word end
    return S.tool(args, hostile.options(at, more))
  end

  local function rule(r, command, path)
    for _, one in ipairs(r.envelope.data.commands) do
      for _, row in ipairs(one.command == command and one.effective.paths or {}) do
        if row.path == path then return row end
      end
    end
  end

  it("explain shows the paths, hosts, programs and limits of a command, as data and in words", function()
    local r = S.status(explained "hostile program", 0)
    local one = r.envelope.data.commands[1]
    S.equal(r, 1, #r.envelope.data.commands, "commands")
    S.equal(r, 64, one.effective.limits.processes, "processes")
    S.equal(r, 1000000, one.effective.limits.file_bytes, "file size")
    S.equal(r, 20000000, one.effective.limits.tmp_bytes, "size of the run's own directory")
    S.equal(r, false, one.effective.network, "network")
    S.equal(r, { "read", "write" }, rule(r, "hostile program", "--own").access, "--own")
    S.equal(r, { "read" }, rule(r, "hostile program", "--see").access, "--see")
    S.equal(r, { "read", "execute" }, rule(r, "hostile program", "/usr").access, "/usr")
    local said = table.concat(one.words, "\n")
    for _, part in ipairs { "Reads --own, --see", "Writes --own", "no network", "Runs attack", "64 processes" } do
      S.truth(r, said:find(part, 1, true), part .. " is missing in " .. said)
    end
    r = S.status(explained "hostile online", 0)
    one = r.envelope.data.commands[1]
    S.equal(r, { "127.0.0.1:9" }, one.effective.hosts, "hosts")
    S.equal(r, { 9, 53 }, one.effective.ports, "ports")
  end)

  it("explain takes a plugin, a suite, a command with a dot, and says what it does not know", function()
    local r = S.status(explained "emulator", 0)
    S.truth(r, #r.envelope.data.commands >= 1, "the plugin's commands")
    S.equal(r, true, rule(r, "emulator start", "--data-dir") ~= nil, "--data-dir")
    r = S.status(explained "sentryagent", 0)
    S.truth(r, #r.envelope.data.commands > 3, "the suite's commands")
    S.status(explained "config.set", 0)
    S.failed(explained "no such thing", 5, "COMMAND_UNKNOWN")
  end)

  it("explain tells a person what the kernel here does not enforce", function()
    local r = S.tool({ "plugin", "explain", "hostile", "native" }, S.terminal(hostile.options(at)))
    S.truth(r, r.stdout:find("native module attack", 1, true), "the module is named")
    S.truth(r, r.stdout:find("kernel enforces all of it", 1, true) or r.stdout:find("Not enforced here", 1, true), "the kernel")
  end)

  it("a kernel without Landlock is told of, and the command runs all the same", function()
    local function old(...)
      local argv = { "attack", "without-landlock", S.paths.tool, ... }
      local run = hostile.options(at)
      run.exe, run.clear_env, run.env = S.paths.native_dir .. "/attack", true, S.environment(run)
      local r = S.run(argv, run)
      r.args, r.envelope = argv, S.json.decode(r.stdout)
      return r
    end
    local r = S.status(old "neighbour", 0)
    S.equal(r, "partial", r.envelope.meta.confinement, "meta.confinement")
    r = S.status(old("plugin", "explain", "neighbour"), 0)
    S.equal(r, 0, r.envelope.data.enforced.landlock_abi, "the ABI")
    S.truth(r, #r.envelope.data.enforced.missing >= 1, "what is missing")
    r = old "doctor"
    S.truth(r, table.concat(r.envelope.warnings, " "):find("Landlock is missing", 1, true), "doctor warns")
    r = S.status(old("hostile", "liar", "write", "--confirm-destructive"), 4)
    S.equal(r, "ACCESS_UNDECLARED", r.envelope.error.code, "the host's own check")
  end)

  -- flags, command line, status of the program, text on its standard output
  local RUNS = {
    { {}, { "echo", "hello" }, 0, "hello\n" },
    { {}, { "cat", "visible" }, 1, "" },
    { { "--read", "." }, { "cat", "visible" }, 0, "visible" },
    { { "--read", "." }, { "cat", "way-out" }, 1, "" },
    { {}, { "cat", "SECRET" }, 1, "" },
    { {}, { "cat", "KEY" }, 1, "" },
    { { "--read", "." }, { "touch", "made" }, 1, "" },
    { { "--write", "OWN" }, { "touch", "OWN/made" }, 0, "" },
    { {}, { "attack", "exec", "/bin/sh" }, 0, "EACCES\n" },
    { { "--exec" }, { "attack", "exec", "/bin/sh" }, 0, "done\n" },
    { {}, { "attack", "tcp", "PORT" }, 0, "EACCES\n" },
    { { "--network" }, { "attack", "packet" }, 0, "EACCES\n" },
    { { "--network" }, { "attack", "bind" }, 0, "EACCES\n" },
    { {}, { "attack", "signal" }, 0, "EACCES\n" },
  }
  for _, case in ipairs(RUNS) do
    it("sandbox run " .. table.concat(case[1], " ") .. " -- " .. table.concat(case[2], " "), function()
      local function filled(word)
        return (word:gsub("^SECRET$", at.files.secret):gsub("^KEY$", at.files.key):gsub("^OWN", at.own)
          :gsub("^PORT$", tostring(at.port)))
      end
      local args = { "sandbox", "run" }
      for _, word in ipairs(case[1]) do args[#args + 1] = filled(word) end
      args[#args + 1] = "--"
      for _, word in ipairs(case[2]) do args[#args + 1] = filled(word) end
      local r = S.status(S.tool(args, hostile.options(at)), 0)
      local data = r.envelope.data
      S.equal(r, case[3], data.status, "the program's status")
      S.equal(r, case[4], data.stdout, "its output")
      S.equal(r, #case[1] > 0 and case[1][1] == "--network", data.policy.network, "the policy's network")
      hostile.unharmed(at, r)
    end)
  end

  it("sandbox run shows a dry run, tells a signal, and names a program that is missing", function()
    local r = S.status(S.tool({ "sandbox", "run", "--dry-run", "--read", ".", "--", "cat", "visible" }, hostile.options(at)), 0)
    S.equal(r, "would_run", r.envelope.data.effect, "effect")
    r = S.status(S.tool({ "sandbox", "run", "--exec", "--", "sh", "-c", "kill -9 $$" }, hostile.options(at)), 0)
    S.equal(r, 9, r.envelope.data.signal, "the signal")
    S.failed(S.tool({ "sandbox", "run", "--", "no-such-program-here" }, hostile.options(at)), 4, "DEPENDENCY_MISSING")
    r = S.tool({ "sandbox", "run", "--", "echo", "hello" }, S.terminal(hostile.options(at)))
    S.truth(r, r.stdout:find("hello", 1, true), "a person sees what it wrote")
  end)
end)
