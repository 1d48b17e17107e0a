-- Credentials: where a command's token comes from, and what to do when there is none or it is too old.
-- Promise: a token is looked for in the named variables, then in the user's store; it is handed out as a secret only, and a
-- missing and an expired one are told apart, each with the command that helps (REQ-F-063, REQ-C-021).

local config = require "config"
local failure = require "failure"
local host = require "host"
local units = require "units"

local credentials = {}

local MAX_FILE = 65536

local function now()
  return os.date("!%Y-%m-%dT%H:%M:%SZ", host.time() // 1000)
end

--- The moment at which a JSON Web Token ends, as RFC 3339 in UTC, or nil: for other tokens, and those without an end.
function credentials.expiry_of(token)
  local payload = token:match("^[%w_-]+%.([%w_-]+)%.[%w_-]*$")
  if not payload then return nil end
  local text = host.hash.unbase64url(payload)
  local claims = text and host.json.decode(text)
  local ends = type(claims) == "table" and math.tointeger(claims.exp)
  return ends and ends > 0 and ends < 1 << 40 and os.date("!%Y-%m-%dT%H:%M:%SZ", ends) or nil
end

--- Is this point in time in the past? nil is not.
function credentials.past(when)
  return type(when) == "string" and when <= now()
end

-- The first of these command lines that exists; looked for only when something is wrong.
local function existing(run, lines)
  local tree, prefix = require "tree", run.inv.prefix
  for _, words in ipairs(lines) do
    local entry, used = tree.find(words)
    if entry and used == #words and entry.kind == "command" then
      if prefix and words[1] == prefix then words = { table.unpack(words, 2) } end
      return run.inv.program .. " " .. table.concat(words, " ")
    end
  end
end

local function declared(run, code)
  local e = run.contract.errors[code]
  return e and e.run
end

--- The command line that logs in, or nil when nobody declares one and none is found under the usual names.
function credentials.login_command(run)
  local group = run.contract.words[1]
  return declared(run, "UNAUTHENTICATED")
    or existing(run, { { group, "login" }, { group, "auth", "login" }, { "auth", "login" } })
end

--- The command line that renews the credentials: else the one that logs in.
function credentials.refresh_command(run)
  local group = run.contract.words[1]
  return declared(run, "CREDENTIALS_EXPIRED")
    or existing(run, { { group, "refresh" }, { group, "auth", "refresh" }, { "auth", "refresh" } })
    or credentials.login_command(run)
end

--- Options of the failure for missing or refused credentials; status: TOKEN_MISSING or TOKEN_INVALID.
function credentials.missing(run, status)
  local login = credentials.login_command(run)
  local names = run.contract.auth and table.concat(run.contract.auth.env, " or ") or ""
  local hint = login and ("Log in with `%s`"):format(login) or "Log in or set the credentials"
  if names ~= "" then hint = hint .. ", or set " .. names end
  return { hint = hint .. ", then call again", run = login, more = { token_status = status } }
end

--- Options of the failure for credentials that were good until expires_at (nil: not known).
function credentials.expired(run, expires_at)
  local refresh = credentials.refresh_command(run)
  return { run = refresh, hint = refresh and ("Renew the credentials with `%s`"):format(refresh) or nil,
    more = { token_status = "TOKEN_EXPIRED", expires_at = expires_at or host.json.null,
      refresh_command = refresh or host.json.null } }
end

-- The credential of a run --------------------------------------------------------------------------------------------

--- The directory of stored credentials, and the file of the run's suite or plugin; nil without a home.
function credentials.place(run)
  local dir = config.directory "config"
  if not dir then return nil end
  local words = run.contract.words
  return dir .. "/credentials", dir .. "/credentials/" .. (#words > 1 and words[1] or "tool") .. ".json"
end

local function from_file(name, path)
  local text, err = host.file.read(path, MAX_FILE)
  if not text then
    failure.raise("UNAUTHENTICATED", { message = ("%s names a file that cannot be read."):format(name),
      cause = err.message, more = { token_status = "TOKEN_MISSING" } })
  end
  return (text:gsub("%s+$", ""))
end

-- A token of the environment: the variable that the caller names, then those that the contract does.
local function from_environment(run)
  local auth, named = run.contract.auth, run.values.token_env_var
  for _, name in ipairs(named and { named } or auth and auth.env or {}) do
    local text = host.env(name)
    if text and text ~= "" then
      if name:find("_FILE$") and not named then text = from_file(name, text) end
      return { token = text, source = "env:" .. name, expires_at = credentials.expiry_of(text) }
    end
  end
end

local function from_store(run)
  local _, path = credentials.place(run)
  local text = path and host.file.read(path, MAX_FILE)
  local kept = text and host.json.decode(text)
  if type(kept) ~= "table" or type(kept.token) ~= "string" then return nil end
  local ends = kept.expires_at
  return { token = kept.token, source = path, scopes = type(kept.scopes) == "table" and kept.scopes or nil,
    expires_at = type(ends) == "string" and ends or credentials.expiry_of(kept.token) }
end

-- The words of a JSON Web Token's scope claim (RFC 8693 §4.2, or a list named scp or scopes), or nil.
local function scopes_of(token)
  local payload = token:match("^[%w_-]+%.([%w_-]+)%.[%w_-]*$")
  local text = payload and host.hash.unbase64url(payload)
  local claims = text and host.json.decode(text)
  local value = type(claims) == "table" and (claims.scope or claims.scp or claims.scopes)
  local list = host.json.array {}
  if type(value) == "string" then
    for word in value:gmatch("%S+") do list[#list + 1] = word end
  elseif type(value) == "table" then
    for _, word in ipairs(value) do list[#list + 1] = tostring(word) end
  else
    return nil
  end
  return list
end

--- The scopes that the credential of a command has, as far as this machine knows: TOOL_SCOPES, the claims of a token in
--- the environment, what was stored with the credential. nil when nothing says so. run: { contract, values }.
function credentials.active_scopes(run)
  local named = host.env "TOOL_SCOPES"
  if named and named ~= "" then
    local list = host.json.array {}
    for word in named:gmatch("[^%s,]+") do list[#list + 1] = word end
    return list
  end
  local found = from_environment(run) or from_store(run)
  return found and (found.scopes or scopes_of(found.token)) or nil
end

--- What is missing of a contract's scopes and whether active ones exceed them (REQ-O-047): missing, over_privileged.
function credentials.compare(required, active)
  local have, need, missing, more = {}, {}, host.json.array {}, false
  for _, scope in ipairs(active) do have[scope] = true end
  for _, scope in ipairs(required) do
    need[scope] = true
    if not have[scope] then missing[#missing + 1] = scope end
  end
  for _, scope in ipairs(active) do more = more or not need[scope] end
  return missing, more and #missing == 0
end

--- Warns when the credential of a command may do more than the command needs.
function credentials.watch(run)
  local required = run.contract.scopes
  local active = credentials.active_scopes(run)
  if not active then return end
  local _, more = credentials.compare(required, active)
  if more then
    run.warn("OVER_PRIVILEGED", ("the credential has more scopes (%s) than the command needs (%s)"):format(
      table.concat(active, ", "), table.concat(required, ", ")))
  end
end

--- The credential { token (secret), source, scopes, expires_at } of a run; raises when it is missing or expired.
function credentials.of(run)
  local found = from_environment(run) or not run.values.token_env_var and from_store(run) or nil
  if not found then
    failure.raise("UNAUTHENTICATED", credentials.missing(run, "TOKEN_MISSING"))
  end
  if credentials.past(found.expires_at) then
    failure.raise("CREDENTIALS_EXPIRED", credentials.expired(run, found.expires_at))
  end
  found.token = host.secret(found.token)
  found.scopes = found.scopes or host.json.array {}
  return found
end

local function change(run, path)
  if run.preview then
    failure.raise("DRY_RUN_MUTATION", { message = "A dry run must not change " .. path .. "." })
  end
  run.effect_begins()
end

local function directory(run)
  local dir, path = credentials.place(run)
  if not dir then
    failure.raise("IO_ERROR", { message = "There is no place for credentials: HOME is not set." })
  end
  return dir, path
end

--- Keeps a credential { token, expires_at, scopes } for later runs, in a file of mode 0600.
function credentials.save(run, kept)
  local dir, path = directory(run)
  change(run, path)
  local token = host.is_secret(kept.token) and host.reveal(kept.token) or kept.token
  if type(token) ~= "string" or token == "" then error("credential.save needs a token", 3) end
  local ends = kept.expires_at and assert(units.datetime(kept.expires_at))
  host.secret(token)                                  -- from now on it is shown nowhere
  local ok, err = host.file.mkdir(dir, 448, true)
  if ok then
    local text = host.json.encode({ token = token, expires_at = ends, scopes = kept.scopes }, { raw = true })
    ok, err = host.file.write(path, text .. "\n", { mode = 384 })
  end
  if not ok then failure.raise(err.code, { message = err.message, context = { path = err.path } }) end
end

--- Forgets what is kept. @return boolean whether there was something
function credentials.clear(run)
  local _, path = directory(run)
  if not host.file.access(path, "f") then return false end
  change(run, path)
  local ok, err = host.file.remove(path)
  if not ok and err.code ~= "NOT_FOUND" then
    failure.raise(err.code, { message = err.message, context = { path = err.path } })
  end
  return true
end

-- Without a browser ------------------------------------------------------------------------------------------------

local function methods(run)
  local list, names, named = {}, {}, run.values.token_env_var
  for i, name in ipairs(named and { named } or run.contract.auth.env) do
    list[i] = { type = "env_var", name = name, hint = "export " .. name .. (name:find("_FILE$") and "=PATH" or "=TOKEN") }
    names[i] = name
  end
  return host.json.array(list), names
end

--- Before a command starts that may need a browser: is there a token to do without? --headless demands one; without a
--- terminal a command that cannot log in otherwise does. What merely uses a credential tells of a missing one itself.
function credentials.gate(run)
  local asked, auth = run.values.headless, run.contract.auth
  local stuck = not host.tty.stdin and not auth.headless and run.contract.danger ~= "safe"
  if not asked and not stuck or from_environment(run) then return end
  local list, names = methods(run)
  local text = table.concat(names, " or ")
  failure.raise(asked and "AUTH_REQUIRED" or "NO_TTY", { exit = "PRECONDITION", phase = "validation",
    message = #names > 0 and "Without a browser this needs " .. text .. "." or "Without a browser this needs a token.",
    fix = #names > 0 and "Set " .. text .. ", then call again" or "Name a variable with --token-env-var, then call again",
    more = { auth_methods = list } })
end

return credentials
