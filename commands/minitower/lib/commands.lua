-- Commands that exist under two names: this suite's own, and the one that users of Tower know.

local profile = require "lib.profile"

local M = {}

local NO_SERVICE = { NOT_CONFIGURED = false, TOKEN_MISSING = false, GONE = false }

--- The profiles. example: a command line.
function M.list_profiles(example)
  return {
    about    = "List the profiles",
    danger   = "safe", scopes = {}, page = 1000, id = "name",
    returns  = { list = profile.returns },
    sensitive = profile.sensitive,
    table    = { "current", "name", "server", "team", "app", "token" },
    exits    = { SUCCESS = "The profiles are listed, possibly none" },
    errors   = { NOT_CONFIGURED = false, TOKEN_MISSING = false, GONE = false, PROFILE_NOT_FOUND = false },
    examples = { { "All profiles", example } },
    render   = function(profiles, ui)
      if #profiles == 0 then return ui.line "No profiles configured." end
      local rows = {}
      for i, p in ipairs(profiles) do
        rows[i] = { current = p.current and "*" or "", profile = p.name, server = p.server or "", team = p.team or "",
          app = p.app or "", token = p.token and "set" or "" }
      end
      ui.table(rows, { "current", "profile", "server", "team", "app", "token" })
    end,
    run      = function(_, ctx)
      local list, current = {}, profile.current_name(ctx)
      for name, fields in pairs(profile.all(ctx)) do list[#list + 1] = profile.shown(name, fields, current) end
      table.sort(list, function(a, b) return a.name < b.name end)
      return ctx.list(list)
    end,
  }
end

--- Choosing the current profile. example: a command line.
function M.use_profile(example)
  return {
    about    = "Make a profile the current one",
    danger   = "mutating", scopes = {}, config = "global", id = "name",
    args     = { { "name", "string", "Name of the profile", at = 1, required = true, match = "^[^[:cntrl:]]+$", loose = true,
      max_length = 100 } },
    returns  = profile.returns,
    sensitive = profile.sensitive,
    exits    = { SUCCESS = "The profile is the current one" },
    errors   = NO_SERVICE,
    examples = { { "Use another profile", example } },
    render   = function(p, ui) ui.line(('Current profile set to "%s"'):format(p.name)) end,
    preview  = function(args, ctx) return ctx.would("update", { current_profile = profile.normal(args.name) }) end,
    run      = function(args, ctx)
      local name, fields = profile.used(ctx, { profile = args.name })
      profile.store(ctx, name, {}, true)
      return ctx.updated(profile.shown(name, fields, name))
    end,
  }
end

return M
