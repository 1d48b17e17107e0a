-- The command line as debug output and the audit log may show it (REQ-F-034, F-051).
-- Promise: the value of every option whose name says secret is [REDACTED], also of options that do not exist.

local host = require "host"

local M = {}

local WORDS = { "token", "secret", "password", "key", "credential", "auth" }

--- True when a name says that its value is secret.
function M.is_secret_name(name)
  local lower = name:lower():gsub("[-_]", "")
  for _, word in ipairs(WORDS) do
    if lower:find(word, 1, true) then return true end
  end
  return false
end

local REDACTED = "[REDACTED]"

-- A decoded JSON value with the values of secret names replaced; second result: whether anything was.
local function redact_value(value)
  local changed = false
  for key, item in pairs(value) do
    if type(key) == "string" and M.is_secret_name(key) then
      value[key], changed = REDACTED, true
    elseif type(item) == "table" and redact_value(item) then
      changed = true
    end
  end
  return changed
end

-- name: value, name=value and "name": "value" inside a text.
local function redact_pairs(text)
  return (text:gsub("([%w_.-]+)([\"']?%s*[:=]%s*)([\"']?)([^\"',&}\n]+)", function(name, sign, quote)
    return M.is_secret_name(name) and name .. sign .. quote .. REDACTED or nil
  end))
end

--- One argument without what its own words call secret: members of a JSON text, parts of an address, headers.
function M.text(text)
  if not text:find("[:=]") then return text end
  if text:find("^%s*[%[{]") then
    local value = host.json.decode(text)
    if type(value) == "table" then return redact_value(value) and host.json.encode(value) or text end
  end
  text = text:gsub("(://)[^/@%s]*@", "%1" .. REDACTED .. "@")
  text = text:gsub("([?&])([^=&#]*)=([^&#]*)", function(sign, name)
    return M.is_secret_name(name) and sign .. name .. "=" .. REDACTED or nil
  end)
  return redact_pairs(text)
end

--- An argument vector for a log: the value behind a flag with a secret name is hidden too.
function M.list(argv)
  local out, hide = {}, false
  for i, arg in ipairs(argv) do
    local name, value = arg:match("^%-%-?([%w_-]+)=(.*)$")
    if hide and arg:sub(1, 1) ~= "-" then
      out[i] = REDACTED
    elseif name and M.is_secret_name(name) then
      out[i] = arg:sub(1, #arg - #value) .. REDACTED
    else
      out[i] = M.text(arg)
    end
    name = arg:match("^%-%-?([%w_-]+)$")
    hide = name ~= nil and M.is_secret_name(name)
  end
  return out
end

--- The value of an argument as a log may show it. p: its Param, or nil.
function M.value(name, value, p)
  if p and p.type == "secret" or M.is_secret_name(name) then return REDACTED end
  if type(value) == "table" then redact_value(value) end
  return type(value) == "string" and M.text(value) or value
end

-- Names of positional parameters, by place; beyond the last one of a list.
local function places(C)
  local names, rest = {}, nil
  for _, p in ipairs(C and C.params or {}) do
    if p.at and p.type == "list" or p.rest then rest = p.name elseif p.at then names[p.at] = p.name end
  end
  return names, rest or "arguments"
end

-- The Param of a flag, also of its opposite.
local function param_of(C, name)
  return C and (C.by_name[name] or name:find("^no%-") and C.by_name[name:sub(4)]) or nil
end

--- The arguments as the audit log keeps them: name -> value. tokens and globals as args.split gives them; C may be nil.
function M.object(tokens, globals, C)
  local out, place, names, rest = {}, 0, places(C)
  local function add(name, value, p)
    value = M.value(name, value, p)
    local old = out[name]
    if old == nil then out[name] = value
    elseif type(old) == "table" then old[#old + 1] = value
    else out[name] = host.json.array { old, value } end
  end
  local i, only_words = 1, false
  while i <= #tokens do
    local token, following = tokens[i], tokens[i + 1]
    local name, value = token:match("^%-%-?([%a][%w_-]*)=?(.*)$")
    if only_words or not name then
      if token == "--" then only_words = true else
        place = place + 1
        add(names[place] or rest, token)
      end
    else
      local p = param_of(C, name)
      if token:find("=", 1, true) then add(name, value, p)
      elseif following and following:sub(1, 1) ~= "-" and not (p and p.type == "boolean") and (p or M.is_secret_name(name)) then
        i = i + 1
        add(name, following, p)
      else
        add(name, true, p)
      end
    end
    i = i + 1
  end
  for _, g in ipairs(tokens.globals or {}) do
    local value = globals[g.name]
    if value ~= nil then add(g.name, type(value) == "table" and host.json.array(value) or value) end
  end
  return host.json.object(out)
end

--- The arguments as one line.
function M.line(argv)
  local out, hide = {}, false
  for i, arg in ipairs(argv) do
    local name, value = arg:match("^%-%-([%w_-]+)=(.*)$")
    if hide and arg:sub(1, 2) ~= "--" then
      out[i], hide = "[REDACTED]", false
      host.send("S", arg)
    elseif name and M.is_secret_name(name) then
      out[i] = "--" .. name .. "=[REDACTED]"
      host.send("S", value)
    else
      out[i] = M.text(arg)
      name = arg:match("^%-%-([%w_-]+)$")
      hide = name ~= nil and M.is_secret_name(name)
    end
  end
  return table.concat(out, " ")
end

return M
