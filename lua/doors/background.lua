-- ctx.spawn and ctx.stop: programs that outlive the run that started them (REQ-C-010, F-030).
-- Promise: such a program is known by a name, ends after its declared lifetime at the latest, and keeps nothing of the run
-- open; stopping one that does not run is no failure.

local failure = require "failure"
local host = require "host"
local programs = require "programs"

local STOP_MS = 3000

local function refuse_preview(run)
  if run.preview then failure.raise("DRY_RUN_MUTATION", { message = "A dry run must not start or stop a program." }) end
end

local function check_name(name)
  if name ~= nil and (type(name) ~= "string" or not name:find("^[%w_-]+$")) then
    error("a background program needs a plain name", 3)
  end
  return name or "main"
end

-- The file that says which process a name stands for.
local function record_path(run, words, name)
  local base = run.session_base()
  if not base then failure.raise("PERMISSION_DENIED", { message = "There is no private directory for this user." }) end
  host.file.mkdir(base .. "/background", 448)
  return base .. "/background/" .. words:gsub(" ", ".") .. "." .. name
end

-- keeper, began of a recorded process.
local function recorded(path)
  local text = host.file.read(path, 200)
  local keeper, began = (text or ""):match("^(%d+) (%d+)")
  return math.tointeger(tonumber(keeper)), math.tointeger(tonumber(began))
end

local function lives(path)
  local keeper, began = recorded(path)
  return keeper ~= nil and host.stop(keeper, began, true)
end

local function spawner(run)
  local C = run.contract
  local words = table.concat(C.words, " ")

  --- Starts the program of `runs` in the background; opts[1…] as of ctx.exec, name (default "main"), cwd. Data gets
  --- background_pid and cleanup_command. Returns { pid }.
  return function(opts)
    if type(opts) == "string" then
      failure.raise("SHELL_STRING_PROHIBITED", { message = "ctx.spawn takes a list of arguments, not a command line.",
        exit = "GENERAL_ERROR" })
    end
    opts = opts or {}
    refuse_preview(run)
    local path = record_path(run, words, check_name(opts.name))
    local lock, held = host.file.lock(path .. ".lock", 10000)
    if not lock then failure.raise(held.code, held) end
    local lock_ <close> = lock -- luacheck: ignore
    if lives(path) then
      failure.raise("ALREADY_EXISTS", { message = ("The background program %s runs already."):format(opts.name or "main"),
        fix = "Stop it first: " .. run.inv.program .. " " .. C.background.stop })
    end
    run.effect_begins()
    local kept = programs.detach(run, require("doors.exec").arguments(run, opts),
      { cwd = opts.cwd, lifetime_ms = C.background.lifetime_seconds * 1000 })
    local ok, err = host.file.write(path, ("%d %d %d\n"):format(kept.keeper, kept.began, kept.pid), { mode = 384 })
    if not ok then
      host.stop(kept.keeper, kept.began)
      failure.raise(err.code, err)
    end
    host.file.remove(path .. ".lock")
    run.extra = { background_pid = kept.pid, cleanup_command = run.inv.program .. " " .. C.background.stop, pid_file = path }
    return { pid = kept.pid }
  end
end

local function stopper(run)
  local words = run.contract.stops or table.concat(run.contract.words, " ")

  --- Ends the background program of that name; returns whether one ran.
  return function(name)
    refuse_preview(run)
    local path = record_path(run, words, check_name(name))
    local keeper, began = recorded(path)
    local ran = keeper ~= nil and host.stop(keeper, began)
    if ran then
      run.effect_begins()
      local until_ms = host.mono() + STOP_MS
      while host.stop(keeper, began, true) and host.mono() < until_ms do host.sleep(10) end
    end
    host.file.remove(path)
    return ran
  end
end

return {
  open = function(run)
    local C = run.contract
    return { spawn = C.background and spawner(run) or nil, stop = (C.stops or C.background) and stopper(run) or nil }
  end,
}
