-- The search for planted secrets: it finds each form, on each output and in each file. A shell script stands in for the
-- tool.
local S = require "lib.spec"
local taint = require "lib.taint"

local function stand_in(script)
  local path = S.spit(S.dir() .. "/stand-in", "#!/bin/sh\n" .. script .. "\n")
  assert(S.run({ "chmod", "+x", path }).status == 0)
  return path
end

-- Runs a script as the tool with `text` in STAND_IN; gives whether it was let through, and the complaint.
local function judged(script, text, opts)
  local all = { tool = stand_in(script), env = { STAND_IN = text, HOME = S.dir "home" }, shape = "none" }
  for k, v in pairs(opts or {}) do all[k] = v end
  return pcall(S.tool, { "x" }, all)
end

local function refused(script, text, where)
  local good, why = judged(script, text)
  assert.is_false(good, text)
  assert.truthy(tostring(why):find("a planted secret is shown", 1, true), why)
  assert.truthy(tostring(why):find(where, 1, true), why)
end

S.req("SELF-003", "Planted secrets", function()
  it("lets a run pass that shows none", function()
    assert.is_true((judged("printf %s \"$STAND_IN\"", "nothing")))
  end)

  it("finds each form on stdout and on stderr", function()
    for _, form in ipairs(taint.forms(taint.TOKEN)) do
      refused("printf %s \"$STAND_IN\"", "before " .. form .. " after", "on stdout")
      refused("printf %s \"$STAND_IN\" >&2", "before " .. form .. " after", "on stderr")
    end
  end)

  it("finds what other encoders write, at each alignment", function()
    for _, before in ipairs { "", "a", "ab" } do
      for _, encoder in ipairs { "base64 -w0", "basenc --base64url -w0", "od -An -v -tx1 | tr -d ' \\n'",
        "python3 -c 'import sys,urllib.parse as u; print(u.quote(sys.stdin.read(), safe=\"\"))'",
        "python3 -c 'import sys,json; print(json.dumps(sys.stdin.read()))'" } do
        refused("printf %s \"$STAND_IN\" | " .. encoder, before .. taint.TOKEN .. "after", "on stdout")
      end
    end
  end)

  it("finds it in a file below HOME", function()
    local script = "mkdir -p \"$HOME/deep/er\"; printf %s \"$STAND_IN\" > \"$HOME/deep/er/file\""
    refused(script, taint.TOKEN, "/deep/er/file")
    local home = S.dir "home"
    assert.is_true((judged(script, taint.TOKEN, { env = { STAND_IN = taint.TOKEN, HOME = home },
      tainted = { files = { [home .. "/deep/er/file"] = true } } })))
  end)

  it("lets pass what a test exempts, there and nowhere else", function()
    assert.is_true((judged("printf %s \"$STAND_IN\"", taint.TOKEN, { tainted = { stdout = true } })))
    assert.is_false((judged("printf %s \"$STAND_IN\" >&2", taint.TOKEN, { tainted = { stdout = true } })))
  end)
end)
