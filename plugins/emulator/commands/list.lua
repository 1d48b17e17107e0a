-- The services that can be emulated.

local services = require "lib.services"

return {
  about = "List the services that have an emulator",
  danger = "safe",
  scopes = {},
  id = "name",
  returns = { list = { name = "string", about = "string", start = "string" } },
  table = { "name", "about", "start" },
  exits = { SUCCESS = "The services are listed" },
  examples = { { "All services", "tool emulator list" } },
  run = function()
    local list = {}
    for i, name in ipairs(services.names()) do
      list[i] = { name = name, about = services.about(name), start = "tool emulator start " .. name }
    end
    return list
  end,
}
