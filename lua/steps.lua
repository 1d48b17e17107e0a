-- Steps: the parts of a command that the host knows by name (REQ-C-008, O-010, O-011).
-- Promise: whatever ends the run, the answer says which steps are complete, which one failed and which were not reached;
-- a rollback undoes the finished ones, the last one first.

local failure = require "failure"
local host = require "host"

local steps_module = {}

-- What undoing may take after an interrupt; the supervisor's grace for cleanup is a little more.
local UNWIND_MS = 1800

--- Gives a run the functions of its contract's steps: run.step, run.step_state, run.unfinished, run.roll_back.
function steps_module.add(run)
  local C = run.contract
  run.steps = { completed = {}, skipped = {} }
  local resume = run.values.resume_from
  local reached = resume == nil
  local index = {}
  for i, name in ipairs(C.steps) do index[name] = i end

  local function state()
    local skipped, seen = {}, {}
    for _, name in ipairs(run.steps.completed) do seen[name] = true end
    for _, name in ipairs(C.steps) do
      if not seen[name] and name ~= run.steps.failed then skipped[#skipped + 1] = name end
    end
    return {
      completed_steps = host.json.array { table.unpack(run.steps.completed) }, skipped_steps = host.json.array(skipped),
      failed_step = run.steps.failed or host.json.null, resumed_from = resume,
    }
  end
  run.step_state = state
  function run.on_cut()
    run.deadline = host.mono() + UNWIND_MS
    run.roll_back()
  end

  --- The steps of a run that did not come to its end; `partial` when any of them may have left something.
  function run.unfinished()
    local data = state()
    data.partial = run.started or #run.steps.completed > 0
    if C.resumable and run.steps.failed and not run.steps.rollback then data.resume_from = run.steps.failed end
    if C.has_undo then data.rollback_status, data.rollback_error = run.steps.rollback or "not_attempted", run.steps.undo_error end
    return data
  end

  local function publish()
    local data = run.unfinished()
    data.pending_steps = data.skipped_steps
    run.meta("steps", run.steps.timeline)
    run.cut(data)
  end

  local function tell(event, name, ms)
    if run.inv.format == "jsonl" then
      host.send("E", (host.json.encode { event = event, step = name, index = index[name], of = #C.steps, duration_ms = ms }))
    elseif host.tty.stderr and host.tty.stdout or run.globals.verbose then
      host.send("L", "info", ("step %d/%d %s%s"):format(index[name], #C.steps, name, ms and (" done, %d ms"):format(ms) or ""))
    end
  end

  --- Undoes the finished steps of this run, the last one first, when the caller asked for it (REQ-O-011). Idempotent.
  function run.roll_back()
    local steps = run.steps
    if not run.values.rollback_on_failure or steps.rollback or #steps.completed == 0 then return end
    steps.rollback, steps.undo_error = "failed", "The rollback did not end."
    publish()
    for i = #steps.completed, 1, -1 do
      local ok, err = pcall(C.raw.undo, steps.completed[i], run.input, run.ctx)
      if not ok then
        if not failure.is(err) then host.send("L", "error", tostring(err)) end
        steps.undo_error = ("Step %s could not be undone: %s"):format(steps.completed[i],
          failure.is(err) and err.message or "stderr says why.")
        return publish()
      end
    end
    steps.rollback, steps.undo_error = "completed", nil
    publish()
  end

  function run.step(name, fn)
    if not index[name] then error("step " .. tostring(name) .. " is not declared", 2) end
    if not reached then reached = name == resume end
    if not reached then return nil end
    run.steps.failed = name
    if run.shows_life then host.send("P", name) end
    local row = { step = name, status = "interrupted", duration_ms = 0 }
    run.steps.timeline[#run.steps.timeline + 1] = row
    publish()
    tell("step_start", name)
    local began = host.mono()
    local result = fn()
    row.status, row.duration_ms = "completed", run.globals.stable_output and 0 or host.mono() - began
    run.steps.failed = nil
    run.steps.completed[#run.steps.completed + 1] = name
    publish()
    tell("step_complete", name, row.duration_ms)
    return result
  end
  run.steps.timeline = {}
end

return steps_module
