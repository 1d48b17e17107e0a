-- Dialects: what a suite's own program does differently from `tool SUITE` (design §6, docs/programs.md).
-- Promise: a command never knows which one is spoken; what holds of every answer (one writer, redaction, the byte limit,
-- an answer whatever becomes of the worker) holds in a dialect too; who speaks none pays for none.
--
-- inv.dialect is the declared table while it is spoken; inv.voice tells answers in its words where it has any.

local host = require "host"

local dialect = {}

-- Is an answer asked for in one of the host's own forms?
local function wants_host_form(inv)
  local g = inv.globals
  return g.output or g.token_limit or g.token_offset or g.token_count
end

-- The dialect that this invocation speaks, or nil.
local function spoken(inv, suite, flags)
  local declared = suite and suite.dialect
  if type(declared) ~= "table" or host.line then return nil end -- lines are answered in one form
  if inv.prefix or declared.spoken and declared.spoken(flags, inv) then return declared end
end

-- The program's flags, and those of the host behind them.
local function with_globals(inv, flags)
  return setmetatable(flags, { __index = inv.globals })
end

local function announce(exits)
  for from, to in pairs(exits or {}) do host.send("Y", tostring(from), tostring(to)) end
end

--- Begins to speak: the suite's words and exit codes hold from here on, however the run ends.
function dialect.open(inv, suite, flags)
  local declared = spoken(inv, suite, with_globals(inv, flags))
  inv.dialect, inv.voice, inv.own_flags = declared, nil, flags
  if not declared then return end
  announce(declared.exits)
  if declared.answer and not wants_host_form(inv) then
    inv.voice = require("voice").new(inv, declared, flags)
    inv.voice:announce()
  end
end

--- The rules for a command: { exits, confirmed, piped, unmask }; an empty table where no dialect is spoken.
function dialect.rules(inv, C)
  local declared = inv.dialect
  if not declared then return {} end
  local own = declared.commands and declared.commands[table.concat(C.words, " ", 2)] or {}
  local exits = {}
  for from, to in pairs(declared.exits or {}) do exits[from] = to end
  for from, to in pairs(own.exits or {}) do exits[from] = to end
  local confirm = own.confirm or declared.confirm
  if type(confirm) == "function" then confirm = confirm(with_globals(inv, inv.own_flags or {})) end
  return { exits = exits, confirmed = confirm and true or false, piped = own.piped, unmask = declared.unmask }
end

--- Speaks for a command whose arguments are known. The flags that belong to the program alone are taken out of `values`.
function dialect.settle(inv, C, values)
  local suite, flags = C.suite, {}
  for _, p in ipairs(suite and suite.flags or {}) do
    if not p.host and C.by_name[p.name] == p then
      flags[p.name] = values[p.name]
      if not suite.by_name[p.name] then values[p.name], values[p.name:gsub("-", "_")] = nil, nil end
    end
  end
  if suite and suite.dialect then dialect.open(inv, suite, flags) end
  local own = inv.dialect and inv.dialect.commands and inv.dialect.commands[table.concat(C.words, " ", 2)]
  if own then
    announce(own.exits)
    for name, value in pairs(own.defaults or {}) do
      if values[name] == nil then values[name], values[name:gsub("-", "_")] = value, value end
    end
  end
  if inv.voice then inv.voice:of(C, values) end
end

return dialect
