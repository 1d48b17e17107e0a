--- `tool generate-skills`: one skill file for each command, for agents that load them.
-- Promise: the files follow from the contracts; running it twice changes nothing the second time. Markdown is written
-- flat and as <name>/SKILL.md, the form that skill loaders look for; mcp-tools.json is what an MCP server has to list
-- (REQ-O-034, REQ-O-045).

local mcp = require "mcp"
local skills = require "skills"

-- The files to write: array of { path, text, row or nil }.
local function files_of(contracts, dir, format)
  local list, json = {}, format == "json"
  local function add(name, text, row)
    list[#list + 1] = { path = dir .. "/" .. name, text = text, row = row }
  end
  add(json and "CONTEXT.json" or "CONTEXT.md", (json and skills.context_json or skills.context)(contracts),
    { type = "context", format = format })
  add("mcp-tools.json", mcp.file(contracts), { type = "mcp", format = "json" })
  for _, C in ipairs(contracts) do
    local flat, text = "SKILL-" .. C.path:gsub("%.", "-"), json and skills.json(C) or skills.markdown(C)
    add(flat .. (json and ".json" or ".md"), text, { type = "skill", command = (C.path:gsub("%.", " ")), format = format })
    if not json then add(skills.name(C) .. "/SKILL.md", text) end
  end
  return list
end

local function commands_of(ctx)
  local list = {}
  for _, C in ipairs((ctx.framework.contracts())) do
    if not C.group then list[#list + 1] = C end
  end
  table.sort(list, function(a, b) return a.path < b.path end)
  return list
end

local function rows_of(ctx, files)
  local rows = ctx.array {}
  for _, file in ipairs(files) do
    if file.row then
      file.row.path = file.path
      rows[#rows + 1] = file.row
    end
  end
  return rows
end

return {
  about = "Write skill files for agents, one for each command",
  danger = "mutating", scopes = {}, framework = true, since = "0.1", idempotent = true, external = false, rows = "skills",
  timeout = "60s",
  args = {
    { "output-dir", "path", "Directory of the files; made when its parent exists", required = true, access = "write" },
    { "format", "enum", "Markdown with YAML front matter, or JSON", one_of = { "markdown", "json" }, default = "markdown" },
  },
  table = { "command", "path" },
  returns = {
    skills = { list = { path = "path", type = "string", ["command?"] = "string", format = "string" } },
  },
  exits = { SUCCESS = "The files are written, or were there already" },
  examples = {
    { "Skills for the agents of a project", "tool generate-skills --output-dir ./skills" },
    { "As JSON", "tool generate-skills --output-dir ./skills-json --format json" },
  },
  preview = function(args, ctx)
    return ctx.would("create", { skills = rows_of(ctx, files_of(commands_of(ctx), args.output_dir, args.format)) })
  end,
  run = function(args, ctx)
    local host = ctx.framework.host
    local files = files_of(commands_of(ctx), args.output_dir, args.format)
    local created, updated = 0, 0
    for _, file in ipairs(files) do
      local old = host.file.read(file.path)
      if old ~= file.text then
        ctx.files.mkdir((file.path:match("^(.*)/")))
        ctx.files.write(file.path, file.text)
        if old then updated = updated + 1 else created = created + 1 end
      end
    end
    local data = { skills = rows_of(ctx, files) }
    return created > 0 and ctx.created(data) or updated > 0 and ctx.updated(data) or ctx.noop(data)
  end,
}
