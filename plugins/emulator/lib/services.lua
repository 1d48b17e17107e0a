-- The emulated services. One is a module { name, about, open(ctx, options) -> state, routes(state), before(state)?,
-- on_error?, seed(state), describe(state) -> fields of the first row, max_body(state)?, start(state)? }.

local services = {}

local ABOUT = {
  minitower = "a job orchestrator",
  openproxy = "an AI proxy: usage, log, quota, chat, logins",
  sentryagent = "an identity provider for agents",
}

--- Their names, sorted.
function services.names()
  local list = {}
  for name in pairs(ABOUT) do list[#list + 1] = name end
  table.sort(list)
  return list
end

--- What a service is, in a few words.
function services.about(name) return ABOUT[name] end

--- The module of a service.
function services.load(name) return require("lib." .. name) end

return services
