--- `tool sandbox run`: any program under the sandbox of commands, with what the caller opens.
-- Promise: the program reaches what the flags open and what every program needs to start, nothing else; the answer says
-- how it ended and what was in force.

local opens = require "opens"

local function argv_of(args)
  local argv = { args.program }
  for _, word in ipairs(args.arguments or {}) do argv[#argv + 1] = word end
  return argv
end

-- What the flags say, as confinement.policy takes it.
local function asked(args)
  return { program = args.program, alone = not args.exec, network = args.network == true, reads = args.read or {},
    writes = args.write or {} }
end

local function policy_of(args, ctx)
  local function absolute(list)
    local out = ctx.array {}
    for i, path in ipairs(list or {}) do out[i] = path:sub(1, 1) == "/" and path or ctx.cwd .. "/" .. path end
    return out
  end
  return { reads = absolute(args.read), writes = absolute(args.write), network = args.network == true,
    other_programs = args.exec == true, enforced = opens.enforced() }
end

return {
  about = "Run a program that reaches only what the flags open", danger = "mutating", scopes = {}, framework = true,
  since = "0.2", timeout = "60s", placement = "strict", external = true,
  args = {
    { "read", "list", "A file or directory that it may read, and whose programs it may start" },
    { "write", "list", "A file or directory that it may read and write" },
    { "network", "boolean", "It may use the network", default = false },
    { "exec", "boolean", "It may start other programs of the system", default = false },
    { "program", "string", "The program", required = true, at = 1, loose = true },
    { "arguments", "list", "Its arguments", rest = true },
  },
  confines = asked,
  returns = {
    program = "string", status = "integer", ["signal?"] = "integer", stdout = "string", stderr = "string",
    duration_ms = "integer",
    policy = { reads = { list = "string", ordered = true }, writes = { list = "string", ordered = true }, network = "boolean",
      other_programs = "boolean", enforced = opens.ENFORCED_FORM },
  },
  volatile = { "duration_ms" },
  render = function(data, ui)
    if data.stdout ~= "" then ui.text(data.stdout) end
    if data.stderr ~= "" then ui.text(data.stderr) end
    ui.text(("%s ended with status %d after %d ms."):format(data.program, data.status, data.duration_ms))
    for _, line in ipairs(data.policy.enforced.missing) do ui.text("Not enforced here: " .. line .. ".") end
  end,
  exits = { SUCCESS = "The program has ended, with whatever status", PRECONDITION = "The program is missing" },
  examples = {
    { "A program that sees nothing of yours", "tool sandbox run -- echo hello" },
    { "With one directory to read", "tool sandbox run --read . -- ls" },
  },
  preview = function(args, ctx)
    return ctx.would("run", { argv = ctx.array(argv_of(args)), policy = policy_of(args, ctx) })
  end,
  run = function(args, ctx)
    local framework = ctx.framework
    local path = framework.find(args.program)
    framework.run_begins()
    local result = framework.run(argv_of(args), {})
    local data = { program = path, status = result.status, signal = result.signal, stdout = result.stdout,
      stderr = result.stderr, duration_ms = result.duration_ms, policy = policy_of(args, ctx) }
    return #data.policy.writes > 0 and ctx.updated(data) or ctx.noop(data)
  end,
}
