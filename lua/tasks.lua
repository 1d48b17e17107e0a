-- Work that a handler starts beside itself.
-- Promise: nothing that was started is left running when the answer is given: what the handler did not wait for is waited
-- for, and said to be so (REQ-F-049).

local host = require "host"

local tasks = {}

local Task = {}
Task.__index = Task
Task.__metatable = false

--- Waits for the task. Returns what its function returned; its failure is the caller's.
function Task:join()
  if not self.done then
    self.done = table.pack(host.join(self.handle))
    self.forget()
  end
  if not self.done[1] then error(self.done[2], 0) end
  return table.unpack(self.done, 2, self.done.n)
end

--- Starts fn; the task has :join().
function tasks.start(run, fn)
  run.tasks = run.tasks or {}
  local list = run.tasks
  local task = setmetatable({ handle = host.task(fn) }, Task)
  -- A task that was waited for is nobody's concern any more: a server starts many.
  function task.forget()
    for i, one in ipairs(list) do
      if one == task then return table.remove(list, i) end
    end
  end
  list[#list + 1] = task
  return task
end

--- Runs the functions at the same time; their first results in order. All have ended when the first failure is raised.
function tasks.all(list)
  local handles, out, failed, first = {}, {}, false, nil
  for i, fn in ipairs(list) do handles[i] = host.task(fn) end
  for i, handle in ipairs(handles) do
    local ok, value = host.join(handle)
    if ok then
      out[i] = value
    elseif not failed then
      failed, first = true, value
    end
  end
  if failed then error(first, 0) end
  return out
end

--- Waits for every task that the handler left; each is warned about. Raises the first failure among them, if `strict`.
function tasks.settle(run, strict)
  if not run.tasks then return end
  local failed, first
  local count = 0
  while #run.tasks > 0 do                       -- a task may start others
    local task = run.tasks[1]
    count = count + 1
    run.warn("UNAWAITED_TASK", ("task %d was still running when the command returned; it was waited for."):format(count))
    local ok, err = pcall(task.join, task)
    if run.tasks[1] == task then table.remove(run.tasks, 1) end -- another task joins it
    if not ok and not failed then failed, first = true, err end
  end
  run.tasks = nil
  if failed and strict then error(first, 0) end
end

return tasks
