--- `tool audit-log`: which commands were run, when, with what and how they ended.
-- Promise: what the log holds, oldest first, secrets redacted; a torn line is told in a warning and does not hide the
-- others (REQ-O-030).

local audit = require "audit_log"
local units = require "units"

-- The moment that `--since` means, in ms since 1970: a point in time, or so long before now. nil for other texts.
local function moment(text, now)
  local _, ms = units.duration(text)
  if math.type(ms) == "integer" and not text:find("^%d+$") then return now - ms end
  _, ms = units.datetime(text)
  return math.type(ms) == "integer" and ms or nil
end

-- "fx.ok" for "fx ok" and for "fx.ok".
local function dotted(words)
  return words and (words:gsub("^%s+", ""):gsub("%s+$", ""):gsub("%s+", "."))
end

return {
  about = "Show which commands were run, when and how they ended",
  danger = "safe", scopes = {}, framework = true, since = "0.1", timeout = "30s", rows = "entries", config = true,
  external = false,
  args = {
    { "since", "string", "Only later ones: a time such as 2026-01-15T00:00:00Z, or so long ago, such as 1h",
      match = "^([0-9]+(ms|s|m|h|d|w)|[0-9]{4}-[0-9]{2}-[0-9]{2}.*)$" },
    { "command", "string", "Only this command, such as \"config set\"", loose = true },
    { "trace-id", "string", "Only those of this trace", loose = true },
    { "limit", "integer", "Only the newest ones, so many; 0 for all", min = 0, default = 0 },
  },
  table = { "timestamp", "command", "exit_code", "duration_ms", "request_id" },
  returns = {
    entries = { ordered = true, list = {
      timestamp = "datetime", command = "string!", parameters = { map = "any" }, exit_code = "integer",
      duration_ms = "integer", trace_id = "string!", request_id = "string!", operator = "string!",
    } },
  },
  exits = {
    SUCCESS = "The entries are shown, possibly none",
    PERMISSION_DENIED = "The log is another user's",
  },
  errors = {
    PERMISSION_DENIED = { "The audit log cannot be read.", exit = "PERMISSION_DENIED" },
  },
  examples = {
    { "The last hour, one line each", "tool audit-log --since 1h --output jsonl" },
    { "The ten newest runs of a command", "tool audit-log --command \"config set\" --limit 10" },
  },
  validate = function(args, bad)
    if args.since and not moment(args.since, 0) then
      bad("since", "--since must be a time such as 2026-01-15T00:00:00Z or a duration such as 1h")
    end
  end,
  render = function(data, ui)
    if #data.entries == 0 then ui.text("Nothing found.", "dim") end
    if #data.entries > 0 then ui.table(data.entries, { "timestamp", "command", "exit_code", "duration_ms" }) end
  end,
  run = function(args, ctx)
    local host = ctx.framework.host
    local entries, first = host.json.array {}, 1
    local since = args.since and moment(args.since, host.time())
    local command, limit = dotted(args.command), args.limit
    local function each(entry)
      local ms = since and select(2, units.datetime(entry.timestamp))
      if since and (math.type(ms) ~= "integer" or ms <= since) or command and entry.command ~= command
        or args.trace_id and entry.trace_id ~= args.trace_id then
        return
      end
      entries[#entries + 1] = entry
      if limit > 0 and #entries - first + 1 > limit then first = first + 1 end
    end
    local path = audit.path(ctx.framework.run)
    if not path then
      ctx.warn("AUDIT_LOG_OFF", "no audit log is kept here")
      return { entries = entries }
    end
    local broken, err = audit.read(path, each)
    if not broken then
      ctx.fail("PERMISSION_DENIED", { message = err.message, context = { path = err.path } })
    end
    if broken > 0 then
      ctx.warn("AUDIT_LOG_BROKEN", ("%d broken lines in %s"):format(broken, path))
    end
    return { entries = host.json.array(table.move(entries, first, #entries, 1, {})) }
  end,
}
