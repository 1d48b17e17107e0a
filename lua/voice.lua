-- The voice of a dialect: finished results in the words of a suite's own program; loaded only while one is spoken.
-- Promise: whatever the dialect makes of a result, the supervisor writes it, redacted; what the supervisor must say
-- itself, when the worker cannot any more, it says in the dialect's words too.

local host = require "host"
local lazy = require "lazy"
local output = lazy "output"

local Voice = {}
Voice.__index = Voice

-- What the supervisor answers with by itself; SIGINT is Ctrl+C, which CANCELLED is told for otherwise.
local HOST_CODES = {
  "TIMEOUT", "CANCELLED", "SIGINT", "OUT_OF_MEMORY", "INTERNAL_ERROR", "WORKER_FAILED", "WORKER_KILLED",
  "WORKER_CRASHED", "WARNINGS_AS_ERRORS",
}

--- declared: the suite's dialect; flags: those of its program, by name.
function Voice.new(inv, declared, flags)
  return setmetatable({ inv = inv, declared = declared, flags = flags }, Voice)
end

--- The command that is spoken for, and its arguments.
function Voice:of(C, args)
  self.C, self.args = C, args
end

--- The program's own name for an error code.
function Voice:code(code)
  local codes = self.declared.codes or {}
  return codes[code] or codes["…"] or code
end

local function resolved(template, flags, code)
  if type(template) == "function" then template = template(flags, code) end
  return template or ""
end

local function escaped(text)
  return host.json.encode(text):sub(2, -2)
end

--- Tells the supervisor what to write when it has to answer itself.
function Voice:announce()
  local declared, usual = self.declared, nil
  local function send(code)
    local own = self:code(code ~= "" and code or "INTERNAL_ERROR")
    local out = resolved(declared.failure, self.flags, code):gsub("%%code%%", (escaped(own):gsub("%%", "%%%%")))
    local err = resolved(declared.failure_text or "error: %message%\n", self.flags, code):gsub("%%code%%",
      (own:gsub("%%", "%%%%")))
    if code == "" then usual = out .. "\0" .. err elseif out .. "\0" .. err == usual then return end
    host.send("V", code, out, err)
  end
  send ""
  for _, code in ipairs(HOST_CODES) do send(code) end
end

-- What a dialect's functions are given.
local function situation(self, fields)
  local inv, exits = self.inv, self.inv.dialect.exits or {}
  local e = fields.error
  return {
    command = self.C and table.concat(self.C.words, " ", 2) or nil, ok = e == nil, data = fields.data, error = e,
    code = e and self:code(e.code), warnings = fields.warnings or {}, exit = exits[fields.exit or 0] or fields.exit or 0,
    flags = self.flags, args = self.args or {}, tty = host.tty, color = inv.color, width = inv.width, meta = fields.meta,
    effect = fields.effect, preview = fields.preview or false, streamed = fields.streamed, usage = fields.usage,
    program = inv.program, draw = fields.draw,
  }
end

--- Sends an answer. fields: exit, error, data, effect, warnings, meta, preview, streamed (rows that are out), usage (the
--- help that a call without command gets), exits (of the command), draw.
function Voice:tell(fields)
  local a = situation(self, fields)
  if fields.exits and fields.exits[fields.exit or 0] then a.exit = fields.exits[fields.exit or 0] end
  local said = self.declared.answer(a)
  if type(said) ~= "table" then error("the dialect has no answer for " .. tostring(a.command), 0) end
  host.send("R", tostring(fields.exit or 0), "", a.error and host.json.encode(a.error) or "", said.stdout or "",
    said.stderr or "", fields.streamed and "ts" or "t", tostring(said.exit or a.exit))
end

-- A result without what the host adds for its own envelope: trust tags, nulls for unset fields, the effect.
local function plain(run, data, opts)
  opts.format, opts.external, opts.fill = "json", false, false
  opts.unmask = opts.unmask or run.dialect.unmask
  local out, problem = output.finish(run.contract, data, opts)
  if not out then error(problem, 0) end
  local value, effect = out.data, nil
  if run.contract.danger ~= "safe" and type(value) == "table" and not host.json.is_array(value) then
    effect, value.effect = value.effect, nil
  end
  return value, effect, out
end

--- Tells a command's result, or with `fail` its error beside what there is of the result. opts: those of output.finish.
function Voice:result(run, data, opts, e, exit)
  local value, effect, out = plain(run, data, opts)
  local warnings = { table.unpack(run.warnings) }
  for _, text in ipairs(out.warnings) do
    warnings[#warnings + 1] = text
    host.send("L", "warn", text)
  end
  local function draw(color)
    opts.format = "rich"
    if color ~= nil then opts.color = color end
    return output.finish(run.contract, data, opts).text
  end
  self:tell { exit = exit or 0, error = e, data = value, effect = effect, warnings = warnings, meta = out.meta, draw = draw,
    preview = run.preview, streamed = run.streaming and run.stream_count(), exits = run.dialect.exits }
end

--- The function of (row, opts, ready, raw) that gives the bytes of one row of a stream, or nil for a row that is not shown.
--- opts: those of output.finish; ready: the row can be shown as it is; raw: it is JSON text.
function Voice:rows(run)
  local a = situation(self, { streamed = 0 })
  local text = self.declared.row
    or function(_, value, raw) return (raw and value or host.json.encode(value)) .. "\n" end
  return function(row, opts, ready, raw)
    if ready then return text(a, row, raw) end
    return text(a, (plain(run, row, opts)))
  end
end

return Voice
