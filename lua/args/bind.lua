-- Promise: gives the tokens of a command line, the environment, the configuration and the defaults to the parameters of
-- one contract: typed values, or the complete list of what is wrong.

local host = require "host"
local lazy = require "lazy"
local suggest = lazy "suggest"
local suspect = lazy "suspect"
local token_rules = require "args.token"
local values = require "values"

local ipairs, pairs, tostring, type = ipairs, pairs, tostring, type
local is_option, needs_value = token_rules.is_option, token_rules.needs_value
local problem = values.problem

-- Everything that one call of bind builds up: C, opts, cwd; raw[name] = texts as given; positionals; values, given,
-- problems; single["--name"] = "-name" as it was written; bad[name] = true where a problem was reported, so that nothing
-- is reported twice.

local function report(state, item)
  state.problems[#state.problems + 1] = item
  if item.field then state.bad[item.field] = true end
end

local function names_of(state)
  local names = {}
  for name, p in pairs(state.C.by_name) do
    if p.type ~= "secret" then names[#names + 1] = name end
  end
  for _, g in ipairs(state.opts.globals or host.globals or {}) do names[#names + 1] = g.name end
  return names
end

local function unknown_option(state, name, shown)
  local best = (name:gsub("_", "-"))
  if not state.C.by_name[best] then best = suggest.nearest(name, names_of(state)) end
  report(state, {
    param = shown, field = name, code = "INPUT_PARAM_UNKNOWN", message = "There is no option " .. shown .. ".",
    fix = best and "Did you mean --" .. best .. "?" or "See --help for the options of this command.",
  })
  return best
end

local function refuse_secret(state, p)
  report(state, problem(p, "SECRET_ON_COMMAND_LINE",
    "'" .. p.name .. "' matches secret field pattern; use --" .. p.name .. "-from-env instead.", nil,
    "Pass --" .. p.name .. "-from-env VARIABLE or --" .. p.name .. "-from-file PATH."))
end

local function short_of(state, letter)
  local shorts = state.shorts
  if not shorts then
    shorts = {}
    for _, list in ipairs { state.C.params, state.C.flags } do
      for _, p in ipairs(list) do
        if p.short then shorts[p.short] = p end
      end
    end
    state.shorts = shorts
  end
  return shorts[letter]
end

local function add(state, p, text)
  local list = state.raw[p.name]
  if not list then
    list = {}
    state.raw[p.name] = list
  end
  list[#list + 1] = text
end

-- The parameter that a long option means, and the text that its name alone already gives.
local function long_option(state, name)
  local by_name = state.C.by_name
  local p = by_name[name]
  if p and p.alias_of then p = by_name[p.alias_of] end
  if p then return p, p.type == "boolean" and "true" or nil end
  local base = name:match("^no%-(.+)$")
  p = base and by_name[base]
  if p and p.type == "boolean" then return p, "false" end
  base = name:match("^(.+)%-from%-env$") or name:match("^(.+)%-from%-file$")
  p = base and by_name[base]
  if p and p.type == "secret" then return { name = name, type = "string", secret_for = base } end
  return nil
end

-- Takes the option at tokens[i]; returns the index of the last token used.
local function take_option(state, tokens, i, p, text, implied)
  local following = tokens[i + 1]
  local single = state.single[following]
  local has_next = following ~= nil and following ~= "--" and (single or not is_option(following))
  if p.type == "secret" and not p.plain then
    refuse_secret(state, p)
    return (text == nil and has_next) and i + 1 or i
  end
  if text == nil then text = implied elseif implied == "false" then text = text == "false" and "true" or "false" end
  if text == nil then
    if not has_next then
      report(state, needs_value(p))
      return i
    end
    i, text = i + 1, single or following
  end
  add(state, p, text)
  return i
end

local function take_short(state, tokens, i)
  local token = tokens[i]
  local p = short_of(state, token:sub(2, 2))
  if not p then return nil end
  local rest = token:sub(3)
  if rest == "" then return take_option(state, tokens, i, p, nil, p.type == "boolean" and "true" or nil) end
  if p.type ~= "boolean" or rest:sub(1, 1) == "=" then
    return take_option(state, tokens, i, p, (rest:gsub("^=", "")))
  end
  for letter in token:sub(2):gmatch(".") do
    local q = short_of(state, letter)
    if not q or q.type ~= "boolean" then return nil end
  end
  for letter in token:sub(2):gmatch(".") do add(state, short_of(state, letter), "true") end
  return i
end

-- Whether a token after the first positional of a strict command is an option of the tool (REQ-C-027).
local function tool_option(state, token)
  local name = token:match("^%-%-([^=]+)")
  if name then
    if long_option(state, name) then return "--" .. name end
    for _, g in ipairs(state.opts.globals or host.globals or {}) do
      if g.name == name then return "--" .. name end
    end
    return nil
  end
  return token:find("^%-%a$") and short_of(state, token:sub(2)) and token or nil
end

local function refuse_late(state, name)
  report(state, { param = name, field = name:gsub("^%-+", ""), code = "INPUT_OPTION_PLACEMENT",
    message = name .. " stands after the first argument, where it is not clear whom it is for.",
    fix = "Move " .. name .. " before the target, or put -- before the arguments that are to be forwarded." })
end

-- After the first positional of a strict command: everything is an argument, except what the tool itself would know.
local function collect_strict(state, tokens, first)
  for _, g in ipairs(tokens.globals or {}) do
    if g.index > first then refuse_late(state, "--" .. g.name) end
  end
  local verbatim = false
  for i = first, #tokens do
    local token = tokens[i]
    local known = not verbatim and i > first and token:byte(1) == 45 and tool_option(state, token)
    if token == "--" and not verbatim then
      verbatim = true
    elseif known then
      refuse_late(state, known)
    else
      state.positionals[#state.positionals + 1] = state.single[token] or token
    end
  end
end

local function take_unknown(state, tokens, i)
  local token = tokens[i]
  local name = token:match("^%-%-?([^=]+)") or token
  local meant = state.C.by_name[unknown_option(state, name, token:match("^[^=]+"))]
  local following = tokens[i + 1]
  if token:find("=", 1, true) or not following or following == "--" or is_option(following) then return i end
  -- The next token may be its value: then it is no positional argument, and not repeated where it may be a secret.
  local takes = not state.has_positionals or suspect.secret_name(name) or (meant and meant.type ~= "boolean")
  return takes and i + 1 or i
end

-- The token at i; one that was written with one dash, and names no long flag, as it was written, and true.
local function token_at(state, tokens, i)
  local token = tokens[i]
  local single = state.single[token]
  if not single or long_option(state, token:match("^%-%-([^=]+)")) then return token, false end
  tokens[i] = single
  return single, true
end

local function collect(state, tokens)
  local strict, i = state.C.placement == "strict", 1
  while i <= #tokens do
    local token, single = token_at(state, tokens, i)
    if token == "--" then
      table.move(tokens, i + 1, #tokens, #state.positionals + 1, state.positionals)
      return
    elseif token:byte(1) ~= 45 or #token == 1 or token:find("^%-[%d.]") then
      if strict then return collect_strict(state, tokens, i) end
      state.positionals[#state.positionals + 1] = token
    elseif token:byte(2) == 45 then
      local name, text = token:match("^%-%-([^=]+)=?(.*)$")
      local p, implied = nil, nil
      if name then p, implied = long_option(state, name) end
      if p then
        i = take_option(state, tokens, i, p, token:find("=", 1, true) and text or nil, implied)
      elseif is_option(token) or not state.has_positionals then
        i = take_unknown(state, tokens, i)
      else
        state.positionals[#state.positionals + 1] = token
      end
    else
      local last = take_short(state, tokens, i)
      if last then
        i = last
      elseif single or token:find("^%-%a[%w-]*$") or token:find("^%-%a=") then
        i = take_unknown(state, tokens, i)
      else
        state.positionals[#state.positionals + 1] = token
      end
    end
    i = i + 1
  end
end

-- Gives the positional arguments to the parameters with a position that no option has set.
local function place(state)
  local slots, texts, at = state.slots, state.positionals, 1
  for k, p in ipairs(slots) do
    if at > #texts then break end
    local takes_rest = p.rest or (p.type == "list" and k == #slots)
    if takes_rest then
      while at <= #texts do
        add(state, p, texts[at])
        at = at + 1
      end
    elseif not state.raw[p.name] then
      if p.type == "secret" and not p.plain then refuse_secret(state, p) else add(state, p, texts[at]) end
      at = at + 1
    end
  end
  for extra = at, #texts do
    local text = texts[extra]
    local shown = values.shown({ name = "argument", type = "string" }, text)
    report(state, {
      param = shown, field = "arguments", code = "INPUT_PARAM_UNKNOWN",
      message = 'The argument "' .. shown .. '" is not expected here.',
      fix = #slots == 0 and "This command takes options only; see --help." or "Quote a value that contains spaces.",
    })
  end
end

-- A value "-" of a parameter with `pipe` stands for what arrives on stdin (REQ-O-006).
local function from_stdin(state, p, texts)
  local read = state.opts.stdin
  local wanted = false
  for _, text in ipairs(texts) do wanted = wanted or text == "-" end
  if not wanted or not p.pipe or not read then return texts end
  if state.stdin_for then
    report(state, problem(p, "INPUT_PARAM_CONFLICT", "Only one of --" .. state.stdin_for .. " and --" .. p.name
      .. " can be read from stdin.", nil, "Pass one of them as a value."))
    return nil
  end
  state.stdin_for = p.name
  local text, bad = read(p)
  if not text then
    report(state, bad)
    return nil
  end
  local lines = {}
  for line in text:gmatch("[^\r\n]+") do lines[#lines + 1] = line end
  if #lines == 0 then
    report(state, problem(p, "EMPTY_STDIN", "Nothing arrived on stdin for --" .. p.name .. ".", nil,
      "Pipe at least one line, or pass the value itself."))
    return nil
  end
  if #lines > 1 and p.type ~= "list" then
    report(state, problem(p, "INPUT_PARAM_INVALID",
      "Several lines arrived on stdin, --" .. p.name .. " takes one.", nil, "Pipe one line."))
    return nil
  end
  local out = {}
  for _, item in ipairs(texts) do
    if item == "-" then table.move(lines, 1, #lines, #out + 1, out) else out[#out + 1] = item end
  end
  return out
end

-- F-044: a parameter that goes to a program may hold no shell metacharacter.
local function check_program(state, p, texts)
  for _, text in ipairs(texts) do
    local char = suspect.shell(text)
    if char then
      report(state, problem(p, "INPUT_PARAM_INVALID",
        "--" .. p.name .. " contains shell metacharacter " .. char .. ".", text,
        "Remove " .. char .. " from --" .. p.name .. "."))
      return false
    end
  end
  return true
end

-- The texts of the command line for one parameter as one value; nil after a report.
local function read_texts(state, p, texts)
  texts = from_stdin(state, p, texts)
  if not texts then return nil end
  if state.to_program[p.name] and not check_program(state, p, texts) then return nil end
  local kind = p.type
  if kind == "list" or kind == "map" then
    local out, complete = kind == "list" and host.json.array {} or host.json.object {}, true
    for i, text in ipairs(texts) do
      local value, bad
      if kind == "map" then
        value, bad = values.read_pair(p, text, out)
      else
        value, bad = values.read(p, text, state.cwd)
      end
      if value == nil then
        report(state, bad)
        complete = false
      elseif kind == "list" then
        out[i] = value
      end
    end
    if complete then
      local fits, bad = values.check_count(p, out)
      if fits then return out end
      report(state, bad)
    end
    return nil
  end
  local text = texts[#texts]
  for i = 1, #texts - 1 do
    if texts[i] ~= text then
      report(state, problem(p, "INPUT_PARAM_CONFLICT", "--" .. p.name .. " is given twice with different values.", text,
        "Give --" .. p.name .. " once."))
      return nil
    end
  end
  local value, bad = values.read(p, text, state.cwd)
  if value == nil then report(state, bad) end
  return value
end

local function cut_newline(bytes)
  return (bytes:gsub("\r?\n$", ""))
end

local function secret_file(state, p, path, source)
  if path == "-" then
    report(state, problem(p, "INPUT_PARAM_INVALID", source .. " does not read stdin.", nil, "Name a file."))
    return nil
  end
  local bytes, err = host.file.read(values.absolute(path, state.cwd), 65536)
  if not bytes or cut_newline(bytes) == "" then
    local item = problem(p, "INPUT_PARAM_INVALID", bytes and source .. " names an empty file."
      or source .. " names a file that cannot be read: " .. (err and err.code or "IO_ERROR") .. ".", nil,
      "Name a readable file that holds the secret.")
    item.context = { flag = source, path = path }
    report(state, item)
    return nil
  end
  return host.secret(cut_newline(bytes))
end

-- A secret on the line, where a suite's own program takes it that way. `plain = "file"`: - stands for nothing given,
-- @path and the path of a file for the file's content.
local function plain_secret(state, p, text)
  if p.plain == "file" then
    if text == "-" then return nil end
    local path = text:match("^@(.+)$")
    local stat = not path and #text < 4096 and host.file.stat(values.absolute(text, state.cwd))
    if path or stat and stat.type == "file" then return secret_file(state, p, path or text, "--" .. p.name), "flag" end
  end
  return host.secret(text), "flag"
end

-- A secret comes from an option that names its place, else from the environment, else from the configuration.
local function read_secret(state, p)
  if state.raw[p.name] then return plain_secret(state, p, state.raw[p.name][1]) end
  local env_row, file_row = state.raw[p.name .. "-from-env"], state.raw[p.name .. "-from-file"]
  if env_row and file_row then
    report(state, problem(p, "INPUT_PARAM_CONFLICT",
      "--" .. p.name .. "-from-env cannot be used together with --" .. p.name .. "-from-file.", nil,
      "Give one of them."))
    return nil
  end
  if env_row then
    local name = env_row[#env_row]
    local text = host.env(name)
    if text and text ~= "" then return host.secret(text), "flag" end
    -- Whoever puts the secret itself here must not find it in the error.
    local shown = name:find("^[%u_][%u%d_]*$") and #name <= 64 and name or "a variable"
    local item = problem(p, "INPUT_PARAM_INVALID", "--" .. p.name .. "-from-env names " .. shown .. ", which is not set.",
      nil, "Set the variable, or name another.")
    item.context = { flag = "--" .. p.name .. "-from-env", var = shown }
    report(state, item)
    return nil
  end
  if file_row then
    return secret_file(state, p, file_row[#file_row], "--" .. p.name .. "-from-file"), "flag"
  end
  if p.env then
    local text = host.env(p.env)
    if text and text ~= "" then return host.secret(text), "env:" .. p.env end
    local path = host.env(p.env .. "_FILE")
    if path and path ~= "" then return secret_file(state, p, path, p.env .. "_FILE"), "env:" .. p.env .. "_FILE" end
  end
  if p.config and state.opts.config then
    local value, source = state.opts.config(p.config)
    if type(value) == "string" and value ~= "" then value = host.secret(value) end
    if value ~= nil and value ~= "" then return value, "config:" .. tostring(source or p.config) end
  end
  return nil
end

-- A value that did not come from the command line; `where` names its source in a problem.
local function read_other(state, p, raw, where)
  if where and type(raw) == "string" and state.to_program[p.name] and not check_program(state, p, { raw }) then
    return nil
  end
  local value, bad = values.from(p, raw, state.cwd)
  if value == nil then
    if where then bad.message = bad.message:gsub("%.$", "") .. " (from " .. where .. ")." end
    report(state, bad)
  end
  return value
end

local function put(state, name, value)
  state.values[name] = value
  if name:find("-", 1, true) then state.values[name:gsub("-", "_")] = value end
end

local function set(state, p, value, source)
  state.given[p.name] = source
  put(state, p.name, value)
end

local function resolve_secret(state, p)
  local value, source = read_secret(state, p)
  if value ~= nil then set(state, p, value, source) end
end

local function resolve_param(state, p)
  if p.secret_for or p.global or p.alias_of then return end
  if p.type == "secret" then return resolve_secret(state, p) end
  local texts = state.raw[p.name]
  if texts then return set(state, p, read_texts(state, p, texts), "flag") end
  local payload = state.payload
  if payload and payload[p.name] ~= nil then
    return set(state, p, read_other(state, p, payload[p.name], "the payload"), "flag")
  end
  if p.env then
    local text = host.env(p.env)
    if text and text ~= "" then return set(state, p, read_other(state, p, text, p.env), "env:" .. p.env) end
  end
  if p.config and state.opts.config then
    local raw, source = state.opts.config(p.config)
    if raw ~= nil and raw ~= host.json.null then
      source = "config:" .. tostring(source or p.config)
      return set(state, p, read_other(state, p, raw, source), source)
    end
  end
end

local function resolve_default(state, p)
  if p.global or p.alias_of then return end      -- told by the global flags; kept under the other name
  if state.given[p.name] or state.bad[p.name] then return end
  if p.default ~= nil then return set(state, p, read_other(state, p, p.default), "default") end
  if p.type == "boolean" then put(state, p.name, false) end
  if p.rest then put(state, p.name, host.json.array {}) end
end

-- Present means: given by the caller in any way, and, for a boolean, true.
local function present(state, name)
  local given = state.given[name]
  if state.raw[name] and state.bad[name] then return true end
  return given ~= nil and given ~= "default" and given ~= "rule" and state.values[name] ~= false
end

local function holds(state, name, is)
  if is == nil then return true end
  local value, texts = state.values[name], state.raw[name]
  local raw = texts and texts[#texts]
  for _, wanted in ipairs(type(is) == "table" and is or { is }) do
    if value == wanted or tostring(value) == tostring(wanted) or raw == wanted then return true end
    local p = state.C.by_name[name]
    local measured = p and (p.type == "duration" or p.type == "size")
    if measured and value ~= nil and values.from(p, wanted, state.cwd) == value then return true end
  end
  return false
end

local function condition_text(rule)
  local is = rule.is
  if type(is) == "table" then is = table.concat(is, " or ") end
  return (rule.when and "with --" or "without --") .. (rule.when or rule.unless) .. (is ~= nil and " " .. tostring(is) or "")
end

local function applies(state, rule)
  local name = rule.when or rule.unless
  local there = present(state, name) and holds(state, name, rule.is)
  return there == (rule.when ~= nil)
end

local function apply_set(state, rule)
  for name, raw in pairs(rule.set or {}) do
    local p = state.C.by_name[name]
    if p and not state.given[name] and not state.bad[name] then set(state, p, read_other(state, p, raw), "rule") end
  end
end

-- REQ-C-026, after types and before declared defaults.
local function apply_rule(state, rule)
  if not applies(state, rule) then return end
  local by_name = state.C.by_name
  for _, name in ipairs(rule.need or {}) do
    if by_name[name] and not present(state, name) and not state.bad[name] then
      report(state, problem(by_name[name], "INPUT_PARAM_MISSING",
        "--" .. name .. " is required " .. condition_text(rule) .. ".", nil, "Pass --" .. name .. "."))
    end
  end
  for _, name in ipairs(rule.bar or {}) do
    if by_name[name] and present(state, name) then
      report(state, problem(by_name[name], "INPUT_PARAM_CONFLICT",
        "--" .. name .. " cannot be used " .. (rule.when and "together " or "") .. condition_text(rule) .. ".",
        nil, rule.when and ("Leave out --%s or --%s."):format(name, rule.when) or ("Pass --%s too."):format(rule.unless)))
    end
  end
  apply_set(state, rule)
end

local function check_required(state, p)
  if not p.required or state.given[p.name] or state.bad[p.name] then return end
  local fix = "Pass --" .. p.name .. (p.at and ", or the value as argument " .. p.at or "")
    .. (p.type == "enum" and ": " .. table.concat(p.one_of, ", ") or "") .. "."
  if p.type == "secret" then
    fix = "Pass --" .. p.name .. "-from-env VARIABLE or --" .. p.name .. "-from-file PATH"
      .. (p.env and ", or set " .. p.env or "") .. "."
  end
  report(state, problem(p, "INPUT_PARAM_MISSING", "--" .. p.name .. " is required"
    .. (p.about and ": " .. p.about:gsub("%.$", "") or "") .. ".", nil, fix))
end

local function to_program_of(C)
  local runs, out = C.runs or (C.raw and C.raw.runs), {}
  if type(runs) == "table" then
    for _, name in ipairs(runs.from or {}) do out[name] = true end
  end
  return out
end

local function slots_of(C)
  local slots = {}
  for _, p in ipairs(C.params) do
    if p.at or p.rest then slots[#slots + 1] = p end
  end
  if #slots > 1 then
    table.sort(slots, function(a, b) return (a.at or 1000) < (b.at or 1000) end)
  end
  return slots
end

local plans = setmetatable({}, { __mode = "k" }) -- C -> what each binding to it begins with

local function plan_of(C)
  local plan = plans[C]
  if not plan then
    plan = { slots = slots_of(C), to_program = to_program_of(C) }
    plans[C] = plan
  end
  return plan
end

--- Binds what `split` left to the parameters of a contract.
--- `opts.cwd`: the directory paths are relative to (default host.cwd) · `opts.config(key)` -> value, source ·
--- `opts.stdin(param)` -> text, or nil and a problem · `opts.globals`: the global flags, for suggestions.
--- @return table values typed values by name, names with hyphens also with underscores; absent ones are nil, booleans
---   false and `rest` an empty list
--- @return table given name -> "flag" | "env:NAME" | "config:SOURCE" | "rule" | "default"
--- @return table[] problems entries of error.errors[], with `fix` sentences; empty when all is well
return function(C, tokens, opts)
  opts = opts or {}
  local plan = plan_of(C)
  local state = {
    C = C, opts = opts, cwd = opts.cwd or host.cwd, raw = {}, positionals = {}, values = {}, given = {}, problems = {},
    single = tokens.single or {}, bad = {}, slots = plan.slots, has_positionals = #plan.slots > 0, to_program = plan.to_program,
  }
  collect(state, tokens)
  place(state)
  if C.payload or host.line and host.line.payload then
    state.payload = require("args.payload")(state, function(p) report(state, p) end)
  end
  for _, p in ipairs(C.params) do resolve_param(state, p) end
  for _, p in ipairs(C.flags) do resolve_param(state, p) end
  for _, rule in ipairs(C.rules or {}) do apply_rule(state, rule) end
  for _, p in ipairs(C.params) do
    resolve_default(state, p)
    check_required(state, p)
  end
  for _, p in ipairs(C.flags) do
    resolve_default(state, p)
    check_required(state, p)
  end
  return state.values, state.given, state.problems
end
