-- REQ-O-041: one call tells an agent everything.
local S = require "lib.spec"

local function manifest(...) return S.status(S.tool { "manifest", ... }, 0) end

S.req("REQ-O-041", "tool manifest built-in command", function()
  it("1 the answer fits manifest-response.json and is complete", function()
    local r = manifest()
    local complaints = S.schema.validate(S.named_schema "manifest-response", r.envelope.data)
    S.truth(r, #complaints == 0, table.concat(complaints, "; "))
    for _, path in ipairs { "manifest", "doctor", "check", "fx.ok", "fx.list", "fx" } do
      S.truth(r, r.envelope.data.commands[path], path .. " is missing")
    end
    S.equal(r, r.envelope.meta.tool_version, r.envelope.data.framework_version, "framework_version")
    S.truth(r, not r.envelope.meta.truncated, "the manifest is cut")
  end)

  it("1 every fixture is in it with its flags", function()
    local commands = S.manifest().commands
    for _, file in ipairs(S.list(S.paths.commands .. "/fx")) do
      local name = file:gsub("%.lua$", "")
      if name ~= "group" then assert.truthy(commands["fx." .. name], name) end
    end
    local flag = commands["fx.types"].flags.colour
    assert.same({ "enum", false, "A colour" }, { flag.type, flag.required, flag.description:sub(1, 8) })
    assert.equal("hello", commands["fx.ok"].flags.word.default)
  end)

  it("2 exit codes are those of each command's own contract", function()
    for path, entry in pairs(S.manifest().commands) do
      local data = S.contract((path:gsub("%.", " ")))
      assert.equal(S.json.encode(data.exit_codes), S.json.encode(entry.exit_codes), path)
    end
  end)

  it("3 the etag is deterministic, matches give not_modified, a new command changes it", function()
    local a, b = manifest(), manifest()
    assert.equal(a.envelope.data.etag, b.envelope.data.etag)
    S.truth(a, a.envelope.data.etag:find("^sha256:%x+$") and #a.envelope.data.etag == 71, "etag")
    local r = manifest("--etag", a.envelope.data.etag)
    S.equal(r, S.json.null, r.envelope.data, "data")
    S.equal(r, true, r.envelope.meta.not_modified, "meta.not_modified")
    r = manifest("--etag", "sha256:" .. ("0"):rep(64))
    S.truth(r, r.envelope.data ~= S.json.null, "an old etag gives nothing")
    local root = S.dir "commands"
    assert(S.run({ "cp", "-r", S.paths.commands .. "/fx", root .. "/" }).status == 0)
    local env = { TOOL_COMMANDS_PATH = root }
    local before = S.tool({ "manifest" }, { env = env }).envelope.data.etag
    S.spit(root .. "/fx/added.lua", S.slurp(root .. "/fx/ok.lua"))
    local after = S.tool({ "manifest" }, { env = env }).envelope
    assert.not_equal(before, after.data.etag)
    assert.truthy(after.data.commands["fx.added"])
    S.spit(root .. "/fx/added.lua", (S.slurp(root .. "/fx/ok.lua"):gsub("scopes = {}", 'scopes = { "a:b" }')))
    assert.not_equal(after.data.etag, S.tool({ "manifest" }, { env = env }).envelope.data.etag)
  end)

  it("4 every example can be called: --validate-only accepts it", function()
    local count = 0
    for path, entry in pairs(S.manifest().commands) do
      for _, example in ipairs(entry.examples or {}) do
        local words = {}
        for word in example.command:gmatch("%S+") do words[#words + 1] = word end
        if words[1] == "tool" and not example.command:find("[|<>&'\"$]") then
          table.remove(words, 1)
          words[#words + 1] = "--validate-only"
          local env = {}
          for name in example.command:gmatch("%-from%-env (%S+)") do env[name] = "any-value" end
          local r = S.tool(words, { env = env })
          S.truth(r, r.status == 0, path .. ": the example does not validate: " .. example.command)
          count = count + 1
        end
      end
    end
    assert.truthy(count >= 1, "no example was tried")
  end)

  it("4 groups have entries with their subcommands; every subcommand exists", function()
    local commands = S.manifest().commands
    assert.truthy(#commands.fx.subcommands > 20)
    for path, entry in pairs(commands) do
      for _, sub in ipairs(entry.subcommands or {}) do assert.truthy(commands[sub], path .. " names " .. sub) end
    end
  end)

  it("tool-wide facts are in meta: environment and global flags", function()
    local r = manifest()
    S.truth(r, type(r.envelope.meta.global_flags) == "table" and r.envelope.meta.global_flags.output,
      "meta.global_flags")
    S.truth(r, type(r.envelope.meta.environment) == "table" and #r.envelope.meta.environment > 3, "meta.environment")
  end)
end)
