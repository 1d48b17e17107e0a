-- REQ-F-057: without a desktop nothing is launched, and the answer says what would have been.
local S = require "lib.spec"

local URL = "https://a.example/d?c=1"

-- A PATH with an xdg-open that leaves a mark with its argument.
local function desktop()
  local dir = S.dir "bin"
  local path = S.spit(dir .. "/xdg-open", "#!/bin/sh\necho \"$1\" > " .. dir .. "/opened\n")
  S.run({ "chmod", "+x", path }, {})
  return dir .. ":/usr/bin:/bin", dir .. "/opened"
end

S.req("REQ-F-057", "Headless environment detection and GUI suppression", function()
  it("1 and 4 meta.headless is true in every answer without a terminal, with CI, or without a display", function()
    for _, case in ipairs {
      { {}, { env = { DISPLAY = ":0" } } }, { { "--output", "json" }, S.terminal {} },
      { { "--output", "json" }, S.terminal { env = { DISPLAY = ":0", CI = "1" } } },
    } do
      for _, words in ipairs { { "fx", "ok" }, { "fx", "exit", "--name", "NOT_FOUND" } } do
        local args = { table.unpack(words) }
        for _, flag in ipairs(case[1]) do args[#args + 1] = flag end
        local r = S.tool(args, case[2])
        S.truth(r, r.stdout:find('"headless":true', 1, true), "headless")
      end
    end
  end)

  it("2 and 3 nothing is launched; the address or path is in data", function()
    local path, mark = desktop()
    local r = S.status(S.tool({ "fx", "browse", URL }, { env = { PATH = path, DISPLAY = ":0" } }), 0)
    S.equal(r, URL, r.envelope.data.open_url, "open_url")
    S.equal(r, false, r.envelope.data.opened, "opened")
    r = S.status(S.tool({ "fx", "browse", "/etc/hostname" }, { env = { PATH = path } }), 0)
    S.equal(r, "/etc/hostname", r.envelope.data.open_path, "open_path")
    S.truth(r, not S.exists(mark), "xdg-open ran")
  end)

  it("2 a command may do without, or refuse", function()
    local r = S.status(S.tool { "fx", "browse-skip", URL }, 0)
    S.equal(r, nil, r.envelope.data.open_url, "open_url")
    S.truth(r, r.envelope.warnings[1]:find("^HEADLESS: "), "warning")
    S.failed(S.tool { "fx", "browse-error", URL }, 4, "NO_TTY")
  end)

  it("5 a contract that opens something must say what happens without a desktop, or the call is refused", function()
    local r, said = S.check("gui-silent")
    S.status(r, 2)
    S.truth(r, said:find("requires headless_behavior declaration", 1, true), said)
    r, said = S.check("gui-undeclared")
    S.status(r, 2)
    S.truth(r, said:find("ctx.open used but gui is not declared", 1, true), said)
  end)

  it("6 on a terminal with a display the launch proceeds and the key is absent", function()
    for _, name in ipairs { "DISPLAY", "WAYLAND_DISPLAY" } do
      local path, mark = desktop()
      local r = S.tool({ "fx", "browse", URL, "--output", "json" }, S.terminal { env = { PATH = path, [name] = ":0" } })
      S.status(r, 0)
      S.truth(r, not r.stdout:find('"headless"', 1, true), "headless")
      S.truth(r, r.stdout:find('"opened":true', 1, true), "opened")
      S.driver.wait_for(function() return S.slurp(mark) == URL .. "\n" end, 2000)
    end
  end)
end)
