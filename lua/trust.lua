--- Trust in what a working directory brings along: the custom commands of a project.
-- Promise: nothing of a project is loaded before its content was trusted; what counts is the content, not the place alone,
-- so that any change makes it untrusted again. The record is kept in the user's data directory, outside every project.

local config = require "config"
local failure = require "failure"
local fingerprint = require "fingerprint"
local host = require "host"

local trust = {}

local function record_path(dir)
  local data, real = config.directory "data", host.file.real(dir)
  return data and real and data .. "/trust/" .. host.hash.sha256(real) .. ".json", real
end

local function read_record(path)
  local text = path and host.file.read(path, 65536)
  local record = text and host.json.decode(text)
  return type(record) == "table" and type(record.sha256) == "string" and record or nil
end

--- What is known of a project's folder of commands: { dir, trusted, changed (it was trusted, with other content), problem
--- (why it cannot be trusted as it is), content, hashes = { [path] = sha256 } for what is trusted }. Loads nothing.
function trust.look(dir)
  local path, real = record_path(dir)
  local record = read_record(path)
  local state = { dir = dir, real = real, record = path, trusted = false, changed = false }
  local content, err = fingerprint.of(dir)
  state.content, state.problem = content, err
  if not record then return state end
  state.trusted = content ~= nil and record.path == real and host.hash.equal(record.sha256, content.digest)
  state.changed = not state.trusted
  if state.trusted then
    state.hashes = {}
    for _, row in ipairs(content.files) do state.hashes[dir .. "/" .. row.path] = row.sha256 end
  end
  return state
end

local function check(done, err)
  if not done then failure.raise(err.code, err) end
end

--- Records the content that trust.look found.
function trust.record(state)
  check(host.file.mkdir(state.record:match("^(.*)/"), 448, true))
  check(host.file.write(state.record, host.json.encode {
    path = state.real, sha256 = state.content.digest, files = #state.content.files, at = host.time(),
  } .. "\n", { mode = 384 }))
end

--- Forgets that a folder was trusted; whether there was anything to forget.
function trust.forget(state)
  if not host.file.access(state.record, "f") then return false end
  check(host.file.remove(state.record))
  return true
end

local function quoted(path)
  return path:find("[^%w/._-]") and "'" .. path:gsub("'", "'\\''") .. "'" or path
end

local function reason(state)
  if state.problem then return "cannot be trusted: " .. state.problem.message end
  return state.changed and "were changed since they were trusted" or "are not trusted"
end

--- Why a command of the project is not there, as a failure that says what to do.
function trust.refuse(state)
  local project = state.dir:gsub("/%.tool/commands$", "")
  if project == "" then project = "/" end
  local command = not state.problem and "tool plugin trust " .. quoted(project) or nil
  failure.raise("PROJECT_UNTRUSTED", {
    message = ("The commands of the project in %s %s."):format(project, reason(state)), phase = "validation",
    context = { path = state.dir }, run = command,
    fix = command and ("Look at %s, then run: %s"):format(state.dir, command) or "Remove " .. state.problem.path,
  })
end

return trust
