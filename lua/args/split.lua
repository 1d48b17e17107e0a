-- Promise: finds the global flags and the command's words anywhere on a command line, before any contract is known
-- (REQ-F-067).

local host = require "host"
local option = require "args.token"
local values = require "values"

local is_option, needs_value = option.is_option, option.needs_value

local indexed = setmetatable({}, { __mode = "k" })

-- Global flags by long and by short name; `conditional` ones belong to the command, only their arity is used here.
local function index_of(globals)
  local index = indexed[globals]
  if index then return index end
  index = { long = {}, short = {} }
  for _, g in ipairs(globals) do
    local one_of = g.one_of or g.choices
    if type(one_of) == "string" then
      local list = {}
      for word in one_of:gmatch("%S+") do list[#list + 1] = word end
      one_of = list
    end
    local p = { name = g.name, type = g.type, one_of = one_of, min = g.min or (g.type == "integer" and 0 or nil),
      loose = true, injected = true, conditional = g.conditional }
    if p.name == "output" then p.type, p.one_of = "string", nil end     -- a command may know further formats
    index.long[g.name] = p
    if g.short then index.short[g.short] = p end
  end
  indexed[globals] = index
  return index
end

local function set_global(out, p, text)
  local value, bad
  if p.type == "list" then
    value = out.globals[p.name] or {}
    for item in text:gmatch("[^,]+") do value[#value + 1] = item:match("^%s*(.-)%s*$") end
  elseif p.type == "path" and text:sub(1, 1) == "{" then
    value = text             -- --config also takes the configuration itself (REQ-F-059)
  else
    value, bad = values.read(p, text, host.cwd)
    if p.type == "duration" and value then value = math.floor(value * 1000 + 0.5) end
  end
  if value == nil then
    out.problems[#out.problems + 1] = bad
  else
    out.globals[p.name], out.globals[p.name:gsub("-", "_")] = value, value
  end
end

-- The index of the host's flags with those of a suite's own program before them. A flag of the host gets only its short
-- name there. `numbered`: names of the host's that are another flag's when a number follows a command's word and them.
local function with_own(index, own)
  local both = { long = setmetatable({}, { __index = index.long }), short = setmetatable({}, { __index = index.short }),
    numbered = {} }
  local function add(p, name) both.long[name] = { name = name, type = p.type, own = true } end
  for _, p in ipairs(own) do
    if not p.host and not p.also then
      add(p, p.name)
      if p.type == "boolean" then add(p, "no-" .. p.name) end
      if p.type == "secret" then
        add(p, p.name .. "-from-env")
        add(p, p.name .. "-from-file")
      end
    end
    if p.also then both.numbered[p.also] = { name = p.name, type = p.type, own = true } end
    if p.short and not p.also then both.short[p.short] = both.long[p.name] end
  end
  return both
end

-- Takes a flag of the suite's own program, as it stands, for `bind`. Returns the index of the last token used.
local function take_own(out, argv, i, p, token, text)
  local own, following = out.own, argv[i + 1]
  own.tokens[#own.tokens + 1] = token
  if text == nil and p.type ~= "boolean" and following and following ~= "--" and not is_option(following) then
    i, text = i + 1, following
    own.tokens[#own.tokens + 1] = following
  end
  own.flags[p.name] = text or p.type == "boolean"
  return i
end

-- Takes the global flag p at argv[i]; `text` is the value written with it. Returns the index of the last token used.
local function take_global(out, argv, i, p, text)
  out.tokens.globals[#out.tokens.globals + 1] = { index = #out.tokens + 1, text = argv[i], name = p.name }
  if text == nil and p.type == "boolean" then text = "true" end
  if text == nil then
    local following = argv[i + 1]
    if following == nil or is_option(following) or following == "--" then
      out.problems[#out.problems + 1] = needs_value(p)
      return i
    end
    i, text = i + 1, following
  end
  set_global(out, p, text)
  return i
end

-- The global flags of "-x", "-xVALUE", "-x=VALUE" or "-xyz" (all boolean); nil when it is not one.
local function short_global(index, token)
  local p = index.short[token:sub(2, 2)]
  if not p or p.conditional then return nil end
  if #token == 2 then return { p } end
  if p.type ~= "boolean" then return { p }, (token:sub(3):gsub("^=", "")) end
  local list = {}
  for c in token:sub(2):gmatch(".") do
    local q = index.short[c]
    if not q or q.conditional or q.type ~= "boolean" then return nil end
    list[#list + 1] = q
  end
  return list
end

-- Takes the flag "--name" or "--name=value" at argv[i]; `single`: it is written with one dash, so that it is none of the
-- host's. Returns the index of the last token used; nil when it is a flag of the command.
local function take_long(out, argv, i, index, token, single)
  local name, text = token:match("^%-%-([^=]+)=?(.*)$")
  local p = index.long[name]
  text = token:find("=", 1, true) and text or nil
  local numbered = index.numbered and index.numbered[name]
  if numbered and #out.tokens > 0 and (text or argv[i + 1] or ""):find("^%d+$") then
    return take_own(out, argv, i, numbered, "--" .. numbered.name .. (text and "=" .. text or ""), text)
  end
  if p and p.own then return take_own(out, argv, i, p, token, text) end
  if p and not p.conditional and (not single or name == "help") then return take_global(out, argv, i, p, text) end
end

-- Takes the short flags at argv[i], as above.
local function take_shorts(out, argv, i, index)
  local list, text = short_global(index, argv[i])
  local last
  for _, p in ipairs(list or {}) do
    if p.own then last = take_own(out, argv, i, p, "--" .. p.name .. (text and "=" .. text or ""), text)
    else last = take_global(out, argv, i, p, text) end
  end
  return last
end

-- First pass: everything that is a global flag goes to out.globals, the rest to out.tokens. Where one dash is as good as
-- two, "-name" becomes "--name"; tokens.single tells how it was written, for what turns out to be no such flag.
local function take_globals(out, argv, index, one_dash)
  local tokens, i = out.tokens, 1
  while i <= #argv do
    local token, last = argv[i], nil
    local dashes = token:match("^%-*")
    local long = one_dash and dashes == "-" and token:find("^%-%a[%w-]") and "-" .. token or nil
    if token == "--" then
      out.passthrough = table.move(argv, i + 1, #argv, 1, {})
      table.move(argv, i, #argv, #tokens + 1, tokens)
      break
    end
    if #dashes > 1 or long then last = take_long(out, argv, i, index, long or token, long ~= nil) end
    if not last and dashes == "-" and #token > 1 then last = take_shorts(out, argv, i, index) end
    if not last then
      tokens[#tokens + 1] = long or token
      if long then tokens.single[long] = token end
    end
    i = (last or i) + 1
  end
end

-- The arity of an option before its contract is known: 0, 1 or nil.
local function known_arity(index, token)
  if token:find("=", 1, true) then return 0 end
  local p = index.long[token:match("^%-%-(.+)$")] or index.short[token:match("^%-(.)$")]
  return p and (p.type == "boolean" and 0 or 1) or nil
end

-- All readings of tokens as words and options of unknown arity. A reading is { words, at = their indices, flags }.
local function readings_of(tokens, stop, index, resolve)
  local readings, open = {}, 0
  local function walk(i, words, at, flags)
    while i <= stop do
      local token = tokens[i]
      if not is_option(token) then
        local longer = table.move(words, 1, #words, 1, {})
        longer[#longer + 1] = token
        local n, group, more = resolve(longer)
        if n < #longer then break end
        words, at = longer, table.move(at, 1, #at, 1, {})
        at[#at + 1] = i
        if group == false and not more then break end
        i = i + 1
      else
        local arity = known_arity(index, token)
        if not arity and i < stop and not is_option(tokens[i + 1]) and open < 8 then
          open = open + 1
          local taken = table.move(flags, 1, #flags, 1, {})
          taken[#taken + 1] = { token, 1 }
          walk(i + 2, words, at, taken)
          flags = table.move(flags, 1, #flags, 1, {})
          flags[#flags + 1] = { token, 0 }
        end
        i = i + 1 + (arity or 0)
      end
    end
    readings[#readings + 1] = { words = words, at = at, flags = flags }
  end
  walk(1, {}, {}, {})
  return readings
end

-- Whether the contract gives every option of a reading the arity that the reading assumed.
local function consistent(reading, contract_of)
  local C = contract_of(reading.words)
  if not C then return false end
  for _, flag in ipairs(reading.flags) do
    local name = flag[1]:match("^%-%-(.+)$")
    local p = name and (C.by_name[name] or (name:find("^no%-") and C.by_name[name:sub(4)]))
    if not name then
      for _, list in ipairs { C.params, C.flags } do
        for _, q in ipairs(list) do
          if q.short == flag[1]:sub(2) then p = q end
        end
      end
    end
    if not p or (p.type == "boolean" and 0 or 1) ~= flag[2] then return false end
  end
  return true
end

-- The reading that a contract confirms; else the one with the most words. Two confirmed readings of different words
-- are a problem, not a choice.
local function choose(readings, contract_of, out)
  local best, confirmed
  for _, reading in ipairs(readings) do
    if contract_of and #reading.words > 0 and consistent(reading, contract_of) then
      if confirmed and table.concat(confirmed.words, " ") ~= table.concat(reading.words, " ") then
        out.problems[#out.problems + 1] = {
          param = reading.flags[1][1], field = reading.flags[1][1], code = "INPUT_AMBIGUOUS",
          message = 'The command may be "' .. table.concat(confirmed.words, " ") .. '" or "'
            .. table.concat(reading.words, " ") .. '".',
          fix = "Write the options after the command's words.",
        }
        return confirmed
      end
      confirmed = confirmed or reading
    end
    if not best or #reading.words > #best.words then best = reading end
  end
  return confirmed or best
end

local function take_words(out, index, resolve, contract_of)
  local tokens, words, stop = out.tokens, {}, #out.tokens
  local unknown = false
  for i, token in ipairs(tokens) do
    if token == "--" then stop = i - 1 break end
  end
  for i = 1, stop do
    if is_option(tokens[i]) then
      unknown = true
      break
    end
    words[i] = tokens[i]
  end
  local n, group, more = 0, nil, nil
  if #words > 0 then n, group, more = resolve(words) end
  local reading
  if unknown and n == #words and (n == 0 or group ~= false or more) then
    reading = choose(readings_of(tokens, stop, index, resolve), contract_of, out)
  else
    reading = { words = table.move(words, 1, n, 1, {}), at = {} }
    for i = 1, n do reading.at[i] = i end
  end
  for k = #reading.at, 1, -1 do
    table.remove(tokens, reading.at[k])
    for _, g in ipairs(tokens.globals) do
      if g.index > reading.at[k] then g.index = g.index - 1 end
    end
  end
  out.words = reading.words
end

-- What is held back of the suite's own program: the flags as written, and release(tokens), which puts their tokens first.
local function own_part()
  local own = { tokens = {}, flags = {} }
  function own.release(tokens)
    local n = #own.tokens
    table.move(tokens, 1, #tokens, n + 1)
    table.move(own.tokens, 1, n, 1, tokens)
    for _, g in ipairs(tokens.globals) do g.index = g.index + n end
    own.tokens = {}
  end
  return own
end

--- Finds global flags and the command's words.
--- `globals` as host.globals; `resolve(words)` returns how many leading words name a command or group, and may return
--- whether that is a group and whether longer commands begin with it; `contract_of(words)` (optional) returns a
--- contract and is only asked when options stand before the command's last word.
--- @return table { words, tokens, globals, problems, passthrough }: `tokens` go to `bind`; `globals` holds typed values
--- by name, with hyphens and with underscores, durations in ms; `passthrough` is what follows "--", or nil.
--- The value of --output is not checked against a list, as a command may have formats of its own. With `own`, the flags
--- of a suite's own program, these may stand anywhere too; they are in out.own until `release` hands them to `bind`.
--- `one_dash`: long flags of the program and its commands may be written with one dash.
return function(argv, globals, resolve, contract_of, own, one_dash)
  local out = { words = {}, tokens = { globals = {}, single = {} }, globals = {}, problems = {}, passthrough = nil }
  local index = index_of(globals)
  if own then out.own, index = own_part(), with_own(index, own) end
  take_globals(out, argv, index, one_dash)
  take_words(out, index, resolve, contract_of)
  return out
end
