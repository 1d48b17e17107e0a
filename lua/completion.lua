--- Completion scripts for bash, zsh and fish.
-- Promise: one script per shell, made from contracts alone: commands, flags, values of enums, files for paths. The
-- scripts start no process while they complete. A persona gets the suite's tree at the root, under its own name.

local host = require "host"

local completion = {}

--- The host's own commands that a persona offers too.
completion.PERSONA_BUILT_INS = { "completion", "doctor", "manifest" }

-- The model ------------------------------------------------------------------------------------------------------

-- Values that a parameter can take, or nil. A `complete` function is asked once, here.
local function values_of(p)
  local list = p.one_of
  if not list and type(p.complete) == "function" then
    local ok, found = pcall(p.complete, "")
    list = ok and type(found) == "table" and found or nil
  end
  local out = {}
  for _, value in ipairs(list or {}) do
    if type(value) == "string" and value:find("^[%w._:/@+,=%%-]+$") then out[#out + 1] = value end
  end
  return #out > 0 and out or nil
end

-- { name, about, kind = "none"|"values"|"file"|"any", values }
local function option(p)
  local values = values_of(p)
  local kind = p.type == "boolean" and "none" or values and "values" or p.type == "path" and "file" or "any"
  return { name = p.name, about = (p.about or ""):gsub("[%c]", " "), kind = kind, values = values }
end

local function options_of(C)
  local list = {}
  local function add(p)
    if not p.alias_of and not p.global then list[#list + 1] = option(p) end
  end
  for _, p in ipairs(C.params) do
    if p.type == "secret" then
      if p.plain then add(p) end
      add(C.by_name[p.name .. "-from-env"])
      add(C.by_name[p.name .. "-from-file"])
    else
      add(p)
    end
  end
  for _, p in ipairs(C.flags) do add(p) end
  return list
end

-- What stands at each position: array of options; `rest` is what all further ones are.
local function positions_of(C)
  local list, rest = {}, nil
  for _, p in ipairs(C.params) do
    if p.at then
      list[p.at] = option(p)
      if p.type == "list" then rest = list[p.at] end
    end
    if p.rest then rest = option(p) end
  end
  return list, rest
end

local function node(nodes, path)
  if not nodes[path] then nodes[path] = { path = path, children = {}, options = {}, positions = {}, about = "" } end
  return nodes[path]
end

-- The words below the root of the program, or nil when the command is not shown there.
local function shown_words(C, suite)
  if not suite then return C.words end
  if C.words[1] == suite then return { table.unpack(C.words, 2) } end
  for _, name in ipairs(completion.PERSONA_BUILT_INS) do
    if C.words[1] == name then return C.words end
  end
end

--- The tree that the scripts complete: { program, nodes = path -> node, paths = sorted }.
-- @param options { program = name to complete for, suite = first word of a persona's suite or nil }
function completion.model(contracts, options)
  local nodes = {}
  node(nodes, "")
  for _, C in ipairs(contracts) do
    local words = shown_words(C, options.suite)
    local path = ""
    for i = 1, words and #words or 0 do
      local parent = node(nodes, path)
      parent.children[words[i]] = true
      path = path == "" and words[i] or path .. " " .. words[i]
      node(nodes, path)
    end
    if words and path ~= "" then
      local n = nodes[path]
      n.about = C.about or n.about
      if not C.group then
        n.options = options_of(C)
        n.positions, n.rest = positions_of(C)
      end
    end
  end
  local model = { program = options.program or host.program, nodes = nodes, paths = {}, globals = {} }
  for path, n in pairs(nodes) do
    model.paths[#model.paths + 1] = path
    local names = {}
    for name in pairs(n.children) do names[#names + 1] = name end
    table.sort(names)
    n.children = names
  end
  table.sort(model.paths)
  for _, g in ipairs(host.globals or {}) do model.globals[#model.globals + 1] = option(g) end
  return model
end

local function child_about(model, path, name)
  return model.nodes[path == "" and name or path .. " " .. name].about
end

local function function_name(program)
  return "_" .. program:gsub("[^%w]", "_")
end

-- 'text' for bash and zsh.
local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function flag_names(list, only_valued)
  local names = {}
  for _, o in ipairs(list) do
    if not only_valued or o.kind ~= "none" then names[#names + 1] = "--" .. o.name end
  end
  return names
end

-- `out` collects lines; this returns it with a formatting adder.
local function writer()
  local out = {}
  return function(format, ...)
    out[#out + 1] = select("#", ...) > 0 and format:format(...) or format
  end, function() return table.concat(out, "\n") .. "\n" end
end

-- A case arm that says what an option or position takes.
local function arm(add, pattern, o)
  if o.kind == "values" then
    add("    %s) kind=values; values=%s ;;", pattern, quote(table.concat(o.values, " ")))
  elseif o.kind == "file" then
    add("    %s) kind=file ;;", pattern)
  end
end

-- The two case functions that bash and zsh share: NAME_spec sets children, flags and valued; NAME_takes sets kind and
-- values for "path --flag" and "path @position".
local function shell_tables(add, model, name)
  add("%s_spec() {", name)
  add("  children='' flags='' valued=''")
  add "  case \"$1\" in"
  for _, path in ipairs(model.paths) do
    local n = model.nodes[path]
    add("    %s) children=%s; flags=%s; valued=%s ;;", quote(path), quote(table.concat(n.children, " ")),
      quote(table.concat(flag_names(n.options), " ")), quote(table.concat(flag_names(n.options, true), " ")))
  end
  add "  esac"
  add("  flags=\"$flags %s\"", table.concat(flag_names(model.globals), " "))
  add("  valued=\"$valued %s\"", table.concat(flag_names(model.globals, true), " "))
  add "}"
  add("%s_takes() {", name)
  add "  kind=any values=''"
  add "  case \"$1\" in"
  for _, path in ipairs(model.paths) do
    local n = model.nodes[path]
    for _, o in ipairs(n.options) do arm(add, quote(path .. " --" .. o.name), o) end
    for at, o in ipairs(n.positions) do arm(add, quote(path .. " @" .. at), o) end
    if n.rest then arm(add, quote(path .. " @") .. "*", n.rest) end
  end
  for _, o in ipairs(model.globals) do arm(add, "*" .. quote(" --" .. o.name), o) end
  add "  esac"
  add "}"
end

-- bash -----------------------------------------------------------------------------------------------------------

local BASH = [=[
@_complete() {
  local cur prev word cmd='' skip='' children flags valued kind values positions=0 i
  COMPREPLY=()
  cur=${COMP_WORDS[COMP_CWORD]}
  prev=''
  if [ "$COMP_CWORD" -gt 0 ]; then prev=${COMP_WORDS[COMP_CWORD-1]}; fi
  if [ "$cur" = '=' ]; then
    cur=''
  elif [ "$prev" = '=' ]; then
    prev=${COMP_WORDS[COMP_CWORD-2]}
  fi
  @_spec ''
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [ -n "$skip" ]; then
      if [ "$word" != '=' ]; then skip=''; fi
      continue
    fi
    case "$word" in
      --*=*) ;;
      -*) case " $valued " in *" $word "*) skip=1 ;; esac ;;
      =) ;;
      *)
        case " $children " in
          *" $word "*) cmd="${cmd:+$cmd }$word"; @_spec "$cmd" ;;
          *) positions=$((positions + 1)) ;;
        esac ;;
    esac
  done
  case "$prev" in
    --*)
      case " $valued " in
        *" $prev "*) @_takes "$cmd $prev"; @_reply; return ;;
      esac ;;
  esac
  case "$cur" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$cur")) ;;
    *)
      if [ -n "$children" ]; then
        COMPREPLY=($(compgen -W "$children" -- "$cur"))
      else
        @_takes "$cmd @$((positions + 1))"
        @_reply
      fi ;;
  esac
}
@_reply() {
  case "$kind" in
    values) COMPREPLY=($(compgen -W "$values" -- "$cur")) ;;
    file)
      compopt -o filenames 2>/dev/null
      local IFS=$'\n'
      COMPREPLY=($(compgen -f -- "$cur")) ;;
  esac
}
complete -F @_complete @PROGRAM@]=]

