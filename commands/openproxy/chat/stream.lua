local chat = require "lib.chat"
local place = require "lib.place"
local wire = require "lib.wire"

return {
  about    = "Send a prompt, get the answer piece by piece",
  danger   = "mutating", scopes = {}, network = true, reads = place.reads, stdin = { required = false },
  stream   = "default", timeout = 0,
  args     = chat.args,
  returns  = { list = "any", ordered = true },
  exits    = { SUCCESS = "The answer is whole" },
  examples = { { "Ask", "openproxy chat stream --model glm/glm-5 --prompt 'Name a colour'" } },
  render   = function(row, ui)
    local piece = chat.piece(row)
    if piece then ui.write(piece) end
  end,
  preview  = function(args, ctx) return ctx.would("create", { completion = chat.body(args, ctx, true) }) end,
  run      = function(args, ctx)
    local body = chat.body(args, ctx, true)
    for event in ctx.api.events(chat.path, { method = "POST", json = body }) do
      if event.data:find("^%s*%[DONE%]") then return end
      ctx.emit(wire.event(event))
    end
  end,
}
