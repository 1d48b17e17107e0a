--- Bodies of type multipart/form-data (RFC 7578, RFC 2046 §5.1).
-- Promise: a part's bytes are what was sent, whatever they hold; a body that is cut, has no end, no boundary, too many
-- parts or a part without a name is refused, never half read.

local multipart = {}

local MAX_PARTS = 100
local MAX_HEAD = 16384 -- bytes of one part's headers

-- Parameters of a header value, name (lower case) -> value; quoted ones with \" and \\ (RFC 2045 §5.1).
local function parameters(text)
  local out, at = {}, 1
  while true do
    local name, stop = text:match("^%s*;%s*([%w!#$%%&'*+.^_`|~-]+)%s*=%s*()", at)
    if not name then return out end
    local value
    if text:sub(stop, stop) == '"' then
      local quoted, from = {}, stop + 1
      while true do
        local plain, mark, after = text:match('^([^"\\]*)(["\\])()', from)
        if not plain then return nil end
        quoted[#quoted + 1] = plain
        if mark == '"' then
          at = after
          break
        end
        quoted[#quoted + 1] = text:sub(after, after)
        from = after + 1
      end
      value = table.concat(quoted)
    else
      value, at = text:match("^([^%s;]*)()", stop)
    end
    out[name:lower()] = value
  end
end

-- The boundary that a Content-Type names, or nil.
local function boundary_of(content_type)
  local kind, rest = content_type:match("^%s*([^;%s]*)%s*(.*)$")
  if kind:lower() ~= "multipart/form-data" then return nil end
  local boundary = (parameters(rest) or {}).boundary
  return boundary and #boundary >= 1 and #boundary <= 70 and boundary or nil
end

local function headers_of(text)
  local out = {}
  for line in (text .. "\r\n"):gmatch("(.-)\r\n") do
    local name, value = line:match("^([^:%s]+):%s*(.-)%s*$")
    if not name then return nil end
    out[name:lower()] = value
  end
  return out
end

-- One part of its headers' text and its bytes, or nil and why not.
local function part_of(head, bytes)
  local headers = head == "" and {} or headers_of(head)
  if not headers then return nil, "a part has a broken header" end
  local kind, rest = (headers["content-disposition"] or ""):match("^([%w-]+)(.*)$")
  local given = kind and kind:lower() == "form-data" and parameters(rest)
  if not given or not given.name then return nil, "a part has no name" end
  return { name = given.name, filename = given.filename, type = headers["content-type"], bytes = bytes }
end

-- Where the headers of the part that begins at `from` end, and where its bytes begin.
local function head_end(body, from)
  if body:sub(from, from + 1) == "\r\n" then return from - 1, from + 2 end
  local stop = body:find("\r\n\r\n", from, true)
  if not stop or stop - from > MAX_HEAD then return nil end
  return stop - 1, stop + 4
end

--- The parts of a body: an array of { name, filename, type, bytes } in their order, and the first part of each name under
--- that name. @return table, or nil and a message
function multipart.parse(body, content_type)
  local boundary = boundary_of(content_type)
  if not boundary then return nil, "the content type names no boundary" end
  local parts, line = {}, "\r\n--" .. boundary
  local at = body:sub(1, #line - 2) == line:sub(3) and #line - 1 -- a first boundary may begin the body
  if not at then
    local _, stop = body:find(line, 1, true)
    at = stop and stop + 1
  end
  while at do
    if body:sub(at, at + 1) == "--" then return parts end
    local from = body:match("^[ \t]*\r\n()", at)
    if not from then break end
    local stop, first = head_end(body, from)
    local till = stop and body:find(line, first - 2, true)
    if not till then break end
    if #parts == MAX_PARTS then return nil, ("there are more than %d parts"):format(MAX_PARTS) end
    local part, message = part_of(body:sub(from, stop), body:sub(first, till - 1))
    if not part then return nil, message end
    parts[#parts + 1] = part
    parts[part.name] = parts[part.name] or part
    at = till + #line
  end
  return nil, "the body does not end with its boundary"
end

return multipart
