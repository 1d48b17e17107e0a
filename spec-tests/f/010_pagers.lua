-- REQ-F-010: nothing pages.
local S = require "lib.spec"

-- A repository with more commits than any terminal shows, made without the tool.
local function repository()
  local dir = S.dir "repo"
  local script = "git init -q . && for i in $(seq 120); do git -c user.name=a -c user.email=a@b commit -q --allow-empty "
    .. "-m \"commit $i\" || exit 1; done"
  local r = S.run({ "sh", "-c", script }, { cwd = dir, clear_env = true, timeout = 60,
    env = { PATH = "/usr/bin:/bin", HOME = dir, GIT_CONFIG_NOSYSTEM = "1" } })
  assert(r.status == 0, r.stderr)
  return dir
end

S.req("REQ-F-010", "Pager suppression", function()
  it("1 and 3 children find cat as the pager, whatever was inherited, also on a terminal", function()
    local env = { PAGER = "less", GIT_PAGER = "less" }
    local r = S.status(S.tool({ "fx", "child", "env" }, { env = env }), 0)
    local seen = r.envelope.data.stdout
    S.truth(r, seen:find("\nPAGER=cat\n", 1, true) and seen:find("\nGIT_PAGER=cat\n", 1, true), "pagers")
    r = S.tool({ "fx", "child", "env", "--output", "json" }, S.terminal { env = env })
    S.status(r, 0)
    seen = r.stdout
    S.truth(r, seen:find("PAGER=cat\\n", 1, true) and seen:find("GIT_PAGER=cat\\n", 1, true) and not seen:find("=less", 1, true),
      "pagers on a terminal")
  end)

  it("1 code inside the process that starts programs itself finds them too", function()
    local r = S.status(S.tool({ "fx", "native-env", "PAGER" }, { env = { PAGER = "less" } }), 0)
    S.equal(r, "cat", r.envelope.data.value, "PAGER")
  end)

  it("2 the tool itself starts no pager for long help or long output", function()
    for _, args in ipairs { { "--help" }, { "manifest" }, { "fx", "list", "--limit", "0" } } do
      local r, trace = S.strace(args, "execve", S.terminal { env = { PAGER = "less" } })
      S.status(r, 0)
      for _, line in ipairs(trace) do assert.is_nil(line:match("less") or line:match('"more"')) end
    end
  end)

  it("4 git log of many commits runs through", function()
    local r = S.status(S.tool({ "fx", "git", "--repo", repository(), "log" }, { env = { GIT_PAGER = "less" } }), 0)
    local _, count = r.envelope.data.stdout:gsub("commit %d+\n", "")
    S.equal(r, 120, count, "commits")
    S.truth(r, r.elapsed_ms < 5000, "took " .. r.elapsed_ms .. " ms")
  end)
end)
