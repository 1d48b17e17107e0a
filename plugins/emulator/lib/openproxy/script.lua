-- What the emulated models answer: rules from a file, tried in order on the last message of the user.
-- Promise: a file with a mistake is refused with the rule and the field; without a file there is a sensible answer to
-- everything.
--
-- The file is a JSON array of rules: { "match": a Lua pattern looked for in the message, "model": a glob of provider/model,
-- "answer": text, in which %0 is the whole match, %1… its captures, {prompt} {model} {count} the message, the model and
-- how often the rule answered, "delay": "200ms", "status": 429 and "message" for a failure instead of an answer,
-- "retry_after": seconds that the account then cools down, "prompt_tokens", "completion_tokens": instead of counted ones }

local glob = require "tool.glob"
local json = require "tool.json"
local times = require "tool.time"

local script = {}

script.DEFAULT = {
  { match = "^%s*[Ee]cho%s+(.*)$", answer = "%1" },
  { match = "^%s*[Pp]ing%W*$", answer = "pong" },
  { match = "^%s*[Hh][ei]l?l?o?%f[%W]", answer = "Hello! This is {model}, emulated. What you send is counted and answered "
    .. "by rules; nothing leaves this machine." },
  { answer = "An emulated answer of {model} to: {prompt}" },
}

local function is_text(v) return type(v) == "string" end
local function is_count(v) return math.type(v) == "integer" and v >= 0 end

-- Field -> is this value one?, what it must be.
local FIELDS = {
  match = { function(v) return is_text(v) and pcall(string.find, "", v) end, "a Lua pattern" },
  model = { is_text, "a glob such as demo/*" }, answer = { is_text, "a text" }, message = { is_text, "a text" },
  delay = { function(v) return is_text(v) and times.duration(v) ~= nil end, "a duration such as 200ms" },
  status = { function(v) return math.type(v) == "integer" and v >= 400 and v <= 599 end, "a status from 400 to 599" },
  retry_after = { is_count, "a number of seconds" }, prompt_tokens = { is_count, "a number of tokens" },
  completion_tokens = { is_count, "a number of tokens" },
}

local function names()
  local list = {}
  for name in pairs(FIELDS) do list[#list + 1] = name end
  table.sort(list)
  return table.concat(list, ", ")
end

local function rule_problem(rule)
  if type(rule) ~= "table" then return "must be an object" end
  local keys = {}
  for name in pairs(rule) do keys[#keys + 1] = tostring(name) end
  table.sort(keys)
  for _, name in ipairs(keys) do
    local field = FIELDS[name]
    if not field then return ("%s is not known; there are %s"):format(name, names()) end
    if not field[1](rule[name]) then return ("%s must be %s"):format(name, field[2]) end
  end
  if not rule.answer and not rule.status then return "has neither answer nor status" end
end

--- Reads the text of a script. @return its rules; or nil and what is wrong
function script.parse(text)
  local rules, err = json.decode(text)
  if rules == nil then
    return nil, ("it is not JSON: %s (line %d, column %d)"):format(err.message, err.line, err.column)
  end
  if type(rules) ~= "table" or #rules == 0 then return nil, "it must be an array of rules, at least one" end
  for i, rule in ipairs(rules) do
    local problem = rule_problem(rule)
    if problem then return nil, ("rule %d %s"):format(i, problem) end
  end
  return rules
end

-- The answer of a rule, in one pass, so that what is filled in is not read again.
local function fill(rule, prompt, model, captures)
  local values = { prompt = prompt, model = model, count = tostring(rule.used) }
  return (rule.answer:gsub("([%%{])(%d?)(%a*)(}?)", function(open, digit, word, close)
    if open == "%" and digit ~= "" then return (captures[digit] or "") .. word .. close end
    if open == "{" and digit == "" and close == "}" then return values[word] end
  end))
end

-- Where the rule's pattern is found: "0", "1", … -> text; nil when it is not.
local function captures_of(rule, prompt)
  if not rule.match then return { ["0"] = prompt } end
  local found = table.pack(prompt:find(rule.match))
  if not found[1] then return nil end
  local out = { ["0"] = prompt:sub(found[1], found[2]) }
  for i = 3, found.n do out[tostring(i - 2)] = tostring(found[i]) end
  return out
end

--- The rule for a message, and its answer's text; nil when none fits.
function script.answer(rules, prompt, model)
  for _, rule in ipairs(rules) do
    local captures = (not rule.model or glob.match(rule.model, model)) and captures_of(rule, prompt)
    if captures then
      rule.used = (rule.used or 0) + 1
      return rule, rule.answer and fill(rule, prompt, model, captures)
    end
  end
end

return script
