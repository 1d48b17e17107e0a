-- REQ-O-042: the variable with the default of --output.
local S = require "lib.spec"

local function list(env, ...) return S.tool({ "fx", "list", "--n", "2", ... }, { env = env }) end

S.req("REQ-O-042", "Output format environment variable default", function()
  it("1 its name follows the program's", function()
    local function as(name, env)
      return S.status(S.tool({ "fx", "list", "--n", "2" }, { argv0 = name, env = env, shape = "none" }), 0)
    end
    local plain = as("my-tool", { MY_TOOL_OUTPUT = "plain" })
    assert.equal("item-00001  1\nitem-00002  2\n", plain.stdout)
    local r = as("my-tool", { TOOL_OUTPUT = "plain" })
    S.truth(r, r.stdout:find('^{"ok":true'), "TOOL_OUTPUT counts for my-tool")
    r = as("/opt/x/tool2.1", { TOOL2_1_OUTPUT = "id" })
    assert.equal("item-00001\nitem-00002\n", r.stdout)
  end)

  it("2 it means the same as the flag, for every format", function()
    for _, format in ipairs { "json", "jsonl", "tsv", "plain", "table", "id" } do
      local by_flag = list({}, "--output", format)
      local by_env = S.tool({ "fx", "list", "--n", "2" }, { env = { TOOL_OUTPUT = format }, shape = "none" })
      S.status(by_env, 0)
      if format ~= "json" then assert.equal(by_flag.stdout, by_env.stdout) end
    end
  end)

  it("3 the flag beats it", function()
    local r = S.status(list({ TOOL_OUTPUT = "table" }, "--output", "json"), 0)
    S.equal(r, 2, #r.envelope.data, "items")
    S.status(list({ TOOL_OUTPUT = "nonsense" }, "--output", "tsv"), 0)
  end)

  it("4 OUTPUT and _OUTPUT are never read", function()
    local r = S.status(list { OUTPUT = "table", _OUTPUT = "tsv" }, 0)
    S.equal(r, 2, #r.envelope.data, "items")
  end)

  it("5 an unknown value fails as that of the flag does", function()
    local by_flag, by_env = list({}, "--output", "nonsense"), list { TOOL_OUTPUT = "nonsense" }
    local a, b = S.failed(by_flag, 2, "ARG_ERROR"), S.failed(by_env, 2, "ARG_ERROR")
    assert.equal("--output", a.errors[1].param)
    assert.equal("TOOL_OUTPUT", b.errors[1].param)
    assert.same({ a.errors[1].code, a.errors[1].field, a.fix_required }, { b.errors[1].code, b.errors[1].field, b.fix_required })
    for _, args in ipairs { { "--help" }, { "--schema" }, { "fx", "ok", "--help" }, { "fx", "ok", "--schema" } } do
      S.status(S.tool(args, { env = { TOOL_OUTPUT = "nonsense" }, shape = "json" }), 0, table.concat(args, " "))
    end
    S.status(S.tool({ "--version" }, { env = { TOOL_OUTPUT = "nonsense" } }), 0)
  end)

  it("6 unset or empty, the default holds", function()
    for _, env in ipairs { {}, { TOOL_OUTPUT = "" } } do
      local r = S.status(list(env), 0)
      S.equal(r, 2, #r.envelope.data, "items")
    end
  end)

  it("7 help and --show-config print its name", function()
    local r = S.status(S.tool({ "fx", "ok", "--help" }, { shape = "json" }), 0)
    S.truth(r, r.stderr:find("TOOL_OUTPUT", 1, true), "help of a command")
    r = S.status(S.tool({ "help", "environment" }, { shape = "json" }), 0)
    S.truth(r, r.stderr:find("TOOL_OUTPUT", 1, true), "help environment")
    r = S.status(S.tool({ "--show-config" }, { env = { TOOL_OUTPUT = "json" } }), 0)
    S.equal(r, "env:TOOL_OUTPUT", r.envelope.data.sources.output, "source")
  end)
end)
