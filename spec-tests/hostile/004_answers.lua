-- What a command says cannot be taken for something else: by a terminal, by a reader of logs, by a reader of answers.
local S = require "lib.spec"
local hostile = require "hostile.common"

S.req("HOSTILE-ANSWERS", "Attacks by what is said", function()
  local at

  setup(function()
    at = hostile.place()
    hostile.remember(at)
  end)
  teardown(function() hostile.close(at) end)

  -- Neither output holds a control character that is not a line's end or, on a terminal, a colour.
  local function plain(r)
    for _, text in ipairs { r.stdout, r.stderr } do
      local rest = text:gsub("\27%[[%d;:]*m", ""):gsub("\r?\n", "")
      local found = rest:find("[\27\7\r]") or rest:find("\u{9b}", 1, true)
      S.truth(r, not found, "a control character is shown")
      S.truth(r, not rest:find("owned", 1, true), "a part of a control sequence is shown")
    end
  end

  local function no_forged_line(r)
    for line in (r.stderr .. "\n"):gmatch("([^\n]*)\r?\n") do
      S.truth(r, not line:find("^%[ERROR%] forged") and not line:find("^%[WARN%] forged") and not line:find('^{"ok"'),
        "a forged line is shown: " .. line)
    end
  end

  local SPOKEN = { "data", "log", "level", "warn", "progress", "print", "fail", "error", "keys" }
  for _, how in ipairs(SPOKEN) do
    for _, format in ipairs { "json", "jsonl", "tsv", "plain", "table", "terminal" } do
      it("escapes in " .. how .. " as " .. format, function()
        local args = { "hostile", "speaks", how, "escapes", "--verbose" }
        local opts = format == "terminal" and S.terminal(hostile.options(at)) or hostile.options(at)
        if format ~= "terminal" then args[#args + 1], args[#args + 2] = "--output", format end
        local r = S.tool(args, opts)
        plain(r)
      end)
    end
    it("forged lines in " .. how, function()
      local r = S.tool({ "hostile", "speaks", how, "forged", "--verbose", "--debug" }, hostile.options(at))
      no_forged_line(r)
      hostile.unharmed(at, r)
    end)
  end

  it("escapes in a contract's text, on a terminal", function()
    for _, args in ipairs { { "load", "escape", "--help" }, { "load", "--help" }, { "load", "escape", "--schema" } } do
      plain(S.tool(args, S.terminal(hostile.options(at))))
    end
  end)

  -- how -> exit status, error code
  local SHAPES = {
    numbers = { 0 }, cyclic = { 1, "COMMAND_FAILED OUTPUT_INVALID" }, deep = { 1, "COMMAND_FAILED OUTPUT_INVALID" },
    wrong = { 1, "OUTPUT_INVALID" }, nothing = { 1, "OUTPUT_INVALID" }, ["function"] = { 1, "COMMAND_FAILED OUTPUT_INVALID" },
    huge = { 0 }, flood = { 0 },
  }
  for how, want in pairs(SHAPES) do
    it("a result that is odd: " .. how, function()
      local r = S.status(S.tool({ "hostile", "speaks", how }, hostile.options(at)), want[1])
      local code = r.envelope.error ~= S.json.null and r.envelope.error.code
      if want[2] then S.truth(r, code and want[2]:find(code, 1, true), "code " .. tostring(code)) end
      S.truth(r, #r.stdout < 2000000, "the answer is huge")
      hostile.unharmed(at, r)
    end)
  end

  local LIES = { "would", "result", "caught_effect", "meta", "failure", "exit", "undeclared", "table_fail", "write", "config" }
  for _, lie in ipairs(LIES) do
    it("a lie: " .. lie, function()
      local r = S.tool({ "hostile", "liar", lie, "--confirm-destructive" }, hostile.options(at))
      if lie ~= "caught_effect" and lie ~= "config" then S.truth(r, r.status ~= 0, "it passed for a success") end
      S.truth(r, not S.exists "/tmp/hostile-liar", "it wrote what it did not declare")
    end)
  end

  it("a validate function that switches the dry run off and confirms for the caller", function()
    local r = S.tool({ "hostile", "liar", "would", "--dry-run" }, hostile.options(at))
    S.status(r, 0)
    S.equal(r, "would_delete", r.envelope.data.effect, "effect")
    r = S.tool({ "hostile", "liar", "would" }, hostile.options(at))
    S.failed(r, 2, "CONFIRMATION_REQUIRED")
    local dir = S.dir "dry"
    r = S.tool({ "hostile", "liar", "config", "--dry-run" }, hostile.options(at, { cwd = dir }))
    S.truth(r, r.status ~= 0, "it wrote in a dry run")
    S.truth(r, not S.exists(dir .. "/.tool-config"), "the configuration was written in a dry run")
  end)
end)
