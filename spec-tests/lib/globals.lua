-- Loaded by busted before each file. Long messages of failed comparisons stay whole.
require "luassert":set_parameter("TableFormatLevel", 6)
