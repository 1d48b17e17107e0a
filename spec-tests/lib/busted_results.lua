-- Output handler for busted: writes one JSON record per statement to the file named by SPEC_RESULTS.
local json = require "lib.json"

return function()
  local busted = require "busted"
  local handler = require "busted.outputHandlers.base"()

  local function rows(list, result, out)
    for _, t in ipairs(list) do
      local message = t.message
      if type(message) == "table" then message = message.message or tostring(message) end
      out[#out + 1] = json.encode {
        requirement = t.name:match("^%S+") or "none", name = t.name, statement = t.element and t.element.name or t.name,
        result = result, message = result ~= "passed" and tostring(message or "") or nil,
        seconds = t.element and t.element.duration or nil,
      }
    end
  end

  handler.suiteEnd = function()
    local out = {}
    rows(handler.successes, "passed", out)
    rows(handler.failures, "failed", out)
    rows(handler.errors, "failed", out)
    rows(handler.pendings, "skipped", out)
    local f = assert(io.open(os.getenv("SPEC_RESULTS"), "wb"))
    f:write(table.concat(out, "\n"), "\n")
    f:close()
    os.exit(#handler.failures + #handler.errors == 0 and 0 or 1, false)
  end

  busted.subscribe({ "suite", "end" }, handler.suiteEnd)
  return handler
end
