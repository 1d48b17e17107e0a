-- REQ-O-016: --no-config reads no configuration file.
local S = require "lib.spec"
local uv = require "luv"

local function poisoned()
  local home = S.dir "home"
  for _, dir in ipairs { "/.config", "/.config/tool", "/p" } do assert(uv.fs_mkdir(home .. dir, 448)) end
  for _, path in ipairs { "/.config/tool/config.json", "/p/.toolrc", "/p/.tool-config" } do S.spit(home .. path, "{poison") end
  return { cwd = home .. "/p", env = { HOME = home, PWD = home .. "/p" } }, home
end

S.req("REQ-O-016", "--no-config flag", function()
  it("1 it is on every command and in every help", function()
    assert.truthy(S.status(S.tool { "manifest" }, 0).envelope.meta.global_flags["no-config"])
    for _, args in ipairs { { "fx", "ok" }, { "manifest" }, { "config", "get" } } do
      args[#args + 1] = "--help"
      local r = S.status(S.tool(args, { shape = "json" }), 0)
      S.truth(r, r.stderr:find("--no-config", 1, true), "not in the help")
    end
  end)

  it("2 no candidate is opened", function()
    local opts = poisoned()
    S.failed(S.tool({ "fx", "region" }, opts), 2, "CONFIG_INVALID")
    local r, trace = S.strace({ "fx", "region", "--no-config" }, "openat,open", opts)
    S.status(r, 0)
    for _, line in ipairs(trace) do
      S.truth(r, not line:find("config.json", 1, true) and not line:find(".toolrc", 1, true)
        and not line:find(".tool-config", 1, true), "opened: " .. line)
    end
    S.status(S.tool({ "fx", "region", "--no-config" }, { cwd = opts.cwd,
      env = { HOME = opts.env.HOME, PWD = opts.cwd, TOOL_CONFIG = opts.cwd .. "/.toolrc" } }), 0)
  end)

  it("3 the environment still counts", function()
    local opts = poisoned()
    opts.env.FX_REGION = "eu"
    local r = S.status(S.tool({ "fx", "region", "--no-config" }, opts), 0)
    S.equal(r, "eu", r.envelope.data.region, "region")
  end)

  it("4 meta.config_sources is empty", function()
    local r = S.status(S.tool({ "fx", "region", "--no-config" }, (poisoned())), 0)
    assert.equal("[]", S.json.encode(r.envelope.meta.config_sources))
    S.equal(r, "e3b0c4", r.envelope.meta.effective_config_hash, "hash")
  end)

  it("5 the answer is the same in every directory; with --config or --context it exits 2", function()
    local a = S.status(S.tool({ "fx", "region", "--no-config" }, (poisoned())), 0)
    local b = S.status(S.tool { "fx", "region", "--no-config" }, 0)
    assert.equal(S.raw(a, "data"), S.raw(b, "data"))
    S.failed(S.tool { "fx", "ok", "--no-config", "--config", "/x.json" }, 2, "ARG_ERROR")
    S.failed(S.tool { "fx", "ok", "--no-config", "--context", "x" }, 2, "ARG_ERROR")
  end)
end)
