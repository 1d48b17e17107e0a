-- Completions through the proxy. Promise: the same request whether the answer comes at once or in pieces.

local input = require "lib.input"
local wire = require "lib.wire"

local M = {}

--- Path of the completions.
M.path = "/api/dashboard/chat/completions"

--- The parameters of a completion.
M.args = {
  { "model", "string", "Model, as `openproxy chat models` names it", required = true, loose = true },
  { "prompt", "string", "The text, @path or path of a file that holds it, or - for stdin", default = "-", loose = true },
  { "system", "string", "What the model is told first", loose = true },
}

--- The body of a request. The service must be there before stdin is read.
function M.body(args, ctx, stream)
  ctx.api.ready()
  local messages = ctx.array {}
  if args.system then messages[1] = { role = "system", content = args.system } end
  messages[#messages + 1] = { role = "user", content = input.prompt(ctx, args.prompt) }
  return { messages = messages, model = args.model, stream = stream }
end

--- The text that an event of a streamed answer brings, if any.
function M.piece(row)
  local choice = (wire.member(row, "choices", "table") or {})[1]
  return wire.member(wire.member(choice, "delta", "table"), "content", "string")
end

return M
