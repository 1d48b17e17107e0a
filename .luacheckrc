-- Lua 5.4, no global but busted's in the tests.
std = "lua54"
max_line_length = 132
cache = false
exclude_files = { "spec-tests/fixtures/rejected", "build", "build-*" }

files["lua/kit/reference.lua"] = { max_line_length = false }
files["spec-tests"] = { std = "+busted" }
files["spec-tests/fixtures/token_samples.lua"] = { max_line_length = false }
files["spec-tests/fixtures"] = { std = "lua54" }
