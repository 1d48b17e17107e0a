--- The token window of an answer: --token-limit, --token-offset, --token-count (REQ-O-049).
-- Promise: only whole units are left out (items of a list, keys of an object, lines of a text), so nothing is cut inside
-- a token or a field; windows that begin where meta.token_next_offset says tile the data. An offset inside a unit begins
-- with that unit. The limit holds for all that is written, the envelope included.

local host = require "host"
local failure = require "failure"
local tokens = require "tokens"

local M = {}

local json = host.json
local MARK = "[TRUNCATED]"

-- The costs of units and where the window begins and ends among them: first, last, start of the unit behind it.
local function select_units(texts, offset, budget)
  local position, first, last, used = 0, #texts + 1, #texts, 0
  local next_offset, whole = nil, 0
  for i, text in ipairs(texts) do
    local cost = tokens.count(text)
    if first > i and position + cost > offset then first = i end
    if first <= i and not next_offset then
      used = used + cost
      if budget and used > budget then next_offset, last = position, i - 1 end
    end
    position = position + cost
    whole = whole + cost
  end
  return first, last, next_offset
end

local function too_small(opts, needed)
  local limit = opts.token_limit
  if opts.shed then opts.shed() end
  failure.raise("ARG_ERROR", { phase = "validation",
    message = ("--token-limit %d is less than the smallest part of this answer takes."):format(limit),
    fix = ("Pass --token-limit %d or more"):format(needed), context = { token_limit = limit, minimum = needed } })
end

-- Selects units twice: what is written besides when any is left out, `reserve` tokens, takes part in the budget.
local function choose(texts, opts, around, reserve)
  local limit = opts.token_limit
  local budget = limit and limit - around
  local first, last, next_offset = select_units(texts, opts.token_offset or 0, budget)
  if next_offset then
    first, last, next_offset = select_units(texts, opts.token_offset or 0, budget - reserve)
    -- what was done cannot be refused any more: then the mark alone is shown
    if last < first and not opts.done then too_small(opts, around + reserve + tokens.count(texts[first])) end
  end
  return first, last, next_offset
end

local function cut_text(limit, next_offset)
  return ("TRUNCATION: The output is cut at --token-limit %d; go on with --token-offset %d."):format(limit, next_offset)
end

-- What a cut adds to an envelope, at its longest.
local function note_cost(limit)
  local text = json.encode(cut_text(limit, 999999))
  return tokens.count('"_truncated":"[TRUNCATED]","returned_count":999999,"token_next_offset":999999,"truncated":true,'
    .. text .. ',"warning_details":[{"code":"TRUNCATION","message":' .. text
    .. ',"token_limit":999999,"token_next_offset":999999}],"token_limit":999999,"token_offset":999999,')
end

local function note(run, next_offset, shown)
  local opts, meta = run.opts, run.out.meta
  if next_offset and run.list then meta.returned_count = shown end
  meta.token_limit = opts.token_limit
  if (opts.token_offset or 0) > 0 then meta.token_offset = opts.token_offset end
  if not next_offset then return end
  meta.truncated, meta.token_next_offset = true, next_offset
  local text = cut_text(opts.token_limit, next_offset)
  run.out.warnings[#run.out.warnings + 1] = text
  run.out.warning_details[#run.out.warning_details + 1] = { code = "TRUNCATION", message = text,
    token_limit = opts.token_limit, token_next_offset = next_offset }
end

-- What the envelope takes around data: opts.around(out) is its text without data.
local function envelope(run)
  local around = run.opts.around and tokens.count(run.opts.around(run.out)) or 0
  return run.tags and around + tokens.count(json.encode(run.tags)) + 4 or around
end

local function choose_json(run, texts)
  local limit = run.opts.token_limit
  return choose(texts, run.opts, envelope(run), limit and note_cost(limit))
end

local function of_list(run)
  local texts, kept = {}, json.array {}
  for i, item in ipairs(run.value) do texts[i] = json.encode(item) .. "," end
  local first, last, next_offset = choose_json(run, texts)
  for i = first, last do kept[#kept + 1] = run.value[i] end
  if next_offset then kept[#kept + 1] = MARK end
  run.value = kept
  return next_offset, last - first + 1
end

local function of_object(run)
  local names, texts, kept = {}, {}, json.object {}
  for name in pairs(run.value) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do texts[i] = json.encode(name) .. ":" .. json.encode(run.value[name]) .. "," end
  local first, last, next_offset = choose_json(run, texts)
  for i = first, last do kept[names[i]] = run.value[names[i]] end
  if next_offset then kept._truncated = MARK end
  run.value = kept
  return next_offset
end

local function of_scalar(run)
  local first, _, next_offset = choose_json(run, { json.encode(run.value) })
  if first > 1 then run.value = json.null end
  return next_offset
end

--- Cuts run.value, which is written as JSON, to the window.
function M.json(run)
  local next_offset, shown
  if run.list then
    next_offset, shown = of_list(run)
  elseif type(run.value) == "table" and run.value ~= json.null then
    next_offset = of_object(run)
  else
    next_offset = of_scalar(run)
  end
  note(run, next_offset, shown)
end

local LAST = { jsonl = '{"_truncated":"[TRUNCATED]"}', id = false }

--- Cuts the lines of a text format to the window; `head` lines are always kept. Returns the lines.
function M.lines(run, lines, head, format)
  local kept, texts, around = {}, {}, 0
  for i, line in ipairs(lines) do
    if i <= head then
      kept[i], around = line, around + tokens.count(line .. "\n")
    else
      texts[#texts + 1] = line .. "\n"
    end
  end
  local mark = LAST[format]
  local first, last, next_offset = choose(texts, run.opts, around, mark == false and 0 or tokens.count((mark or MARK) .. "\n"))
  for i = first, last do kept[#kept + 1] = lines[head + i] end
  if next_offset and mark ~= false then kept[#kept + 1] = mark or MARK end
  note(run, next_offset, last - first + 1)
  return kept
end

--- Counts what would be written: `text` of another format, or JSON with its envelope.
function M.count(run, text)
  run.out.meta.token_count = text and tokens.count(text)
    or envelope(run) + tokens.count(run.out.data_json or "null")
end

return M
