-- REQ-F-073: the tool reads variables of its own name, and few others.
local S = require "lib.spec"

-- What other requirements name (REQ-F-008, F-036, F-055, F-057, F-027, F-032, F-065), and what says how a terminal draws.
local UNPREFIXED = {}
for name in ([[NO_COLOR CI HOME USER PATH SHELL TERM XDG_CONFIG_HOME XDG_DATA_HOME XDG_CACHE_HOME XDG_STATE_HOME HTTP_PROXY
  HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy ALL_PROXY all_proxy GITHUB_ACTIONS JENKINS_URL DISPLAY WAYLAND_DISPLAY
  SSH_TTY LANG LC_ALL LC_CTYPE COLUMNS EDITOR VISUAL REQUESTS_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR NO_TELEMETRY
  SHELLOPTS TMPDIR PWD]]):gmatch("%S+") do
  UNPREFIXED[name] = true
end

local function recognised()
  local by_name = {}
  local r = S.status(S.tool { "manifest" }, 0)
  for _, row in ipairs(r.envelope.meta.environment) do by_name[row.name] = row end
  return by_name, r
end

S.req("REQ-F-073", "Environment variable namespace prefix", function()
  it("1 and 2 every variable that the manifest lists has the prefix of its program or is one that the spec names", function()
    local by_name, r = recognised()
    for name in pairs(by_name) do
      local own = name:find("^TOOL_") or name:find("^SENTRYAGENT_") or name:find("^FX_") or name:find("^%u+_")
      S.truth(r, UNPREFIXED[name] or own, name)
      if name:find("^%u[%u%d]*$") then S.truth(r, UNPREFIXED[name], name .. " has no prefix") end
    end
  end)

  it("3 DEBUG means nothing, TOOL_DEBUG does", function()
    for _, args in ipairs { { "fx", "ok" }, { "--version" } } do
      local r = S.status(S.tool(args, { env = { DEBUG = "1" } }), 0)
      S.equal(r, "", r.stderr, "stderr")
      r = S.status(S.tool(args, { env = { TOOL_DEBUG = "1" } }), 0)
      S.truth(r, r.stderr:find("[DEBUG]", 1, true), "no debug line")
    end
    local r = S.run({ "tool", "--version" }, { exe = S.paths.tool, clear_env = true, env = { TOOL_DEBUG = "1" } })
    assert.truthy(r.stderr:find("[DEBUG]", 1, true))
  end)

  it("4 a variable without the prefix gives a warning and is listed; reading one that is not declared is refused", function()
    local r = S.tool { "check", S.paths.commands .. "/fx/foreign.lua" }
    S.status(r, 0)
    S.truth(r, table.concat(r.envelope.warnings, "\n"):find('env var "OTHER_THING" has none of the prefixes', 1, true), "warning")
    r = S.status(S.tool({ "fx", "foreign" }, { env = { OTHER_THING = "seen" } }), 0)
    S.equal(r, "seen", r.envelope.data.word, "word")
    assert.truthy(recognised().OTHER_THING, "OTHER_THING is not listed")
    local said
    r, said = S.check("reads-environment")
    S.status(r, 2)
    S.truth(r, said:find("os.getenv is not available", 1, true), said)
  end)

  it("5 each recognised variable has name, description and required", function()
    local by_name, r = recognised()
    for name, row in pairs(by_name) do
      S.truth(r, type(row.description) == "string" and #row.description > 3, "description of " .. name)
      S.truth(r, type(row.required) == "boolean", "required of " .. name)
    end
  end)

  it("5 every TOOL_ variable in the binary is listed", function()
    local by_name, r = recognised()
    local text = S.slurp(S.paths.tool)
    for name in text:gmatch("TOOL_[A-Z_]+[A-Z]") do
      local set_for_children = name == "TOOL_SESSION_TMP_DIR"
      S.truth(r, by_name[name] or set_for_children, name .. " is not listed")
    end
  end)
end)
