-- REQ-C-018: commands say on which systems and with which programs they work.
local S = require "lib.spec"
local own = require "lib.own_commands"

local function source(keys)
  return ([[return { about = "Need something", danger = "safe", scopes = {}, %s returns = { a = "string" },
    exits = { SUCCESS = "Done" }, run = function() return { a = "b" } end }]]):format(keys)
end

S.req("REQ-C-018", "Commands declare platform requirements", function()
  it("1 doctor fails a check for each required program that is missing or too old", function()
    local env = { TOOL_COMMANDS_PATH = own.tree { ["zz/prints"] = source 'needs = { lp = "2.3.0", nosuchprogram = "1.0" },' } }
    env.PATH = own.programs { lp = "echo lp 2.2" } .. ":" .. S.paths.bin .. ":/usr/bin:/bin"
    local r, rows = S.tool({ "doctor" }, { env = env }), {}
    S.failed(r, 1, "DOCTOR_CHECKS_FAILED")
    for _, row in ipairs(r.envelope.data.checks) do rows[row.name] = row end
    S.equal(r, { false, "2.2", ">=2.3.0" }, { rows.lp.ok, rows.lp.version, rows.lp.required }, "lp")
    S.equal(r, { false, "absent" }, { rows.nosuchprogram.ok, rows.nosuchprogram.error }, "the missing one")
    for _, name in ipairs { "lp", "nosuchprogram" } do S.truth(r, type(rows[name].fix) == "string", name) end
  end)

  it("2 a command for another system warns, with both names, and runs", function()
    local env = { HOME = S.home(), TOOL_COMMANDS_PATH = own.tree { foreign = source 'platform = { "darwin" },',
      native = source 'platform = { "linux", "darwin" },' } }
    local r = S.status(S.tool({ "foreign" }, { env = env }), 0)
    local text = "Command not supported on linux; expected darwin"
    S.equal(r, { "PLATFORM_UNSUPPORTED: " .. text }, r.envelope.warnings, "warnings")
    S.equal(r, { text }, r.envelope.meta.warnings, "meta.warnings")
    r = S.status(S.tool({ "native" }, { env = env }), 0)
    S.equal(r, S.json.array {}, r.envelope.warnings, "warnings")
  end)

  it("3 --schema of every command has platform and required_tools", function()
    local r = S.status(S.tool({ "--schema" }, { env = { TOOL_MAX_OUTPUT_BYTES = "100000000" } }), 0)
    for path in pairs(S.commands()) do
      local entry = r.envelope.data.commands[path]
      S.truth(r, S.json.is_array(entry.platform) and type(entry.required_tools) == "table", path)
    end
    local env = { TOOL_COMMANDS_PATH = own.tree { ["zz/prints"] = source
      'needs = { lp = ">=2.3.0", git = { min = "2.30" } }, platform = { "linux" }, shell = "bash 4",' } }
    r = S.status(S.tool({ "zz", "prints", "--schema" }, { env = env }), 0)
    S.equal(r, { { "linux" }, { lp = "2.3.0", git = "2.30" }, "bash 4" }, { r.envelope.data.platform,
      r.envelope.data.required_tools, r.envelope.data.shell_requirements }, "the declaration")
  end)

  it("an unknown system or a text that is no version is refused", function()
    for keys, why in pairs { ['platform = { "amiga" },'] = "amiga", ['needs = { lp = "new" },'] = "not a version" } do
      local r = S.tool { "check", own.tree { bad = source(keys) } .. "/bad.lua" }
      S.truth(r, S.failed(r, 2, "REGISTRATION_ERROR").errors[1].message:find(why, 1, true), why)
    end
  end)
end)
