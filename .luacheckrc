-- Lua 5.4, no global but those of each place.
std = "lua54"
max_line_length = 120
cache = false
exclude_files = { "spec-tests/fixtures/rejected", "build", "build-*" }

files["spec-tests/unit/lua"] = { std = "+busted" }
files["spec-tests/[a-z]/*.lua"] = { std = "+busted" }
files["spec-tests/self"] = { std = "+busted" }
files["spec-tests/suites"] = { std = "+busted" }
files["spec-tests/plugins"] = { std = "+busted" }
files["spec-tests/lib/spec.lua"] = { std = "+busted" }
