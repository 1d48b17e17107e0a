local chat = require "lib.chat"
local place = require "lib.place"
local wire = require "lib.wire"

return {
  about    = "Send a prompt, get the whole answer",
  danger   = "mutating", scopes = {}, network = place.network, reads = place.reads, stdin = { required = false },
  args     = chat.args,
  returns  = wire.shape({ choices = "The answers: message, finish_reason", usage = "Tokens", model = "The model" },
    "A completion"),
  exits    = { SUCCESS = "The answer is there" },
  examples = { { "Ask", "openproxy chat send --model glm/glm-5 --prompt 'Name a colour'" } },
  render   = function(data, ui)
    local choice = (wire.member(data, "choices", "table") or {})[1]
    ui.text(wire.member(wire.member(choice, "message", "table"), "content", "string") or "")
  end,
  preview  = function(args, ctx) return ctx.would("create", { completion = chat.body(args, ctx, false) }) end,
  run      = function(args, ctx)
    local response = ctx.api.post(chat.path, { json = chat.body(args, ctx, false) })
    local payload = wire.payload(ctx, response)
    return ctx.created(type(payload) == "table" and payload or {})
  end,
}
