-- ctx.open and ctx.notify: what needs a desktop (REQ-F-057, C-024).
-- Promise: without one nothing is started and nothing blocks; the target is in the answer, or what the contract says.

local failure = require "failure"
local host = require "host"
local programs = require "programs"

local function headless()
  return not host.tty.stdout or programs.set "CI" or not (host.env "DISPLAY" or host.env "WAYLAND_DISPLAY")
end

-- A browser stays when the run has ended.
local function launch(run, argv)
  programs.detach(run, argv, { trusted = true })
  return true
end

return {
  headless = headless,
  open = function(run)
    local behaviour = run.contract.gui.headless

    -- True when the desktop took it; else what the contract wants has happened.
    local function attempt(what, argv)
      if run.preview then
        failure.raise("DRY_RUN_MUTATION", { message = "A dry run must not open " .. what .. "." })
      end
      if not headless() and not run.values.headless then return launch(run, argv) end
      if behaviour == "error" then
        failure.raise("NO_TTY", { message = "There is no desktop to open " .. what .. ".", context = { target = what } })
      elseif behaviour == "skip" then
        run.warn("HEADLESS", "There is no desktop; " .. what .. " was not opened")
      end
      return false
    end

    --- Opens an address or a file; data gets open_url or open_path and opened. Returns whether it was opened.
    local function open(target)
      local url = target:find("^%a[%w+.-]*:") ~= nil
      if not url and target:sub(1, 1) ~= "/" then error("ctx.open needs an address or an absolute path", 2) end
      local opened = attempt(target, { "xdg-open", target })
      if opened or behaviour == "emit_in_output" then
        run.extra = { [url and "open_url" or "open_path"] = target, opened = opened }
      end
      return opened
    end

    --- Shows a notification. Returns whether it was shown.
    local function notify(text)
      return attempt("a notification", { "notify-send", "--", text })
    end

    return { open = open, notify = notify }
  end,
}
