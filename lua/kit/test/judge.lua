--- Is what a run of the tool answered in order, whatever the test itself expects?
-- Promise: an answer is one envelope of the published form; its exit code, its error and its data are what the command's
-- contract declares.

local host = require "host"
local schema = require "schema"
local exits = require "exits"

local judge = {}

local null = host.json.null

local function fits(form, value)
  local ok, err = schema.check({ returns = form, danger = "safe" }, value)
  return ok, err and err.path:gsub("^data", "", 1) .. " " .. err.message
end

local ENVELOPE = {
  ok = "boolean", data = "any", error = "any", warnings = { list = "string" }, meta = { duration_ms = "number", ["…"] = "any" },
}
local ERROR = { code = "string", message = "string", retryable = "boolean", ["…"] = "any" }

local function problem_of_envelope(e, status)
  local ok, why = fits(ENVELOPE, e)
  if not ok then return "the answer is no envelope:" .. why end
  if e.ok ~= (status == 0) then return ("the envelope says ok = %s at exit %d"):format(e.ok, status) end
  if e.ok ~= (e.error == null) then return "the envelope has " .. (e.ok and "an error beside ok" or "no error beside ok: false") end
  if e.ok then return nil end
  ok, why = fits(ERROR, e.error)
  if not ok then return "the error is not well formed:" .. why end
  if not e.error.code:find("^[A-Z][A-Z0-9_]+$") then return "error.code is " .. e.error.code end
  if status == 2 and e.error.phase ~= "validation" then return "exit 2 outside validation" end
end

local NOT_AN_ANSWER = { ["--schema"] = true, ["--print-schema"] = true, ["--output-schema"] = true, ["--help"] = true,
  ["-h"] = true, ["--validate-only"] = true, ["--show-config"] = true, ["--fields"] = true, ["--schema-version"] = true,
  ["--token-limit"] = true, ["--token-count"] = true, ["--token-offset"] = true }

local function is_answer(argv, e)
  if not e.ok or e.data == null or e.meta.help then return false end
  for _, word in ipairs(argv) do
    if word == "--" then break end
    if NOT_AN_ANSWER[word:match("^[^=]*")] then return false end
  end
  return true
end

-- The forms that a command's data may have, as it publishes them.
local published = setmetatable({}, { __mode = "k" })

local function forms_of(C)
  if not published[C] then
    local list = { schema.output(C) }
    for _, variant in pairs(schema.variants(C)) do list[#list + 1] = variant end
    published[C] = list
  end
  return published[C]
end

local function problem_of_data(C, data)
  local first
  for _, form in ipairs(forms_of(C)) do
    local ok, why = fits({ schema = form }, data)
    if ok then return nil end
    first = first or why
  end
  return "data does not fit the schema that the command publishes:" .. first
end

local function problem_of_outcome(C, e, status)
  if not C.exits[status] then return ("exit %d is not declared by %s"):format(status, C.path:gsub("%.", " ")) end
  local code = e.error ~= null and e.error.code
  if code and not C.errors[code] and not exits.codes[code] then return "error " .. code .. " is not declared" end
end

--- What is wrong with an envelope that a run gave, or nil. `contracts`: path -> C of the commands under test.
function judge.envelope(e, status, argv, contracts)
  local problem = problem_of_envelope(e, status)
  if problem then return problem end
  local C = contracts[e.meta.command or ""]
  if not C then return nil end
  return problem_of_outcome(C, e, status) or is_answer(argv, e) and problem_of_data(C, e.data) or nil
end

return judge
