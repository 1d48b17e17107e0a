-- --idempotency-key: one run per key (REQ-C-007).
-- Promise: a key that a command has succeeded with gives that answer again instead of a second effect, for 24 hours,
-- also between runs that start at the same moment; a failure leaves no trace, so that it can be tried again. The record
-- is whole or not there, its owner's alone, and holds no secret.

local config = require "config"
local failure = require "failure"
local host = require "host"

local M = {}

local TTL_MS = 24 * 60 * 60 * 1000
local WAIT_MS = 10000
local PRUNED_AT_ONCE = 64 -- old records that one run removes

-- What was asked for, without secrets and without flags that only say how to answer.
local function request_of(run)
  local C, asked = run.contract, {}
  for _, p in ipairs(C.params) do
    if p.type ~= "secret" then asked[p.name] = run.values[p.name] end
  end
  for _, name in ipairs { "resume_from", "global", "input_file" } do asked["flag " .. name] = run.values[name] end
  if C.stdin and run.stdin then asked["standard input"] = host.hash.sha256(run.stdin()) end
  if run.config and run.config.path then asked["configuration file"] = run.config.path end
  return assert(host.json.encode(asked))
end

-- What tells one session of a caller from another: the trace it named, else the process session and when it began.
local function session()
  local trace = host.env "TOOL_TRACE_ID"
  if trace and trace ~= "" then return trace end
  local own = host.file.read("/proc/self/stat", 4096) or ""
  local sid = own:match("%) %S+ %S+ %S+ (%d+)") or "0"
  local leader = host.file.read("/proc/" .. sid .. "/stat", 4096) or ""
  local fields = {}
  for field in (leader:match("%) (.*)") or ""):gmatch("%S+") do fields[#fields + 1] = field end
  return sid .. " " .. (fields[20] or "0")
end

local function same_key(run, key, request)
  if key ~= "auto" then return key end
  return "auto-" .. host.hash.sha256(table.concat({ run.contract.path, request, session() }, "\0"))
end

local function directory(run)
  local base = config.directory "data"
  if not base then
    failure.raise("CONFIG_INVALID", { message = "There is no directory for records of idempotency keys.", phase = "validation",
      fix = "Set HOME or XDG_DATA_HOME" })
  end
  local dir = base .. "/idempotency/" .. run.contract.path
  local ok, err = host.file.mkdir(dir, 448, true)
  if not ok then failure.raise(err.code, { message = err.message, context = { path = dir } }) end
  return dir
end

local function take_lock(run, path)
  local lock, err = host.file.lock(path, math.min(run.remaining_ms() or WAIT_MS, WAIT_MS))
  if not lock then
    if err.code ~= "LOCK_HELD" then failure.raise(err.code, { message = err.message, context = { path = path } }) end
    failure.raise("LOCK_HELD", { retryable = true, retry_after_ms = 1000, more = { holder_pid = err.holder },
      message = "Another run with this idempotency key has not ended yet." })
  end
  run.held[#run.held + 1] = { release = function() lock:close() end }
end

-- The record of a key if it counts: nil when there is none, when it is too old or not readable.
local function read(path)
  local text = host.file.read(path)
  local record = text and host.json.decode(text)
  if type(record) ~= "table" or math.type(record.expires_ms) ~= "integer" or record.expires_ms <= host.time() then
    return nil
  end
  return record
end

--- Begins a run with a key: takes the key's lock, held until the run ends. Returns the guard, and the record of an earlier
--- success, if there is one. Raises IDEMPOTENCY_KEY_REUSED and LOCK_HELD.
function M.begin(run)
  local request = request_of(run)
  local key = same_key(run, run.values.idempotency_key, request)
  run.values.idempotency_key, run.values["idempotency-key"] = key, key
  local guard = { dir = directory(run), request = host.hash.sha256(request) }
  guard.path = guard.dir .. "/" .. host.hash.sha256(key) .. ".json"
  take_lock(run, guard.path .. ".lock")
  local record = read(guard.path)
  if record and record.request ~= guard.request then
    failure.raise("IDEMPOTENCY_KEY_REUSED", { fix = "Use another key for another request",
      context = { command = table.concat(run.contract.words, " ") } })
  end
  return guard, record
end

-- The bytes that must not be written: the run's secrets, and what the environment holds under a secret's name.
local function needles()
  local list, is_secret = host.secrets(), require("redact_args").is_secret_name
  for name, value in pairs(host.environ()) do
    if is_secret(name) and #value >= 8 then list[#list + 1] = value end
  end
  table.sort(list, function(a, b) return #a > #b end)
  return list
end

local function without(text, list)
  for _, needle in ipairs(list) do
    if #needle >= 4 then
      local from, to = text:find(needle, 1, true)
      while from do
        text = text:sub(1, from - 1) .. "[REDACTED]" .. text:sub(to + 1)
        from, to = text:find(needle, from + 10, true)
      end
    end
  end
  return text
end

local function scrub(value, list)
  if type(value) == "string" then return without(value, list) end
  if type(value) ~= "table" then return value end
  for key, item in pairs(value) do value[key] = scrub(item, list) end
  return value
end

--- A copy of an answer as it may be kept: as its readers see it, with everything that looks like a key masked.
function M.keepable(run, data)
  local copy = assert(host.json.decode((assert(host.json.encode(data)))))
  local sensitive = {}
  for _, name in ipairs(run.contract.sensitive or {}) do sensitive[name] = true end
  return scrub(require("output.mask").value(copy, sensitive, {}), needles())
end

local function prune(dir)
  local now, looked = host.time(), 0
  for _, name in ipairs(host.file.list(dir) or {}) do
    local stat = looked < PRUNED_AT_ONCE and host.file.stat(dir .. "/" .. name)
    if stat and stat.mtime + TTL_MS < now then
      looked = looked + 1
      host.file.remove(dir .. "/" .. name)
    end
  end
end

--- Keeps the answer of a success. `kind` says which form it has.
function M.keep(run, guard, data, kind)
  local text = assert(host.json.encode {
    version = 1, command = run.contract.path, request = guard.request, expires_ms = host.time() + TTL_MS, kind = kind,
    data = M.keepable(run, data),
  })
  local ok, err = host.file.write(guard.path, text .. "\n", { mode = 384 })
  if not ok then run.warn("IDEMPOTENCY_NOT_KEPT", "A second run with this key will act again: " .. err.message) end
  prune(guard.dir)
end

return M
