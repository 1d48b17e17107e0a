-- Promise: proves the command-line parser: every order of options, every source of a value, every reported problem.

package.path = "spec-tests/unit/lua/?.lua;" .. package.path
local host = require "shim_args"
local args = require "args"
local lpeg = require "lpeg"

local GLOBALS = {
  { name = "help", type = "boolean", short = "h" }, { name = "version", type = "boolean", short = "V" },
  { name = "output", type = "enum", one_of = { "json", "jsonl", "tsv" } }, { name = "fields", type = "list" },
  { name = "timeout", type = "duration" }, { name = "quiet", type = "boolean", short = "q" },
  { name = "cwd", type = "path" }, { name = "retries", type = "integer" },
  { name = "limit", type = "integer", conditional = true }, { name = "no-config", type = "boolean" },
}

local COMMANDS = { list = "group", ["list items"] = "leaf", items = "leaf", run = "leaf", ["run all"] = "leaf" }

local function resolve(words)
  local n, kind, path = 0, nil, nil
  for i, word in ipairs(words) do
    path = path and path .. " " .. word or word
    if not COMMANDS[path] then break end
    n, kind = i, COMMANDS[path]
  end
  return n, kind == "group", path == "run"
end

local function contract(params, extra)
  local C = { params = {}, flags = {}, by_name = {}, placement = "any", rules = {} }
  for k, v in pairs(extra or {}) do C[k] = v end
  for _, row in ipairs(params) do
    row.name, row.type, row[1], row[2] = row[1], row[2], nil, nil
    C.params[#C.params + 1], C.by_name[row.name] = row, row
    if row.type == "secret" then
      for _, way in ipairs { "-from-env", "-from-file" } do
        C.by_name[row.name .. way] = { name = row.name .. way, type = "string", secret_for = row.name, injected = true }
      end
    end
  end
  return C
end

local function words(line)
  local out = {}
  for word in line:gmatch("%S+") do out[#out + 1] = word end
  return out
end

local function bind(C, argv, opts)
  local tokens = type(argv) == "string" and words(argv) or argv
  return args.bind(C, tokens, opts or {})
end

local function codes(problems)
  local out = {}
  for i, item in ipairs(problems) do out[i] = item.param .. " " .. item.code end
  return table.concat(out, ", ")
end

describe("split", function()
  local function split(line, contract_of) return args.split(words(line), GLOBALS, resolve, contract_of) end

  it("takes global flags wherever they stand", function()
    for _, line in ipairs {
      "--output json list items p1", "list --output json items p1", "list items --output json p1",
      "list items p1 --output=json",
    } do
      local s = split(line)
      assert.same({ "list", "items" }, s.words)
      assert.same("json", s.globals.output)
      assert.same("p1", table.concat(s.tokens, " "))
      assert.same({}, s.problems)
    end
  end)

  it("types the values of global flags", function()
    local s = split("list items --timeout 1.5s --fields a,b --retries 3 -q --no-config --cwd sub/../x")
    assert.same(1500, s.globals.timeout)
    assert.same({ "a", "b" }, s.globals.fields)
    assert.same(3, s.globals.retries)
    assert.is_true(s.globals.quiet)
    assert.is_true(s.globals.no_config)
    assert.is_true(s.globals["no-config"])
    assert.same("/proj/x", s.globals.cwd)
  end)

  it("reports global flags with wrong or missing values, all of them", function()
    local s = split("list items --timeout soon --retries -1 --output")
    assert.same("--timeout INPUT_PARAM_INVALID, --retries INPUT_PARAM_INVALID, --output INPUT_PARAM_INVALID",
      codes(s.problems))
  end)

  it("leaves everything after -- alone", function()
    local s = split("run a -- --output json")
    assert.same({ "run" }, s.words)
    assert.same("a -- --output json", table.concat(s.tokens, " "))
    assert.same({ "--output", "json" }, s.passthrough)
    assert.is_nil(s.globals.output)
  end)

  it("takes a cluster of short boolean flags", function()
    local s = split("list items -qh")
    assert.is_true(s.globals.quiet and s.globals.help)
  end)

  it("finds the command behind options whose arity is unknown", function()
    local C = contract { { "size", "integer" }, { "all", "boolean" }, { "name", "string", at = 1 } }
    local function contract_of(list) return COMMANDS[table.concat(list, " ")] and C end
    for _, line in ipairs { "--size 5 list items", "list --size 5 items", "--all list items", "list --all items",
      "--size=5 list items", "--all --size 5 list items" } do
      local s = split(line, contract_of)
      assert.same({ "list", "items" }, s.words, line)
      assert.same({}, s.problems)
      local _, _, problems = args.bind(C, s.tokens, {})
      assert.same({}, problems, line)
    end
  end)

  it("lets the contract decide when an option could swallow a word", function()
    local C = contract { { "size", "string" } }
    local s = split("--size list items", function() return C end)
    assert.same({ "items" }, s.words)      -- --size takes a value, so `list` is it
    assert.same("--size list", table.concat(s.tokens, " "))
  end)

  it("keeps conditional flags for the command but knows their arity", function()
    local s = split("--limit 5 list items")
    assert.same({ "list", "items" }, s.words)
    assert.same("--limit 5", table.concat(s.tokens, " "))
  end)

  it("stops at an unknown word", function()
    local s = split("list thing")
    assert.same({ "list" }, s.words)
    assert.same("thing", table.concat(s.tokens, " "))
    assert.same({}, split("nothing here").words)
    assert.same({ "run" }, split("run other").words)
    assert.same({ "run", "all" }, split("run all").words)
  end)
end)

describe("bind: types", function()
  local function one(row, text)
    local C = contract { row }
    local v, _, problems = args.bind(C, { "--" .. C.params[1].name .. "=" .. text }, {})
    return v[C.params[1].name], problems[1]
  end

  it("reads every type", function()
    assert.same(-7, one({ "n", "integer" }, "-7"))
    assert.same("integer", math.type(one({ "n", "integer" }, "+9007199254740993")))
    assert.same(9007199254740993, one({ "n", "integer" }, "9007199254740993"))
    assert.same(1.5e3, one({ "n", "number" }, "1.5e3"))
    assert.same(5400, one({ "d", "duration" }, "1h30m"))
    assert.same(65536, one({ "s", "size" }, "64KiB"))
    assert.same("2024-03-11T14:30:00Z", one({ "t", "datetime" }, "2024-03-11T15:30:00+01:00"))
    assert.same("/proj/a/b", one({ "p", "path" }, "a/./b"))
    assert.same("/home/user/file.txt", one({ "p", "path" }, "/home/user/file.txt"))
    assert.same({ a = { 1, 2 } }, one({ "j", "json" }, "{a:[1,2,],}"))
    assert.same(false, one({ "b", "boolean" }, "false"))
    assert.same("http://127.0.0.1:80/x?y=1", one({ "u", "url" }, "http://127.0.0.1:80/x?y=1"))
  end)

  it("refuses what is not of the type, naming parameter and value", function()
    for _, case in ipairs {
      { { "n", "integer" }, "two" }, { { "n", "integer" }, "1.5" }, { { "n", "integer" }, "9223372036854775808" },
      { { "n", "number" }, "0x10" }, { { "n", "number" }, "inf" }, { { "n", "number" }, "." },
      { { "d", "duration" }, "soon" }, { { "s", "size" }, "1XB" }, { { "t", "datetime" }, "2024-02-30" },
      { { "b", "boolean" }, "maybe" }, { { "u", "url" }, "not a url" }, { { "p", "path" }, "" },
    } do
      local value, problem = one(case[1], case[2])
      assert.is_nil(value)
      assert.same("INPUT_PARAM_INVALID", problem.code, case[2])
      assert.same(case[2], problem.value)
      assert.truthy(problem.message:find(problem.param, 1, true))
      assert.truthy(problem.message:find("%.$"))
    end
  end)

  it("holds bounds, choices and lengths", function()
    local _, problem = one({ "n", "integer", min = 1, max = 5 }, "6")
    assert.same("--n must be at most 5.", problem.message)
    _, problem = one({ "d", "duration", max = 60 }, "2m")
    assert.same("--d must be at most 1m.", problem.message)
    _, problem = one({ "e", "enum", one_of = { "active", "archived" } }, "archive")
    assert.same("Did you mean archived?", problem.fix)
    assert.same("active", (one({ "e", "enum", one_of = { "active" } }, "active")))
    _, problem = one({ "body", "string", max_length = 4 }, "äöü")
    assert.same("FIELD_TOO_LARGE", problem.code)
    assert.same("äö", (one({ "body", "string", max_length = 4 }, "äö")))
  end)

  it("reads lists by repetition and maps by pairs", function()
    local C = contract { { "tag", "list", max = 2 }, { "set", "map" } }
    local v, given = bind(C, "--tag a,b --tag c --set k=v --set x=1=2")
    assert.same({ "a,b", "c" }, v.tag)
    assert.same({ k = "v", x = "1=2" }, v.set)
    assert.same("flag", given.tag)
    local _, _, problems = bind(C, "--tag a --tag b --tag c --set novalue")
    assert.same("--tag INPUT_PARAM_INVALID, --set INPUT_PARAM_INVALID", codes(problems))
  end)

  it("offers corrected JSON", function()
    local _, problem = one({ "data", "json" }, "{env prod}")
    assert.same("INVALID_JSON", problem.code)
    assert.same('{"env":"prod"}', problem.corrected_input)
  end)

  it("applies presets, POSIX patterns and LPeg patterns", function()
    local cases = {
      id = { "prod-east-1", "-x" }, uuid = { "123e4567-e89b-12d3-a456-426614174000", "123e4567" },
      semver = { "1.2.3-rc.1+b5", "not-semver" }, url = { "https://e.com/a?b=c", "e.com" },
      email = { "a.b@c.org", "a.b@c" }, ["^A[0-9]{4}$"] = { "A1234", "A12345" },
      filepath = { "/home/user/file.txt", "a/../b" },
    }
    for match, case in pairs(cases) do
      assert.same(case[1], (one({ "x", "string", match = match }, case[1])), match)
      local value, problem = one({ "x", "string", match = match }, case[2])
      assert.is_nil(value)
      assert.truthy(problem, match)
    end
    local digits = lpeg.R "09" ^ 1
    assert.same("12", (one({ "x", "string", match = digits }, "12")))
    assert.is_nil((one({ "x", "string", match = digits }, "12a")))
  end)
end)

describe("bind: improbable values", function()
  local C = contract { { "resource-id", "string" }, { "file", "path" }, { "ref", "string", match = "^.*$" },
    { "free", "string" }, { "wild", "string", match = "^.*$", loose = true } }

  local function pattern(flag, text)
    local _, _, problems = bind(C, { flag, text })
    return problems[1] and problems[1].rejected_pattern, problems[1]
  end

  it("are refused by name", function()
    for text, name in pairs {
      ["../etc/passwd"] = "path_traversal", ["files%2fetc%2fpasswd"] = "percent_encoded_separator",
      ["%2E%2E"] = "path_traversal", ["a?foo=bar"] = "query_parameter", ["a&b"] = "query_parameter",
      ["a#b"] = "fragment", ["%3Brm"] = "encoded_shell_metachar", ["a%40b"] = "percent_encoded_segment",
      ["<id>"] = "placeholder", ["undefined"] = "placeholder", ["NULL"] = "placeholder", ["TODO"] = "placeholder",
      ["${AGENT_ID}"] = "placeholder", ["..%2f"] = "path_traversal", ["%2e%2e/"] = "path_traversal",
    } do
      local found, problem = pattern("--resource-id", text)
      assert.same(name, found, text)
      assert.same("INVALID_AGENT_INPUT", problem.code)
      assert.same(text, problem.input_value)
      assert.same(name, (pattern("--ref", text)), text)
    end
    assert.is_nil((pattern("--resource-id", "usr-a1b2c3")))
  end)

  it("are judged by kind: a path may hold what an id may not", function()
    assert.same("path_traversal", (pattern("--file", "a/../b")))
    assert.same("path_traversal", (pattern("--file", "%2e%2e%2f")))
    assert.same("placeholder", (pattern("--file", "<path>")))
    for _, fine in ipairs { "a?b#c%20d", "TODO", "a..b", "/a/.hidden" } do
      assert.is_nil((pattern("--file", fine)), fine)
    end
  end)

  it("pass where nothing says that it is an id", function()
    assert.is_nil((pattern("--free", "../x?y=<z>")))
    assert.is_nil((pattern("--wild", "../x")))
  end)
end)

describe("bind: programs", function()
  it("refuses each shell metacharacter in parameters that go to a program", function()
    local C = contract({ { "url", "string" }, { "note", "string" } }, { raw = { runs = { "git", from = { "url" } } } })
    for char in (";|&$()<>`\\\n\r"):gmatch(".") do
      local _, _, problems = args.bind(C, { "--url", "a" .. char .. "b", "--note", "x" .. char .. "y" }, {})
      assert.same("--url INPUT_PARAM_INVALID", codes(problems))
      assert.truthy(problems[1].message:find("shell metacharacter", 1, true))
    end
    assert.same("a 'b' \"c\"", bind(C, { "--url", "a 'b' \"c\"" }).url)
  end)
end)

describe("bind: positions", function()
  local C = contract { { "from", "string", at = 1, required = true }, { "to", "list", at = 2 }, { "all", "boolean" } }

  it("accepts positional parameters also by name, in any order of options", function()
    for _, line in ipairs { "a b c --all", "--all a b c", "a --all b c", "--from a b c --all", "b --from a c --all" } do
      local v, _, problems = bind(C, line)
      assert.same({}, problems, line)
      assert.same("a", v.from)
      assert.same({ "b", "c" }, v.to)
      assert.is_true(v.all)
    end
  end)

  it("reports arguments too many and missing", function()
    local D = contract { { "from", "string", at = 1, required = true } }
    local _, _, problems = bind(D, "a b c")
    assert.same("b INPUT_PARAM_UNKNOWN, c INPUT_PARAM_UNKNOWN", codes(problems))
    _, _, problems = bind(D, "")
    assert.same("--from INPUT_PARAM_MISSING", codes(problems))
  end)

  it("takes negative numbers and - as values", function()
    local D = contract { { "n", "integer", at = 1 }, { "m", "integer" }, { "f", "string" } }
    local v, _, problems = bind(D, "-5 --m -3 --f -")
    assert.same({}, problems)
    assert.same({ -5, -3, "-" }, { v.n, v.m, v.f })
    v = bind(D, { "--f", "- item" })
    assert.same("- item", v.f)
    v = bind(D, { "--", "-7" })
    assert.same(-7, v.n)
  end)
end)

describe("bind: strict placement", function()
  local C = contract({ { "target", "path", at = 1, required = true }, { "verbose-child", "boolean" },
    { "child-args", "list", rest = true } }, { placement = "strict" })

  it("forwards unknown tokens, and everything after --", function()
    local v, _, problems = bind(C, "--verbose-child ./x --child-flag a -z", { globals = GLOBALS })
    assert.same({}, problems)
    assert.is_true(v.verbose_child)
    assert.same({ "--child-flag", "a", "-z" }, v.child_args)
    v, _, problems = bind(C, "./x -- --output json -- y", { globals = GLOBALS })
    assert.same({}, problems)
    assert.same({ "--output", "json", "--", "y" }, v.child_args)
    assert.same({}, bind(C, "./x").child_args)
  end)

  it("refuses options of the tool after the first argument", function()
    local s = args.split(words("run ./x --output json --verbose-child"), GLOBALS, resolve)
    local _, _, problems = args.bind(C, s.tokens, { globals = GLOBALS })
    assert.same("--output INPUT_OPTION_PLACEMENT, --verbose-child INPUT_OPTION_PLACEMENT", codes(problems))
    assert.truthy(problems[1].fix:find("Move --output before the target", 1, true))
    s = args.split(words("--output json run ./x --child-flag"), GLOBALS, resolve)
    _, _, problems = args.bind(C, s.tokens, { globals = GLOBALS })
    assert.same({}, problems)
  end)
end)

describe("bind: sources", function()
  before_each(function() host.variables, host.files = {}, {} end)

  it("prefers flag, then environment, then configuration, then default", function()
    local C = contract { { "region", "string", env = "TOOL_REGION", config = "region", default = "d" } }
    local config = {}
    local opts = { config = function(key) return config[key], "/etc/x.json" end }
    local function got(line)
      local v, given = bind(C, line or "", opts)
      return v.region .. " " .. given.region
    end
    assert.same("d default", got())
    config.region = "c"
    assert.same("c config:/etc/x.json", got())
    host.variables.TOOL_REGION = "e"
    assert.same("e env:TOOL_REGION", got())
    assert.same("f flag", got("--region f"))
    host.variables.TOOL_REGION = ""
    assert.same("c config:/etc/x.json", got())
  end)

  it("leaves - to the host where a path may mean stdin", function()
    local C = contract { { "input-file", "path", injected = true }, { "file", "path" } }
    local v = bind(C, "--input-file - --file -")
    assert.same({ "-", "/proj/-" }, { v.input_file, v.file })
  end)

  it("types values of every source", function()
    local C = contract { { "keep", "duration", default = "7d" }, { "max", "size", env = "TOOL_MAX" },
      { "jobs", "integer", config = "jobs" }, { "tags", "list", env = "TOOL_TAGS" },
      { "on", "boolean", config = "on" } }
    host.variables = { TOOL_MAX = "1MB", TOOL_TAGS = '["a","b"]' }
    local v, _, problems = bind(C, "", { config = function(key) return ({ jobs = 4, on = true })[key] end })
    assert.same({}, problems)
    assert.same({ 604800, 1000000, 4, true }, { v.keep, v.max, v.jobs, v.on })
    assert.same({ "a", "b" }, v.tags)
    host.variables = { TOOL_MAX = "big" }
    _, _, problems = bind(C, "")
    assert.truthy(problems[1].message:find("from TOOL_MAX", 1, true))
  end)

  it("turns a boolean off with --no-", function()
    local C = contract { { "wait", "boolean", default = true }, { "no-bundle", "boolean" } }
    assert.is_true(bind(C, "").wait)
    assert.is_false(bind(C, "--no-wait").wait)
    local v = bind(C, "--no-bundle")
    assert.is_true(v.no_bundle)
    assert.is_false(bind(C, "").no_bundle)
  end)

  it("reads - from stdin where declared", function()
    local C = contract { { "id", "string", pipe = true, match = "id" }, { "ids", "list", pipe = true } }
    local function stdin(text) return { stdin = function() return text end } end
    assert.same("42", bind(C, "--id -", stdin("42\n")).id)
    assert.same({ "a", "1", "2" }, bind(C, "--ids a --ids -", stdin("1\n2\n")).ids)
    local function code(line, text)
      local _, _, problems = bind(C, line, stdin(text))
      return codes(problems)
    end
    assert.same("--id EMPTY_STDIN", code("--id -", "\n"))
    assert.same("--id INVALID_AGENT_INPUT", code("--id -", "../x\n"))
    assert.same("--id INPUT_PARAM_INVALID", code("--id -", "1\n2\n"))
    assert.same("--ids INPUT_PARAM_CONFLICT", code("--id - --ids -", "1\n"))
  end)
end)

describe("bind: secrets", function()
  local C
  before_each(function()
    C = contract { { "token", "secret", required = true, env = "TOOL_TOKEN" } }
    host.variables, host.files = {}, {}
  end)

  it("come from a named variable, a file or the environment", function()
    host.variables = { MY = "s1", TOOL_TOKEN = "s2" }
    host.files = { ["/proj/f"] = "s3\n", ["/abs"] = "s4" }
    local function got(line)
      local v, given, problems = bind(C, line)
      assert.same({}, problems)
      assert.same("[REDACTED]", tostring(v.token))
      return host.reveal(v.token) .. " " .. given.token
    end
    assert.same("s1 flag", got("--token-from-env MY"))
    assert.same("s3 flag", got("--token-from-file f"))
    assert.same("s2 env:TOOL_TOKEN", got(""))
    host.variables = { TOOL_TOKEN_FILE = "/abs" }
    assert.same("s4 env:TOOL_TOKEN_FILE", got(""))
  end)

  it("are refused on the command line and never repeated", function()
    for _, argv in ipairs { { "--token", "hunter2" }, { "--token=hunter2" }, { "--api-token", "hunter2" },
      { "--API_Token=hunter2" }, { "--token-from-env", "hunter2" } } do
      local _, _, problems = bind(C, argv)
      assert.is_true(#problems > 0)
      assert.is_nil(host.json.encode(host.json.array(problems)):find("hunter2", 1, true), argv[1])
    end
    local _, _, problems = bind(C, "--token x")
    assert.same("'token' matches secret field pattern; use --token-from-env instead.", problems[1].message)
  end)

  it("say which way is missing", function()
    local function message(line)
      local _, _, problems = bind(C, line)
      assert.same(1, #problems)
      return problems[1].message .. " " .. problems[1].fix
    end
    assert.truthy(message("--token-from-env NOT_SET"):find("--token-from-env names NOT_SET, which is not set", 1, true))
    assert.truthy(message("--token-from-file /no"):find("NOT_FOUND", 1, true))
    assert.truthy(message("--token-from-file -"):find("does not read stdin", 1, true))
    assert.truthy(message(""):find("or set TOOL_TOKEN", 1, true))
  end)
end)

describe("bind: rules", function()
  local C = contract({
    { "format", "enum", one_of = { "csv", "json" } }, { "separator", "string" }, { "queue", "boolean" },
    { "preview", "boolean" }, { "copies", "integer", default = 9 }, { "keep", "duration", default = "7d" },
    { "no-bundle", "boolean" },
  }, { rules = {
    { when = "format", is = "csv", need = { "separator" } }, { when = "queue", bar = { "preview" } },
    { unless = "queue", set = { copies = 1 } }, { when = "keep", is = "0s", need = { "no-bundle" } },
  } })

  it("require, forbid and set", function()
    local function code(line)
      local _, _, problems = bind(C, line)
      return codes(problems)
    end
    assert.same("--separator INPUT_PARAM_MISSING", code("--format csv"))
    assert.same("", code("--format csv --separator ;"))
    assert.same("", code("--format json"))
    assert.same("", code("--format json --separator ;"))
    assert.same("--preview INPUT_PARAM_CONFLICT", code("--queue --preview"))
    assert.same("", code("--queue=false --preview"))
    assert.same("--no-bundle INPUT_PARAM_MISSING", code("--keep 0ms"))
    local v, given = bind(C, "")
    assert.same({ 1, "rule" }, { v.copies, given.copies })
    v, given = bind(C, "--queue")
    assert.same({ 9, "default" }, { v.copies, given.copies })
    v = bind(C, "--copies 3")
    assert.same(3, v.copies)
  end)

  it("are reported together with wrong types", function()
    local _, _, problems = bind(C, "--format csv --copies two --queue --preview")
    assert.same("--copies INPUT_PARAM_INVALID, --separator INPUT_PARAM_MISSING, --preview INPUT_PARAM_CONFLICT",
      codes(problems))
    assert.truthy(problems[3].message:find("--preview", 1, true) and problems[3].message:find("--queue", 1, true))
  end)
end)

describe("bind: mistakes", function()
  local C = contract { { "limit", "integer" }, { "dry-run", "boolean" }, { "name", "string", short = "n" } }

  it("suggests the nearest option, and reports the slip once", function()
    local _, _, problems = bind(C, "--limti 5")
    assert.same("--limti INPUT_PARAM_UNKNOWN", codes(problems))
    assert.same("Did you mean --limit?", problems[1].fix)
    _, _, problems = bind(C, "--dry_run")
    assert.same("Did you mean --dry-run?", problems[1].fix)
  end)

  it("refuses a scalar given twice with different values", function()
    local _, _, problems = bind(C, "--limit 5 --limit 6")
    assert.same("--limit INPUT_PARAM_CONFLICT", codes(problems))
    assert.same(5, bind(C, "--limit 5 --limit 5").limit)
  end)

  it("reports an option without its value", function()
    local _, _, problems = bind(C, "--limit --dry-run")
    assert.same("--limit INPUT_PARAM_INVALID", codes(problems))
  end)

  it("reads short options", function()
    assert.same("x", bind(C, "-n x").name)
    assert.same("x", bind(C, "-nx").name)
    assert.same("x", bind(C, "-n=x").name)
    local _, _, problems = bind(C, "-z")
    assert.same("-z INPUT_PARAM_UNKNOWN", codes(problems))
  end)

  it("sums up", function()
    local _, _, problems = bind(C, "--limit two --limti 5")
    local code, opts = args.summary(problems)
    assert.same("ARG_ERROR", code)
    assert.same("2 arguments are invalid.", opts.message)
    assert.same(problems, opts.more.errors)
    assert.truthy(opts.fix ~= "")
    code = args.summary({ { param = "--x", code = "INVALID_JSON", message = "m.", corrected_input = "{}" } })
    assert.same("INVALID_JSON", code)
  end)
end)
