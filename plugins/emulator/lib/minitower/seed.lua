-- Example data: the team `demo` with an app, two versions of it, and runs in several states.

local apps = require "lib.minitower.apps"
local runs = require "lib.minitower.runs"
local teams = require "lib.minitower.teams"
local times = require "tool.time"

local seed = {}

local TEAM, PASSWORD, APP = "demo", "demo-password", "hello"

local TOWERFILE = [[
[app]
name = "hello"
script = "main.sh"

[app.timeout]
seconds = 900
]]

local PARAMETERS = [==[

[[parameters]]
name = "NAME"
description = "Whom to greet"
default = "world"

[[parameters]]
name = "FAIL"
description = "The status to end with"
type = "integer"

[[parameters]]
name = "COUNT"
description = "How many seconds to count"
type = "integer"
]==]

local FIRST = [[
echo "Hello, world!"
]]

local SECOND = [[
echo "Hello, ${NAME:-world}!"
i=0
while [ "$i" -lt "${COUNT:-0}" ]; do
  i=$((i + 1))
  echo "tick $i"
  sleep 1
done
if [ "${FAIL:-0}" -ne 0 ]; then
  echo "Something went wrong." >&2
  exit "$FAIL"
fi
]]

local function upload(state, app_id, towerfile, script, now)
  local bytes = state.ctx.archive.pack {
    { name = "Towerfile", data = towerfile }, { name = "main.sh", data = script, mode = 493 },
  }
  local version, _, message = apps.add_version(state, app_id, bytes, now)
  return version or error(message, 0)
end

local function fill_app(state, team_id, now)
  local app = { id = apps.create(state, team_id, APP, "Says hello", now), team_id = team_id }
  local first = upload(state, app.id, TOWERFILE, FIRST, now)
  local second = upload(state, app.id, TOWERFILE .. PARAMETERS, SECOND, now)
  runs.create(state, app, { version = first }, now)
  runs.create(state, app, { version = second, input = { NAME = "minitower" } }, now)
  runs.create(state, app, { version = second, input = { FAIL = 3 } }, now)
  local unwanted = runs.create(state, app, { version = second }, now)
  runs.cancel(state, runs.get(state, unwanted), now)
  if state.runner then state.runner:drain() end
  runs.create(state, app, { version = second, input = { COUNT = 600 } }, now)
end

--- Fills an empty state; gives the demo team a new token in place of the last one.
function seed.fill(state)
  local now = math.floor(times.now() * 1000)
  local team = teams.find(state, TEAM)
  local id = team and team.id or teams.create(state, TEAM, "Demo", PASSWORD, now)
  state.db:exec("UPDATE token SET revoked_ms = ? WHERE team_id = ? AND name = 'seed' AND revoked_ms IS NULL", now, id)
  state.team, state.password, state.token = TEAM, PASSWORD, (teams.mint(state, id, "admin", now, "seed"))
  if not team then fill_app(state, id, now) end
end

return seed
