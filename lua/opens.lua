-- What a contract opens, as data and in words, for `plugin explain` and `sandbox run`.
-- Promise: it shows the very rules that are enforced (confinement.policy), and says what of them this kernel cannot enforce.

local host = require "host"

local M = {}

local ACCESS = { r = "read", w = "write", x = "execute", d = "control", l = "list" }

local function access_of(rights)
  local list = {}
  for letter in rights:gmatch "." do list[#list + 1] = ACCESS[letter] end
  return host.json.array(list)
end

-- One row per path; several rules for it are one.
local function paths_of(notes)
  local rows, by_path = {}, {}
  for _, note in ipairs(notes) do
    local row = by_path[note.path]
    if not row then
      row = { path = note.path, rights = "", why = note.why, programs = false }
      by_path[note.path] = row
      rows[#rows + 1] = row
    end
    for letter in note.rights:gmatch "." do
      if not row.rights:find(letter, 1, true) then row.rights = row.rights .. letter end
    end
    row.programs = row.programs or note.programs
  end
  for _, row in ipairs(rows) do row.access, row.rights = access_of(row.rights), nil end
  table.sort(rows, function(a, b) return a.path < b.path end)
  return host.json.array(rows)
end

--- The form of `effective` in contracts.
M.FORM = {
  paths = { list = { path = "string", access = { list = "string", ordered = true }, why = "string", programs = "boolean" } },
  network = "boolean", ["hosts?"] = { list = "string", ordered = true }, ["ports?"] = { list = "integer" },
  listens = "boolean", local_sockets = "boolean", programs = "boolean",
  limits = { memory_bytes = "integer", file_bytes = "integer", tmp_bytes = "integer", ["processes?"] = "integer",
    open_files = "integer", ["time_ms?"] = "integer" },
}

local function array(list)
  return list and host.json.array(table.move(list, 1, #list, 1, {})) or nil
end

--- A policy and its notes as data.
function M.effective(policy, notes, C)
  return {
    paths = paths_of(notes), network = policy.connects and true or false, hosts = array(C.network and C.network.hosts),
    ports = array(policy.ports),
    listens = policy.listens and true or false, local_sockets = policy.local_sockets and true or false,
    programs = policy.exec and true or false,
    limits = { memory_bytes = policy.memory, file_bytes = policy.file_size, tmp_bytes = policy.tmp_size,
      processes = policy.processes, open_files = policy.open_files, time_ms = C.timeout_ms },
  }
end

M.ENFORCED_FORM = { landlock_abi = "integer", paths = "boolean", truncation = "boolean", ports = "boolean",
  signals = "boolean", system_calls = "boolean", missing = { list = "string", ordered = true } }

--- What this kernel enforces of it.
function M.enforced()
  local layers = host.layers()
  local abi, missing = layers.landlock, {}
  if abi < 1 then
    missing[1] = "Landlock is missing: paths, ports and signals are kept by the host's own checks and seccomp only"
  elseif abi < 4 then
    missing[1] = "Landlock before ABI 4: TCP ports are not confined, sockets as a whole are"
  end
  if abi > 0 and abi < 6 then
    missing[#missing + 1] = "Landlock before ABI 6: a program may signal other processes of its user, the host excepted"
  end
  if not layers.seccomp then missing[#missing + 1] = "seccomp is missing: sockets and system calls are not confined" end
  return { landlock_abi = abi, paths = abi >= 1, truncation = abi >= 3 or layers.seccomp, ports = abi >= 4,
    signals = abi >= 6, system_calls = layers.seccomp, missing = host.json.array(missing) }
end

local function size(bytes)
  if bytes >= 1 << 30 then return ("%.4g GiB"):format(bytes / (1 << 30)) end
  return ("%.4g MiB"):format(bytes / (1 << 20))
end

local OWN = { ["declared to be read"] = true, ["declared to be written"] = true, ["the caller names it"] = true,
  configuration = true, store = true, credentials = true }

-- The declared paths of one access.
local function declared(effective, access)
  local list = {}
  for _, row in ipairs(effective.paths) do
    if OWN[row.why] then
      for _, one in ipairs(row.access) do
        if one == access then list[#list + 1] = row.path end
      end
    end
  end
  return #list > 0 and table.concat(list, ", ") or "nothing of yours"
end

--- The same in sentences.
function M.words(effective, C)
  local out = { "Reads " .. declared(effective, "read") .. ".", "Writes " .. declared(effective, "write") .. "." }
  local function add(format, ...) out[#out + 1] = format:format(...) end
  if C.framework then add "Is a part of the host and reads every file that you may read." end
  if effective.hosts then
    add("Talks to %s only.", table.concat(effective.hosts, ", "))
  else
    add(effective.network and "Talks to any host." or "Has no network.")
  end
  if effective.listens then add "Listens on a TCP port." end
  if effective.local_sockets then add "Talks to services of this machine over Unix sockets." end
  if C.runs then
    add("Runs %s%s.", C.runs.binary, C.runs.alone and ", which can start nothing else"
      or C.runs.any and ", which may start programs of the system and of PATH" or ", which may start programs of the system")
    add "Its programs see only what is declared, and no memory, files or environment of other processes."
  elseif effective.programs then
    add "Starts programs."
  else
    add "Starts no program."
  end
  if C.background then add("Leaves %s running for at most %d s.", C.runs.binary, C.background.lifetime_seconds) end
  if C.native then add("Loads the native module %s, from TOOL_NATIVE_PATH.", C.native) end
  if C.auth or #C.scopes > 0 then
    add("Uses the stored credential%s.", #C.scopes > 0 and " with " .. table.concat(C.scopes, ", ") or "")
  end
  if C.danger ~= "safe" then add("Is %s: it changes something outside.", C.danger) end
  local l = effective.limits
  add("May use %s of memory, files of %s, %s in a directory of its own%s%s.", size(l.memory_bytes), size(l.file_bytes),
    size(l.tmp_bytes),
    l.processes and (", %d processes"):format(l.processes) or "",
    l.time_ms and l.time_ms > 0 and (", for %g s"):format(l.time_ms / 1000) or "")
  return host.json.array(out)
end

return M
