local place = require "lib.place"
local wire = require "lib.wire"

return {
  about    = "Requests, tokens and cost since the beginning",
  danger   = "safe", scopes = {}, network = place.network, reads = place.reads,
  returns  = wire.shape({ total_requests = "Requests so far", total_prompt_tokens = "Tokens sent",
    total_completion_tokens = "Tokens received", total_cost = "Cost in dollars" }, "Totals"),
  exits    = { SUCCESS = "The totals are there" },
  examples = { { "The totals", "openproxy usage summary" } },
  render   = function(data, ui)
    if type(data) ~= "table" then return ui.text("The service says nothing.") end
    ui.kv { { "Requests", data.total_requests }, { "Prompt tokens", data.total_prompt_tokens },
      { "Completion tokens", data.total_completion_tokens },
      { "Cost", ("$%.4f"):format(tonumber(data.total_cost) or 0) } }
  end,
  run      = function(_, ctx) return wire.get(ctx, "/api/usage/summary") end,
}
