-- Texts that a caller can give in several ways. Promise: - is all of stdin, @path and the path of a file are the file's
-- content, all else is the text itself; blanks at its ends are cut as the service's own tool does.

local text = require "tool.text"

local M = {}

local LONGEST = 4096            -- bytes that a path can have

local function is_file(ctx, path)
  if path == "" or #path >= LONGEST or path:find("[%c]") then return false end
  local ok, stat = pcall(ctx.files.stat, path)
  return ok and stat.type == "file"
end

--- The text that `given` stands for, as it is; nil stands for -.
function M.read(ctx, given)
  if given == nil or given == "-" then return ctx.input.text() end
  local path = given:match("^@(.+)$") or is_file(ctx, given) and given
  return path and ctx.files.read(path) or given
end

--- A prompt: without the blanks at its end.
function M.prompt(ctx, given)
  return (M.read(ctx, given):gsub("%s+$", ""))
end

--- A secret from a parameter, else from stdin, without blanks at its ends.
function M.secret(ctx, given)
  local secret = ctx.secret(given or ctx.input.text(), { trim = true })
  if not secret then ctx.fail("INPUT_MISSING") end
  return secret
end

--- Standard input as it is, which must be JSON; what it has of these members counts as secret.
function M.json(ctx, secrets)
  local body = text.trim(ctx.input.text())
  local value = ctx.input.json()
  for _, name in ipairs(type(value) == "table" and secrets or {}) do
    if type(value[name]) == "string" then ctx.secret(value[name]) end
  end
  return body
end

return M
