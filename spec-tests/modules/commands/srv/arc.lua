-- Every operation of ctx.archive, as asked for by a JSON list of { name, argument… }. A source or an entry may have `hex`,
-- its bytes in hexadecimal, in the place of data; bytes come back so, in pieces that no output shortens.
local function unhex(text)
  return (text:gsub("(%x%x) ?", function(x) return string.char(tonumber(x, 16)) end))
end

local function prepared(value)
  if type(value) ~= "table" then return value end
  local out = {}
  for k, v in pairs(value) do out[k] = prepared(v) end
  if out.hex then out.data, out.hex = unhex(out.hex), nil end
  return out
end

return {
  about = "Do operations on archives",
  danger = "mutating", scopes = {}, archive = true, external = false,
  args = {
    { "do", "json", "A list of operations", required = true },
    { "at", "path", "Directory that may be written", access = "write", required = true },
  },
  returns = { results = { list = "any", ordered = true } },
  exits = { SUCCESS = "All were done" },
  examples = { { "List an archive", "tool srv arc --at /tmp --do [[\"list\",{\"path\":\"/tmp/a.tar\"}]]" } },
  preview = function(_, ctx) return ctx.would("create", {}) end,
  run = function(args, ctx)
    local out = ctx.array {}
    for i, op in ipairs(args["do"]) do
      local name = op[1]
      local value, more = ctx.archive[name](table.unpack(prepared { table.unpack(op, 2) }))
      if type(value) == "string" then
        value = { hex = value:gsub(".", function(c) return ("%02x "):format(c:byte()) end), sha256 = more }
      elseif #value > 0 or name ~= "pack" then
        ctx.array(value)
      end
      out[i] = value
    end
    return ctx.updated { results = out }
  end,
}
