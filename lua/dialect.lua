-- Dialects: what a suite's own program does differently from `tool SUITE` (design §6).
-- Promise: a command never knows which one is spoken; the rules are read once, before it runs.
--
-- A suite's dialect is { exits = { [code] = code }, commands = { NAME = rules } }; rules are { exits, confirm }.
-- exits maps a final exit code to the program's own; confirm = "yes" lets --yes, or the answer on a terminal, stand for
-- --confirm-destructive.

local host = require "host"

local dialect = {}

--- The rules for a command when it is called by its suite's own name; an empty table otherwise.
function dialect.rules(inv, C)
  local declared = inv.prefix and C.suite and C.suite.dialect
  if type(declared) ~= "table" then return {} end
  local name = table.concat(C.words, " ", 2)
  local own = declared.commands and declared.commands[name] or {}
  local exits = {}
  for from, to in pairs(declared.exits or {}) do exits[from] = to end
  for from, to in pairs(own.exits or {}) do exits[from] = to end
  return { exits = exits, confirm = own.confirm or declared.confirm }
end

--- Tells the supervisor the exit codes, so that they hold however the run ends.
function dialect.announce(rules)
  for from, to in pairs(rules.exits or {}) do host.send("Y", tostring(from), tostring(to)) end
end

return dialect
