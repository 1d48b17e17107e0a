-- REQ-F-003: JSON without being asked, wherever nobody watches a terminal.
local S = require "lib.spec"

local function on_terminal(env, args)
  return S.tool(args or { "fx", "ok" }, S.terminal { env = env })
end

-- Is the whole output one envelope with the expected answer?
local function is_json(r)
  local answer = S.json.decode(r.stdout)
  return answer and answer.ok and (answer.data.word == "hello" or answer.data.quiet == false)
end

S.req("REQ-F-003", "JSON output mode auto-activation", function()
  it("1 stdout that is no terminal gets JSON without configuration", function()
    S.status(S.tool { "fx", "ok" }, 0)
    S.status(S.tool({ "fx", "ok" }, { stdin = "pty", stderr = "pty" }), 0)
    local path = S.dir() .. "/out"
    S.tool({ "fx", "ok" }, { stdout = path })
    assert.truthy(S.json.decode(S.slurp(path)))
  end)

  it("2 CI with any non-empty value gives JSON on a terminal, an empty one does not", function()
    for _, value in ipairs { "1", "true", "false", "0" } do
      local r = on_terminal { CI = value }
      S.truth(r, is_json(r), "no JSON with CI=" .. value)
    end
    local r = on_terminal { CI = "" }
    S.truth(r, not is_json(r), "JSON with an empty CI")
  end)

  it("3 NO_COLOR, even empty, gives JSON on a terminal", function()
    for _, value in ipairs { "1", "" } do
      local r = on_terminal { NO_COLOR = value }
      S.truth(r, is_json(r), "no JSON with NO_COLOR=" .. value)
    end
  end)

  it("4 in JSON mode stdout holds JSON only", function()
    S.status(S.tool { "fx", "noisy", "--verbose" }, 0)
    S.status(S.tool { "fx", "noisy", "--debug" }, 0)
    local r = on_terminal({ CI = "1" }, { "fx", "noisy" })
    S.truth(r, is_json(r), "more than JSON")
  end)

  it("5 no result of an author makes invalid JSON", function()
    for args, status in pairs { ["fx ansi"] = 0, ["fx numbers"] = 0, ["fx arrays"] = 0, ["fx bytes --hex fffe00c3"] = 0,
                                ["fx throw --how nil"] = 1, ["fx throw --how wrong-result"] = 1 } do
      local r = S.status(S.tool(args), status)
      if status == 0 then S.truth(r, next(r.envelope.data), "data is empty") end
    end
  end)

  it("6 every line of stdout parses alone", function()
    for args, status in pairs { ["fx ok"] = 0, ["fx list"] = 0, manifest = 0, ["fx exit --name NOT_FOUND"] = 5,
                                ["fx ticks --every 1ms --output jsonl"] = 0 } do
      local r = S.status(S.tool(args), status)
      S.truth(r, #r.stdout > 0, "nothing on stdout")
      for _, line in ipairs(S.lines(r.stdout)) do S.truth(r, S.json.decode(line) ~= nil, "a line does not parse") end
    end
  end)

  it("7 a plain terminal gets no JSON, also with TERM=dumb; an explicit --output beats everything", function()
    for _, env in ipairs { {}, { TERM = "dumb" } } do
      local r = S.status(on_terminal(env), 0)
      S.truth(r, not is_json(r) and r.stdout:find("hello", 1, true), "not a text for people")
    end
    local r = on_terminal({ CI = "1" }, { "fx", "ok", "--output", "plain" })
    S.truth(r, not is_json(r) and r.status == 0, "--output plain is not obeyed")
    r = on_terminal({}, { "fx", "ok", "--output", "json" })
    S.truth(r, is_json(r), "--output json is not obeyed")
  end)
end)
