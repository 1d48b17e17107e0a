local auth = require "lib.auth"

-- Parameter, key in the file, and the flags that answer for a question nobody can be asked.
local SETTINGS = {
  { "api_url", "apiUrl", "--api-url" },
  { "client_id", "clientId", "--client-id" },
  { "client_secret", "clientSecret", "--client-secret-from-env or --client-secret-from-file" },
}

local function ask(ctx, question, flag, present, fits)
  if present then question = ("%s [%s]"):format(question, present) end
  while true do
    local answer = ctx.ask(question .. ":", { flag = flag })
    if answer == "" and present then return present end
    if answer:find(fits) then return answer end
  end
end

-- Fills in what the flags left out: with everything asked anew, or with what the file has when only some was given.
local function complete(args, ctx)
  local values, missing, given = {}, {}, false
  for _, setting in ipairs(SETTINGS) do given = given or args[setting[1]] ~= nil end
  for _, setting in ipairs(SETTINGS) do
    local name, key, flag = setting[1], setting[2], setting[3]
    values[name] = args[name]
    if values[name] == nil and given then values[name] = ctx.config.get(key) end
    if values[name] == nil then missing[#missing + 1] = flag end
  end
  if #missing == 0 then return values end
  if not ctx.tty.stdin then
    ctx.fail("INPUT_REQUIRED", { context = { missing = missing },
      message = ("Nobody can be asked here; pass %s."):format(table.concat(missing, ", ")) })
  end
  values.api_url = values.api_url or ask(ctx, "API URL", "api-url", ctx.config.get "apiUrl", "^https?://[^%s/]+")
  values.client_id = values.client_id or ask(ctx, "Client ID", "client-id", ctx.config.get "clientId", "%S")
  if not values.client_secret then
    local stored = ctx.config.get "clientSecret"
    local keep = stored and ctx.confirm "Keep the stored client secret?"
    values.client_secret = keep and ctx.secret(stored)
      or ctx.ask("Client secret:", { secret = true, flag = "client-secret-from-env" })
  end
  return values
end

return {
  about    = "Save the address and the credentials of the service",
  danger   = "mutating", scopes = {}, network = true, asks = true, config = "global",
  external = false,
  args     = {
    { "api-url", "url", "Base address of the service", match = "^https?://[^[:space:]/?#]+[^[:space:]?#]*$" },
    { "client-id", "string", "Client id", match = "^[!-~]+$", loose = true, max_length = 256 },
    { "client-secret", "secret", "Client secret" },
    { "verify", "boolean", "Log in once before saving", default = false },
  },
  returns  = { path = "string", api_url = "string", client_id = "string", verified = "boolean" },
  exits    = { SUCCESS = "The configuration is saved" },
  errors   = {
    NOT_CONFIGURED = false, AGENT_NOT_FOUND = false, AGENT_ALREADY_EXISTS = false,
    INPUT_REQUIRED = { "Nobody can be asked here.", exit = "PRECONDITION", fix = "Pass the missing flags" },
  },
  examples = {
    { "Answer the questions", "sentryagent configure" },
    { "Without questions", "sentryagent configure --api-url https://idp.example.com --client-id acme "
      .. "--client-secret-from-env ACME_SECRET" },
  },
  render   = function(result, ui) ui.text("Saved to " .. result.path .. ".") end,
  preview  = function(args, ctx)
    return ctx.would("update", { path = ctx.config.path, api_url = args.api_url, client_id = args.client_id })
  end,
  run      = function(args, ctx)
    local values = complete(args, ctx)
    values.api_url = values.api_url:gsub("/+$", "")
    if args.verify then auth.verify(ctx, values) end
    local change = #ctx.config.sources() == 0 and ctx.created or ctx.updated
    ctx.config.update { apiUrl = values.api_url, clientId = values.client_id, clientSecret = values.client_secret }
    return change {
      path = ctx.config.path, api_url = values.api_url, client_id = values.client_id, verified = args.verify,
    }
  end,
}