local function fill(template, name, program)
  return (template:gsub("@_", name .. "_"):gsub("@PROGRAM@", program))
end

--- The bash script (bash 3.2 and later).
function completion.bash(model)
  local add, text = writer()
  local name = function_name(model.program)
  add("# bash completion for %s; load it with: source <(%s completion bash)", model.program, model.program)
  shell_tables(add, model, name)
  add("%s", fill(BASH, name, model.program))
  return text()
end

-- zsh ------------------------------------------------------------------------------------------------------------

local ZSH = [=[
@_complete() {
  emulate -L zsh
  local cur prev word cmd='' skip='' children flags valued kind values positions=0 i
  cur=${words[CURRENT]}
  prev=${words[CURRENT-1]}
  @_spec ''
  for ((i = 2; i < CURRENT; i++)); do
    word=${words[i]}
    if [[ -n $skip ]]; then skip=''; continue; fi
    case "$word" in
      --*=*) ;;
      -*) case " $valued " in *" $word "*) skip=1 ;; esac ;;
      *)
        case " $children " in
          *" $word "*) cmd="${cmd:+$cmd }$word"; @_spec "$cmd" ;;
          *) positions=$((positions + 1)) ;;
        esac ;;
    esac
  done
  if [[ $cur == --*=* ]]; then
    prev=${cur%%=*}
    compset -P '*='
    @_takes "$cmd $prev"; @_reply; return
  fi
  if [[ $prev == --* && " $valued " == *" $prev "* ]]; then
    @_takes "$cmd $prev"; @_reply; return
  fi
  if [[ $cur == -* ]]; then
    compadd -- ${=flags}
  elif [[ -n $children ]]; then
    local -a described
    @_describe "$cmd"
    _describe -t commands command described
  else
    @_takes "$cmd @$((positions + 1))"; @_reply
  fi
}
@_reply() {
  case "$kind" in
    values) compadd -- ${=values} ;;
    file) _files ;;
  esac
}
if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then
  @_complete "$@"
