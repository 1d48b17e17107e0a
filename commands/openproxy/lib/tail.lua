-- The service's log as a buffer and a stream. Promise: a line that came both ways is given once; after a break the lines
-- that came meanwhile are found in the buffer, and where the buffer cannot say whether it has them all, that is told.
--
-- The service numbers nothing: neither lines nor events. Lines are known again by what they say and what stood before.

local wire = require "lib.wire"

local M = {}
M.__index = M

local RING = 200                -- lines that the service keeps

--- A tail that has seen nothing yet.
function M.new(ctx) return setmetatable({ ctx = ctx, known = {} }, M) end

local function buffered(ctx)
  local lines = {}
  for i, line in ipairs(wire.member(wire.get(ctx, "/api/observability/logs"), "logs", "table") or {}) do
    lines[i] = type(line) == "string" and line or ""
  end
  return lines
end

-- Which of the lines is the last known one: the one that most lines before it speak for.
local function anchor(lines, known)
  local best, most = nil, 0
  for at = 1, #lines do
    local n = 0
    while n < at and n < #known and lines[at - n] == known[#known - n] do n = n + 1 end
    if n > most then best, most = at, n end
  end
  return best
end

local function learn(self, line)
  self.known[#self.known + 1] = line
  if #self.known > RING then table.remove(self.known, 1) end
end

-- Lines that came both ways are the first of the stream and the last of the buffer. Gives a function: is this line one?
local function overlap(lines)
  local at, over = nil, false
  local function position(line)
    if at then return lines[at] == line and at or nil end
    for i = #lines, 1, -1 do
      if lines[i] == line then return i end
    end
  end
  return function(line)
    if over then return false end
    local found = position(line)
    at, over = found and found + 1, found == nil
    return found ~= nil
  end
end

--- The lines of the buffer that are not known yet. Read behind the opening of a stream, so that no line is lost between.
function M:buffer()
  local lines, fresh = buffered(self.ctx), {}
  local at = anchor(lines, self.known)
  self.gap = not at and (#self.known > 0 or #lines >= RING)
  table.move(lines, (at or 0) + 1, #lines, 1, fresh)
  for _, line in ipairs(fresh) do learn(self, line) end
  self.twice = overlap(lines)
  return fresh
end

--- Whether a row of the stream is new.
function M:takes(row)
  if wire.member(row, "kind", "string") == "clear" then self.known = {} end
  local line = wire.member(row, "line", "string")
  if not line then return true end
  if self.twice(line) then return false end
  learn(self, line)
  return true
end

return M
