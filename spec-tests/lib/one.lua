-- Runs one spec file under busted: `lua5.4 lib/one.lua FILE`, started by spec-tests/run in the directory spec-tests.
package.path = "./?.lua;" .. package.path
local file = arg[1]
_G.arg = { [0] = "busted", "--output=lib.busted_results", "--pattern=.", "--helper=lib/globals.lua", file }
require "busted.runner" { standalone = false }
