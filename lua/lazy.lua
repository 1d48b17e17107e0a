-- A module that is loaded when something of it is first used: what a run does not need, it does not pay for.

--- lazy("name") -> a table that stands for require "name".
return function(name)
  return setmetatable({}, {
    __index = function(proxy, key)
      local module = require(name)
      setmetatable(proxy, { __index = module })
      return module[key]
    end,
  })
end
