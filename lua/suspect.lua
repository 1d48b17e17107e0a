-- Promise: recognises argument values that no caller means: traversal, percent-encoding, query strings and fragments in
-- identifiers, placeholders left unfilled (REQ-F-045), and shell metacharacters (REQ-F-044).

local M = {}

-- What an identifier must not hold. Paths and addresses are only searched for traversal and unfilled templates.
local WORDS = {
  null = true, ["nil"] = true, undefined = true, nan = true, todo = true, tbd = true, fixme = true, placeholder = true,
  changeme = true, ["n/a"] = true, ["[object object]"] = true,
}
local TEMPLATES = { "^<.*>$", "^{.*}$", "^%[.*%]$", "^%${?[%w_]+}?$", "^%%[%w_]+%%$", "^[Yy][Oo][Uu][Rr][-_ ]" }
local SHELL_CODES = {
  ["3b"] = true, ["7c"] = true, ["26"] = true, ["24"] = true, ["28"] = true, ["29"] = true, ["3c"] = true,
  ["3e"] = true, ["60"] = true, ["0a"] = true, ["0d"] = true,
}

local SAYS = {
  path_traversal = "holds a path traversal sequence",
  percent_encoded_separator = "holds a percent-encoded separator",
  percent_encoded_segment = "holds a percent-encoded character",
  encoded_shell_metachar = "holds a percent-encoded shell metacharacter",
  query_parameter = "holds a query string",
  fragment = "holds a fragment",
  placeholder = "is a placeholder",
}

local function traversal(text)
  if text:find("..", 1, true) then
    if text == ".." or text:find("%.%.[/\\]") or text:find("[/\\]%.%.$") then return true end
  end
  if not text:find("%", 1, true) then return false end
  local lower = text:lower()
  return lower:find("%2e%2e", 1, true) or lower:find("%.%.%%2f") or lower:find("%.%.%%5c")
    or lower:find("%.%%2e") or lower:find("%%2e%.")
end

local function template(text)
  for i = 1, #TEMPLATES do
    if text:find(TEMPLATES[i]) then return true end
  end
  return false
end

local function encoded(text)
  local result
  for code in text:gmatch("%%(%x%x)") do
    code = code:lower()
    if code == "2f" or code == "5c" then return "percent_encoded_separator" end
    if SHELL_CODES[code] then result = "encoded_shell_metachar" end
    result = result or "percent_encoded_segment"
  end
  return result
end

local function identifier(text)
  local found = encoded(text)
  if found then return found end
  if text:find("[?&]") then return "query_parameter" end
  if text:find("#", 1, true) then return "fragment" end
  if text == "None" or WORDS[text:lower()] then return "placeholder" end
  return nil
end

--- The name of the pattern that makes text improbable as a value of this kind ("id", or "path" for paths and
--- addresses), and the words that say so; nil when there is none.
function M.find(kind, text)
  local found
  if text:find("[.%%<{%[$Yy]") then
    if traversal(text) then
      found = "path_traversal"
    elseif template(text) then
      found = "placeholder"
    end
  end
  if not found and kind == "id" then found = identifier(text) end
  if found then return found, SAYS[found] end
  return nil
end

local NAMES = { ["\n"] = "line feed", ["\r"] = "carriage return" }

--- The first shell metacharacter of text, in quotes or by name, or nil.
function M.shell(text)
  local c = text:match("[;|&$()<>`\\\r\n]")
  return c and (NAMES[c] or "'" .. c .. "'")
end

--- Whether a name sounds like that of a secret (REQ-F-034), so that its value is never repeated.
function M.secret_name(name)
  name = name:lower()
  return (name:find("token", 1, true) or name:find("secret", 1, true) or name:find("password", 1, true)
    or name:find("key", 1, true) or name:find("credential", 1, true) or name:find("auth", 1, true)) ~= nil
end

return M
