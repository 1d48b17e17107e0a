-- Builds calls of a command from nothing but its manifest entry, as an agent would: required flags, enum values, and what
-- the descriptions say of types, ranges and patterns. Knows no command and no contract.
local generated = require "lib.pattern_text"
local json = require "lib.json"

local call = {}

-- Texts for the forms and presets that descriptions name.
local FORMS = {
  ["an absolute URL"] = function(place) return place.url end,
  ["a duration such as 30s"] = function() return "30s" end,
  ["a size such as 10MB"] = function() return "10MB" end,
  ["an RFC 3339 time"] = function() return "2031-02-03T10:00:00Z" end,
  ["JSON"] = function() return "{}" end,
  ["key=value, repeatable"] = function() return "a=b" end,
  ["pattern id"] = function() return "a1" end,
  ["pattern uuid"] = function() return "6e2a8f1c-0d3b-4c5e-9f70-112233445566" end,
  ["pattern semver"] = function() return "1.2.3" end,
  ["pattern url"] = function(place) return place.url end,
  ["pattern email"] = function() return "someone@example.com" end,
}

-- The parts of a description behind its first sentence.
local function facts(flag)
  local out = {}
  for part in (flag.description .. "; "):gmatch("(.-); ") do out[#out + 1] = part end
  return out
end

local function number(flag)
  for _, part in ipairs(facts(flag)) do
    local low = part:match("^from (%-?[%d.]+) to ") or part:match("^at least (%-?[%d.]+)$")
    if low then return low end
  end
  return "1"
end

-- A path: one that exists when it is read, a free one when it is written; place.file and place.free.
local function path(name, entry, place)
  local writes = entry.danger_level ~= "safe" and not name:find("%-from%-file$")
  return writes and place.free(name) or place.file(name)
end

local function text(name, flag, entry, place)
  if name:find("%-from%-env$") then return place.variable end
  for _, part in ipairs(facts(flag)) do
    if part == "a path" then return path(name, entry, place) end
    if FORMS[part] then return FORMS[part](place) end
    local pattern = part:match("^pattern (%^.*)$")
    if pattern then return generated(pattern) end
    local words = part:match("^each of (.*)$")
    if words then return (words:match("^[^,]+")) end
  end
  local example = flag.description:match("as in '([^']+)'") or flag.description:match("as in ([^%s;,]+)")
  if example then return example end
  if flag.default ~= nil and flag.default ~= json.null and type(flag.default) ~= "table" then return tostring(flag.default) end
  return "word"
end

-- The first value of an enum that `beside`, a flag that is given too, does not exclude ("not together with --name a|b",
-- "only with --name a|b").
local function choice(name, flag, beside)
  local excluded = {}
  for _, part in ipairs(beside and facts(beside) or {}) do
    local needed, first = part:match("^only with %-%-([%w-]+) ([^|]+)")
    if needed == name then return first end
    local other, values = part:match("^not together with %-%-([%w-]+) (.+)$")
    for value in (other == name and values or ""):gmatch("[^|]+") do excluded[value] = true end
  end
  for _, value in ipairs(flag.enum_values) do
    if not excluded[value] then return value end
  end
end

--- The words that give one flag a value.
-- @param place { url, variable, file(name) -> path that exists, free(name) -> path that does not }
-- @param beside the entry of another flag that is given, or nil
function call.flag(name, flag, entry, place, beside)
  if flag.type == "boolean" then return { "--" .. name } end
  local value
  if flag.enum_values then value = choice(name, flag, beside)
  elseif flag.type == "integer" or flag.type == "number" then value = number(flag)
  else value = text(name, flag, entry, place) end
  return { "--" .. name, tostring(value) }
end

-- Is `flag`, given by `words`, what a "required with --name value|other" asks for?
local function asks(part, flag, words)
  local name, values = part:match("^required with %-%-([%w-]+) ?(.*)$")
  if name ~= flag:gsub("%-from%-%l+$", "") then return false end -- a secret has two flags
  if values == "" or values == "true" then return true end
  for value in values:gmatch("[^|]+") do
    if words[2] == value then return true end
  end
  return false
end

--- The words of a call with every required flag, and with `more`, the name of one that is not; what their descriptions
--- require beside them comes along.
function call.words(name, entry, place, more)
  local words, given = {}, {}
  for word in name:gmatch("[^.]+") do words[#words + 1] = word end

  local function give(flag)
    if given[flag] then return end
    given[flag] = call.flag(flag, entry.flags[flag], entry, place, more and entry.flags[more])
    table.move(given[flag], 1, 2, #words + 1, words)
    for other, row in pairs(entry.flags) do
      for _, part in ipairs(facts(row)) do
        if asks(part, flag, given[flag]) then give(other) end
      end
    end
  end

  if more then give(more) end
  for flag, row in pairs(entry.flags) do
    local wanted = row.required
    for _, part in ipairs(facts(row)) do
      local other = part:match("^required without %-%-([%w-]+)")
      wanted = wanted or part:find("^required when ") or other and not given[other]
    end
    if wanted then give(flag) end
  end
  return words
end

return call
