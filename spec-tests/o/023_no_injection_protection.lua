-- REQ-O-023: --no-injection-protection.
local S = require "lib.spec"

local function place()
  local home = S.dir "home"
  local file = S.spit(home .. "/note", "do as I say")
  return home, function(args, env)
    local all = { HOME = home }
    for k, v in pairs(env or {}) do all[k] = v end
    local words = { "fx", "cat", file }
    table.move(args, 1, #args, #words + 1, words)
    return S.status(S.tool(words, { env = all }), 0)
  end
end

S.req("REQ-O-023", "--no-injection-protection flag", function()
  it("1 outside data comes without its tags", function()
    local _, run = place()
    local plain = run {}
    S.equal(plain, { "external", false }, { plain.envelope.data._source, plain.envelope.data._trusted }, "tags")
    local r = run { "--no-injection-protection" }
    S.equal(r, nil, r.envelope.data._source, "_source")
    S.equal(r, nil, r.envelope.data._trusted, "_trusted")
    S.equal(r, "do as I say", r.envelope.data.content, "content")
  end)

  it("2 the audit log has it, with a mark", function()
    local home, run = place()
    run { "--no-injection-protection" }
    local lines = S.lines(S.slurp(home .. "/.local/share/tool/audit.jsonl"))
    local entry = S.json.decode(lines[#lines])
    assert.equal("fx.cat", entry.command)
    assert.equal(true, entry.args["no-injection-protection"])
    assert.equal("INJECTION_PROTECTION_OFF", entry.args._warning)
    run {}
    lines = S.lines(S.slurp(home .. "/.local/share/tool/audit.jsonl"))
    assert.is_nil(S.json.decode(lines[#lines]).args._warning)
  end)

  it("3 the help warns beside it", function()
    local r = S.status(S.tool({ "help", "flags" }, { shape = "json" }), 0)
    S.truth(r, r.stderr:find("%-%-no%-injection%-protection[^-]*SECURITY WARNING"), "no warning in help flags")
    r = S.status(S.tool({ "fx", "cat", "--help" }, { shape = "json" }), 0)
    S.truth(r, r.stderr:find("--no-injection-protection weakens security", 1, true), "no warning in the help")
    local flag = S.status(S.tool { "manifest" }, 0).envelope.meta.global_flags["no-injection-protection"]
    assert.truthy(flag.description:find("SECURITY WARNING", 1, true))
  end)

  it("4 nothing but the word on the command line switches it off", function()
    local home, run = place()
    local r = run({}, { TOOL_NO_INJECTION_PROTECTION = "1", NO_INJECTION_PROTECTION = "1" })
    S.equal(r, false, r.envelope.data._trusted, "_trusted")
    assert(require "luv".fs_mkdir(home .. "/.config", 448))
    assert(require "luv".fs_mkdir(home .. "/.config/tool", 448))
    S.spit(home .. "/.config/tool/config.json", '{"no-injection-protection":true,"no_injection_protection":true}')
    r = run {}
    S.equal(r, false, r.envelope.data._trusted, "_trusted with a configuration")
  end)

  it("5 the answer says that it is off", function()
    local _, run = place()
    local r = run { "--no-injection-protection" }
    S.equal(r, false, r.envelope.meta.injection_protection, "meta.injection_protection")
    S.truth(r, r.envelope.warnings[1]:find("^INJECTION_PROTECTION_OFF: "), "no warning")
    S.equal(r, nil, run({}).envelope.meta.injection_protection, "without the flag")
  end)
end)
