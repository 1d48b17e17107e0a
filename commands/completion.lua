--- `tool completion bash|zsh|fish`: a completion script for the shell.
-- Promise: the script is stdout as it is, made for the name that the program was called by; --output json wraps it.

local completion = require "completion"

return {
  about = "Print a completion script for bash, zsh or fish",
  danger = "safe", scopes = {}, framework = true, verbatim = "script", since = "0.1",
  args = {
    { "shell", "enum", "The shell that reads the script", one_of = { "bash", "fish", "zsh" }, at = 1, required = true },
  },
  returns = { shell = "string", program = "string", script = "string" },
  exits = { SUCCESS = "The script is printed" },
  examples = {
    { "Load it in bash", "tool completion bash" },
    { "As JSON", "tool completion zsh --output json" },
  },
  run = function(args, ctx)
    local framework = ctx.framework
    local contracts = framework.contracts()
    if framework.suite then -- what a persona offers beside its own commands
      for _, name in ipairs(completion.PERSONA_BUILT_INS) do
        for _, C in ipairs((framework.contracts(name))) do contracts[#contracts + 1] = C end
      end
    end
    local program = framework.persona or framework.program
    local script = completion.script(args.shell, contracts, { program = program, suite = framework.suite })
    return { shell = args.shell, program = program, script = script }
  end,
}
