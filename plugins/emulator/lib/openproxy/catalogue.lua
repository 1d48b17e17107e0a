-- What the emulated proxy knows from the start: models of its providers, prices, the providers that people log in to.

local catalogue = {}

--- Provider -> models, each { id, context_length, max_completion_tokens, kind }.
catalogue.models = {
  demo = {
    { "echo", 32768, 4096 },
  },
  glm = { { "glm-4.7", 204800, 131072 }, { "glm-5", 204800, 131072 } },
  kimi = { { "kimi-k2.5", 262144, 65536 } },
  kiro = { { "claude-sonnet-4.5", 200000, 64000 } },
  minimax = { { "minimax-m2.5", 204800, 131072 } },
  opencode = { { "big-pickle", 200000, 32000 } },
  vertex = { { "gemini-3-flash", 1048576, 65536 }, { "google-search", nil, nil, "webSearch" } },
}

-- cost model, price of a million tokens: input, output, written to a cache, read from a cache; flat price, credits.
local PRICES = {
  glm = { ["glm-4.7"] = { "per_token", 0.6, 2.2, 0, 0.11 }, ["glm-5"] = { "per_token", 0.6, 0.6, 0, 0 } },
  kimi = { ["kimi-k2.5"] = { "per_token", 0.6, 3, 0, 0.1 } },
  kiro = { ["claude-sonnet-4.5"] = { "credits", 0, 0, 0, 0, 0, 1.3 } },
  minimax = { ["minimax-m2.5"] = { "flat_monthly", 0, 0, 0, 0, 20 } },
  opencode = { ["big-pickle"] = { "free" } },
  vertex = { ["gemini-3-flash"] = { "per_token", 0.5, 3, 0, 0.05 } },
}

--- The price of a provider's model, or nil.
function catalogue.price(provider, model)
  local p = PRICES[provider] and PRICES[provider][model]
  return p and {
    model = model, provider = provider, cost_model = p[1],
    input_price_per_million = p[2] or 0, output_price_per_million = p[3] or 0,
    cache_creation_price_per_million = p[4] or 0, cache_read_price_per_million = p[5] or 0,
    flat_monthly_price = p[6] or 0, credits = p[7] or 0,
  }
end

--- All prices: provider -> model -> price.
function catalogue.prices()
  local out = {}
  for provider, models in pairs(PRICES) do
    out[provider] = {}
    for model in pairs(models) do out[provider][model] = catalogue.price(provider, model) end
  end
  return out
end

--- What a request costs.
function catalogue.cost(provider, model, prompt_tokens, completion_tokens)
  local p = catalogue.price(provider, model)
  if not p then return 0.0 end
  return (prompt_tokens * p.input_price_per_million + completion_tokens * p.output_price_per_million) / 1e6
end

--- The providers that a login can be started for.
catalogue.oauth = {}
for id in ([[claude codex github kiro qwen iflow kimi kimi-coding kilocode cline clinepass zed gitlab codebuddy
  openai-native xai gemini-cli qoder kimchi cursor antigravity codebuddy-cn codebuddy-intl]]):gmatch "%S+" do
  catalogue.oauth[id] = true
end

--- The two entries that GET /api/tags always answers.
function catalogue.tags()
  local function tag(name, size, family, parameters)
    return { name = name, modified_at = "2031-01-01T00:00:00Z", size = size, digest = "sha256:" .. ("0"):rep(64),
      details = { format = "gguf", family = family, parameter_size = parameters, quantization_level = "Q4_K_M" } }
  end
  return { tag("echo:latest", 1000000000, "echo", "1B"), tag("echo-large:latest", 7000000000, "echo", "7B") }
end

return catalogue
