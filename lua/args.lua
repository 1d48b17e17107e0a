-- Promise: turns a command line into typed values or into the complete list of what is wrong with it, the same for
-- every order of options (REQ-F-067), touching nothing but the sources that a parameter names.
--
-- `split` finds the global flags and the command's words while no contract is known yet; `bind` gives the remaining
-- tokens, the environment, the configuration and the defaults to the parameters of one contract.

local M = {
  split = require "args.split",
  bind = require "args.bind",
  absolute = require "values".absolute,
}

--- What the whole answer says about a list of problems (REQ-F-015, C-006).
--- A single problem with a code of its own (INVALID_JSON, INVALID_AGENT_INPUT, …) is the error; else it is ARG_ERROR.
--- @return string code, table { message, fix, more = { errors, … } }
function M.summary(problems)
  local first = problems[1]
  local more = { errors = problems }
  if #problems > 1 then
    local fixes = {}
    for i, item in ipairs(problems) do fixes[i] = item.fix or item.message end
    local message = #problems .. " arguments are invalid."
    return "ARG_ERROR", { message = message, fix = table.concat(fixes, " "), more = more }
  end
  local code = first.code:find("^INPUT_") and "ARG_ERROR" or first.code
  for _, key in ipairs { "corrected_input", "input_value", "rejected_pattern" } do more[key] = first[key] end
  return code, { message = first.message, fix = first.fix or "Correct " .. first.param .. ".", more = more,
    context = first.context }
end

return M
