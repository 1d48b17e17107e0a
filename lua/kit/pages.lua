--- Reference pages of commands, made from their contracts: Markdown and man pages.
-- Promise: a page says what `--schema` says, for people; equal contracts give equal pages.

local help = require "help"
local host = require "host"
local manifest = require "manifest"

local pages = {}

-- A page is a list of blocks: { "title", text }, { "section", text }, { "text", text }, { "code", lines }, { "terms", list of
-- { term, text } }.

local function sorted(t, by)
  local keys = {}
  for key in pairs(t or {}) do keys[#keys + 1] = key end
  table.sort(keys, by)
  return keys
end

local function by_number(a, b) return tonumber(a) < tonumber(b) end

local function flag_terms(flags)
  local list = {}
  for _, name in ipairs(sorted(flags)) do
    local f = flags[name]
    local notes = { f.description }
    if f.required then notes[#notes + 1] = "required" end
    if f.default ~= nil then notes[#notes + 1] = "default " .. host.json.encode(f.default) end
    if f.enum_values then notes[#notes + 1] = "one of " .. table.concat(f.enum_values, ", ") end
    list[#list + 1] = { "--" .. name .. " (" .. f.type .. ")", table.concat(notes, "; ") }
  end
  return list
end

local function type_text(s)
  local kind = s.type or s.anyOf and "one of several" or s.enum and "one of" or "any"
  if type(kind) == "table" then kind = table.concat(kind, " or ") end
  if s.format == "date-time" then kind = kind .. ", RFC 3339" end
  if s.enum then
    local words = {}
    for i, value in ipairs(s.enum) do words[i] = tostring(value) end
    kind = kind .. ": " .. table.concat(words, ", ")
  end
  return kind
end

-- The fields of a schema, nested ones as a.b and a[].b.
local function add_fields(list, s, path)
  local required = {}
  for _, name in ipairs(s.required or {}) do required[name] = true end
  for _, name in ipairs(sorted(s.properties)) do
    local property, at = s.properties[name], path .. name
    list[#list + 1] = { at, type_text(property) .. (required[name] and "" or "; may be absent")
      .. (property.description and "; " .. property.description or "") }
    if type(property) == "table" then
      add_fields(list, property, at .. ".")
      if type(property.items) == "table" then add_fields(list, property.items, at .. "[].") end
    end
  end
end

local function result_terms(s)
  local list = {}
  local kind = type(s.type) == "table" and s.type[1] or s.type
  if kind == "array" and type(s.items) == "table" then
    add_fields(list, s.items, "[].")
  else
    add_fields(list, s, "")
  end
  return list
end

local FACTS = {
  { "has_network_io", "Talks to services." }, { "interactive", "May ask a question; --yes answers it." },
  { "supports_streaming", "Can give its rows one by one: --stream." }, { "async", "Goes on as a job when it has answered." },
  { "serves", "Runs until it is stopped." }, { "spawns_background_process", "Leaves a program running." },
  { "idempotent", "Calling it twice is as calling it once." }, { "resumable", "Can go on at a step: --resume-from." },
}
local DANGER = { safe = "Changes nothing.", mutating = "Changes something; --dry-run shows what, where it is offered.",
  destructive = "Destroys data: --dry-run shows what, --confirm-destructive does it." }

local function facts_of(entry)
  local parts = { DANGER[entry.danger_level] }
  for _, row in ipairs(FACTS) do
    if entry[row[1]] then parts[#parts + 1] = row[2] end
  end
  local scopes = entry.required_scopes
  if #scopes > 0 then parts[#parts + 1] = "Needs the scopes " .. table.concat(scopes, ", ") .. "." end
  return table.concat(parts, " ")
end

local function error_terms(errors)
  local list = {}
  for _, code in ipairs(sorted(errors)) do
    local e = errors[code]
    local fix = e.fix_required and " " .. e.fix_required .. "." or ""
    list[#list + 1] = { code, ("%s Exit %d.%s"):format(e.message, e.exit_code, fix) }
  end
  return list
end

local function exit_terms(map)
  local list = {}
  for _, number in ipairs(sorted(map, by_number)) do
    list[#list + 1] = { number .. " " .. map[number].name, map[number].description }
  end
  return list
end

local function command_blocks(C)
  local entry = manifest.entry(C, { full = true })
  local blocks = { { "title", "tool " .. entry.command, entry.description },
    { "text", entry.description .. ". " .. facts_of(entry) },
    { "section", "Usage" }, { "code", { help.usage(C, {}) } } }
  local function section(title, list)
    if #list > 0 then
      blocks[#blocks + 1] = { "section", title }
      blocks[#blocks + 1] = { "terms", list }
    end
  end
  section("Parameters", flag_terms(entry.flags))
  section("Result", result_terms(entry.output_schema))
  section("Exit status", exit_terms(entry.exit_codes))
  section("Errors", error_terms(entry.errors))
  if #C.examples > 0 then
    blocks[#blocks + 1] = { "section", "Examples" }
    for _, e in ipairs(C.examples) do
      blocks[#blocks + 1] = { "text", e[1] .. ":" }
      blocks[#blocks + 1] = { "code", { e[2] } }
    end
  end
  return blocks
end

-- Markdown -------------------------------------------------------------------------------------------------------------

local function cell(text) return (text:gsub("|", "\\|"):gsub("\n", " ")) end

local MARKDOWN = {
  title = function(out, text) out[#out + 1] = "# " .. text .. "\n" end,
  section = function(out, text) out[#out + 1] = "## " .. text .. "\n" end,
  text = function(out, text) out[#out + 1] = text .. "\n" end,
  code = function(out, lines) out[#out + 1] = "```sh\n" .. table.concat(lines, "\n") .. "\n```\n" end,
  terms = function(out, list)
    local rows = { "| | |", "|---|---|" }
    for _, pair in ipairs(list) do rows[#rows + 1] = ("| `%s` | %s |"):format(cell(pair[1]), cell(pair[2])) end
    out[#out + 1] = table.concat(rows, "\n") .. "\n"
  end,
}

local function markdown(blocks)
  local out = {}
  for _, block in ipairs(blocks) do MARKDOWN[block[1]](out, block[2]) end
  return table.concat(out, "\n")
end

-- man ------------------------------------------------------------------------------------------------------------------

-- Text as troff shows it: no escapes, no accidental requests, real hyphens; a word as long as a pattern may break.
local function roff(text)
  text = text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("^([.'])", "\\&%1"):gsub("\n([.'])", "\n\\&%1")
  return (text:gsub("%S+", function(word) return #word > 40 and word:gsub("[|,/=:;%)%]]", "%0\\:") or nil end))
end

local ROFF = {
  title = function(out, text, about)
    out[#out + 1] = (".TH %s 1 \"\" \"toolhost %s\""):format(text:upper():gsub(" ", "-"), host.version)
    out[#out + 1] = ".SH NAME\n" .. roff(text:gsub(" ", "-") .. " - " .. about:gsub("^%u", string.lower))
    out[#out + 1] = ".ad l\n.nh\n.SH DESCRIPTION"
  end,
  section = function(out, text) out[#out + 1] = ".SH " .. text:upper() end,
  text = function(out, text) out[#out + 1] = ".PP\n" .. roff(text) end,
  code = function(out, lines)
    out[#out + 1] = ".PP\n.nf"
    for _, line in ipairs(lines) do out[#out + 1] = roff(line) end
    out[#out + 1] = ".fi"
  end,
  terms = function(out, list)
    for _, pair in ipairs(list) do out[#out + 1] = ".TP\n.B " .. roff(pair[1]) .. "\n" .. roff(pair[2]) end
  end,
}

local function man(blocks)
  local out = {}
  for _, block in ipairs(blocks) do ROFF[block[1]](out, block[2], block[3]) end
  return table.concat(out, "\n") .. "\n"
end

-- Files ----------------------------------------------------------------------------------------------------------------

local function index(contracts)
  local rows = {}
  for _, C in ipairs(contracts) do
    local words, file = C.path:gsub("%.", " "), C.path:gsub("%.", "-")
    rows[#rows + 1] = ("| [`tool %s`](%s.md) | %s | %s |"):format(words, file, C.danger, cell(C.about))
  end
  return "# Commands\n\nMade by `tool docs` from the contracts.\n\n| | | |\n|---|---|---|\n" .. table.concat(rows, "\n") .. "\n"
end

--- The pages of contracts: array of { path, text, command = dot path or nil }. as: "markdown" (with an index) or "man".
function pages.files(contracts, as)
  local list = {}
  table.sort(contracts, function(a, b) return a.path < b.path end)
  if as == "markdown" then list[1] = { path = "README.md", text = index(contracts) } end
  for _, C in ipairs(contracts) do
    local blocks, name = command_blocks(C), C.path:gsub("%.", "-")
    list[#list + 1] = as == "markdown" and { path = name .. ".md", text = markdown(blocks), command = C.path:gsub("%.", " ") }
      or { path = "tool-" .. name .. ".1", text = man(blocks), command = C.path:gsub("%.", " ") }
  end
  return list
end

return pages
