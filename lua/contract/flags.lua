--- The flags that the host adds to a command because of what its contract declares.
-- Promise: one row per flag and one condition per row (REQ-O appendix A); rows without a default of their own are
-- shared tables that nobody changes.

local flags = {}

local function row(name, kind, about, more)
  local p = { name = name, type = kind, about = about, required = false, injected = true }
  for k, v in pairs(more or {}) do p[k] = v end
  return p
end

local IDEMPOTENCY = row("idempotency-key", "string",
  "Run at most once per key; `auto` derives one from the arguments", { max_length = 256 })
local DRY_RUN = row("dry-run", "boolean", "Show what would happen, change nothing", { default = false })
local CONFIRM = row("confirm-destructive", "boolean", "Confirm that data may be destroyed", { default = false })
local LIVE = row("live", "boolean", "Do it; without this flag the command only shows what it would do",
  { default = false })
local YES = row("yes", "boolean", "Answer every question with yes", { default = false, global = true })
local NON_INTERACTIVE = row("non-interactive", "boolean", "Never ask; fail instead",
  { default = false, global = true })
local CURSOR = row("cursor", "string", "Continue behind this point; from meta.cursor of the page before")
local STREAM = row("stream", "boolean", "Write each row as one JSON line at once",
  { default = false, global = true })
local NO_STREAM = row("no-stream", "boolean", "Answer with one envelope at the end", { default = false })
local ROLLBACK = row("rollback-on-failure", "boolean", "Undo the finished steps when one fails", { default = false })
local PROXY = row("proxy", "url", "Send all requests through this proxy")
local NO_PROXY = row("no-proxy", "boolean", "Use no proxy, whatever the environment says", { default = false })
local NO_CACHE = row("no-cache", "boolean", "Neither read nor write the cache", { default = false })
local CACHE_TTL = row("cache-ttl", "integer", "Seconds that a cached answer is good for; 0 as --no-cache", { min = 0 })
local INPUT_FILE = row("input-file", "path", "Read the input from this file; - for standard input")
local RAW_PAYLOAD = row("raw-payload", "string", "All parameters as one JSON object")
local INPUT = row("input", "string", "Same as --raw-payload", { alias_of = "raw-payload" })
local HEADLESS = row("headless", "boolean", "Use no browser; take the token from the environment", { default = false })
local TOKEN_ENV_VAR = row("token-env-var", "string", "Name of the environment variable that holds the token",
  { match = "^[A-Za-z_][A-Za-z0-9_]*$" })
local MAX_DEPTH = row("max-depth", "integer", "Levels of directories that are entered", { default = 50, min = 0 })
local NO_SYMLINKS = row("no-follow-symlinks", "boolean", "Skip every symbolic link", { default = false })
local GLOBAL = row("global", "boolean", "Write the user's configuration instead of the project's",
  { default = false })
local HEARTBEAT_MS = row("heartbeat-ms", "integer", "Milliseconds between signs of life on stdout; 0 for none",
  { min = 0, global = true })
local HEARTBEAT_INTERVAL = row("heartbeat-interval", "integer", "Seconds between lines of progress on stderr",
  { min = 1, global = true })

local function has_cache(C)
  for _, entry in ipairs(C.writes or {}) do
    if entry.type == "cache" then return true end
  end
end

local function resume_from(C)
  return row("resume-from", "string", "Begin with this step; the steps before it are skipped", { one_of = C.steps })
end

--- The injected Params of C in a fixed order. Rows with global = true are parsed as global flags and only shown here.
function flags.of(C)
  local list = {}
  local function add(condition, p)
    if condition then list[#list + 1] = p end
  end
  local changes = C.danger ~= "safe"
  add(C.page, C.page and row("limit", "integer", "At most this many items; 0 for all", { default = C.page, min = 0 }))
  add(C.page, CURSOR)
  add(C.stream, STREAM)
  add(C.stream == "default" and not C.dispatches, NO_STREAM)
  add(C.has_preview or C.danger == "destructive" or C.dispatches, DRY_RUN)
  add(C.safe_default, LIVE)
  add(C.danger == "destructive", CONFIRM)
  add(changes, IDEMPOTENCY)
  add(C.asks, YES)
  add(C.asks, NON_INTERACTIVE)
  add(C.resumable, C.resumable and resume_from(C))
  add(C.has_undo, ROLLBACK)
  if C.network then
    add(true, row("connect-timeout", "duration", "Time limit for making a connection",
      { default = C.network.connect }))
    add(true, PROXY)
    add(true, NO_PROXY)
  end
  if C.writes and has_cache(C) then add(true, NO_CACHE) add(true, CACHE_TTL) end
  add(C.stdin, INPUT_FILE)
  add(C.payload, RAW_PAYLOAD)
  add(C.payload, INPUT)
  add(C.auth, HEADLESS)
  add(C.auth, TOKEN_ENV_VAR)
  add(C.walk, MAX_DEPTH)
  add(C.walk, NO_SYMLINKS)
  add(changes and (C.config == "local" or C.config == "global"), GLOBAL)
  add(C.long_running, HEARTBEAT_MS)
  add(C.long_running, HEARTBEAT_INTERVAL)
  return list
end

--- Names that no author may use, because they mean the same everywhere: name -> requirement.
flags.reserved = {
  ["yes"] = "REQ-C-005", ["non-interactive"] = "REQ-C-005", ["idempotency-key"] = "REQ-C-007",
  ["confirm-destructive"] = "REQ-O-021", ["dry-run"] = "REQ-C-004", ["live"] = "REQ-O-048",
  ["timeout"] = "REQ-C-012", ["connect-timeout"] = "REQ-C-012", ["raw-payload"] = "REQ-O-032",
  ["resume-from"] = "REQ-O-010", ["rollback-on-failure"] = "REQ-O-011", ["help"] = "REQ-F-068",
  ["version"] = "REQ-F-068", ["format"] = "REQ-O-001", ["json"] = "REQ-O-001",
}

return flags
