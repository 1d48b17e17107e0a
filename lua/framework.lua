-- ctx.framework: what the host's own commands may see of the framework; no other command gets it.

local failure = require "failure"
local host = require "host"
local tree = require "tree"

--- All contracts below a prefix ("a.b" or nil): array of C (groups too), array of refused { words, file, problems }.
local function contracts(prefix, full)
  local words, good, refused = {}, {}, {}
  for word in (prefix or ""):gmatch("[^. ]+") do words[#words + 1] = word end
  tree.walk(words, function(entry)
    local C, problems, warnings = tree.load(entry, full)
    if C then
      C.warnings = C.warnings or warnings
      good[#good + 1] = C
    else
      refused[#refused + 1] = { words = entry.words, file = entry.path, problems = problems }
      if entry.root.plugin and #entry.words == 1 then -- told once, not for each of its commands
        refused[#refused].file = entry.root.plugin .. "/plugin.lua"
        return false
      end
    end
  end)
  return good, refused
end

return {
  contracts = contracts,

  open = function(run)
    local framework = {
      host = host, run = run, program = run.inv.program, meta = run.meta,
      persona = run.inv.prefix and host.program or run.inv.scope and run.inv.scope.persona or nil,
      suite = run.inv.prefix or run.inv.scope and run.inv.scope.name or nil,
    }

    --- The contracts of this program: of the suite when it is called by a persona's name.
    function framework.contracts(prefix, full)
      local good, refused = contracts(prefix or framework.suite, full)
      if not prefix and framework.suite then
        for _, name in ipairs(run.inv.built_ins) do good[#good + 1] = (tree.load(tree.find { name })) end
      end
      return good, refused
    end

    --- The contracts at and below the words of a command, a suite or a plugin; none when they name nothing.
    function framework.under(words)
      local entry, used = tree.find(words)
      if not entry or used < #words then return {} end
      return (contracts(table.concat(entry.words, ".")))
    end

    --- Loads one file outside the tree as a command: C | nil, problems, warnings, source.
    function framework.load(file)
      local dir, name = file:match("^(.*)/([^/]+)%.lua$")
      if not dir then dir, name = ".", file:gsub("%.lua$", "") end
      local entry = { words = { name }, kind = "command", path = file, root = { dir = dir, origin = "file" } }
      return tree.load(entry, true)
    end

    --- The folder of an installed plugin, or nil.
    function framework.plugin_dir(name)
      local entry = tree.find { name }
      return entry and entry.root.plugin
    end

    --- What a contract opens: policy, notes (see confinement.explained).
    function framework.opens(C) return require("confinement").explained(C) end

    if run.contract.raw.confines then
      --- Runs a program as the run's confinement lets it.
      function framework.run(argv, opts) return require("programs").start(run, argv, opts) end
      framework.find = require("programs").find
      function framework.run_begins() run.effect_begins() end
    end

    if run.contract.raw.probes then
      --- Runs a program to see what it says of itself: host.run's result { status, stdout, stderr }; raises when it cannot.
      function framework.exec(argv, timeout_ms)
        return require("programs").start(run, argv, { timeout_ms = timeout_ms or 5000 })
      end
    end

    --- Reads lines, each a run of its own, when this run has ended: the supervisor does (REQ-O-050).
    function framework.dispatch(args)
      local file = args.input_file ~= "-" and args.input_file or nil
      if run.globals.output_file then
        failure.raise("ARG_ERROR", { phase = "validation", message = "The answers of lines go to stdout, one by one.",
          fix = "Leave out --output-file, or give it in _opts of a line" })
      elseif not file and host.tty.stdin then
        failure.raise("INPUT_REQUIRED", { phase = "validation", fix = "Pipe the lines in",
          message = "The lines are read from standard input, which is a terminal.",
          hint = "Pipe the lines in, or pass --input-file <path>" })
      end
      local stat, err = nil, nil
      if file then stat, err = host.file.stat(file) end
      if err then failure.raise(err.code, { message = err.message, context = { path = file } }) end
      if stat and stat.type == "directory" then
        failure.raise("IS_A_DIRECTORY", { message = file .. " is a directory.", context = { path = file } })
      end
      host.send("O", (args.ignore_errors and "i" or "") .. (args.dry_run and "d" or ""), file or "")
    end

    return framework
  end,
}
