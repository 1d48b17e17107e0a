-- Promise: turns the bytes of an event stream into events, by the rules of the WHATWG HTML standard (§9.2.6), however
-- the bytes are cut into pieces. Lines never split a character, so UTF-8 needs no state. Pure: no I/O. One rule is not the
-- standard's: where the transport says that the stream came whole, its last event needs no empty line behind it.

local M = {}
M.__index = M

local BOM = "\xEF\xBB\xBF"
local byte, concat, find, sub = string.byte, table.concat, string.find, string.sub

--- A parser. `max`: largest event in bytes.
function M.new(max)
  return setmetatable({ max = max or 16 << 20, start = "", partial = {}, size = 0, data = {}, id = "" }, M)
end

local FIELD = {}

function FIELD.event(self, value) self.type = value end

function FIELD.data(self, value) self.data[#self.data + 1] = value end

function FIELD.id(self, value)
  if not value:find("\0", 1, true) then self.id = value end
end

function FIELD.retry(self, value)
  if value:find("^%d+$") then self.retry_ms = tonumber(value) end
end

-- An empty line ends an event; one without data is none.
local function dispatch(self, out)
  if self.data[1] then
    out[#out + 1] = { event = self.type ~= "" and self.type or "message", id = self.id, data = concat(self.data, "\n") }
    self.data = {}
  end
  self.type, self.size = nil, 0
end

local function take_line(self, line, out)
  if line == "" then return dispatch(self, out) end
  local name, value = line:match("^([^:]*):? ?(.*)$")
  local field = FIELD[name]           -- a comment has the empty name
  if field then field(self, value) end
end

-- The byte order mark may be cut as well: bytes are held until they are one or cannot be.
local function skip_bom(self, bytes)
  bytes = self.start .. bytes
  if #bytes < 3 and BOM:sub(1, #bytes) == bytes then
    self.start = bytes
    return ""
  end
  self.start = nil
  return bytes:sub(1, 3) == BOM and bytes:sub(4) or bytes
end

-- Takes whole events at `at` that are one line of data each, as most are, while nothing is held; returns where the rest
-- begins. Lines that end in CR LF are left to the general way.
local function take_plain(self, bytes, at, out)
  local n, id = #out, self.id
  while true do
    local d, a, t, a2, colon, blank = byte(bytes, at, at + 5)
    if d ~= 100 or a ~= 97 or t ~= 116 or a2 ~= 97 or colon ~= 58 then return at end
    local stop = find(bytes, "\n", at, true)
    if not stop or byte(bytes, stop + 1) ~= 10 then return at end
    local data = sub(bytes, blank == 32 and at + 6 or at + 5, stop - 1)
    if find(data, "\r", 1, true) then return at end
    n = n + 1
    out[n] = { event = "message", id = id, data = data }
    at = stop + 2
  end
end

--- Takes the next bytes; returns an array of { event, id, data }, or nil and why not.
function M:feed(bytes)
  local out, at = {}, 1
  if self.start then bytes = skip_bom(self, bytes) end
  if self.after_cr and bytes ~= "" then
    if bytes:byte(1) == 10 then at = 2 end
    self.after_cr = false
  end
  self.size = self.size + #bytes
  while at <= #bytes do
    if not self.partial[1] and not self.data[1] and not self.type then
      local from = at
      at = take_plain(self, bytes, at, out)
      if at > from then self.size = #bytes - at + 1 end
    end
    local stop = bytes:find("[\r\n]", at)
    if not stop then break end
    local line = bytes:sub(at, stop - 1)
    if self.partial[1] then
      self.partial[#self.partial + 1] = line
      line, self.partial = concat(self.partial), {}
    end
    take_line(self, line, out)
    at = stop + 1
    if bytes:byte(stop) == 13 then
      if at > #bytes then self.after_cr = true
      elseif bytes:byte(at) == 10 then at = at + 1 end
    end
  end
  if at <= #bytes then
    self.partial[#self.partial + 1] = bytes:sub(at)
    if out[1] then self.size = #bytes - at + 1 end
  end
  if self.size > self.max then return nil, "an event is larger than " .. self.max .. " bytes" end
  return out
end

--- The end of the stream, which came whole: an event whose empty line is missing counts. Returns an array as `feed` does.
function M:finish()
  local out = {}
  if self.partial[1] then take_line(self, concat(self.partial), out) end
  self.partial = {}
  dispatch(self, out)
  return out
end

return M
