-- Tar archives made and read by hand, so that tests can have every kind of entry, also those that nothing would pack.
--   tar.entry{ name, type = "0", data, link, mode = 420, size, prefix, magic }   one header and its content
--   tar.archive(entry, …)          entries (tables or bytes) and the end of an archive
--   tar.pax(records)               a pax header for the entry that follows: records = { path = …, … }
--   tar.gzip(bytes)                compressed with stored blocks only, in plain Lua
--   tar.gunzip(bytes)              by the system's gzip
--   tar.entries(bytes)             { { name, type, mode, size, link, mtime, uid, gid, uname, gname, data }, … } of a tar
local tar = {}

local function field(text, size) return (text .. ("\0"):rep(size)):sub(1, size) end

function tar.entry(e)
  local data = e.data or ""
  local head = field(e.name, 100) .. ("%07o\0%07o\0%07o\0"):format(e.mode or 420, 0, 0)
    .. ("%011o\0%011o\0"):format(e.size or #data, 0)
  local tail = (e.type or "0") .. field(e.link or "", 100) .. (e.magic or "ustar\00000") .. field("", 32) .. field("", 32)
    .. "0000000\0" .. "0000000\0" .. field(e.prefix or "", 155) .. ("\0"):rep(12)
  local sum = 8 * 32
  for c in (head .. tail):gmatch(".") do sum = sum + c:byte() end
  return head .. ("%06o\0 "):format(e.sum or sum) .. tail .. data .. ("\0"):rep(-#data % 512)
end

function tar.archive(...)
  local out = {}
  for i, e in ipairs { ... } do out[i] = type(e) == "table" and tar.entry(e) or e end
  return table.concat(out) .. ("\0"):rep(1024)
end

function tar.pax(records)
  local out, keys = {}, {}
  for key in pairs(records) do keys[#keys + 1] = key end
  table.sort(keys)
  for _, key in ipairs(keys) do
    local rest = " " .. key .. "=" .. records[key] .. "\n"
    local size = #rest + 1
    while #tostring(size) + #rest ~= size do size = #tostring(size) + #rest end
    out[#out + 1] = size .. rest
  end
  return tar.entry { name = "pax", type = "x", data = table.concat(out) }
end

local crc_table

local function crc32(bytes)
  if not crc_table then
    crc_table = {}
    for i = 0, 255 do
      local c = i
      for _ = 1, 8 do c = c & 1 == 1 and 0xEDB88320 ~ (c >> 1) or c >> 1 end
      crc_table[i] = c
    end
  end
  local crc = 0xFFFFFFFF
  for i = 1, #bytes do crc = crc_table[(crc ~ bytes:byte(i)) & 255] ~ (crc >> 8) end
  return crc ~ 0xFFFFFFFF
end

function tar.gzip(bytes)
  local out = { "\31\139\8\0\0\0\0\0\0\3" }
  for at = 1, math.max(#bytes, 1), 65535 do
    local block = bytes:sub(at, at + 65534)
    local last = at + 65535 > #bytes
    out[#out + 1] = ("<BI2I2"):pack(last and 1 or 0, #block, ~#block & 0xFFFF) .. block
  end
  out[#out + 1] = ("<I4I4"):pack(crc32(bytes), #bytes & 0xFFFFFFFF)
  return table.concat(out)
end

function tar.gunzip(bytes)
  local name = os.tmpname()
  local file = assert(io.open(name, "wb"))
  file:write(bytes)
  file:close()
  local pipe = assert(io.popen("gzip -dc < " .. name, "r"))
  local out = pipe:read("a")
  local ok = pipe:close()
  os.remove(name)
  return assert(ok and out, "gzip refuses the bytes")
end

function tar.entries(bytes)
  local out, at, long = {}, 1, {}
  while bytes:byte(at) and bytes:byte(at) ~= 0 do
    local function text(from, size) return bytes:sub(at + from, at + from + size - 1):match("^[^\0]*") end
    local function number(from, size) return tonumber(text(from, size), 8) end
    local size, kind = number(124, 12), bytes:sub(at + 156, at + 156)
    local data = bytes:sub(at + 512, at + 511 + size)
    if kind == "L" or kind == "K" then
      long[kind] = data:match("^[^\0]*")
    else
      out[#out + 1] = { name = long.L or text(0, 100), type = kind, mode = number(100, 8), uid = number(108, 8),
        gid = number(116, 8), size = size, mtime = number(136, 12), link = long.K or text(157, 100),
        uname = text(265, 32), gname = text(297, 32), data = data }
      long = {}
    end
    at = at + 512 + (size + 511) // 512 * 512
  end
  return out
end

return tar
