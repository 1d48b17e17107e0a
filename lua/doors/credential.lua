-- ctx.credential: the token that a command works with (authoring §4), unlocked by `auth` or `scopes`.
-- Promise: nothing is looked for before a field is read; save and clear exist with `auth` only.

local credentials = require "credentials"

local FIELDS = { token = true, source = true, scopes = true, expires_at = true }

return {
  open = function(run)
    local credential = {}
    if run.contract.auth then
      function credential.save(kept) credentials.save(run, kept) end
      function credential.clear() return credentials.clear(run) end
    end
    return { credential = setmetatable(credential, {
      __index = function(_, key)
        if not FIELDS[key] then return nil end
        run.credential = run.credential or credentials.of(run)
        return run.credential[key]
      end,
      __metatable = false,
    }) }
  end,
}
