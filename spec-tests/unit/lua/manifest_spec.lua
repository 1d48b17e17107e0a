--- The manifest: closed data, open meta, a stable etag; and the completion scripts made from the same contracts.

package.path = "lua/?.lua;spec-tests/unit/lua/?.lua;" .. package.path
package.loaded.host = require "host_shim"

local completion = require "completion"
local contract = require "contract"
local host = require "host"
local manifest = require "manifest"

local function command(words, fields, suite)
  local raw = {
    about = "About " .. table.concat(words, " "), danger = "safe", scopes = {}, exits = { SUCCESS = "ok" },
    returns = { a = "any" }, run = function() end,
  }
  for key, value in pairs(fields or {}) do raw[key] = value end
  local C, problems = contract.check(raw, { words = words, file = "/" .. table.concat(words, "/"), suite = suite })
  return assert(C, problems[1] and problems[1].message)
end

local function tree()
  local suite = assert(contract.suite({
    about = "The svc service", persona = "svc",
    args = { { "api-url", "url", "Base", env = "SVC_API_URL" }, { "password", "secret", "Password" } },
    service = { url = "api-url", token = "password" },
  }, { words = { "svc" } }))
  return {
    command({ "svc", "list" }, { network = true, page = 10, id = "id", returns = { list = { id = "string" } },
      aliases = { "svc ls" }, examples = { { "All", "tool svc list" } } }, suite),
    command({ "svc", "runs", "purge" }, {
      danger = "destructive", preview = function() end, returns = { id = "string" }, scopes = { "runs:delete" },
      args = { { "mode", "enum", "Mode", one_of = { "a", "b" }, default = "a" }, { "tray", "string", "Tray" },
        { "copies", "integer", "Copies" } },
      rules = { { when = "mode", is = "b", need = { "tray" } }, { unless = "tray", set = { copies = 1 } } },
      needs = { git = "2.30" }, platform = { "linux" },
    }, suite),
    contract.group({ about = "Runs" }, { words = { "svc", "runs" } }),
    command({ "local" }, { args = { { "file", "path", "F", at = 1 } } }),
  }
end

local CLOSED = {
  description = true, aliases = true, danger_level = true, flags = true, exit_codes = true, output_schema = true,
  output_formats = true, examples = true, subcommands = true,
}
local FLAG = { type = true, required = true, description = true, default = true, enum_values = true, short = true }

