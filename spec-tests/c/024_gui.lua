-- REQ-C-024: a command that opens something says what happens without a desktop.
local S = require "lib.spec"

local URL = "https://example.com/a"

-- A directory with an xdg-open that notes its argument; the file it writes.
local function desktop()
  local dir = S.dir()
  local path = S.spit(dir .. "/xdg-open", ('#!/bin/sh\necho "$1" > %s/called\n'):format(dir))
  assert(S.run({ "chmod", "755", path }).status == 0)
  return { PATH = dir .. ":/usr/bin:/bin", DISPLAY = false, WAYLAND_DISPLAY = false }, dir .. "/called"
end

S.req("REQ-C-024", "GUI commands declare headless behaviour", function()
  it("1 emit_in_output: data.open_url without a desktop", function()
    local env, called = desktop()
    local r = S.status(S.tool({ "fx", "browse", URL }, { env = env }), 0)
    S.equal(r, URL, r.envelope.data.open_url, "open_url")
    S.equal(r, false, r.envelope.data.opened, "opened")
    assert.is_false(S.exists(called))
    env.DISPLAY, env.CI = ":0", "1"
    r = S.status(S.tool({ "fx", "browse", URL }, { env = env }), 0)
    S.equal(r, URL, r.envelope.data.open_url, "open_url in CI")
    assert.is_false(S.exists(called))
  end)

  it("1 skip warns, error fails with exit 4", function()
    local env, called = desktop()
    local r = S.status(S.tool({ "fx", "browse-skip", URL }, { env = env }), 0)
    S.truth(r, S.json.encode(r.envelope.warnings):find("HEADLESS: ", 1, true), "no warning")
    r = S.tool({ "fx", "browse-error", URL }, { env = env })
    S.failed(r, 4, "NO_TTY")
    assert.is_false(S.exists(called))
    assert.equal("PRECONDITION", S.contract("fx browse-error").exit_codes["4"].name)
  end)

  it("2 operations without a behaviour are refused", function()
    local r, text = S.check("gui-silent", "gui-odd", "open-undeclared")
    S.failed(r, 2, "REGISTRATION_ERROR")
    for _, part in ipairs { "gui_operations requires headless_behavior declaration",
      "headless must be emit_in_output, skip or error", "ctx.open used but gui is not declared" } do
      S.truth(r, text:find(part, 1, true), part .. " is missing in " .. text)
    end
  end)

  it("3 with a desktop the operation happens", function()
    local env, called = desktop()
    env.DISPLAY = ":0"
    for _, name in ipairs { "browse", "browse-skip", "browse-error" } do
      os.remove(called)
      S.status(S.tool({ "fx", name, URL, "--output", "json" }, S.terminal { env = env }), 0)
      assert.equal(URL .. "\n", S.slurp(called), name)
    end
  end)

  it("4 meta.headless is in every answer without a desktop", function()
    local env = desktop()
    for _, args in ipairs { "fx ok", "fx browse " .. URL, "fx ok --nonsense", "fx throw" } do
      local r = S.tool(args, { env = env })
      S.equal(r, true, r.envelope.meta.headless, "meta.headless")
    end
    env.DISPLAY = ":0"
    local r = S.tool({ "fx", "ok", "--output", "json" }, S.terminal { env = env })
    S.truth(r, not r.stdout:find('"headless"', 1, true), "headless with a desktop")
  end)

  it("--schema shows operations and behaviour", function()
    for name, behaviour in pairs { browse = "emit_in_output", ["browse-skip"] = "skip", ["browse-error"] = "error" } do
      local data = S.contract("fx " .. name)
      assert.same({ "browser_open" }, data.gui_operations)
      assert.equal(behaviour, data.headless_behavior)
    end
  end)
end)
