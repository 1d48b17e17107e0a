-- Plugins, custom commands and projects that a test makes for itself.
local S = require "lib.spec"

local P = {}

-- The source of a command that answers { said = text }; more: further keys of its contract, as Lua text.
function P.command(text, more)
  return ([[return { about = "Say %s", danger = "safe", scopes = {}, %s returns = { said = "string" },
  exits = { SUCCESS = "It is said" }, run = function(args, ctx) return { said = %q } end }
]]):format(text, more or "", text)
end

-- Writes files below dir: relative path -> text.
function P.write(dir, files)
  for path, text in pairs(files) do
    local folder = (dir .. "/" .. path):match("^(.*)/")
    assert(S.run({ "mkdir", "-p", folder }).status == 0)
    S.spit(dir .. "/" .. path, text)
  end
  return dir
end

-- The text of a plugin.lua; more: further keys, as Lua text.
function P.metadata(name, version, more)
  return ('return { name = %q, version = %q, about = "About %s", api = 1, %s }\n'):format(name, version or "1.0.0", name,
    more or "")
end

-- A plugin's folder in dir: its metadata, one command `say`, and what `files` adds or replaces (false takes away).
function P.plugin(dir, name, files, version, more)
  local all = { ["plugin.lua"] = P.metadata(name, version, more), ["commands/say.lua"] = P.command(name) }
  for path, text in pairs(files or {}) do all[path] = text or nil end
  return P.write(dir .. "/" .. name, all)
end

-- A project with custom commands: its directory.
function P.project(commands)
  local dir, files = S.dir "project", {}
  for path, text in pairs(commands) do files[".tool/commands/" .. path .. ".lua"] = text end
  return P.write(dir, files)
end

-- What a command of P.command said, run with these options.
function P.said(words, opts)
  local r = S.tool(words, opts)
  return r.status == 0 and r.envelope.data.said or r.envelope.error.code, r
end

-- The row of a name in `tool plugin list`; nil when there is none.
function P.row(name, opts, path)
  local r = S.status(S.tool("plugin list --limit 0", opts), 0)
  for _, row in ipairs(r.envelope.data) do
    if row.name == name and (not path or row.path == path) then return row, r end
  end
  return nil, r
end

-- Does some warning begin with this code?
function P.warned(r, code)
  for _, text in ipairs(r.envelope.warnings) do
    if text:sub(1, #code + 1) == code .. ":" then return text end
  end
end

-- A user with nothing installed: options for S.tool, and where the tool keeps plugins.
function P.user()
  local home = S.dir "home"
  return { env = { HOME = home, TOOL_COMMANDS_PATH = false }, cwd = home }, home .. "/.local/share/tool"
end

-- What of plugins is on the disk below the data directory: sorted paths, random parts of names left out, and the lock: the
-- file of a killed run is locked by nobody, and goes with the next change.
function P.state(data)
  local out = {}
  for _, path in ipairs(S.tree(data)) do
    if path:find("^plugin") and path ~= "plugins.lock" then out[#out + 1] = (path:gsub("(%d%.%d%.%d)%-%x+", "%1")) end
  end
  return out
end

-- The folder of signed archives and their keys.
P.signed = S.paths.root .. "/fixtures/plugins/signed"

return P