describe("manifest", function()
  local data, meta = manifest.build(tree())

  it("has only the keys of the closed schema", function()
    for path, entry in pairs(data.commands) do
      for key in pairs(entry) do assert.is_true(CLOSED[key], path .. " " .. key) end
      for name, flag in pairs(entry.flags) do
        for key in pairs(flag) do assert.is_true(FLAG[key], path .. " " .. name .. " " .. key) end
      end
    end
    assert.equal("1.0", data.schema_version)
    assert.matches("^sha256:%x+$", data.etag)
  end)
  it("has a node for every group", function()
    assert.same({ "svc.list", "svc.runs" }, data.commands.svc.subcommands)
    assert.equal("The svc service", data.commands.svc.description)
    assert.equal("Runs", data.commands["svc.runs"].description)
    assert.same({ "svc.runs.purge" }, data.commands["svc.runs"].subcommands)
    assert.equal("safe", data.commands.svc.danger_level)
  end)
  it("lists injected flags, and secrets as what carries them", function()
    local flags = data.commands["svc.list"].flags
    assert.equal(10, flags.limit.default)
    assert.equal("30s", flags.timeout.default)
    assert.equal("10s", flags["connect-timeout"].default)
    assert.is_table(flags["password-from-env"])
    assert.is_nil(flags.password)
    assert.is_table(data.commands["svc.runs.purge"].flags["confirm-destructive"])
    assert.is_nil(data.commands["local"].flags.timeout)
  end)
  it("says dependencies in words and as a graph", function()
    assert.matches("required with %-%-mode b", data.commands["svc.runs.purge"].flags.tray.description)
    assert.same({ { if_flag = "mode", if_value = "b", then_required = { "tray" } },
      { if_flag = "tray", target_flag = "copies", default = 1 } }, meta.contracts["svc.runs.purge"].requires)
  end)
  it("puts what the schema has no room for into meta", function()
    local ext = meta.contracts["svc.runs.purge"]
    assert.same({ "runs:delete" }, ext.required_scopes)
    assert.equal("any", ext.option_placement)
    assert.is_true(ext.requires_confirmation)
    assert.equal("2.30", ext.required_tools.git)
    assert.same({ "TOOL_PASSWORD", "TOOL_PASSWORD_FILE" }, ext.secret_env_vars)
    assert.is_table(meta.global_flags.output)
    assert.equal("git", meta.dependencies[1].name)
    local names = {}
    for _, row in ipairs(meta.environment) do names[row.name] = row.description end
    assert.equal("Base", names.SVC_API_URL)
    assert.is_string(names.TOOL_OUTPUT)
  end)
  it("exit codes have string keys", function()
    assert.equal("SUCCESS", data.commands["local"].exit_codes["0"].name)
    assert.equal("CANCELLED_SIGINT", data.commands["local"].exit_codes["130"].name)
  end)
  it("etag is stable, and moves with any contract fact", function()
    assert.equal(data.etag, (manifest.build(tree())).etag)
    local changed = tree()
    changed[4].scopes = { "x" }
    assert.are_not.equal(data.etag, (manifest.build(changed)).etag)
  end)
  it("a part has the etag of the whole", function()
    local part, more = manifest.build(tree(), { prefix = "svc.runs" })
    assert.equal(data.etag, part.etag)
    assert.is_table(part.commands["svc.runs.purge"])
    assert.is_nil(part.commands["svc.list"])
    assert.is_nil(more.contracts["svc.list"])
    part = manifest.build(tree(), { depth = 1 })
    assert.is_table(part.commands.svc)
    assert.is_nil(part.commands["svc.list"])
  end)
  it("the entry of one command has everything", function()
    local entry = manifest.entry(tree()[2], { full = true })
    assert.equal(entry.flags, entry.parameters)
    assert.same({ "linux" }, entry.platform)
    assert.is_true(entry.requires_confirmation)
    assert.equal("destructive", entry.danger_level)
    assert.equal("git", entry.dependencies[1].name)
    assert.same({}, manifest.entry(tree()[4], { full = true }).required_tools)
    assert.equal(2, #manifest.entry(tree()[4], { full = true }).platform)
  end)
  it("encodes the same bytes twice", function()
    assert.equal(host.json.encode(data), host.json.encode((manifest.build(tree()))))
  end)
end)

describe("completion", function()
  local function run(shell_command, text)
    local name = os.tmpname()
    local file = assert(io.open(name, "w"))
    file:write(text)
    file:close()
    local pipe = assert(io.popen(shell_command:gsub("@", name) .. " 2>&1"))
    local out = pipe:read "a"
    local ok = pipe:close()
    os.remove(name)
    return out, ok
  end

  local function complete(model, name, words)
    local quoted = {}
    for i, word in ipairs(words) do quoted[i] = "'" .. word .. "'" end
    local script = completion.bash(model) .. ("COMP_WORDS=(%s); COMP_CWORD=%d; %s; echo \"${COMPREPLY[*]}\"\n")
      :format(table.concat(quoted, " "), #words - 1, name)
    return (run("bash @", script):gsub("\n$", ""))
  end

  local model = completion.model(tree(), { program = "tool" })

  it("bash: commands, flags, values and files", function()
    local function tool(...) return complete(model, "_tool_complete", { "tool", ... }) end
    assert.equal("local svc", tool "")
    assert.equal("list runs", tool("svc", ""))
    assert.equal("purge", tool("svc", "runs", "p"))
    assert.equal("a b", tool("svc", "runs", "purge", "--mode", ""))
    assert.equal("b", tool("svc", "runs", "purge", "--mode", "=", "b"))
    assert.equal("list runs", tool("--output", "json", "svc", ""))
    assert.equal("list runs", tool("--fields", "local", "svc", ""))
    assert.equal("--limit", tool("svc", "list", "--lim"))
    assert.equal("/dev/null", tool("local", "/dev/nul"))
    assert.equal("", tool("svc", "list", "x"))
  end)
  it("a persona has the suite's tree at its root", function()
    local persona = completion.model(tree(), { program = "svc-cli", suite = "svc" })
    assert.equal("list runs", complete(persona, "_svc_cli_complete", { "svc-cli", "" }))
  end)
  it("scripts are valid in every shell that is installed", function()
    for _, shell in ipairs { "bash", "zsh", "fish" } do
      local _, there = run("command -v " .. shell .. " >/dev/null && : @", "")
      if there then
        local out, ok = run(shell .. " -n @", completion.script(shell, tree(), { program = "tool" }))
        assert.is_true(ok, shell .. ": " .. out)
      end
    end
  end)
  it("the scripts are the same every time", function()
    for _, shell in ipairs { "bash", "zsh", "fish" } do
      assert.equal(completion.script(shell, tree(), { program = "tool" }),
        completion.script(shell, tree(), { program = "tool" }))
    end
  end)
end)
