-- Commands for which the service has no endpoint. Promise: they exist, say so and what to do instead, and send nothing.

--- The contract of such a command. words: its words; about, args: of the contract; instead: what to do.
return function(words, about, args, instead)
  return {
    about       = about .. " (the service cannot do this)",
    danger      = "safe", scopes = {}, unavailable = true,
    args        = args,
    returns     = { status = "string" },
    exits       = { SUCCESS = "Never: the service cannot do this" },
    errors      = {
      NOT_CONFIGURED = false, TOKEN_MISSING = false, PROFILE_NOT_FOUND = false, GONE = false,
      NOT_IMPLEMENTED = { ("%s is not available yet (API endpoint not implemented)"):format(words),
        exit = "PRECONDITION", fix = instead },
    },
    run         = function(_, ctx) ctx.fail "NOT_IMPLEMENTED" end,
  }
end
