-- Apps and their versions.
-- Promise: a version is made of an archive whose Towerfile was found and is valid, or not at all.

local api = require "lib.minitower.api"
local hash = require "tool.hash"
local json = require "tool.json"
local towerfile = require "lib.minitower.towerfile"

local apps = {}

local FIRST_ENTRIES = 50            -- the Towerfile is looked for among these
local MAX_TOWERFILE = 256 * 1024
local TOO_LARGE = "Towerfile is larger than 256 KiB"

local function app_of(row)
  return { app_id = row.id, slug = row.slug, description = row.description, disabled = false,
    created_at = api.time(row.created_ms), updated_at = api.time(row.updated_ms) }
end

local function version_of(row)
  return { version_id = row.id, version_no = row.version_no, entrypoint = row.entrypoint,
    timeout_seconds = row.timeout_seconds, params_schema = row.params_schema and json.decode(row.params_schema),
    artifact_sha256 = row.sha256, towerfile_toml = row.towerfile,
    import_paths = row.import_paths and json.decode(row.import_paths), created_at = api.time(row.created_ms) }
end

--- The app that the path names, of the caller's team.
function apps.named(state, req)
  local row = state.db:one("SELECT * FROM app WHERE team_id = ? AND slug = ?", req.token.team_id, req.params.app)
  if not row then api.fail(req, 404, "not_found", "app not found") end
  return row
end

--- The version of that number, or the last one; nil when there is none.
function apps.version(state, app_id, number)
  if number then
    return state.db:one("SELECT * FROM version WHERE app_id = ? AND version_no = ?", app_id, number)
  end
  return state.db:one("SELECT * FROM version WHERE app_id = ? ORDER BY version_no DESC LIMIT 1", app_id)
end

local function list_apps(state, req)
  local rows = state.db:rows("SELECT * FROM app WHERE team_id = ? ORDER BY slug", req.token.team_id)
  for i, row in ipairs(rows) do rows[i] = app_of(row) end
  return api.reply(200, { apps = json.array(rows) })
end

--- Makes an app; returns its id.
function apps.create(state, team_id, slug, description, now)
  local id = state.db:insert("INSERT INTO app(team_id, slug, description, created_ms, updated_ms) VALUES(?, ?, ?, ?, ?)",
    team_id, slug, description, now, now)
  return id
end

local function create_app(state, req)
  local body = api.body(req)
  local slug, description = api.slug(req, body), api.field(req, body, "description", "string")
  if state.db:one("SELECT 1 AS one FROM app WHERE team_id = ? AND slug = ?", req.token.team_id, slug) then
    api.fail(req, 409, "slug_taken", "app slug already taken")
  end
  local id = apps.create(state, req.token.team_id, slug, description, req.time_ms)
  return api.reply(201, app_of(state.db:one("SELECT * FROM app WHERE id = ?", id)))
end

local function get_app(state, req)
  return api.reply(200, app_of(apps.named(state, req)))
end

local function list_versions(state, req)
  local rows = state.db:rows("SELECT * FROM version WHERE app_id = ? ORDER BY version_no DESC", apps.named(state, req).id)
  for i, row in ipairs(rows) do rows[i] = version_of(row) end
  return api.reply(200, { versions = json.array(rows) })
end

-- The text of the archive's Towerfile, or nil and why there is none.
local function find_towerfile(state, bytes)
  local archive = state.ctx.archive
  local ok, entries = pcall(archive.list, { data = bytes })
  if not ok then
    if type(entries) ~= "table" then error(entries, 0) end
    return nil, "artifact is no readable .tar.gz archive: " .. tostring(entries.message)
  end
  if bytes:sub(1, 2) ~= "\31\139" then return nil, "artifact is not gzip" end
  for i = 1, math.min(#entries, FIRST_ENTRIES) do
    local entry = entries[i]
    if entry.type == "file" and (entry.name == "Towerfile" or entry.name == "./Towerfile") then
      if entry.size > MAX_TOWERFILE then return nil, TOO_LARGE end
      return archive.read({ data = bytes }, entry.name)
    end
  end
  return nil, "Towerfile not found in artifact"
end

--- Makes the next version of an app from an archive; returns its row, or nil, an error code and a message.
function apps.add_version(state, app_id, bytes, now)
  local text, missing = find_towerfile(state, bytes)
  if not text then return nil, "TOWERFILE_MISSING", missing end
  local file, problem = towerfile.read(text)
  if not file then return nil, "TOWERFILE_INVALID", "invalid Towerfile: " .. problem end
  return state.db:atomic(function()
    local last = apps.version(state, app_id)
    local number = last and last.version_no + 1 or 1
    local id = state.db:insert([[INSERT INTO version(app_id, version_no, entrypoint, timeout_seconds, params_schema,
      sha256, towerfile, import_paths, created_ms) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)]], app_id, number, file.entrypoint,
      file.timeout_seconds, file.params_schema and json.encode(file.params_schema), hash.sha256(bytes), text,
      file.import_paths and json.encode(file.import_paths), now)
    state.db:exec("INSERT INTO artifact(version_id, bytes) VALUES(?, ?)", id, bytes)
    state.db:exec("UPDATE app SET updated_ms = ? WHERE id = ?", now, app_id)
    return apps.version(state, app_id, number)
  end)
end

--- The archive of a version.
function apps.artifact(state, version_id)
  return state.db:one("SELECT bytes FROM artifact WHERE version_id = ?", version_id).bytes
end

local function upload(state, req)
  local app = apps.named(state, req)
  local parts = req.multipart
  if not parts then api.fail(req, 400, "invalid_request", "invalid multipart form") end
  local part = parts.artifact
  if not part or not part.filename then api.fail(req, 400, "invalid_request", "artifact file is required") end
  if #part.bytes > state.options.max_artifact then
    api.fail(req, 400, "invalid_request", "invalid multipart form")
  end
  local row, code, message = apps.add_version(state, app.id, part.bytes, req.time_ms)
  if not row then api.fail(req, 400, code, message) end
  return api.reply(201, version_of(row))
end

--- The routes of apps and versions.
function apps.routes(_, bind)
  return {
    ["GET /api/v1/apps"] = { auth = "team", run = bind(list_apps) },
    ["POST /api/v1/apps"] = { auth = "team", run = bind(create_app) },
    ["GET /api/v1/apps/{app}"] = { auth = "team", run = bind(get_app) },
    ["GET /api/v1/apps/{app}/versions"] = { auth = "team", run = bind(list_versions) },
    ["POST /api/v1/apps/{app}/versions"] = { auth = "team", run = bind(upload) },
  }
end

return apps
