-- REQ-C-006: all arguments are checked in phase 1.
local S = require "lib.spec"

S.req("REQ-C-006", "All args validated in phase 1", function()
  it("1 several bad arguments are reported in one answer", function()
    local r = S.tool { "fx", "types", "--count", "two", "--colour", "mauve", "--ratio", "7", "--site", "no address",
      "--ident", "a/../b" }
    local e = S.failed(r, 2, "ARG_ERROR")
    local seen = {}
    for _, item in ipairs(e.errors) do seen[item.param] = true end
    for _, name in ipairs { "--count", "--colour", "--ratio", "--site", "--ident" } do
      S.truth(r, seen[name], name .. " is not reported")
    end
    S.equal(r, e.errors, r.envelope.meta.errors, "meta.errors")
  end)

  it("1 missing, unknown and superfluous arguments are reported with the bad ones", function()
    local r = S.tool { "fx", "write", "--count", "two", "--nonsense", "--text", "x" }
    local e = S.failed(r, 2, "ARG_ERROR")
    local text = S.json.encode(e.errors)
    for _, name in ipairs { "--path", "--count", "--nonsense" } do
      S.truth(r, text:find(name, 1, true), name .. " is not reported")
    end
  end)

  it("2 a validation hook that tries to reach the outside is caught", function()
    S.failed(S.check "ctx-in-validate", 2, "REGISTRATION_ERROR")
    local path = S.dir() .. "/x"
    S.status(S.tool { "fx", "evil-validate", "--path", path }, 2)
    assert.is_false(S.exists(path))
  end)

  it("3 validation has a budget: a hook that loops is cut", function()
    local r = S.tool { "fx", "evil-validate", "--mode", "spin", "--path", S.dir() .. "/x" }
    S.failed(r, 1, "VALIDATE_BUDGET")
    S.truth(r, r.elapsed_ms < 2000, "took " .. r.elapsed_ms .. " ms")
  end)

  it("3 phase 1 is short and makes no socket", function()
    local r, trace = S.strace({ "fx", "types", "--count", "two" }, "network")
    S.status(r, 2)
    for _, line in ipairs(trace) do assert.is_nil(line:find("socket%(AF_INET") or line:find("connect%("), line) end
    r = S.tool { "fx", "types", "--count", "two" }
    S.truth(r, r.envelope.meta.duration_ms < 100, "took " .. r.envelope.meta.duration_ms .. " ms")
  end)

  it("4 each error names parameter and value, has a code and a message", function()
    local r = S.tool { "fx", "types", "--count", "two" }
    local item = S.failed(r, 2, "ARG_ERROR").errors[1]
    S.equal(r, "--count", item.param, "param")
    S.equal(r, "count", item.field, "field")
    S.equal(r, "two", item.value, "value")
    S.truth(r, item.code and #item.message > 3, "code or message is missing")
  end)

  it("the limits of every type are kept", function()
    for _, case in ipairs {
      { "--text", ("x"):rep(21) }, { "--count", "101" }, { "--count", "-6" }, { "--count", "1.5" }, { "--count", "" },
      { "--count", "9223372036854775808" }, { "--ratio", "1.1" }, { "--ratio", "nan" }, { "--ratio", "0x1" },
      { "--colour", "RED" }, { "--item", "ok", "--item", "Not" }, { "--label", "novalue" }, { "--site", "ftp//x" },
      { "--wait", "500ms" }, { "--wait", "2h" }, { "--wait", "5 parsecs" }, { "--room", "1 elephant" },
      { "--when", "2024-02-30T00:00:00Z" }, { "--when", "yesterday" }, { "--data", "{env prod}" },
      { "--ident", "../etc/passwd" }, { "--ident", "a?b=c" }, { "--ident", "%2e%2e" }, { "--flag=maybe" },
    } do
      local r = S.status(S.tool { "fx", "types", table.unpack(case) }, 2, table.concat(case, " "))
      S.equal(r, "validation", r.envelope.error.phase, "phase")
    end
  end)

  it("good values of every type arrive typed", function()
    local r = S.tool({ "fx", "types", "--text", "t", "--count=-5", "--ratio", "0.5", "--flag", "--colour", "green",
      "--item", "one", "--item", "two", "--label", "a=1", "--file", "sub/./x.txt", "--site", "https://example.com/a",
      "--wait", "90s", "--room", "2KB", "--when", "2024-03-11T15:30:00+01:00", "--data", '{"k":[1,null,{}]}',
      "--ident", "usr-a1" }, { cwd = S.home() })
    S.status(r, 0)
    local d = r.envelope.data
    S.equal(r, S.json.array { "t", -5, 0.5, true, "green" }, S.json.array { d.text, d.count, d.ratio, d.flag,
      d.colour }, "scalars")
    S.equal(r, S.json.array { "one", "two" }, d.item, "item")
    S.equal(r, "1", d.label.a, "label")
    S.equal(r, S.home() .. "/sub/x.txt", d.file, "file")
    S.equal(r, 90, d.wait, "wait")
    S.truth(r, d.room == 2000 or d.room == 2048, "room is " .. tostring(d.room))
    S.equal(r, "2024-03-11T14:30:00Z", d.when, "when")
    S.truth(r, S.raw(r, "data"):find('"data":{"k":[1,null,{}]}', 1, true), "data")
    S.equal(r, "usr-a1", d.ident, "ident")
  end)
end)
