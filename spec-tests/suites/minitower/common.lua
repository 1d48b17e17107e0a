-- What the tests of the minitower suite share: runs as `minitower-cli` (the dialect) and as `tool minitower` (the spec),
-- each with a configuration of its own, against a scripted service that answers as the real one does.
local S = require "lib.spec"
local emulator = require "lib.emulator"
local stub = require "lib.stub_server"
local tar = require "lib.tar"

local common = {}

-- The token of scripted services, which only the commands that are for tokens may show.
common.TOKEN = "mtk_pl4nted-t0ken-0123456789"

local null = S.json.null

common.APP = { app_id = 1, slug = "hello", description = "Says hello", disabled = false,
  created_at = "2031-02-03T10:00:00Z", updated_at = "2031-02-03T11:00:00Z" }
common.VERSION = { version_id = 3, version_no = 2, entrypoint = "main.sh", timeout_seconds = 60,
  artifact_sha256 = ("0123456789abcdef"):rep(4), towerfile_toml = "[app]\n", created_at = "2031-02-03T12:00:00Z",
  params_schema = { type = "object", properties = { NAME = { type = "string" } } }, import_paths = S.json.array { "./lib" } }

-- A run of the service; `more` replaces fields.
function common.run(more)
  local run = { run_id = 42, app_id = 1, app_slug = "hello", run_no = 3, version_no = 2, status = "queued",
    input = { NAME = "Ada" }, priority = 0, max_retries = 1, retry_count = 0, cancel_requested = false,
    queued_at = "2031-02-03T13:00:00Z" }
  for name, value in pairs(more or {}) do run[name] = value ~= null and value or nil end
  return run
end

-- A log of lines "stream text", numbered from `from`.
function common.logs(lines, from)
  local out = S.json.array {}
  for i, line in ipairs(lines) do
    local stream, text = line:match("^(%S+) (.*)$")
    out[i] = { seq = (from or 1) + i - 1, stream = stream, line = text, logged_at = "2031-02-03T13:00:01Z" }
  end
  return { json = { logs = out } }
end

-- The service's own form of an error.
function common.failure(status, code, message, headers)
  return { status = status, json = { error = { code = code, message = message } }, headers = headers }
end

local function listed(key, ...) return { json = { [key] = S.json.array { ... } } } end

-- What a healthy service answers, by route.
function common.routes()
  return {
    ["POST /api/v1/teams/login"] = { status = 201,
      json = { team_id = 1, token = common.TOKEN, token_id = 2, role = "admin" } },
    ["GET /api/v1/me"] = { json = { team_id = 1, team_slug = "acme", token_id = 2, role = "admin" } },
    ["POST /api/v1/tokens"] = { status = 201, json = { token_id = 7, token = "mtk_new", name = "ci", role = "member" } },
    ["GET /api/v1/apps"] = listed("apps", common.APP),
    ["POST /api/v1/apps"] = { status = 201, json = common.APP },
    ["GET /api/v1/apps/hello"] = { json = common.APP },
    ["GET /api/v1/apps/hello/versions"] = listed("versions", common.VERSION),
    ["POST /api/v1/apps/hello/versions"] = { status = 201, json = common.VERSION },
    ["GET /api/v1/apps/hello/runs"] = listed("runs", common.run()),
    ["POST /api/v1/apps/hello/runs"] = { status = 201, json = common.run { app_slug = null } },
    ["GET /api/v1/runs"] = listed("runs", common.run()),
    ["GET /api/v1/runs/42"] = { json = common.run { status = "completed" } },
    ["POST /api/v1/runs/42/cancel"] = { json = common.run { status = "cancelling", app_slug = null } },
    ["GET /api/v1/runs/42/logs"] = common.logs { "stderr downloading run artifact", "stdout hello" },
    ["GET /api/v1/admin/runners"] = listed("runners", { runner_id = 1, name = "r1", environment = "default", status = "online",
      last_seen_at = "2031-02-03T13:00:00Z" }),
  }
