--- What a plugin does at the start and at the end of each process that runs one of its commands.
-- Promise: a hook gets the ctx of the command, so that it can do what the command may do and nothing else; it has a
-- deadline of its own, and whatever becomes of it the command goes on and the caller is told (authoring §1).

local failure = require "failure"
local host = require "host"

local hooks = {}

--- How long each may take, in ms. The end has less: a run that was interrupted must be over soon.
hooks.LIMITS = { start = 5000, stop = 1000 }

--- Runs one hook of the command's plugin, if it has that one.
function hooks.run(run, name)
  local plugin = run.contract.plugin
  local hook, ms = plugin.hooks[name], hooks.LIMITS[name]
  if name == "start" then run.hooked = true end
  if not hook or not run.hooked then return end -- what did not start does not stop
  local task = host.task(function()
    host.watch(ms)
    return pcall(hook, run.ctx)
  end)
  local joined, ok, err = host.join(task, ms)
  if not joined then ok, err = false, ok end
  if ok then return end
  local late = type(err) == "string" and (err == "timeout" or err:find(": timeout$") or err:find("^timeout"))
  host.send("W", ("PLUGIN_HOOK_FAILED: the %s hook of %s %s"):format(name, plugin.name,
    late and ("took longer than %d s"):format(ms // 1000) or "failed: " .. tostring(failure.is(err) and err.message or err)))
end

return hooks
