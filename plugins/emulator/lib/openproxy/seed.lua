-- Example data of the emulated proxy: the same every time but for the day, which is today.

local catalogue = require "lib.openproxy.catalogue"
local json = require "tool.json"
local logs = require "lib.openproxy.logs"
local time = require "lib.time"
local usage = require "lib.openproxy.usage"

local seed = {}

local DAYS, PER_DAY = 14, 4

-- provider, model, connection, account
local TARGETS = {
  { "glm", "glm-5", "glm-1", "main" }, { "glm", "glm-4.7", "glm-2", "team" }, { "kimi", "kimi-k2.5", "kimi-1", "main" },
  { "vertex", "gemini-3-flash", "vertex-1", "main" }, { "demo", "echo", "demo-1", "main" },
}

-- A row of numbers that look like any and are always the same (Lehmer's generator).
local function numbers(start)
  local x = start
  return function(low, high)
    x = x * 48271 % 2147483647
    return low + x % (high - low + 1)
  end
end

local function add_requests(state)
  local pick = numbers(20310203)
  local today = time.now() // 86400000 * 86400000
  for day = DAYS, 1, -1 do
    for i = 1, PER_DAY do
      local target = TARGETS[pick(1, #TARGETS)]
      local provider, model = target[1], target[2]
      local prompt, completion, took = pick(20, 900), pick(5, 600), pick(180, 4000)
      local failed = pick(1, 12) == 1
      if failed then completion = 0 end
      usage.add(state, {
        at_ms = today - day * 86400000 + i * 5 * 3600000 + pick(0, 3599) * 1000, provider = provider, model = model,
        connection_id = target[3], account = target[4], api_key = state.key, endpoint = "/v1/chat/completions",
        status = failed and "error" or "success", prompt = prompt, completion = completion,
        cost = catalogue.cost(provider, model, prompt, completion), ttft_ms = took // 3, total_ms = took,
      })
    end
  end
end

--- Fills the state of a new database.
function seed.fill(state)
  state.db:atomic(function()
    state.db:exec [[INSERT INTO connection(id, provider, name, active) VALUES('glm-2', 'glm', 'team', 1),
      ('kimi-1', 'kimi', 'main', 1), ('vertex-1', 'vertex', 'main', 1), ('minimax-1', 'minimax', 'off', 0)]]
    state.db:exec("INSERT INTO combo(name, models) VALUES('cheap-first', ?)", (json.encode { "minimax/minimax-m2.5",
      "glm/glm-5", "demo/echo" }))
    state.db:exec "INSERT INTO meta(name, value) VALUES('seeded', 'yes')"
    add_requests(state)
  end)
  state.loaded = state.db:one("SELECT coalesce(max(seq), 0) AS n FROM usage").n
  for i, line in ipairs { "3 providers are reachable", "glm/glm-4.7 by team is slow: 3.9 s", "price table loaded" } do
    logs.add(state.log, i == 2 and "warn" or "info", line)
  end
end

return seed