end

-- The package in the body of an upload: its bytes, and its entries.
function common.package_of(request)
  local boundary = request.headers["content-type"]:match("boundary=(%S+)")
  local content = request.body:match("\r\n\r\n(.*)\r\n%-%-" .. boundary:gsub("%p", "%%%0") .. "%-%-\r\n$")
  return content, tar.entries(tar.gunzip(content))
end

function common.sha256(bytes)
  local path = S.spit(S.dir() .. "/bytes", bytes)
  return io.popen("sha256sum < " .. path):read("a"):match("%x+")
end

-- The reply to an upload: a version with the digest of what came.
function common.deployed(request)
  local version = {}
  for key, value in pairs(common.VERSION) do version[key] = value end
  version.artifact_sha256 = common.sha256((common.package_of(request)))
  return { status = 201, json = version }
end

-- A scripted service. routes: "METHOD /path" -> reply (see lib.stub_server) or function(request, count) -> reply, before
-- those of a healthy one; "*" answers everything. seen(route) counts requests.
function common.service(routes)
  local counts, healthy = {}, common.routes()
  local server = stub.start(function(request)
    local key = request.method .. " " .. request.path
    counts[key] = (counts[key] or 0) + 1
    local reply = routes and (routes[key] or routes["*"]) or healthy[key]
    if type(reply) == "function" then reply = reply(request, counts[key]) end
    return reply or healthy[key] or { status = 404, body = "404 page not found\n" }
  end)
  function server.seen(key) return counts[key] or 0 end
  function server.env(more) return common.env(server.url, more) end
  return server
end

-- An environment that names the service and a token, with a home of its own.
function common.env(url, more)
  local env = { HOME = S.dir "home", MINITOWER_SERVER_URL = url, MINITOWER_API_TOKEN = common.TOKEN }
  for name, value in pairs(more or {}) do env[name] = value end
  return env
end

local function words(args)
  if type(args) == "table" then return { table.unpack(args) } end
  local list = {}
  for word in args:gmatch("%S+") do list[#list + 1] = word end
  return list
end

-- Runs `minitower-cli <args>`.
function common.cli(args, opts)
  local all = { argv0 = "minitower-cli", shape = "none" }
  for name, value in pairs(opts or {}) do all[name] = value end
  return S.tool(words(args), all)
end

-- Runs `tool minitower <args>`.
function common.tool(args, opts)
  local list = words(args)
  table.insert(list, 1, "minitower")
  return S.tool(list, opts or {})
end

-- Runs `minitower-cli` and compares all that a caller sees: { stdout, stderr, status }, which are "", "" and 0 by default.
function common.says(args, want, opts)
  local r = common.cli(args, opts)
  S.equal(r, { want.status or 0, want.stdout or "", want.stderr or "" },
    { r.status or ("signal " .. tostring(r.signal)), (r.stdout:gsub("\r\n", "\n")), (r.stderr:gsub("\r\n", "\n")) },
    "status, stdout, stderr")
  return r
end

-- The profiles in a configuration file.
function common.config(path) return S.json.decode(S.slurp(path)) end

-- A directory with these files: { [path] = text | { link = target } | { text =, mode = } }.
function common.app(files)
  local uv = require "luv"
  local dir = S.dir "app"
  for path, content in pairs(files) do
    local at = dir
    for part in (path:match("^(.*)/[^/]*$") or ""):gmatch("[^/]+") do
      at = at .. "/" .. part
      uv.fs_mkdir(at, 493)
    end
    local full = dir .. "/" .. path
    if type(content) == "table" and content.link then assert(uv.fs_symlink(content.link, full))
    else S.spit(full, type(content) == "table" and content.text or content) end
    if type(content) == "table" and content.mode then assert(uv.fs_chmod(full, content.mode)) end
  end
  return dir
end

common.emulator = emulator

return common
