-- Boot: what the worker calls. main runs the invocation; unwind releases what it holds, however it ended.

local failure = require "failure"
local host = require "host"

local boot = {}

local current -- the run, while there is one

--- Runs the command line to its answer.
function boot.main()
  host.gc "stop"
  local invocation = require "invocation"
  local trace
  local ok, err = xpcall(invocation.run, function(err)
    if not failure.is(err) then trace = host.traceback(tostring(err), 2) end
    return err
  end, function(run) current = run end)
  if not ok then
    -- A failure before any command was known, or a fault of the host itself.
    if not failure.is(err) then error(trace, 0) end
    invocation.refuse(err)
  end
  boot.unwind()
end

--- Runs the command's cleanup and releases everything it held, newest first. Idempotent.
function boot.unwind()
  local run = current
  current = nil
  if run then run.release() end
  return run
end

--- The same after an interrupt. A stream that is meant to be stopped has its ending to say.
function boot.interrupted()
  if current and current.entered and current.on_cut then current.on_cut() end
  local run = boot.unwind()
  if run and run.on_interrupt then run.on_interrupt() end
end

-- What a command may need, whatever it declares; the rest is loaded by those that do.
local COMMON = {
  "args.payload", "global_flags", "invocation", "lines", "output.cap", "output.mask", "output.page", "redact_args", "run", "schema",
  "schema.fit", "stdin", "streams",
}

--- Loads all that ahead, for workers that begin with a copy of this state.
function boot.warm()
  for _, name in ipairs(COMMON) do require(name) end
  require("args").split({}, host.globals, function() return 0 end) -- makes its index of the global flags
end

--- Loads the command of these words, for the lines that call it: true when they may share a worker.
function boot.prepare(words)
  local C = require("invocation").prepare(words)
  if not C or not require("lines").is_plain(C) then return false end
  -- what its answers need is made from the contract once; the answer itself is thrown away
  require("schema").check(C, {}, "result")
  require("output").finish(C, {}, { cwd = host.cwd, format = "json" })
  return true
end

return boot