elif (( $+functions[compdef] )); then
  compdef @_complete @PROGRAM@
fi]=]

--- The zsh script: for a directory of fpath, or to be sourced after compinit.
function completion.zsh(model)
  local add, text = writer()
  local name = function_name(model.program)
  add("#compdef %s", model.program)
  add("# zsh completion for %s; load it with: source <(%s completion zsh)", model.program, model.program)
  shell_tables(add, model, name)
  add("%s_describe() {", name)
  add "  case \"$1\" in"
  for _, path in ipairs(model.paths) do
    local rows = {}
    for i, child in ipairs(model.nodes[path].children) do
      rows[i] = quote(child .. ":" .. child_about(model, path, child):gsub(":", "\\:"))
    end
    if #rows > 0 then add("    %s) described=(%s) ;;", quote(path), table.concat(rows, " ")) end
  end
  add "  esac"
  add "}"
  add("%s", fill(ZSH, name, model.program))
  return text()
end

-- fish -----------------------------------------------------------------------------------------------------------

local function fish_quote(text)
  return "'" .. text:gsub("[\\']", "\\%0") .. "'"
end

local FISH = [=[
function @_path
    set -l cmd
    set -l skip 0
    set -l all (commandline -opc)
    for word in $all[2..-1]
        if test $skip = 1
            set skip 0
            continue
        end
        switch $word
            case '--*=*'
            case '-*'
                contains -- $word $@_valued; and set skip 1
            case '*'
                set -l try (string trim -- "$cmd $word")
                contains -- $try $@_paths; and set cmd $try
        end
    end
    echo -- "$cmd"
end
function @_at
    set -l at (@_path)
    test "$at" = "$argv[1]"
end]=]

local function fish_option(add, model, name, path, o)
  local condition = path and (" -n %s"):format(fish_quote(("%s_at %s"):format(name, fish_quote(path)))) or ""
  local takes = ({ none = "", file = " -r -F", any = " -x" })[o.kind] or " -x"
  if o.kind == "values" then takes = " -x -a " .. fish_quote(table.concat(o.values, " ")) end
  add("complete -c %s%s -l %s%s -d %s", model.program, condition, o.name, takes, fish_quote(o.about))
end

local function fish_position(add, model, name, path, o)
  local condition = fish_quote(("%s_at %s"):format(name, fish_quote(path)))
  if o.kind == "values" then
    add("complete -c %s -n %s -f -a %s", model.program, condition, fish_quote(table.concat(o.values, " ")))
  elseif o.kind == "file" then
    add("complete -c %s -n %s -F", model.program, condition)
  end
end

--- The fish script (fish 3.1 and later).
function completion.fish(model)
  local add, text = writer()
  local name = "_" .. function_name(model.program)
  local paths, valued, seen = {}, {}, {}
  for _, path in ipairs(model.paths) do
    if path ~= "" then paths[#paths + 1] = fish_quote(path) end
    for _, flag in ipairs(flag_names(model.nodes[path].options, true)) do
      if not seen[flag] then valued[#valued + 1] = flag end
      seen[flag] = true
    end
  end
  for _, flag in ipairs(flag_names(model.globals, true)) do valued[#valued + 1] = flag end
  add("# fish completion for %s; load it with: %s completion fish | source", model.program, model.program)
  add("set -g %s_paths %s", name, table.concat(paths, " "))
  add("set -g %s_valued %s", name, table.concat(valued, " "))
  add("%s", fill(FISH, name, model.program))
  add("complete -c %s -f", model.program)
  for _, o in ipairs(model.globals) do fish_option(add, model, name, nil, o) end
  for _, path in ipairs(model.paths) do
    local n = model.nodes[path]
    for _, child in ipairs(n.children) do
      add("complete -c %s -n %s -a %s -d %s", model.program,
        fish_quote(("%s_at %s"):format(name, fish_quote(path))), child, fish_quote(child_about(model, path, child)))
    end
    for _, o in ipairs(n.options) do fish_option(add, model, name, path, o) end
    for _, o in ipairs(n.positions) do fish_position(add, model, name, path, o) end
    if n.rest and #n.positions == 0 then fish_position(add, model, name, path, n.rest) end
  end
  return text()
end

--- The script for a shell ("bash", "zsh" or "fish"); options as for completion.model.
function completion.script(shell, contracts, options)
  return completion[shell](completion.model(contracts, options))
end

return completion
