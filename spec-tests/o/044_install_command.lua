-- REQ-O-044: the documented installation needs nobody.
local S = require "lib.spec"

local function lines()
  local text = S.slurp(S.paths.root .. "/../AGENTS.md"):match("\n## Installation\n\n```sh\n(.-)```")
  return S.lines(assert(text, "no ## Installation with a block"))
end

S.req("REQ-O-044", "Non-interactive install command documentation", function()
  it("1 AGENTS.md has the command and, right behind it, one that verifies it", function()
    local list = lines()
    assert.equal(2, #list)
    assert.truthy(list[2]:find("%-%-version$"))
  end)

  it("2, 3, 4 and 5 it exits 0 with standard input closed, twice, and installs a tool that tells its version", function()
    local home, list = S.dir "home", lines()
    -- the tests' own build directory is the one that it builds: nothing is compiled again
    for _ = 1, 2 do
      local r = S.run({ "sh", "-c", list[1] .. " && " .. list[2] }, { clear_env = true, stdin = "closed", timeout = 300,
        cwd = S.paths.root .. "/..", env = { HOME = home, PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" } })
      assert.equal(0, r.status, r.stdout .. r.stderr)
      assert.truthy(r.stdout:find("^tool %d+%.%d+%.%d+\n$"), r.stdout)
      assert.is_nil(r.stderr:find("xdg%-open"))
    end
    local r = S.tool({ "manifest", "--depth", "1" }, { tool = home .. "/.local/bin/tool", env = { TOOL_COMMANDS_PATH = false,
      HOME = home } })
    S.status(r, 0)
  end)
end)
