-- What the recorded answers prove together, after all files have run: every answer fits the schema that its command
-- publishes, and every shipped command, every error code that it declares and every variant of its answer occurred.
local json = require "lib.json"
local schema = require "lib.schema"

local coverage = {}

local ID = "RECORD"

local function row(rows, statement, problems)
  rows[#rows + 1] = {
    requirement = ID, statement = statement, result = #problems == 0 and "passed" or "failed",
    message = #problems > 0 and table.concat(problems, "\n") or nil,
  }
end

local function read_records(dir)
  local uv = require "luv"
  local records, walk = {}, uv.fs_scandir(dir)
  while walk do
    local name = uv.fs_scandir_next(walk)
    if not name then break end
    for line in io.lines(dir .. "/" .. name) do
      local record = assert(json.decode(line))
      record.answer = json.decode(record.envelope)
      records[#records + 1] = record
    end
  end
  return records
end

-- All contracts by path, as `tool <command> --schema` gives them, with the fixtures or without.
local function contracts(spec, with_fixtures)
  local env = { TOOL_MAX_OUTPUT_BYTES = "100000000" }
  if not with_fixtures then env.TOOL_COMMANDS_PATH = false end
  local r = spec.tool({ "manifest" }, { env = env, timeout = 60 })
  if r.status ~= 0 then return nil, spec.about(r, "tool manifest fails") end
  local all, paths, jobs = {}, {}, {}
  for path, entry in pairs(r.envelope.data.commands) do
    if entry.output_schema then
      local args = { "--schema" }
      for word in path:gmatch("[^.]+") do table.insert(args, #args, word) end
      paths[#paths + 1], jobs[#jobs + 1] = path, { args, { env = env } }
    end
  end
  for i, answer in ipairs(spec.tool_all(jobs, 2)) do
    if answer.status ~= 0 then return nil, spec.about(answer, paths[i] .. " --schema fails") end
    all[paths[i]] = answer.envelope.data
  end
  return all
end

local NOT_AN_ANSWER = { ["--schema"] = true, ["--print-schema"] = true, ["--output-schema"] = true, ["--help"] = true,
  ["-h"] = true, ["--validate-only"] = true, ["--show-config"] = true, ["--fields"] = true, ["--stream"] = true,
  ["--schema-version"] = true }

-- The path of the command that a command line calls, by the longest of its leading words that is one.
local function called(record, all)
  local path, found = nil, nil
  if record.program and record.program ~= "tool" then path = record.program:match "[^/]+$" end
  for _, arg in ipairs(record.argv) do
    if arg:find "^%-" then break end
    path = path and path .. "." .. arg or arg
    if all[path] then found = path end
  end
  return found
end

-- Is this record a command's own successful answer?
local function is_answer(record)
  local answer = record.answer
  if record.row or not answer or not answer.ok or answer.meta.help or answer.meta.not_modified or record.shape ~= "json" then
    return false
  end
  for _, arg in ipairs(record.argv) do
    if NOT_AN_ANSWER[arg:match("^[^=]*")] then return false end
  end
  -- a window of data, with its mark (O-049)
  if answer.meta.token_limit and answer.meta.truncated or answer.meta.token_offset then return false end
  return answer.data ~= json.null
end

-- Which published schema the data fits: "output_schema" or a variant's name; nil and complaints otherwise.
local function fitting(contract, data, hits)
  for name, variant in pairs(contract.output_variants or {}) do
    if name ~= "row" and #schema.validate(variant, data) == 0 then -- rows are told apart where they are recorded
      hits[name] = true
      return name
    end
  end
  local complaints, branches = schema.validate(contract.output_schema, data)
  if #complaints > 0 then return nil, complaints end
  for _, hit in ipairs(branches) do hits[hit.list] = hits[hit.list] or {}; hits[hit.list][hit.index] = true end
  hits.output_schema = true
  return "output_schema"
end

local function unhit_branches(s, hits, path, out)
  if type(s) ~= "table" or s == json.null then return end
  for _, key in ipairs { "oneOf", "anyOf" } do
    for i = 1, s[key] and #s[key] or 0 do
      local null_branch = type(s[key][i]) == "table" and s[key][i].type == "null"
      if not null_branch and not (hits[s[key]] and hits[s[key]][i]) then
        out[#out + 1] = ("branch %d of %s at %s never occurred"):format(i, key, path)
      end
    end
  end
  for key, part in pairs(s) do
    if type(part) == "table" and key ~= "enum" then unhit_branches(part, hits, path .. "/" .. key, out) end
  end
end

-- A stream without an end of its own: it is stopped, so that its plain answer cannot occur.
local function unending(contract)
  return contract.timeout_ms == 0 and contract.output_variants ~= nil and contract.output_variants.row ~= nil
end

-- What of one shipped command never occurred.
local function missing_of(path, contract, seen)
  local out, hits = {}, seen.hits[path]
  if not hits and contract.unavailable then hits = { output_schema = true } end     -- what it says is its error
  if not hits then return { "the command was never answered successfully" } end
  if not hits.output_schema and not unending(contract) then out[#out + 1] = "its plain answer never occurred" end
  for name in pairs(contract.output_variants or {}) do
    if not hits[name] then out[#out + 1] = "the variant " .. name .. " never occurred" end
  end
  for code in pairs(contract.errors or {}) do
    if not (seen.codes[path] or {})[code] then out[#out + 1] = "the error " .. code .. " never occurred" end
  end
  if not unending(contract) and not contract.unavailable then unhit_branches(contract.output_schema, hits, "output_schema", out) end
  table.sort(out)
  return out
end

-- A row of a stream must fit the variant of that name.
local function take_row(record, all, seen, problems)
  local path = called(record, all)
  local variant = path and all[path].output_variants and all[path].output_variants.row
  if not variant or type(record.answer) ~= "table" or record.answer._summary or record.answer.heartbeat then return end
  seen.hits[path] = seen.hits[path] or {}
  local complaints = schema.validate(variant, record.answer)
  if #complaints == 0 then seen.hits[path].row = true
  else
    problems[#problems + 1] = ("a row of %s (%s): %s"):format(table.concat(record.argv, " "), record.requirement,
      table.concat(complaints, "; "))
  end
end

-- What is there already is told by a failure, whose data must fit the variant of that name.
local function take_existing(record, path, contract, seen, problems)
  local answer = record.answer
  local variant = contract and contract.output_variants and contract.output_variants.exists
  if not variant or answer.error.code ~= "ALREADY_EXISTS" or answer.data == json.null then return end
  local complaints = schema.validate(variant, answer.data)
  seen.hits[path] = seen.hits[path] or {}
  if #complaints == 0 then seen.hits[path].exists = true
  else
    problems[#problems + 1] = ("what exists, %s (%s): %s"):format(table.concat(record.argv, " "), record.requirement,
      table.concat(complaints, "; "))
  end
end

local function collect(records, all)
  local seen, problems = { hits = {}, codes = {} }, {}
  for _, record in ipairs(records) do
    local answer = record.answer
    local path = not record.row and answer and answer.meta.command
    if record.row then take_row(record, all, seen, problems) end
    if path and answer.error ~= json.null then
      seen.codes[path] = seen.codes[path] or {}
      seen.codes[path][answer.error.code] = true
      take_existing(record, path, all[path], seen, problems)
    end
    if path and is_answer(record) and all[path] then
      seen.hits[path] = seen.hits[path] or {}
      local name, complaints = fitting(all[path], answer.data, seen.hits[path])
      if not name then
        problems[#problems + 1] = ("%s (%s): %s"):format(table.concat(record.argv, " "), record.requirement,
          table.concat(complaints, "; "))
      end
    end
  end
  return seen, problems
end

-- Gives result rows as the spec files do. `options` are the runner's.
function coverage.check(options)
  local uv = require "luv"
  uv.os_setenv("SPEC_TOOL", options.tool)
  uv.os_setenv("SPEC_BUILD", options.build)
  uv.os_setenv("SPEC_TMP", options.tmp)
  local spec, rows = require "lib.spec", {}
  local all, why = contracts(spec, true)
  local shipped
  if all then shipped, why = contracts(spec, false) end
  if not shipped then
    row(rows, "the contracts can be read", { why or "tool manifest fails without fixtures" })
    return rows
  end
  local records = read_records(options.record)
  local seen, problems = collect(records, all)
  row(rows, "every recorded answer fits the schema that its command publishes", problems)
  local paths = {}
  for path in pairs(shipped) do paths[#paths + 1] = path end
  table.sort(paths)
  for _, path in ipairs(paths) do
    row(rows, ("%s: the answer, its variants and all declared errors occurred"):format(path),
      missing_of(path, all[path], seen))
  end
  return rows
end

return coverage
