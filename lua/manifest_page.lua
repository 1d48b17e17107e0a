-- One page of what is said of all commands.
-- Promise: the answer fits into what one answer may take, and what is left out can be asked for (REQ-F-052, O-041).

local host = require "host"

local DEFAULT_CAP, AROUND = 1024 * 1024, 16384 -- bytes of an answer, and what the envelope itself may take of it

-- The bytes that commands and their facts may take in one answer.
local function budget(meta)
  local used = AROUND
  for _, key in ipairs { "global_flags", "environment", "dependencies" } do used = used + #host.json.encode(meta[key]) end
  return math.max(4096, (tonumber(host.env "TOOL_MAX_OUTPUT_BYTES") or DEFAULT_CAP) - used)
end

--- Leaves of data.commands and meta.contracts what follows opts.cursor, up to opts.limit and to what one answer can hold;
--- meta says how to go on. opts.program: the name for that call.
return function(data, meta, opts)
  local names, shown = {}, 0
  for path in pairs(data.commands) do names[#names + 1] = path end
  table.sort(names)
  local commands, contracts, left = host.json.object {}, host.json.object {}, budget(meta)
  local first, last = 1, 0
  while opts.cursor and names[first] and names[first] <= opts.cursor do first = first + 1 end
  for i = first, #names do
    local path = names[i]
    left = left - #host.json.encode(data.commands[path]) - #host.json.encode(meta.contracts[path] or {}) - 2 * #path - 12
    if shown > 0 and (left < 0 or opts.limit and shown >= opts.limit) then break end
    commands[path], contracts[path], shown, last = data.commands[path], meta.contracts[path], shown + 1, i
  end
  if first == 1 and last == #names then return end
  data.commands, meta.contracts = commands, contracts
  local more = last > 0 and last < #names
  meta.truncated, meta.total_count, meta.returned_count = more, #names, shown
  meta.pagination = { total = #names, returned = shown, truncated = more, has_more = more,
    next_cursor = more and names[last] or host.json.null }
  if more then meta.truncation_hint = opts.program .. " manifest --cursor " .. names[last] end
end
