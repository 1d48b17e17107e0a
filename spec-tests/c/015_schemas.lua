-- REQ-C-015: a command declares what goes in and what comes out, and that is what it does.
local S = require "lib.spec"

local TYPES = { string = true, integer = true, number = true, boolean = true, array = true, enum = true }

S.req("REQ-C-015", "Commands declare input and output schema", function()
  it("1 --schema has parameters and output_schema", function()
    local data, r = S.contract "fx write"
    S.truth(r, type(data.parameters) == "table" and type(data.output_schema) == "table", "missing")
    S.equal(r, data.parameters, data.flags, "flags")
  end)

  it("2 tool --schema covers all commands with both", function()
    local r = S.status(S.tool({ "--schema" }, { env = { TOOL_MAX_OUTPUT_BYTES = "100000000" } }), 0)
    for path in pairs(S.commands()) do
      local entry = S.truth(r, r.envelope.data.commands[path], path .. " is missing")
      S.truth(r, entry.parameters and entry.output_schema, path .. " lacks parameters or output_schema")
    end
  end)

  it("3 every declared parameter appears with type, need, default, choices and description", function()
    local p = S.contract("fx types").parameters
    for name, entry in pairs(p) do
      assert.is_true(TYPES[entry.type], name .. " has type " .. tostring(entry.type))
      assert.equal("boolean", type(entry.required), name)
      assert.is_true(#entry.description > 2, name)
      assert.not_equal(S.json.null, entry.default, name)
    end
    assert.same({ "enum", "red green blue" }, { p.colour.type, table.concat(p.colour.enum_values, " ") })
    assert.equal(false, p.flag.default)
    assert.equal("array", p.item.type)
    assert.is_nil(p.pass)
    assert.truthy(p["pass-from-env"] and p["pass-from-file"])
    assert.equal(true, S.contract("fx cat").parameters.path.required)
  end)

  it("3 a line added to a contract shows without further work", function()
    local root = S.dir "commands"
    assert(S.run({ "mkdir", "-p", root .. "/extra" }).status == 0)
    local text = S.slurp(S.paths.commands .. "/fx/ok.lua")
    S.spit(root .. "/extra/ok.lua", text)
    local env = { TOOL_COMMANDS_PATH = root }
    local r = S.status(S.tool({ "extra", "ok", "--schema" }, { env = env }), 0)
    S.equal(r, nil, r.envelope.data.parameters.added, "parameter before")
    S.spit(root .. "/extra/ok.lua", (text:gsub("args = {", 'args = { { "added", "integer", "Added later" },', 1)))
    r = S.status(S.tool({ "extra", "ok", "--schema" }, { env = env }), 0)
    S.equal(r, "integer", r.envelope.data.parameters.added.type, "parameter after")
    S.status(S.tool({ "extra", "ok", "--added", "4" }, { env = env }), 0)
  end)

  it("4 output_schema is draft-07 and what the command returns fits it", function()
    for path in pairs(S.commands()) do
      local data, r = S.contract((path:gsub("%.", " ")))
      local complaints = S.schema.lint(data.output_schema)
      S.truth(r, #complaints == 0, path .. ": " .. table.concat(complaints, "; "))
    end
    for _, name in ipairs { "ok", "get", "list", "arrays", "longurl", "numbers", "times", "secrets", "noisy",
      "huge" } do
      local r = S.status(S.tool { "fx", name }, 0)
      local complaints = S.schema.validate(S.contract("fx " .. name).output_schema, r.envelope.data)
      S.truth(r, #complaints == 0, table.concat(complaints, "; "))
    end
  end)

  it("4 a result that does not fit is an error, never shown as success", function()
    local r = S.tool { "fx", "throw", "--how", "wrong-result" }
    S.failed(r, 1, "OUTPUT_INVALID")
  end)

  it("broken declarations are refused", function()
    for name, text in pairs {
      typeless = "has no type", textless = "has no description", ["odd-type"] = "unknown type",
        ["no-choices"] = "enum needs one_of",
      ["required-default"] = "must not have a default", ["no-returns"] = "returns declaration is required",
      ["odd-schema"] = "not a valid JSON Schema", ["shadows-global"] = "--output is registered by the framework",
      ["unknown-key"] = "examples", ["scalar-result"] = "returns",
    } do
      local r, messages = S.check(name)
      S.failed(r, 2, "REGISTRATION_ERROR")
      S.truth(r, messages:find(text, 1, true), ("%s: %q expected in %q"):format(name, text, messages))
    end
  end)

  it("a file that is no Lua, and one with no fault, are told apart", function()
    S.failed(S.check "syntax", 2, "REGISTRATION_ERROR")
    local r = S.tool { "check", S.paths.commands .. "/fx/ok.lua" }
    S.status(r, 0)
  end)

  it("every fixture of the tests is a valid contract, but for the one that reaches for the outside", function()
    local args = { "check" }
    local function add(dir)
      for _, name in ipairs(S.list(dir)) do
        if not name:find("%.lua$") then
          add(dir .. "/" .. name)
        elseif name ~= "group.lua" and name ~= "evil-validate.lua" then
          args[#args + 1] = dir .. "/" .. name
        end
      end
    end
    add(S.paths.commands .. "/fx")
    S.status(S.tool(args), 0)
    S.failed(S.tool { "check", S.paths.commands .. "/fx/evil-validate.lua" }, 2, "REGISTRATION_ERROR")
  end)
end)
