-- REQ-F-068: help and version touch nothing.
local S = require "lib.spec"

local PURE = { { "--help" }, { "-h" }, { "--version" }, { "-V" }, {}, { "fx", "ok", "--help" }, { "fx", "--help" } }

S.req("REQ-F-068", "Help and version flag purity", function()
  it("1 and 2 no file is written, no socket made, nothing appears in HOME", function()
    for _, args in ipairs(PURE) do
      local home = S.dir "home"
      local r, trace = S.strace(args, "file,network", { env = { HOME = home, TMPDIR = home } })
      S.status(r, 0)
      for _, line in ipairs(trace) do
        local writes = line:find("O_CREAT", 1, true) or line:find("O_WRONLY", 1, true) or line:find("O_TRUNC", 1, true)
        local own = line:find("/dev/", 1, true) or line:find("/proc/self/fd/", 1, true)
        assert.is_nil(writes and not own and line or nil)
        assert.is_nil(line:find("connect(", 1, true) or line:find("socket(AF_INET", 1, true), line)
      end
      assert.same({}, S.tree(home))
    end
  end)

  it("3 they exit 0 with nothing but HOME, with an unusable HOME, and with missing required flags", function()
    for _, args in ipairs(PURE) do
      for _, home in ipairs { "/tmp", "/nonexistent", "/dev/null" } do
        local r = S.run({ "tool", table.unpack(args) }, { exe = S.paths.tool, clear_env = true,
          env = { HOME = home, TOOL_COMMANDS_PATH = S.paths.commands } })
        assert.equal(0, r.status, table.concat(args, " ") .. r.stderr)
      end
    end
    S.status(S.tool { "fx", "cat", "--help" }, 0)
  end)

  it("4 a bare call shows the root help and exits 0", function()
    local r = S.status(S.tool {}, 0)
    S.truth(r, r.stderr:find("Usage", 1, true), "no usage")
  end)

  it("5 two hundred at once do not disturb each other", function()
    local jobs = {}
    for i = 1, 200 do jobs[i] = { PURE[i % #PURE + 1] } end
    for _, r in ipairs(S.tool_all(jobs, 16)) do S.status(r, 0) end
  end)

  it("6 --version prints one line, and an envelope when JSON is asked for", function()
    local r = S.status(S.tool { "--version" }, 0)
    S.truth(r, r.stdout:find("^tool %d+%.%d+%.%d+[%w.+-]*\n$"), "the line")
    S.equal(r, "", r.stderr, "stderr")
    r = S.status(S.tool({ "--version", "--output", "json" }, { shape = "json" }), 0)
    S.truth(r, r.envelope.data.version, "data.version")
  end)
end)
