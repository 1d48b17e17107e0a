-- Promise: says of one token of a command line whether it is written like an option.

local values = require "values"

local M = {}

--- Whether a token is written like an option, so that it is not taken for a value: "--name", "--name=…", "-x", "-x=…".
-- Negative numbers, "-" and texts such as "- item" are values.
function M.is_option(token)
  if token:byte(1) ~= 45 or #token == 1 then return false end
  return token:find("^%-%-%a[%w_-]*$") ~= nil or token:find("^%-%-%a[%w_-]*=") ~= nil or token:find("^%-%a$") ~= nil
    or token:find("^%-%a=") ~= nil
end

--- The problem of an option that takes a value and has none.
function M.needs_value(p)
  return values.problem(p, "INPUT_PARAM_INVALID", "--" .. p.name .. " needs a value.", nil,
    "Write --" .. p.name .. "=VALUE; with = the value may also begin with a dash.")
end

return M
