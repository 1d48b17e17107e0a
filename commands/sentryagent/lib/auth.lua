-- Logging in: OAuth 2.0 client credentials (RFC 6749 §4.4).
-- Promise: a token is fetched when none is kept, kept in a file of mode 0600 until a minute before it expires, and
-- dropped when the service refuses it. The client's secret leaves only to the token endpoint.

local M = {}

--- What a command declares to keep tokens: `writes = auth.writes`.
M.writes = { { "credential", "~/.sentryagent/tokens.json", ttl = "1h" } }

local FILE = M.writes[1][2]
local EARLY = 60                -- seconds before the end at which a token counts as expired
local LIFETIME = 3600           -- of a token whose answer does not say

--- Fails with NOT_CONFIGURED unless address, client id and secret are known.
function M.require_configured(ctx, args)
  if not args.api_url or not args.client_id or args.client_id == "" or not args.client_secret then
    ctx.fail "NOT_CONFIGURED"
  end
end

local function key_of(args)
  return require("tool.hash").sha256((args.api_url:gsub("/+$", "")) .. "\n" .. args.client_id)
end

-- All kept tokens: key -> { access_token, expires_at }. A file that cannot be read or understood keeps nothing.
local function kept(ctx)
  local ok, text = pcall(ctx.files.read, FILE)
  local all = ok and require("tool.json").decode(text)
  return type(all) == "table" and all or {}
end

-- A file that cannot be written costs a login next time, nothing else. A preview writes nothing.
local function keep(ctx, args, entry)
  if ctx.dry_run then return end
  local all, now = {}, os.time()
  for key, old in pairs(kept(ctx)) do
    if type(old) == "table" and (tonumber(old.expires_at) or 0) > now then all[key] = old end
  end
  all[key_of(args)] = entry
  pcall(ctx.files.write, FILE, require("tool.json").encode(all), { mode = 384 })
end

-- The answer to a token request, which must hold a token.
local function checked(ctx, response)
  local answer = M.object(ctx, response)
  if type(answer.access_token) ~= "string" then
    ctx.fail("INVALID_RESPONSE", { cause = "The token endpoint's answer has no access_token" })
  end
  return response, answer
end

--- The JSON object or array of a response; an answer without one ends the command.
function M.object(ctx, response)
  local answer = response.json
  if type(answer) == "table" then return answer end
  ctx.fail("INVALID_RESPONSE", { cause = ("The answer with status %d to %s is no JSON object"):format(response.status,
    response.url) })
end

--- Asks the token endpoint; form: fields beside grant_type. Returns the response and its JSON.
function M.request(ctx, args, form)
  form.grant_type = "client_credentials"
  return checked(ctx, ctx.api.post("/oauth2/token", { form = form, basic = { args.client_id, args.client_secret } }))
end

--- Logs in once with values that are not saved yet: { api_url, client_id, client_secret }.
function M.verify(ctx, values)
  local response, err = ctx.http.try.post(values.api_url .. "/oauth2/token", {
    form = { grant_type = "client_credentials" }, basic = { values.client_id, values.client_secret }, effect = false,
  })
  if not response then ctx.fail(err) end
  if response.status == 200 then return checked(ctx, response) end
  if response.body:find('"invalid_client"', 1, true) then ctx.fail "UNAUTHENTICATED" end
  ctx.fail(response)
end

--- Seconds that an answer's token lives.
function M.lifetime(answer)
  return math.tointeger(tonumber(answer.expires_in)) or LIFETIME
end

--- The service's credential: a kept token, or a new one. refused: the one that the service did not accept.
function M.token(ctx, args, refused)
  M.require_configured(ctx, args)
  local entry = not refused and kept(ctx)[key_of(args)]
  if type(entry) == "table" and type(entry.access_token) == "string"
    and (tonumber(entry.expires_at) or 0) - EARLY > os.time() then
    return ctx.secret(entry.access_token)
  end
  local _, answer = M.request(ctx, args, {})
  local lifetime = M.lifetime(answer)
  if lifetime > EARLY then
    keep(ctx, args, { access_token = answer.access_token, expires_at = os.time() + lifetime })
  elseif refused then
    keep(ctx, args, nil)
  end
  return ctx.secret(answer.access_token)
end

local CODES = { AGENT_NOT_FOUND = true, AGENT_ALREADY_EXISTS = true }

--- The error code for a response outside 2xx; nil for what the status itself says.
function M.error_code(response)
  local body = type(response.json) == "table" and response.json or {}
  if CODES[body.code] then return body.code end
  if body.error == "invalid_client" then return "UNAUTHENTICATED" end
end

return M
