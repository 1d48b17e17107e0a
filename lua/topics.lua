-- Promise: the help topics: what a person needs to know that belongs to no command.

local exits = require "exits"
local host = require "host"
local ui = require "ui"

local M = {}

--- The topics in the order in which help lists them: { name, what it is about }.
M.list = {
  { "exit-codes", "What each exit code means and whether to try again" },
  { "formatting", "Formats of the output, fields, pages and colours" },
  { "environment", "Variables that change how a command runs" },
  { "flags", "The flags that every command has" },
}

--- The variable with the default of --output, named after the program (REQ-O-042).
function M.output_variable()
  return (host.program or "tool"):sub(1, 64):upper():gsub("[^A-Z0-9]", "_") .. "_OUTPUT"
end

--- The variables that the host itself reads: { name, what it does }.
M.variables = {
  { "TOOL_OUTPUT", "Default of --output" },
  { "TOOL_CONFIG", "Configuration file instead of the project's" },
  { "TOOL_INSTANCE_ID", "Separate state, as --instance-id" },
  { "TOOL_DEBUG", "1 is --debug" },
  { "TOOL_DEV", "1 shows warnings about contracts" },
  { "TOOL_TRACE_ID", "Trace that this run belongs to" },
  { "TOOL_MAX_OUTPUT_BYTES", "Byte limit of one answer, 1048576 by default" },
  { "TOOL_MAX_STDIN_BYTES", "Byte limit of standard input, 65536 by default" },
  { "TOOL_NO_UPDATE", "1 switches update checks off" },
  { "TOOL_NO_TELEMETRY", "Accepted; no data is ever sent" },
  { "NO_COLOR", "When set: no colour, and JSON as the default format" },
  { "CI", "When not empty: JSON as the default format, no colour, no progress" },
  { "HTTP_PROXY", "Proxy for http" },
  { "HTTPS_PROXY", "Proxy for https" },
  { "NO_PROXY", "Hosts that are reached without a proxy" },
  { "SSL_CERT_FILE", "Certificates that are trusted" },
  { "REQUESTS_CA_BUNDLE", "Certificates that are trusted" },
  { "XDG_CONFIG_HOME", "Base of configuration files" },
  { "XDG_DATA_HOME", "Base of data files" },
  { "XDG_CACHE_HOME", "Base of cache files" },
  { "VISUAL", "Editor on a terminal, before EDITOR" },
  { "EDITOR", "Editor on a terminal" },
}

-- Two columns: names, then texts wrapped beside them.
local function rows(list, opts)
  local widest, out = 0, {}
  for _, row in ipairs(list) do
    if #row[1] <= 24 then widest = math.max(widest, #row[1]) end
  end
  local width = (opts.width or 0) > 0 and math.max(30, opts.width - widest - 4) or 0
  for _, row in ipairs(list) do
    local text = ui.wrap(row[2] or "", width):gsub("\n", "\n" .. (" "):rep(widest + 4))
    local gap = #row[1] > widest and "\n" .. (" "):rep(widest + 4) or (" "):rep(widest - #row[1] + 2)
    out[#out + 1] = "  " .. row[1] .. gap .. text
  end
  return table.concat(out, "\n") .. "\n"
end
M.rows = rows

local function title(text, opts)
  return ui.paint(text, "bold", opts.color) .. "\n"
end

-- The paragraph that ends a topic.
local function closing(text, opts)
  return "\n" .. ui.wrap(text, opts.width) .. "\n"
end

local function exit_codes(opts)
  local list = {}
  for _, number in ipairs { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 130, 143 } do
    local entry = exits.defaults[number]
    list[#list + 1] = { string.format("%-3d  %s", number, entry.name),
      entry.description .. (entry.retryable and "; try again later" or "") .. "." }
  end
  return title("EXIT CODES", opts) .. rows(list, opts) .. closing("79 to 125 belong to single commands; their --help "
    .. "and --schema name them. The error object says the same in words: error.retryable (the same call may succeed), "
    .. "error.fix_required (what has to change) and error.fix_command (the command that changes it).", opts)
end

local function formatting(opts)
  return title("FORMATTING", opts) .. rows({
    { "json", "One envelope on one line: ok, data, error, warnings, meta. The default off a terminal" },
    { "jsonl", "One JSON object a line, without the envelope" },
    { "tsv", "A header and tab-separated rows; tab, line break and backslash are written \\t \\n \\\\" },
    { "plain", "Lines without decoration" },
    { "table", "A table with ASCII borders" },
    { "id", "Only ids, one a line, for commands that have one" },
    { "toon", "Compact text for models, for commands that offer it; outside data stands in ⟦external⟧…⟦/external⟧" },
  }, opts) .. "\n" .. rows({
    { "--output FORMAT", "Chooses one of them; TOOL_OUTPUT sets the default" },
    { "--fields a,b", "Keeps only these fields of data" },
    { "--stream", "Rows as they come, one JSON line each, then a summary; for commands that stream" },
    { "--limit N", "Items of a list at most; 0 is all" },
    { "--cursor TEXT", "The next page: meta.cursor of the page before" },
    { "--unmask", "Shows values that look like keys or tokens" },
    { "--token-limit N", "Tokens of output at most, in whole items; meta.token_next_offset goes on" },
    { "--token-count", "Counts them and writes no data" },
    { "--schema-version N", "The shape of an older version, while the command serves it" },
    { "--stable-output", "Leaves out what differs between equal runs" },
    { "--width N", "Columns for text; 0 does not wrap" },
  }, opts) .. closing("On a terminal, results are drawn for people and coloured unless NO_COLOR, CI or TERM=dumb says "
    .. "otherwise. An answer above the byte limit is cut at a whole element: meta.truncated is true and "
    .. "meta.truncation_hint is the call that continues.", opts)
end

local function environment(opts)
  local prefix = (host.env_prefix or "TOOL") .. "_"
  local list = {}
  for i, row in ipairs(M.variables) do
    list[i] = { row[1] == "TOOL_OUTPUT" and M.output_variable() or row[1]:gsub("^TOOL_", prefix), row[2] }
  end
  return title("ENVIRONMENT", opts) .. rows(list, opts) .. closing("A flag beats its variable, a variable beats a "
    .. "configuration file. What a command reads besides stands in its --help; `" .. (opts.program or "tool")
    .. " manifest` lists all of them in meta.environment.", opts)
end

local function flags(opts)
  local list = {}
  for i, g in ipairs(host.globals or {}) do
    local name = "--" .. g.name
    if g.short then name = "-" .. g.short .. ", " .. name end
    if g.type ~= "boolean" then name = name .. " <" .. g.type .. ">" end
    list[i] = { name, g.about or "" }
  end
  return title("GLOBAL FLAGS", opts) .. rows(list, opts)
    .. "\nThey may stand anywhere on the line; `--` ends all flags.\n"
end

local TEXT = { ["exit-codes"] = exit_codes, formatting = formatting, environment = environment, flags = flags }

--- The text of a topic, or nil when there is none of that name. `opts`: program, width, color.
function M.text(name, opts)
  local make = TEXT[name]
  return make and make(opts or {}) or nil
end

return M
