--- Contracts: what is accepted, what is refused and in which words, and the normalised object.

package.path = "lua/?.lua;spec-tests/unit/lua/?.lua;" .. package.path
package.loaded.host = require "host_shim"

local contract = require "contract"

-- A contract that is in order; fields override (false removes).
local function good(fields)
  local raw = {
    about = "List things", danger = "safe", scopes = {}, returns = { list = { id = "string", name = "string?" } },
    exits = { SUCCESS = "Things are listed" }, run = function() end,
  }
  for key, value in pairs(fields or {}) do raw[key] = value end
  return raw
end

local function check(fields, origin)
  origin = origin or {}
  origin.words = origin.words or { "thing", "list" }
  origin.file = origin.file or "/home/u/x.lua"
  return contract.check(good(fields), origin)
end

local function without(key)
  local raw = good()
  raw[key] = nil
  return contract.check(raw, { words = { "thing", "list" }, file = "/x.lua" })
end

-- Asserts that some problem's message contains the text; the others are named when none does.
local function refused(text, C, problems)
  assert.is_nil(C)
  local all = {}
  for _, p in ipairs(problems) do
    assert.matches("^framework error: ", p.message)
    assert.is_string(p.rule)
    if p.message:find(text, 1, true) then return p end
    all[#all + 1] = p.message
  end
  error(("no problem says %q, but: %s"):format(text, table.concat(all, " | ")), 2)
end

local function accepted(C, problems, warnings)
  assert.is_table(C, problems and problems[1] and problems[1].message)
  return C, warnings
end

local function mutating(fields)
  fields.danger = "mutating"
  fields.preview = fields.preview or function() end
  fields.returns = fields.returns or { id = "string" }
  return fields
end

local function warns(text, C, _, warnings)
  assert.is_table(C)
  for _, w in ipairs(warnings) do
    if w:find(text, 1, true) then return end
  end
  error(("no warning says %q, but: %s"):format(text, table.concat(warnings, " | ")), 2)
end

describe("required keys", function()
  for key, text in pairs {
    about = "about declaration is required", danger = "danger_level declaration is required",
    scopes = "required_scopes declaration is required ([] if none)", returns = "returns declaration is required",
    exits = "exit_codes declaration is required", run = "run must be a function",
  } do
    it(key, function() refused(text, without(key)) end)
  end

  it("are all told at once", function()
    local C, problems = contract.check({}, { words = { "x" } })
    assert.is_nil(C)
    assert.equal(6, #problems)
  end)

  it("a file must return a table", function()
    refused("must return a table, not a string", contract.check("x", { words = { "x" } }))
  end)
end)

describe("unknown keys", function()
  it("name the nearest known one", function()
    refused('unknown key retuns; did you mean "returns"?', check { retuns = {} })
    refused('unknown key exmples; did you mean "examples"?', check { exmples = {} })
  end)
  it("know the words of other frameworks", function()
    refused('did you mean "run"?', check { execute = function() end })
  end)
  it("name is the path", function() refused("the path is the name", check { name = "x" }) end)
  it("wrong types are refused and not looked into", function()
    refused("args must be a table, not a string", check { args = "x" })
    refused("run must be a function, not a string", check { run = "x" })
  end)
  it("framework belongs to shipped commands", function()
    refused("framework is reserved for shipped commands", check { framework = true })
    accepted(check({ framework = true }, { file = "/opt/tool/commands/doctor.lua" }))
    refused("reserved", check({ framework = true }, { file = "/opt/tool/commands/../evil.lua" }))
  end)
end)

describe("exits", function()
  local function exits(map, fields)
    fields = fields or {}
    fields.exits = map
    return check(fields)
  end

  it("need SUCCESS", function()
    refused('exit_codes must include SUCCESS (key "0")', exits { NOT_FOUND = "gone" })
  end)
  it("are names, never numbers", function()
    refused("use NOT_FOUND, not literal 5", exits { SUCCESS = "ok", [5] = "gone" })
    refused("code 14 is reserved", exits { SUCCESS = "ok", [14] = "gone" })
    refused("code 79 needs a name", exits { SUCCESS = "ok", [79] = "gone" })
    refused("code 130 is reserved", exits { SUCCESS = "ok", MINE = { "x", code = 130 } })
    refused("use NOT_FOUND, not literal 5", exits { SUCCESS = "ok", MINE = { "x", code = 5 } })
  end)
  it("follow the invariants of the table", function()
    refused('retryable: true requires side_effects: "none"',
      exits { SUCCESS = "ok", TIMEOUT = { "late", retryable = true, side_effects = "partial" } })
    refused('only SUCCESS may be side_effects: "complete"',
      exits { SUCCESS = "ok", CONFLICT = { "x", side_effects = "complete" } })
    refused("never retryable", exits { SUCCESS = "ok", PARTIAL_FAILURE = { "x", retryable = true,
      side_effects = "none" } })
    refused("description must be 1 to 120 characters", exits { SUCCESS = ("x"):rep(121) })
    refused("are the same code 80", exits { SUCCESS = "ok", ONE = { "a", code = 80 }, TWO = { "b", code = 80 } })
  end)
  it("have defaults by danger", function()
    local C = accepted(exits { SUCCESS = "ok", TIMEOUT = "late" })
    assert.same({ name = "SUCCESS", description = "ok", retryable = false, side_effects = "none" }, C.exits[0])
    assert.is_true(C.exits[10].retryable)
    C = accepted(exits({ SUCCESS = "ok", TIMEOUT = "late" }, mutating {}))
    assert.equal("complete", C.exits[0].side_effects)
    assert.is_false(C.exits[10].retryable)
    assert.equal("partial", C.exits[10].side_effects)
  end)
  it("hold what the host can produce", function()
    local C = accepted(check {})
    for _, number in ipairs { 0, 1, 2, 4, 10, 130, 143 } do assert.is_table(C.exits[number], number) end
    assert.is_nil(C.exits[12])
    C = accepted(check { network = true })
    assert.equal("UNAVAILABLE", C.exits[12].name)
    assert.equal(12, C.exit_of.UNAVAILABLE)
  end)
  it("creates names 6, deletes adds 5", function()
    local C = accepted(check(mutating { creates = "thing" }))
    assert.equal("ALREADY_EXISTS", C.exits[6].name)
    assert.equal(6, C.exit_of.CONFLICT)
    C = accepted(check(mutating { deletes = "thing" }))
    assert.equal("NOT_FOUND", C.exits[5].name)
    refused("creates: CONFLICT must not be redeclared",
      check(mutating { creates = "thing", exits = { SUCCESS = "ok", CONFLICT = "x" } }))
  end)
  it("defaults are shared but never changed", function()
    accepted(check(mutating { creates = "thing" }))
    assert.equal("CONFLICT", require("exits").defaults[6].name)
  end)
end)

describe("errors", function()
  local function errors(map, fields)
    fields = fields or {}
    fields.errors = map
    return check(fields)
  end

  it("need a code, a message and an exit", function()
    refused('must match [A-Z][A-Z0-9_]+', errors { busy = { "x", exit = "CONFLICT" } })
    refused("error BUSY has no exit", errors { BUSY = { "Busy." } })
    refused("error BUSY has no message", errors { BUSY = { exit = "CONFLICT" } })
    refused("error BUSY uses exit MINE, which exits does not declare", errors { BUSY = { "x", exit = "MINE" } })
    refused("use CONFLICT, not literal 6", errors { BUSY = { "x", exit = 6 } })
  end)
  it("merge the standard exit they use", function()
    local C = accepted(errors { BUSY = { "Busy.", exit = "CONFLICT" } })
    assert.equal(6, C.errors.BUSY.exit)
    assert.is_table(C.exits[6])
  end)
  it("retry keys fit the exit", function()
    refused("after/backoff need a retryable exit", errors { BUSY = { "x", exit = "CONFLICT", after = "1s" } })
    refused("fix needs a non-retryable exit", errors { LATE = { "x", exit = "UNAVAILABLE", fix = "wait" } })
    local C = accepted(errors { SLOW = { "x", exit = "RATE_LIMITED", after = "30s", backoff = "linear" } })
    assert.equal(30000, C.errors.SLOW.after_ms)
    assert.equal("linear_backoff", C.errors.SLOW.backoff)
    C = accepted(errors { SLOW = { "x", exit = "RATE_LIMITED" } })
    assert.equal(60000, C.errors.SLOW.after_ms)
  end)
  it("correctable ones need fix, terminal ones have none", function()
    refused("recoverable error NEED needs a hint", errors { NEED = { "x", exit = "PRECONDITION" } })
    refused("is terminal and takes no fix", errors { NO = { "x", exit = "PERMISSION_DENIED", fix = "y" } })
  end)
  it("framework codes bring their own fix", function()
    local C = accepted(errors { UNAUTHENTICATED = { "Who are you?", exit = "AUTH_REQUIRED" } })
    assert.is_string(C.errors.UNAUTHENTICATED.fix)
  end)
  it("fix_command is static and safe to run", function()
    refused("fix_command contains a placeholder; use fix_required prose instead",
      errors { NEED = { "x", exit = "PRECONDITION", fix = "y", run = "tool login <name>" } } )
    refused("fix_command contains a placeholder",
      errors { AB = { "x", exit = "PRECONDITION", fix = "y", run = "tool login $HOME" } })
    refused("contains a shell operator",
      errors { AB = { "x", exit = "PRECONDITION", fix = "y", run = "tool a | tool b" } })
    refused("fix_command needs fix_required", errors { AB = { "x", exit = "CONFLICT", run = "tool a" } })
  end)
end)

describe("parameters", function()
  local function args(...)
    return check { args = { ... } }
  end

  it("need a type, a description and a known type", function()
    refused("parameter x has no type", args { "x" })
    refused("parameter x has no description", args { "x", "string" })
    refused('unknown type "strng"; did you mean "string"?', args { "x", "strng", "X" })
    refused("enum needs one_of", args { "x", "enum", "X" })
    refused('unknown option requird; did you mean "required"?', args { "x", "string", "X", requird = true })
  end)
  it("required excludes default", function()
    refused("required parameter x must not have a default", args { "x", "string", "X", required = true, default = "y" })
  end)
  it("defaults fit their types", function()
    refused("default does not fit type integer", args { "x", "integer", "X", default = "1" })
    refused("default does not fit type duration", args { "x", "duration", "X", default = "soon" })
    refused('default "c" is not in one_of', args { "x", "enum", "X", one_of = { "a", "b" }, default = "c" })
    accepted(args({ "x", "duration", "X", default = "5m" }, { "y", "size", "Y", default = "1MB" }))
  end)
  it("secrets are not passed as values", function()
    refused("'token' matches secret field pattern; use --token-from-env instead", args { "token", "string", "T" })
    refused("'api-key' matches secret field pattern", args { "api-key", "path", "T" })
    warns("declared public", args { "sort-key", "string", "T", public = true, match = "id" })
    local C = accepted(args({ "token", "secret", "T" }, { "key-bits", "integer", "B" }))
    assert.equal("token", C.by_name["token-from-env"].secret_for)
    assert.equal("token", C.by_name["token-from-file"].secret_for)
    assert.equal("TOOL_TOKEN", C.by_name.token.env)
    assert.equal("TOOL_TOKEN_FILE", C.by_name.token.env_file)
  end)
  it("names of the framework are taken", function()
    refused("--yes is registered by the framework", args { "yes", "boolean", "Y" })
    refused("--idempotency-key is registered by the framework", args { "idempotency-key", "string", "Y",
      public = true })
    refused("--output is registered by the framework", args { "output", "path", "Y" })
    refused("--limit is registered by the framework", check { page = 5, args = { { "limit", "integer", "L" } } })
    accepted(args { "limit", "integer", "L" })
  end)
  it("patterns are anchored and compile", function()
    refused("pattern must be anchored", args { "x", "string", "X", match = "[a-z]+" })
    refused("pattern must be anchored", args { "x", "string", "X", match = "^[a-z]+" })
    refused("pattern does not compile", args { "x", "string", "X", match = "^\\d+$" })
    refused("pattern does not compile: unbalanced", check({ args = { { "x", "string", "X", match = "^(a$" } } },
      { full = true }))
    refused('unknown match "uuidd"; did you mean "uuid"?', args { "x", "string", "X", match = "uuidd" })
    warns('resource id "item-id" has no pattern', args { "item-id", "string", "X" })
  end)
  it("positions have no gaps", function()
    refused("no parameter has position 1", args { "x", "string", "X", at = 2 })
    refused("have the same position 1", args({ "x", "string", "X", at = 1 }, { "y", "string", "Y", at = 1 }))
    refused("required parameter y stands after optional x",
      args({ "x", "string", "X", at = 1 }, { "y", "string", "Y", at = 2, required = true }))
  end)
  it("rest needs strict placement", function()
    refused('rest parameter requires placement = "strict"', args { "more", "list", "M", rest = true })
    accepted(check { placement = "strict", args = { { "more", "list", "M", rest = true } } })
  end)
  it("environment variables carry a prefix", function()
    warns("has none of the prefixes TOOL_ or THING_", args { "x", "integer", "X", env = "OTHER_X" })
    local _, warnings = accepted(args { "x", "integer", "X", env = "THING_X" })
    assert.equal(0, #warnings)
  end)
  it("bounds become numbers", function()
    local C = accepted(args { "wait", "duration", "W", min = "1s", max = "2m" })
    assert.equal(1, C.by_name.wait.min)
    assert.equal(120, C.by_name.wait.max)
  end)
end)

describe("rules", function()
  local ARGS = {
    { "mode", "enum", "M", one_of = { "a", "b" } }, { "tray", "string", "T" }, { "sure", "boolean", "S",
      required = true },
  }
  local function rule(r) return check { args = ARGS, rules = { r } } end

  it("name known parameters", function()
    refused('rule names unknown parameter "trya"; did you mean "tray"?', rule { when = "mode", need = { "trya" } })
    refused('rule names unknown parameter "x"', rule { when = "x", need = { "tray" } })
  end)
  it("are complete", function()
    refused("rule has no need, bar or set", rule { when = "mode" })
    refused("either when or unless", rule { need = { "tray" } })
    refused('is = "c" is not in one_of of "mode"', rule { when = "mode", is = "c", need = { "tray" } })
    refused("rule has unknown key neeed", rule { when = "mode", neeed = { "tray" } })
  end)
  it("do not contradict each other", function()
    refused("need conflicts with bar for the same condition",
      check { args = ARGS, rules = { { when = "mode", need = { "tray" } }, { when = "mode", bar = { "tray" } } } })
    warns("always required", rule { when = "mode", need = { "sure" } })
  end)
end)

describe("touches", function()
  local CASES = {
    { "destructive command must implement preview (--dry-run)", { danger = "destructive",
      returns = { id = "string" } } },
    { "danger must be safe, mutating or destructive", { danger = "risky" } },
    { "runs.from names unknown parameter \"file\"", { runs = { "lp", from = { "file" } } } },
    { '"sh -c" in fixed is prohibited', { runs = { "sh", fixed = { "-c", "x" } } } },
    { "runs names more than one program", { runs = { "a", "b" } } },
    { 'unknown side-effect type "chache"; did you mean "cache"?', { writes = { { "chache", "/var/x/y" } } } },
    { "path must be absolute or start with ~", { writes = { { "cache", "x/y" } } } },
    { "must not contain ..", { writes = { { "cache", "/a/../b" } } } },
    { "path too broad: /", { writes = { { "temp", "/" } } } },
    { "gui_operations requires headless_behavior declaration", { gui = { "browser_open" } } },
    { "headless must be emit_in_output, skip or error", { gui = { "browser_open", headless = "no" } } },
    { "requires_editor: true requires at least one non_interactive_alternative", { editor = {} } },
    { 'alternative "body" is not a parameter', { editor = { "body" } } },
    { 'alternative "body" must be optional',
      { editor = { "body" }, args = { { "body", "string", "B", required = true } } } },
    { "auth requires headless (true or false)", { auth = {} } },
    { "headless_supported: false requires token_env_vars", { auth = { headless = false } } },
    { "background requires stop and lifetime", { background = {}, runs = "x" } },
    { "background needs runs", { background = { stop = "watch stop", lifetime = "1h" } } },
    { "poll and timeout are required", { job = {} } },
    { 'job schema lacks "job_id"', { job = { poll = "1s", timeout = "1m", schema = { properties = {} } } } },
    { "batch must name a declared array parameter", { batch = "files" } },
    { "steps must be unique, non-empty names", { steps = { "a", "a" } } },
    { "resumable needs steps", { resumable = true } },
    { 'platform "linus" unknown; did you mean "linux"?', { platform = { "linus" } } },
    { 'needs.git: "new" is not a version', { needs = { git = "new" } } },
    { 'config must be "local", "global" or "session"', { config = "here" } },
    { "network.timeout must be a duration above 0", { network = { timeout = "0" } } },
    { "timeout must be above 0", { timeout = "0" } },
    { "page needs returns = { list", { page = 5, returns = { a = "string" } } },
    { 'table names unknown field "nam"; did you mean "name"?', { table = { "nam" } } },
    { "data is never a bare string", { returns = "string" } },
    { "is no type", { returns = { a = "text" } } },
    { "returns is not a valid JSON Schema", { returns = { schema = { type = "text" } } } },
    { "returns must not declare effect; the host adds it",
      { danger = "mutating", preview = print, returns = { effect = "string" } } },
    { "safe_default needs danger", { safe_default = true } },
    { "creates needs danger", { creates = "x" } },
    { "placement must be any or strict", { placement = "free" } },
    { "external must be true, false or a list", { external = "yes" } },
    { "retry.max must be", { retry = { max = -1 } } },
    { "max_output must be a size", { max_output = "lots" } },
    { 'alias "Ls" must be words', { aliases = { "Ls" } } },
  }
  for _, case in ipairs(CASES) do
    it(case[1], function() refused(case[1], check(case[2])) end)
  end

  it("warnings are no refusals", function()
    warns("mutating command without preview", check { danger = "mutating", returns = { id = "string" } })
    warns("scope \"repo:admin\" is broad", check { scopes = { "repo:admin" } })
    warns("config writer without config_write_scope; defaulting to local", check(mutating { config = true }))
    warns("looks volatile", check({ returns = { fetched_at = "datetime" } }, { full = true }))
  end)

  it("are normalised", function()
    local C = accepted(check(mutating {
      network = { timeout = "2m", connect = "3s" }, runs = { "git", fixed = { "a" }, reads = true },
      writes = { { "cache", "~/.cache/x/", ttl = "1d" } }, reads = { "~/.x" }, config = "global",
      background = { stop = "watch stop", lifetime = "1h" }, needs = { git = ">=2.30", lp = { min = "1", fix = "f" } },
      retry = { max = 2, delay = "1s" }, max_output = "2MB", args = { { "ids", "list", "I" } }, batch = "ids",
      steps = { "one" }, resumable = true, undo = function() end, payload = true, walk = true, asks = true,
    }))
    assert.equal(120000, C.timeout_ms)
    assert.equal(3000, C.network.connect_ms)
    assert.same({ binary = "git", fixed = { "a" }, from = {}, reads = true }, C.runs)
    assert.same({ { type = "cache", path = "~/.cache/x/", ttl_seconds = 86400 } }, C.writes)
    assert.equal(3600, C.background.lifetime_seconds)
    assert.equal("2.30", C.needs.git.min)
    assert.same({ max = 2, delay_ms = 1000 }, C.retry)
    assert.equal(2000000, C.max_output)
    assert.is_true(C.external)
    local names = {}
    for _, p in ipairs(C.flags) do names[p.name] = true end
    for _, name in ipairs { "dry-run", "idempotency-key", "yes", "non-interactive", "resume-from",
      "rollback-on-failure",
      "connect-timeout", "proxy", "no-proxy", "no-cache", "cache-ttl", "raw-payload", "max-depth", "no-follow-symlinks",
      "global" } do
      assert.is_true(names[name], name)
    end
    assert.is_nil(C.by_name.yes)
    assert.is_table(C.by_name["resume-from"])
  end)

  it("external follows from the doors and can be overruled", function()
    assert.is_false(accepted(check {}).external)
    assert.is_true(accepted(check { runs = "x" }).external)
    assert.is_true(accepted(check { args = { { "f", "path", "F", access = "read" } } }).external)
    assert.is_false(accepted(check { network = true, external = false }).external)
    assert.same({ "body" }, accepted(check { network = true, external = { "body" } }).external)
  end)

  it("timeouts", function()
    assert.equal(30000, accepted(check {}).timeout_ms)
    assert.equal(300000, accepted(check { timeout = "5m" }).timeout_ms)
    assert.equal(0, accepted(check { timeout = "0", stream = "default" }).timeout_ms)
    assert.equal(0, accepted(check { serves = true }).timeout_ms)
  end)
end)

describe("suites", function()
  local function suite(fields)
    local raw = {
      about = "A service", persona = "thing-cli",
      args = { { "api-url", "url", "Base", env = "THING_API_URL" }, { "password", "secret", "P",
        env = "THING_PASSWORD" } },
      service = { url = "api-url", token = "password", errors = { [401] = "UNAUTHENTICATED", [404] = "GONE" } },
      exits = { RATE_LIMITED = "Slow down", MINE = { "Mine", code = 90 } },
      errors = { GONE = { "Gone.", exit = "NOT_FOUND" } },
    }
    for key, value in pairs(fields or {}) do raw[key] = value end
    return contract.suite(raw, { words = { "thing" }, file = "/s/suite.lua", dir = "/s" })
  end

  it("merge into commands, which may override", function()
    local S = accepted(suite())
    local C = accepted(check({ network = true, args = { { "api-url", "url", "Other" } },
      exits = { SUCCESS = "ok", RATE_LIMITED = "Own words" } }, { suite = S }))
    assert.equal("Other", C.by_name["api-url"].about)
    assert.equal("Own words", C.exits[11].description)
    assert.equal("MINE", C.exits[90].name)
    assert.equal(5, C.errors.GONE.exit)
    for _, code in ipairs { "SERVICE_REJECTED", "UNAVAILABLE", "SERVICE_ERROR", "UNAUTHENTICATED", "PERMISSION_DENIED",
      "NOT_FOUND", "CONFLICT", "RATE_LIMITED" } do
      assert.is_table(C.errors[code], code)
      assert.is_table(C.exits[C.errors[code].exit], code)
    end
    assert.equal("password", C.params[2].name)
    assert.equal(S, C.suite)
  end)
  it("are refused like commands", function()
    refused('service.url names unknown parameter "uri"', suite { service = { url = "uri" } })
    refused('service.token names no secret parameter "api-url"',
      suite { service = { url = "api-url", token = "api-url" } })
    refused("service.errors uses OTHER, which errors does not declare",
      suite { service = { url = "api-url", errors = { [404] = "OTHER" } } })
    refused('unknown key persna; did you mean "persona"?', suite { persna = "x" })
    refused("use NOT_FOUND, not literal 5", suite { exits = { [5] = "x" } })
    refused('unknown key pth; did you mean "path"?', suite { service = { url = "api-url", probe = { pth = "/" } } })
    refused("is no HTTP status", suite { service = { url = "api-url", errors = { [40] = "NOT_FOUND" } } })
  end)
end)

describe("dialects", function()
  local function with(dialect)
    return contract.suite({ about = "A service", persona = "thing-cli", dialect = dialect,
      args = { { "key", "secret", "The key" } } }, { words = { "thing" }, file = "/s/suite.lua", dir = "/s" })
  end
  local function answer() return {} end

  it("have flags of their own, for the program alone or for both", function()
    local S = accepted(with { answer = answer, spoken = print, flags = { { "robot", "boolean", "JSON", everywhere = true },
      { "mood", "string", "How", short = "m" }, { "verbose", "boolean", "More", short = "v" } } })
    local C = accepted(check({}, { suite = S }))
    assert.truthy(C.by_name.robot and not C.by_name.mood and not C.by_name.verbose)
    assert.is_true(S.flags[3].host)
  end)
  it("are refused where they cannot be spoken", function()
    refused("dialect must be a table", with "x")
    refused('unknown key anser; did you mean "answer"?', with { anser = answer })
    refused("dialect.row needs dialect.answer", with { row = answer })
    refused("dialect.exits maps exit codes from 0 to 255", with { exits = { [5] = 300 } })
    refused("dialect.commands: the rules of a b must be a table", with { commands = { ["a b"] = true } })
    refused("unknown key exit", with { commands = { ["a b"] = { exit = 1 } } })
    refused("dialect.spoken needs a flag with everywhere = true", with { spoken = print, flags = { { "a", "boolean", "A" } } })
    refused("parameter a: unknown option everywher", with { flags = { { "a", "boolean", "A", everywher = true } } })
    refused("--output is registered by the framework", with { flags = { { "output", "string", "O" } } })
  end)
  it("have options that no other parameter has", function()
    refused("unknown option plain", check { args = { { "a", "secret", "A", plain = true } } })
  end)
end)

describe("groups and plugins", function()
  it("a group has about and aliases", function()
    local G = accepted(contract.group({ about = "Runs" }, { words = { "a", "runs" } }))
    assert.is_true(G.group)
    assert.equal("a.runs", G.path)
    accepted(contract.group(nil, { words = { "a" } }))
    refused("unknown key abuot", contract.group({ abuot = "x" }, { words = { "a" } }))
  end)

  local function plugin(fields)
    local raw = { name = "fx", version = "1.0.0", about = "F", api = 1, needs = { tool = ">=0.3" } }
    for key, value in pairs(fields or {}) do raw[key] = value end
    return contract.plugin(raw, { words = { "fx" }, file = "/p/fx/plugin.lua" })
  end
  it("a plugin names itself, its version and its level", function()
    accepted(plugin())
    refused("is not the folder's name", plugin { name = "other" })
    refused("must match ^[a-z]", plugin { name = "F" })
    refused("api 2 is not served; this is api 1", plugin { api = 2 })
    refused("needs tool >=9.0, this is 0.4.0", plugin { needs = { tool = ">=9.0" } })
    refused("needs has unknown key git", plugin { needs = { git = ">=1" } })
    refused("hooks has unknown key begin", plugin { hooks = { begin = print } })
    refused("unknown key verion", plugin { verion = "1" })
    refused("version declaration is required", contract.plugin({ name = "fx", about = "F", api = 1 },
      { words = { "fx" } }))
  end)
  it("versions compare by number", function()
    assert.is_true(contract.at_least("1.10", "1.9"))
    assert.is_false(contract.at_least("1.9", "1.10"))
    assert.is_true(contract.at_least("1.2", "1.2.0"))
    assert.is_false(contract.at_least("1.2", "1.2.1"))
  end)
end)

describe("lint", function()
  local function lint(source, fields)
    local C = accepted(check(fields or {}))
    return contract.lint(source, C)
  end
  local function found(text, source, fields)
    local problems = lint(source, fields)
    for _, p in ipairs(problems) do
      if p.message:find(text, 1, true) then return p end
    end
    error("not found: " .. text, 2)
  end

  it("finds doors that are not declared, with their line", function()
    local p = found("ctx.http used but network is not declared",
      "return {\n  run = function(a, ctx)\n ctx.http.get('x') end }")
    assert.equal(3, p.line)
    assert.equal(0, #lint("ctx.http.get('x')", { network = true }))
    found("ctx.confirm used but asks is not declared", "ctx.confirm 'x'")
    found("ctx.exec used but runs is not declared", "ctx.exec {}")
    found("ctx.files used but reads is not declared", "ctx.files.read(p)")
    assert.equal(0, #lint("ctx.files.read(p)", { args = { { "p", "path", "P", access = "read" } } }))
  end)
  it("ignores comments, strings and fields", function()
    assert.equal(0,
      #lint("-- ctx.http os.execute\n--[[ io.popen ]] local s = 'os.execute' .. [[chdir]] .. \"ctx.exec\""))
    assert.equal(0, #lint("local a = data.package.name, x.io.y"))
  end)
  it("finds what no command may call", function()
    found("os.execute/io.popen is not available; declare runs and use ctx.exec", "os.execute('x')")
    found("os.execute/io.popen is not available", "local p = io.popen('x')")
    found("chdir is not permitted", "lfs.x() chdir('/')")
    found("SHELL_STRING_PROHIBITED", "ctx.exec('git status')", { runs = "git" })
    found("use NOT_FOUND, not literal 5", "ctx.fail(5, {})")
    found("validate must not use ctx", "return { validate = function(args, ctx) end }")
    found("validate must not use ctx", "return { validate = function(args) if x then ctx.y() end end }")
    assert.equal(0, #lint("return { validate = function(args) if x then y() end end, run = function(a, ctx) end }"))
  end)
  it("finds errors and steps that are not declared", function()
    found('error "GONE" is not declared', "ctx.fail('GONE')")
    assert.equal(0, #lint("ctx.fail('NOT_FOUND') ctx.fail(err)"))
    found('step "two" is not declared', "ctx.step('two', f)", { steps = { "one" } })
  end)
  it("says where a key is declared", function()
    local outline = require "kit.outline"
    local function place(source, key, within)
      return table.concat({ outline.place(outline.of(source), key, within) }, ":")
    end
    assert.equal("3:2", place("return {\n -- exits = 1\n exits = {} }", "exits"))
    assert.equal("1:8", place("return {}", "exits"))
    assert.equal("2:12", place("return {\n exits = { [5] = 'x' } }", "exits", 5))
    assert.equal("3:3", place("local T = {\n args = { { 'a' },\n  { 'b', f(1, 2), function() return {} end } } }\nreturn T",
      "args", 2))
    assert.equal("2:23", place("return { run = function() if x then return { a = 1 } end end,\n"
      .. " returns = { list = { name = 'x', id = {} } } }", "returns", "[].name"))
    assert.equal("", place("return make()", "exits"))
  end)
end)

describe("cross", function()
  local function command(words, fields)
    return (accepted(check(fields, { words = words, file = "/" .. table.concat(words, "/") .. ".lua" })))
  end
  local function failing(line)
    return command({ "a" }, { errors = { NEED = { "x", exit = "PRECONDITION", fix = "y", run = line } } })
  end
  local function only(all)
    local problems = contract.cross(all, { companions = { gh = true } })
    return problems[1] and problems[1].message or ""
  end

  it("fix_command names a safe or idempotent command that parses", function()
    local login = command({ "login" }, mutating {})
    local renew = command({ "renew" }, mutating { idempotent = true, args = { { "name", "string", "N",
      required = true } } })
    local purge = command({ "purge" }, mutating {})
    purge.danger = "destructive"
    assert.matches("is not a registered command or companion", only { failing "tool nothing" })
    assert.matches("is not a registered command or companion", only { failing "other login" })
    assert.equal("", only { failing "gh auth login" })
    assert.matches("targets a mutating command not marked idempotent", only { failing "tool login", login })
    assert.matches("targets a destructive command %(REQ%-C%-002%)", only { failing "tool purge", purge })
    assert.matches("does not parse: %-%-name is required", only { failing "tool renew", renew })
    assert.matches("does not parse: there is no option %-%-nam", only { failing "tool renew --nam x", renew })
    assert.equal("", only { failing "tool renew --name x --output json", renew })
  end)
  it("background.stop and stops name commands", function()
    local start = command({ "watch", "start" }, { runs = "x", background = { stop = "watch stop", lifetime = "1h" } })
    assert.matches('cleanup_command "watch stop" is not a registered command', only { start })
    assert.equal("", only { start, command({ "watch", "stop" }, { stops = "start" }) })
    assert.matches('"begin" is not a registered command', only { command({ "watch", "stop" }, { stops = "begin" }) })
  end)
  it("aliases are free", function()
    local list = command({ "a", "list" }, { aliases = { "a ls" } })
    assert.equal("", only { list })
    assert.matches('alias "a ls" is the name of a command', only { list, command { "a", "ls" } })
    assert.matches('alias "a ls" is also claimed by a list', only { list, command({ "a", "show" },
      { aliases = { "a ls" } }) })
  end)
end)

describe("reference", function()
  it("describes exactly the keys that the check knows", function()
    assert.same({}, require("kit.reference").drift())
  end)
end)
