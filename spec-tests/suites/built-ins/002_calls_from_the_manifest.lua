-- REQ-O-041: what the manifest says of a command is enough to call it. Every call here is built by lib/manifest_call.lua
-- from the command's entry and nothing else; a refusal of the input (exit 2) is a gap in the manifest.
local S = require "lib.spec"
local call = require "lib.manifest_call"

local ENV = { TOOL_COMMANDS_PATH = false, AGENT_VALUE = "value-4-agents" }
local AT_ONCE = 6               -- runs side by side

local entries = S.status(S.tool({ "manifest" }, { env = ENV }), 0).envelope.data.commands

-- Paths, addresses and variables that a caller has at hand.
local function place_in(dir)
  local place = { url = "http://127.0.0.1:9", variable = "AGENT_VALUE" }
  function place.file(name) return S.spit(dir .. "/have-" .. name, '{"commands":{}}') end
  function place.free(name) return dir .. "/new-" .. name end
  return place
end

local function job(words)
  local dir = S.dir "work"
  local env = { HOME = S.dir "home" }
  for name, value in pairs(ENV) do env[name] = value end
  return { words, { env = env, cwd = dir, stdin = "", may_leave = true } }, dir
end

-- Runs the calls and gives back those whose input was refused.
local function refused(jobs)
  local out = {}
  for _, r in ipairs(S.tool_all(jobs, AT_ONCE)) do
    if r.status == 2 then out[#out + 1] = table.concat(r.args, " ") .. "\n    " .. r.envelope.error.message end
  end
  return out
end

S.req("REQ-O-041", "tool manifest built-in command: calls from it alone", function()
  it("a call with the required flags of every command is accepted, and answered", function()
    local jobs = {}
    for name, entry in pairs(entries) do
      if entry.output_schema then
        local one, dir = job {}
        local words = call.words(name, entry, place_in(dir))
        if entry.flags["dry-run"] then words[#words + 1] = "--dry-run" end
        if entry.flags.timeout then table.move({ "--timeout", "2s" }, 1, 2, #words + 1, words) end
        words[#words + 1] = "--output=json"
        one[1] = words
        jobs[#jobs + 1] = one
      end
    end
    assert.truthy(#jobs > 20)
    local problems = refused(jobs)
    assert.equal("", table.concat(problems, "\n"))
  end)

  it("so is one with each flag that is not required", function()
    local jobs = {}
    for name, entry in pairs(entries) do
      for flag, row in pairs(entry.output_schema and entry.flags or {}) do
        if not row.required then
          local one, dir = job {}
          one[1] = call.words(name, entry, place_in(dir), flag)
          table.insert(one[1], "--validate-only")
          if flag ~= "stream" then table.insert(one[1], "--output=json") end
          jobs[#jobs + 1] = one
        end
      end
    end
    assert.truthy(#jobs > 100)
    assert.equal("", table.concat(refused(jobs), "\n"))
  end)
end)
