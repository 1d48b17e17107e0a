--- `tool types`: what authors use, as annotations for a language server or as a page.
-- Promise: made from what the check of contracts knows; a key or call that exists is in it.

return {
  about = "Print the contract's keys and ctx, for a language server or as a page",
  danger = "safe", scopes = {}, framework = true, since = "0.2", verbatim = "text", external = false,
  args = {
    { "as", "enum", "LuaLS annotations, or Markdown", one_of = { "lua", "markdown" }, default = "lua" },
  },
  returns = { text = "string" },
  render = function(data, ui)
    for line in data.text:gmatch("([^\n]*)\n") do ui.line(line) end
  end,
  exits = { SUCCESS = "The text is shown" },
  examples = {
    { "For the language server of an editor", "tool types > tool.lua" },
    { "To read", "tool types --as markdown" },
  },
  run = function(args)
    local types = require "kit.types"
    return { text = types[args.as]() }
  end,
}
