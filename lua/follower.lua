-- A program that is followed while it runs: its lines as they come, its end, a way to end it (ctx.start, ctx.exec).
-- Promise: every line arrives once and in the order of its stream, one that is too long in pieces that tear no character;
-- the program waits to write while nobody takes its lines, and ends when its follower fails.

local failure = require "failure"
local units = require "units"

local follower = {}

local MAX_LINE = 65536
local GRACE = "2s"
local SAID = 2000 -- bytes of stderr that are kept to explain a failure

local Program = {}
Program.__index = Program
Program.__metatable = false

-- How many of the first `max` bytes to take so that a UTF-8 character behind them stays whole.
local function cut(text, max)
  for at = max, math.max(max - 3, 1), -1 do
    if text:byte(at + 1) & 0xC0 ~= 0x80 then return at end
  end
  return max
end

local function say(self, stream, line, more)
  if stream == "stderr" then self.said = (self.said .. line .. "\n"):sub(-SAID) end
  if self.hear then self.hear(line) end
  if self.on_line then self.on_line(stream, line, more) end
end

-- Hands on all pieces of text but the last, which it returns.
local function pieces(self, stream, text)
  while #text > self.max_line do
    local at = cut(text, self.max_line)
    say(self, stream, text:sub(1, at), true)
    text = text:sub(at + 1)
  end
  return text
end

local function take(self, stream, bytes)
  local text, from = self.rest[stream] .. bytes, 1
  while true do
    local stop = text:find("\n", from, true)
    if not stop then break end
    local line = text:sub(from, stop - 1):gsub("\r$", "")
    say(self, stream, pieces(self, stream, line), false)
    from = stop + 1
  end
  self.rest[stream] = pieces(self, stream, text:sub(from))
end

local function take_rests(self)
  for _, stream in ipairs { "stdout", "stderr" } do
    if self.rest[stream] ~= "" then say(self, stream, self.rest[stream], false) end
    self.rest[stream] = ""
  end
end

local function take_all(self)
  while true do
    local stream, bytes, err = self.handle:next()
    if not stream then
      take_rests(self)
      return bytes or {}, err
    end
    take(self, stream, bytes)
  end
end

-- Not by <close>, which an interrupt of the run would reach: then the program has its time to end.
local function follow(self)
  local ok, result, err = pcall(take_all, self)
  if not ok then
    self.handle:stop(0)
    error(result, 0)
  end
  self.result, self.problem = result, err
end

--- Takes the program's lines until it ends. Returns { status, signal, duration_ms, stopped }; a status other than 0 fails
--- as with ctx.exec, unless the program was stopped.
function Program:wait()
  if not self.result then follow(self) end
  if self.problem then self.fail(self.problem) end
  if not self.result.stopped then self.check(self.result, self.said) end
  return self.result
end

--- Asks the program and what it started to end, and makes them after `grace` (default 2s). Does not wait for the end.
--- Returns whether it ran.
function Program:stop(grace)
  local _, ms = units.duration(grace or GRACE)
  if not ms then error("not a duration: " .. tostring(grace), 2) end
  return self.handle:stop(math.tointeger(ms // 1))
end

--- Makes the program of a handle of host.start. with: on_line(stream, line, more), max_line, hear(line),
--- check(result, said), fail(err).
function follower.new(handle, with)
  local max = with.max_line or MAX_LINE
  if math.type(max) ~= "integer" or max < 4 then failure.raise("ARG_ERROR", { message = "max_line is a number of bytes." }) end
  return setmetatable({ handle = handle, pid = handle:pid(), on_line = with.on_line, max_line = max, hear = with.hear,
    check = with.check, fail = with.fail, rest = { stdout = "", stderr = "" }, said = "" }, Program)
end

return follower
