--- `tool check-permissions`: may the credential do what a command needs, and does it do no more?
-- Promise: compares what contracts declare with what is known of the credential, without a request and without showing a
-- token: TOOL_SCOPES, the claims of a token in the environment, what a login stored (REQ-O-047, REQ-C-029).

local credentials = require "credentials"

-- The answer about one contract: required, active, missing, over_privileged.
local function look(C, host)
  local active = credentials.active_scopes { contract = C, values = {} } or host.json.array {}
  local missing, more = credentials.compare(C.scopes, active)
  -- a command that needs nothing says nothing about the credential
  return active, missing, more and #C.scopes > 0
end

local function named(contracts, words)
  local path = words:gsub("^%s+", ""):gsub("%s+$", ""):gsub("%s+", ".")
  for _, C in ipairs(contracts) do
    if C.path == path and not C.group then return C end
  end
end

local function list(host, values)
  return host.json.array(table.move(values, 1, #values, 1, {}))
end

local function check_one(ctx, C)
  local host, words = ctx.framework.host, C.path:gsub("%.", " ")
  local active, missing, more = look(C, host)
  local required = list(host, C.scopes)
  if #missing > 0 then
    ctx.fail("AUTH_ERROR", {
      message = ("The credential lacks %s, which `%s` needs."):format(table.concat(missing, ", "), words),
      cause = "missing: " .. table.concat(missing, ", "),
      more = { detail = "missing: " .. table.concat(missing, ", "), missing_scopes = missing },
      context = { command = words, required_scopes = required, active_scopes = active, missing_scopes = missing },
    })
  end
  if more then ctx.warn("OVER_PRIVILEGED", ("the credential has more scopes than `%s` needs"):format(words)) end
  return { command = words, required_scopes = required, active_scopes = active, over_privileged = more }
end

local function check_all(ctx, contracts)
  local host, commands = ctx.framework.host, {}
  for _, C in ipairs(contracts) do
    if not C.group then
      local _, missing, more = look(C, host)
      commands[C.path:gsub("%.", " ")] = {
        required_scopes = list(host, C.scopes), covered = #missing == 0, over_privileged = more,
      }
    end
  end
  return { commands = host.json.object(commands) }
end

return {
  about = "Check whether the credential has the scopes that commands need, and no more",
  danger = "safe", scopes = {}, framework = true, since = "0.1", timeout = "30s",
  args = {
    { "for", "string", "Only this command, such as \"sentryagent list-agents\"", loose = true },
  },
  returns = { one_of = {
    {
      command = "string", required_scopes = { list = "string", ordered = true }, active_scopes = { list = "string" },
      over_privileged = "boolean",
    },
    { commands = { map = {
      required_scopes = { list = "string", ordered = true }, covered = "boolean", over_privileged = "boolean",
    } } },
  } },
  render = function(data, ui)
    local rows = {}
    for name, row in pairs(data.commands or { [data.command] = { required_scopes = data.required_scopes, covered = true,
      over_privileged = data.over_privileged } }) do
      rows[#rows + 1] = { command = name, needs = table.concat(row.required_scopes, " "), covered = row.covered and "yes"
        or "no", more = row.over_privileged and "yes" or "" }
    end
    table.sort(rows, function(a, b) return a.command < b.command end)
    ui.table(rows, { "command", "needs", "covered", "more" })
  end,
  exits = {
    SUCCESS = "The scopes are shown; with --for, the credential has all that the command needs",
    NOT_FOUND = "There is no such command",
    AUTH_REQUIRED = "The credential lacks scopes that the command needs",
  },
  errors = {
    COMMAND_UNKNOWN = { "There is no such command.", exit = "NOT_FOUND", hint = "`tool manifest` lists all commands" },
    AUTH_ERROR = { "The credential lacks scopes.", exit = "AUTH_REQUIRED",
      fix = "Use a credential with the missing scopes" },
  },
  examples = {
    { "All commands", "tool check-permissions" },
    { "One command", "tool check-permissions --for \"config set\"" },
  },
  run = function(args, ctx)
    local contracts = ctx.framework.contracts()
    if not args["for"] then return check_all(ctx, contracts) end
    local C = named(contracts, args["for"])
    if not C then ctx.fail("COMMAND_UNKNOWN", { context = { command = args["for"] } }) end
    return check_one(ctx, C)
  end,
}
